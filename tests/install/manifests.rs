//! The chart and the kustomizations, without a cluster.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file of the folder `deploy`.
pub fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

/// The `helm` of the testbed, if there is one.
pub fn helm() -> Option<PathBuf> {
    std::env::var_os("E2E_HELM").map(PathBuf::from)
}

/// Renders the chart with some values.
fn render(helm: &Path, values: &[&str]) -> Output {
    let mut command = Command::new(helm);
    command.args(["template", "managed-gitops"]).arg(deploy("helm/managed-gitops"));
    command.args(["--namespace", "managed-gitops"]);
    command.args(values.iter().flat_map(|value| ["--set", value]));
    command.output().unwrap()
}

/// A folder's files and folders, copied.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn what_is_generated_from_the_chart_is_committed() {
    let Some(helm) = helm() else { return println!("skipping: E2E_HELM is not set") };
    let folder = tempfile::tempdir().unwrap();
    copy(&deploy(""), folder.path());
    let generate = Command::new(folder.path().join("generate"))
        .args([&helm, Path::new(env!("CARGO_BIN_EXE_managed-gitops"))])
        .status();
    assert!(generate.unwrap().success());
    let difference = Command::new("diff").arg("-r").arg(deploy("")).arg(folder.path()).output();
    let difference = String::from_utf8(difference.unwrap().stdout).unwrap();
    assert_eq!(difference, "", "run deploy/generate and commit what it writes");
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let Some(helm) = helm() else { return println!("skipping: E2E_HELM is not set") };
    for value in [
        "mode=both",
        "replicas=-1",
        "replica=1",
        "image.digest=latest",
        "argoCD.namespace=Argo",
        "settings.logFormat=xml",
        "settings.tenantServersAllow={everything}",
        "database.secretName=",
    ] {
        let refused = render(&helm, &[value]);
        let errors = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{value} is accepted");
        assert!(errors.contains("schema"), "{value}: {errors}");
    }
}

#[test]
fn no_rule_names_everything() {
    let Some(helm) = helm() else { return println!("skipping: E2E_HELM is not set") };
    for values in [&["mode=together"][..], &["mode=split", "settings.secretNamespaces={team-a}"]] {
        let rendered = render(&helm, values);
        let rendered = String::from_utf8(rendered.stdout).unwrap();
        let rights =
            rendered.split("\n---").filter(|one| one.contains("rbac.authorization.k8s.io"));
        assert!(rights.clone().count() > 5);
        assert!(rights.clone().all(|one| !one.contains('*')), "a rule has a wildcard");
    }
}
