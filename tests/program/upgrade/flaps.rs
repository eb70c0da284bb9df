//! Whether a status comes and goes.

use std::collections::BTreeMap;

use crds::GitOpsDeployment;
use kube::ResourceExt as _;
use kube::api::WatchEvent;

use crate::harness::{conditions, is_ready};

/// What the statuses of one generation of a deployment have said, one after the other.
#[derive(Debug, Default)]
struct Said {
    texts: Vec<String>,
    was_ready: bool,
}

/// Panics if a status came back after another one, or if a deployment that was ready no longer was,
/// while its spec stayed the same.
pub(super) fn check(events: &[WatchEvent<GitOpsDeployment>]) {
    let mut all: BTreeMap<(String, Option<i64>), Said> = BTreeMap::new();
    for event in events {
        let (WatchEvent::Added(object) | WatchEvent::Modified(object)) = event else { continue };
        // Nothing is said of an object that is about to go.
        if object.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let said = all.entry((object.uid().unwrap(), object.metadata.generation)).or_default();
        let text = text(object);
        if said.texts.last() != Some(&text) {
            let name = object.name_any();
            assert!(!said.texts.contains(&text), "{name} says again: {text}\nafter: {said:#?}");
            said.texts.push(text);
        }
        let (name, is_ready) = (object.name_any(), is_ready(object));
        assert!(is_ready || !said.was_ready, "{name} was ready, and is not any more: {said:#?}");
        said.was_ready = is_ready;
    }
}

/// The whole status without its times.
fn text(object: &GitOpsDeployment) -> String {
    let status = object.status.clone().unwrap_or_default();
    let (sync, health) = (&status.sync, &status.health);
    format!("{:?} {sync:?} {health:?} {:?}", status.observed_generation, conditions(object))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The events of statuses with these words about readiness, by generation.
    fn events(statuses: &[(i64, &str)]) -> Vec<WatchEvent<GitOpsDeployment>> {
        let event = |(generation, ready): &(i64, &str)| {
            let condition = json!({"type": "Ready", "status": ready, "reason": "", "message": ""});
            let object = json!({
                "metadata": {"name": "app", "uid": "uid", "generation": generation},
                "spec": {"type": "automated", "source": {"repoURL": "https://a", "path": "b"}},
                "status": {"observedGeneration": generation, "conditions": [condition]},
            });
            WatchEvent::Modified(serde_json::from_value(object).unwrap())
        };
        statuses.iter().map(event).collect()
    }

    #[test]
    fn a_status_that_follows_the_spec_does_not_flap() {
        check(&events(&[(1, "False"), (1, "True"), (1, "True"), (2, "False"), (2, "True")]));
    }

    #[test]
    #[should_panic(expected = "says again")]
    fn a_status_that_comes_back_flaps() {
        check(&events(&[(1, "Unknown"), (1, "False"), (1, "Unknown")]));
    }

    #[test]
    #[should_panic(expected = "was ready")]
    fn so_does_one_that_is_no_longer_ready() {
        check(&events(&[(1, "True"), (1, "False")]));
    }
}
