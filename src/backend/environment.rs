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

impl Environment {
    /// Whether Argo CD's namespace is another one than that of this instance: it was created again,
    /// and what was written there is gone with the old one.
    pub fn is_elsewhere(&self, instance: &InstanceId) -> bool {
        self.instance.as_ref().is_some_and(|now| now != instance)
    }
}
