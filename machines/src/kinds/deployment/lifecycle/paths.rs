//! What the states are called, and when they want to be woken.

use super::Lifecycle;
use crate::identity::Timestamp;

impl Lifecycle {
    /// Whether another deployment may hold the name.
    pub(crate) fn waits_for_its_name(&self) -> bool {
        matches!(self, Self::Unseen {} | Self::AwaitingPredecessor { .. })
    }

    /// When the region wants to be woken.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::AwaitingTenant { deadline, .. }
            | Self::AwaitingEngine { deadline, .. }
            | Self::AwaitingPredecessor { deadline, .. }
            | Self::Dispatching { deadline, .. }
            | Self::AwaitingDestination { deadline, .. }
            | Self::Removing { deadline, .. }
            | Self::Finalizing { deadline, .. } => Some(*deadline),
            Self::Rejected { deadline } => *deadline,
            Self::AwaitingEnvironment { complaint, repair } => {
                complaint.iter().chain(repair).min().copied()
            }
            Self::BackingOff { until } | Self::RemovalBackingOff { until } => Some(*until),
            Self::Unseen {}
            | Self::Frozen {}
            | Self::Settled {}
            | Self::RemovalFrozen {}
            | Self::Gone {} => None,
        }
    }

    /// The state's path, outermost first.
    pub fn path(&self) -> String {
        let path = match self {
            Self::Unseen {} => "Unseen",
            Self::Rejected { .. } => "Live/Rejected",
            Self::Frozen {} => "Live/Frozen",
            Self::AwaitingEnvironment { .. } => "Live/AwaitingEnvironment",
            Self::AwaitingTenant { .. } => "Live/Awaiting/AwaitingTenant",
            Self::AwaitingEngine { .. } => "Live/Awaiting/AwaitingEngine",
            Self::AwaitingPredecessor { .. } => "Live/Awaiting/AwaitingPredecessor",
            Self::Dispatching { .. } => "Live/Dispatching",
            Self::BackingOff { .. } => "Live/BackingOff",
            Self::Settled {} => "Live/Settled",
            Self::AwaitingDestination { .. } => "Terminating/AwaitingDestination",
            Self::Removing { .. } => "Terminating/Removing",
            Self::RemovalBackingOff { .. } => "Terminating/RemovalBackingOff",
            Self::RemovalFrozen {} => "Terminating/RemovalFrozen",
            Self::Finalizing { .. } => "Terminating/Finalizing",
            Self::Gone {} => "Gone",
        };
        path.to_owned()
    }
}
