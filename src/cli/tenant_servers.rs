//! Which servers of tenants' choice may be connected to.

use std::net::IpAddr;
use std::sync::Arc;

use clap::Args;
use git_access::{Checker, Policy};
use ipnet::IpNet;

use crate::repositories::{Network, Repositories};

/// Loopback, which `dev` allows: everything that it knows is there.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Options about servers that tenants choose, such as those of their git repositories.
#[derive(Clone, Debug, Default, Args)]
pub struct TenantServerArguments {
    /// Networks (CIDR, separated by commas) that tenants' servers may be in although they are
    /// forbidden by default: loopback, link-local, multicast and metadata addresses, and those of
    /// this cluster's API server.
    #[arg(long, env = "TENANT_SERVERS_ALLOW", value_delimiter = ',', value_name = "CIDR")]
    tenant_servers_allow: Vec<IpNet>,
    /// Networks (CIDR, separated by commas) that tenants' servers may not be in, whatever else is
    /// allowed.
    #[arg(long, env = "TENANT_SERVERS_DENY", value_delimiter = ',', value_name = "CIDR")]
    tenant_servers_deny: Vec<IpNet>,
}

impl TenantServerArguments {
    /// The git servers that may be asked; those at the addresses of the cluster's API server may not.
    pub fn repositories(&self, own: Vec<IpAddr>) -> Arc<dyn Repositories> {
        let (allow, deny) = (self.tenant_servers_allow.clone(), self.tenant_servers_deny.clone());
        Arc::new(Network::new(Checker::new(Policy { allow, deny, own })))
    }

    /// The same for `dev`.
    pub fn repositories_of_dev(&self) -> Arc<dyn Repositories> {
        let mut arguments = self.clone();
        let loopback = LOOPBACK.iter().filter_map(|network| network.parse::<IpNet>().ok());
        arguments.tenant_servers_allow.extend(loopback);
        arguments.repositories(Vec::new())
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
