//! The machine of a GitOpsDeploymentSyncRun, one per object UID: two regions side by side.
//!
//! * [`lifecycle`]: from its first sighting through its turn to the end of its one sync;
//! * [`mirror`]: whether the object's `.status` says what it should.
//!
//! A run asks for one sync. Its row names the sync, the agent requests a sync of that name at most
//! once, and what has ended never begins again: so neither a crash nor a lost answer syncs twice.
//!
//! [`mirror`]: crate::shared::mirror

pub mod esr;
pub mod facts;
pub mod lifecycle;
pub mod messages;
pub mod rows;
pub(crate) mod samples;
pub mod status;

use serde::{Deserialize, Serialize};

use crate::drive::drive;
use crate::identity::{
    ClusterUserId, DeploymentUid, Digest, Generation, InstanceId, OperationId, Revision, TenantUid,
    Timestamp,
};
use crate::kinds::sync_run::facts::SyncRunFacts;
use crate::kinds::sync_run::lifecycle::{Context, SyncRunState};
use crate::kinds::sync_run::status::SyncRunView;
use crate::machine::{Change, Machine, Observation};
use crate::operation::sync::SyncOperationId;
use crate::rows::OperationState;
use crate::shared::condition::{Condition, ConditionStyle};
use crate::shared::is_object_name;
use crate::shared::mirror::{self, Mirror, MirrorEvent};
use crate::shared::open_operation::OpenOperation;
use crate::shared::standing::Standing;
use crate::waiting::Wait;

text_newtype! {
    /// The UID of a GitOpsDeploymentSyncRun.
    SyncRunUid
}

/// Longest revision that the database's `syncoperation.revision` holds, in bytes.
const REVISION_LIMIT: usize = 256;

/// A sync run: the states of its regions and what they remember together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRun {
    /// How far it has come.
    pub lifecycle: SyncRunState,
    /// Whether the object's status is up to date.
    pub mirror: Mirror,
    /// What it remembers in every state.
    pub record: SyncRunRecord,
}

/// What a sync run remembers in every state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRunRecord {
    /// The object's UID.
    pub uid: SyncRunUid,
    /// The tenant: the UID of the object's namespace.
    pub tenant: TenantUid,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// When the object was created: of two runs, the one that was created first goes first.
    pub created: Timestamp,
    /// The revision of the newest observation that said something new.
    pub last_seen: Revision,
    /// The newest generation that was observed.
    pub generation: Generation,
    /// The spec of that generation.
    pub spec: SyncRunSpec,
    /// Whether the object still exists and is not being deleted.
    pub present: bool,
    /// What it was taken up with; later edits change nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<SyncRunSpec>,
    /// The rows of its sync, from its turn until they are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncRecord>,
    /// What is said about the sync: by Argo CD while it runs, then how it ended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The generation whose end the conditions tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Generation>,
    /// Whether an edit was complained of before the end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complained: bool,
    /// When the lifecycle entered its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When the object was first seen; with the number below it names the machine's operations.
    pub born: Timestamp,
    /// How many operations have been requested; numbers the next one.
    pub operations: u32,
    /// The operation that the agent has not finished; never more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenOperation>,
    /// Digest of what the object's conditions say, without their times.
    pub actual: Digest,
}

/// The spec of a GitOpsDeploymentSyncRun; what is absent in the resource is empty here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRunSpec {
    /// `spec.gitopsDeploymentName`.
    pub deployment_name: String,
    /// `spec.revisionID`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub revision: String,
}

impl SyncRunSpec {
    /// The name of the deployment; `None` if no object can have it.
    pub fn deployment(&self) -> Option<&str> {
        let name = self.deployment_name.as_str();
        is_object_name(name).then_some(name)
    }
}

/// The rows of a sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRecord {
    /// The id of the sync.
    pub id: SyncOperationId,
    /// The deployment that is synced; unknown for a sync of an earlier installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentUid>,
    /// The cluster user that owns its application.
    pub user: ClusterUserId,
    /// The instance that deploys it.
    pub instance: InstanceId,
}

/// The persisted form; a new version is a new variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum PersistedSyncRun {
    /// The first version.
    #[serde(rename = "1")]
    V1(SyncRun),
}

impl From<SyncRun> for PersistedSyncRun {
    fn from(run: SyncRun) -> Self {
        Self::V1(run)
    }
}

impl From<PersistedSyncRun> for SyncRun {
    fn from(persisted: PersistedSyncRun) -> Self {
        let PersistedSyncRun::V1(run) = persisted;
        run
    }
}

/// The object as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncRunSnapshot {
    /// `metadata.resourceVersion`.
    pub revision: Revision,
    /// `metadata.generation`.
    pub generation: Generation,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `spec`.
    pub spec: SyncRunSpec,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// What is observed of a sync run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncRunEvent {
    /// The object exists in this state.
    Observed(Box<SyncRunSnapshot>),
    /// No object with this UID exists, as of a revision.
    Absent {
        /// The revision of the list or watch event that says so.
        as_of: Revision,
    },
    /// The row of an operation says this; `None` if there is no such row.
    OperationObserved {
        /// The operation.
        id: OperationId,
        /// Its state.
        state: Option<OperationState>,
        /// What the agent says about it.
        message: String,
    },
    /// The deployment or another run may have changed: look at the facts.
    FactsChanged,
    /// A time has come that the machine had asked for.
    DeadlineReached,
}

impl Observation for SyncRunEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Observed(_) => "Observed",
            Self::Absent { .. } => "Absent",
            Self::OperationObserved { .. } => "OperationObserved",
            Self::FactsChanged => "FactsChanged",
            Self::DeadlineReached => "DeadlineReached",
        }
    }
}

/// What the machine requires from the world outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncRunObligation {
    /// An Operation CR for this operation exists.
    OperationCreated(OperationId),
    /// The Operation CR says that the row of the sync has changed.
    ChangeAnnounced(OperationId),
    /// The object's status says this.
    StatusWritten(SyncRunView),
}

impl SyncRun {
    /// A sync run about which only its identity is known yet.
    pub fn new(uid: SyncRunUid, tenant: TenantUid, namespace: &str, name: &str) -> Self {
        Self {
            lifecycle: SyncRunState::Unseen {},
            mirror: Mirror::Silent {},
            record: SyncRunRecord {
                uid,
                tenant,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                created: Timestamp::default(),
                last_seen: Revision::default(),
                generation: Generation::default(),
                spec: SyncRunSpec::default(),
                present: false,
                accepted: None,
                sync: None,
                message: String::new(),
                ended: None,
                complained: false,
                since: None,
                born: Timestamp::default(),
                operations: 0,
                open: None,
                actual: Digest::default(),
            },
        }
    }

    /// Whether its sync was asked for and has not ended.
    pub fn has_turn(&self) -> bool {
        matches!(self.lifecycle, SyncRunState::Running { .. } | SyncRunState::Terminating { .. })
    }

    /// The name of the deployment that it waits for or syncs; `None` once it has ended, and if no
    /// deployment can have the name.
    pub fn deployment_name(&self) -> Option<&str> {
        let record = &self.record;
        match self.lifecycle {
            SyncRunState::AwaitingDeployment {}
            | SyncRunState::AwaitingSettled { .. }
            | SyncRunState::AwaitingTurn { .. } => record.spec.deployment(),
            SyncRunState::Running { .. } | SyncRunState::Terminating { .. } => {
                record.accepted.as_ref()?.deployment()
            }
            SyncRunState::Unseen {}
            | SyncRunState::Succeeded {}
            | SyncRunState::Failed {}
            | SyncRunState::Rejected {}
            | SyncRunState::Gone {} => None,
        }
    }

    /// What the machine requires from the world, most urgent first.
    pub fn obligations(&self, style: ConditionStyle) -> Vec<SyncRunObligation> {
        let mut obligations = Vec::new();
        if let Some(open) = &self.record.open {
            if matches!(self.lifecycle, SyncRunState::Terminating { .. }) {
                obligations.push(SyncRunObligation::ChangeAnnounced(open.id.clone()));
            } else if !open.claimed {
                obligations.push(SyncRunObligation::OperationCreated(open.id.clone()));
            }
        }
        if matches!(self.mirror, Mirror::Dirty {}) {
            obligations.push(SyncRunObligation::StatusWritten(status::wanted(self, style)));
        }
        obligations
    }

    /// How far it is.
    pub fn standing(&self) -> Standing {
        status::standing(self)
    }

    /// Whether a time has come that the lifecycle waited for. That a status is finally due is no
    /// reason to doubt anything else.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.lifecycle.wake_at().is_some_and(|moment| moment <= now)
    }

    /// Whether the machine may still take over rows of an earlier installation.
    pub fn may_adopt(&self) -> bool {
        self.record.sync.is_none() && self.record.ended.is_none()
    }

    fn step_mirror(&mut self, facts: &SyncRunFacts) {
        let event = if self.record.present {
            let wanted = status::wanted(self, facts.conditions);
            MirrorEvent::Compared {
                matches: wanted.digest() == self.record.actual,
                // Most runs end within moments, and their end is worth more than an announcement.
                hold: self.record.ended.is_none() && !self.record.complained,
                now: facts.now,
            }
        } else {
            MirrorEvent::ObjectGone
        };
        drive(&mut self.mirror, &mut mirror::Region, &event, &mut ());
    }
}

/// Whether something can be a revision, and the database can hold it.
fn is_revision(text: &str) -> bool {
    text.len() <= REVISION_LIMIT && !text.chars().any(char::is_control)
}

impl Machine for SyncRun {
    type Event = SyncRunEvent;
    type Facts = SyncRunFacts;

    fn apply(&mut self, event: &SyncRunEvent, facts: &SyncRunFacts) -> Change {
        let mut context = Context::new(facts, &self.lifecycle);
        let handling = drive(&mut self.lifecycle, &mut self.record, event, &mut context);
        let rows = context.rows;
        self.record.note_edit();
        self.step_mirror(facts);
        Change { rows, handling }
    }

    fn path(&self) -> String {
        self.lifecycle.path()
    }

    fn since(&self) -> Option<Timestamp> {
        self.record.since
    }

    fn note_since(&mut self, now: Timestamp) {
        self.record.since = Some(now);
    }

    fn waits_for(&self) -> Vec<Wait> {
        status::waits_for(self)
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.lifecycle.wake_at().into_iter().chain(self.mirror.wake_at()).min()
    }

    fn is_gone(&self) -> bool {
        matches!(self.lifecycle, SyncRunState::Gone {})
    }
}
