//! What an operation is about, which machine asks for it, what is wanted, and its progress.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, EnvironmentId, InstanceId, OperationId,
};
use crate::kinds::managed_environment::EnvironmentUid;
use crate::kinds::repository_credential::{CredentialId, CredentialUid};
use crate::kinds::sync_run::SyncRunUid;
use crate::operation::application::ApplicationDocument;
use crate::operation::sync::{SyncOperationId, WantedSync};

/// `operation.resource_type` of an operation on an application.
pub const APPLICATION: &str = "Application";
/// `operation.resource_type` of an operation on a managed environment.
pub const MANAGED_ENVIRONMENT: &str = "ManagedEnvironment";
/// `operation.resource_type` of an operation on a repository credential.
pub const REPOSITORY_CREDENTIALS: &str = "RepositoryCredentials";
/// `operation.resource_type` of an operation on a sync.
pub const SYNC_OPERATION: &str = "SyncOperation";

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// Its id.
    pub id: OperationId,
    /// What it is about.
    pub target: Target,
    /// What asked for it and waits for its outcome.
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
    /// The cluster Secret of an environment's row.
    Environment(EnvironmentId),
    /// The repository Secret of a credential's row.
    Credential(CredentialId),
    /// A sync of such an Application.
    Sync(SyncOperationId),
}

impl Target {
    /// The row that it is about.
    pub fn row(&self) -> &str {
        match self {
            Self::Application(id) => id.as_str(),
            Self::Environment(id) => id.as_str(),
            Self::Credential(id) => id.as_str(),
            Self::Sync(id) => id.as_str(),
        }
    }

    /// The kind of that row, as `operation.resource_type` says it.
    pub fn resource_type(&self) -> &'static str {
        match self {
            Self::Application(_) => APPLICATION,
            Self::Environment(_) => MANAGED_ENVIRONMENT,
            Self::Credential(_) => REPOSITORY_CREDENTIALS,
            Self::Sync(_) => SYNC_OPERATION,
        }
    }
}

/// What the row of an operation's target asks for.
#[expect(clippy::large_enum_variant, reason = "it is only in a row view, which is in a box")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A request about the Application of an application row.
    Application {
        /// The row.
        row: ApplicationId,
        /// What the Application should say; `None` if the row is gone and the Application should
        /// go.
        document: Option<ApplicationDocument>,
    },
    /// A request about the cluster Secret of an environment's row.
    Environment {
        /// The row.
        row: EnvironmentId,
        /// The digest of what the Secret should say; `None` if the row is gone and the Secret should
        /// go.
        secret: Option<Digest>,
    },
    /// A request about the repository Secret of a credential's row.
    Credential {
        /// The row.
        row: CredentialId,
        /// The digest of what the Secret should say; `None` if the row is gone and the Secret should
        /// go.
        secret: Option<Digest>,
    },
    /// A request about a sync.
    Sync {
        /// The row.
        row: SyncOperationId,
        /// What it asks for; `None` if it is gone.
        sync: Option<Box<WantedSync>>,
    },
}

impl Wanted {
    /// What the operation is about.
    pub fn target(&self) -> Target {
        match self {
            Self::Application { row, .. } => Target::Application(row.clone()),
            Self::Environment { row, .. } => Target::Environment(row.clone()),
            Self::Credential { row, .. } => Target::Credential(row.clone()),
            Self::Sync { row, .. } => Target::Sync(row.clone()),
        }
    }
}

/// The machine that asks for an operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "uid")]
pub enum Requester {
    /// A deployment.
    Deployment(DeploymentUid),
    /// A managed environment.
    Environment(EnvironmentUid),
    /// A repository credential.
    Credential(CredentialUid),
    /// A sync run.
    SyncRun(SyncRunUid),
}

/// The kind of a managed environment in the text form of a requester. With a UID it just fits in the
/// column, which has 48 characters.
const ENVIRONMENT: &str = "Environment";
/// The kind of a repository credential in the text form of a requester.
const CREDENTIAL: &str = "Credential";
/// The kind of a sync run in the text form of a requester.
const SYNC_RUN: &str = "SyncRun";

impl Requester {
    /// If it is a deployment.
    pub fn deployment(&self) -> Option<&DeploymentUid> {
        match self {
            Self::Deployment(uid) => Some(uid),
            Self::Environment(_) | Self::Credential(_) | Self::SyncRun(_) => None,
        }
    }

    /// Reads the form that [`fmt::Display`] writes; `None` for a kind that only a later version
    /// knows. A bare UID is a deployment's: versions from before there were other kinds wrote that.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None => Some(Self::Deployment(DeploymentUid::new(text))),
            Some((ENVIRONMENT, uid)) => Some(Self::Environment(EnvironmentUid::new(uid))),
            Some((CREDENTIAL, uid)) => Some(Self::Credential(CredentialUid::new(uid))),
            Some((SYNC_RUN, uid)) => Some(Self::SyncRun(SyncRunUid::new(uid))),
            Some(_) => None,
        }
    }
}

impl fmt::Display for Requester {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployment(uid) => uid.fmt(formatter),
            Self::Environment(uid) => write!(formatter, "{ENVIRONMENT}/{uid}"),
            Self::Credential(uid) => write!(formatter, "{CREDENTIAL}/{uid}"),
            Self::SyncRun(uid) => write!(formatter, "{SYNC_RUN}/{uid}"),
        }
    }
}

/// The state of an operation row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationState {
    /// Not yet seen by the agent.
    Waiting,
    /// The agent is working on it.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of `operation.requester`.
    const COLUMN: usize = 48;

    #[test]
    fn a_requester_of_any_kind_fits_in_its_column_and_is_read_again() {
        let uid = "2c0b9d5e-7f64-4a57-9d0f-5b9b9f1d6c11";
        for requester in [
            Requester::Deployment(DeploymentUid::new(uid)),
            Requester::Environment(EnvironmentUid::new(uid)),
            Requester::Credential(CredentialUid::new(uid)),
            Requester::SyncRun(SyncRunUid::new(uid)),
        ] {
            let text = requester.to_string();
            assert!(text.len() <= COLUMN, "{text}");
            assert_eq!(Requester::parse(&text), Some(requester));
        }
    }
}
