//! Argo CD's Application and AppProject, as far as this program reads or writes them.
//!
//! Unknown fields are ignored, absent ones are empty, and a part of a status that has an unexpected
//! form is empty too: these types are for reading what another program wrote. Write with patches,
//! never with a whole object, or the fields that are missing here are lost.

mod application;
mod fields;
mod operation;
mod project;
mod size;

pub use application::{
    Application, ApplicationCondition, ApplicationDestination, ApplicationHealth, ApplicationSpec,
    ApplicationStatus, ComparedTo, HealthStatus, ResourceStatus, SyncPolicy, SyncPolicyAutomated,
    SyncStatus, condition_type, health, sync,
};
pub use fields::{FIELDS, Field, Ownership, table};
pub use operation::{
    ApplicationSource, Backoff, Info, ManagedNamespaceMetadata, Operation, OperationInitiator,
    OperationState, ResourceResult, RetryStrategy, SyncOperation, SyncOperationResource,
    SyncOperationResult, SyncStrategy, SyncStrategyForce, phase,
};
pub use project::{AppProject, AppProjectSpec};
pub use size::{Truncated, stored_bytes};
