//! The row of an operation: who asks for what, and how far it is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identity::{ApplicationId, ClusterUserId, DeploymentUid, InstanceId, OperationId};

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// Its id.
    pub id: OperationId,
    /// What it is about.
    pub target: Target,
    /// Who asked for it and waits for its outcome.
    pub requester: Requester,
    /// The cluster user on whose behalf it runs.
    pub owner: ClusterUserId,
    /// The Argo CD instance that it concerns.
    pub instance: InstanceId,
}

/// What an operation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id")]
pub enum Target {
    /// The Argo CD Application of an application row.
    Application(ApplicationId),
}

impl Target {
    /// The row that it is about.
    pub fn row(&self) -> &str {
        match self {
            Self::Application(id) => id.as_str(),
        }
    }
}

/// The machine that asks for an operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "uid")]
pub enum Requester {
    /// A deployment.
    Deployment(DeploymentUid),
}

impl Requester {
    /// Reads the form that [`fmt::Display`] writes; `None` for a kind that only a later version knows.
    /// A UID alone is a deployment's: every version before there were other kinds has written that.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None => Some(Self::Deployment(DeploymentUid::new(text))),
            Some(_) => None,
        }
    }
}

impl fmt::Display for Requester {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployment(uid) => uid.fmt(formatter),
        }
    }
}

/// The state of an operation row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationState {
    /// Not seen by the agent yet.
    Waiting,
    /// The agent works on it.
    InProgress,
    /// Argo CD's resources match.
    Completed,
    /// They cannot be made to match, because of this.
    Failed(String),
}

impl OperationState {
    /// Whether the agent is done with it.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed(_))
    }
}
