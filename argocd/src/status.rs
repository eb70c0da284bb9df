//! The parts of a status that Argo CD would write.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::Application;

/// The phases of an operation.
pub(crate) mod phase {
    pub(crate) const RUNNING: &str = "Running";
    pub(crate) const TERMINATING: &str = "Terminating";
    pub(crate) const FAILED: &str = "Failed";
    pub(crate) const ERROR: &str = "Error";
    pub(crate) const SUCCEEDED: &str = "Succeeded";
}

/// The words for whether cluster and repository match.
pub(crate) mod sync {
    pub(crate) const UNKNOWN: &str = "Unknown";
    pub(crate) const SYNCED: &str = "Synced";
    pub(crate) const OUT_OF_SYNC: &str = "OutOfSync";
}

/// The words for health.
pub(crate) mod health {
    pub(crate) const HEALTHY: &str = "Healthy";
    pub(crate) const PROGRESSING: &str = "Progressing";
    pub(crate) const DEGRADED: &str = "Degraded";
    pub(crate) const MISSING: &str = "Missing";
    pub(crate) const UNKNOWN: &str = "Unknown";
}

/// The types of conditions.
pub(crate) mod condition {
    pub(crate) const INVALID_SPEC_ERROR: &str = "InvalidSpecError";
    pub(crate) const COMPARISON_ERROR: &str = "ComparisonError";
    pub(crate) const SYNC_ERROR: &str = "SyncError";
}

/// The number of hexadecimal digits in a commit.
const COMMIT_LENGTH: usize = 40;

/// The commit that a branch, tag or commit of a repository resolves to: always the same one, until
/// another is declared as pushed, by any name.
pub(crate) fn commit(repository: &str, revision: &str, pushed: &str) -> String {
    let is_commit = revision.len() == COMMIT_LENGTH
        && revision.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_commit {
        return revision.to_owned();
    }
    let revision = if revision.is_empty() { "HEAD" } else { revision };
    let digest = |salt: &str| {
        let text = format!("{salt}{repository}@{revision}{pushed}");
        Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).simple().to_string()
    };
    let mut commit = digest("") + &digest("more:");
    commit.truncate(COMMIT_LENGTH);
    commit
}

/// `status.sync`.
pub(crate) fn sync_of(application: &Application, status: &str, revision: &str) -> Value {
    let destination = &application.spec.destination;
    if !application.has_many_sources() {
        let compared_to = json!({"source": application.spec.source, "destination": destination});
        return json!({"status": status, "revision": revision, "comparedTo": compared_to});
    }
    let text = |source: &Value, field: &str| source[field].as_str().unwrap_or_default().to_owned();
    let sources = &application.spec.sources;
    let revisions: Value = sources
        .iter()
        .map(|source| commit(&text(source, "repoURL"), &text(source, "targetRevision"), ""))
        .collect();
    json!({
        "status": status,
        "revisions": revisions,
        "comparedTo": {
            // What Argo CD writes for "nothing".
            "source": {"repoURL": ""}, "sources": sources, "destination": destination,
        },
    })
}

/// `status.health`; the time moves only when the status changes.
pub(crate) fn health_of(application: &Application, status: &str, now: &str) -> Value {
    let before = &application.status.health;
    let since = before.last_transition_time.as_deref().filter(|_| before.status == status);
    let message = if status == health::DEGRADED {
        json!("Deployment exceeded its progress deadline")
    } else {
        Value::Null
    };
    json!({
        "status": status,
        "message": message,
        "lastTransitionTime": since.unwrap_or(now),
    })
}

/// `status.conditions` with one condition.
pub(crate) fn only_condition(type_: &str, message: &str, now: &str) -> Value {
    json!([{"type": type_, "message": message, "lastTransitionTime": now}])
}

/// The two resources of every Application: its group, version, kind and name.
fn kinds(application: &Application) -> [(&'static str, &'static str, String); 2] {
    let path = application.source_text("path");
    let folder = path.rsplit('/').find(|part| !part.is_empty() && *part != ".").unwrap_or("app");
    [("apps", "Deployment", folder.to_owned()), ("", "ConfigMap", format!("{folder}-settings"))]
}

/// `status.resources`, all of them with one status and health.
pub(crate) fn resources_of(application: &Application, status: &str, health: &str) -> Value {
    let namespace = application.destination_text("namespace");
    let resource = |(group, kind, name): (&str, &str, String)| {
        let mut resource = json!({
            "version": "v1", "kind": kind, "namespace": namespace, "name": name, "status": status,
        });
        if !group.is_empty() {
            resource["group"] = json!(group);
        }
        // Only a Deployment has a health; for other kinds Argo CD only knows whether they exist.
        if kind == "Deployment" || health == health::MISSING {
            resource["health"] = json!({"status": health});
        }
        resource
    };
    kinds(application).map(resource).into_iter().collect()
}

/// `status.operationState.syncResult`; the message is the failure's, if it failed.
pub(crate) fn sync_result(
    application: &Application,
    operation: &Value,
    revision: &str,
    failure: Option<&str>,
) -> Value {
    let namespace = application.destination_text("namespace");
    let resource = |(group, kind, name): (&str, &str, String)| {
        let created = format!("{} created", description(group, kind, &name));
        json!({
            "group": group, "version": "v1", "kind": kind, "namespace": namespace, "name": name,
            "status": if failure.is_some() { "SyncFailed" } else { "Synced" },
            "message": failure.unwrap_or(&created),
            "hookPhase": if failure.is_some() { phase::FAILED } else { phase::RUNNING },
            "syncPhase": "Sync",
        })
    };
    let resources: Value = kinds(application).map(resource).into_iter().collect();
    let mut result = begun_result(application, operation, revision);
    result["resources"] = resources;
    result
}

/// The same before there is any result.
pub(crate) fn begun_result(application: &Application, operation: &Value, revision: &str) -> Value {
    let mut result = json!({"revision": revision, "source": application.source_of(operation)});
    let sources = application.sources_of(operation);
    if !sources.is_empty() {
        result["sources"] = json!(sources);
    }
    result
}

/// A resource as kubectl names it.
fn description(group: &str, kind: &str, name: &str) -> String {
    let kind = kind.to_lowercase();
    if group.is_empty() { format!("{kind}/{name}") } else { format!("{kind}.{group}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_resolves_to_one_commit_of_one_repository() {
        let commit_of_main = commit("https://host/a", "main", "");
        assert_eq!(commit_of_main.len(), COMMIT_LENGTH);
        assert!(commit_of_main.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(commit_of_main, commit("https://host/a", "main", ""));
        assert_ne!(commit_of_main, commit("https://host/a", "next", ""));
        assert_ne!(commit_of_main, commit("https://host/b", "main", ""));
        assert_ne!(commit_of_main, commit("https://host/a", "main", "2"));
    }

    #[test]
    fn a_commit_resolves_to_itself_and_an_empty_one_to_the_head() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(commit("https://host/a", sha, "2"), sha);
        assert_eq!(commit("https://host/a", "", ""), commit("https://host/a", "HEAD", ""));
    }

    #[test]
    fn the_resources_are_named_after_the_folder() {
        let names = |path: &str| {
            let application: Application =
                serde_json::from_value(json!({"spec": {"source": {"path": path}}})).unwrap();
            kinds(&application).map(|(_, _, name)| name)
        };
        assert_eq!(names("environments/shop/"), ["shop", "shop-settings"]);
        assert_eq!(names("."), ["app", "app-settings"]);
        assert_eq!(names(""), ["app", "app-settings"]);
    }
}
