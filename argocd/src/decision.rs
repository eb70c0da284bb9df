//! The next write that an Application needs, if any. Pure.
//!
//! Everything follows from the Application's current state, so that the stand-in can be restarted
//! at any time, and another client's write to an Application is just another state of it.

use serde_json::{Map, Value, json};

use crate::application::{Application, Condition, REFRESH_ANNOTATION};
use crate::outcome::{Outcome, Outcomes};
use crate::project::{self, Project};
use crate::repository::normal_form;
use crate::status::{
    begun_result, condition, health, health_of, only_condition, phase, resources_of, sync, sync_of,
    sync_result,
};

/// The field of the status that tells of the running operation, or of the last one.
const OPERATION_STATE: &str = "operationState";
/// The message of an operation that was ended before it was done.
const TERMINATED: &str = "Operation terminated";
/// The message of an operation that waits for its hook.
const HOOK_RUNS: &str = "waiting for completion of hook batch/Job/migrate";
/// The message of an operation that a sync window holds.
const HELD: &str = "Sync operation blocked by sync window";
/// The message of an operation whose resources the cluster rejected.
const NOT_APPLIED: &str = "one or more objects failed to apply, reason: the stand-in was told so";

/// A change of an Application.
#[derive(Debug, Default)]
struct Change {
    /// The fields of the status to set to these values; null removes one.
    status: Vec<(&'static str, Value)>,
    /// The value for `.operation`; null removes it.
    operation: Option<Value>,
}

impl Change {
    fn status(status: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        Self { status: status.into_iter().collect(), operation: None }
    }

    fn with_operation(self, operation: Value) -> Self {
        Self { operation: Some(operation), ..self }
    }
}

/// The merge patch that takes the Application one step further; `None` at rest.
///
/// The project is the one that the Application names, if it exists.
pub(crate) fn next(
    application: &Application,
    outcomes: &Outcomes,
    project: Option<&Project>,
    now: &str,
) -> Option<Value> {
    // Argo CD removes nothing before its sync has ended.
    let is_syncing = application.operation.is_some() && is_open(application);
    if application.metadata.is_deleted && !is_syncing {
        return deletion(application, outcomes.of(application));
    }
    let change = change(application, outcomes, project, now);
    let is_refresh_asked = application.metadata.is_refresh_asked;
    if change.is_none() && !is_refresh_asked {
        return None;
    }
    let Change { status, operation } = change.unwrap_or_default();
    let written = &application.written_status;
    let mut fields: Map<String, Value> = status
        .into_iter()
        .map(|(field, value)| {
            let old = &written[field];
            let value = if field == OPERATION_STATE { inheriting(old, value) } else { value };
            (field.to_owned(), replacing(old, value))
        })
        .collect();
    fields.insert("reconciledAt".to_owned(), json!(now));
    let mut patch = json!({"metadata": version(application), "status": fields});
    if is_refresh_asked {
        patch["metadata"]["annotations"] = json!({REFRESH_ANNOTATION: null});
    }
    if let Some(operation) = operation {
        patch["operation"] = operation;
    }
    Some(patch)
}

/// Makes the write fail if another client has written since.
fn version(application: &Application) -> Value {
    json!({"resourceVersion": application.metadata.resource_version})
}

/// A merge patch that leaves nothing of the old value.
fn replacing(old: &Value, new: Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(mut new)) => {
            for (field, old) in old {
                let value = new.remove(field).map_or(Value::Null, |new| replacing(old, new));
                new.insert(field.clone(), value);
            }
            Value::Object(new)
        }
        (_, new) => new,
    }
}

/// The state of an operation with the retry strategy of the last one, if it has none of its own: Argo
/// CD merges the one into the other.
fn inheriting(old: &Value, mut state: Value) -> Value {
    let before = &old["operation"]["retry"];
    if !before.is_null() && state["operation"].is_object() && state["operation"]["retry"].is_null()
    {
        state["operation"]["retry"] = before.clone();
    }
    state
}

fn deletion(application: &Application, outcome: Outcome) -> Option<Value> {
    if outcome == Outcome::DeletionNeverFinishes {
        return None;
    }
    let finalizers = application.finalizers_without_ours()?;
    let mut metadata = version(application);
    metadata["finalizers"] = finalizers;
    Some(json!({"metadata": metadata}))
}

fn change(
    application: &Application,
    outcomes: &Outcomes,
    project: Option<&Project>,
    now: &str,
) -> Option<Change> {
    if outcomes.of(application) == Outcome::SyncHeld && is_open(application) {
        return say(application, HELD);
    }
    if application.phase() == phase::TERMINATING && application.operation.is_some() {
        let ended = ended(application, phase::FAILED, TERMINATED, now);
        return Some(Change::status([("operationState", ended)]).with_operation(Value::Null));
    }
    if let Some(objection) = project::objection(application, project) {
        return invalid(application, &objection, now);
    }
    let outcome = outcomes.of(application);
    if let Some(problem) = problem(application, outcome) {
        return incomparable(application, outcomes, &problem, now);
    }
    // Argo CD works on nothing that is not requested any more.
    if application.phase() == phase::RUNNING && application.operation.is_some() {
        return go_on(application, outcomes, now);
    }
    if let Some(operation) = &application.operation {
        return Some(begin(application, operation, outcomes, now));
    }
    let begins = application.is_automated() && !stays_failed(application, outcomes);
    match application.status.sync.status.as_str() {
        _ if application.is_blocked() || is_outdated(application, outcomes) => {
            Some(compare(application, outcomes, now))
        }
        sync::SYNCED => adjust_health(application, outcome, now),
        sync::OUT_OF_SYNC if begins => Some(begin_automated(application, outcomes, now)),
        sync::OUT_OF_SYNC => None,
        _ => Some(compare(application, outcomes, now)),
    }
}

/// Whether the last comparison was of something other than what the spec and git now say.
fn is_outdated(application: &Application, outcomes: &Outcomes) -> bool {
    !application.is_compared() || outcomes.has_moved(application)
}

/// Whether the last operation failed at what the spec and git now say, and another would fare no
/// better.
fn stays_failed(application: &Application, outcomes: &Outcomes) -> bool {
    let source = &application.spec.source;
    let newest = outcomes.newest(source);
    application.status.operation_state.as_ref().is_some_and(|state| {
        let result = &state.sync_result;
        let is_same = result.source == *source
            && result.sources == application.spec.sources
            && result.revision == newest;
        let fails = || outcomes.fails(application, source, &newest);
        state.phase == phase::FAILED && is_same && (state.message == TERMINATED || fails())
    })
}

/// Why there is nothing to compare with, in the words of Argo CD's repository server.
fn problem(application: &Application, outcome: Outcome) -> Option<String> {
    for source in application.permission_sources() {
        let text = |field: &str| source[field].as_str().unwrap_or_default();
        let (repository, path) = (text("repoURL"), text("path"));
        if normal_form(repository).is_empty() {
            return Some(format!(
                "repository \"{repository}\" cannot be initialized: repo URL is invalid"
            ));
        }
        if path.starts_with('/') {
            return Some(format!("{path}: app path is absolute"));
        }
        if leads_outside(path) {
            return Some(format!("{path}: app path outside root"));
        }
        let is_blank = !path.is_empty() && path.trim().is_empty();
        if is_blank || outcome == Outcome::MissingPath {
            return Some(format!("{path}: app path does not exist"));
        }
    }
    None
}

/// Whether a relative path has more `..` than folders before them.
fn leads_outside(path: &str) -> bool {
    let depths = path.split('/').scan(0_i64, |depth, part| {
        *depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        Some(*depth)
    });
    depths.min().is_some_and(|lowest| lowest < 0)
}

/// A first comparison with what the spec and git now say.
fn compare(application: &Application, outcomes: &Outcomes, now: &str) -> Change {
    if application.is_deployed() && !outcomes.has_moved(application) {
        let wanted = wanted_health(outcomes.of(application));
        return Change::status([
            ("sync", sync_of(application, sync::SYNCED, &application.status.sync.revision)),
            ("health", health_of(application, wanted, now)),
            ("resources", resources_of(application, sync::SYNCED, wanted)),
            ("conditions", Value::Null),
        ]);
    }
    if application.is_automated() && !stays_failed(application, outcomes) {
        return begin_automated(application, outcomes, now);
    }
    Change::status(out_of_sync(application, outcomes, now))
}

fn out_of_sync(
    application: &Application,
    outcomes: &Outcomes,
    now: &str,
) -> [(&'static str, Value); 4] {
    let newest = outcomes.newest(&application.spec.source);
    let live = application.live_health();
    [
        ("sync", sync_of(application, sync::OUT_OF_SYNC, &newest)),
        ("health", health_of(application, live, now)),
        ("resources", resources_of(application, sync::OUT_OF_SYNC, live)),
        ("conditions", Value::Null),
    ]
}

/// Starts the operation that Argo CD itself initiates: of what the spec and git currently say.
fn begin_automated(application: &Application, outcomes: &Outcomes, now: &str) -> Change {
    let mut operation = json!({
        "sync": {"revision": outcomes.newest(&application.spec.source)},
        "initiatedBy": {"automated": true},
    });
    if application.has_many_sources() {
        operation["sync"] = json!({"sources": application.spec.sources});
    } else {
        operation["sync"]["source"] = application.spec.source.clone();
    }
    if let Some(policy) = &application.spec.sync_policy {
        if policy.automated.as_ref().is_some_and(|automated| automated.prune) {
            operation["sync"]["prune"] = json!(true);
        }
        if !policy.sync_options.is_empty() {
            operation["sync"]["syncOptions"] = json!(policy.sync_options);
        }
        if let Some(retry) = &policy.retry {
            operation["retry"] = retry.clone();
        }
    }
    begin(application, &operation, outcomes, now).with_operation(operation)
}

fn begin(application: &Application, operation: &Value, outcomes: &Outcomes, now: &str) -> Change {
    let revision = revision_of(application, operation, outcomes);
    let state = json!({
        "operation": operation,
        "phase": phase::RUNNING,
        "message": "waiting for the resources to be applied",
        "startedAt": now,
        "syncResult": begun_result(application, operation, &revision),
    });
    let mut status = vec![("operationState", state)];
    let is_synced =
        !is_outdated(application, outcomes) && application.status.sync.status == sync::SYNCED;
    if !is_synced {
        status.extend(out_of_sync(application, outcomes, now));
    }
    Change::status(status)
}

/// The commit that an operation syncs: its own, or else the newest of its source.
fn revision_of(application: &Application, operation: &Value, outcomes: &Outcomes) -> String {
    let asked = operation["sync"]["revision"].as_str().unwrap_or_default();
    outcomes.commit(application.source_of(operation), asked)
}

/// Continues the running operation. Whatever the spec says by now, it syncs what it was started
/// with; another attempt takes a newer commit only if its retry strategy says `refresh`.
fn go_on(application: &Application, outcomes: &Outcomes, now: &str) -> Option<Change> {
    let operation = application.last_operation();
    let is_retry = application.is_between_attempts();
    let source = application.source_of(operation);
    let revision = if is_retry && operation["retry"]["refresh"] == true {
        outcomes.newest(source)
    } else {
        revision_of(application, operation, outcomes)
    };
    if outcomes.of(application) == Outcome::SyncNeverEnds {
        return say(application, HOOK_RUNS);
    }
    let fails = outcomes.fails(application, source, &revision);
    let tried = application.status.operation_state.as_ref().map(|it| &it.sync_result.revision);
    // The next attempt is due once its outcome would be different.
    if fails && is_retry && tried == Some(&revision) {
        let is_news = is_outdated(application, outcomes);
        return is_news.then(|| Change::status(out_of_sync(application, outcomes, now)));
    }
    let change = if fails {
        fail(application, operation, &revision, now)
    } else {
        succeed(application, operation, &revision, outcomes, now)
    };
    Some(change)
}

/// What the operation waits for.
fn say(application: &Application, message: &str) -> Option<Change> {
    let mut state = application.written_status["operationState"].clone();
    if state["message"] == message || state["phase"] == phase::TERMINATING {
        return None;
    }
    state["message"] = json!(message);
    Some(Change::status([("operationState", state)]))
}

/// The final state of the running or requested operation.
fn ended(application: &Application, phase: &str, message: &str, now: &str) -> Value {
    let mut state = match (&application.operation, &application.written_status["operationState"]) {
        (_, state @ Value::Object(_)) if is_open(application) => state.clone(),
        (operation, _) => json!({"operation": operation, "startedAt": now}),
    };
    state["phase"] = json!(phase);
    state["message"] = json!(message);
    state["finishedAt"] = json!(now);
    state
}

fn is_open(application: &Application) -> bool {
    matches!(application.phase(), phase::RUNNING | phase::TERMINATING)
}

/// Whether a failed operation is retried, forever or a few times.
fn is_tried_again(operation: &Value) -> bool {
    operation["retry"]["limit"].as_i64().unwrap_or_default() != 0
}

fn fail(application: &Application, operation: &Value, revision: &str, now: &str) -> Change {
    let result = sync_result(application, operation, revision, Some(NOT_APPLIED));
    if is_tried_again(operation) {
        let before = &application.written_status["operationState"]["retryCount"];
        let attempt = before.as_i64().unwrap_or_default() + 1;
        let message = format!("{NOT_APPLIED}. Retrying attempt #{attempt}.");
        let mut state = ended(application, phase::RUNNING, &message, now);
        state["syncResult"] = result;
        state["retryCount"] = json!(attempt);
        return Change::status([("operationState", state)]);
    }
    let mut state = ended(application, phase::FAILED, NOT_APPLIED, now);
    state["syncResult"] = result;
    let mut status = vec![("operationState", state)];
    if application.is_automated() {
        let message = format!("Failed sync attempt to {revision}: {NOT_APPLIED}");
        status.push(("conditions", only_condition(condition::SYNC_ERROR, &message, now)));
    }
    Change::status(status).with_operation(Value::Null)
}

fn succeed(
    application: &Application,
    operation: &Value,
    revision: &str,
    outcomes: &Outcomes,
    now: &str,
) -> Change {
    let mut state =
        ended(application, phase::SUCCEEDED, "successfully synced (all tasks run)", now);
    state["syncResult"] = sync_result(application, operation, revision, None);
    let mut status = vec![("operationState", state)];
    let is_wanted = *application.source_of(operation) == application.spec.source
        && application.sources_of(operation) == application.spec.sources;
    if !is_wanted {
        status.extend(out_of_sync(application, outcomes, now));
        return Change::status(status).with_operation(Value::Null);
    }
    status.push(("sync", sync_of(application, sync::SYNCED, revision)));
    status.push(("conditions", Value::Null));
    let before = &application.status.sync;
    let is_same =
        application.is_compared() && before.status == sync::SYNCED && before.revision == revision;
    if !is_same {
        status.push(("health", health_of(application, health::PROGRESSING, now)));
        status.push(("resources", resources_of(application, sync::SYNCED, health::PROGRESSING)));
    }
    Change::status(status).with_operation(Value::Null)
}

fn wanted_health(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Degraded => health::DEGRADED,
        Outcome::Progressing => health::PROGRESSING,
        Outcome::Works
        | Outcome::SyncFails
        | Outcome::SyncNeverEnds
        | Outcome::SyncHeld
        | Outcome::MissingPath
        | Outcome::DeletionNeverFinishes => health::HEALTHY,
    }
}

fn adjust_health(application: &Application, outcome: Outcome, now: &str) -> Option<Change> {
    let wanted = wanted_health(outcome);
    (application.status.health.status != wanted).then(|| {
        Change::status([
            ("health", health_of(application, wanted, now)),
            ("resources", resources_of(application, sync::SYNCED, wanted)),
        ])
    })
}

/// The spec is not acceptable: what was compared before stays as it was.
fn invalid(application: &Application, objection: &str, now: &str) -> Option<Change> {
    let mut comparison = application.written_status["sync"].clone();
    if !comparison.is_object() {
        // What Argo CD writes for "nothing".
        comparison = json!({"comparedTo": {"source": {"repoURL": ""}, "destination": {}}});
    }
    comparison["status"] = json!(sync::UNKNOWN);
    let status = vec![
        ("sync", comparison),
        ("health", health_of(application, health::UNKNOWN, now)),
        ("conditions", only_condition(condition::INVALID_SPEC_ERROR, objection, now)),
    ];
    blocked(application, status, condition::INVALID_SPEC_ERROR, objection, now)
}

/// There is nothing to compare with.
fn incomparable(
    application: &Application,
    outcomes: &Outcomes,
    problem: &str,
    now: &str,
) -> Option<Change> {
    let message = format!(
        "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: \
         code = Unknown desc = {problem}"
    );
    let newest = outcomes.newest(&application.spec.source);
    let live = application.live_health();
    let mut status = vec![
        ("sync", sync_of(application, sync::UNKNOWN, &newest)),
        ("conditions", only_condition(condition::COMPARISON_ERROR, &message, now)),
    ];
    if live == health::MISSING {
        // Nothing is deployed, and Argo CD calls nothing healthy.
        status.push(("health", health_of(application, health::HEALTHY, now)));
        status.push(("resources", Value::Null));
    } else {
        status.push(("health", health_of(application, live, now)));
    }
    let is_stale = !application.is_compared();
    match blocked(application, status, condition::COMPARISON_ERROR, &message, now) {
        None if is_stale => {
            Some(Change::status([("sync", sync_of(application, sync::UNKNOWN, &newest))]))
        }
        change => change,
    }
}

/// The status of an Application that cannot go on, unless it already has that; ends any requested
/// operation.
fn blocked(
    application: &Application,
    mut status: Vec<(&'static str, Value)>,
    type_: &str,
    message: &str,
    now: &str,
) -> Option<Change> {
    let wanted = Condition { type_: type_.to_owned(), message: message.to_owned() };
    let is_said = application.status.conditions == [wanted]
        && application.status.sync.status == sync::UNKNOWN;
    let is_asked = application.operation.is_some() || is_open(application);
    if is_asked {
        let message = format!("{type_}: {message}");
        status.push(("operationState", ended(application, phase::ERROR, &message, now)));
        return Some(Change::status(status).with_operation(Value::Null));
    }
    (!is_said).then(|| Change::status(status))
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
