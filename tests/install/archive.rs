//! The image as an archive, which the last stage of the Containerfile makes without a registry.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::image::{static_program, succeed};
use crate::manifests::deploy;

/// Whether images can be built here.
fn can_build() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("buildah");
    command.arg("--root").arg(folder.path().join("storage"));
    command.arg("--runroot").arg(folder.path().join("run"));
    let output = command.args(["--storage-driver", "vfs", "from", "scratch"]).output();
    let reason = match output {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    println!("skipping the archive: buildah does not run here: {reason}");
    false
}

/// An archive's content.
struct Archive(TempDir);

impl Archive {
    fn open(archive: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        succeed(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(folder.path()));
        Self(folder)
    }

    fn json(&self, path: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn blob(&self, descriptor: &Value) -> PathBuf {
        let (algorithm, digest) = descriptor["digest"].as_str().unwrap().split_once(':').unwrap();
        self.0.path().join("blobs").join(algorithm).join(digest)
    }

    fn index(&self) -> Value {
        self.json(&self.0.path().join("index.json"))
    }

    fn manifest(&self) -> Value {
        self.json(&self.blob(&self.index()["manifests"][0]))
    }

    /// The whole configuration.
    fn config(&self) -> Value {
        self.json(&self.blob(&self.manifest()["config"]))
    }

    /// Mode, owner and name of all that is in its layers.
    fn entries(&self) -> Vec<String> {
        let manifest = self.manifest();
        let layers = manifest["layers"].as_array().unwrap().iter();
        let list = |layer| {
            let mut tar = Command::new("tar");
            succeed(tar.args(["--numeric-owner", "-tvf"]).arg(self.blob(layer)))
        };
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let entry = |line: &str| [0, 1, 5].map(|word| words(line)[word].clone()).join(" ");
        layers.flat_map(|layer| list(layer).lines().map(entry).collect::<Vec<_>>()).collect()
    }
}

/// What git says of a commit.
fn git(commit: &str, format: &str) -> String {
    let mut git = Command::new("git");
    git.current_dir(env!("CARGO_MANIFEST_DIR")).env("TZ", "UTC");
    git.args(["log", "-1", &format!("--format={format}"), "--date=format-local:%FT%TZ", commit]);
    succeed(&mut git).trim().to_owned()
}

#[test]
fn the_archive_holds_the_image_and_says_where_it_comes_from() {
    let Some(program) = static_program() else { return };
    if !can_build() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    succeed(Command::new(deploy("image")).arg("archive").args([&program, &file]));
    let archive = Archive::open(&file);
    let config = archive.config();
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], json!(["/managed-gitops"]));
    assert_eq!(config["config"]["Cmd"], json!(["help"]));
    check_labels(&config, &program);
    let wanted = [
        "drwxr-xr-x 0/0 etc/",
        "-rw-r--r-- 0/0 etc/passwd",
        "drwxr-xr-x 0/0 etc/ssl/",
        "drwxr-xr-x 0/0 etc/ssl/certs/",
        "-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt",
        "-rwxr-xr-x 0/0 managed-gitops",
    ];
    assert_eq!(archive.entries(), wanted);
}

fn check_labels(config: &Value, program: &Path) {
    let printed = succeed(Command::new(program).args(["version", "--output", "json"]));
    let version: Value = serde_json::from_str(&printed).unwrap();
    let commit = version["commit"].as_str().unwrap();
    let hash = commit.trim_end_matches("-dirty");
    assert_eq!(git(hash, "%H"), hash, "the binary names its commit: {printed}");
    let label = |name: &str| {
        let label = &config["config"]["Labels"][format!("org.opencontainers.image.{name}")];
        label.as_str().unwrap_or_else(|| panic!("{name} is missing")).to_owned()
    };
    assert_eq!(label("revision"), commit);
    assert_eq!(label("created"), git(hash, "%cd"));
    assert_eq!(config["created"], label("created"));
    assert_eq!(label("version"), version["version"].as_str().unwrap());
    assert_eq!(label("source"), env!("CARGO_PKG_REPOSITORY"));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(label("title"), env!("CARGO_PKG_NAME"));
}
