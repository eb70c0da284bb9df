//! Sync runs: their machines, and what a batch loads of them.

pub(in crate::store) mod adoption;
pub(in crate::store) mod rows;

use std::collections::{BTreeSet, HashMap, HashSet};

use machines::identity::{OperationId, TenantUid};
use machines::kinds::deployment::Deployment;
use machines::kinds::sync_run::facts::{ExistingSync, OtherRun};
use machines::kinds::sync_run::{PersistedSyncRun, SyncRun, SyncRunUid};
use machines::shared::condition::ConditionStyle;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QuerySelect};

use crate::entity::{machine, transition};
use crate::store::StoreError;
use crate::store::machine_rows::{self, Machines, Persistent};

impl Persistent for SyncRun {
    type Key = SyncRunUid;
    const KIND: &'static str = "SyncRun";
    type Persisted = PersistedSyncRun;

    fn key(&self) -> SyncRunUid {
        self.record.uid.clone()
    }
    fn parse_key(text: String) -> SyncRunUid {
        SyncRunUid::new(text)
    }
    fn key_text(key: &SyncRunUid) -> &str {
        key.as_str()
    }
    fn tenant(&self) -> &str {
        self.record.tenant.as_str()
    }
    fn namespace(&self) -> &str {
        &self.record.namespace
    }
    fn name(&self) -> &str {
        &self.record.name
    }
    fn has_obligations(&self) -> bool {
        // The style decides what a status says, not whether one is required.
        !self.obligations(ConditionStyle::default()).is_empty()
    }
    fn generation(&self) -> i64 {
        self.record.generation.0
    }
    fn refers_to(&self) -> Option<&str> {
        self.deployment_name()
    }
}

/// The path of a run that has begun its sync.
const RUNNING: &str = "Live/Running";

/// Which sync runs a batch is about.
#[derive(Clone, Debug, Default)]
pub struct SyncRunRequest {
    /// The runs that something concerns.
    pub runs: Vec<SyncRunUid>,
    /// The deployments that their objects name, as (tenant, name).
    pub deployments: BTreeSet<(TenantUid, String)>,
}

/// What was read for the sync runs of a batch.
#[derive(Debug, Default)]
pub struct LoadedSyncRuns {
    /// The requested runs, as far as they exist.
    pub runs: Machines<SyncRun>,
    /// The runs that have not ended, by their deployment.
    pub queues: HashMap<(TenantUid, String), Vec<OtherRun>>,
    /// The deployments that they refer to, with their namesakes.
    pub deployments: HashMap<(TenantUid, String), Vec<Deployment>>,
    /// Whether a deployment could not be read: then none of them is known to be missing.
    pub has_unreadable: bool,
    /// What the agent says about their operations.
    pub messages: HashMap<OperationId, String>,
    /// Those without a machine that once had one that had begun its sync.
    pub begun: HashSet<SyncRunUid>,
    /// The rows that an earlier installation made for runs that have none yet.
    pub existing: HashMap<SyncRunUid, ExistingSync>,
}

/// Loads the sync runs of a batch, and what they look at.
pub(in crate::store) async fn load(
    tx: &impl ConnectionTrait,
    request: &SyncRunRequest,
) -> Result<LoadedSyncRuns, StoreError> {
    let mut loaded = LoadedSyncRuns::default();
    if request.runs.is_empty() {
        return Ok(loaded);
    }
    loaded.runs = machine_rows::load::<SyncRun>(tx, &request.runs).await?;
    let text = |(tenant, name): &(TenantUid, String)| (tenant.as_str().to_owned(), name.clone());
    let mut names: BTreeSet<(String, String)> = request.deployments.iter().map(text).collect();
    for run in loaded.runs.known.values().map(|versioned| &versioned.machine) {
        let tenant = run.record.tenant.as_str();
        names.extend(run.deployment_name().map(|name| (tenant.to_owned(), name.to_owned())));
    }
    let names: Vec<(String, String)> = names.into_iter().collect();
    let column = machine::Column::RefersTo;
    for run in machine_rows::load_by::<SyncRun>(tx, column, &names).await?.known.into_values() {
        let run = run.machine;
        let Some(name) = run.deployment_name() else { continue };
        let name = (run.record.tenant.clone(), name.to_owned());
        loaded.queues.entry(name).or_default().push(OtherRun::of(&run));
    }
    let deployments = machine_rows::load_named::<Deployment>(tx, &names).await?;
    loaded.has_unreadable = !deployments.unreadable.is_empty();
    for deployment in deployments.known.into_values() {
        let record = &deployment.machine.record;
        let name = (record.tenant.clone(), record.name.clone());
        loaded.deployments.entry(name).or_default().push(deployment.machine);
    }
    let unknown = request.runs.iter().filter(|uid| !loaded.runs.contains(uid));
    let unknown: Vec<&str> = unknown.map(SyncRunUid::as_str).collect();
    if !unknown.is_empty() {
        loaded.begun = begun(tx, &unknown).await?;
        loaded.existing = adoption::existing(tx, unknown).await?;
    }
    Ok(loaded)
}

/// Those of these runs that have ever begun their sync, as long as transitions are kept.
async fn begun(
    tx: &impl ConnectionTrait,
    runs: &[&str],
) -> Result<HashSet<SyncRunUid>, StoreError> {
    let keys: Vec<String> = transition::Entity::find()
        .select_only()
        .column(transition::Column::Key)
        .distinct()
        .filter(transition::Column::Kind.eq(SyncRun::KIND))
        .filter(transition::Column::Key.is_in(runs.iter().copied()))
        .filter(transition::Column::ToPath.eq(RUNNING))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(keys.into_iter().map(SyncRunUid::new).collect())
}
