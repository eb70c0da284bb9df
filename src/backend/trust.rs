//! What git servers are trusted by: the ConfigMaps from which Argo CD takes it. A check that trusted
//! something else would say something else than Argo CD will do.

use std::sync::Arc;

use git_access::Trust;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::runtime::sightings::{Listed, Sightings};
use crate::runtime::watch::{self, Progress, Selector, WatchEvent};

/// Host keys of SSH servers.
const KNOWN_HOSTS: &str = "argocd-ssh-known-hosts-cm";
/// The only key of it.
const KNOWN_HOSTS_KEY: &str = "ssh_known_hosts";
/// Certificates of HTTPS servers, by host.
const CERTIFICATES: &str = "argocd-tls-certs-cm";

/// See the module.
#[derive(Debug)]
pub struct TrustedServers {
    trust: Mutex<Arc<Trust>>,
    known_hosts: Arc<Progress>,
    certificates: Arc<Progress>,
}

/// Nothing is known yet.
impl Default for TrustedServers {
    fn default() -> Self {
        Self {
            trust: Mutex::default(),
            known_hosts: Progress::new(KNOWN_HOSTS),
            certificates: Progress::new(CERTIFICATES),
        }
    }
}

impl TrustedServers {
    /// The gauges of its watches.
    pub fn watches(&self) -> [&Arc<Progress>; 2] {
        [&self.known_hosts, &self.certificates]
    }

    /// What servers are trusted by; `None` until both ConfigMaps were looked for.
    pub fn known(&self) -> Option<Arc<Trust>> {
        let is_known = self.known_hosts.is_synced() && self.certificates.is_synced();
        is_known.then(|| Arc::clone(&self.trust.lock()))
    }

    /// Takes in what the watch of a ConfigMap has shown, with the list at its end; returns whether
    /// that is news. One that cannot be decoded exists, so what it said before counts.
    fn seen(
        &self,
        name: &str,
        seen: &WatchEvent<ConfigMap>,
        listed: Option<&Listed<String>>,
    ) -> bool {
        match seen {
            WatchEvent::Present(object) => self.note(name, Some(object)),
            WatchEvent::Gone(_) => self.note(name, None),
            WatchEvent::Synced => {
                listed.is_some_and(|listed| listed.lacks(&name.to_owned())) && self.note(name, None)
            }
            WatchEvent::Restarted | WatchEvent::Malformed(_) => false,
        }
    }

    /// Takes in a ConfigMap; one that does not exist says nothing. Returns whether that is news.
    fn note(&self, name: &str, object: Option<&ConfigMap>) -> bool {
        let data = object.and_then(|object| object.data.clone()).unwrap_or_default();
        let mut trust = self.trust.lock();
        let mut changed = (**trust).clone();
        if name == KNOWN_HOSTS {
            changed.known_hosts = data.get(KNOWN_HOSTS_KEY).cloned().unwrap_or_default();
        } else {
            changed.certificates = data;
        }
        let is_news = (&changed.known_hosts, &changed.certificates)
            != (&trust.known_hosts, &trust.certificates);
        if is_news {
            // Checks that run know by this that they were judged by what was known before.
            *trust = Arc::new(changed);
        }
        is_news
    }
}

impl Backend {
    /// Follows both ConfigMaps until it should stop.
    pub(super) async fn follow_trust(self: Arc<Self>, shutdown: CancellationToken) {
        let [known_hosts, certificates] = self.trust.watches().map(Arc::clone);
        tokio::join!(
            self.follow_trusted(known_hosts, shutdown.clone()),
            self.follow_trusted(certificates, shutdown),
        );
    }

    async fn follow_trusted(&self, progress: Arc<Progress>, shutdown: CancellationToken) {
        let name = progress.name.clone();
        let client = progress.listening(&self.client);
        let api = Api::namespaced(client, &self.settings.argocd_namespace);
        let selector = Selector::Fields(format!("metadata.name={name}"));
        let mut sightings = Sightings::default();
        watch::follow_selected::<ConfigMap>(api, selector, progress, shutdown, |seen| {
            let listed = sightings.note(&seen, |metadata| metadata.name.clone());
            let is_news = self.trust.seen(&name, &seen, listed.as_ref());
            if is_news {
                self.checks.repeat_trusting();
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;

    use super::*;

    fn config_map(entries: &[(&str, &str)]) -> ConfigMap {
        let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let data = Some(entries.iter().map(entry).collect());
        ConfigMap { data, ..ConfigMap::default() }
    }

    #[test]
    fn both_config_maps_are_taken_in_and_what_is_gone_is_trusted_no_longer() {
        let servers = TrustedServers::default();
        let hosts = config_map(&[(KNOWN_HOSTS_KEY, "host ssh-ed25519 AAAA")]);
        let certificates = config_map(&[("git.example.com", "PEM")]);
        assert!(servers.note(KNOWN_HOSTS, Some(&hosts)));
        assert!(servers.note(CERTIFICATES, Some(&certificates)));
        assert!(!servers.note(CERTIFICATES, Some(&certificates)), "it says nothing new");
        let trust = Arc::clone(&servers.trust.lock());
        assert_eq!(trust.known_hosts, "host ssh-ed25519 AAAA");
        assert_eq!(trust.certificates["git.example.com"], "PEM");
        assert!(servers.note(KNOWN_HOSTS, None));
        assert_eq!(servers.trust.lock().known_hosts, "");
    }

    #[test]
    fn one_that_a_list_lacks_is_trusted_no_longer_and_one_that_cannot_be_decoded_still_is() {
        let servers = TrustedServers::default();
        let named = |data| {
            let name = Some(CERTIFICATES.to_owned());
            ConfigMap { metadata: ObjectMeta { name, ..ObjectMeta::default() }, ..data }
        };
        let present = || WatchEvent::Present(named(config_map(&[("git.example.com", "PEM")])));
        let malformed = || WatchEvent::Malformed(Box::new(named(config_map(&[])).metadata));
        let mut sightings = Sightings::default();
        let mut relist = |shown: Option<WatchEvent<ConfigMap>>| {
            let list = [Some(WatchEvent::Restarted), shown, Some(WatchEvent::Synced)];
            for seen in list.into_iter().flatten() {
                let listed = sightings.note(&seen, |metadata| metadata.name.clone());
                servers.seen(CERTIFICATES, &seen, listed.as_ref());
            }
            servers.trust.lock().certificates.len()
        };
        let lists = [Some(present()), Some(malformed()), None, Some(present())];
        assert_eq!(lists.map(&mut relist), [1, 1, 0, 1]);
    }

    #[test]
    fn nothing_is_known_before_both_were_looked_for() {
        assert!(TrustedServers::default().known().is_none());
    }
}
