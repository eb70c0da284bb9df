//! Which servers of tenants' choice may be connected to.

use std::net::IpAddr;
use std::sync::Arc;

use clap::Args;
use cluster_access::ClusterClient;
use git_access::{Checker, Policy};
use ipnet::IpNet;

use crate::settings::Settings;
use crate::{clusters, repositories};

/// Loopback, which `dev` allows: everything that it knows is there.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Options about servers that tenants choose: those of their git repositories, and their clusters.
#[derive(Clone, Debug, Default, Args)]
pub struct TenantServerArguments {
    /// Networks (CIDR, separated by commas) that tenants' servers may be in although they are
    /// forbidden by default: loopback, link-local, multicast and metadata addresses and, for git
    /// servers, those of this cluster's API server.
    #[arg(long, env = "TENANT_SERVERS_ALLOW", value_delimiter = ',', value_name = "CIDR")]
    tenant_servers_allow: Vec<IpNet>,
    /// Networks (CIDR, separated by commas) that tenants' servers may not be in, whatever else is
    /// allowed.
    #[arg(long, env = "TENANT_SERVERS_DENY", value_delimiter = ',', value_name = "CIDR")]
    tenant_servers_deny: Vec<IpNet>,
}

impl TenantServerArguments {
    /// Settings with the git servers and the clusters that may be asked. The cluster's API server, at
    /// these addresses, is no git server, but may be a target.
    pub fn apply(&self, settings: Settings, own: Vec<IpAddr>) -> Settings {
        let (allow, deny) = (self.tenant_servers_allow.clone(), self.tenant_servers_deny.clone());
        let policy = Policy { allow, deny, own };
        let clusters = clusters::Network::new(ClusterClient::new(policy.clone()));
        let repositories = repositories::Network::new(Checker::new(policy));
        Settings { clusters: Arc::new(clusters), repositories: Arc::new(repositories), ..settings }
    }

    /// The same for `dev`.
    pub fn apply_in_dev(&self, settings: Settings) -> Settings {
        let mut arguments = self.clone();
        let loopback = LOOPBACK.iter().filter_map(|network| network.parse::<IpNet>().ok());
        arguments.tenant_servers_allow.extend(loopback);
        arguments.apply(settings, Vec::new())
    }
}

/// The addresses of the cluster's API server, as far as they are known: a name that cannot be resolved
/// now has none.
pub async fn own_addresses(config: &kube::Config) -> Vec<IpAddr> {
    let host = config.cluster_url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let mut addresses: Vec<IpAddr> = match tokio::net::lookup_host((host.as_str(), 0)).await {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            tracing::warn!(host, %error, "the API server's addresses are not known");
            Vec::new()
        }
    };
    // In a pod, where the name above may lead elsewhere.
    let service = std::env::var("KUBERNETES_SERVICE_HOST").ok();
    addresses.extend(service.and_then(|address| address.parse::<IpAddr>().ok()));
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dev_allows_are_networks() {
        assert!(LOOPBACK.iter().all(|network| network.parse::<IpNet>().is_ok()));
    }

    #[tokio::test]
    async fn an_api_server_that_is_an_address_is_known_by_it() {
        for (url, address) in [("https://192.0.2.7:6443", "192.0.2.7"), ("https://[::1]:1", "::1")]
        {
            let config = kube::Config::new(url.parse().expect("a URL"));
            let own = own_addresses(&config).await;
            assert!(own.contains(&address.parse().expect("an address")), "{url}: {own:?}");
        }
    }
}
