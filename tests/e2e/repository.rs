//! Git repositories that Argo CD reads.

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

    /// From now on, only these users with their passwords may read it over HTTPS.
    pub fn set_accounts(&self, accounts: &[(&str, &str)]) {
        let line = |(user, password): &(&str, &str)| format!("{user}:{password}\n");
        let lines: String = accounts.iter().map(line).collect();
        // Replaced at once: a request that comes meanwhile sees the old accounts or the new ones.
        let next = self.bare.join("accounts.next");
        std::fs::write(&next, lines).unwrap();
        std::fs::rename(next, self.bare.join("accounts")).unwrap();
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

/// Where private repositories are.
pub struct PrivateGit {
    folder: PathBuf,
    https_url: String,
    ssh_url: String,
    authorized_keys: PathBuf,
}

impl PrivateGit {
    /// What the environment names, if it does.
    pub fn from_environment() -> Option<Self> {
        let variable = |name: &str| std::env::var(format!("E2E_PRIVATE_GIT_{name}")).ok();
        Some(Self {
            folder: PathBuf::from(variable("FOLDER")?),
            https_url: variable("URL")?,
            ssh_url: variable("SSH_URL")?,
            authorized_keys: PathBuf::from(variable("AUTHORIZED_KEYS")?),
        })
    }

    /// Creates an empty repository that is served over HTTPS to its accounts.
    pub fn over_https(&self, name: &str) -> Repository {
        Repository::create(&self.folder, &self.https_url, name)
    }

    /// Creates an empty repository that is served over SSH to the keys that may log in.
    pub fn over_ssh(&self, name: &str) -> Repository {
        Repository::create(&self.folder, &self.ssh_url, name)
    }

    /// From now on, only these public keys may log in over SSH.
    pub fn let_in(&self, keys: &[&str]) {
        std::fs::write(&self.authorized_keys, keys.concat()).unwrap();
    }
}

/// A key pair as `ssh-keygen` makes it.
pub struct KeyPair {
    pub private: String,
    pub public: String,
}

impl KeyPair {
    /// A new one of this type.
    pub fn generate(type_: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", type_, "-N", "", "-f"]).arg(&file);
        assert!(command.status().unwrap().success(), "ssh-keygen failed");
        let read = |file: PathBuf| std::fs::read_to_string(file).unwrap();
        Self { private: read(file.clone()), public: read(file.with_extension("pub")) }
    }
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
