//! What the agent acts on in Argo CD's namespace: one folder for each kind of resource, and here what
//! each has to be registered for.

pub mod application;
pub mod operation;
pub mod project;
pub mod secret;
pub mod sync;

use std::sync::Arc;

use machines::identity::{ApplicationId, ClusterUserId, Digest, OperationId};
use machines::operation::OperationObligation;
use machines::operation::application::{ApplicationDocument, project_name};
use machines::operation::sync::{SyncOperationId, SyncRequest};
use machines::rows::Target;

use crate::agent::Agent;
use crate::agent::argo::Changed;
use crate::agent::batch::FollowUp;
use crate::kubernetes::ApiError;
use crate::runtime::effects::{Outcome, Priority, QueuedEffect};
use project::entry::ProjectDocument;
use secret::row::SecretRow;

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
    /// The Secret says what its row says. What that is, is read when it is written: nothing
    /// secret waits in a queue.
    WriteSecret {
        /// The row.
        row: SecretRow,
        /// The AppProject that the Secret is for; `None` if tenants are not isolated.
        project: Option<String>,
        /// The digest of what it should say: once that changes, it is to be written again.
        secret: Digest,
        /// The operation that requires it.
        operation: OperationId,
    },
    /// There is no Secret of this row.
    RemoveSecret {
        /// The row.
        row: SecretRow,
        /// The operation that requires it; `None` if it has no owner.
        operation: Option<OperationId>,
    },
    /// Argo CD was asked for a sync.
    BeginSync {
        /// The row of the Application.
        row: ApplicationId,
        /// The Application's name.
        name: String,
        /// What to ask for.
        request: SyncRequest,
        /// What the Application should say.
        document: Box<ApplicationDocument>,
        /// The operation that requires it.
        operation: OperationId,
    },
    /// It is known whether a synced Application exists.
    SeekApplication {
        /// The row of the Application.
        row: ApplicationId,
        /// The Application's name.
        name: String,
        /// The sync.
        sync: SyncOperationId,
        /// The operation that requires it.
        operation: OperationId,
    },
    /// Argo CD does not run a sync, and never will.
    EndSync {
        /// The row of the Application.
        row: ApplicationId,
        /// The Application's name.
        name: String,
        /// The sync.
        sync: SyncOperationId,
        /// The operation that requires it.
        operation: OperationId,
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
    /// The Secret of a row.
    Secret(SecretRow),
    /// A sync.
    Sync(SyncOperationId),
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
            Self::WriteSecret { row, .. } | Self::RemoveSecret { row, .. } => {
                Subject::Secret(row.clone())
            }
            Self::BeginSync { request, .. } => Subject::Sync(request.sync.clone()),
            Self::SeekApplication { sync, .. } | Self::EndSync { sync, .. } => {
                Subject::Sync(sync.clone())
            }
            Self::RemoveOperation { operation } => Subject::Operation(operation.clone()),
        }
    }

    fn priority(&self) -> Priority {
        match self {
            Self::WriteProject { .. }
            | Self::WriteApplication { .. }
            | Self::WriteSecret { .. }
            | Self::BeginSync { .. }
            | Self::SeekApplication { .. }
            | Self::EndSync { .. } => Priority::High,
            Self::RemoveApplication { .. } | Self::RemoveSecret { .. } => Priority::Normal,
            Self::RemoveOperation { .. } => Priority::Low,
        }
    }

    fn is_answered(&self) -> bool {
        true
    }
}

/// What was required for the target of an operation, which its end settles.
pub(super) fn settled(target: &Target) -> Subject {
    match target {
        Target::Application(row) => Subject::Application(row.clone()),
        Target::Environment(row) => Subject::Secret(SecretRow::Cluster(row.clone())),
        Target::Credential(row) => Subject::Secret(SecretRow::Repository(row.clone())),
        Target::Sync(sync) => Subject::Sync(sync.clone()),
    }
}

/// The sync that an operation is about.
fn synced(follow_up: &FollowUp) -> SyncOperationId {
    match &follow_up.target {
        Some(Target::Sync(sync)) => sync.clone(),
        Some(Target::Application(_) | Target::Environment(_) | Target::Credential(_)) | None => {
            SyncOperationId::default()
        }
    }
}

impl Agent {
    /// The AppProject of a user's resources; `None` if tenants are not isolated.
    pub(super) fn project_of(&self, owner: &ClusterUserId) -> Option<String> {
        self.settings.isolation.then(|| project_name(owner))
    }

    /// What an operation requires, as an effect.
    pub(super) fn effect(&self, follow_up: &FollowUp, obligation: &OperationObligation) -> Effect {
        let FollowUp { id, application_name, .. } = follow_up;
        match obligation {
            OperationObligation::ProjectWritten(user) => {
                Effect::WriteProject { user: user.clone(), wanted: self.open().project(user) }
            }
            OperationObligation::ApplicationWritten(row, document) => Effect::WriteApplication {
                row: row.clone(),
                document: document.clone(),
                operation: id.clone(),
            },
            OperationObligation::ApplicationRemoved(row) => Effect::RemoveApplication {
                row: row.clone(),
                name: application_name.clone(),
                operation: Some(id.clone()),
                is_seen: self.argo().application_of(row, application_name.as_deref()).is_some(),
            },
            OperationObligation::SyncRequested(row, request, document) => Effect::BeginSync {
                row: row.clone(),
                name: application_name.clone().unwrap_or_default(),
                request: request.clone(),
                document: document.clone(),
                operation: id.clone(),
            },
            OperationObligation::ApplicationSought(row) => Effect::SeekApplication {
                row: row.clone(),
                name: application_name.clone().unwrap_or_default(),
                sync: synced(follow_up),
                operation: id.clone(),
            },
            OperationObligation::SyncEnded(row, sync) => Effect::EndSync {
                row: row.clone(),
                name: application_name.clone().unwrap_or_default(),
                sync: sync.clone(),
                operation: id.clone(),
            },
            OperationObligation::ResourceRemoved(id) => {
                Effect::RemoveOperation { operation: id.clone() }
            }
            OperationObligation::ClusterWritten(row, secret) => {
                self.secret_effect(follow_up, SecretRow::Cluster(row.clone()), Some(secret))
            }
            OperationObligation::SecretWritten(row, secret) => {
                self.secret_effect(follow_up, SecretRow::Repository(row.clone()), Some(secret))
            }
            OperationObligation::ClusterRemoved(row) => {
                self.secret_effect(follow_up, SecretRow::Cluster(row.clone()), None)
            }
            OperationObligation::SecretRemoved(row) => {
                self.secret_effect(follow_up, SecretRow::Repository(row.clone()), None)
            }
        }
    }

    fn secret_effect(
        &self,
        follow_up: &FollowUp,
        row: SecretRow,
        wanted: Option<&Digest>,
    ) -> Effect {
        let operation = follow_up.id.clone();
        match wanted {
            Some(secret) => {
                let (project, secret) = (self.project_of(&follow_up.owner), secret.clone());
                Effect::WriteSecret { row, project, secret, operation }
            }
            None => Effect::RemoveSecret { row, operation: Some(operation) },
        }
    }

    /// The operations that require an effect.
    pub(super) fn requiring(&self, effect: &Effect) -> Vec<OperationId> {
        match effect {
            Effect::WriteProject { user, .. } => {
                self.open().concerned(&Changed::Project(project_name(user)))
            }
            Effect::WriteApplication { operation, .. }
            | Effect::WriteSecret { operation, .. }
            | Effect::BeginSync { operation, .. }
            | Effect::SeekApplication { operation, .. }
            | Effect::EndSync { operation, .. } => vec![operation.clone()],
            Effect::RemoveApplication { operation, .. }
            | Effect::RemoveSecret { operation, .. } => operation.iter().cloned().collect(),
            // A refusal to delete an Operation CR concerns only the cluster's administrators.
            Effect::RemoveOperation { .. } => Vec::new(),
        }
    }

    /// Carries out an effect.
    pub(super) async fn write(&self, effect: &Effect) -> Result<Outcome, ApiError> {
        match effect {
            Effect::WriteProject { user, wanted } => {
                self.write_project(effect, user, wanted.as_deref()).await
            }
            Effect::WriteApplication { row, document, .. } => {
                self.write_application(effect, row, document).await
            }
            Effect::RemoveApplication { row, name, operation, .. } => {
                self.remove_application(effect, row, name.as_deref(), operation.as_ref()).await
            }
            Effect::WriteSecret { row, project, operation, .. } => {
                self.write_secret(effect, row, project.as_deref(), operation).await
            }
            Effect::RemoveSecret { row, operation } => {
                self.remove_secret(effect, row, operation.as_ref()).await
            }
            Effect::BeginSync { row, name, request, document, .. } => {
                self.begin_sync(effect, row, name, request, document).await
            }
            Effect::SeekApplication { row, name, operation, .. } => {
                self.find_application(effect, row, Some(name), Some(operation)).await
            }
            Effect::EndSync { row, name, sync, .. } => {
                self.end_requested_sync(effect, row, name, sync).await
            }
            Effect::RemoveOperation { operation } => self.remove_operation(effect, operation).await,
        }
    }
}
