//! What the watch of repository Secrets shows, and the answers to writes.
//!
//! The watch shows Secrets with Argo CD's label only: one that has lost it is reported as gone. Ours
//! are known by their names, and nothing is remembered of any other.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use machines::identity::Revision;
use machines::kinds::repository_credential::CredentialId;

use super::entry::SecretEntry;
use crate::agent::argo::{Argo, Changed};
use crate::runtime::sightings::Asked;
use crate::runtime::watch::{Gone, WatchEvent};

impl Argo {
    /// Takes in an event from the watch of repository Secrets.
    pub fn secret_seen(&mut self, seen: WatchEvent<Secret>) -> Vec<Changed> {
        let listed = self.secrets_seen.note(&seen, row_of);
        let changed = match seen {
            WatchEvent::Restarted => None,
            WatchEvent::Present(secret) => self.secret_present(&secret),
            WatchEvent::Gone(gone) => self.secret_gone(&gone),
            // It exists, and says nothing that it should.
            WatchEvent::Malformed(metadata) => {
                self.secret_present(&Secret { metadata: *metadata, ..Secret::default() })
            }
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let missing: Vec<CredentialId> =
                    self.secrets.keys().filter(|row| listed.lacks(row)).cloned().collect();
                return missing.into_iter().filter_map(|row| self.forget_secret(&row)).collect();
            }
        };
        changed.into_iter().collect()
    }

    /// To be held from before a write of a repository Secret until [`Self::secret_written`].
    pub fn ask_secret(&self) -> Asked {
        self.secrets_seen.ask()
    }

    /// Takes in the answer to a write.
    pub fn secret_written(&mut self, written: &Secret, asked: Asked) -> Option<Changed> {
        self.secrets_seen.is_news(written, asked).then(|| self.secret_present(written))?
    }

    /// Takes in that the server has listed no Secret with the name of this row's. `before` is the
    /// revision that was known when it was asked: another one was shown by the watch in the
    /// meantime.
    pub fn secret_absent(
        &mut self,
        row: &CredentialId,
        before: Option<Revision>,
    ) -> Option<Changed> {
        let known = self.secret(row).map(|entry| entry.revision);
        if known != before {
            return None;
        }
        self.forget_secret(row)
    }

    fn secret_present(&mut self, secret: &Secret) -> Option<Changed> {
        let row = row_of(&secret.metadata)?;
        let entry = SecretEntry::of(secret, self.digester.as_ref());
        if self.secrets.get(&row).is_some_and(|known| entry.revision <= known.revision) {
            return None;
        }
        self.secrets.insert(row.clone(), entry);
        Some(Changed::Secret(row))
    }

    /// One that had lost its label, and has been written again since, is not gone.
    fn secret_gone(&mut self, gone: &Gone) -> Option<Changed> {
        let row = crds::names::repository_credential_id(&gone.name).map(CredentialId::new)?;
        let known = self.secrets.get(&row)?;
        let is_gone = known.uid == gone.uid && known.revision <= gone.revision;
        if is_gone { self.forget_secret(&row) } else { None }
    }

    fn forget_secret(&mut self, row: &CredentialId) -> Option<Changed> {
        self.secrets.remove(row).map(|_| Changed::Secret(row.clone()))
    }

    /// The repository Secret of a row.
    pub fn secret(&self, row: &CredentialId) -> Option<&SecretEntry> {
        self.secrets.get(row)
    }

    /// The rows whose repository Secrets exist and are not being deleted.
    pub fn secret_rows(&self) -> BTreeSet<CredentialId> {
        let stay = self.secrets.iter().filter(|(_, entry)| !entry.deleting);
        stay.map(|(row, _)| row.clone()).collect()
    }
}

/// The row that a Secret represents, by its name.
fn row_of(metadata: &ObjectMeta) -> Option<CredentialId> {
    crds::names::repository_credential_id(metadata.name.as_deref()?).map(CredentialId::new)
}
