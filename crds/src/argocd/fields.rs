//! Who decides each field of an Application. This table is the only source: what is read of a spec,
//! what counts as drift, and what a repair removes follow from it, and ARCHITECTURE.md repeats it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Who decides a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This program writes it, and repairs another value.
    Written,
    /// This program never writes it, and removes it: it would affect what is deployed, and no
    /// GitOpsDeployment requests it.
    Removed,
    /// This program reads it, and writes it in the cases that the reason names.
    Read,
    /// Others may set it; it is neither read nor written.
    Left,
}

/// A field, or with `.*` all its other siblings.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its path, with dots between the names.
    pub path: &'static str,
    /// Who decides it.
    pub ownership: Ownership,
    /// Why.
    pub reason: &'static str,
}

const fn field(path: &'static str, ownership: Ownership, reason: &'static str) -> Field {
    Field { path, ownership, reason }
}

use Ownership::{Left, Read, Removed, Written};

/// Every field of an Application.
pub const FIELDS: [Field; 34] = [
    field("metadata.labels.databaseID", Written, "names the row"),
    field("metadata.labels.*", Left, "selectors of others"),
    field(
        "metadata.annotations.managed-gitops.redhat.com/sync",
        Read,
        "names the sync that was requested last: a request for a sync sets it",
    ),
    field("metadata.annotations.*", Left, "Argo CD's refresh, notifications"),
    field("metadata.finalizers", Read, "a deletion adds Argo CD's where there is none"),
    field("spec.project", Written, "the tenant's AppProject"),
    field("spec.source.repoURL", Written, "the deployment's"),
    field("spec.source.path", Written, "the deployment's"),
    field("spec.source.targetRevision", Written, "the deployment's"),
    field("spec.source.*", Removed, "`helm`, `kustomize`, `directory`, `plugin`, `chart`, …"),
    field("spec.sources", Removed, "takes the place of `source`"),
    field("spec.sourceHydrator", Removed, "takes the place of `source`"),
    field("spec.destination.name", Written, "the deployment's"),
    field("spec.destination.namespace", Written, "the deployment's"),
    field("spec.destination.*", Removed, "`server` contradicts the name"),
    field("spec.syncPolicy.automated.prune", Written, "part of `automated`"),
    field("spec.syncPolicy.automated.selfHeal", Written, "part of `automated`"),
    field("spec.syncPolicy.automated.allowEmpty", Written, "part of `automated`"),
    field("spec.syncPolicy.automated.*", Removed, "`enabled: false` ends automated syncs"),
    field("spec.syncPolicy.syncOptions", Written, "the deployment's, and how it prunes"),
    field("spec.syncPolicy.retry.limit", Written, "without limit"),
    field(
        "spec.syncPolicy.retry.refresh",
        Written,
        "where Argo CD knows it: retry at the newest commit",
    ),
    field("spec.syncPolicy.retry.backoff.duration", Written, "the pauses between retries"),
    field("spec.syncPolicy.retry.backoff.factor", Written, "the pauses between retries"),
    field("spec.syncPolicy.retry.backoff.maxDuration", Written, "the pauses between retries"),
    field("spec.syncPolicy.retry.backoff.*", Removed, "would change the pauses"),
    field("spec.syncPolicy.retry.*", Removed, "would change the retries"),
    field("spec.syncPolicy.*", Left, "`managedNamespaceMetadata`"),
    field("spec.*", Left, "`ignoreDifferences`, `info`, `revisionHistoryLimit`"),
    field("operation", Read, "Argo CD's and users'; set for a sync run while there is none"),
    field("status.operationState.phase", Read, "`Terminating` ends a sync: see below"),
    field("status.operationState.*", Read, "mirrored; a request for a sync removes it"),
    field("status.observedAt", Left, "changes although nothing else does"),
    field("status.*", Read, "mirrored"),
];

/// The fields of a spec that exist but should not, as JSON pointers into the spec: those that are
/// removed, and those whose form does not match the type.
///
/// Nothing in here can fail: an Application with a field of an unknown form still exists, and is
/// repaired or deleted like any other.
pub(super) fn drift_of(spec: &Value) -> BTreeSet<String> {
    let mut drift = BTreeSet::new();
    match spec {
        Value::Object(fields) => collect(fields, "spec", "", &mut drift),
        // Without a spec there are no fields.
        Value::Null => {}
        _ => drop(drift.insert(String::new())),
    }
    drift
}

fn collect(fields: &Map<String, Value>, parent: &str, pointer: &str, drift: &mut BTreeSet<String>) {
    for (name, value) in fields {
        let path = format!("{parent}.{name}");
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        if is_empty(value) {
            continue;
        }
        if is_parent(&path) {
            match value {
                Value::Object(fields) => collect(fields, &path, &pointer, drift),
                _ => drop(drift.insert(pointer)),
            }
        } else if ownership(parent, &path) == Ownership::Removed {
            drift.insert(pointer);
        }
    }
}

/// What Argo CD treats as absent.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether the table has fields within this one.
fn is_parent(path: &str) -> bool {
    FIELDS.iter().any(|field| {
        field.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.') && rest != ".*")
    })
}

fn ownership(parent: &str, path: &str) -> Ownership {
    let named = FIELDS.iter().find(|field| field.path == path);
    let others = || FIELDS.iter().find(|field| field.path.strip_suffix(".*") == Some(parent));
    named.or_else(others).map_or(Ownership::Left, |field| field.ownership)
}

/// The table as in ARCHITECTURE.md.
#[must_use]
pub fn table() -> String {
    let mut table = String::from("| field | who decides it | why |\n|---|---|---|\n");
    for Field { path, ownership, reason } in FIELDS {
        let who = match ownership {
            Ownership::Written => "the agent: written, repaired",
            Ownership::Removed => "nobody: removed",
            Ownership::Read => "others: read",
            Ownership::Left => "others: left alone",
        };
        // Writing to a text cannot fail.
        let _ = writeln!(table, "| `{path}` | {who} | {reason} |");
    }
    table
}
