//! What the watch of Argo CD's Secrets shows, and the answers to writes.
//!
//! The watch shows Secrets with Argo CD's label only: one that has lost it is reported as gone. Ours
//! are known by their names, and nothing is remembered of any other but which cluster it claims to be.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use machines::identity::{EnvironmentId, Revision};

use super::entry::SecretEntry;
use super::row::SecretRow;
use crate::agent::argo::{Argo, Changed};
use crate::runtime::sightings::Asked;
use crate::runtime::watch::{Gone, WatchEvent};

impl Argo {
    /// Takes in an event from the watch of Argo CD's Secrets.
    pub fn secret_seen(&mut self, seen: WatchEvent<Secret>) -> Vec<Changed> {
        let listed = self.secrets_seen.note(&seen, |metadata| metadata.name.clone());
        match seen {
            WatchEvent::Restarted => Vec::new(),
            WatchEvent::Present(secret) => self.secret_present(&secret),
            WatchEvent::Gone(gone) => self.secret_gone(&gone),
            // It exists, and says nothing that it should.
            WatchEvent::Malformed(metadata) => {
                self.secret_present(&Secret { metadata: *metadata, ..Secret::default() })
            }
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let ours = self.secrets.keys().map(SecretRow::name);
                let known: BTreeSet<String> = ours.chain(self.claims.names().cloned()).collect();
                let missing = known.into_iter().filter(|name| listed.lacks(name));
                missing.flat_map(|name| self.forget_secret(&name)).collect()
            }
        }
    }

    /// To be held from before a write of a Secret until [`Self::secret_written`].
    pub fn ask_secret(&self) -> Asked {
        self.secrets_seen.ask()
    }

    /// Takes in the answer to a write.
    pub fn secret_written(&mut self, written: &Secret, asked: Asked) -> Vec<Changed> {
        let is_news = self.secrets_seen.is_news(written, asked);
        if is_news { self.secret_present(written) } else { Vec::new() }
    }

    /// Takes in that the server has listed no Secret with the name of this row's. `before` is the
    /// revision that was known when it was asked: another one was shown by the watch in the
    /// meantime.
    pub fn secret_absent(&mut self, row: &SecretRow, before: Option<Revision>) -> Vec<Changed> {
        let known = self.secret(row).map(|entry| entry.revision);
        if known == before { self.forget_secret(&row.name()) } else { Vec::new() }
    }

    fn secret_present(&mut self, secret: &Secret) -> Vec<Changed> {
        let Some(row) = row_of(&secret.metadata) else {
            return concerned(self.claims.note(secret, self.digester.as_ref()));
        };
        let entry = SecretEntry::of(secret, self.digester.as_ref());
        if self.secrets.get(&row).is_some_and(|known| entry.revision <= known.revision) {
            return Vec::new();
        }
        let mut changed = concerned(self.claims.note(secret, self.digester.as_ref()));
        self.secrets.insert(row.clone(), entry);
        changed.push(Changed::Secret(row));
        changed
    }

    /// One that had lost its label, and has been written again since, is not gone.
    fn secret_gone(&mut self, gone: &Gone) -> Vec<Changed> {
        if let Some(known) = SecretRow::named(&gone.name).and_then(|row| self.secrets.get(&row))
            && (known.uid != gone.uid || known.revision > gone.revision)
        {
            return Vec::new();
        }
        self.forget_secret(&gone.name)
    }

    fn forget_secret(&mut self, name: &str) -> Vec<Changed> {
        let mut changed = concerned(self.claims.forget(name));
        let row = SecretRow::named(name).filter(|row| self.secrets.remove(row).is_some());
        changed.extend(row.map(Changed::Secret));
        changed
    }

    /// The Secret of a row.
    pub fn secret(&self, row: &SecretRow) -> Option<&SecretEntry> {
        self.secrets.get(row)
    }

    /// The rows whose Secrets exist and are not being deleted.
    pub fn secret_rows(&self) -> BTreeSet<SecretRow> {
        let stay = self.secrets.iter().filter(|(_, entry)| !entry.deleting);
        stay.map(|(row, _)| row.clone()).collect()
    }

    /// The Secrets of others that keep Argo CD from telling the cluster of an environment apart.
    pub fn rivals(&self, row: &EnvironmentId) -> BTreeSet<&str> {
        self.claims.rivals(row)
    }
}

/// The row that a Secret represents, by its name.
fn row_of(metadata: &ObjectMeta) -> Option<SecretRow> {
    SecretRow::named(metadata.name.as_deref()?)
}

/// The operations on these environments look at what claims to be their clusters.
fn concerned(rows: BTreeSet<EnvironmentId>) -> Vec<Changed> {
    rows.into_iter().map(|row| Changed::Secret(SecretRow::Cluster(row))).collect()
}
