//! The image: what is in it, and that the program runs in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use git_stand_in::HttpsServer;
use git_stand_in::https::Answer;
use git_stand_in::identity::identity;
use serde_json::json;
use tempfile::TempDir;

use crate::name_server::NameServer;
use crate::process::sentence;

/// The static binary, if there is one. The one that cargo has built for this test is not static.
pub fn static_program() -> Option<PathBuf> {
    let program = std::env::var_os("E2E_STATIC_PROGRAM").map(PathBuf::from);
    if program.is_none() {
        println!("skipping the image: E2E_STATIC_PROGRAM is not set");
    }
    program
}

/// The same, if containers can run here.
pub fn program() -> Option<PathBuf> {
    let program = static_program()?;
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

pub fn succeed(command: &mut Command) -> String {
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

/// A command in the image, as a user without rights who cannot write anywhere. There is a `/dev`, as in
/// every container.
fn in_image(root: &Path, arguments: &[&str]) -> Command {
    std::fs::create_dir_all(root.join("dev")).unwrap();
    let mut command = Command::new("bwrap");
    command.env_clear();
    command.args(["--unshare-user", "--uid", "65532", "--gid", "65532", "--cap-drop", "ALL"]);
    command.arg("--ro-bind").arg(root).args(["/", "--dev", "/dev", "--", "/managed-gitops"]);
    command.args(arguments);
    command
}

#[test]
fn the_program_runs_where_there_is_nothing_else() {
    let Some(root) = root() else { return };
    let printed = succeed(&mut in_image(root.path(), &["crds"]));
    assert_eq!(printed, crate::process::succeeds(&["crds"]));
}

/// The name of a server that only a name server of this test knows.
const SERVER: &str = "api.cluster.example";

/// Lets the program in the image connect to a server by its name. Returns its last words.
fn connect(root: &Path, server: &HttpsServer) -> String {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": {
            "server": format!("https://{SERVER}:{}", server.address().port()),
        }}],
        "users": [{"name": "it", "user": {"token": "none"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    });
    std::fs::write(root.join("kubeconfig"), kubeconfig.to_string()).unwrap();
    let output = in_image(root, &["load", "--kubeconfig", "/kubeconfig"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "it is no API server");
    sentence(&String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_program_resolves_names_and_checks_certificates_in_the_image() {
    let Some(root) = root() else { return };
    let names = match NameServer::start(&[SERVER]) {
        Ok(names) => names,
        Err(error) => return println!("skipping: nobody here may be a name server: {error}"),
    };
    let configuration = format!("nameserver {}\n", names.address());
    std::fs::write(root.path().join("etc/resolv.conf"), configuration).unwrap();
    let identity = identity(&[SERVER], |_| {});
    let authority = identity.authority.clone();
    let not_found = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let server = HttpsServer::scripted(identity, Answer::Bytes(not_found.into()));

    let said = connect(root.path(), &server);
    assert!(said.contains("certificate"), "of an unknown authority: {said}");
    assert!(server.heads().is_empty(), "it tells such a server nothing");
    assert!(names.asked().contains(&SERVER.to_owned()), "{:?}", names.asked());

    std::fs::write(root.path().join("etc/ssl/certs/ca-certificates.crt"), authority).unwrap();
    let said = connect(root.path(), &server);
    assert!(!server.heads().is_empty(), "of an authority in the image: {said}");
}
