//! What an Application says about syncs.

use crds::argocd::{Application, ApplicationStatus, Operation, OperationState, phase, sync};
use crds::sync_run::{SYNC_ANNOTATION, SYNC_INFO};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use machines::operation::sync::{ApplicationUid, LastSync, SyncOperationId, SyncsSeen};
use machines::shared::redaction::redacted;
use machines::shared::text::bounded;

/// The outcome of a resource that is no longer in git and was left as it is.
const PRUNE_SKIPPED: &str = "PruneSkipped";

/// What an Application says about syncs.
pub fn syncs(application: &Application) -> SyncsSeen {
    let noted = application.annotations().get(SYNC_ANNOTATION);
    SyncsSeen {
        application: ApplicationUid::new(application.uid().unwrap_or_default()),
        noted: noted.filter(|noted| !noted.is_empty()).map(SyncOperationId::new),
        is_requested: application.operation.is_some(),
        requested: application.operation.as_ref().and_then(named),
        last: application.status.as_ref().and_then(last),
    }
}

/// The sync that an operation names, if this program has requested it.
fn named(operation: &Operation) -> Option<SyncOperationId> {
    let info = operation.info.iter().find(|info| info.name == SYNC_INFO)?;
    Some(SyncOperationId::new(info.value.as_str()))
}

fn last(status: &ApplicationStatus) -> Option<LastSync> {
    let state = status.operation_state.as_ref()?;
    let result = state.sync_result.as_ref();
    let resources = result.map(|result| result.resources.as_slice()).unwrap_or_default();
    Some(LastSync {
        sync: named(&state.operation),
        phase: state.phase.clone(),
        message: bounded(&redacted(&state.message)),
        revision: result.map(|result| result.revision.clone()).unwrap_or_default(),
        is_finished: !matches!(state.phase.as_str(), phase::RUNNING | phase::TERMINATING),
        is_compared: is_compared(state, status.reconciled_at.as_deref()),
        is_synced: status.sync.status == sync::SYNCED,
        to_prune: resources.iter().filter(|one| one.status == PRUNE_SKIPPED).count(),
    })
}

/// Whether Argo CD has compared the Application with git since the operation ended.
fn is_compared(state: &OperationState, reconciled_at: Option<&str>) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let Some(reconciled) = reconciled_at.and_then(time) else { return false };
    let finished = state.finished_at.as_deref().and_then(time);
    finished.is_none_or(|finished| reconciled >= finished)
}

#[cfg(test)]
mod tests {
    use machines::operation::sync::SyncStage;
    use serde_json::{Value, json};

    use super::*;

    fn seen(object: Value) -> SyncsSeen {
        syncs(&serde_json::from_value(object).expect("an Application"))
    }

    fn ended(reconciled_at: &str) -> Value {
        let info = json!([{"name": SYNC_INFO, "value": "one"}]);
        json!({"status": {
            "reconciledAt": reconciled_at,
            "sync": {"status": "OutOfSync"},
            "operationState": {
                "operation": {"sync": {}, "info": info},
                "phase": "Succeeded",
                "finishedAt": "2026-11-28T10:00:00Z",
                "syncResult": {"revision": "abc", "resources": [{"status": "Synced"}]},
            },
        }})
    }

    #[test]
    fn a_sync_has_ended_once_argo_cd_has_compared_its_result() {
        let one = SyncOperationId::new("one");
        let before = seen(ended("2026-11-28T09:59:59Z")).stage(&one);
        let comparing = SyncStage::Comparing { revision: "abc".to_owned(), to_prune: 0 };
        assert_eq!(before, comparing);
        let after = seen(ended("2026-11-28T10:00:00Z")).stage(&one);
        assert_eq!(after, SyncStage::Ended(Ok("abc".to_owned())));
        let mut left = ended("2026-11-28T10:00:01Z");
        let resources = &mut left["status"]["operationState"]["syncResult"]["resources"];
        *resources = json!([{"status": "PruneSkipped"}, {"status": "PruneSkipped"}]);
        let text = "2 resources require pruning".to_owned();
        assert_eq!(seen(left).stage(&one), SyncStage::Ended(Err(text)));
    }

    #[test]
    fn an_operation_of_any_form_is_in_the_way() {
        for operation in [json!({"sync": "all"}), json!([1]), json!({"retry": {"limit": "none"}})] {
            let seen = seen(json!({"operation": operation}));
            assert_eq!(seen.stage(&SyncOperationId::new("one")), SyncStage::Busy);
        }
        assert_eq!(seen(json!({"operation": null})), SyncsSeen::default());
    }
}
