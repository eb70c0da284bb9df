//! How a new list of conditions follows from the old one and from what is to be said now.
//!
//! Pure: the status writer gives the list that it last saw, and the time. A condition that says
//! the same as before keeps its times, so that a status that says nothing new is not written.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{GitOpsDeploymentCondition, GitOpsDeploymentSyncRunCondition};

/// The condition types that this program writes, beside those that it mirrors from Argo CD.
pub mod condition_type {
    /// Whether the object does what it is for; `kubectl wait` and kstatus read it.
    pub const READY: &str = "Ready";
    /// Whether the program is at work on the object; kstatus reads it.
    pub const RECONCILING: &str = "Reconciling";
    /// Whether work on the object stands still until somebody acts; kstatus reads it.
    pub const STALLED: &str = "Stalled";
    /// Whether a sync run has ended well.
    pub const SUCCEEDED: &str = "Succeeded";
    /// Whether something went wrong that the user should know of.
    pub const ERROR_OCCURRED: &str = "ErrorOccurred";
    /// Whether a managed environment accepts its credentials.
    pub const CONNECTION_INITIALIZATION_SUCCEEDED: &str = "ConnectionInitializationSucceeded";
    /// Whether the repository of a repository credential exists.
    pub const VALID_REPOSITORY_URL: &str = "ValidRepositoryURL";
    /// Whether the repository accepts the repository credential.
    pub const VALID_REPOSITORY_CREDENTIAL: &str = "ValidRepositoryCredential";
}

/// What a condition says about its type.
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
    /// The word that stands in the object.
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

/// A condition that is to be said now.
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
    /// The generation of the spec that the condition speaks of; None leaves it out.
    pub observed_generation: Option<i64>,
}

/// A condition as it stands in an object's status.
pub trait StatusCondition: Clone + PartialEq {
    /// A condition that says this since `now`.
    fn changed(wanted: &WantedCondition, now: &Time) -> Self;
    /// What the condition is about.
    fn type_(&self) -> &str;
    /// Whether the condition has this status, reason and message.
    fn says(&self, wanted: &WantedCondition) -> bool;
    /// The same condition for another generation of the spec.
    fn observed_at(self, generation: Option<i64>) -> Self;
}

/// The list that says exactly what is wanted: a condition that says the same as before keeps its
/// times, and those that were there keep their order before new ones.
///
/// A type that is wanted twice is said once, with the words that come last.
#[must_use]
pub fn merge<C: StatusCondition>(existing: &[C], wanted: &[WantedCondition], now: &Time) -> Vec<C> {
    let last_words = |type_: &str| wanted.iter().rev().find(|wanted| wanted.type_ == type_);
    let mut merged: Vec<C> = Vec::with_capacity(wanted.len());
    let types = existing
        .iter()
        .map(C::type_)
        .chain(wanted.iter().map(|it| it.type_.as_str()));
    for type_ in types {
        let Some(words) = last_words(type_) else {
            continue;
        };
        if merged.iter().any(|done| done.type_() == type_) {
            continue;
        }
        let unchanged = existing
            .iter()
            .find(|old| old.type_() == type_ && old.says(words));
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

    fn type_(&self) -> &str {
        &self.type_
    }

    fn says(&self, wanted: &WantedCondition) -> bool {
        self.status == wanted.status.as_str()
            && self.reason == wanted.reason
            && self.message == wanted.message
    }

    fn observed_at(self, generation: Option<i64>) -> Self {
        Self {
            observed_generation: generation,
            ..self
        }
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

    fn type_(&self) -> &str {
        &self.type_
    }

    fn says(&self, wanted: &WantedCondition) -> bool {
        self.status == wanted.status.as_str()
            && self.reason == wanted.reason
            && self.message == wanted.message
    }

    fn observed_at(self, generation: Option<i64>) -> Self {
        Self {
            observed_generation: generation,
            ..self
        }
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

    fn type_(&self) -> &str {
        &self.type_
    }

    fn says(&self, wanted: &WantedCondition) -> bool {
        self.status == wanted.status.as_str()
            && self.reason == wanted.reason
            && self.message == wanted.message
    }

    fn observed_at(self, generation: Option<i64>) -> Self {
        Self {
            observed_generation: generation,
            ..self
        }
    }
}
