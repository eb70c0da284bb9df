//! Compares cluster Secrets and repository Secrets with their rows, like Applications: see [`super`].

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use machines::identity::{ClusterUserId, Digest, Timestamp};
use machines::operation::SecretView;
use machines::rows::Requester;
use schema::store::{ClusterOwner, SecretOwner, StoreError, WantedCluster, WantedSecret};
use tokio_util::sync::CancellationToken;

use super::{PAGE, Suspects, overdue, pages};
use crate::agent::Agent;
use crate::agent::resources::secret::row::SecretRow;
use crate::runtime::retry::until_done;

/// What differs, and since when.
#[derive(Debug, Default)]
pub(in crate::agent) struct SecretSuspects {
    requesters: Suspects<Requester>,
    orphans: Suspects<SecretRow>,
}

/// What differs at one point in time.
#[derive(Debug, Default)]
pub(in crate::agent) struct DifferingSecrets {
    /// The machines whose Secrets do not say what their rows ask for, or cannot be told from others.
    pub(in crate::agent) requesters: BTreeSet<Requester>,
    /// The rows of Secrets that have no owner.
    pub(in crate::agent) orphans: BTreeSet<SecretRow>,
}

impl SecretSuspects {
    pub(super) fn is_empty(&self) -> bool {
        self.requesters.is_empty() && self.orphans.is_empty()
    }

    /// Has what has differed for the whole grace period repaired.
    pub(in crate::agent) fn judge(
        &mut self,
        agent: &Agent,
        found: DifferingSecrets,
        now: Timestamp,
        grace: Duration,
    ) {
        for requester in overdue(&mut self.requesters, found.requesters, now, grace) {
            tracing::debug!(%requester, "a Secret differs from its row");
            agent.metrics.repairs.inc(&["secret"]);
            tell(agent, &requester);
        }
        for row in overdue(&mut self.orphans, found.orphans, now, grace) {
            agent.remove_orphaned_secret(row);
        }
    }
}

/// Tells the backend that the Secret of a machine differs from its row.
fn tell(agent: &Agent, requester: &Requester) {
    match requester {
        Requester::Environment(uid) => agent.listener.cluster_differs(uid),
        Requester::Credential(uid) => agent.listener.secret_differs(uid),
        // They have none.
        Requester::Deployment(_) | Requester::SyncRun(_) => {}
    }
}

/// Has the Secrets moved at once that are for other AppProjects than they should be, as after isolation
/// was switched on or off, or from an earlier installation: until then Argo CD lets the wrong tenants
/// use them. Done once, as soon as all have been seen.
pub(in crate::agent) async fn move_to_projects(agent: Arc<Agent>, shutdown: CancellationToken) {
    let compare = async {
        agent.watches.secrets.synced().await;
        let misplaced = || misplaced(&agent);
        for requester in until_done("Secrets cannot be compared yet", misplaced).await {
            tell(&agent, &requester);
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => return,
        () = compare => {}
    }
    // The other tasks go on.
    shutdown.cancelled().await;
}

async fn misplaced(agent: &Agent) -> Result<Vec<Requester>, StoreError> {
    let mut found = Vec::new();
    let store = &agent.store;
    let read = |after| async move { store.secret_owners(&after, PAGE).await };
    let mut pages = pin!(pages(read, |owned| owned.row.clone()));
    while let Some(page) = pages.try_next().await? {
        for SecretOwner { row, credential, owner } in page {
            let is_misplaced = is_misplaced(agent, &SecretRow::Repository(row), &owner);
            found.extend(credential.filter(|_| is_misplaced).map(Requester::Credential));
        }
    }
    found.extend(misplaced_clusters(agent).await?);
    Ok(found)
}

async fn misplaced_clusters(agent: &Agent) -> Result<Vec<Requester>, StoreError> {
    let mut found = Vec::new();
    let store = &agent.store;
    let read = |after| async move { store.cluster_owners(&after, PAGE).await };
    let mut pages = pin!(pages(read, |owned| owned.row.clone()));
    while let Some(page) = pages.try_next().await? {
        for ClusterOwner { row, environment, owner } in page {
            let row = SecretRow::Cluster(row);
            let is_misplaced = owner.is_some_and(|owner| is_misplaced(agent, &row, &owner));
            found.extend(environment.filter(|_| is_misplaced).map(Requester::Environment));
        }
    }
    Ok(found)
}

fn is_misplaced(agent: &Agent, row: &SecretRow, owner: &ClusterUserId) -> bool {
    let project = agent.project_of(owner);
    let view = agent.argo().secret_view(row, project.as_deref());
    matches!(view, SecretView::Present { in_project: false, deleting: false, .. })
}

/// A Secret that a row asks for.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Wanted {
    /// The row.
    pub(in crate::agent) row: SecretRow,
    /// The machine that it belongs to; `None` if an earlier installation has left it without one.
    pub(in crate::agent) requester: Option<Requester>,
    /// The cluster user that owns it; `None` if an earlier installation has left it without one.
    pub(in crate::agent) owner: Option<ClusterUserId>,
    /// The digest of what the Secret should say; `None` if it cannot be opened.
    pub(in crate::agent) digest: Option<Digest>,
}

impl From<WantedSecret> for Wanted {
    fn from(wanted: WantedSecret) -> Self {
        let WantedSecret { row, credential, owner, digest } = wanted;
        let requester = credential.map(Requester::Credential);
        Self { row: SecretRow::Repository(row), requester, owner: Some(owner), digest }
    }
}

impl From<WantedCluster> for Wanted {
    fn from(wanted: WantedCluster) -> Self {
        let WantedCluster { owner: ClusterOwner { row, environment, owner }, digest } = wanted;
        let requester = environment.map(Requester::Environment);
        Self { row: SecretRow::Cluster(row), requester, owner, digest }
    }
}

pub(super) async fn differing(agent: &Agent) -> Result<DifferingSecrets, StoreError> {
    let mut found = DifferingSecrets::default();
    // Those that are left may have no owner.
    let mut left = agent.argo().secret_rows();
    let mut compare = |wanted: Wanted| {
        left.remove(&wanted.row);
        let differs = secret_differs(agent, &wanted);
        found.requesters.extend(wanted.requester.filter(|_| differs));
    };
    let store = &agent.store;
    let read = |after| async move { store.wanted_secrets(&after, PAGE).await };
    let mut repositories = pin!(pages(read, |wanted| wanted.row.clone()));
    while let Some(page) = repositories.try_next().await? {
        page.into_iter().map(Wanted::from).for_each(&mut compare);
    }
    let read = |after| async move { store.wanted_clusters(&after, PAGE).await };
    let mut clusters = pin!(pages(read, |wanted| wanted.owner.row.clone()));
    while let Some(page) = clusters.try_next().await? {
        page.into_iter().map(Wanted::from).for_each(&mut compare);
    }
    found.orphans = orphans(agent, left).await?;
    found.orphans.retain(|row| !agent.open().writes_secret(row));
    Ok(found)
}

/// Those of these rows whose Secrets have no owner.
async fn orphans(
    agent: &Agent,
    rows: BTreeSet<SecretRow>,
) -> Result<BTreeSet<SecretRow>, StoreError> {
    let (mut clusters, mut repositories) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        match row {
            SecretRow::Cluster(row) => clusters.insert(row),
            SecretRow::Repository(row) => repositories.insert(row),
        };
    }
    let mut orphans = BTreeSet::new();
    if !clusters.is_empty() {
        let found = agent.store.orphaned_clusters(clusters).await?;
        orphans.extend(found.into_iter().map(SecretRow::Cluster));
    }
    if !repositories.is_empty() {
        let found = agent.store.orphaned_secrets(repositories).await?;
        orphans.extend(found.into_iter().map(SecretRow::Repository));
    }
    Ok(orphans)
}

pub(in crate::agent) fn secret_differs(agent: &Agent, wanted: &Wanted) -> bool {
    let Wanted { row, owner, digest, .. } = wanted;
    // Without keys there is nothing to compare, and nobody could write it.
    let Some(digest) = digest.as_ref().filter(|_| agent.store.sealer().is_some()) else {
        return false;
    };
    // Nobody could say which AppProject it is for.
    let Some(owner) = owner else { return false };
    // What an operation is about to write is no difference.
    if agent.open().writes_secret(row) {
        return false;
    }
    let project = agent.project_of(owner);
    let argo = agent.argo();
    let Some(entry) = argo.secret(row) else { return true };
    let is_ambiguous = match row {
        SecretRow::Cluster(row) => !argo.rivals(row).is_empty(),
        SecretRow::Repository(_) => false,
    };
    // It comes back once it is gone.
    !entry.deleting && (is_ambiguous || !entry.says(row, project.as_deref(), digest))
}
