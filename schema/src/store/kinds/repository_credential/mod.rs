//! Repository credentials: their machines, and what a batch loads of them.

pub(in crate::store) mod access;
pub(in crate::store) mod adoption;
pub(in crate::store) mod opening;
pub(in crate::store) mod rows;

use std::collections::{BTreeMap, BTreeSet};

use machines::kinds::repository_credential::{
    CredentialUid, PersistedCredential, RepositoryCredential,
};
use sea_orm::entity::prelude::*;

use crate::entity::repository_credentials::Column;
use crate::store::StoreError;
use crate::store::backend::loaded::{BackendLoaded, BackendRequest};
use crate::store::machine_rows::{self, Persistent};

impl Persistent for RepositoryCredential {
    type Key = CredentialUid;
    const KIND: &'static str = "RepositoryCredential";
    type Persisted = PersistedCredential;

    fn key(&self) -> CredentialUid {
        self.record.uid.clone()
    }
    fn parse_key(text: String) -> CredentialUid {
        CredentialUid::new(text)
    }
    fn key_text(key: &CredentialUid) -> &str {
        key.as_str()
    }
    fn tenant(&self) -> &str {
        self.record.tenant.as_str()
    }
    fn namespace(&self) -> &str {
        &self.record.namespace
    }
    fn name(&self) -> &str {
        &self.record.name
    }
    fn has_obligations(&self) -> bool {
        // The style decides what a status says, not whether one is required.
        !self.obligations(Default::default()).is_empty()
    }
    fn generation(&self) -> i64 {
        self.record.generation.0
    }
    fn refers_to(&self) -> Option<&str> {
        self.record.spec.secret_name()
    }
}

/// The credentials that a batch is about, and the rows that they may take over.
pub(in crate::store) async fn load(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    loaded.credentials = machine_rows::load(tx, &request.credentials).await?;
    let machines = &loaded.credentials;
    let unseen = request.credentials.iter().filter(|uid| !machines.contains(uid));
    let without = machines.known.iter().filter(|(_, versioned)| versioned.machine.may_adopt());
    let without = unseen.chain(without.map(|(uid, _)| uid));
    let without: BTreeSet<&str> = without.map(CredentialUid::as_str).collect();
    if !without.is_empty() {
        loaded.existing_credentials = adoption::existing(tx, without).await?;
    }
    let written = request.checked.iter().filter_map(|uid| {
        let machine = &loaded.credentials.known.get(uid)?.machine;
        let row = machine.record.row.as_ref().filter(|row| row.written.is_some())?;
        Some((row.id.as_str(), uid))
    });
    let written: BTreeMap<&str, &CredentialUid> = written.collect();
    if !written.is_empty() {
        let rows = Column::RepositorycredentialsId.is_in(written.keys().copied());
        let stored = opening::load(tx, rows).await?;
        let emptied = stored.iter().filter(|(_, stored)| stored.is_emptied());
        let emptied = emptied.filter_map(|(id, _)| written.get(id.as_str()).copied().cloned());
        loaded.emptied_credentials = emptied.collect();
    }
    Ok(())
}
