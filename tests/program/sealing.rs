//! The sealing keys as operators see them: `dev` makes its own, `rotate-keys` replaces them while
//! the program runs, and a wrong keyring costs nothing but the credentials.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::process::{Running, program, refused, sentence, succeeds};

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A key that is as long as a key has to be.
const KEY: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";

/// The arguments for the database and the keys of a `dev`.
fn rotation(dir: &Path) -> [String; 5] {
    [
        "rotate-keys".to_owned(),
        "--database-url".to_owned(),
        format!("sqlite://{}", dir.join("state.db").display()),
        "--sealing-keys-dir".to_owned(),
        dir.join("sealing-keys").display().to_string(),
    ]
}

fn as_str(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn ready_text(dev: &Running) -> String {
    // Its watches have to see everything first.
    loop {
        let (head, body) = dev.page("/readyz");
        if head.starts_with("HTTP/1.1 200") {
            return body;
        }
        assert!(head.starts_with("HTTP/1.1 503"), "{head}");
        std::thread::yield_now();
    }
}

/// A directory that a `dev` has used: with its key, and a database sealed with it.
fn used() -> TempDir {
    let scratch = scratch();
    let mut dev = Running::dev(scratch.path(), &[]);
    ready_text(&dev);
    dev.terminate();
    dev.wait();
    scratch
}

#[test]
fn dev_makes_its_own_key_which_nobody_else_may_read() {
    let scratch = scratch();
    let keys = scratch.path().join("sealing-keys");
    let mut first = Running::dev(scratch.path(), &["--log", "debug"]);
    assert_eq!(ready_text(&first), "ok\n");
    assert_eq!(mode(&keys), 0o700);
    assert_eq!((mode(&keys.join("dev")), mode(&keys.join("primary"))), (0o600, 0o600));
    let key = std::fs::read_to_string(keys.join("dev")).unwrap();
    first.terminate();
    let (_, said) = first.wait();
    assert!(!said.contains(&key), "the key was logged");
    // What it left half-made is no key.
    std::fs::write(keys.join(".part"), "half").unwrap();
    let second = Running::dev(scratch.path(), &[]);
    assert_eq!(ready_text(&second), "ok\n");
    assert_eq!(std::fs::read_to_string(keys.join("dev")).unwrap(), key);
}

#[test]
fn keys_are_rotated_while_the_program_runs() {
    let scratch = scratch();
    let keys = scratch.path().join("sealing-keys");
    let mut dev = Running::dev(scratch.path(), &[]);
    assert_eq!(ready_text(&dev), "ok\n");
    std::fs::write(keys.join("next"), KEY).unwrap();
    std::fs::write(keys.join("primary"), "next").unwrap();
    let arguments = rotation(scratch.path());
    let said = succeeds(&as_str(&arguments));
    let expected = "not sealed with the primary key next: 1\nsealed again: 1 of 1\n\
                    everything is sealed with the primary key; no other key is needed any more\n";
    assert_eq!(said, expected);
    let again = succeeds(&as_str(&arguments));
    assert!(again.starts_with("not sealed with the primary key next: 0\n"), "{again}");
    assert_eq!(ready_text(&dev), "ok\n");
    dev.terminate();
    assert!(dev.wait().0.success());
    // The old key is no longer needed.
    std::fs::remove_file(keys.join("dev")).unwrap();
    let dev = Running::dev(scratch.path(), &[]);
    assert_eq!(ready_text(&dev), "ok\n");
}

#[test]
fn a_wrong_keyring_is_reported_and_changes_nothing() {
    let scratch = used();
    let mut command = program(&["dev", "--port", "0", "--argo-cd-pace", "0", "--demo", "--dir"]);
    command.arg(scratch.path()).env("SEALING_KEYS", format!("dev={KEY}"));
    let mut wrong = Running::begin(command);
    wrong.wait_for_line(|line| line.contains("is Synced and Healthy"));
    let text = ready_text(&wrong);
    let why = "no credentials are served: the sealing keys do not open this database: the key dev \
               does not open it";
    assert!(text.starts_with(&format!("ok\n{why}")), "{text}");
    wrong.terminate();
    let (_, said) = wrong.wait();
    assert!(said.contains(why) && !said.contains(KEY), "{said}");
    let again = Running::dev(scratch.path(), &[]);
    assert_eq!(ready_text(&again), "ok\n", "nothing was lost");
}

#[test]
fn a_rotation_without_the_old_key_says_what_does_not_open() {
    let scratch = used();
    let keys = scratch.path().join("sealing-keys");
    std::fs::remove_file(keys.join("dev")).unwrap();
    std::fs::write(keys.join("next"), KEY).unwrap();
    std::fs::write(keys.join("primary"), "next").unwrap();
    let arguments = rotation(scratch.path());
    let output = program(&as_str(&arguments)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("values that do not open, and were left as they are: 1"), "{errors}");
    let named = "key of sealed_value digests: it is sealed with the key dev, which is not in the \
                 keyring; add that key";
    assert!(errors.contains(named), "{errors}");
}

#[test]
fn a_lost_key_costs_what_it_sealed_and_nothing_else() {
    let scratch = used();
    let keys = scratch.path().join("sealing-keys");
    // Another key of the same name: nothing is sealed with it.
    std::fs::write(keys.join("dev"), KEY).unwrap();
    let arguments = rotation(scratch.path());
    let said = refused(2, &as_str(&arguments));
    assert!(said.starts_with("the keyring is not that of this database, and nothing"), "{said}");
    let forget = [&as_str(&arguments)[..], &["--forget-unopened"]].concat();
    let said = succeeds(&forget);
    assert!(said.contains("removed, because no key opens them: 1\n"), "{said}");
    let dev = Running::dev(scratch.path(), &[]);
    assert_eq!(ready_text(&dev), "ok\n");
}

#[test]
fn a_keyring_that_is_none_is_refused_and_not_repeated() {
    let scratch = scratch();
    let dir = scratch.path().to_str().unwrap();
    for command in ["dev", "rotate-keys"] {
        let port = if command == "dev" { &["--port", "0"][..] } else { &[] };
        let said = refused(2, &[&[command, "--sealing-keys-dir", dir][..], port].concat());
        assert!(said.starts_with("there are no sealing keys in"), "{said}");
        let output = program(&[&[command], port].concat())
            .env("SEALING_KEYS", "one=hunter2")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = sentence(&String::from_utf8(output.stderr).unwrap());
        assert!(said.starts_with("the sealing key one is not 32 bytes in base64"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert!(
        refused(2, &["rotate-keys"]).starts_with("name the sealing keys with SEALING_KEYS_DIR")
    );
}
