//! The rows of a sync run.

use crate::identity::{ApplicationId, TenantUid};
use crate::kinds::sync_run::SyncRunUid;
use crate::operation::sync::SyncOperationId;

/// A change of the rows of a sync run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncRunRows {
    /// They exist and ask for the sync.
    Put(Box<SyncOperationRow>),
    /// They ask for the end of the sync.
    Terminate(SyncOperationId),
    /// They are gone.
    Remove {
        /// The row of the sync.
        sync: SyncOperationId,
        /// The run.
        run: SyncRunUid,
    },
}

/// The row of a sync, and what maps the run to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncOperationRow {
    /// Its id.
    pub sync: SyncOperationId,
    /// The application that is synced.
    pub application: ApplicationId,
    /// The name of its deployment.
    pub deployment_name: String,
    /// The revision; empty for the deployment's.
    pub revision: String,
    /// The run.
    pub run: SyncRunUid,
    /// The run's name.
    pub name: String,
    /// The run's namespace.
    pub namespace: String,
    /// The namespace's UID.
    pub tenant: TenantUid,
}
