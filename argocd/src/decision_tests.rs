//! The decisions, as tables of "an Application in this state is taken to that one".

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-01-02T03:04:05Z";
const EARLIER: &str = "2026-01-02T03:00:00Z";

/// An Application on its way.
#[derive(Clone)]
struct Subject {
    object: Value,
    outcomes: Outcomes,
    project: Option<Project>,
}

fn outcomes(data: &[(&str, &str)]) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    outcomes.replace(Some(data.collect()));
    outcomes
}

impl Subject {
    fn manual() -> Self {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "gitopsdepl-1", "uid": "u1", "resourceVersion": "7"},
            "spec": {
                "project": "default",
                "source": {"repoURL": "https://host/a", "path": "shop", "targetRevision": "main"},
                "destination": {"name": "in-cluster", "namespace": "jane"},
            },
        });
        Self { object, outcomes: Outcomes::default(), project: None }
    }

    fn automated() -> Self {
        let mut subject = Self::manual();
        subject.object["spec"]["syncPolicy"] = json!({
            "automated": {"prune": true}, "syncOptions": ["CreateNamespace=true"],
            "retry": {"limit": -1},
        });
        subject
    }

    fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        self.object.pointer_mut(parent).unwrap()[field] = value;
        self
    }

    fn coming_to(self, outcome: Outcome) -> Self {
        let word = match outcome {
            Outcome::Works => return self.told(&[]),
            Outcome::SyncFails => "sync-fails",
            Outcome::SyncNeverEnds => "sync-never-ends",
            Outcome::SyncHeld => "sync-held",
            Outcome::Degraded => "degraded",
            Outcome::Progressing => "progressing",
            Outcome::MissingPath => "missing-path",
            Outcome::DeletionNeverFinishes => "deletion-never-finishes",
        };
        self.told(&[("application.gitopsdepl-1", word)])
    }

    fn told(self, data: &[(&str, &str)]) -> Self {
        Self { outcomes: outcomes(data), ..self }
    }

    fn asked_to_sync(self, revision: &str) -> Self {
        self.with("/operation", json!({"sync": {"revision": revision}}))
    }

    fn patch(&self) -> Option<Value> {
        let object: DynamicObject = serde_json::from_value(self.object.clone()).unwrap();
        let application = Application::read(&object).unwrap();
        next(&application, &self.outcomes, self.project.as_ref(), NOW)
    }

    /// Takes one step, as a server would apply it.
    fn step(mut self) -> Self {
        let patch = self.patch().expect("the Application is at rest");
        json_patch::merge(&mut self.object, &patch);
        self
    }

    /// Steps until the Application is at rest, and counts the steps.
    fn settle(mut self) -> (Self, usize) {
        for steps in 0..20 {
            if self.patch().is_none() {
                return (self, steps);
            }
            self = self.step();
        }
        panic!("the Application never rests: {:#}", self.object)
    }

    fn settled(self) -> Self {
        self.settle().0
    }

    fn at(&self, pointer: &str) -> &Value {
        self.object.pointer(pointer).unwrap_or(&Value::Null)
    }

    fn sync_and_health(&self) -> [&str; 2] {
        ["/status/sync/status", "/status/health/status"]
            .map(|pointer| self.at(pointer).as_str().unwrap_or_default())
    }

    fn phase(&self) -> &str {
        self.at("/status/operationState/phase").as_str().unwrap_or_default()
    }

    fn condition(&self) -> &str {
        self.at("/status/conditions/0/type").as_str().unwrap_or_default()
    }
}

#[test]
fn an_automated_application_is_synced_and_healthy_after_three_writes() {
    let started = Subject::automated().step();
    assert_eq!(started.sync_and_health(), ["OutOfSync", "Missing"]);
    assert_eq!(started.phase(), "Running");
    assert_eq!(started.at("/operation/initiatedBy/automated"), &json!(true));
    let synced = started.step();
    assert_eq!(synced.sync_and_health(), ["Synced", "Progressing"]);
    assert_eq!(synced.phase(), "Succeeded");
    assert_eq!(synced.at("/operation"), &Value::Null);
    let healthy = synced.step();
    assert_eq!(healthy.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(healthy.patch(), None);
}

#[test]
fn a_manual_application_settles_out_of_sync_after_one_write() {
    let (settled, steps) = Subject::manual().settle();
    assert_eq!(steps, 1);
    assert_eq!(settled.sync_and_health(), ["OutOfSync", "Missing"]);
    assert_eq!(settled.at("/status/operationState"), &Value::Null);
}

#[test]
fn a_manual_application_is_synced_when_asked() {
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let started = Subject::manual().settled().asked_to_sync(sha).step();
    assert_eq!(started.phase(), "Running");
    assert_eq!(started.at("/operation/sync/revision"), &json!(sha));
    let settled = started.settled();
    assert_eq!(settled.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(settled.at("/operation"), &Value::Null);
    assert_eq!(settled.at("/status/sync/revision"), &json!(sha));
    assert_eq!(settled.at("/status/operationState/syncResult/revision"), &json!(sha));
}

#[test]
fn a_healthy_application_that_is_synced_again_stays_healthy_all_the_way() {
    let healthy = Subject::automated().settled();
    let started = healthy.asked_to_sync("").step();
    assert_eq!(started.sync_and_health(), ["Synced", "Healthy"]);
    let finished = started.step();
    assert_eq!(finished.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(finished.phase(), "Succeeded");
    assert_eq!(finished.patch(), None);
}

#[test]
fn the_final_status_has_what_clients_mirror() {
    let settled = Subject::automated().settled();
    let expected = [
        ("/status/sync/comparedTo/source", settled.at("/spec/source").clone()),
        ("/status/sync/comparedTo/destination", settled.at("/spec/destination").clone()),
        ("/status/resources/0/kind", json!("Deployment")),
        ("/status/resources/0/namespace", json!("jane")),
        ("/status/resources/0/health/status", json!("Healthy")),
        ("/status/resources/1/kind", json!("ConfigMap")),
        ("/status/resources/1/status", json!("Synced")),
        ("/status/operationState/startedAt", json!(NOW)),
        ("/status/operationState/finishedAt", json!(NOW)),
        ("/status/operationState/operation/sync/prune", json!(true)),
        ("/status/operationState/operation/retry/limit", json!(-1)),
        ("/status/operationState/syncResult/resources/0/status", json!("Synced")),
        ("/status/operationState/syncResult/source", settled.at("/spec/source").clone()),
        ("/status/reconciledAt", json!(NOW)),
    ];
    for (pointer, value) in expected {
        assert_eq!(settled.at(pointer), &value, "{pointer}");
    }
    assert_eq!(settled.at("/status/sync/revision").as_str().unwrap().len(), 40);
}

#[test]
fn the_final_status_is_what_the_program_can_read() {
    let settled = Subject::automated().settled();
    let application: crds::argocd::Application = serde_json::from_value(settled.object).unwrap();
    let status = application.status.clone().unwrap();
    assert_eq!(status.sync.compared_to.source, application.spec.source);
    assert_eq!(status.resources.len(), 2);
    assert!(application.operation_state().unwrap().is_finished());
    assert!(!application.is_operation_open());
}

#[test]
fn every_write_fails_if_another_client_has_written_since() {
    let patch = Subject::automated().patch().unwrap();
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
}

#[test]
fn a_changed_source_goes_through_all_states_again_and_leaves_nothing_of_the_old_one() {
    let healthy = Subject::automated().settled();
    let before = healthy.at("/status/sync/revision").clone();
    let moved = healthy.with("/spec/source", json!({"repoURL": "https://host/a", "path": "other"}));
    let started = moved.step();
    assert_eq!(started.sync_and_health(), ["OutOfSync", "Healthy"]);
    let (settled, _) = started.settle();
    assert_eq!(settled.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(settled.at("/status/sync/comparedTo/source"), settled.at("/spec/source"));
    assert_ne!(settled.at("/status/sync/revision"), &before);
}

#[test]
fn a_changed_destination_is_empty_at_first() {
    let elsewhere = json!({"name": "managed-env-1", "namespace": "jane"});
    let manual = Subject::manual().asked_to_sync("main").settled();
    assert_eq!(manual.sync_and_health(), ["Synced", "Healthy"]);
    let moved = manual.with("/spec/destination", elsewhere).settled();
    assert_eq!(moved.sync_and_health(), ["OutOfSync", "Missing"]);
}

#[test]
fn a_manual_application_that_becomes_automated_is_synced() {
    let settled = Subject::manual().settled();
    let automated = settled.with("/spec/syncPolicy", json!({"automated": {}})).settled();
    assert_eq!(automated.sync_and_health(), ["Synced", "Healthy"]);
}

#[test]
fn an_operation_that_is_terminated_fails_and_is_not_started_again() {
    let running = Subject::automated().step();
    let terminated = running.with("/status/operationState/phase", json!("Terminating")).settled();
    assert_eq!(terminated.phase(), "Failed");
    assert_eq!(terminated.at("/status/operationState/message"), "Operation terminated");
    assert_eq!(terminated.at("/operation"), &Value::Null);
    assert_eq!(terminated.sync_and_health(), ["OutOfSync", "Missing"]);
    let moved = terminated.with("/spec/source/path", json!("other")).settled();
    assert_eq!(moved.sync_and_health(), ["Synced", "Healthy"]);
}

#[test]
fn a_sync_that_fails_stays_failed_until_it_may_succeed() {
    let once = Subject::automated().with("/spec/syncPolicy/retry", json!(null));
    let failed = once.coming_to(Outcome::SyncFails).settled();
    assert_eq!(failed.sync_and_health(), ["OutOfSync", "Missing"]);
    assert_eq!(failed.phase(), "Failed");
    assert_eq!(failed.condition(), "SyncError");
    assert_eq!(failed.at("/status/operationState/syncResult/resources/0/status"), "SyncFailed");
    let retried = failed.coming_to(Outcome::Works).settled();
    assert_eq!(retried.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(retried.condition(), "");
}

#[test]
fn a_sync_with_a_retry_strategy_never_ends_and_a_deletion_waits_for_its_end() {
    let failing = Subject::automated().coming_to(Outcome::SyncFails).settled();
    assert_eq!(failing.sync_and_health(), ["OutOfSync", "Missing"]);
    assert_eq!(failing.phase(), "Running");
    assert_eq!(failing.condition(), "");
    let message = failing.at("/status/operationState/message").as_str().unwrap();
    assert!(message.ends_with("Retrying attempt #1."), "{message}");
    let finalizers = json!(["resources-finalizer.argocd.argoproj.io"]);
    let deleted = failing
        .clone()
        .with("/metadata/finalizers", finalizers)
        .with("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"));
    assert_eq!(deleted.patch(), None, "between two attempts");
    let terminated = deleted.with("/status/operationState/phase", json!("Terminating")).settled();
    assert_eq!(terminated.at("/metadata/finalizers"), &json!([]));
    let retried = failing.coming_to(Outcome::Works).settled();
    assert_eq!(retried.sync_and_health(), ["Synced", "Healthy"]);
}

#[test]
fn a_manual_sync_that_fails_is_not_retried_and_raises_no_condition() {
    let subject = Subject::manual().coming_to(Outcome::SyncFails).asked_to_sync("main");
    let failed = subject.settled();
    assert_eq!(failed.phase(), "Failed");
    assert_eq!(failed.condition(), "");
    assert_eq!(failed.coming_to(Outcome::Works).patch(), None);
}

#[test]
fn a_sync_that_waits_for_a_hook_ends_when_it_is_terminated() {
    let subject = Subject::manual().coming_to(Outcome::SyncNeverEnds).asked_to_sync("main");
    let waiting = subject.settled();
    assert_eq!(waiting.phase(), "Running");
    assert_eq!(waiting.at("/status/operationState/message"), HOOK_RUNS);
    assert_ne!(waiting.at("/operation"), &Value::Null);
    let ended = waiting.with("/status/operationState/phase", json!("Terminating")).settled();
    assert_eq!((ended.phase(), ended.at("/operation")), ("Failed", &Value::Null));
}

#[test]
fn a_sync_that_a_window_holds_neither_goes_on_nor_ends_and_blocks_the_deletion() {
    let subject = Subject::manual().coming_to(Outcome::SyncHeld).asked_to_sync("main");
    let held = subject.settled();
    assert_eq!(held.phase(), "Running");
    assert_eq!(held.at("/status/operationState/message"), HELD);
    let terminated = held
        .with("/status/operationState/phase", json!("Terminating"))
        .with("/metadata/finalizers", json!(["resources-finalizer.argocd.argoproj.io"]))
        .with("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"));
    assert_eq!(terminated.patch(), None);
    let taken_back = terminated
        .clone()
        .with("/operation", Value::Null)
        .with("/status/operationState", Value::Null)
        .settled();
    assert_eq!(taken_back.at("/metadata/finalizers"), &json!([]));
    let ended = terminated.coming_to(Outcome::Works).settled();
    assert_eq!(ended.phase(), "Failed", "the window has opened");
}

#[test]
fn an_operation_inherits_the_retries_of_the_last_ones_state() {
    let failed = Subject::automated().coming_to(Outcome::SyncFails).settled();
    let terminated = failed.with("/status/operationState/phase", json!("Terminating")).settled();
    let asked = terminated.asked_to_sync("main");
    assert_eq!(asked.at("/operation/retry"), &Value::Null);
    let begun = asked.clone().step();
    assert_ne!(begun.at("/status/operationState/operation/retry"), &Value::Null);
    let begun = asked.with("/status/operationState", Value::Null).step();
    assert_eq!(begun.at("/status/operationState/operation/retry"), &Value::Null);
}

#[test]
fn the_health_follows_the_outcome() {
    for (outcome, health) in [
        (Outcome::Works, "Healthy"),
        (Outcome::Degraded, "Degraded"),
        (Outcome::Progressing, "Progressing"),
        (Outcome::DeletionNeverFinishes, "Healthy"),
    ] {
        let settled = Subject::automated().coming_to(outcome).settled();
        assert_eq!(settled.sync_and_health(), ["Synced", health]);
        let recovered = settled.coming_to(Outcome::Works).settled();
        assert_eq!(recovered.sync_and_health(), ["Synced", "Healthy"]);
        assert_eq!(recovered.at("/status/health/message"), &Value::Null);
    }
}

#[test]
fn a_missing_path_is_a_comparison_error_and_ends_what_was_asked() {
    let subject = Subject::manual().coming_to(Outcome::MissingPath).asked_to_sync("main");
    let (blocked, steps) = subject.settle();
    assert_eq!(steps, 1);
    assert_eq!(blocked.at("/status/sync/status"), "Unknown");
    assert_eq!(blocked.condition(), "ComparisonError");
    assert_eq!(blocked.phase(), "Error");
    assert_eq!(blocked.at("/operation"), &Value::Null);
    let found = blocked.coming_to(Outcome::Works).settled();
    assert_eq!(found.sync_and_health(), ["OutOfSync", "Missing"]);
    assert_eq!(found.condition(), "");
}

#[test]
fn a_path_that_goes_missing_and_comes_back_needs_no_new_sync() {
    let healthy = Subject::automated().settled();
    let blocked = healthy.coming_to(Outcome::MissingPath).settled();
    assert_eq!(blocked.sync_and_health(), ["Unknown", "Healthy"]);
    let (back, steps) = blocked.coming_to(Outcome::Works).settle();
    assert_eq!(steps, 1);
    assert_eq!(back.sync_and_health(), ["Synced", "Healthy"]);
}

fn of_missing_project(subject: Subject) -> Subject {
    subject.with("/spec/project", json!("app-project-u"))
}

fn permitting() -> Option<Project> {
    let spec = json!({
        "sourceRepos": ["*"], "destinations": [{"name": "in-cluster", "namespace": "*"}],
    });
    Some(serde_json::from_value(spec).unwrap())
}

#[test]
fn an_application_without_its_project_is_invalid_until_the_project_is_there() {
    let (invalid, steps) = of_missing_project(Subject::automated()).settle();
    assert_eq!(steps, 1);
    assert_eq!(invalid.sync_and_health(), ["Unknown", "Unknown"]);
    assert_eq!(invalid.condition(), "InvalidSpecError");
    let valid = Subject { project: permitting(), ..invalid }.settled();
    assert_eq!(valid.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(valid.condition(), "");
}

#[test]
fn an_operation_on_an_invalid_application_ends_as_an_error() {
    let invalid = of_missing_project(Subject::manual()).asked_to_sync("main").settled();
    assert_eq!(invalid.phase(), "Error");
    assert_eq!(invalid.at("/operation"), &Value::Null);
    assert_eq!(invalid.at("/status/operationState/finishedAt"), NOW);
}

#[test]
fn an_application_that_was_invalid_for_a_while_at_the_same_place_needs_no_new_sync() {
    let healthy = Subject::automated().settled();
    let invalid = of_missing_project(healthy).settled();
    assert_eq!(invalid.sync_and_health(), ["Unknown", "Unknown"]);
    let (valid, steps) = Subject { project: permitting(), ..invalid }.settle();
    assert_eq!(steps, 1);
    assert_eq!(valid.sync_and_health(), ["Synced", "Healthy"]);
}

#[test]
fn an_application_that_moved_while_it_was_invalid_is_synced_to_the_new_place() {
    let invalid = of_missing_project(Subject::automated().settled()).settled();
    let moved = invalid.with("/spec/destination/namespace", json!("elsewhere")).settled();
    assert_eq!(moved.condition(), "InvalidSpecError");
    let started = Subject { project: permitting(), ..moved }.step();
    assert_eq!(started.sync_and_health(), ["OutOfSync", "Missing"]);
    assert_eq!(started.settled().sync_and_health(), ["Synced", "Healthy"]);
}

fn deleted_with(finalizers: Value) -> Subject {
    Subject::automated()
        .settled()
        .with("/metadata/deletionTimestamp", json!(EARLIER))
        .with("/metadata/finalizers", finalizers)
}

#[test]
fn a_deleted_application_loses_each_form_of_the_finalizer_and_keeps_others() {
    for form in ["", "/background", "/foreground"] {
        let ours = format!("resources-finalizer.argocd.argoproj.io{form}");
        let deleted = deleted_with(json!(["other", ours])).step();
        assert_eq!(deleted.at("/metadata/finalizers"), &json!(["other"]));
        assert_eq!(deleted.patch(), None);
    }
    assert_eq!(deleted_with(json!(["resources-finalizer.argocd.argoproj.io/x"])).patch(), None);
}

#[test]
fn a_deletion_that_never_finishes_finishes_when_it_may() {
    let ours = json!(["resources-finalizer.argocd.argoproj.io/background"]);
    let stuck = deleted_with(ours).coming_to(Outcome::DeletionNeverFinishes);
    assert_eq!(stuck.patch(), None);
    let freed = stuck.coming_to(Outcome::Works).step();
    assert_eq!(freed.at("/metadata/finalizers"), &json!([]));
}

#[test]
fn a_refresh_is_taken_even_at_rest_and_says_when() {
    let healthy = Subject::automated().settled().with("/status/reconciledAt", json!(EARLIER));
    let annotation = json!({"argocd.argoproj.io/refresh": "normal", "other": "stays"});
    let (refreshed, steps) = healthy.with("/metadata/annotations", annotation).settle();
    assert_eq!(steps, 1);
    assert_eq!(refreshed.at("/metadata/annotations"), &json!({"other": "stays"}));
    assert_eq!(refreshed.at("/status/reconciledAt"), NOW);
}

#[test]
fn the_time_of_the_health_moves_only_with_the_health() {
    let healthy =
        Subject::automated().settled().with("/status/health/lastTransitionTime", json!(EARLIER));
    let moved = healthy.with("/spec/source/targetRevision", json!("next")).step();
    assert_eq!(moved.sync_and_health(), ["OutOfSync", "Healthy"]);
    assert_eq!(moved.at("/status/health/lastTransitionTime"), EARLIER);
    let synced = moved.step();
    assert_eq!(synced.at("/status/health/lastTransitionTime"), NOW);
}

#[test]
fn any_application_comes_to_rest_whatever_it_starts_from() {
    let outcomes = [
        Outcome::Works,
        Outcome::SyncFails,
        Outcome::Degraded,
        Outcome::Progressing,
        Outcome::MissingPath,
    ];
    for first in outcomes {
        for second in outcomes {
            for subject in [Subject::manual(), Subject::automated()] {
                let (halfway, _) = subject.asked_to_sync("main").coming_to(first).settle();
                let (_, steps) = halfway.asked_to_sync("next").coming_to(second).settle();
                assert!(steps <= 5, "{first:?} then {second:?}: {steps} steps");
            }
        }
    }
}

#[test]
fn an_application_with_nothing_in_it_is_invalid_and_rests() {
    let mut subject = Subject::manual();
    subject.object["spec"] = json!({});
    assert_eq!(subject.settled().condition(), "InvalidSpecError");
}

/// An automated Application whose sync has failed at commit 1, and is retried forever.
fn failing_at_the_first_commit(retry: Value) -> Subject {
    let told = [("commit.shop", "1"), ("path.shop", "sync-fails-at-1")];
    let subject = Subject::automated().with("/spec/syncPolicy/retry", retry).told(&told);
    let failing = subject.settled();
    assert_eq!(failing.phase(), "Running");
    assert_ne!(failing.at("/operation"), &Value::Null);
    failing
}

/// The same after another commit has fixed git.
fn mended(failing: Subject) -> Subject {
    failing.told(&[("commit.shop", "2"), ("path.shop", "sync-fails-at-1")])
}

#[test]
fn a_retried_sync_stays_at_its_commit_and_the_comparison_goes_on() {
    let failing = failing_at_the_first_commit(json!({"limit": -1}));
    let first = failing.at("/status/sync/revision").clone();
    let stuck = mended(failing).settled();
    assert_eq!(stuck.phase(), "Running");
    assert_eq!(stuck.at("/operation/sync/revision"), &first);
    assert_eq!(stuck.at("/status/operationState/syncResult/revision"), &first);
    assert_eq!(stuck.sync_and_health(), ["OutOfSync", "Missing"]);
    assert_ne!(stuck.at("/status/sync/revision"), &first);
    // A user ends it: the next one is of the newest commit.
    let terminated = stuck.with("/status/operationState/phase", json!("Terminating")).settled();
    assert_eq!(terminated.sync_and_health(), ["Synced", "Healthy"]);
    assert_ne!(terminated.at("/status/sync/revision"), &first);
}

#[test]
fn a_retry_that_refreshes_takes_the_newest_commit() {
    let failing = failing_at_the_first_commit(json!({"limit": -1, "refresh": true}));
    let first = failing.at("/status/sync/revision").clone();
    let mended = mended(failing).settled();
    assert_eq!(mended.sync_and_health(), ["Synced", "Healthy"]);
    assert_ne!(mended.at("/status/operationState/syncResult/revision"), &first);
    assert_eq!(
        mended.at("/status/sync/revision"),
        mended.at("/status/operationState/syncResult/revision")
    );
}

#[test]
fn a_retry_that_refreshes_and_fails_again_counts_its_attempts() {
    let failing = failing_at_the_first_commit(json!({"limit": -1, "refresh": true}));
    assert_eq!(failing.at("/status/operationState/retryCount"), 1);
    let told = [("commit.shop", "2"), ("path.shop", "sync-fails-at-2")];
    let again = failing.told(&told).settled();
    assert_eq!(again.phase(), "Running");
    assert_eq!(again.at("/status/operationState/retryCount"), 2);
    let message = again.at("/status/operationState/message").as_str().unwrap();
    assert!(message.ends_with("Retrying attempt #2."), "{message}");
}

#[test]
fn an_edit_does_not_change_what_a_running_sync_is_of() {
    for retry in [json!({"limit": -1}), json!({"limit": -1, "refresh": true})] {
        let failing = failing_at_the_first_commit(retry);
        let edited = failing.with("/spec/source/path", json!("other")).settled();
        assert_eq!(edited.phase(), "Running");
        assert_eq!(edited.at("/operation/sync/source/path"), "shop");
        assert_eq!(edited.at("/status/operationState/syncResult/source/path"), "shop");
        assert_eq!(edited.at("/status/sync/comparedTo/source/path"), "other");
        assert_eq!(edited.sync_and_health(), ["OutOfSync", "Missing"]);
        let terminated =
            edited.with("/status/operationState/phase", json!("Terminating")).settled();
        assert_eq!(terminated.sync_and_health(), ["Synced", "Healthy"]);
        assert_eq!(terminated.at("/status/operationState/syncResult/source/path"), "other");
    }
}

#[test]
fn a_sync_of_what_is_no_longer_wanted_is_followed_by_one_of_what_is() {
    let running = Subject::automated().step().with("/spec/source/path", json!("other"));
    let finished = running.step();
    assert_eq!(finished.phase(), "Succeeded");
    assert_eq!(finished.at("/status/operationState/syncResult/source/path"), "shop");
    assert_eq!(finished.at("/status/sync/status"), "OutOfSync");
    let settled = finished.settled();
    assert_eq!(settled.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(settled.at("/status/operationState/syncResult/source/path"), "other");
}

#[test]
fn a_commit_that_is_pushed_is_synced_where_that_is_automated() {
    let pushed = [("commit.shop", "2")];
    let automated = Subject::automated().settled();
    let before = automated.at("/status/sync/revision").clone();
    let automated = automated.told(&pushed).settled();
    assert_eq!(automated.sync_and_health(), ["Synced", "Healthy"]);
    assert_ne!(automated.at("/status/sync/revision"), &before);
    let manual = Subject::manual().asked_to_sync("main").settled().told(&pushed).settled();
    assert_eq!(manual.sync_and_health(), ["OutOfSync", "Healthy"]);
    assert_eq!(manual.told(&[]).patch(), None);
}

#[test]
fn an_automated_policy_that_is_disabled_syncs_nothing() {
    let disabled =
        Subject::automated().with("/spec/syncPolicy/automated/enabled", json!(false)).settled();
    assert_eq!(disabled.sync_and_health(), ["OutOfSync", "Missing"]);
    let enabled = disabled.with("/spec/syncPolicy/automated/enabled", json!(true)).settled();
    assert_eq!(enabled.sync_and_health(), ["Synced", "Healthy"]);
}

#[test]
fn several_sources_count_instead_of_the_one() {
    let sources = json!([
        {"repoURL": "https://evil/a", "path": "x"},
        {"repoURL": "https://evil/b", "path": "y"},
    ]);
    let hijacked = Subject::automated().settled().with("/spec/sources", sources.clone()).settled();
    assert_eq!(hijacked.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(hijacked.at("/status/sync/comparedTo/sources"), &sources);
    assert_eq!(hijacked.at("/status/sync/comparedTo/source"), &json!({"repoURL": ""}));
    assert_eq!(hijacked.at("/status/sync/revision"), &Value::Null);
    assert_eq!(hijacked.at("/status/sync/revisions").as_array().unwrap().len(), 2);
    assert_eq!(hijacked.at("/status/operationState/syncResult/sources"), &sources);
    assert_eq!(hijacked.at("/status/resources/0/name"), "x");
    // An edit of the one that does not count changes nothing.
    let edited = hijacked.with("/spec/source/path", json!("other"));
    assert_eq!(edited.patch(), None);
    let back = edited.with("/spec/sources", json!([])).settled();
    assert_eq!(back.sync_and_health(), ["Synced", "Healthy"]);
    assert_eq!(back.at("/status/sync/comparedTo/source/path"), "other");
    assert_eq!(back.at("/status/sync/comparedTo/sources"), &Value::Null);
}

#[test]
fn a_source_hydrator_counts_instead_of_the_source() {
    let hydrator = json!({
        "drySource": {"repoURL": "https://evil/a", "path": "dry", "targetRevision": "main"},
        "syncSource": {"path": "wet", "targetBranch": "hydrated"},
    });
    let hijacked = Subject::automated().settled().with("/spec/sourceHydrator", hydrator).settled();
    let expected =
        json!({"repoURL": "https://evil/a", "path": "wet", "targetRevision": "hydrated"});
    assert_eq!(hijacked.at("/status/sync/comparedTo/source"), &expected);
    assert_eq!(hijacked.at("/status/operationState/syncResult/source"), &expected);
    assert_eq!(hijacked.at("/status/resources/0/name"), "wet");
}

#[test]
fn every_source_must_be_permitted() {
    let spec = json!({
        "sourceRepos": ["https://host/a"],
        "destinations": [{"name": "in-cluster", "namespace": "*"}],
    });
    let project: Option<Project> = Some(serde_json::from_value(spec).unwrap());
    let subject = Subject { project, ..of_missing_project(Subject::automated()) }.settled();
    assert_eq!(subject.sync_and_health(), ["Synced", "Healthy"]);
    let sources = json!([
        {"repoURL": "https://host/a", "path": "shop"}, {"repoURL": "https://host/b", "path": "y"},
    ]);
    let invalid = subject.with("/spec/sources", sources).settled();
    assert_eq!(invalid.condition(), "InvalidSpecError");
    assert_eq!(
        invalid.at("/status/conditions/0/message"),
        "application repo https://host/b is not permitted in project 'app-project-u'"
    );
}

#[test]
fn what_the_repository_server_refuses_cannot_be_compared() {
    let cases = [
        ("//", "//: app path is absolute"),
        ("/apps", "/apps: app path is absolute"),
        ("..", "..: app path outside root"),
        ("a/../../b", "a/../../b: app path outside root"),
        (" ", " : app path does not exist"),
    ];
    for (path, problem) in cases {
        let (blocked, steps) = Subject::automated().with("/spec/source/path", json!(path)).settle();
        assert_eq!(steps, 1, "{path:?}");
        assert_eq!(blocked.condition(), "ComparisonError", "{path:?}");
        assert_eq!(blocked.at("/status/sync/status"), "Unknown", "{path:?}");
        let message = blocked.at("/status/conditions/0/message").as_str().unwrap();
        assert!(message.ends_with(problem), "{message}");
    }
    for path in [".", "./d", "a/..", "a/../b", "a b"] {
        let settled = Subject::automated().with("/spec/source/path", json!(path)).settled();
        assert_eq!(settled.sync_and_health(), ["Synced", "Healthy"], "{path:?}");
    }
    let url = "ssh://git@git.example.com:org/r@v2";
    let blocked = Subject::automated().with("/spec/source/repoURL", json!(url)).settled();
    assert_eq!(blocked.condition(), "ComparisonError");
    let message = blocked.at("/status/conditions/0/message").as_str().unwrap();
    assert!(message.contains("repo URL is invalid"), "{message}");
}
