//! What the backend picks up at startup, and what it checks where a signal may have been lost.

use machines::identity::{DeploymentUid, TenantUid};
use machines::kinds::deployment::Deployment;
use machines::kinds::tenant::Tenant;
use schema::store::StoreError;
use schema::store::machine_rows::IndexEntry;

use crate::backend::Backend;
use crate::backend::index::Place;
use crate::backend::observations::{Key, Observations};
use crate::signals::Hearer;

impl Backend {
    /// Picks up what the database holds. For startup, before anything else is running.
    pub(super) async fn catch_up(&self) -> Result<(), StoreError> {
        for entry in self.store.index::<Tenant>().await? {
            let tenant = TenantUid::new(entry.key.clone());
            self.take_in(|index| index.note_tenant(&tenant, &entry.namespace));
            self.resume(Key::Tenant(tenant), &entry);
        }
        for entry in self.store.index::<Deployment>().await? {
            let uid = DeploymentUid::new(entry.key.clone());
            let tenant = TenantUid::new(entry.tenant_uid.clone());
            let (namespace, name) = (entry.namespace.clone(), entry.name.clone());
            self.index().note_deployment(&uid, tenant, Place { namespace, name });
            self.resume(Key::Deployment(uid), &entry);
        }
        self.take_in_reports().await
    }

    /// Steps a machine that requires something or has a deadline. The step sets its timer.
    pub(super) fn resume(&self, machine: Key, entry: &IndexEntry) {
        if entry.has_obligations || entry.wake_at.is_some() {
            self.poke(&machine, Observations::operation());
        }
    }
}
