//! How a new list of conditions follows from the old one and from the conditions wanted now.
//!
//! Pure: the status writer passes the list that it last saw, and the time. An unchanged condition
//! keeps its times, so that a status with nothing new is not written.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{GitOpsDeploymentCondition, GitOpsDeploymentSyncRunCondition};

/// The condition types that this program writes, besides those that it mirrors from Argo CD.
pub mod condition_type {
    /// Whether the object fulfils its purpose; `kubectl wait` and kstatus read it.
    pub const READY: &str = "Ready";
    /// Whether the program is working on the object; kstatus reads it.
    pub const RECONCILING: &str = "Reconciling";
    /// Whether work on the object is blocked until someone acts; kstatus reads it.
    pub const STALLED: &str = "Stalled";
    /// Whether a sync run has ended well.
    pub const SUCCEEDED: &str = "Succeeded";
    /// Whether something went wrong that the user should know about.
    pub const ERROR_OCCURRED: &str = "ErrorOccurred";
    /// Whether a managed environment accepts its credentials.
    pub const CONNECTION_INITIALIZATION_SUCCEEDED: &str = "ConnectionInitializationSucceeded";
    /// Whether the repository of a repository credential exists.
    pub const VALID_REPOSITORY_URL: &str = "ValidRepositoryURL";
    /// Whether the repository accepts the repository credential.
    pub const VALID_REPOSITORY_CREDENTIAL: &str = "ValidRepositoryCredential";
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionStatus {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// It is not known whether it is so.
    Unknown,
}

impl ConditionStatus {
    /// The word in the object.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for ConditionStatus {
    fn from(is_so: bool) -> Self {
        if is_so { Self::True } else { Self::False }
    }
}

/// A condition that is wanted now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WantedCondition {
    /// What the condition is about.
    pub type_: String,
    /// Whether it is so.
    pub status: ConditionStatus,
    /// Why, in one word.
    pub reason: String,
    /// Why, in words.
    pub message: String,
    /// The generation of the spec that the condition refers to; None omits it.
    pub observed_generation: Option<i64>,
}

/// What a condition in an object's status says, without its times. The status may be any text:
/// another client may have written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// What the condition is about.
    pub type_: &'a str,
    /// Whether it is so.
    pub status: &'a str,
    /// Why, in one word.
    pub reason: &'a str,
    /// Why, in words.
    pub message: &'a str,
    /// The generation of the spec that the condition refers to.
    pub observed_generation: Option<i64>,
}

/// A condition as it is in an object's status.
pub trait StatusCondition: Clone + PartialEq {
    /// A condition that says this since `now`.
    fn changed(wanted: &WantedCondition, now: &Time) -> Self;
    /// What it says.
    fn said(&self) -> Said<'_>;
    /// The same condition for another generation of the spec.
    fn observed_at(self, generation: Option<i64>) -> Self;

    /// What the condition is about.
    fn type_(&self) -> &str {
        self.said().type_
    }

    /// Whether the condition has this status, reason and message.
    fn says(&self, wanted: &WantedCondition) -> bool {
        let said = self.said();
        (said.status, said.reason, said.message)
            == (wanted.status.as_str(), wanted.reason.as_str(), wanted.message.as_str())
    }
}

/// The list with exactly the wanted conditions: an unchanged condition keeps its times, and
/// existing ones keep their order before new ones.
///
/// If a type is wanted twice, the last one wins.
#[must_use]
pub fn merge<C: StatusCondition>(existing: &[C], wanted: &[WantedCondition], now: &Time) -> Vec<C> {
    let last_words = |type_: &str| wanted.iter().rev().find(|wanted| wanted.type_ == type_);
    let mut merged: Vec<C> = Vec::with_capacity(wanted.len());
    let types = existing.iter().map(C::type_).chain(wanted.iter().map(|it| it.type_.as_str()));
    for type_ in types {
        let Some(words) = last_words(type_) else {
            continue;
        };
        if merged.iter().any(|done| done.type_() == type_) {
            continue;
        }
        let unchanged = existing.iter().find(|old| old.type_() == type_ && old.says(words));
        merged.push(match unchanged {
            Some(old) => old.clone().observed_at(words.observed_generation),
            None => C::changed(words, now),
        });
    }
    merged
}

impl StatusCondition for GitOpsDeploymentCondition {
    fn changed(wanted: &WantedCondition, now: &Time) -> Self {
        Self {
            type_: wanted.type_.clone(),
            status: wanted.status.as_str().to_owned(),
            message: wanted.message.clone(),
            reason: wanted.reason.clone(),
            last_probe_time: Some(now.clone()),
            last_transition_time: Some(now.clone()),
            observed_generation: wanted.observed_generation,
        }
    }

    fn said(&self) -> Said<'_> {
        Said {
            type_: &self.type_,
            status: &self.status,
            reason: &self.reason,
            message: &self.message,
            observed_generation: self.observed_generation,
        }
    }

    fn observed_at(self, generation: Option<i64>) -> Self {
        Self { observed_generation: generation, ..self }
    }
}

impl StatusCondition for GitOpsDeploymentSyncRunCondition {
    fn changed(wanted: &WantedCondition, now: &Time) -> Self {
        Self {
            type_: wanted.type_.clone(),
            message: wanted.message.clone(),
            status: wanted.status.as_str().to_owned(),
            reason: wanted.reason.clone(),
            last_transition_time: Some(now.clone()),
            observed_generation: wanted.observed_generation,
        }
    }

    fn said(&self) -> Said<'_> {
        Said {
            type_: &self.type_,
            status: &self.status,
            reason: &self.reason,
            message: &self.message,
            observed_generation: self.observed_generation,
        }
    }

    fn observed_at(self, generation: Option<i64>) -> Self {
        Self { observed_generation: generation, ..self }
    }
}

impl StatusCondition for Condition {
    fn changed(wanted: &WantedCondition, now: &Time) -> Self {
        Self {
            type_: wanted.type_.clone(),
            status: wanted.status.as_str().to_owned(),
            reason: wanted.reason.clone(),
            message: wanted.message.clone(),
            last_transition_time: now.clone(),
            observed_generation: wanted.observed_generation,
        }
    }

    fn said(&self) -> Said<'_> {
        Said {
            type_: &self.type_,
            status: &self.status,
            reason: &self.reason,
            message: &self.message,
            observed_generation: self.observed_generation,
        }
    }

    fn observed_at(self, generation: Option<i64>) -> Self {
        Self { observed_generation: generation, ..self }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(1_750_000_000 + second).unwrap())
    }

    fn wanted(type_: &str, status: ConditionStatus, message: &str) -> WantedCondition {
        WantedCondition {
            type_: type_.to_owned(),
            status,
            reason: format!("{type_}Reason"),
            message: message.to_owned(),
            observed_generation: Some(1),
        }
    }

    fn types<C: StatusCondition>(conditions: &[C]) -> Vec<&str> {
        conditions.iter().map(C::type_).collect()
    }

    #[test]
    fn a_new_condition_starts_now() {
        let ready = wanted("Ready", ConditionStatus::True, "");
        let merged: Vec<GitOpsDeploymentCondition> = merge(&[], &[ready], &at(1));
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].status, "True");
        assert_eq!(merged[0].reason, "ReadyReason");
        assert_eq!(merged[0].last_transition_time, Some(at(1)));
        assert_eq!(merged[0].last_probe_time, Some(at(1)));
        assert_eq!(merged[0].observed_generation, Some(1));
    }

    #[test]
    fn an_unchanged_condition_keeps_its_times() {
        let ready = [wanted("Ready", ConditionStatus::True, "all is well")];
        let first: Vec<GitOpsDeploymentCondition> = merge(&[], &ready, &at(1));
        assert_eq!(merge(&first, &ready, &at(2)), first);
        let first: Vec<GitOpsDeploymentSyncRunCondition> = merge(&[], &ready, &at(1));
        assert_eq!(merge(&first, &ready, &at(2)), first);
        let first: Vec<Condition> = merge(&[], &ready, &at(1));
        assert_eq!(merge(&first, &ready, &at(2)), first);
    }

    fn assert_changed_since<C: StatusCondition>(since: impl Fn(&C) -> Option<Time>) {
        let before = wanted("Ready", ConditionStatus::False, "waiting");
        let first: Vec<C> = merge(&[], std::slice::from_ref(&before), &at(1));
        for now in [
            WantedCondition { status: ConditionStatus::Unknown, ..before.clone() },
            WantedCondition { reason: "Another".to_owned(), ..before.clone() },
            WantedCondition { message: "still waiting".to_owned(), ..before.clone() },
        ] {
            let merged = merge(&first, std::slice::from_ref(&now), &at(2));
            assert_eq!(since(&merged[0]), Some(at(2)), "{now:?}");
            assert!(merged[0].says(&now));
        }
    }

    #[test]
    fn a_changed_status_reason_or_message_updates_the_times_of_every_kind_of_condition() {
        assert_changed_since(|it: &GitOpsDeploymentCondition| it.last_transition_time.clone());
        assert_changed_since(|it: &GitOpsDeploymentCondition| it.last_probe_time.clone());
        assert_changed_since(|it: &GitOpsDeploymentSyncRunCondition| {
            it.last_transition_time.clone()
        });
        assert_changed_since(|it: &Condition| Some(it.last_transition_time.clone()));
    }

    #[test]
    fn a_new_generation_alone_changes_no_time() {
        let before = wanted("Ready", ConditionStatus::True, "");
        let first: Vec<GitOpsDeploymentCondition> =
            merge(&[], std::slice::from_ref(&before), &at(1));
        let now = WantedCondition { observed_generation: Some(2), ..before };
        let merged = merge(&first, &[now], &at(2));
        let expected =
            GitOpsDeploymentCondition { observed_generation: Some(2), ..first[0].clone() };
        assert_eq!(merged, [expected]);
    }

    #[test]
    fn a_condition_that_is_no_longer_wanted_is_removed() {
        let both = [
            wanted("Ready", ConditionStatus::True, ""),
            wanted("Stalled", ConditionStatus::False, ""),
        ];
        let first: Vec<Condition> = merge(&[], &both, &at(1));
        assert_eq!(types(&merge(&first, &both[..1], &at(2))), ["Ready"]);
        assert!(merge(&first, &[], &at(2)).is_empty());
    }

    #[test]
    fn the_order_of_the_existing_list_stays_and_new_conditions_follow() {
        let [a, b, c] = ["A", "B", "C"].map(|it| wanted(it, ConditionStatus::True, ""));
        let first: Vec<Condition> = merge(&[], &[b.clone(), a.clone()], &at(1));
        assert_eq!(types(&first), ["B", "A"]);
        let second = merge(&first, &[a, c, b], &at(2));
        assert_eq!(types(&second), ["B", "A", "C"]);
    }

    #[test]
    fn a_type_that_occurs_twice_is_reported_once_and_settles() {
        let twice = [
            wanted("SyncError", ConditionStatus::True, "first"),
            wanted("SyncError", ConditionStatus::True, "last"),
        ];
        let first: Vec<Condition> = merge(&[], &twice, &at(1));
        assert_eq!(types(&first), ["SyncError"]);
        assert_eq!(first[0].message, "last");
        assert_eq!(merge(&first, &twice, &at(2)), first);
    }
}
