//! Finds manual changes in Argo CD's namespace: compares every Application, Secret and
//! AppProject with its rows, at long intervals. If an Application or a Secret differs for longer than
//! a change takes, the backend is notified and asks for an operation. An AppProject belongs to no
//! deployment, and is repaired here: possibly none of its deployments is in a state to ask for
//! anything.
//!
//! What has no owner is removed: a request that outlasted every wait may have created it after
//! everything else was gone.
//!
//! The comparison reads the database page by page and does not read the cluster: what the watches
//! have shown is in memory.

pub(super) mod secrets;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{Stream, TryStreamExt, try_unfold};
use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, Timestamp};
use machines::operation::application::{ApplicationDocument, application_name};
use schema::store::{Permitted, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use secrets::SecretSuspects;

/// Rows read by one statement.
const PAGE: u64 = 500;

/// What differs, and since when.
type Suspects<K> = HashMap<K, Timestamp>;

/// What differs at one point in time.
#[derive(Debug, Default)]
struct Differing {
    /// The deployments of Applications.
    deployments: BTreeSet<DeploymentUid>,
    /// The deployments of Applications that have no owner, with the rows on their labels.
    orphans: BTreeMap<DeploymentUid, ApplicationId>,
    /// The owners of AppProjects, with what those should permit.
    projects: HashMap<ClusterUserId, Permitted>,
}

/// Compares at intervals until it should stop.
pub(super) async fn run(agent: Arc<Agent>, interval: Duration, shutdown: CancellationToken) {
    let grace = agent.settings.repair_grace;
    let mut deployments = Suspects::new();
    let mut projects = Suspects::new();
    let mut orphans = Suspects::new();
    let mut secrets = SecretSuspects::default();
    loop {
        // A suspect is checked again after the grace period, not after a whole interval.
        let is_calm = deployments.is_empty()
            && projects.is_empty()
            && orphans.is_empty()
            && secrets.is_empty();
        let pause = if is_calm { interval } else { grace.min(interval) };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        agent.read_definition().await;
        let begun = Instant::now();
        let applications = differing(&agent).await;
        let mut has_failed = applications.is_err();
        match applications {
            Ok(mut found) => {
                let now = agent.settings.clock.now();
                for uid in overdue(&mut deployments, found.deployments, now, grace) {
                    tracing::debug!(uid = uid.as_str(), "an Application differs from its row");
                    agent.listener.application_differs(&uid);
                }
                let owners: Vec<ClusterUserId> = found.projects.keys().cloned().collect();
                for owner in overdue(&mut projects, owners, now, grace) {
                    let permitted = found.projects.remove(&owner).unwrap_or_default();
                    agent.repair_project(owner, &permitted);
                }
                let uids: Vec<DeploymentUid> = found.orphans.keys().cloned().collect();
                for uid in overdue(&mut orphans, uids, now, grace) {
                    if let Some(row) = found.orphans.remove(&uid) {
                        agent.remove_orphan(row, application_name(&uid));
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "Applications could not be compared"),
        }
        if agent.watches.secrets.is_synced() {
            match secrets::differing(&agent).await {
                Ok(found) => secrets.judge(&agent, found, agent.settings.clock.now(), grace),
                Err(error) => {
                    has_failed = true;
                    tracing::warn!(%error, "Secrets could not be compared");
                }
            }
        }
        agent.note_rescan(begun, has_failed);
    }
}

impl Agent {
    fn note_rescan(&self, begun: Instant, has_failed: bool) {
        self.metrics.rescans.inc(&[if has_failed { "failed" } else { "completed" }]);
        self.metrics.rescan_seconds.observe(&[], begun.elapsed());
        if !has_failed {
            *self.rescanned.lock() = Instant::now();
        }
    }
}

/// Returns what has differed for the whole grace period; updates the suspects.
fn overdue<K: Clone + Eq + Hash>(
    suspects: &mut Suspects<K>,
    found: impl IntoIterator<Item = K>,
    now: Timestamp,
    grace: Duration,
) -> Vec<K> {
    let overdue;
    (overdue, *suspects) = judge(suspects, found, now, grace);
    overdue
}

/// Divides what differs into what has differed for the whole grace period and what is still
/// suspect.
fn judge<K: Clone + Eq + Hash>(
    before: &Suspects<K>,
    found: impl IntoIterator<Item = K>,
    now: Timestamp,
    grace: Duration,
) -> (Vec<K>, Suspects<K>) {
    let mut overdue = Vec::new();
    let mut suspects = Suspects::new();
    for one in found {
        let since = before.get(&one).copied().unwrap_or(now);
        if since.after(grace) <= now {
            overdue.push(one);
        } else {
            suspects.insert(one, since);
        }
    }
    (overdue, suspects)
}

/// What a query says page by page: each page begins after the last row of the one before, up to one
/// without rows.
fn pages<T, K: Default, F>(
    read: impl Fn(K) -> F,
    key: impl Fn(&T) -> K + Copy,
) -> impl Stream<Item = Result<Vec<T>, StoreError>>
where
    F: Future<Output = Result<Vec<T>, StoreError>>,
{
    try_unfold(K::default(), move |after| {
        let page = read(after);
        async move {
            let page = page.await?;
            let last = page.last().map(key);
            Ok(last.map(|last| (page, last)))
        }
    })
}

async fn differing(agent: &Agent) -> Result<Differing, StoreError> {
    let mut found = Differing::default();
    // Those that are left have no owner.
    let mut owners_left = agent.argo().project_owners();
    let mut left = agent.argo().ours();
    let store = &agent.store;
    let read = |after| async move { store.wanted_applications(&after, PAGE).await };
    let mut pages = pin!(pages(read, |wanted| wanted.row.clone()));
    while let Some(page) = pages.try_next().await? {
        let owners: BTreeSet<ClusterUserId> = page.iter().map(|one| one.owner.clone()).collect();
        owners_left.retain(|owner| !owners.contains(owner));
        let deployments: HashSet<&DeploymentUid> = page.iter().map(|one| &one.deployment).collect();
        left.retain(|uid, _| !deployments.contains(uid));
        let permitted = agent.store.permitted(&owners).await?;
        for wanted in page {
            // What cannot be read is a matter for its own operation, which fails and says so.
            let Some(document) = &wanted.document else { continue };
            if application_differs(agent, &wanted.row, document) {
                found.deployments.insert(wanted.deployment);
            }
        }
        if agent.settings.isolation {
            let differs = |(owner, rows): &(_, _)| project_differs(agent, owner, rows);
            found.projects.extend(permitted.into_iter().filter(differs));
        }
    }
    if !left.is_empty() {
        let orphans = agent.store.orphans(left.clone()).await?;
        left.retain(|uid, row| orphans.contains(uid) && !agent.open().writes(row));
    }
    found.orphans = left;
    // Without isolation no row asks for an AppProject: what is left of them permits the Applications
    // that are still in it, and goes after the last one.
    let unwanted =
        if agent.settings.isolation { owners_left } else { agent.argo().project_owners() };
    let unwanted = unwanted.into_iter().map(|owner| (owner, Permitted::default()));
    found.projects.extend(unwanted.filter(|(owner, rows)| project_differs(agent, owner, rows)));
    Ok(found)
}

fn application_differs(agent: &Agent, row: &ApplicationId, document: &ApplicationDocument) -> bool {
    // What an operation is about to write is no difference.
    if agent.open().writes(row) {
        return false;
    }
    let argo = agent.argo();
    let Some(entry) = argo.application(&document.name) else { return true };
    if entry.deleting {
        // It comes back once it is gone; in the middle of a sync it may never go by itself.
        return entry.sync.is_some();
    }
    !entry.says(row, document)
}

/// An operation that waits for the AppProject repairs it itself; one that waits for something else,
/// such as the end of an Application, does not.
fn project_differs(agent: &Agent, owner: &ClusterUserId, permitted: &Permitted) -> bool {
    // One lock after the other: the code that takes in watch events holds both, in the opposite
    // order.
    if agent.open().awaits_project(owner) {
        return false;
    }
    let argo = agent.argo();
    !argo.project_matches(owner, &argo.wanted_project(owner, permitted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compatibility_4_what_differs_is_repaired_after_the_grace_and_not_before() {
        let grace = Duration::from_secs(120);
        let uid = DeploymentUid::new("app");
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let (overdue, suspects) = judge(&Suspects::new(), vec![uid.clone()], at(0), grace);
        assert_eq!((overdue.len(), suspects.len()), (0, 1));
        let (overdue, suspects) = judge(&suspects, vec![uid.clone()], at(119), grace);
        assert_eq!((overdue.len(), suspects.len()), (0, 1));
        let (overdue, suspects) = judge(&suspects, vec![uid.clone()], at(120), grace);
        assert_eq!((overdue, suspects.len()), (vec![uid.clone()], 0));
        // What was repaired, or undone by the same client, is suspect again.
        let (_, suspects) = judge(&Suspects::new(), vec![uid.clone()], at(0), grace);
        let (_, suspects) = judge(&suspects, Vec::new(), at(60), grace);
        let (overdue, _) = judge(&suspects, vec![uid], at(180), grace);
        assert_eq!(overdue, []);
    }

    #[tokio::test]
    async fn each_page_begins_after_the_last_row_of_the_one_before() {
        let read =
            |after: u32| async move { Ok((1..=5).filter(|row| *row > after).take(2).collect()) };
        let pages: Vec<Vec<u32>> = pages(read, |row| *row).try_collect().await.expect("pages");
        assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5]]);
    }
}
