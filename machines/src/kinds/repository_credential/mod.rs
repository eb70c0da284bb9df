//! The machine of a GitOpsDeploymentRepositoryCredential, one per object UID: three regions side by
//! side.
//!
//! * [`lifecycle`]: from its first sighting through the checks of its credential to the end of what
//!   it has left;
//! * [`delivery`]: whether the Secret in Argo CD's namespace says what the credential's row says;
//! * [`mirror`]: whether the object's `.status` says what it should.
//!
//! No secret is in here: a credential is known by a keyed digest. Whoever checks it brings it, and
//! writes it with the rows that the step asks for.
//!
//! [`delivery`]: crate::shared::delivery
//! [`mirror`]: crate::shared::mirror

pub mod esr;
pub mod lifecycle;
pub mod messages;
pub mod rows;
pub(crate) mod samples;
pub mod spec;
pub mod status;
pub mod verdict;

use serde::{Deserialize, Serialize};

use crate::drive::drive;
use crate::identity::{
    ClusterUserId, Digest, Generation, InstanceId, OperationId, Revision, TenantUid, Timestamp,
    derive,
};
use crate::kinds::repository_credential::lifecycle::{Context, CredentialState, LifecycleEvent};
use crate::kinds::repository_credential::spec::CredentialSpec;
use crate::kinds::repository_credential::status::CredentialView;
use crate::kinds::repository_credential::verdict::Verdict;
use crate::kinds::tenant::TenantFact;
use crate::machine::{Change, Machine, Moment, Observation};
use crate::rows::{OperationState, Requester, RowChange, Target};
use crate::shared::condition::{Condition, ConditionStyle};
use crate::shared::delivery::{DeliveredRow, Delivery, DeliveryEvent, Region, Requests};
use crate::shared::mirror::{self, Mirror, MirrorEvent};
use crate::shared::open_operation::OpenOperation;
use crate::shared::standing::Standing;
use crate::waiting::Wait;

text_newtype! {
    /// The UID of a GitOpsDeploymentRepositoryCredential.
    CredentialUid
}
text_newtype! {
    /// Primary key of a `repositorycredentials` row; the label `databaseID` of Argo CD's Secret.
    CredentialId
}

impl CredentialId {
    /// The id of the row that represents a repository credential.
    pub fn of(credential: &CredentialUid) -> Self {
        Self(derive("repositorycredentials", &[credential.as_str()]))
    }
}

/// A repository credential: the states of its regions and what they remember together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryCredential {
    /// How far it has come.
    pub lifecycle: CredentialState,
    /// Whether Argo CD's Secret says what the row says.
    pub delivery: Delivery,
    /// Whether the object's status is up to date.
    pub mirror: Mirror,
    /// What it remembers in every state.
    pub record: CredentialRecord,
}

/// What a repository credential remembers in every state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRecord {
    /// The object's UID.
    pub uid: CredentialUid,
    /// The tenant: the UID of the object's namespace.
    pub tenant: TenantUid,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The revision of the newest observation that said something new.
    pub last_seen: Revision,
    /// The newest generation that was observed.
    pub generation: Generation,
    /// The spec of that generation.
    pub spec: CredentialSpec,
    /// Whether the object still exists and is not being deleted.
    pub present: bool,
    /// The digest of the Secret that the watch showed when it was last looked at. A check is about
    /// this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Digest>,
    /// What the last check found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
    /// Its row, from the first check that succeeded until nothing is left of it in Argo CD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowRecord>,
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
    /// How many operations in a row have failed.
    #[serde(default, skip_serializing_if = "crate::shared::is_default")]
    pub failures: u32,
    /// Why the last one has.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
    /// Digest of what the object's conditions say, without their times.
    pub actual: Digest,
}

/// What a check was about, and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// What was checked.
    pub spec: CredentialSpec,
    /// The digest of the Secret that was read; `None` if there was none of the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Digest>,
    /// What was found.
    pub verdict: Verdict,
}

/// What the row says, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRecord {
    /// Its id.
    pub id: CredentialId,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
    /// The Argo CD instance that uses it.
    pub instance: InstanceId,
    /// What was written; unknown for a row of an earlier installation, and for one that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
}

/// What was written to the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The spec.
    pub spec: CredentialSpec,
    /// The digest of the Secret.
    pub secret: Digest,
}

/// The persisted form; a new version is a new variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum PersistedCredential {
    /// The first version.
    #[serde(rename = "1")]
    V1(RepositoryCredential),
}

impl From<RepositoryCredential> for PersistedCredential {
    fn from(credential: RepositoryCredential) -> Self {
        Self::V1(credential)
    }
}

impl From<PersistedCredential> for RepositoryCredential {
    fn from(persisted: PersistedCredential) -> Self {
        let PersistedCredential::V1(credential) = persisted;
        credential
    }
}

/// The object as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialSnapshot {
    /// `metadata.resourceVersion`.
    pub revision: Revision,
    /// `metadata.generation`.
    pub generation: Generation,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `spec`.
    pub spec: CredentialSpec,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// What is observed of a repository credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialEvent {
    /// The object exists in this state.
    Observed(Box<CredentialSnapshot>),
    /// No object with this UID exists, as of a revision.
    Absent {
        /// The revision of the list or watch event that says so.
        as_of: Revision,
    },
    /// The repository was asked with the credential in the Secret.
    Checked {
        /// What the watch of Secrets showed when the check was asked for.
        shown: Option<Digest>,
        /// What was found.
        found: Box<Checked>,
    },
    /// The row of an operation says this; `None` if there is no such row.
    OperationObserved {
        /// The operation.
        id: OperationId,
        /// Its state.
        state: Option<OperationState>,
    },
    /// Argo CD's Secret has differed from the row for a while: another client has edited or deleted
    /// it.
    SecretDiffers,
    /// The Secret, the tenant or the sealing keys may have changed: look at the facts.
    FactsChanged,
    /// A time has come that the machine had asked for.
    DeadlineReached,
}

impl Observation for CredentialEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Observed(_) => "Observed",
            Self::Absent { .. } => "Absent",
            Self::Checked { .. } => "Checked",
            Self::OperationObserved { .. } => "OperationObserved",
            Self::SecretDiffers => "SecretDiffers",
            Self::FactsChanged => "FactsChanged",
            Self::DeadlineReached => "DeadlineReached",
        }
    }
}

/// What a step of a repository credential may know besides the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFacts {
    /// The time of the step.
    pub now: Timestamp,
    /// Whether there are keys to seal credentials with.
    pub has_keys: bool,
    /// The tenant.
    pub tenant: TenantFact,
    /// The Argo CD instance; `None` while its namespace does not exist.
    pub instance: Option<InstanceId>,
    /// The digest of the Secret, if the watch shows one of the name and of the type. It may be behind.
    pub shown: Option<Digest>,
    /// The row that an earlier installation made for the object.
    pub existing: Option<ExistingCredential>,
    /// Whether what was sealed with the row is gone, because its key was lost.
    pub is_row_empty: bool,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
}

impl Moment for CredentialFacts {
    fn now(&self) -> Timestamp {
        self.now
    }
}

/// A row that an earlier installation made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingCredential {
    /// Its id.
    pub id: CredentialId,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
    /// The instance that uses it.
    pub instance: InstanceId,
}

/// What the machine requires from the world outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialObligation {
    /// An Operation CR for this operation exists.
    OperationCreated(OperationId),
    /// It is known whether the repository accepts what the Secret holds.
    CredentialChecked {
        /// Which repository, and which Secret.
        spec: CredentialSpec,
        /// What the watch shows of the Secret: another one is another check.
        shown: Option<Digest>,
    },
    /// The object's status says this.
    StatusWritten(CredentialView),
}

impl RepositoryCredential {
    /// A credential about which only its identity is known yet.
    pub fn new(uid: CredentialUid, tenant: TenantUid, namespace: &str, name: &str) -> Self {
        Self {
            lifecycle: CredentialState::Unseen {},
            delivery: Delivery::Idle {},
            mirror: Mirror::Silent {},
            record: CredentialRecord {
                uid,
                tenant,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                last_seen: Revision::default(),
                generation: Generation::default(),
                spec: CredentialSpec::default(),
                present: false,
                shown: None,
                checked: None,
                row: None,
                since: None,
                born: Timestamp::default(),
                operations: 0,
                open: None,
                failures: 0,
                failure: String::new(),
                actual: Digest::default(),
            },
        }
    }

    /// What the machine requires from the world, most urgent first.
    pub fn obligations(&self, style: ConditionStyle) -> Vec<CredentialObligation> {
        let record = &self.record;
        let mut obligations = Vec::new();
        if let Some(open) = record.open.as_ref().filter(|open| !open.claimed) {
            obligations.push(CredentialObligation::OperationCreated(open.id.clone()));
        }
        if matches!(self.lifecycle, CredentialState::Checking { .. }) {
            let (spec, shown) = (record.spec.clone(), record.shown.clone());
            obligations.push(CredentialObligation::CredentialChecked { spec, shown });
        }
        if matches!(self.mirror, Mirror::Dirty {}) {
            obligations.push(CredentialObligation::StatusWritten(status::wanted(self, style)));
        }
        obligations
    }

    /// Whether its repository is asked again from time to time.
    pub fn is_rechecked(&self) -> bool {
        matches!(self.lifecycle, CredentialState::Refused {} | CredentialState::Accepted {})
    }

    /// Why a person is awaited, as a reason and a message; `None` if none is.
    pub fn complaint(&self) -> Option<(String, String)> {
        status::complaint(self)
    }

    /// How far it is.
    pub fn standing(&self) -> Standing {
        status::standing(self)
    }

    /// Whether it waits for its tenant's rows.
    pub fn needs_tenant(&self) -> bool {
        matches!(
            self.lifecycle,
            CredentialState::AwaitingEngine { .. } | CredentialState::AwaitingTenant { .. }
        )
    }

    /// Whether the machine may still take over a row of an earlier installation.
    pub fn may_adopt(&self) -> bool {
        self.record.row.is_none()
    }

    /// Whether a time has come that another region than the status waited for. That a status is
    /// finally due is no reason to doubt anything else.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let moments = [self.lifecycle.wake_at(), self.delivery.wake_at()];
        moments.into_iter().flatten().any(|moment| moment <= now)
    }

    fn step_delivery(
        &mut self,
        event: &DeliveryEvent,
        facts: &CredentialFacts,
        rows: &mut Vec<RowChange>,
    ) {
        let mut region = self.record.delivery(facts.now, rows);
        drive(&mut self.delivery, &mut region, event, &mut ());
    }

    fn step_mirror(&mut self, facts: &CredentialFacts) {
        let event = if self.record.present {
            let wanted = status::wanted(self, facts.conditions);
            MirrorEvent::Compared {
                matches: wanted.digest() == self.record.actual,
                // The outcome is worth more than an announcement.
                hold: self.is_under_way(),
                now: facts.now,
            }
        } else {
            MirrorEvent::ObjectGone
        };
        drive(&mut self.mirror, &mut mirror::Region, &event, &mut ());
    }

    /// Whether something is under way that usually ends within moments.
    fn is_under_way(&self) -> bool {
        match self.lifecycle {
            CredentialState::Checking { overdue, .. }
            | CredentialState::AwaitingTenant { overdue, .. } => overdue == 0,
            CredentialState::Accepted {} => {
                matches!(self.delivery, Delivery::Dispatching { overdue: 0, .. })
                    && self.record.failures == 0
            }
            _ => false,
        }
    }
}

impl CredentialRecord {
    /// The region of the delivery, with what it shares with this record.
    fn delivery<'a>(&'a mut self, now: Timestamp, rows: &'a mut Vec<RowChange>) -> Region<'a> {
        let row = self.row.as_ref().map(|row| DeliveredRow {
            target: Target::Credential(row.id.clone()),
            requester: Requester::Credential(self.uid.clone()),
            owner: row.user.clone(),
            instance: row.instance.clone(),
        });
        let requests = Requests {
            born: self.born,
            operations: &mut self.operations,
            open: &mut self.open,
            failures: &mut self.failures,
            failure: &mut self.failure,
        };
        Region { row, requests, key: self.uid.as_str(), now, rows }
    }
}

/// What an observation says about what is delivered.
fn delivery_event(event: &CredentialEvent) -> Option<DeliveryEvent> {
    match event {
        CredentialEvent::OperationObserved { id, state } => {
            Some(DeliveryEvent::OperationObserved { id: id.clone(), state: state.clone() })
        }
        CredentialEvent::SecretDiffers => Some(DeliveryEvent::SecretDiffers),
        CredentialEvent::DeadlineReached => Some(DeliveryEvent::DeadlineReached),
        CredentialEvent::Observed(_)
        | CredentialEvent::Absent { .. }
        | CredentialEvent::Checked { .. }
        | CredentialEvent::FactsChanged => None,
    }
}

impl Machine for RepositoryCredential {
    type Event = CredentialEvent;
    type Facts = CredentialFacts;

    fn apply(&mut self, event: &CredentialEvent, facts: &CredentialFacts) -> Change {
        let mut rows = Vec::new();
        if let Some(event) = delivery_event(event) {
            self.step_delivery(&event, facts, &mut rows);
        }
        let mut context = Context::new(facts);
        let observation = LifecycleEvent::Observation(event);
        let handling = drive(&mut self.lifecycle, &mut self.record, &observation, &mut context);
        let changes_row = !context.rows.is_empty();
        rows.extend(context.rows);
        if changes_row {
            self.step_delivery(&DeliveryEvent::RowChanged, facts, &mut rows);
        }
        if self.delivery.is_idle() {
            let mut context = Context::new(facts);
            let delivered = LifecycleEvent::Delivered;
            drive(&mut self.lifecycle, &mut self.record, &delivered, &mut context);
            rows.extend(context.rows);
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
        let moments = [self.lifecycle.wake_at(), self.delivery.wake_at(), self.mirror.wake_at()];
        moments.into_iter().flatten().min()
    }

    fn is_gone(&self) -> bool {
        matches!(self.lifecycle, CredentialState::Gone {})
    }
}
