//! The machine of an Operation: the agent's side, one per operation row.
//!
//! An operation says "make Argo CD match this row", which is an application's, an environment's, a
//! credential's or a sync's. What the row of an application says is read when the operation is
//! claimed. The order of those states is the contract's: a project permits an Application before it
//! exists, and no longer than it does.
//!
//! The row of a sync is read each time, because a sync may take hours, and may be terminated. A sync
//! is requested at most once, whatever fails: see [`sync`].

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

pub mod application;
mod chart;
mod observations;
mod persisted;
pub(crate) mod samples;
pub mod sync;
mod syncing;
pub mod target;

use std::time::Duration;

use crate::drive::drive;
use crate::identity::{
    ApplicationId, ClusterUserId, Digest, EnvironmentId, OperationId, Timestamp,
};
use crate::kinds::repository_credential::CredentialId;
use crate::machine::{Change, Machine};
use crate::operation::application::{ApplicationDocument, application_name};
use crate::operation::sync::{
    AwaitedSync, FollowedSync, SyncOperationId, SyncRequest, SyncedApplication,
};
use crate::rows::{Requester, RowChange, Target};
use crate::shared::is_default;
use crate::waiting::{Party, Wait};
use serde::{Deserialize, Serialize};

pub use observations::{ApplicationView, ArgoView, OperationEvent, RowView, SecretView};
pub use persisted::PersistedOperation;
pub use target::Wanted;

/// The Kubernetes API takes a write within milliseconds. An operation that cannot write for this
/// long fails, and its deployment says so and asks again.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(120);
/// Argo CD removes an Application once its resources are gone, which may take any time; the request
/// is repeated after this, then after twice this, up to an hour.
pub const DELETION_DEADLINE: Duration = Duration::from_secs(120);
/// Argo CD answers a request for a sync within seconds, and reports on it as often as it moves; the
/// request is repeated after this, then after twice this, up to an hour.
pub const SYNC_DEADLINE: Duration = Duration::from_secs(60);
/// The removal of a finished Operation CR is repeated after this.
pub const COLLECTION_DEADLINE: Duration = Duration::from_secs(60);

/// An operation: its state and what it remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Where it is.
    pub state: OperationPhase,
    /// What it remembers.
    pub record: OperationRecord,
}

/// The states of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationPhase {
    /// Its row has not been read yet.
    Unclaimed {},
    /// The tenant's AppProject should permit the Application.
    PreparingProject {
        /// What the Application should say.
        document: Box<ApplicationDocument>,
        /// When the operation fails.
        deadline: Timestamp,
    },
    /// The Application should be written.
    Writing {
        /// What it should say.
        document: Box<ApplicationDocument>,
        /// When the operation fails.
        deadline: Timestamp,
    },
    /// The Application should go.
    Deleting {
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// The AppProject permits more than is needed, or is itself no longer needed.
    TidyingProject {
        /// When the operation fails.
        deadline: Timestamp,
    },
    /// The cluster Secret or the repository Secret should be written.
    WritingSecret {
        /// The digest of what it should say.
        secret: Digest,
        /// When the operation fails.
        deadline: Timestamp,
    },
    /// The cluster Secret or the repository Secret should go. However long that takes, nobody else
    /// would see to it: what an earlier installation asked for has no requester that asks again.
    RemovingSecret {
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        #[serde(default, skip_serializing_if = "is_default")]
        overdue: u32,
    },
    /// The Application should say what its row says, and Argo CD should be idle, before the sync.
    AwaitingApplication {
        /// What is to be requested.
        sync: Box<AwaitedSync>,
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// Argo CD should be asked for the sync.
    RequestingSync {
        /// What to ask for.
        request: SyncRequest,
        /// What the Application should say until then.
        document: Box<ApplicationDocument>,
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// Argo CD was asked for the sync.
    Syncing {
        /// How far it was followed.
        sync: FollowedSync,
        /// When to report what it says by then, and to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// The sync should end, or never start.
    EndingSync {
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// Argo CD matches; the Operation CR should go.
    Completed {
        /// When to ask again.
        deadline: Timestamp,
    },
    /// Argo CD cannot be made to match; the Operation CR should go.
    Failed {
        /// When to ask again.
        deadline: Timestamp,
    },
    /// Nothing is left to do.
    Collected {},
}

/// What an operation remembers in every state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Its id.
    pub id: OperationId,
    /// What it is about; known once its row has been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The Application that is synced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced: Option<SyncedApplication>,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
    /// What waits for its outcome; unknown for operations of an earlier installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Requester>,
    /// When it entered its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl OperationRecord {
    fn new(id: OperationId) -> Self {
        Self {
            id,
            target: None,
            synced: None,
            owner: ClusterUserId::default(),
            requester: None,
            since: None,
        }
    }

    /// The application row that it is about.
    pub fn application(&self) -> Option<&ApplicationId> {
        match self.target.as_ref()? {
            Target::Application(id) => Some(id),
            Target::Environment(_) | Target::Credential(_) => None,
            Target::Sync(_) => Some(&self.synced.as_ref()?.row),
        }
    }

    /// The environment's row that it is about.
    pub fn environment(&self) -> Option<&EnvironmentId> {
        match self.target.as_ref()? {
            Target::Environment(id) => Some(id),
            Target::Application(_) | Target::Credential(_) | Target::Sync(_) => None,
        }
    }

    /// The credential's row that it is about.
    pub fn credential(&self) -> Option<&CredentialId> {
        match self.target.as_ref()? {
            Target::Credential(id) => Some(id),
            Target::Application(_) | Target::Environment(_) | Target::Sync(_) => None,
        }
    }

    /// The name of the Application that it is about; unknown for operations of an earlier
    /// installation.
    pub fn application_name(&self) -> Option<String> {
        match (self.target.as_ref()?, self.requester.as_ref()) {
            (Target::Application(_), Some(Requester::Deployment(uid))) => {
                Some(application_name(uid))
            }
            (Target::Application(_) | Target::Environment(_) | Target::Credential(_), _) => None,
            (Target::Sync(_), _) => Some(self.synced.as_ref()?.name.clone()),
        }
    }
}

/// What an operation requires from the world outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationObligation {
    /// The tenant's AppProject says what it should.
    ProjectWritten(ClusterUserId),
    /// The Application says this, and carries the id of its row.
    ApplicationWritten(ApplicationId, Box<ApplicationDocument>),
    /// No Application represents this row.
    ApplicationRemoved(ApplicationId),
    /// The cluster Secret of this row says what has this digest.
    ClusterWritten(EnvironmentId, Digest),
    /// There is no cluster Secret of this row.
    ClusterRemoved(EnvironmentId),
    /// The repository Secret of this row says what has this digest.
    SecretWritten(CredentialId, Digest),
    /// There is no repository Secret of this row.
    SecretRemoved(CredentialId),
    /// Argo CD was asked to sync the Application of this row, which says this.
    SyncRequested(ApplicationId, SyncRequest, Box<ApplicationDocument>),
    /// It is known whether the Application of this row exists.
    ApplicationSought(ApplicationId),
    /// Argo CD does not run this sync of the Application of this row, and never will.
    SyncEnded(ApplicationId, SyncOperationId),
    /// The Operation CR does not exist.
    ResourceRemoved(OperationId),
}

/// What a step collects.
pub struct OperationContext {
    now: Timestamp,
    rows: Vec<RowChange>,
}

impl Operation {
    /// An operation about which only the id is known.
    pub fn new(id: OperationId) -> Self {
        Self { state: OperationPhase::Unclaimed {}, record: OperationRecord::new(id) }
    }

    fn wait(&self) -> Option<Wait> {
        const FAILS: &str = "the operation fails, and its requester asks again";
        const LOOK: &str = "the Application is looked at again";
        let wait = match &self.state {
            OperationPhase::Collected {} => return None,
            OperationPhase::Unclaimed {} => {
                Wait::new(Party::Database, "the row of the operation is to be read")
            }
            OperationPhase::PreparingProject { deadline, .. } => {
                Wait::new(Party::ApiServer, "the AppProject is to permit the Application")
                    .until(*deadline, FAILS)
            }
            OperationPhase::Writing { deadline, .. } => {
                Wait::new(Party::ApiServer, "the Application is to be written")
                    .until(*deadline, FAILS)
            }
            OperationPhase::Deleting { deadline, .. } => {
                Wait::new(Party::ArgoCd, "the deployed resources are to be removed")
                    .until(*deadline, "the removal is requested again")
            }
            OperationPhase::TidyingProject { deadline } => {
                Wait::new(Party::ApiServer, "the AppProject is to permit no more than is needed")
                    .until(*deadline, FAILS)
            }
            OperationPhase::WritingSecret { deadline, .. } => {
                Wait::new(Party::ApiServer, "Argo CD's Secret is to be written")
                    .until(*deadline, FAILS)
            }
            OperationPhase::RemovingSecret { deadline, .. } => {
                Wait::new(Party::ApiServer, "Argo CD's Secret is to be removed")
                    .until(*deadline, "the removal is requested again")
            }
            OperationPhase::AwaitingApplication { deadline, .. } => {
                Wait::new(Party::ArgoCd, sync::AWAITING_APPLICATION).until(*deadline, LOOK)
            }
            OperationPhase::RequestingSync { deadline, .. } => {
                Wait::new(Party::ApiServer, "the sync is to be requested")
                    .until(*deadline, "the request is sent again")
            }
            OperationPhase::Syncing { sync: followed, deadline, .. } => {
                let said = followed.message.as_str();
                let what = if said.is_empty() { sync::SYNC_RUNNING } else { said };
                Wait::new(Party::ArgoCd, what.to_owned()).until(*deadline, LOOK)
            }
            OperationPhase::EndingSync { deadline, .. } => {
                Wait::new(Party::ArgoCd, "the sync is to end")
                    .until(*deadline, "its end is requested again")
            }
            OperationPhase::Completed { deadline } | OperationPhase::Failed { deadline } => {
                Wait::new(Party::ApiServer, "the Operation resource is to be deleted")
                    .until(*deadline, "the deletion is sent again")
            }
        };
        Some(Wait { since: self.record.since, ..wait })
    }

    /// What the machine requires from the world.
    pub fn obligations(&self) -> Vec<OperationObligation> {
        self.obligation().into_iter().collect()
    }

    fn obligation(&self) -> Option<OperationObligation> {
        let record = &self.record;
        let required = match &self.state {
            OperationPhase::Unclaimed {} | OperationPhase::Collected {} => return None,
            OperationPhase::AwaitingApplication { sync, .. }
                if !sync.unseen || sync.asked.is_none() =>
            {
                return None;
            }
            OperationPhase::Syncing { sync, .. } if !sync.unseen => return None,
            OperationPhase::PreparingProject { .. } | OperationPhase::TidyingProject { .. } => {
                OperationObligation::ProjectWritten(record.owner.clone())
            }
            OperationPhase::Writing { document, .. } => OperationObligation::ApplicationWritten(
                record.application()?.clone(),
                document.clone(),
            ),
            OperationPhase::Deleting { .. } => {
                OperationObligation::ApplicationRemoved(record.application()?.clone())
            }
            OperationPhase::WritingSecret { secret, .. } => match record.environment() {
                Some(row) => OperationObligation::ClusterWritten(row.clone(), secret.clone()),
                None => {
                    OperationObligation::SecretWritten(record.credential()?.clone(), secret.clone())
                }
            },
            OperationPhase::RemovingSecret { .. } => match record.environment() {
                Some(row) => OperationObligation::ClusterRemoved(row.clone()),
                None => OperationObligation::SecretRemoved(record.credential()?.clone()),
            },
            OperationPhase::RequestingSync { request, document, .. } => {
                OperationObligation::SyncRequested(
                    record.application()?.clone(),
                    request.clone(),
                    document.clone(),
                )
            }
            OperationPhase::AwaitingApplication { .. } | OperationPhase::Syncing { .. } => {
                OperationObligation::ApplicationSought(record.application()?.clone())
            }
            OperationPhase::EndingSync { .. } => {
                let Some(Target::Sync(sync)) = &record.target else { return None };
                OperationObligation::SyncEnded(record.application()?.clone(), sync.clone())
            }
            OperationPhase::Completed { .. } | OperationPhase::Failed { .. } => {
                OperationObligation::ResourceRemoved(record.id.clone())
            }
        };
        Some(required)
    }

    /// Whether the machine looks at Argo CD's resources.
    pub fn watches_argo(&self) -> bool {
        matches!(
            self.state,
            OperationPhase::PreparingProject { .. }
                | OperationPhase::Writing { .. }
                | OperationPhase::Deleting { .. }
                | OperationPhase::TidyingProject { .. }
                | OperationPhase::RemovingSecret { .. }
        ) || self.follows_row()
    }

    /// Whether it would take this Secret for what is wanted.
    pub fn would_complete(&self, secret: &SecretView) -> bool {
        matches!(&self.state, OperationPhase::WritingSecret { secret: wanted, .. } if secret.says(wanted))
    }

    /// Whether the machine reads its target's row each time.
    pub fn follows_row(&self) -> bool {
        matches!(
            self.state,
            OperationPhase::WritingSecret { .. }
                | OperationPhase::AwaitingApplication { .. }
                | OperationPhase::RequestingSync { .. }
                | OperationPhase::Syncing { .. }
                | OperationPhase::EndingSync { .. }
        )
    }
}

impl Machine for Operation {
    type Event = OperationEvent;
    type Facts = Timestamp;

    fn apply(&mut self, event: &OperationEvent, now: &Timestamp) -> Change {
        let mut context = OperationContext { now: *now, rows: Vec::new() };
        let handling = drive(&mut self.state, &mut self.record, event, &mut context);
        Change { rows: context.rows, handling }
    }

    fn path(&self) -> String {
        let path = match &self.state {
            OperationPhase::Unclaimed {} => "Unclaimed",
            OperationPhase::PreparingProject { .. } => "InProgress/PreparingProject",
            OperationPhase::Writing { .. } => "InProgress/Writing",
            OperationPhase::Deleting { .. } => "InProgress/Deleting",
            OperationPhase::TidyingProject { .. } => "InProgress/TidyingProject",
            OperationPhase::WritingSecret { .. } => "InProgress/WritingSecret",
            OperationPhase::RemovingSecret { .. } => "InProgress/RemovingSecret",
            OperationPhase::AwaitingApplication { .. } => "InProgress/AwaitingApplication",
            OperationPhase::RequestingSync { .. } => "InProgress/RequestingSync",
            OperationPhase::Syncing { .. } => "InProgress/Syncing",
            OperationPhase::EndingSync { .. } => "InProgress/EndingSync",
            OperationPhase::Completed { .. } => "Finished/Completed",
            OperationPhase::Failed { .. } => "Finished/Failed",
            OperationPhase::Collected {} => "Collected",
        };
        path.to_owned()
    }

    fn since(&self) -> Option<Timestamp> {
        self.record.since
    }

    fn note_since(&mut self, now: Timestamp) {
        self.record.since = Some(now);
    }

    fn waits_for(&self) -> Vec<Wait> {
        self.wait().into_iter().collect()
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match &self.state {
            OperationPhase::Unclaimed {} | OperationPhase::Collected {} => None,
            OperationPhase::PreparingProject { deadline, .. }
            | OperationPhase::Writing { deadline, .. }
            | OperationPhase::Deleting { deadline, .. }
            | OperationPhase::TidyingProject { deadline }
            | OperationPhase::WritingSecret { deadline, .. }
            | OperationPhase::RemovingSecret { deadline, .. }
            | OperationPhase::AwaitingApplication { deadline, .. }
            | OperationPhase::RequestingSync { deadline, .. }
            | OperationPhase::Syncing { deadline, .. }
            | OperationPhase::EndingSync { deadline, .. }
            | OperationPhase::Completed { deadline }
            | OperationPhase::Failed { deadline } => Some(*deadline),
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self.state, OperationPhase::Collected {})
    }
}
