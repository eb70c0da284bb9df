//! What follows from a commit: timers, effects, and notifications to others.

use std::sync::Arc;

use machines::identity::{ApplicationId, ClusterUserId, OperationId, Revision};
use schema::store::Permitted;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::agent::batch::{FollowUp, Observations};
use crate::agent::resources::secret::row::SecretRow;
use crate::agent::resources::{self, Effect, Subject};
use crate::runtime::effects::{QueuedEffect, Required};

impl Agent {
    pub(super) fn follow_up(&self, follow_up: FollowUp, taken_at: Instant) {
        self.timers.set(&follow_up.id, follow_up.wake_at);
        if follow_up.completed {
            self.metrics.operations_finished.inc(&["completed"]);
        }
        if follow_up.failed {
            self.metrics.operations_finished.inc(&["failed"]);
        }
        let finished = follow_up.completed || follow_up.failed;
        self.trace_operation(&follow_up, taken_at);
        let concerned = follow_up.requester.as_ref().filter(|_| follow_up.concerns_requester);
        if let Some(requester) = concerned {
            self.listener.operation_changed(requester);
        }
        if follow_up.gone {
            self.forget(&follow_up.id);
            return;
        }
        let is_new = self.open().update(&follow_up);
        if is_new && self.revisions(&follow_up) != follow_up.revisions {
            // Changes between the decision and now have not been delivered yet.
            self.poke(&follow_up.id, Observations::default());
        }
        if !self.open().awaits_project(&follow_up.owner) {
            // The next operation that finds the project incomplete requires it, although it was
            // written before.
            self.effects.withdraw(&Subject::Project(follow_up.owner.clone()));
        }
        let tenant = self.turn(&follow_up.id);
        for obligation in &follow_up.obligations {
            let effect = self.effect(&follow_up, obligation);
            if follow_up.insist {
                self.effects.invalidate(&effect.key());
            }
            if self.effects.require(&tenant, effect, taken_at) == Required::InDoubt {
                self.poke(&follow_up.id, Observations::default());
            }
        }
        // One that goes on and requires nothing for now; and one that has just ended, but only then:
        // a finished operation lingers until its CR is gone, and by then the Application may belong
        // to the next one.
        let is_settled = finished || follow_up.obligations.is_empty();
        let target = follow_up.target.filter(|_| is_settled);
        if let Some(target) = &target {
            self.effects.withdraw(&resources::settled(target));
        }
    }

    /// An operation is traced from the first look at it to its end.
    fn trace_operation(&self, follow_up: &FollowUp, taken_at: Instant) {
        let FollowUp { id, application, completed, failed, gone, .. } = follow_up;
        let trace = &self.settings.trace;
        if *gone {
            trace.forget(id);
            return;
        }
        // One that has ended lingers until its CR is gone, and is then forgotten.
        trace.begin(id, taken_at);
        if let Some(row) = application {
            trace.follow(row.as_str(), id);
        }
        if (*completed || *failed)
            && let Some(span) = trace.end(id)
        {
            span.end(*failed);
        }
    }

    /// The revisions of what an operation looks at.
    fn revisions(&self, follow_up: &FollowUp) -> [Option<Revision>; 2] {
        let FollowUp { target, application, application_name, owner, .. } = follow_up;
        let (target, application) = (target.as_ref(), application.as_ref());
        self.argo().revisions(target, application, application_name.as_deref(), owner)
    }

    /// Forgets an operation that is gone. If its CR was recreated in the meantime, by a backend
    /// that had not yet seen the outcome, it starts again and ends by removing the CR.
    pub(super) fn forget(&self, id: &OperationId) {
        self.effects.withdraw(&Subject::Operation(id.clone()));
        let tenant = self.turn(id);
        let exists = {
            let mut open = self.open();
            open.forget(id);
            open.resources.contains_key(id)
        };
        if exists {
            self.take_up(id.clone(), &tenant);
        }
    }

    /// Removes an Application that has no owner.
    pub(super) fn remove_orphan(&self, row: ApplicationId, name: String) {
        tracing::info!(name, "an Application that belongs to nobody is removed");
        self.metrics.repairs.inc(&["orphan"]);
        let turn = row.as_str().to_owned();
        self.require_afresh(
            &turn,
            Effect::RemoveApplication { row, name: Some(name), operation: None, is_seen: true },
        );
    }

    /// Removes a Secret that has no owner.
    pub(super) fn remove_orphaned_secret(&self, row: SecretRow) {
        tracing::info!(name = row.name(), "a Secret that belongs to nobody is removed");
        self.metrics.repairs.inc(&["orphan"]);
        let turn = row.as_str().to_owned();
        self.require_afresh(&turn, Effect::RemoveSecret { row, operation: None });
    }

    /// Corrects an AppProject although no operation asks for it.
    pub(super) fn repair_project(&self, user: ClusterUserId, permitted: &Permitted) {
        tracing::info!(user = user.as_str(), "an AppProject that was changed manually is repaired");
        self.metrics.repairs.inc(&["appproject"]);
        let wanted = self.argo().wanted_project(&user, permitted).document.map(Arc::new);
        let turn = user.as_str().to_owned();
        self.require_afresh(&turn, Effect::WriteProject { user, wanted });
    }

    /// Requires what no machine requires. That it was done before no longer counts.
    pub(super) fn require_afresh(&self, turn: &str, effect: Effect) {
        self.effects.withdraw(&effect.key());
        let _ = self.effects.require(turn, effect, Instant::now());
    }
}
