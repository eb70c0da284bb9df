//! The settings, as the program's parts see them.

use std::sync::Arc;
use std::time::Duration;

use git_access::{Checker, Policy};
use machines::kinds::deployment::conditions::ConditionStyle;
use schema::sealing::Keyring;

use crate::repositories::{Network, Repositories};
use crate::runtime::clock::Clock;

/// Settings that both roles share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// Whether each tenant has an AppProject of its own.
    pub isolation: bool,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
    /// How often everything is compared again; `None` for never.
    pub rescan: Option<Duration>,
    /// How long an Application may differ from its row before that counts as more than a change in
    /// progress. The contract says that what is deleted manually stays away for two minutes.
    pub repair_grace: Duration,
    /// The keys that seal credentials, if there are any.
    pub sealing: Option<Keyring>,
    /// The servers of private repositories.
    pub repositories: Arc<dyn Repositories>,
    /// Where the time of day comes from.
    pub clock: Clock,
}

/// The existing system's interval.
pub const RESCAN_INTERVAL: Duration = Duration::from_secs(30 * 60);
/// See [`Settings::repair_grace`].
pub const REPAIR_GRACE: Duration = Duration::from_secs(150);

impl Default for Settings {
    fn default() -> Self {
        Self {
            argocd_namespace: crds::names::DEFAULT_ARGO_CD_NAMESPACE.to_owned(),
            isolation: true,
            conditions: ConditionStyle::Conventional,
            rescan: Some(RESCAN_INTERVAL),
            repair_grace: REPAIR_GRACE,
            sealing: None,
            repositories: Arc::new(Network::new(Checker::new(Policy::default()))),
            clock: Clock::default(),
        }
    }
}
