//! The Secrets that repository credentials and managed environments refer to, as the watches of their
//! types show them: of each a keyed digest, and nothing that is in it.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use machines::identity::Digest;
use schema::sealing::digests::Digester;

use super::objects::Place;
use crate::runtime::sightings::Sightings;
use crate::runtime::watch::{self, WatchEvent};
use crate::settings::SecretNamespaces;

/// A type of Secrets that is watched. No Secret ever changes its type, but one of the name may be
/// made again with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretType {
    /// Of GitOpsDeploymentRepositoryCredentials.
    RepositoryCredential,
    /// Of GitOpsDeploymentManagedEnvironments.
    ManagedEnvironment,
}

impl SecretType {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::RepositoryCredential, Self::ManagedEnvironment];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RepositoryCredential => crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE,
            Self::ManagedEnvironment => crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE,
        }
    }
}

/// Those of one type.
#[derive(Debug)]
pub struct Secrets {
    digests: HashMap<Place, Digest>,
    /// What each watch has shown, by its namespace; `None` is the whole cluster.
    seen: BTreeMap<Option<String>, Sightings<Place>>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self::of(&SecretNamespaces::All)
    }
}

/// What the watches show of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownSecret {
    /// One of the type, with this digest.
    Present(Digest),
    /// None of the type, or none that the program may read.
    Absent,
    /// Nothing is known yet.
    Unknown,
}

/// The digest of everything in a Secret.
pub fn digest(secret: &Secret, digests: &Digester) -> Digest {
    let data = secret.data.iter().flatten();
    digests.digest(data.map(|(key, value)| (key.as_str(), value.0.as_slice())))
}

impl Secrets {
    /// None yet of these namespaces.
    pub fn of(namespaces: &SecretNamespaces) -> Self {
        let watches = namespaces.watches().into_iter();
        let seen = watches.map(|namespace| (namespace, Sightings::default())).collect();
        Self { digests: HashMap::new(), seen }
    }

    /// Takes in an event from the watch of a namespace, or of the cluster; returns the Secrets that are
    /// other ones now.
    pub fn seen(
        &mut self,
        namespace: &Option<String>,
        seen: &WatchEvent<Secret>,
        digests: &Digester,
    ) -> Vec<Place> {
        let Some(sightings) = self.seen.get_mut(namespace) else { return Vec::new() };
        let listed = sightings.note(seen, |metadata| Some(place(metadata)));
        match seen {
            WatchEvent::Restarted => Vec::new(),
            WatchEvent::Present(secret) => {
                self.note(place(&secret.metadata), digest(secret, digests))
            }
            // What is in it is not known, and is another thing each time.
            WatchEvent::Malformed(metadata) => {
                self.note(place(metadata), Digest::of(&watch::revision_of(metadata)))
            }
            WatchEvent::Gone(gone) => {
                let place = Place { namespace: gone.namespace.clone(), name: gone.name.clone() };
                self.digests.remove(&place).map(|_| place).into_iter().collect()
            }
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let is_watched =
                    |place: &Place| namespace.as_ref().is_none_or(|name| *name == place.namespace);
                let missing =
                    self.digests.extract_if(|place, _| is_watched(place) && listed.lacks(place));
                missing.map(|(place, _)| place).collect()
            }
        }
    }

    /// What the watches show of a Secret.
    pub fn shown(&self, place: &Place) -> ShownSecret {
        if let Some(digest) = self.digests.get(place) {
            return ShownSecret::Present(digest.clone());
        }
        let watch = self.seen.get(&None).or_else(|| self.seen.get(&Some(place.namespace.clone())));
        match watch {
            Some(watch) if !watch.is_complete() => ShownSecret::Unknown,
            _ => ShownSecret::Absent,
        }
    }

    /// Whether every Secret of the type has been seen once.
    pub fn is_complete(&self) -> bool {
        self.seen.values().all(Sightings::is_complete)
    }

    fn note(&mut self, place: Place, digest: Digest) -> Vec<Place> {
        let before = self.digests.insert(place.clone(), digest.clone());
        (before != Some(digest)).then_some(place).into_iter().collect()
    }
}

fn place(metadata: &ObjectMeta) -> Place {
    Place {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;
    use crate::runtime::watch::Gone;

    fn digester() -> Digester {
        Digester::new("key".to_owned().into())
    }

    fn secret(revision: &str, password: &str) -> Secret {
        let mut secret = Secret::default();
        secret.metadata.namespace = Some("team".to_owned());
        secret.metadata.name = Some("secret".to_owned());
        secret.metadata.resource_version = Some(revision.to_owned());
        let password = ByteString(password.as_bytes().to_vec());
        secret.data = Some([("password".to_owned(), password)].into());
        secret
    }

    #[test]
    fn a_secret_is_known_by_its_digest_alone_and_a_change_of_it_is_news() {
        let mut secrets = Secrets::default();
        let here = place(&secret("1", "").metadata);
        let changed = std::slice::from_ref(&here);
        let mut see = |seen| secrets.seen(&None, &seen, &digester());
        assert_eq!(see(WatchEvent::Present(secret("1", "hunter2"))), changed);
        assert_eq!(see(WatchEvent::Present(secret("2", "hunter2"))), [], "a label has changed");
        assert_eq!(see(WatchEvent::Present(secret("3", "hunter3"))), changed);
        let unreadable = || WatchEvent::Malformed(Box::new(secret("4", "").metadata));
        assert_eq!(see(unreadable()), changed, "it exists, and says something else");
        assert!(!format!("{secrets:?}").contains("hunter"));
        assert!(matches!(secrets.shown(&here), ShownSecret::Present(_)));
        let gone = WatchEvent::Gone(Gone::of(&secret("5", "").metadata));
        assert_eq!(secrets.seen(&None, &gone, &digester()), changed);
        assert_eq!(secrets.shown(&here), ShownSecret::Unknown, "no list is complete");
    }

    #[test]
    fn only_a_complete_list_shows_that_a_secret_is_gone() {
        let mut secrets = Secrets::default();
        let here = place(&secret("1", "").metadata);
        let mut see = |seen| secrets.seen(&None, &seen, &digester());
        see(WatchEvent::Restarted);
        see(WatchEvent::Present(secret("1", "hunter2")));
        see(WatchEvent::Synced);
        assert_eq!(see(WatchEvent::Restarted), []);
        assert_eq!(see(WatchEvent::Synced), [here]);
    }
    #[test]
    fn each_namespace_is_known_by_its_own_watch() {
        let watched = |name: &str| Some(name.to_owned());
        let place =
            |namespace: &str| Place { namespace: namespace.to_owned(), name: "secret".to_owned() };
        let names = ["team", "other"].map(str::to_owned).into();
        let mut secrets = Secrets::of(&SecretNamespaces::These(names));
        let digester = digester();
        let mut see = |namespace, seen| secrets.seen(&watched(namespace), &seen, &digester);
        see("team", WatchEvent::Restarted);
        see("team", WatchEvent::Present(secret("1", "hunter2")));
        see("team", WatchEvent::Synced);
        assert_eq!(see("other", WatchEvent::Restarted), []);
        assert_eq!(secrets.shown(&place("other")), ShownSecret::Unknown);
        assert_eq!(secrets.shown(&place("elsewhere")), ShownSecret::Absent, "nothing watches it");
        assert!(!secrets.is_complete());
        assert_eq!(secrets.seen(&watched("other"), &WatchEvent::Synced, &digester), []);
        assert_eq!(secrets.shown(&place("other")), ShownSecret::Absent);
        assert!(secrets.is_complete());
        let shown = secrets.shown(&place("team"));
        assert!(matches!(shown, ShownSecret::Present(_)), "the other's list says nothing of it");
    }
}
