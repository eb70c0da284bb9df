//! What the backend picks up at startup, and what it checks where a signal may have been lost.

use machines::identity::{DeploymentUid, TenantUid};
use machines::kinds::deployment::Deployment;
use machines::kinds::tenant::Tenant;
use machines::rows::Requester;
use schema::store::StoreError;
use schema::store::machine_rows::IndexEntry;

use crate::backend::Backend;
use crate::backend::index::Place;
use crate::backend::observations::{Key, Observations};
use crate::runtime::worker::Process;
use crate::signals::{Hearer, Listener};

impl Listener for Backend {
    fn operation_finished(&self, requester: &Requester) {
        match requester {
            Requester::Deployment(uid) => {
                self.poke(&Key::Deployment(uid.clone()), Observations::operation());
            }
        }
    }

    fn report_changed(&self, uid: &DeploymentUid) {
        self.poke(&Key::Deployment(uid.clone()), Observations::report());
    }

    fn application_differs(&self, uid: &DeploymentUid) {
        self.poke(&Key::Deployment(uid.clone()), Observations::differs());
    }

    fn is_behind(&self, tenant: &str) -> bool {
        Process::is_behind(self, tenant)
    }
}

impl Hearer for Backend {
    async fn look_again(&self) -> Result<(), StoreError> {
        for entry in self.store.index::<Tenant>().await? {
            self.resume(Key::Tenant(TenantUid::new(entry.key.clone())), &entry);
        }
        for entry in self.store.index::<Deployment>().await? {
            self.resume(Key::Deployment(DeploymentUid::new(entry.key.clone())), &entry);
        }
        self.take_in_reports().await
    }

    async fn take_in_reports(&self) -> Result<(), StoreError> {
        for uid in self.store.unread().await? {
            self.report_changed(&uid);
        }
        Ok(())
    }
}

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
    fn resume(&self, machine: Key, entry: &IndexEntry) {
        if entry.has_obligations || entry.wake_at.is_some() {
            self.poke(&machine, Observations::operation());
        }
    }
}
