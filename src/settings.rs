//! The settings, as the program's parts see them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster_access::ClusterClient;
use git_access::{Checker, Policy};
use machines::kinds::deployment::conditions::ConditionStyle;
use schema::sealing::Keyring;

use crate::clusters::{self, Clusters};
use crate::repositories::{self, Repositories};
use crate::runtime::clock::Clock;
use crate::trace::Trace;

/// Settings that both roles share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// Whether each tenant has an AppProject of its own.
    pub isolation: bool,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
    /// How often everything is compared again; `None` for never.
    pub rescan: Option<Duration>,
    /// How long an Application may differ from its row before that counts as more than a change in
    /// progress. The contract says that what is deleted manually stays away for two minutes.
    pub repair_grace: Duration,
    /// The keys that seal credentials, if there are any.
    pub sealing: Option<Keyring>,
    /// Where tenants' Secrets may be read.
    pub secret_namespaces: SecretNamespaces,
    /// The servers of private repositories.
    pub repositories: Arc<dyn Repositories>,
    /// The target clusters of tenants.
    pub clusters: Arc<dyn Clusters>,
    /// Where the time of day comes from.
    pub clock: Clock,
    /// Where spans go.
    pub trace: Trace,
}

/// In which namespaces the program reads the Secrets of tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecretNamespaces {
    /// In all, by one watch.
    #[default]
    All,
    /// In these, by a watch for each.
    These(BTreeSet<String>),
}

impl SecretNamespaces {
    /// Whether Secrets in a namespace are read.
    pub fn include(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(namespace),
        }
    }

    /// The namespace of each watch; `None` for the one of the whole cluster.
    pub fn watches(&self) -> Vec<Option<String>> {
        match self {
            Self::All => vec![None],
            Self::These(names) => names.iter().cloned().map(Some).collect(),
        }
    }
}

/// The existing system's interval.
pub const RESCAN_INTERVAL: Duration = Duration::from_secs(30 * 60);
/// See [`Settings::repair_grace`].
pub const REPAIR_GRACE: Duration = Duration::from_secs(150);

impl Default for Settings {
    fn default() -> Self {
        Self {
            argocd_namespace: crds::names::DEFAULT_ARGO_CD_NAMESPACE.to_owned(),
            isolation: true,
            conditions: ConditionStyle::Conventional,
            rescan: Some(RESCAN_INTERVAL),
            repair_grace: REPAIR_GRACE,
            sealing: None,
            secret_namespaces: SecretNamespaces::All,
            repositories: Arc::new(repositories::Network::new(Checker::new(Policy::default()))),
            clusters: Arc::new(clusters::Network::new(ClusterClient::new(Policy::default()))),
            clock: Clock::default(),
            trace: Trace::default(),
        }
    }
}
