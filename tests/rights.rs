//! The program's rights on a cluster: what it asked for in the end-to-end ring, and nothing else.
//!
//! Reads the audit log of a testbed, `E2E_AUDIT_LOG`, on which only `tests/e2e` has run: where the program
//! is uninstalled, it may lose its rights before it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One request that a right allows, or that was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    verb: String,
    group: String,
    resource: String,
    /// Of a Role; of a request, if it is for one namespace.
    namespace: Option<String>,
    /// If the right is for objects of one name; of a request, if it names one.
    name: Option<String>,
}

impl Request {
    /// Whether this right allows a request.
    fn allows(&self, asked: &Self) -> bool {
        let is_within =
            |right: &Option<String>, asked: &Option<String>| right.is_none() || right == asked;
        self.verb == asked.verb
            && self.group == asked.group
            && self.resource == asked.resource
            && is_within(&self.namespace, &asked.namespace)
            && is_within(&self.name, &asked.name)
    }
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten();
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Every right of the kustomization, one by one.
fn rights() -> BTreeSet<Request> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kustomize/base");
    let output = Command::new("kubectl")
        // Not `apply`, which prints what the server has.
        .args(["create", "--dry-run=client", "--validate=false", "-o", "json"])
        .args(["-l", "app.kubernetes.io/component=rights", "-k"])
        .arg(base)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rights = BTreeSet::new();
    for object in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>() {
        let object = object.unwrap();
        let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
        for rule in object["rules"].as_array().into_iter().flatten() {
            let mut names: Vec<_> = texts(&rule["resourceNames"]).into_iter().map(Some).collect();
            if names.is_empty() {
                names.push(None);
            }
            for verb in texts(&rule["verbs"]) {
                for group in texts(&rule["apiGroups"]) {
                    for resource in texts(&rule["resources"]) {
                        rights.extend(names.iter().map(|name| Request {
                            verb: verb.clone(),
                            group: group.clone(),
                            resource: resource.clone(),
                            namespace: namespace.clone(),
                            name: name.clone(),
                        }));
                    }
                }
            }
        }
    }
    rights
}

fn text_of(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

/// A line of the audit log: what was asked for, and the code of the answer.
fn request(line: &str) -> Option<(Request, u64)> {
    // The last line may not be complete yet.
    let event: Value = serde_json::from_str(line).ok()?;
    let object = event.get("objectRef")?;
    let text = |name| text_of(object, name);
    let mut resource = text("resource")?;
    if let Some(subresource) = text("subresource") {
        resource = format!("{resource}/{subresource}");
    }
    let request = Request {
        verb: text_of(&event, "verb")?,
        group: text("apiGroup").unwrap_or_default(),
        resource,
        namespace: text("namespace"),
        name: text("name"),
    };
    Some((request, event["responseStatus"]["code"].as_u64().unwrap_or_default()))
}

#[test]
fn the_program_needs_each_of_its_rights_and_no_other() {
    let Some(log) = std::env::var_os("E2E_AUDIT_LOG") else {
        return println!("skipping: E2E_AUDIT_LOG is not set");
    };
    let log = std::fs::read_to_string(log).unwrap();
    let asked: BTreeSet<(Request, u64)> = log.lines().filter_map(request).collect();
    let rights = rights();
    // An API server that has just started may refuse what is allowed: it does not know the roles yet.
    let is_lacking = |asked: &Request| !rights.iter().any(|right| right.allows(asked));
    let lacking: Vec<_> =
        asked.iter().filter(|(asked, code)| *code == 403 && is_lacking(asked)).collect();
    assert!(lacking.is_empty(), "it asked in vain for {lacking:#?}");
    let is_idle = |right: &Request| !asked.iter().any(|(asked, _)| right.allows(asked));
    let idle: Vec<_> = rights.iter().filter(|right| is_idle(right)).collect();
    assert!(idle.is_empty(), "nothing asked for {idle:#?}");
}
