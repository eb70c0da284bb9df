//! Database rows that a step asks to change, as data. They are written in the same transaction as
//! the machine's new state, grouped by table, so a batch of machines costs a constant number of
//! statements.

use crate::identity::OperationId;

pub use crate::kinds::deployment::rows::{ApplicationKey, ApplicationRows};
pub use crate::kinds::managed_environment::rows::{
    EnvironmentKey, EnvironmentRow, EnvironmentRows,
};
pub use crate::kinds::repository_credential::rows::{CredentialKey, CredentialRow, CredentialRows};
pub use crate::kinds::sync_run::rows::SyncRunRows;
pub use crate::kinds::tenant::rows::TenantRows;
pub use crate::operation::target::{OperationRow, OperationState, Requester, Target};

/// One change; idempotent, because ids are derived and every insert is an upsert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// The rows of a tenant exist: cluster user, in-cluster environment and access to Argo CD.
    EnsureTenant(TenantRows),
    /// All rows of a tenant are gone.
    RemoveTenant(TenantRows),
    /// The rows of an application exist and say this.
    PutApplication(Box<ApplicationRows>),
    /// The rows of an application are gone, and its repository with the last one that uses it.
    RemoveApplication(ApplicationKey),
    /// The rows of a managed environment.
    Environment(EnvironmentRows),
    /// The rows of a repository credential.
    Credential(CredentialRows),
    /// The rows of a sync run.
    SyncRun(SyncRunRows),
    /// An operation is asked for: inserted in state `Waiting`, left alone if it exists.
    RequestOperation(OperationRow),
    /// An operation's outcome, written by the agent alone.
    SetOperationState(OperationId, OperationState),
    /// What is said about an operation, written by the agent alone.
    ReportProgress(OperationId, String),
}

impl RowChange {
    /// Whether the machine that asked for an operation is to look at the operation's row.
    pub fn concerns_requester(&self) -> bool {
        match self {
            // Nothing that waits for an operation cares that it was claimed.
            Self::SetOperationState(_, state) => state.is_terminal(),
            Self::ReportProgress(..) => true,
            Self::EnsureTenant(_)
            | Self::RemoveTenant(_)
            | Self::PutApplication(_)
            | Self::RemoveApplication(_)
            | Self::Environment(_)
            | Self::Credential(_)
            | Self::SyncRun(_)
            | Self::RequestOperation(_) => false,
        }
    }
}
