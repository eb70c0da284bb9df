//! What the real binary logs, and how that is changed while it runs.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kube::api::{Api, PostParams};
use serde_json::{Map, Value};

use crate::harness;
use crate::process::{Running, program, refused, run, succeeds};

/// A user who is not the one that runs the tests.
const NOBODY: u32 = 65_534;

/// Kind, key, from, to and cause of a transition.
type Transition = [String; 5];

fn line(text: &str) -> Map<String, Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => fields,
        other => panic!("{text} is no JSON object: {other:?}"),
    }
}

fn field(line: &Map<String, Value>, name: &str) -> String {
    line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn logged(said: &str) -> Vec<Map<String, Value>> {
    let lines = said.lines().filter(|text| text.starts_with('{')).map(line);
    lines.filter(|line| field(line, "message") == "a machine moved").collect()
}

fn stored(directory: &Path) -> Vec<Transition> {
    let database = rusqlite::Connection::open(directory.join("state.db")).unwrap();
    let query = "SELECT kind, key, from_path, to_path, cause FROM transition";
    let mut statement = database.prepare(query).unwrap();
    let rows = statement
        .query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn each_transition_is_one_line_and_nothing_else_is() {
    let scratch = tempfile::tempdir().unwrap();
    let arguments = ["--log-format", "json", "--demo", "--exit-when-healthy"];
    let (status, said) = Running::begin_dev(scratch.path(), &arguments).wait();
    assert!(status.success(), "{said}");
    let lines = logged(&said);
    let names = ["kind", "key", "from", "to", "cause"];
    let mut told: Vec<Transition> =
        lines.iter().map(|line| names.map(|name| field(line, name))).collect();
    let mut stored = stored(scratch.path());
    told.sort();
    stored.sort();
    assert_eq!(told, stored);
    let mut kinds: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for one in lines {
        assert_eq!(field(&one, "target"), "managed_gitops::transition");
        assert!(!field(&one, "tenant").is_empty() || field(&one, "kind") == "Operation", "{one:?}");
        kinds.insert(field(&one, "kind"), one);
    }
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["Deployment", "Operation", "Tenant"]);
    let deployment = &kinds["Deployment"];
    assert_eq!((field(deployment, "namespace"), field(deployment, "name")).0, "demo");
    assert_eq!(field(deployment, "name"), "guestbook");
    assert_eq!(deployment["generation"], 1);
    assert_eq!(field(&kinds["Operation"], "requester"), field(deployment, "key"));
}

#[test]
fn the_level_is_changed_while_the_program_runs() {
    let scratch = tempfile::tempdir().unwrap();
    let dev = Running::dev(scratch.path(), &["--log", "warn", "--log-format", "json"]);
    let address = dev.address();
    let level = |more: &[&str]| succeeds(&[&["log-level", "--listen", &address], more].concat());
    assert_eq!(level(&[]), "warn\n");
    let to = "debug";
    assert_eq!(level(&[to]), format!("{to} (was warn)\n"));
    let changed = dev.wait_for_line(|text| text.contains("the log level was changed"));
    let changed = line(&changed);
    assert_eq!((field(&changed, "from"), field(&changed, "to")), ("warn".into(), to.into()));
    let kubeconfig = scratch.path().join("kubeconfig");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = harness::client(&kubeconfig).await;
        harness::create_namespace(&client, "team").await;
        let api = Api::namespaced(client, "team");
        api.create(&PostParams::default(), &harness::automated("app")).await.unwrap();
    });
    dev.wait_for_line(|text| text.contains("a machine moved"));
    dev.wait_for_line(|text| text.contains("\"DEBUG\""));
    assert_eq!(level(&["error"]), format!("error (was {to})\n"));
    assert_eq!(level(&[]), "error\n");
}

#[test]
fn a_level_that_means_nothing_changes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let dev = Running::dev(scratch.path(), &["--log", "warn"]);
    let address = dev.address();
    for (level, part) in [
        ("inof", "neither a level"),
        ("", "no level is given"),
        ("backend=debug", "neither a level"),
        ("russh=trace", "cannot be set"),
        ("trace,kube_client::client=trace", "cannot be set"),
        (&"debug,".repeat(200), "longer than 1024 bytes"),
    ] {
        let said = refused(2, &["log-level", "--listen", &address, level]);
        assert!(said.contains(part), "{level}: {said}");
    }
    assert_eq!(succeeds(&["log-level", "--listen", &address]), "warn\n");
    let said = refused(2, &["log-level", "--listen", "127.0.0.1:1", "debug"]);
    assert!(said.contains("127.0.0.1:1") && said.contains("--listen"), "{said}");
    drop(dev);
    let gone = run(&["log-level", "--listen", &address]);
    assert_eq!(gone.status.code(), Some(2), "its socket ends with the process");
}

/// A copy of the binary that every user may run; removed when dropped.
struct Copy(PathBuf);

impl Copy {
    fn make() -> Self {
        let path = std::env::temp_dir().join(format!("gitops-{}", uuid::Uuid::new_v4()));
        std::fs::copy(program(&[]).get_program(), &path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn nobody_else_on_the_machine_reads_or_changes_the_level() {
    let scratch = tempfile::tempdir().unwrap();
    if std::fs::metadata(scratch.path()).unwrap().uid() != 0 {
        println!("skipping: only root may start a process of another user");
        return;
    }
    let dev = Running::dev(scratch.path(), &["--log", "warn"]);
    let (address, copy) = (dev.address(), Copy::make());
    for more in [&[][..], &["trace"]] {
        let mut other = Command::new(&copy.0);
        other.env_clear().current_dir("/").uid(NOBODY).gid(NOBODY);
        let output = other.args(["log-level", "--listen", &address]).args(more).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
    }
    assert_eq!(succeeds(&["log-level", "--listen", &address]), "warn\n");
}
