//! What the backend writes to the Kubernetes API, one request for each effect.

use std::sync::Arc;

use crds::argocd::ApplicationStatus;
use crds::{Operation, OperationSpec};
use kube::api::{Api, PostParams};
use machines::identity::{ApplicationId, DeploymentUid, OperationId, TenantUid};
use machines::kinds::deployment::conditions::StatusView;

use crate::backend::observations::Key;
use crate::kubernetes::{self, ApiError};
use crate::runtime::effects::{Priority, QueuedEffect};

/// One write to the Kubernetes API.
#[derive(Clone, Debug)]
pub enum Effect {
    /// An Operation resource exists.
    CreateOperation {
        /// The machine that asks for the operation.
        requester: Key,
        /// Whose turn it is.
        tenant: TenantUid,
        /// The operation.
        operation: OperationId,
    },
    /// The status of a deployment's object says this.
    WriteStatus {
        /// The deployment.
        uid: DeploymentUid,
        /// What it says of our own.
        view: StatusView,
        /// What it mirrors, where that is to be written.
        report: Option<Mirrored>,
    },
    /// Our finalizer is not on a deployment's object.
    RemoveFinalizer {
        /// The deployment.
        uid: DeploymentUid,
    },
}

/// What a status mirrors.
#[derive(Clone, Debug)]
pub enum Mirrored {
    /// This.
    Read(Arc<ApplicationStatus>),
    /// The newest report on this application, which could not be read yet.
    Unread(ApplicationId),
}

/// What an effect is about: something of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The Operation resource.
    Operation,
    /// The object's status.
    Status,
    /// The object's finalizer.
    Finalizer,
}

/// Everything that a machine may require.
pub const SUBJECTS: [Subject; 3] = [Subject::Operation, Subject::Status, Subject::Finalizer];

impl PartialEq for Effect {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::CreateOperation { operation, .. },
                Self::CreateOperation { operation: others, .. },
            ) => operation == others,
            // A report is named by the digest in its view.
            (
                Self::WriteStatus { uid, view, .. },
                Self::WriteStatus { uid: other_uid, view: others, .. },
            ) => uid == other_uid && view == others,
            (Self::RemoveFinalizer { uid }, Self::RemoveFinalizer { uid: others }) => uid == others,
            _ => false,
        }
    }
}

impl QueuedEffect for Effect {
    type Key = (Key, Subject);

    fn key(&self) -> Self::Key {
        match self {
            Self::CreateOperation { requester, .. } => (requester.clone(), Subject::Operation),
            Self::WriteStatus { uid, .. } => (Key::Deployment(uid.clone()), Subject::Status),
            Self::RemoveFinalizer { uid } => (Key::Deployment(uid.clone()), Subject::Finalizer),
        }
    }

    fn priority(&self) -> Priority {
        match self {
            Self::CreateOperation { .. } | Self::RemoveFinalizer { .. } => Priority::High,
            Self::WriteStatus { .. } => Priority::Normal,
        }
    }

    fn is_answered(&self) -> bool {
        match self {
            Self::WriteStatus { .. } => true,
            // The agent answers it, in the operation's row; the watch shows the other.
            Self::CreateOperation { .. } | Self::RemoveFinalizer { .. } => false,
        }
    }
}

/// Creates the Operation CR, unless it exists.
pub async fn create_operation(
    client: &kube::Client,
    argocd_namespace: &str,
    tenant: &TenantUid,
    operation: &OperationId,
) -> Result<(), ApiError> {
    let api: Api<Operation> = Api::namespaced(client.clone(), argocd_namespace);
    let spec = OperationSpec { operation_id: operation.as_str().to_owned() };
    let mut object = Operation::new(&crds::names::operation_name(operation.as_str()), spec);
    object
        .metadata
        .labels
        .get_or_insert_default()
        .insert(crds::names::TENANT_LABEL.to_owned(), tenant.as_str().to_owned());
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(kubernetes::api_error(error)),
    }
}
