//! What a step of a sync run may know besides the event.

use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Generation, InstanceId, Timestamp,
};
use crate::kinds::deployment::Deployment;
use crate::kinds::deployment::lifecycle::Lifecycle;
use crate::kinds::sync_run::{SyncRun, SyncRunUid};
use crate::machine::Moment;
use crate::operation::sync::SyncOperationId;
use crate::shared::condition::ConditionStyle;

/// The only type of a deployment that is synced on request.
const MANUAL: &str = "manual";

/// What a step of a sync run may know besides the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRunFacts {
    /// The time of the step.
    pub now: Timestamp,
    /// The deployment that the run refers to.
    pub deployment: DeploymentFact,
    /// The other runs that refer to it and have not ended.
    pub others: Vec<OtherRun>,
    /// The rows that an earlier installation made for the run.
    pub existing: Option<ExistingSync>,
    /// Whether an earlier machine of the run had begun its sync, and is gone: then a stale list has
    /// shown the object as deleted, or shows it as existing now.
    pub has_begun: bool,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
}

impl Moment for SyncRunFacts {
    fn now(&self) -> Timestamp {
        self.now
    }
}

/// A deployment, as a sync run sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentFact {
    /// Its machine cannot be read, or has not seen what its object says now.
    Unknown,
    /// There is none of this name, or it is being deleted.
    Missing,
    /// There is one.
    Present(Box<SyncTarget>),
}

/// A deployment that may be synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncTarget {
    /// Its UID.
    pub uid: DeploymentUid,
    /// The generation that this is about.
    pub generation: Generation,
    /// Whether it is synced on request only.
    pub is_manual: bool,
    /// Its application, once Argo CD's says what this generation asks for.
    pub settled: Option<SettledApplication>,
}

/// The application row of a deployment that is settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettledApplication {
    /// Its id.
    pub id: ApplicationId,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
    /// The instance that deploys it.
    pub instance: InstanceId,
}

impl DeploymentFact {
    /// What the machines of all deployments with a name say, of which at most one has an object.
    pub fn of<'a>(machines: impl Iterator<Item = &'a Deployment>) -> Self {
        let live = machines.filter(|one| is_live(one));
        // Of two that seem to exist, the newer one does.
        let newest = live.max_by_key(|one| (one.record.first_seen, one.record.uid.clone()));
        newest.map_or(Self::Missing, |one| Self::Present(Box::new(SyncTarget::of(one))))
    }
}

fn is_live(deployment: &Deployment) -> bool {
    let is_terminating = matches!(
        deployment.lifecycle,
        Lifecycle::Unseen {}
            | Lifecycle::AwaitingDestination { .. }
            | Lifecycle::Removing { .. }
            | Lifecycle::RemovalBackingOff { .. }
            | Lifecycle::RemovalFrozen {}
            | Lifecycle::Finalizing { .. }
            | Lifecycle::Gone {}
    );
    deployment.record.present && !is_terminating
}

impl SyncTarget {
    fn of(deployment: &Deployment) -> Self {
        let record = &deployment.record;
        let is_settled = matches!(deployment.lifecycle, Lifecycle::Settled {});
        let application = record.application.as_ref().filter(|one| is_settled && one.applied);
        Self {
            uid: record.uid.clone(),
            generation: record.generation,
            is_manual: record.spec.type_ == MANUAL,
            settled: application.map(|one| SettledApplication {
                id: one.id.clone(),
                user: one.user.clone(),
                instance: one.instance.clone(),
            }),
        }
    }
}

/// Another run of the same deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherRun {
    /// Its object.
    pub uid: SyncRunUid,
    /// When that was created.
    pub created: Timestamp,
    /// Whether its sync was asked for and has not ended.
    pub has_turn: bool,
}

impl OtherRun {
    /// What another run's step needs to know about this one.
    pub fn of(run: &SyncRun) -> Self {
        Self { uid: run.record.uid.clone(), created: run.record.created, has_turn: run.has_turn() }
    }
}

/// The rows that an earlier installation made for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingSync {
    /// The row of the sync.
    pub sync: SyncOperationId,
    /// The application that is synced, with its owner and instance; `None` once it was deleted.
    pub application: Option<SettledApplication>,
    /// The name of its deployment.
    pub deployment_name: String,
    /// The revision that was asked for.
    pub revision: String,
    /// Whether an operation on it had not ended.
    pub is_open: bool,
}
