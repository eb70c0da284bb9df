//! Compares repository Secrets with their rows, like Applications: see [`super`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use machines::identity::Timestamp;
use machines::kinds::repository_credential::{CredentialId, CredentialUid};
use machines::operation::SecretView;
use schema::store::{StoreError, WantedSecret};
use tokio_util::sync::CancellationToken;

use super::{PAGE, Suspects, overdue};
use crate::agent::Agent;
use crate::runtime::retry::until_done;

/// What differs, and since when.
#[derive(Debug, Default)]
pub(in crate::agent) struct SecretSuspects {
    credentials: Suspects<CredentialUid>,
    orphans: Suspects<CredentialId>,
}

/// What differs at one point in time.
#[derive(Debug, Default)]
pub(in crate::agent) struct DifferingSecrets {
    /// The credentials whose Secrets do not say what their rows ask for.
    pub(in crate::agent) credentials: BTreeSet<CredentialUid>,
    /// The rows of Secrets that have no owner.
    pub(in crate::agent) orphans: BTreeSet<CredentialId>,
}

impl SecretSuspects {
    pub(super) fn is_empty(&self) -> bool {
        self.credentials.is_empty() && self.orphans.is_empty()
    }

    /// Has what has differed for the whole grace period repaired.
    pub(in crate::agent) fn judge(
        &mut self,
        agent: &Agent,
        found: DifferingSecrets,
        now: Timestamp,
        grace: Duration,
    ) {
        for uid in overdue(&mut self.credentials, found.credentials, now, grace) {
            tracing::debug!(uid = uid.as_str(), "a repository Secret differs from its row");
            agent.listener.secret_differs(&uid);
        }
        for row in overdue(&mut self.orphans, found.orphans, now, grace) {
            agent.remove_orphaned_secret(row);
        }
    }
}

/// Has the Secrets moved at once that are for other AppProjects than they should be, as after isolation
/// was switched on or off, or from an earlier installation: until then Argo CD lets the wrong tenants
/// use them. Done once, as soon as all have been seen.
pub(in crate::agent) async fn move_to_projects(agent: Arc<Agent>, shutdown: CancellationToken) {
    let compare = async {
        let Some(watch) = agent.secrets_watch() else { return };
        watch.synced().await;
        let misplaced = || misplaced(&agent);
        for uid in until_done("repository Secrets cannot be compared yet", misplaced).await {
            agent.listener.secret_differs(&uid);
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => return,
        () = compare => {}
    }
    // The other tasks go on.
    shutdown.cancelled().await;
}

async fn misplaced(agent: &Agent) -> Result<Vec<CredentialUid>, StoreError> {
    let mut found = Vec::new();
    let mut after = CredentialId::default();
    loop {
        let page = agent.store.wanted_secrets(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.row.clone();
        for wanted in page {
            let project = agent.project_of(&wanted.owner);
            let view = agent.argo().secret_view(&wanted.row, project.as_deref());
            if matches!(view, SecretView::Present { in_project: false, deleting: false, .. }) {
                found.extend(wanted.credential);
            }
        }
    }
}

pub(super) async fn differing(agent: &Agent) -> Result<DifferingSecrets, StoreError> {
    let mut found = DifferingSecrets::default();
    let mut after = CredentialId::default();
    // Those that are left may have no owner.
    let mut left = agent.argo().secret_rows();
    loop {
        let page = agent.store.wanted_secrets(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.row.clone();
        for wanted in page {
            left.remove(&wanted.row);
            let differs = secret_differs(agent, &wanted);
            found.credentials.extend(wanted.credential.filter(|_| differs));
        }
    }
    if !left.is_empty() {
        left = agent.store.orphaned_secrets(left).await?;
        left.retain(|row| !agent.open().writes_secret(row));
    }
    found.orphans = left;
    Ok(found)
}

pub(in crate::agent) fn secret_differs(agent: &Agent, wanted: &WantedSecret) -> bool {
    let WantedSecret { row, owner, digest, .. } = wanted;
    // Without keys there is nothing to compare, and nobody could write it.
    let Some(digest) = digest.as_ref().filter(|_| agent.store.sealer().is_some()) else {
        return false;
    };
    // What an operation is about to write is no difference.
    if agent.open().writes_secret(row) {
        return false;
    }
    let project = agent.project_of(owner);
    let argo = agent.argo();
    let Some(entry) = argo.secret(row) else { return true };
    // It comes back once it is gone.
    !entry.deleting && !entry.says(row, project.as_deref(), digest)
}
