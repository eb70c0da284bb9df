//! The Secrets that repository credentials refer to, as the watch of their type shows them: of each a
//! keyed digest, and nothing that is in it.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use machines::identity::Digest;
use schema::sealing::digests::Digester;

use super::objects::Place;
use crate::runtime::sightings::Sightings;
use crate::runtime::watch::{self, WatchEvent};

/// See the module.
#[derive(Debug, Default)]
pub struct Secrets {
    digests: HashMap<Place, Digest>,
    seen: Sightings<Place>,
}

/// What the watch shows of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownSecret {
    /// One of the type, with this digest.
    Present(Digest),
    /// None of the type.
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
    /// Takes in an event from the watch; returns the Secrets that are other ones now.
    pub fn seen(&mut self, seen: &WatchEvent<Secret>, digests: &Digester) -> Vec<Place> {
        let listed = self.seen.note(seen, |metadata| Some(place(metadata)));
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
                let missing = self.digests.extract_if(|place, _| listed.lacks(place));
                missing.map(|(place, _)| place).collect()
            }
        }
    }

    /// What the watch shows of a Secret.
    pub fn shown(&self, place: &Place) -> ShownSecret {
        match self.digests.get(place) {
            Some(digest) => ShownSecret::Present(digest.clone()),
            None if self.seen.is_complete() => ShownSecret::Absent,
            None => ShownSecret::Unknown,
        }
    }

    /// Whether every Secret of the type has been seen once.
    pub fn is_complete(&self) -> bool {
        self.seen.is_complete()
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
        let mut see = |seen| secrets.seen(&seen, &digester());
        assert_eq!(see(WatchEvent::Present(secret("1", "hunter2"))), changed);
        assert_eq!(see(WatchEvent::Present(secret("2", "hunter2"))), [], "a label has changed");
        assert_eq!(see(WatchEvent::Present(secret("3", "hunter3"))), changed);
        let unreadable = || WatchEvent::Malformed(Box::new(secret("4", "").metadata));
        assert_eq!(see(unreadable()), changed, "it exists, and says something else");
        assert!(!format!("{secrets:?}").contains("hunter"));
        assert!(matches!(secrets.shown(&here), ShownSecret::Present(_)));
        let gone = WatchEvent::Gone(Gone::of(&secret("5", "").metadata));
        assert_eq!(secrets.seen(&gone, &digester()), changed);
        assert_eq!(secrets.shown(&here), ShownSecret::Unknown, "no list is complete");
    }

    #[test]
    fn only_a_complete_list_shows_that_a_secret_is_gone() {
        let mut secrets = Secrets::default();
        let here = place(&secret("1", "").metadata);
        let mut see = |seen| secrets.seen(&seen, &digester());
        see(WatchEvent::Restarted);
        see(WatchEvent::Present(secret("1", "hunter2")));
        see(WatchEvent::Synced);
        assert_eq!(see(WatchEvent::Restarted), []);
        assert_eq!(see(WatchEvent::Synced), [here]);
    }
}
