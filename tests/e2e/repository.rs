//! A git repository that Argo CD reads.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

/// A repository: a local work tree, and the bare repository that is served.
pub struct Repository {
    work: TempDir,
    bare: PathBuf,
    /// The URL at which Argo CD reads it.
    pub url: String,
}

impl Repository {
    /// Creates an empty one in a folder that is served at a URL.
    pub fn create(folder: &Path, url: &str, name: &str) -> Self {
        let bare = folder.join(format!("{name}.git"));
        let work = tempfile::tempdir().unwrap();
        git(Path::new("/"), &["init", "-q", "--bare", "-b", "main", &bare.display().to_string()]);
        git(work.path(), &["init", "-q", "-b", "main"]);
        let url = format!("{url}/{name}.git");
        Self { work, bare, url }
    }

    /// Writes files and commits them; returns the commit hash.
    pub fn commit(&self, files: &[(&str, String)]) -> String {
        for (path, text) in files {
            let path = self.work.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(self.work.path(), &["add", "-A"]);
        let author = ["-c", "user.name=e2e", "-c", "user.email=e2e@example.com"];
        git(self.work.path(), &[&author[..], &["commit", "-q", "-m", "a change"]].concat());
        git(self.work.path(), &["push", "-q", &self.bare.display().to_string(), "main"]);
        git(self.work.path(), &["rev-parse", "HEAD"]).trim().to_owned()
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.bare);
    }
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(directory).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?} failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A ConfigMap that holds one word.
pub fn config_map(name: &str, word: &str) -> String {
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"word": word},
    });
    object.to_string()
}

/// A Deployment of two pods.
pub fn workload(name: &str) -> String {
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "registry.k8s.io/pause:3.10"}]},
            },
        },
    });
    object.to_string()
}

/// How a Job ends on a testbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It succeeds.
    Success,
    /// It fails.
    Failure,
    /// It runs until it is deleted.
    Never,
}

impl JobEnd {
    /// The annotation of the Job's pods by which a testbed knows.
    fn annotation(self) -> &'static str {
        match self {
            Self::Success => "succeeds",
            Self::Failure => "fails",
            Self::Never => "never-ends",
        }
    }
}

/// A Job that runs before each sync.
pub fn hook(name: &str, end: JobEnd) -> String {
    let object = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"annotations": {"testbed/job": end.annotation()}},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "hook", "image": "registry.k8s.io/pause:3.10"}],
                },
            },
        },
    });
    object.to_string()
}
