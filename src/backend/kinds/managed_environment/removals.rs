//! Removes this program's accounts from clusters where they are not needed any longer.

use std::collections::BTreeSet;

use cluster_access::{ApiUrl, Failure, Installation, Namespaces, RemoteObject, Target};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::Api;
use machines::identity::TenantUid;
use machines::kinds::managed_environment::{
    self as machine, EnvironmentRecord, EnvironmentUid, Revocable,
};
use tokio::time::Instant;

use super::{checks, secret};
use crate::backend::Backend;
use crate::backend::observations::{AttemptedRemoval, Observations};
use crate::kubernetes::{self, ApiError};
use crate::metrics::ServerOutcome;
use crate::runtime::effects::Outcome;

/// What is to be removed from a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRemoval {
    /// For which environment.
    pub uid: EnvironmentUid,
    /// The tenant: the UID of the environment's namespace.
    pub tenant: TenantUid,
    /// Where the environment and its Secret are or were.
    pub namespace: String,
    /// The Secret's name; `None` if no Secret can have what `spec.credentialsSecret` says now.
    pub secret: Option<String>,
    /// What.
    pub what: Revocable,
}

impl AccountRemoval {
    /// A removal for an environment.
    pub fn of(record: &EnvironmentRecord, what: Revocable) -> Self {
        Self {
            uid: record.uid.clone(),
            tenant: record.tenant.clone(),
            namespace: record.namespace.clone(),
            secret: record.spec.secret_name().map(str::to_owned),
            what,
        }
    }

    /// What goes, except for what it has in common with what stays.
    fn objects(&self) -> Vec<RemoteObject> {
        let objects = |one: &machine::Installation| {
            // Those that no namespace can have were never made.
            let namespaces = Namespaces::parse(&one.namespaces, true).unwrap_or_default();
            let uid = self.uid.as_str();
            Installation::new(uid, &namespaces, one.namespaces.is_empty(), one.round).objects()
        };
        let kept: BTreeSet<_> = self.what.kept.iter().flat_map(objects).collect();
        let revoked: BTreeSet<_> = self.what.revoked.iter().flat_map(objects).collect();
        revoked.difference(&kept).cloned().collect()
    }
}

impl Backend {
    /// Carries out a removal; without an answer, says how it ended.
    ///
    /// The cluster is shown the token of the tenant's kubeconfig, which made the account, if there is
    /// one still. The account's own token ends with the account, so some objects may be left.
    pub(in crate::backend) async fn remove_account(
        &self,
        removal: AccountRemoval,
    ) -> Result<Observations, Outcome> {
        // Without keys nothing is shown to a cluster.
        self.sealing.sealer().ok_or(Outcome::Pending)?;
        let mut left = removal.objects();
        if !left.is_empty()
            && let Some(target) = self.target_in_secret(&removal).await?
        {
            left = self.remove_from(&target, &removal.uid, left).await;
        }
        if !left.is_empty()
            && let Some(access) = self.stored_access(&removal.what.credentials).await?
            && access.api_url == removal.what.api_url
            && let Ok(target) = checks::target_of(&access)
        {
            left = self.remove_from(&target, &removal.uid, left).await;
        }
        let remains = left.iter().map(ToString::to_string).collect();
        Ok(Observations::removal(AttemptedRemoval { what: removal.what, remains }))
    }

    async fn remove_from(
        &self,
        target: &Target,
        uid: &EnvironmentUid,
        objects: Vec<RemoteObject>,
    ) -> Vec<RemoteObject> {
        let begun = Instant::now();
        let revocation = self.settings.clusters.revoke(target, &objects).await;
        let cause = revocation.failure.as_ref().map(Failure::cause);
        self.metrics.note_server("cluster", ServerOutcome::of_cluster(cause), begun.elapsed());
        if let Some(failure) = revocation.failure {
            tracing::info!(uid = uid.as_str(), %failure, "an account is not removed yet");
        }
        revocation.left
    }

    /// The cluster, as the tenant's Secret opens it; `None` if that does not.
    async fn target_in_secret(&self, removal: &AccountRemoval) -> Result<Option<Target>, Outcome> {
        let AccountRemoval { tenant, namespace, secret, what, .. } = removal;
        let Some(secret) = secret else { return Ok(None) };
        if !self.settings.secret_namespaces.include(namespace) {
            return Ok(None);
        }
        let found = self.secret_of_tenant(tenant, namespace, secret).await;
        let found = found.map_err(|error| {
            let uid = removal.uid.as_str();
            tracing::warn!(uid, %error, "a Secret cannot be read yet");
            Outcome::Failed
        })?;
        let Some(found) = found else { return Ok(None) };
        let Ok(kubeconfig) = secret::kubeconfig(&found) else { return Ok(None) };
        let Ok(url) = ApiUrl::parse(&what.api_url) else { return Ok(None) };
        Ok(Target::of_kubeconfig(kubeconfig, &url, what.skips_tls_verification).ok())
    }

    /// A Secret by its name, if the namespace still is the tenant's after it was read.
    async fn secret_of_tenant(
        &self,
        tenant: &TenantUid,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Box<Secret>>, ApiError> {
        let secret = self.tenants_secret(namespace, name).await?;
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let owner = namespaces.get_opt(namespace).await.map_err(kubernetes::api_error)?;
        let is_same = owner.and_then(|one| one.uid()).as_deref() == Some(tenant.as_str());
        Ok(secret.filter(|_| is_same))
    }
}
