//! The program's rights on a cluster: what it asked for in the end-to-end ring, and nothing else.
//!
//! Reads the audit log of a testbed, `E2E_AUDIT_LOG`, on which only `tests/e2e` has run: where the program
//! is uninstalled, it may lose its rights before it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
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

/// The objects of a kustomization that are about rights.
fn objects(kustomization: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kustomize").join(kustomization);
    let output = Command::new("kubectl")
        // Not `apply`, which prints what the server has.
        .args(["create", "--dry-run=client", "--validate=false", "-o", "json"])
        .args(["-l", "app.kubernetes.io/component=rights", "-k"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let objects = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    objects.map(Result::unwrap).collect()
}

/// Every right of the accounts of a kustomization, one by one, by the name of the account.
fn rights(kustomization: &str) -> BTreeMap<String, BTreeSet<Request>> {
    let objects = objects(kustomization);
    let mut rights: BTreeMap<String, BTreeSet<Request>> = BTreeMap::new();
    let bindings = objects.iter().filter(|object| object.get("roleRef").is_some());
    for binding in bindings {
        let role = objects.iter().find(|role| {
            role["kind"] == binding["roleRef"]["kind"]
                && role["metadata"]["name"] == binding["roleRef"]["name"]
                && role["metadata"]["namespace"] == binding["metadata"]["namespace"]
        });
        let role = role.unwrap_or_else(|| panic!("no role of {binding}"));
        for subject in binding["subjects"].as_array().unwrap() {
            let account = subject["name"].as_str().unwrap().to_owned();
            rights.entry(account).or_default().extend(rights_of(role));
        }
    }
    rights
}

/// Every right that a role gives.
fn rights_of(role: &Value) -> BTreeSet<Request> {
    let mut rights = BTreeSet::new();
    let namespace = role["metadata"]["namespace"].as_str().map(str::to_owned);
    for rule in role["rules"].as_array().into_iter().flatten() {
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
    rights
}

fn text_of(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

/// A request of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    account: String,
    request: Request,
    /// The code of the answer.
    code: u64,
}

/// A line of the audit log.
fn asked(line: &str) -> Option<Asked> {
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
    let user = text_of(&event["user"], "username")?;
    let account = user.rsplit(':').next()?.to_owned();
    Some(Asked {
        account,
        request,
        code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
    })
}

#[test]
fn the_program_needs_each_of_its_rights_and_no_other() {
    let Some(log) = std::env::var_os("E2E_AUDIT_LOG") else {
        return println!("skipping: E2E_AUDIT_LOG is not set");
    };
    let log = std::fs::read_to_string(log).unwrap();
    let asked: BTreeSet<Asked> = log.lines().filter_map(asked).collect();
    let together = rights("base");
    // Apart they run part of the scenarios: there, no right has to be used.
    let granted: BTreeMap<_, _> =
        together.clone().into_iter().chain(rights("overlays/split")).collect();
    // An API server that has just started may refuse what is allowed: it does not know the roles yet.
    let is_lacking = |asked: &Asked| {
        let rights = granted.get(&asked.account).into_iter().flatten();
        !rights.into_iter().any(|right| right.allows(&asked.request))
    };
    let lacking: Vec<_> = asked.iter().filter(|one| one.code == 403 && is_lacking(one)).collect();
    assert!(lacking.is_empty(), "it asked in vain for {lacking:#?}");
    for (account, rights) in &together {
        let asked: Vec<_> = asked.iter().filter(|one| one.account == *account).collect();
        let is_idle = |right: &Request| !asked.iter().any(|one| right.allows(&one.request));
        let idle: Vec<_> = rights.iter().filter(|right| is_idle(right)).collect();
        assert!(idle.is_empty(), "{account} asked for nothing of {idle:#?}");
    }
}
