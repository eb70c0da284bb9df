//! The machine of a GitOpsDeploymentManagedEnvironment, one per object UID: four regions side by side.
//!
//! * [`lifecycle`]: from its first sighting through the checks of its cluster to the end of what it
//!   has left;
//! * [`delivery`]: whether the Secret in Argo CD's namespace says what the environment's row says;
//! * [`revocation`]: whether what was made on clusters, and is not needed any longer, is revoked;
//! * [`mirror`]: whether the object's `.status` says what it should.
//!
//! No secret is in here: kubeconfigs and tokens are known by keyed digests. Whoever checks them brings
//! them, and writes them with the rows that the step asks for. What is made on a cluster is in
//! [`account`].
//!
//! [`delivery`]: crate::shared::delivery
//! [`mirror`]: crate::shared::mirror

pub mod account;
pub mod esr;
mod events;
pub mod facts;
pub mod lifecycle;
pub mod messages;
pub mod recheck;
pub mod revocation;
pub mod rows;
pub(crate) mod samples;
pub mod spec;
pub mod status;
#[cfg(test)]
mod tests;
pub mod verdict;

use serde::{Deserialize, Serialize};

use crate::drive::drive;
use crate::identity::{
    ClusterUserId, Digest, EnvironmentId, Generation, InstanceId, OperationId, Revision, TenantUid,
    Timestamp, derive,
};
use crate::machine::{Change, Machine};
use crate::rows::{Requester, RowChange, Target};
use crate::shared::condition::ConditionStyle;
use crate::shared::delivery::{self, DeliveredRow, Delivery, DeliveryEvent, Requests};
use crate::shared::is_default;
use crate::shared::mirror::{self, Mirror, MirrorEvent};
use crate::shared::open_operation::OpenOperation;
use crate::shared::standing::Standing;
use crate::waiting::Wait;

pub use account::{Account, Installation, Revocable};
pub use events::{EnvironmentEvent, EnvironmentSnapshot};
pub use facts::{
    EnvironmentFact, EnvironmentFacts, ExistingEnvironment, Usage, UsedEnvironmentFact,
};
use lifecycle::{Context, EnvironmentState, LifecycleEvent};
use revocation::{Revocation, RevocationEvent};
use rows::EnvironmentRows;
use spec::EnvironmentSpec;
use status::EnvironmentView;
use verdict::Verdict;

text_newtype! {
    /// The UID of a GitOpsDeploymentManagedEnvironment.
    EnvironmentUid
}
text_newtype! {
    /// Primary key of a `clustercredentials` row.
    ClusterCredentialsId
}

impl EnvironmentId {
    /// The id of the row that represents a managed environment.
    pub fn of(environment: &EnvironmentUid) -> Self {
        Self::new(derive("managedenvironment", &[environment.as_str()]))
    }
}

impl ClusterCredentialsId {
    /// The id of the row with the token of a ServiceAccount that is made on a cluster: it stays until
    /// the account is revoked.
    pub fn of_account(environment: &EnvironmentId, api_url: &str) -> Self {
        Self(derive("clustercredentials", &[environment.as_str(), "account", api_url]))
    }

    /// The id of the row with the token of a kubeconfig.
    pub fn of_kubeconfig(environment: &EnvironmentId, api_url: &str) -> Self {
        Self(derive("clustercredentials", &[environment.as_str(), "kubeconfig", api_url]))
    }
}

/// A managed environment: the states of its regions and what they remember together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedEnvironment {
    /// How far it has come.
    pub lifecycle: EnvironmentState,
    /// Whether Argo CD's Secret says what the row says.
    pub delivery: Delivery,
    /// Whether what is not needed on clusters is revoked.
    pub revocation: Revocation,
    /// Whether the object's status is up to date.
    pub mirror: Mirror,
    /// What it remembers in every state.
    pub record: EnvironmentRecord,
}

/// What a managed environment remembers in every state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRecord {
    /// The object's UID.
    pub uid: EnvironmentUid,
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
    pub spec: EnvironmentSpec,
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
    /// What was made on clusters, or may have been, and is not revoked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Account>,
    /// What may remain on clusters, and the user has not been told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remains: Vec<String>,
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
    #[serde(default, skip_serializing_if = "is_default")]
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
    pub spec: EnvironmentSpec,
    /// The digest of the user's Secret that was read; `None` if there was none of the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Digest>,
    /// If the cluster was shown the token of an account that was made there: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// What was found.
    pub verdict: Verdict,
}

/// What the row says, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRecord {
    /// Its id.
    pub id: EnvironmentId,
    /// The row of its credentials.
    pub credentials: ClusterCredentialsId,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
    /// The Argo CD instance that uses it.
    pub instance: InstanceId,
    /// What was written; unknown for a row of an earlier installation, and for one that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
    /// Whether Argo CD has a Secret of it, perhaps an older one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_delivered: bool,
}

/// What was written to the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The spec.
    pub spec: EnvironmentSpec,
    /// The digest of the user's Secret.
    pub secret: Digest,
    /// The digest of what Argo CD is told.
    pub told: Digest,
    /// The account whose token it is; `None` if it is the kubeconfig's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<Installation>,
}

/// The persisted form; a new version is a new variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum PersistedEnvironment {
    /// The first version.
    #[serde(rename = "1")]
    V1(Box<ManagedEnvironment>),
}

impl From<ManagedEnvironment> for PersistedEnvironment {
    fn from(environment: ManagedEnvironment) -> Self {
        Self::V1(Box::new(environment))
    }
}

impl From<PersistedEnvironment> for ManagedEnvironment {
    fn from(persisted: PersistedEnvironment) -> Self {
        let PersistedEnvironment::V1(environment) = persisted;
        *environment
    }
}

/// What a cluster is to be asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inquiry {
    /// Which cluster, and which Secret.
    pub spec: EnvironmentSpec,
    /// What the watch shows of the Secret: another one is another check.
    pub shown: Option<Digest>,
    /// What is made on the cluster first, so that its token is checked. If there is none although the
    /// spec asks for one, no Secret is shown to make it with, and so none is found.
    pub account: Option<Installation>,
    /// The row whose token is checked as it is, without another look at the kubeconfig's.
    pub stored: Option<(ClusterCredentialsId, u32)>,
}

/// What the machine requires from the world outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvironmentObligation {
    /// An Operation CR for this operation exists.
    OperationCreated(OperationId),
    /// It is known whether the cluster accepts the credentials.
    ClusterChecked(Box<Inquiry>),
    /// This was removed from a cluster, or cannot be.
    Revoked(Box<Revocable>),
    /// Events say this of the object, even if it is gone.
    RemainsTold(Vec<String>),
    /// The object's status says this.
    StatusWritten(EnvironmentView),
}

impl ManagedEnvironment {
    /// An environment about which only its identity is known yet.
    pub fn new(uid: EnvironmentUid, tenant: TenantUid, namespace: &str, name: &str) -> Self {
        Self {
            lifecycle: EnvironmentState::Unseen {},
            delivery: Delivery::Idle {},
            revocation: Revocation::Idle {},
            mirror: Mirror::Silent {},
            record: EnvironmentRecord {
                uid,
                tenant,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                last_seen: Revision::default(),
                generation: Generation::default(),
                spec: EnvironmentSpec::default(),
                present: false,
                shown: None,
                checked: None,
                row: None,
                accounts: Vec::new(),
                remains: Vec::new(),
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
    pub fn obligations(&self, style: ConditionStyle) -> Vec<EnvironmentObligation> {
        let record = &self.record;
        let mut obligations = Vec::new();
        if let Some(open) = record.open.as_ref().filter(|open| !open.claimed) {
            obligations.push(EnvironmentObligation::OperationCreated(open.id.clone()));
        }
        if matches!(self.lifecycle, EnvironmentState::Checking { .. }) {
            obligations.push(EnvironmentObligation::ClusterChecked(Box::new(self.inquiry())));
        }
        match &self.revocation {
            Revocation::Revoking { .. } => {
                let due = self.due().map(Box::new).map(EnvironmentObligation::Revoked);
                obligations.extend(due);
            }
            Revocation::Telling { .. } => {
                obligations.push(EnvironmentObligation::RemainsTold(record.remains.clone()));
            }
            Revocation::Idle {} | Revocation::BackingOff { .. } => {}
        }
        if matches!(self.mirror, Mirror::Dirty {}) {
            obligations.push(EnvironmentObligation::StatusWritten(status::wanted(self, style)));
        }
        obligations
    }

    /// What the cluster is asked with whatever the user's Secret holds.
    fn inquiry(&self) -> Inquiry {
        let record = &self.record;
        Inquiry {
            spec: record.spec.clone(),
            shown: record.shown.clone(),
            account: record.newest_installation().cloned(),
            stored: None,
        }
    }

    /// What the cluster is asked again from time to time; `None` if it is not.
    pub fn repeated_inquiry(&self) -> Option<Inquiry> {
        match self.lifecycle {
            EnvironmentState::Refused {} => Some(self.inquiry()),
            EnvironmentState::Accepted {} => {
                let row = self.record.row.as_ref();
                let written = row.and_then(|row| row.written.as_ref());
                let installation = written.and_then(|written| written.installation.as_ref());
                let stored = row.zip(installation);
                let stored = stored.map(|(row, one)| (row.credentials.clone(), one.round));
                let account = self.inquiry().account.filter(|_| stored.is_none());
                Some(Inquiry { account, stored, ..self.inquiry() })
            }
            _ => None,
        }
    }

    /// Whether the cluster could not be used when it was last asked, or was asked with another Secret
    /// than the one that is shown: it is asked again soon.
    pub fn is_doubtful(&self) -> bool {
        let record = &self.record;
        let secret = record.checked.as_ref().and_then(|checked| checked.secret.as_ref());
        !matches!(self.lifecycle, EnvironmentState::Accepted {}) || secret != record.shown.as_ref()
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
            EnvironmentState::AwaitingEngine { .. } | EnvironmentState::AwaitingTenant { .. }
        )
    }

    /// Whether its object is gone or going and its row is not: it looks at those who use it. The step
    /// that learns that its object goes needs them as well.
    pub fn needs_usage(&self) -> bool {
        matches!(self.lifecycle, EnvironmentState::Draining { .. })
    }

    /// Whether the machine may still take over a row of an earlier installation.
    pub fn may_adopt(&self) -> bool {
        self.record.row.is_none()
    }

    /// Whether a time has come that another region than the status waited for. That a status is
    /// finally due is no reason to doubt anything else.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let moments =
            [self.lifecycle.wake_at(), self.delivery.wake_at(), self.revocation.wake_at()];
        moments.into_iter().flatten().any(|moment| moment <= now)
    }

    /// What is to be revoked now. While the object exists, Argo CD must have what replaces it.
    fn due(&self) -> Option<Revocable> {
        match self.lifecycle {
            EnvironmentState::Accepted {} if self.delivery.is_idle() => {
                self.record.revocable(false)
            }
            EnvironmentState::Clearing {} => self.record.revocable(true),
            _ => None,
        }
    }

    fn step_lifecycle(
        &mut self,
        event: &LifecycleEvent<'_>,
        facts: &EnvironmentFacts,
        rows: &mut Vec<RowChange>,
    ) -> crate::Handling {
        let mut context = Context::new(facts);
        let handling = drive(&mut self.lifecycle, &mut self.record, event, &mut context);
        let changes_row = context.rows.iter().any(is_delivered);
        rows.append(&mut context.rows);
        if changes_row {
            self.step_delivery(&DeliveryEvent::RowChanged, facts, rows);
        }
        handling
    }

    fn step_delivery(
        &mut self,
        event: &DeliveryEvent,
        facts: &EnvironmentFacts,
        rows: &mut Vec<RowChange>,
    ) {
        let mut region = self.record.delivery(facts.now, rows);
        drive(&mut self.delivery, &mut region, event, &mut ());
    }

    fn step_revocation(
        &mut self,
        event: &RevocationEvent,
        facts: &EnvironmentFacts,
        rows: &mut Vec<RowChange>,
    ) {
        let due = self.due();
        let record = &mut self.record;
        let mut region = revocation::Region { record, due, now: facts.now, rows };
        drive(&mut self.revocation, &mut region, event, &mut ());
    }

    fn step_mirror(&mut self, facts: &EnvironmentFacts) {
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
            EnvironmentState::Checking { overdue, .. }
            | EnvironmentState::AwaitingTenant { overdue, .. } => overdue == 0,
            EnvironmentState::Accepted {} => {
                matches!(self.delivery, Delivery::Dispatching { overdue: 0, .. })
                    && self.record.failures == 0
            }
            _ => false,
        }
    }
}

impl EnvironmentRecord {
    /// The region of the delivery, with what it shares with this record.
    fn delivery<'a>(
        &'a mut self,
        now: Timestamp,
        rows: &'a mut Vec<RowChange>,
    ) -> delivery::Region<'a> {
        let row = self.row.as_ref().map(|row| DeliveredRow {
            target: Target::Environment(row.id.clone()),
            requester: Requester::Environment(self.uid.clone()),
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
        delivery::Region { row, requests, key: self.uid.as_str(), now, rows }
    }
}

/// Whether a change of rows is one that Argo CD's Secret follows.
fn is_delivered(change: &RowChange) -> bool {
    matches!(change, RowChange::Environment(EnvironmentRows::Put(_) | EnvironmentRows::Remove(_)))
}

impl Machine for ManagedEnvironment {
    type Event = EnvironmentEvent;
    type Facts = EnvironmentFacts;

    fn apply(&mut self, event: &EnvironmentEvent, facts: &EnvironmentFacts) -> Change {
        let mut rows = Vec::new();
        if let Some(event) = event.of_delivery() {
            self.step_delivery(&event, facts, &mut rows);
        }
        if let Some(event) = event.of_revocation() {
            self.step_revocation(&event, facts, &mut rows);
        }
        let handling = self.step_lifecycle(&LifecycleEvent::Observation(event), facts, &mut rows);
        if self.delivery.is_idle() {
            self.step_lifecycle(&LifecycleEvent::Delivered, facts, &mut rows);
        }
        self.step_revocation(&RevocationEvent::Compared, facts, &mut rows);
        if self.revocation.is_idle() {
            // After the end of one thing there may be another to revoke, or something to tell.
            self.step_revocation(&RevocationEvent::Compared, facts, &mut rows);
        }
        if self.revocation.is_idle() {
            self.step_lifecycle(&LifecycleEvent::Cleared, facts, &mut rows);
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
        let moments = [
            self.lifecycle.wake_at(),
            self.delivery.wake_at(),
            self.revocation.wake_at(),
            self.mirror.wake_at(),
        ];
        moments.into_iter().flatten().min()
    }

    fn is_gone(&self) -> bool {
        matches!(self.lifecycle, EnvironmentState::Gone {})
    }
}
