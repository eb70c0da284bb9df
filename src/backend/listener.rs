//! How the backend learns that the agent has changed rows, and what it looks for where a signal may
//! have been lost.

use machines::identity::DeploymentUid;
use machines::kinds::managed_environment::EnvironmentUid;
use machines::kinds::repository_credential::CredentialUid;
use machines::rows::Requester;
use schema::store::StoreError;
use schema::store::machine_rows::Which;

use crate::backend::Backend;
use crate::backend::kinds::{self, Key};
use crate::backend::observations::Observations;
use crate::runtime::worker::Process;
use crate::signals::{Hearer, Listener};

impl Listener for Backend {
    fn operation_changed(&self, requester: &Requester) {
        self.poke(&Key::of(requester), Observations::operation());
    }

    fn report_changed(&self, uid: &DeploymentUid) {
        self.latencies.report_recorded(uid);
        self.poke(&Key::Deployment(uid.clone()), Observations::report());
    }

    fn application_differs(&self, uid: &DeploymentUid) {
        self.poke(&Key::Deployment(uid.clone()), Observations::differs());
    }

    fn secret_differs(&self, uid: &CredentialUid) {
        self.poke(&Key::Credential(uid.clone()), Observations::differs());
    }

    fn cluster_differs(&self, uid: &EnvironmentUid) {
        self.poke(&Key::Environment(uid.clone()), Observations::differs());
    }

    fn is_behind(&self, tenant: &str) -> bool {
        Process::is_behind(self, tenant)
    }
}

impl Hearer for Backend {
    async fn look_again(&self) -> Result<u64, StoreError> {
        for (key, entry) in kinds::machines(&self.store, Which::Waiting).await? {
            self.resume(&key, &entry);
        }
        self.take_in_reports().await
    }

    async fn take_in_reports(&self) -> Result<u64, StoreError> {
        let unread = self.store.unread().await?;
        for uid in &unread {
            self.report_changed(uid);
        }
        Ok(unread.len() as u64)
    }
}
