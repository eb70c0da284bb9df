//! Batches of the backend: machines of every kind that it steps.

pub mod loaded;

use std::collections::HashMap;

use machines::identity::{ApplicationId, DeploymentUid, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{JoinType, QuerySelect};

use crate::entity::{application_state, deployment_to_application_mapping as mapping};
use crate::store::{Call, Store, StoreError, kinds};

pub use loaded::{
    BackendChanges, BackendLoaded, BackendRequest, DeploymentName, EnvironmentUsers,
    NamedEnvironments, SyncRunRequest,
};

impl Store {
    /// Loads a batch, lets `decide` step it, and commits the result.
    ///
    /// Nothing is written if nothing has changed. `decide` runs inside the transaction and must not
    /// block.
    pub async fn backend_batch<T: Default + Send>(
        &self,
        request: &BackendRequest,
        now: Timestamp,
        decide: impl FnOnce(BackendLoaded) -> (BackendChanges, T) + Send,
    ) -> Result<T, StoreError> {
        let mut result = T::default();
        let decide = |loaded| {
            let (changes, decided) = decide(loaded);
            result = decided;
            changes
        };
        self.commit_backend_batch(request, now, Box::new(decide)).await?;
        Ok(result)
    }

    fn commit_backend_batch<'a>(
        &'a self,
        request: &'a BackendRequest,
        now: Timestamp,
        decide: Box<dyn FnOnce(BackendLoaded) -> BackendChanges + Send + 'a>,
    ) -> Call<'a, ()> {
        self.call("backend_batch", async move {
            let tx = self.begin().await?;
            let (loaded, digests) = kinds::load(&tx, request).await?;
            let changes = decide(loaded);
            let machines = kinds::machines(&changes, now)?;
            if machines.is_empty() && changes.rows.is_empty() && changes.read.is_empty() {
                return Ok(tx.rollback().await?);
            }
            let BackendChanges { rows, accepted, accepted_environments, read, .. } = changes;
            let sealer = self.sealer.as_ref();
            let batch =
                kinds::Batch { rows, accepted, accepted_environments, sealer, read, digests };
            kinds::write(&tx, batch, now).await?;
            let lines = machines.write(&tx).await?;
            tx.commit().await?;
            lines.write();
            Ok(())
        })
    }

    /// The newest report of Argo CD on each of these applications, in the database's form.
    pub async fn reports(
        &self,
        applications: impl IntoIterator<Item = &ApplicationId>,
    ) -> Result<HashMap<ApplicationId, Vec<u8>>, StoreError> {
        let ids: Vec<&str> = applications.into_iter().map(ApplicationId::as_str).collect();
        if ids.is_empty() { Ok(HashMap::new()) } else { self.reports_on(ids).await }
    }

    fn reports_on<'a>(&'a self, ids: Vec<&'a str>) -> Call<'a, HashMap<ApplicationId, Vec<u8>>> {
        self.call("reports", async move {
            let rows = application_state::Entity::find()
                .filter(application_state::Column::ApplicationstateApplicationId.is_in(ids))
                .all(&self.database.reads())
                .await?;
            let blob = |row: application_state::Model| {
                let id = ApplicationId::new(row.applicationstate_application_id);
                (id, row.argocd_application_status.unwrap_or_default())
            };
            Ok(rows.into_iter().map(blob).collect())
        })
    }

    /// The deployments with reports that were not taken in.
    pub fn unread(&self) -> Call<'_, Vec<DeploymentUid>> {
        self.call("unread", async move {
            let uids: Vec<String> = mapping::Entity::find()
                .select_only()
                .column(mapping::Column::DeploymenttoapplicationmappingUidId)
                .join(
                    JoinType::InnerJoin,
                    mapping::Entity::belongs_to(application_state::Entity)
                        .from(mapping::Column::ApplicationId)
                        .to(application_state::Column::ApplicationstateApplicationId)
                        .into(),
                )
                // Written exactly as in the partial index.
                .filter(application_state::Column::Unread.into_expr())
                .into_tuple()
                .all(&self.database.reads())
                .await?;
            Ok(uids.into_iter().map(DeploymentUid::new).collect())
        })
    }
}
