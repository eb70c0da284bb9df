//! What the agent writes to Argo CD's namespace, one request for each effect.

use std::sync::Arc;

use crds::Operation;
use kube::api::{Api, DeleteParams};
use machines::identity::{ApplicationId, ClusterUserId, OperationId};
use machines::operation::application::ApplicationDocument;

use crate::agent::resources::project::entry::ProjectDocument;
use crate::kubernetes::{ApiError, api_error};
use crate::runtime::effects::{Priority, QueuedEffect};

/// One write to Argo CD's namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The AppProject of a user says this; `None` where there should be none.
    WriteProject {
        /// The user.
        user: ClusterUserId,
        /// What it should say.
        wanted: Option<Arc<ProjectDocument>>,
    },
    /// The Application says this.
    WriteApplication {
        /// Its row.
        row: ApplicationId,
        /// What it should say.
        document: Box<ApplicationDocument>,
        /// The operation that requires it.
        operation: OperationId,
    },
    /// No Application represents this row: one that was seen is deleted; otherwise the server is
    /// asked whether there is one.
    RemoveApplication {
        /// The row.
        row: ApplicationId,
        /// The Application's name, if its owner is known.
        name: Option<String>,
        /// The operation that requires it; `None` if it has no owner.
        operation: Option<OperationId>,
        /// Whether one was seen.
        is_seen: bool,
    },
    /// The Operation CR does not exist.
    RemoveOperation {
        /// The operation.
        operation: OperationId,
    },
}

/// What an effect is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The AppProject of a user.
    Project(ClusterUserId),
    /// The Application of a row.
    Application(ApplicationId),
    /// An Operation CR.
    Operation(OperationId),
}

impl QueuedEffect for Effect {
    type Key = Subject;

    fn key(&self) -> Subject {
        match self {
            Self::WriteProject { user, .. } => Subject::Project(user.clone()),
            Self::WriteApplication { row, .. } | Self::RemoveApplication { row, .. } => {
                Subject::Application(row.clone())
            }
            Self::RemoveOperation { operation } => Subject::Operation(operation.clone()),
        }
    }

    fn priority(&self) -> Priority {
        match self {
            Self::WriteProject { .. } | Self::WriteApplication { .. } => Priority::High,
            Self::RemoveApplication { .. } => Priority::Normal,
            Self::RemoveOperation { .. } => Priority::Low,
        }
    }

    fn is_answered(&self) -> bool {
        true
    }
}

/// Deletes an Operation CR, unless it is gone.
pub async fn remove_operation(
    client: &kube::Client,
    namespace: &str,
    operation: &OperationId,
) -> Result<(), ApiError> {
    let api: Api<Operation> = Api::namespaced(client.clone(), namespace);
    let name = crds::names::operation_name(operation.as_str());
    absent(api.delete(&name, &DeleteParams::default()).await.map(drop).map_err(api_error))
}

/// What is already missing counts as deleted.
pub(super) fn absent(outcome: Result<(), ApiError>) -> Result<(), ApiError> {
    match outcome {
        Err(ApiError::Missing) => Ok(()),
        outcome => outcome,
    }
}
