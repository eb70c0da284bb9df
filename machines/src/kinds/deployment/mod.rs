//! The machine of a GitOpsDeployment, one per object UID: three regions side by side.
//!
//! * [`lifecycle`]: what is done about the deployment, from its first sighting until it is gone;
//! * [`error_flag`]: the contract's `ErrorOccurred` condition, raised and resolved by the lifecycle;
//! * [`mirror`]: whether the object's `.status` says what it should.
//!
//! [`conditions`] derives what the status should say; [`Deployment::obligations`] derives what it
//! requires from the world. Both are pure functions of the machine, so nothing needs a second log.

pub mod conditions;
pub mod destination;
#[cfg(test)]
mod environment_tests;
pub mod error_flag;
pub mod esr;
pub mod lifecycle;
pub mod removal_report;
pub mod render;
pub(crate) mod rows;
pub(crate) mod samples;
pub mod spec;
pub mod status;

use serde::{Deserialize, Serialize};

use crate::drive::drive;
use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, Generation, InstanceId, OperationId,
    Revision, TenantUid, Timestamp,
};
use crate::kinds::deployment::conditions::{Condition, ConditionStyle, StatusView};
use crate::kinds::deployment::destination::{Destination, Environments};
use crate::kinds::deployment::error_flag::{ErrorEvent, ErrorFlag};
use crate::kinds::deployment::lifecycle::Lifecycle;
use crate::kinds::deployment::removal_report::RemovalReport;
use crate::kinds::deployment::spec::DeploymentSpec;
pub use crate::kinds::deployment::status::Failure;
pub use crate::kinds::tenant::TenantFact;
use crate::machine::{Change, Machine, Moment, Observation};
use crate::rows::OperationState;
use crate::shared::mirror::{self, Mirror, MirrorEvent};
use crate::shared::open_operation::OpenOperation;
use crate::shared::standing::Standing;
use crate::waiting::Wait;

/// A deployment: the states of its regions and what they remember together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// What is done about it.
    pub lifecycle: Lifecycle,
    /// Whether there is an error.
    pub error_flag: ErrorFlag,
    /// Whether the object's status is up to date.
    pub mirror: Mirror,
    /// What it remembers in every state.
    pub record: Record,
}

/// What a deployment remembers in every state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The object's UID.
    pub uid: DeploymentUid,
    /// The tenant: the UID of the object's namespace.
    pub tenant: TenantUid,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The revision at which the object was first seen: of two namesakes, the one with the larger
    /// was created later.
    pub first_seen: Revision,
    /// The revision of the newest observation that said something new.
    pub last_seen: Revision,
    /// The newest generation that was observed.
    pub generation: Generation,
    /// The spec of that generation.
    pub spec: DeploymentSpec,
    /// Whether the object still exists.
    pub present: bool,
    /// Whether the object has our finalizer.
    pub finalizer: bool,
    /// The application row that represents it, from the first dispatch to the end of the removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationRecord>,
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
    /// Failures in a row.
    pub failures: u32,
    /// The newest report of Argo CD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Conditions of Argo CD ever mirrored: type → message, empty once resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrored_conditions: Vec<MirroredCondition>,
    /// What Argo CD says about the current removal.
    #[serde(default, skip_serializing_if = "RemovalReport::is_empty")]
    pub removal: RemovalReport,
    /// How much of Argo CD's report the status of this generation has room for: an index of
    /// [`conditions::MIRROR_BUDGETS`].
    #[serde(default, skip_serializing_if = "crate::shared::is_default")]
    pub mirror_budget: u8,
    /// What the object's status says.
    pub actual: ActualStatus,
}

/// The application row of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationRecord {
    /// Its id.
    pub id: ApplicationId,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
    /// The instance that deploys it.
    pub instance: InstanceId,
    /// What the row asks for.
    pub digest: Digest,
    /// Whether the agent has confirmed that Argo CD's Application says the same.
    pub applied: bool,
    /// Where it deploys to.
    #[serde(default, skip_serializing_if = "crate::shared::is_default")]
    pub destination: Destination,
}

/// A condition of Argo CD, as mirrored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MirroredCondition {
    /// Its type.
    pub type_: String,
    /// Its message; `None` once resolved.
    pub message: Option<String>,
}

/// Digests of what the object's status says, without its times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActualStatus {
    /// Of the conditions and the observed generation.
    pub conditions: Digest,
    /// Of what is mirrored from Argo CD.
    pub mirrored: Digest,
}

/// What Argo CD says about the Application, as far as it matters to the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Digest of everything that is mirrored from it.
    pub mirrored: Digest,
    /// Sync status.
    pub sync: String,
    /// Health status.
    pub health: String,
    /// The revision that it compared with.
    pub revision: String,
    /// Phase of the last sync.
    pub phase: String,
    /// Message of the last sync, bounded.
    pub phase_message: String,
    /// Whether the last sync was of a different revision or source than the one compared with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sync_outdated: bool,
    /// Digest of the source and destination that it compared with.
    pub compared_to: Digest,
    /// Its conditions, bounded: type and message.
    pub conditions: Vec<MirroredCondition>,
}

/// The persisted form; a new version is a new variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum PersistedDeployment {
    /// The first version.
    #[serde(rename = "1")]
    V1(Deployment),
}

impl From<Deployment> for PersistedDeployment {
    fn from(deployment: Deployment) -> Self {
        Self::V1(deployment)
    }
}

impl From<PersistedDeployment> for Deployment {
    fn from(persisted: PersistedDeployment) -> Self {
        let PersistedDeployment::V1(deployment) = persisted;
        deployment
    }
}

/// The object as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// `metadata.resourceVersion`.
    pub revision: Revision,
    /// `metadata.generation`.
    pub generation: Generation,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether our finalizer is among `metadata.finalizers`.
    pub finalizer: bool,
    /// `spec`.
    pub spec: DeploymentSpec,
    /// `status.observedGeneration`.
    pub observed_generation: Generation,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// Digest of the rest of the status.
    pub mirrored: Digest,
}

/// What is observed of a deployment. Each event says what is, never what changed, so that a later
/// rescan replaces a lost one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The object exists in this state.
    Observed(Box<Snapshot>),
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
    },
    /// Argo CD reports this on the Application.
    Reported(Box<Report>),
    /// Argo CD says this about the removal of the Application.
    RemovalReported(RemovalReport),
    /// The Kubernetes API refuses a status with this budget for its size.
    StatusTooLarge {
        /// See [`Record::mirror_budget`].
        mirror_budget: u8,
    },
    /// Argo CD's Application has differed from its row for a while: another client has edited or
    /// deleted it.
    ApplicationDiffers,
    /// The tenant, the Argo CD instance, a namesake or an environment may have changed: look at the
    /// facts.
    FactsChanged,
    /// A time has come that the machine had asked for.
    DeadlineReached,
}

impl Observation for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Observed(_) => "Observed",
            Self::Absent { .. } => "Absent",
            Self::OperationObserved { .. } => "OperationObserved",
            Self::Reported(_) => "Reported",
            Self::RemovalReported(_) => "RemovalReported",
            Self::StatusTooLarge { .. } => "StatusTooLarge",
            Self::ApplicationDiffers => "ApplicationDiffers",
            Self::FactsChanged => "FactsChanged",
            Self::DeadlineReached => "DeadlineReached",
        }
    }
}

/// What a step may know besides the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The time of the step.
    pub now: Timestamp,
    /// The tenant.
    pub tenant: TenantFact,
    /// The Argo CD instance; `None` while its namespace does not exist.
    pub instance: Option<InstanceId>,
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// Whether each tenant has an AppProject of its own.
    pub isolation: bool,
    /// Other machines of this tenant whose objects had the same name.
    pub namesakes: Vec<Namesake>,
    /// An application row that an earlier installation made for this object.
    pub existing_application: Option<ExistingApplication>,
    /// What is known of environments.
    pub environments: Environments,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
}

impl Moment for Facts {
    fn now(&self) -> Timestamp {
        self.now
    }
}

/// An application row that an earlier installation made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingApplication {
    /// Its id.
    pub id: ApplicationId,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
    /// The instance that deploys it.
    pub instance: InstanceId,
    /// Where it deploys to.
    pub destination: Destination,
}

/// Another machine for the same name in the same tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namesake {
    /// Its object.
    pub uid: DeploymentUid,
    /// When that was first seen.
    pub first_seen: Revision,
    /// Whether it is itself waiting for another one of its name.
    pub waits: bool,
}

impl Namesake {
    /// What another machine's step needs to know about this one.
    pub fn of(deployment: &Deployment) -> Self {
        Self {
            uid: deployment.record.uid.clone(),
            first_seen: deployment.record.first_seen,
            waits: deployment.lifecycle.waits_for_its_name(),
        }
    }
}

/// What the machine requires from the world outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// An Operation CR for this operation exists.
    OperationCreated(OperationId),
    /// The object's status says this.
    StatusWritten(StatusView),
    /// Our finalizer is not on the object.
    FinalizerRemoved,
}

impl Deployment {
    /// Whether it has failed, and why.
    pub fn failure(&self) -> Option<Failure> {
        status::failure(self)
    }

    /// Whether what its generation asks for is done.
    pub fn is_ready(&self) -> bool {
        status::is_ready(self)
    }

    /// A deployment about which only its identity is known yet.
    pub fn new(uid: DeploymentUid, tenant: TenantUid, namespace: &str, name: &str) -> Self {
        Self {
            lifecycle: Lifecycle::Unseen {},
            error_flag: ErrorFlag::Never {},
            mirror: Mirror::Silent {},
            record: Record {
                uid,
                tenant,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                first_seen: Revision::default(),
                last_seen: Revision::default(),
                generation: Generation::default(),
                spec: DeploymentSpec::default(),
                present: false,
                finalizer: false,
                application: None,
                since: None,
                born: Timestamp::default(),
                operations: 0,
                open: None,
                failures: 0,
                report: None,
                mirrored_conditions: Vec::new(),
                removal: RemovalReport::default(),
                mirror_budget: 0,
                actual: ActualStatus::default(),
            },
        }
    }

    fn step_mirror(&mut self, facts: &Facts) {
        let event = if self.record.present && !matches!(self.lifecycle, Lifecycle::Gone {}) {
            let wanted = status::wanted(self, facts.conditions);
            MirrorEvent::Compared {
                matches: wanted.matches(&self.record.actual),
                hold: self.defers_status(),
                now: facts.now,
            }
        } else {
            MirrorEvent::ObjectGone
        };
        drive(&mut self.mirror, &mut mirror::Region, &event, &mut ());
    }

    /// Work that usually ends quickly is not reported until it ends or takes long: a status write
    /// is the most expensive request there is, and an outcome is worth more than an announcement.
    fn defers_status(&self) -> bool {
        if matches!(self.error_flag, ErrorFlag::Raised { .. }) {
            return false;
        }
        if self.record.removal.has_failed() {
            return false;
        }
        match self.lifecycle {
            Lifecycle::Dispatching { .. }
            | Lifecycle::AwaitingEnvironment { .. }
            | Lifecycle::Removing { .. }
            | Lifecycle::Finalizing { .. } => true,
            Lifecycle::Settled {} => {
                !conditions::is_compared(&self.record)
                    && !conditions::application_is_missing(&self.record)
            }
            _ => false,
        }
    }

    /// Conditions that are already on an object that this machine sees for the first time (written
    /// by an earlier installation) are kept.
    fn import_conditions(&mut self, existing: &[Condition]) {
        for condition in existing.iter().take(conditions::MIRRORED_LIMIT) {
            match condition.type_.as_str() {
                conditions::ERROR_OCCURRED => {
                    let event = ErrorEvent::Raised(condition.message.clone());
                    drive(&mut self.error_flag, &mut error_flag::Region, &event, &mut ());
                    if condition.status != "True" {
                        let event = ErrorEvent::Cleared;
                        drive(&mut self.error_flag, &mut error_flag::Region, &event, &mut ());
                    }
                }
                conditions::READY | conditions::RECONCILING | conditions::STALLED => {}
                _ => self.record.mirrored_conditions.push(MirroredCondition {
                    type_: condition.type_.clone(),
                    message: (condition.status == "True").then(|| condition.message.clone()),
                }),
            }
        }
    }

    /// What the machine requires from the world, most urgent first.
    pub fn obligations(&self, style: ConditionStyle) -> Vec<Obligation> {
        let mut obligations = Vec::new();
        if let Some(open) = self.record.open.as_ref().filter(|open| !open.claimed) {
            obligations.push(Obligation::OperationCreated(open.id.clone()));
        }
        if matches!(self.lifecycle, Lifecycle::Finalizing { .. }) {
            obligations.push(Obligation::FinalizerRemoved);
        }
        if matches!(self.mirror, Mirror::Dirty {}) {
            obligations.push(Obligation::StatusWritten(status::wanted(self, style)));
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

    /// Whether the lifecycle may process its spec again when something wakes it, and so looks at
    /// the tenant and at namesakes.
    pub fn may_resolve(&self) -> bool {
        match self.lifecycle {
            Lifecycle::AwaitingEnvironment { .. }
            | Lifecycle::AwaitingTenant { .. }
            | Lifecycle::AwaitingEngine { .. }
            | Lifecycle::AwaitingPredecessor { .. }
            | Lifecycle::BackingOff { .. } => true,
            Lifecycle::Unseen {}
            | Lifecycle::Rejected { .. }
            | Lifecycle::Frozen {}
            | Lifecycle::Dispatching { .. }
            | Lifecycle::Settled {}
            | Lifecycle::AwaitingDestination { .. }
            | Lifecycle::Removing { .. }
            | Lifecycle::RemovalBackingOff { .. }
            | Lifecycle::RemovalFrozen {}
            | Lifecycle::Finalizing { .. }
            | Lifecycle::Gone {} => false,
        }
    }
}

impl Machine for Deployment {
    type Event = Event;
    type Facts = Facts;

    fn apply(&mut self, event: &Event, facts: &Facts) -> Change {
        let mut context = lifecycle::Context::new(facts, &self.lifecycle);
        if let (Event::Observed(snapshot), Lifecycle::Unseen {}) = (event, &self.lifecycle) {
            self.import_conditions(&snapshot.conditions);
        }
        if let Event::StatusTooLarge { mirror_budget } = event {
            self.record.lower_budget(*mirror_budget);
        }
        let handling = drive(&mut self.lifecycle, &mut self.record, event, &mut context);
        let lifecycle::Context { rows, error_event, .. } = context;
        if let Some(event) = error_event {
            drive(&mut self.error_flag, &mut error_flag::Region, &event, &mut ());
        }
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
        let lifecycle = self.lifecycle.wake_at();
        let mirror = self.mirror.wake_at();
        lifecycle.into_iter().chain(mirror).min()
    }

    fn is_gone(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Gone {})
    }
}
