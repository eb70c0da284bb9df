//! Finds manual changes in Argo CD's namespace: compares every Application, repository Secret and
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
use std::sync::Arc;
use std::time::Duration;

use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, Timestamp};
use machines::operation::application::{ApplicationDocument, application_name};
use schema::store::StoreError;
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
    /// The owners of AppProjects, with the repositories that those should permit.
    projects: HashMap<ClusterUserId, BTreeSet<String>>,
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
        match differing(&agent).await {
            Ok(mut found) => {
                let now = agent.settings.clock.now();
                for uid in overdue(&mut deployments, found.deployments, now, grace) {
                    tracing::debug!(uid = uid.as_str(), "an Application differs from its row");
                    agent.listener.application_differs(&uid);
                }
                let owners: Vec<ClusterUserId> = found.projects.keys().cloned().collect();
                for owner in overdue(&mut projects, owners, now, grace) {
                    let repositories = found.projects.remove(&owner).unwrap_or_default();
                    agent.repair_project(owner, &repositories);
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
        if !agent.secrets_watch().is_some_and(|watch| watch.is_synced()) {
            continue;
        }
        match secrets::differing(&agent).await {
            Ok(found) => secrets.judge(&agent, found, agent.settings.clock.now(), grace),
            Err(error) => tracing::warn!(%error, "repository Secrets could not be compared"),
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

async fn differing(agent: &Agent) -> Result<Differing, StoreError> {
    let mut found = Differing::default();
    let mut after = ApplicationId::default();
    // Those that are left have no owner.
    let mut owners_left = agent.argo().project_owners();
    let mut left = agent.argo().ours();
    loop {
        let page = agent.store.wanted_applications(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.row.clone();
        let owners: BTreeSet<ClusterUserId> = page.iter().map(|one| one.owner.clone()).collect();
        owners_left.retain(|owner| !owners.contains(owner));
        let deployments: HashSet<&DeploymentUid> = page.iter().map(|one| &one.deployment).collect();
        left.retain(|uid, _| !deployments.contains(uid));
        let repositories = agent.store.repositories(&owners).await?;
        for wanted in page {
            // What cannot be read is a matter for its own operation, which fails and says so.
            let Some(document) = &wanted.document else { continue };
            if application_differs(agent, &wanted.row, document) {
                found.deployments.insert(wanted.deployment);
            }
        }
        let differs = |(owner, urls): &(_, _)| project_differs(agent, owner, urls);
        found.projects.extend(repositories.into_iter().filter(differs));
    }
    if !left.is_empty() {
        let orphans = agent.store.orphans(left.clone()).await?;
        left.retain(|uid, row| orphans.contains(uid) && !agent.open().writes(row));
    }
    found.orphans = left;
    let unwanted = owners_left.into_iter().map(|owner| (owner, BTreeSet::new()));
    found.projects.extend(unwanted.filter(|(owner, urls)| project_differs(agent, owner, urls)));
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
fn project_differs(agent: &Agent, owner: &ClusterUserId, repositories: &BTreeSet<String>) -> bool {
    // One lock after the other: the code that takes in watch events holds both, in the opposite
    // order.
    if !agent.settings.isolation || agent.open().awaits_project(owner) {
        return false;
    }
    let argo = agent.argo();
    !argo.project_matches(owner, &argo.wanted_project(owner, repositories))
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
}
