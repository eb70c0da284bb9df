//! The core stays pure: what it links, and what it uses of the standard library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Everything that the core may link, transitively: data formats, hashes and the macros behind
/// them. A new name here is a decision: it must do no I/O, start no thread, and use neither a clock
/// nor randomness.
const ALLOWED: [&str; 28] = [
    "block-buffer",
    "cfg-if",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "digest",
    "hybrid-array",
    "itoa",
    "libc", // bindings only; cpufeatures reads the processor's features by it on some targets
    "machines",
    "memchr",
    "proc-macro-error-attr2",
    "proc-macro-error2",
    "proc-macro2",
    "quote",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "sha1_smol",
    "sha2",
    "statig",
    "statig_macro",
    "syn",
    "typenum",
    "unicode-ident",
    "uuid",
    "zmij",
];

/// The impure parts of the standard library.
const IMPURE: [&str; 14] = [
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "std::sync",
    "SystemTime",
    "Instant::",
    "println!",
    "thread_local!",
    "async fn",
    "static mut",
    "unsafe ",
];

/// The names of all crates that `cargo tree` lists below the core, for every target.
fn linked() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "machines", "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, as it runs this test");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_core_links_nothing_that_does_io() {
    let linked = linked();
    assert!(linked.contains("machines") && linked.contains("statig"), "not a tree: {linked:?}");
    let allowed = BTreeSet::from(ALLOWED.map(str::to_owned));
    let foreign: Vec<_> = linked.difference(&allowed).collect();
    assert!(foreign.is_empty(), "the core must not link {foreign:?}");
}

#[test]
fn the_allowlist_has_none_of_the_shells_libraries() {
    for shell in ["tokio", "kube", "sea-orm", "sqlx", "hyper", "axum", "rustls", "getrandom"] {
        assert!(!ALLOWED.contains(&shell), "{shell} belongs to the shell");
    }
}

#[test]
fn the_core_uses_nothing_impure_of_the_standard_library() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for (number, line) in code.enumerate() {
                for impure in IMPURE {
                    assert!(!line.contains(impure), "{}: {number}: {line}", path.display());
                }
            }
            read += 1;
        }
    }
    assert!(read >= 15, "only {read} files were read");
}
