//! What a batch may know besides its machines.

use machines::identity::{InstanceId, Timestamp};
use machines::kinds::deployment::conditions::ConditionStyle;

/// See the module.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The time of the batch.
    pub now: Timestamp,
    /// The Argo CD instance; `None` while its namespace does not exist.
    pub instance: Option<InstanceId>,
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// Whether each tenant has an AppProject of its own.
    pub isolation: bool,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
    /// Whether there are keys to seal credentials with.
    pub has_keys: bool,
    /// Whether statuses note what there is no room for.
    pub has_note: bool,
}
