//! The bill of materials: what `deploy/sbom` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::image::succeed;
use crate::manifests::deploy;

/// Which crates `cargo` links into the program, as `name@version`.
fn linked() -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "--locked", "--prefix", "none"]);
    cargo.args(["--package", "managed-gitops", "--edges", "normal,no-proc-macro"]);
    let tree = succeed(&mut cargo);
    let mut crates = BTreeSet::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        crates.insert(format!("{name}@{}", version.trim_start_matches('v')));
    }
    crates
}

/// The checksums in Cargo.lock, by `name@version`.
fn checksums() -> BTreeMap<String, String> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = std::fs::read_to_string(lock).unwrap();
    let mut checksums = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        let id = format!("{}@{}", field("name").unwrap(), field("version").unwrap());
        checksums.extend(field("checksum").map(|checksum| (id, checksum)));
    }
    checksums
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[test]
fn it_lists_every_crate_in_the_program_with_licence_and_checksum() {
    if !Command::new("jq").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return println!("skipping: jq is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sbom.json");
    succeed(Command::new(deploy("sbom")).arg(&file));
    let bill: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let program = &bill["metadata"]["component"];
    assert_eq!(program["name"], "managed-gitops");
    let components = bill["components"].as_array().unwrap();
    let checksums = checksums();
    let mut listed = BTreeSet::new();
    let mut references = BTreeSet::new();
    for component in components.iter().chain([program]) {
        let id = format!("{}@{}", text(&component["name"]), text(&component["version"]));
        let purl = text(&component["purl"]);
        match checksums.get(&id) {
            Some(checksum) => {
                assert_eq!(text(&component["hashes"][0]["content"]), checksum, "{id}");
                assert_eq!(purl, format!("pkg:cargo/{id}"));
            }
            None => assert!(purl.starts_with(&format!("pkg:cargo/{id}?vcs_url=git%2B")), "{purl}"),
        }
        let licence = text(&component["licenses"][0]["expression"]);
        assert!(!licence.is_empty() && !licence.contains('/'), "{id}: {licence:?}");
        references.insert(text(&component["bom-ref"]));
        listed.insert(id);
    }
    assert_eq!(listed, linked());
    assert_eq!(references.len(), components.len() + 1, "each once");
    check_dependencies(&bill, &references);
}

/// Everything is needed by something, and nothing that is not listed is needed.
fn check_dependencies(bill: &Value, references: &BTreeSet<&str>) {
    let dependencies = bill["dependencies"].as_array().unwrap();
    let all: BTreeSet<&str> = dependencies.iter().map(|one| text(&one["ref"])).collect();
    assert_eq!(&all, references);
    let mut needed: BTreeSet<&str> = BTreeSet::new();
    for one in dependencies {
        needed.extend(one["dependsOn"].as_array().unwrap().iter().map(text));
    }
    needed.insert(text(&bill["metadata"]["component"]["bom-ref"]));
    assert_eq!(&needed, references);
}
