//! What follows from a commit: timers, effects, and notifications to others.

use tokio::time::Instant;

use crate::backend::Backend;
use crate::backend::batch::FollowUp;

impl Backend {
    /// What follows from a commit, kind by kind.
    pub(super) async fn follow_up(&self, follow_up: FollowUp, taken_at: Instant) {
        let FollowUp { tenants, deployments } = follow_up;
        for tenant in tenants {
            self.follow_up_tenant(&tenant);
        }
        self.follow_up_deployments(deployments, taken_at).await;
    }
}
