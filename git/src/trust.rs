//! What servers are checked by: the contents of Argo CD's ConfigMaps, used as Argo CD uses them.

use std::collections::BTreeMap;

/// What servers are checked by.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// `ssh_known_hosts` of the ConfigMap `argocd-ssh-known-hosts-cm`. Host keys are only checked
    /// against it, never added.
    pub known_hosts: String,
    /// The ConfigMap `argocd-tls-certs-cm`: certificates in PEM by the server's name, without a
    /// port. A server with an entry is checked by the entry's certificates alone, each of which
    /// may be the server's own, and of which those that are authorities and valid may have issued
    /// it; any other server by the system's roots.
    pub certificates: BTreeMap<String, String>,
}
