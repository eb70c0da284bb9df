//! What can be set, as the program's parts see it.

use machines::deployment::conditions::ConditionStyle;

/// Settings that both halves share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// Whether each tenant has an AppProject of its own.
    pub isolation: bool,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            argocd_namespace: crds::names::DEFAULT_ARGO_CD_NAMESPACE.to_owned(),
            isolation: true,
            conditions: ConditionStyle::Conventional,
        }
    }
}
