//! What follows from the commit of sync runs.

use machines::kinds::sync_run::SyncRunObligation;
use tokio::time::Instant;

use super::step::SyncRunFollowUp;
use super::write::SyncRunEffect;
use crate::backend::Backend;
use crate::backend::effects::Effect;
use crate::backend::kinds::ObjectEffect;

impl Backend {
    pub(in crate::backend) fn follow_up_sync_run(&self, run: SyncRunFollowUp, taken_at: Instant) {
        let SyncRunFollowUp { uid, consequences, obligations } = run;
        let effect = |obligation| match obligation {
            SyncRunObligation::OperationCreated(operation) => consequences.create(operation),
            SyncRunObligation::ChangeAnnounced(operation) => Effect::AnnounceChange {
                requester: consequences.key.clone(),
                tenant: consequences.tenant(),
                operation,
            },
            SyncRunObligation::StatusWritten(view) => {
                Effect::Object(ObjectEffect::SyncRun(SyncRunEffect { uid: uid.clone(), view }))
            }
        };
        let effects = obligations.into_iter().map(effect).collect();
        self.follow_up_machine(consequences, effects, taken_at);
    }
}
