//! The image: what is in it, and that the program runs in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The static binary, if there is one, and containers can run here. The one that cargo has built for
/// this test is not static.
pub fn program() -> Option<PathBuf> {
    let Some(program) = std::env::var_os("E2E_STATIC_PROGRAM").map(PathBuf::from) else {
        println!("skipping the image: E2E_STATIC_PROGRAM is not set");
        return None;
    };
    // In some containers nobody may make another one.
    let probe =
        ["--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"];
    let output = Command::new("bwrap").args(probe).output().expect("bubblewrap is installed");
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        println!("skipping the image: no container can run here: {errors}");
        return None;
    }
    Some(program)
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes the root file system of the image of a program.
pub fn assemble_root(program: &Path, folder: &Path) {
    let mut command = Command::new(crate::manifests::deploy("image"));
    succeed(command.arg("root").arg(program).arg(folder));
}

fn root() -> Option<TempDir> {
    let program = program()?;
    let folder = tempfile::tempdir().unwrap();
    assemble_root(&program, folder.path());
    Some(folder)
}

/// All files below a folder, relative to it.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap();
            all.extend(files(&path).into_iter().map(|file| Path::new(name).join(file)));
        } else {
            all.insert(PathBuf::from(path.file_name().unwrap()));
        }
    }
    all
}

#[test]
fn the_image_holds_the_program_certificates_and_a_user_and_nothing_else() {
    let Some(root) = root() else { return };
    let wanted = ["etc/passwd", "etc/ssl/certs/ca-certificates.crt", "managed-gitops"];
    assert_eq!(files(root.path()), wanted.map(PathBuf::from).into());
}

/// Runs a command in the image, as a user without rights who cannot write anywhere.
fn in_image(root: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("bwrap");
    command.env_clear();
    command.args(["--unshare-user", "--uid", "65532", "--gid", "65532", "--cap-drop", "ALL"]);
    command.arg("--ro-bind").arg(root).args(["/", "--", "/managed-gitops"]).args(arguments);
    succeed(&mut command)
}

#[test]
fn the_program_runs_where_there_is_nothing_else() {
    let Some(root) = root() else { return };
    let printed = in_image(root.path(), &["crds"]);
    assert_eq!(printed, crate::process::succeeds(&["crds"]));
}
