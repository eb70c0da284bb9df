//! The store: loads a batch of machines with the facts that they need, lets the caller step them,
//! and commits rows, states and transitions in one transaction, in a number of statements that
//! does not depend on the size of the batch.
//!
//! * [`backend`]: batches of the backend's machines; [`agent`]: batches of operations;
//! * `kinds`: what each kind of machine loads, and changes in the other tables, and in which order;
//! * [`machine_rows`]: machines and transitions as rows, whatever their kind;
//! * [`reports`]: what Argo CD reports; `rescan`: what the agent compares with Argo CD;
//! * [`instance`]: the Argo CD instance and its cluster;
//! * `adoption`: rows of an earlier installation that a batch may take over;
//! * [`sealed`]: credentials, which are never stored in the clear;
//! * [`collect`]: what is removed by age; [`transition_log`]: a line for each transition.
//!
//! Every commit carries the epoch of its writer: once another process has taken over a role, the
//! commits of the previous one fail with [`StoreError::Deposed`].
//!
//! # Order of locks
//!
//! On PostgreSQL the transactions of the two roles overlap. Each takes its row locks in this order,
//! and those on one table in the order of its key as PostgreSQL sorts it, so that no two
//! transactions wait for each other:
//!
//! 1. `fence`: the row of its own role, shared; exclusive in a take-over;
//! 2. `application`: exclusive if rows are removed, all of them in one statement; `NO KEY UPDATE`,
//!    which no report waits for, if they lose their destination; `KEY SHARE` if reports on them are
//!    written;
//! 3. `operation`;
//! 4. `applicationstate`;
//! 5. `sealed_value`: what a batch seals or removes is written last;
//! 6. `machine` and `transition`.
//!
//! PostgreSQL locks the rows of an `UPDATE` or `DELETE` in the order in which it happens to find
//! them, so a statement that names several selects them by `in_order`. Rows that refer to an
//! exclusively locked application need no order, and all other tables have one writer, the
//! backend's worker. The exceptions are rare, and their transactions are repeated where PostgreSQL
//! ends one: `rotate-keys` writes `sealed_value`, and the sealing of what an earlier installation
//! left in the clear also writes the two tables of credentials.

mod adoption;
pub mod agent;
pub mod backend;
pub mod collect;
pub mod error;
pub mod instance;
mod kinds;
pub mod machine_rows;
pub mod reports;
mod rescan;
pub mod role;
pub mod sealed;
mod statements;
pub mod transition_log;

use std::future::Future;

use machines::identity::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, LockType, OnConflict};
use sea_orm::{ActiveValue, QuerySelect};

use crate::BoxFuture;
use crate::connection::{Database, Session};
use crate::entity::fence;

pub use error::StoreError;
pub use kinds::managed_environment::access::{ClusterCredential, EnvironmentAccess};
pub use kinds::managed_environment::adoption::{AdoptedEnvironment, AdoptedEnvironmentRow};
pub use kinds::permitted::Permitted;
pub use kinds::repository_credential::access::{Credential, RepositoryAccess};
pub use kinds::repository_credential::adoption::AdoptedCredential;
pub use rescan::{ClusterOwner, SecretOwner, WantedApplication, WantedCluster, WantedSecret};
pub use role::Role;
pub use sealed::opening::UnopenedCredential;
use sealed::unlock::Sealer;

/// The size of `fence.holder`; the name is for people, and its beginning is enough.
const HOLDER_LIMIT: usize = 256;

/// What a call of the store returns.
pub type Call<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Writes for one role, as long as no other process has taken it over.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    role: Role,
    epoch: i64,
    sealer: Option<Sealer>,
}

impl Store {
    /// Takes over a role: raises its epoch, so that the previous holder can no longer commit.
    ///
    /// Waits for a commit of the previous holder that is in progress.
    pub fn take_over(
        database: Database,
        role: Role,
        holder: &str,
        now: Timestamp,
    ) -> Call<'_, Self> {
        Box::pin(Self::take_over_by(database, role, holder, now))
    }

    async fn take_over_by(
        database: Database,
        role: Role,
        holder: &str,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let call = match role {
            Role::Backend => "take_over_backend",
            Role::Agent => "take_over_agent",
        };
        let epoch = database.call(call, async {
            let row = fence::ActiveModel {
                role: ActiveValue::Set(role.as_str().to_owned()),
                epoch: ActiveValue::Set(1),
                holder: ActiveValue::Set(holder.chars().take(HOLDER_LIMIT).collect()),
                taken_at: ActiveValue::Set(Some(now.as_millis())),
            };
            let raise = OnConflict::column(fence::Column::Role)
                .value(
                    fence::Column::Epoch,
                    Expr::col((fence::Entity, fence::Column::Epoch)).add(1),
                )
                .update_columns([fence::Column::Holder, fence::Column::TakenAt])
                .to_owned();
            let tx = database.begin().await?;
            fence::Entity::insert(row).on_conflict(raise).exec_without_returning(&tx).await?;
            let epoch = current_epoch(&tx, role).await?.unwrap_or_default();
            if role == Role::Backend {
                kinds::take_over(&tx, now).await?;
            }
            tx.commit().await?;
            Ok(epoch)
        });
        let epoch = epoch.await?;
        Ok(Self { database, role, epoch, sealer: None })
    }

    /// The same, which seals credentials and opens them; without, none can be written or read.
    #[must_use]
    pub fn with_sealer(self, sealer: Option<Sealer>) -> Self {
        Self { sealer, ..self }
    }

    /// What seals credentials, opens and compares them, if there are keys.
    pub fn sealer(&self) -> Option<&Sealer> {
        self.sealer.as_ref()
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Call<'a, T> {
        Box::pin(self.database.call(name, work))
    }

    /// The database behind it.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The epoch that its commits carry.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Opens a transaction that can only commit while no other process has taken over the role: the
    /// epoch's row stays locked until the end of the transaction.
    async fn begin(&self) -> Result<Session, StoreError> {
        let tx = self.database.begin().await?;
        if current_epoch(&tx, self.role).await? != Some(self.epoch) {
            return Err(StoreError::Deposed { role: self.role });
        }
        Ok(tx)
    }
}

async fn current_epoch(tx: &Session, role: Role) -> Result<Option<i64>, StoreError> {
    let row = fence::Entity::find_by_id(role.as_str()).lock(LockType::Share).one(tx).await?;
    Ok(row.map(|row| row.epoch))
}
