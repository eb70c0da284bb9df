//! Repository credentials: their machines, and what a batch loads of them.

pub mod access;

use machines::kinds::repository_credential::{
    CredentialUid, PersistedCredential, RepositoryCredential,
};

use crate::store::machine_rows::Persistent;

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
        // The user's Secret, even if no Secret can have the name.
        Some(self.record.spec.secret.as_str()).filter(|name| !name.is_empty())
    }
}
