//! The size of a status, and a shorter one that fits into less.

use std::iter::once;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::operation::{OperationState, ResourceResult};
use super::{ApplicationCondition, ApplicationStatus, ResourceStatus};

/// The longest text of a shortened status, in characters: no condition shows more.
const TEXT_LIMIT: usize = 1_024;
/// The most conditions of a shortened status.
const CONDITIONS_LIMIT: usize = 32;
/// The longest condition type of a shortened status, in characters.
const TYPE_LIMIT: usize = 128;
/// The size of the note on what is missing, in bytes, including the fields that a status repeats.
const NOTE_BYTES: usize = 1_024;

/// What a status has no room for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["resources", "kept", "message"]))]
pub struct Truncated {
    /// How many resources there are.
    pub resources: i64,
    /// How many of them are listed: those that are out of sync or not healthy before others.
    pub kept: i64,
    /// What is missing, in words.
    pub message: String,
}

/// What can be missing, in the order in which it is left out.
const RESULTS: &str = "results of the last sync for each resource";
const TEXTS: &str = "the ends of long texts";
const RESOURCES: &str = "some of the resources";
const OPERATION: &str = "parameters of the last sync";

/// The bytes that a value takes in JSON as an API server stores it.
#[must_use]
pub fn stored_bytes(value: &impl Serialize) -> usize {
    // Go writes these three as six characters each.
    let escaped = |byte: &&u8| matches!(byte, b'<' | b'>' | b'&');
    let bytes = |json: Vec<u8>| json.len() + 5 * json.iter().filter(escaped).count();
    serde_json::to_vec(value).map_or(usize::MAX, bytes)
}

impl ApplicationStatus {
    /// The same status in this many bytes of JSON. What concerns the whole Application is always
    /// kept: sync, health, and the phase of the last sync; then conditions, within limits. Equal
    /// statuses are shortened equally.
    ///
    /// Left out, in this order and no more than needed: the last sync's results for single
    /// resources; what exceeds 1,024 characters of a text, and conditions that a status does not
    /// show; resources, those that are in sync and healthy first, from the end of Argo CD's order;
    /// parameters of the last sync.
    #[must_use]
    pub fn shortened(self, budget: usize) -> Self {
        if stored_bytes(&self) <= budget {
            return self;
        }
        let budget = budget.saturating_sub(NOTE_BYTES);
        let (known, count) = (self.truncated.clone(), self.resources.len());
        let mut short = self;
        let mut missing = vec![RESULTS];
        let results = short.take_results();
        if stored_bytes(&short) > budget {
            missing.push(TEXTS);
            short = short.with_short_texts();
        }
        let resources = std::mem::take(&mut short.resources);
        let room = budget.saturating_sub(stored_bytes(&short));
        short.resources = fitting(&resources, room, ResourceStatus::needs_attention);
        if short.resources.len() < resources.len() {
            missing.push(RESOURCES);
        }
        if stored_bytes(&short) > budget {
            missing.push(OPERATION);
            short.operation_state = short.operation_state.map(OperationState::outcome);
        }
        if missing == [RESULTS] {
            let room = budget.saturating_sub(stored_bytes(&short));
            short.put_results(fitting(&results, room, ResourceResult::needs_attention));
        }
        short.truncated = Some(note(known.as_ref(), count, short.resources.len(), &missing));
        short
    }

    fn take_results(&mut self) -> Vec<ResourceResult> {
        let result = self.operation_state.as_mut().and_then(|state| state.sync_result.as_mut());
        result.map(|result| std::mem::take(&mut result.resources)).unwrap_or_default()
    }

    fn put_results(&mut self, results: Vec<ResourceResult>) {
        let result = self.operation_state.as_mut().and_then(|state| state.sync_result.as_mut());
        if let Some(result) = result {
            result.resources = results;
        }
    }

    fn with_short_texts(mut self) -> Self {
        let last = |conditions: &[ApplicationCondition], position: usize| {
            let type_ = &conditions[position].type_;
            conditions.iter().skip(position + 1).all(|later| later.type_ != *type_)
        };
        let conditions = std::mem::take(&mut self.conditions);
        let shown = (0..conditions.len()).filter(|position| last(&conditions, *position));
        let shown = shown.take(CONDITIONS_LIMIT).map(|position| conditions[position].clone());
        self.conditions = shown.collect();
        for condition in &mut self.conditions {
            cut(&mut condition.type_, TYPE_LIMIT);
            condition.last_transition_time.iter_mut().for_each(|time| cut(time, TYPE_LIMIT));
        }
        let Ok(mut value) = serde_json::to_value(&self) else { return self };
        cut_texts(&mut value);
        serde_json::from_value(value).unwrap_or_default()
    }
}

/// What is missing now, and what was already missing.
fn note(known: Option<&Truncated>, resources: usize, kept: usize, missing: &[&str]) -> Truncated {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let was_missing = |part: &str| known.is_some_and(|one| one.message.contains(part));
    let is_missing = |part: &&str| missing.contains(part) || was_missing(part);
    let parts = [RESULTS, TEXTS, RESOURCES, OPERATION].into_iter().filter(is_missing);
    let parts: Vec<&str> = parts.collect();
    Truncated {
        resources: known.map_or(count(resources), |one| one.resources),
        kept: count(kept),
        message: format!("too large to be shown whole; left out: {}", parts.join(", ")),
    }
}

impl OperationState {
    /// Its outcome, without its parameters.
    fn outcome(self) -> Self {
        let revision = self.operation.sync.map(|sync| sync.revision).unwrap_or_default();
        let sync = super::SyncOperation { revision, ..super::SyncOperation::default() };
        let operation = super::Operation { sync: Some(sync), ..super::Operation::default() };
        let sync_result = self.sync_result.map(|result| super::SyncOperationResult {
            revision: result.revision,
            source: result.source,
            ..super::SyncOperationResult::default()
        });
        Self { operation, sync_result, ..self }
    }
}

impl ResourceStatus {
    /// Whether a person would look at it first.
    fn needs_attention(&self) -> bool {
        let health = self.health.as_ref().map_or("", |health| health.status.as_str());
        !matches!(self.status.as_str(), "" | super::sync::SYNCED)
            || !matches!(health, "" | super::health::HEALTHY)
    }
}

impl ResourceResult {
    fn needs_attention(&self) -> bool {
        self.status == "SyncFailed" || matches!(self.hook_phase.as_str(), "Failed" | "Error")
    }
}

/// The items that fit, in their order: earlier ones first.
fn fitting<T: Clone + Serialize>(items: &[T], room: usize, comes_first: fn(&T) -> bool) -> Vec<T> {
    let mut left = room;
    let first = (0..items.len()).filter(|position| comes_first(&items[*position]));
    let then = (0..items.len()).filter(|position| !comes_first(&items[*position]));
    let mut kept: Vec<usize> = first
        .chain(then)
        .take_while(|position| {
            // Including the comma.
            let bytes = stored_bytes(&items[*position]).saturating_add(1);
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        })
        .collect();
    kept.sort_unstable();
    kept.into_iter().map(|position| items[position].clone()).collect()
}

fn cut_texts(value: &mut Value) {
    match value {
        Value::String(text) => cut(text, TEXT_LIMIT),
        Value::Array(items) => items.iter_mut().for_each(cut_texts),
        Value::Object(members) => members.values_mut().for_each(cut_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// At most this many characters; if some are missing, the last three are dots.
fn cut(text: &mut String, limit: usize) {
    if text.chars().nth(limit).is_some() {
        *text = text.chars().take(limit - 3).chain(once('.').cycle().take(3)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HealthStatus, SyncOperationResult};
    use super::*;

    fn resource(number: usize, status: &str, health: &str) -> ResourceStatus {
        ResourceStatus {
            kind: "ConfigMap".to_owned(),
            name: format!("configuration-{number:05}"),
            status: status.to_owned(),
            health: Some(HealthStatus { status: health.to_owned(), message: String::new() }),
            ..ResourceStatus::default()
        }
    }

    /// Every tenth resource is not healthy, the last is out of sync.
    fn large(resources: usize) -> ApplicationStatus {
        let health = |number: usize| if number % 10 == 9 { "Degraded" } else { "Healthy" };
        let mut status = ApplicationStatus::default();
        status.sync.status = "Synced".to_owned();
        status.health.status = "Degraded".to_owned();
        status.resources =
            (0..resources).map(|number| resource(number, "Synced", health(number))).collect();
        status.resources.push(resource(resources, "OutOfSync", "Healthy"));
        let result = |number| ResourceResult {
            name: format!("configuration-{number:05}"),
            status: if number == 7 { "SyncFailed" } else { "Synced" }.to_owned(),
            ..ResourceResult::default()
        };
        let results = (0..resources).map(result).collect();
        let result = SyncOperationResult { resources: results, ..SyncOperationResult::default() };
        status.operation_state = Some(OperationState {
            phase: "Succeeded".to_owned(),
            sync_result: Some(result),
            ..OperationState::default()
        });
        status
    }

    fn results(status: &ApplicationStatus) -> &[ResourceResult] {
        &status.operation_state.as_ref().unwrap().sync_result.as_ref().unwrap().resources
    }

    #[test]
    fn a_status_that_fits_stays_unchanged() {
        let status = large(100);
        assert_eq!(status.clone().shortened(stored_bytes(&status)), status);
    }

    #[test]
    fn the_results_of_single_resources_are_dropped_before_any_resource_and_failures_last() {
        let status = large(100);
        let short = status.clone().shortened(stored_bytes(&status) - 2_000);
        assert_eq!(short.resources, status.resources);
        assert!(results(&short).len() < 100);
        assert!(results(&short).iter().any(|one| one.status == "SyncFailed"));
        let truncated = short.truncated.unwrap();
        assert_eq!((truncated.resources, truncated.kept), (101, 101));
        assert!(
            truncated.message.ends_with("left out: results of the last sync for each resource")
        );
    }

    #[test]
    fn resources_that_need_attention_are_kept_before_others_in_argo_cds_order() {
        let status = large(1_000);
        let budget = 30_000;
        let short = status.clone().shortened(budget);
        assert!(stored_bytes(&short) <= budget);
        let kept = &short.resources;
        let attention =
            |all: &[ResourceStatus]| all.iter().filter(|one| one.needs_attention()).count();
        assert_eq!(attention(kept), attention(&status.resources), "all of them are there");
        assert!(kept.len() > attention(kept), "and some others");
        assert!(kept.is_sorted_by_key(|one| one.name.clone()), "in their order");
        let first_of_others = &status.resources[..kept.len() - attention(kept)];
        assert!(first_of_others.iter().all(|one| kept.contains(one)), "the first of the others");
        let truncated = short.truncated.clone().unwrap();
        assert_eq!((truncated.resources, truncated.kept), (1_001, kept.len() as i64));
        // A status that is shortened a second time still has the original count.
        let shorter = short.clone().shortened(5_000).truncated.unwrap();
        assert_eq!(shorter.resources, 1_001);
        assert!(shorter.kept < truncated.kept);
    }

    #[test]
    fn a_long_text_does_not_displace_a_resource() {
        let mut status = large(100);
        let budget = stored_bytes(&status);
        status.operation_state.as_mut().unwrap().message = "<".repeat(1_000_000);
        let short = status.clone().shortened(budget);
        assert_eq!(short.resources, status.resources);
        assert_eq!(short.operation_state.unwrap().message.chars().count(), TEXT_LIMIT);
    }

    #[test]
    fn the_overall_status_is_kept_even_without_any_room() {
        let status = large(1_000);
        let short = status.clone().shortened(0);
        assert_eq!((&short.sync, &short.health), (&status.sync, &status.health));
        assert_eq!(short.operation_state.as_ref().unwrap().phase, "Succeeded");
        assert_eq!((short.resources.len(), results(&short).len()), (0, 0));
        assert!(stored_bytes(&short) < 2_000);
        assert_eq!(status.clone().shortened(0), short);
    }

    #[test]
    fn characters_that_go_escapes_count_as_escaped() {
        assert_eq!(stored_bytes(&"<&>"), 2 + 18);
        assert_eq!(stored_bytes(&"abc"), 5);
    }
}
