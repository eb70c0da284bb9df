//! Cluster Secrets that Argo CD cannot tell apart: it finds a cluster by its name or its URL, and of two
//! with the same it resolves none, or the wrong one. Ours are unique. Those of others are not ours to
//! change: they are reported.

use std::collections::{BTreeSet, HashMap};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use machines::identity::{Digest, EnvironmentId};
use schema::sealing::digests::Digester;

use super::row::SecretRow;

/// What each cluster Secret claims to be, by the Secret's name: whoever made it.
#[derive(Debug, Default)]
pub struct Claims {
    by_secret: HashMap<String, Claim>,
    by_name: HashMap<EnvironmentId, BTreeSet<String>>,
    by_server: HashMap<Digest, BTreeSet<String>>,
}

/// What a cluster Secret claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    /// The environment whose cluster it is, by the cluster's name.
    name: Option<EnvironmentId>,
    /// The digest of the cluster's URL, as Argo CD compares it: a URL may have a password in it.
    server: Option<Digest>,
}

impl Claim {
    /// `None` if Argo CD does not take it for a cluster.
    fn of(secret: &Secret, digester: Option<&Digester>) -> Option<Self> {
        let kind = secret.labels().get(crds::names::ARGO_CD_SECRET_TYPE_LABEL);
        kind.filter(|kind| *kind == crds::names::ARGO_CD_CLUSTER_SECRET)?;
        let text = |key: &str| {
            let said = secret.data.as_ref()?.get(key)?;
            std::str::from_utf8(&said.0).ok()
        };
        let name = text("name").and_then(crds::names::managed_environment_id);
        let server = text("server").map(|url| url.trim_end_matches('/'));
        let digest = server.zip(digester);
        Some(Self {
            name: name.map(EnvironmentId::new),
            server: digest.map(|(url, digester)| digester.digest([("server", url.as_bytes())])),
        })
    }
}

impl Claims {
    /// Notes what a Secret claims; returns the environments for which that makes a difference.
    pub fn note(
        &mut self,
        secret: &Secret,
        digester: Option<&Digester>,
    ) -> BTreeSet<EnvironmentId> {
        let name = secret.name_any();
        let claim = Claim::of(secret, digester);
        if self.by_secret.get(&name) == claim.as_ref() {
            return BTreeSet::new();
        }
        let mut concerned = self.forget(&name);
        let Some(claim) = claim else { return concerned };
        if let Some(row) = &claim.name {
            self.by_name.entry(row.clone()).or_default().insert(name.clone());
        }
        if let Some(server) = &claim.server {
            self.by_server.entry(server.clone()).or_default().insert(name.clone());
        }
        concerned.extend(self.concerned(&claim));
        self.by_secret.insert(name, claim);
        concerned
    }

    /// Forgets a Secret that is gone; returns the environments for which that makes a difference.
    pub fn forget(&mut self, name: &str) -> BTreeSet<EnvironmentId> {
        let Some(claim) = self.by_secret.remove(name) else { return BTreeSet::new() };
        let concerned = self.concerned(&claim);
        if let Some(row) = &claim.name {
            remove_from(&mut self.by_name, row, name);
        }
        if let Some(server) = &claim.server {
            remove_from(&mut self.by_server, server, name);
        }
        concerned
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.by_secret.keys()
    }

    /// The names of other Secrets that claim to be the cluster of an environment: they have its name,
    /// or the URL of its Secret.
    pub fn rivals(&self, row: &EnvironmentId) -> BTreeSet<&str> {
        let own = crds::names::cluster_secret_name(row.as_str());
        let server = self.by_secret.get(&own).and_then(|claim| claim.server.as_ref());
        let by_server = server.and_then(|server| self.by_server.get(server));
        let claiming = self.by_name.get(row).into_iter().chain(by_server).flatten();
        claiming.map(String::as_str).filter(|name| *name != own).collect()
    }

    fn concerned(&self, claim: &Claim) -> BTreeSet<EnvironmentId> {
        let by_server = claim.server.as_ref().and_then(|server| self.by_server.get(server));
        let rows =
            by_server.into_iter().flatten().filter_map(|name| match SecretRow::named(name) {
                Some(SecretRow::Cluster(row)) => Some(row),
                Some(SecretRow::Repository(_)) | None => None,
            });
        rows.chain(claim.name.clone()).collect()
    }
}

fn remove_from<K: Eq + std::hash::Hash>(
    index: &mut HashMap<K, BTreeSet<String>>,
    key: &K,
    name: &str,
) {
    if let Some(names) = index.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            index.remove(key);
        }
    }
}
