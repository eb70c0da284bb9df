//! The states of an operation, and where they go.

use statig::prelude::*;

use super::observations::{ApplicationView, ArgoView, OperationEvent, RowView, SecretView};
use super::sync::{AWAITING_APPLICATION, AwaitedSync, FollowedSync, SyncRequest, synced_revision};
use super::syncing::Reread;
use super::{
    COLLECTION_DEADLINE, DELETION_DEADLINE, OperationContext, OperationPhase, OperationRecord,
    SYNC_DEADLINE, WRITE_DEADLINE, Wanted,
};
use crate::identity::{Digest, Timestamp};
use crate::operation::application::ApplicationDocument;
use crate::rows::{OperationState, RowChange};
use crate::shared::messages::WRITE_TIMED_OUT;
use crate::shared::retry::postpone;

#[state_machine(
    initial = "OperationPhase::Unclaimed {}",
    state(name = "OperationPhase", custom),
    superstate(name = "OperationSuperstate", derive(Debug))
)]
impl OperationRecord {
    #[state]
    fn unclaimed(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::RowObserved(row) => Transition(self.claim(row, context)),
            // The backend commits the row before it creates the CR, so a CR without a row is left
            // over from a collected operation.
            OperationEvent::RowAbsent => {
                let deadline = context.now.after(COLLECTION_DEADLINE);
                Transition(OperationPhase::Completed { deadline })
            }
            OperationEvent::ResourceAbsent => Transition(OperationPhase::Collected {}),
            // What its row asks for cannot be done at all.
            OperationEvent::Refused { text } => Transition(self.fail(text, context)),
            OperationEvent::ArgoObserved(_) | OperationEvent::DeadlineReached => Handled,
        }
    }

    #[superstate]
    fn in_progress(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::Refused { text } => Transition(self.fail(text, context)),
            // A CR deleted manually does not undo the request: the row remains.
            OperationEvent::ResourceAbsent
            | OperationEvent::RowObserved(_)
            | OperationEvent::RowAbsent
            | OperationEvent::ArgoObserved(_)
            | OperationEvent::DeadlineReached => Handled,
        }
    }

    /// The Kubernetes API should take a write, which it does at once or not at all.
    #[superstate(superstate = "in_progress")]
    fn time_limited(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                Transition(self.fail(WRITE_TIMED_OUT, context))
            }
            _ => Super,
        }
    }

    /// Something should go, which may take any time: it is asked for again.
    #[superstate(superstate = "in_progress")]
    fn removing(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                *deadline = postpone(DELETION_DEADLINE, overdue, context.now);
                Handled
            }
            _ => Super,
        }
    }

    /// Argo CD should act, which may take any time: it is looked at, or asked, again.
    #[superstate(superstate = "in_progress")]
    fn about_sync(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                *deadline = postpone(SYNC_DEADLINE, overdue, context.now);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "time_limited")]
    fn preparing_project(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        document: &mut Box<ApplicationDocument>,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        let _ = deadline;
        match event {
            OperationEvent::ArgoObserved(argo) if argo.project_matches => {
                Transition(self.write(document, argo, context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "time_limited")]
    fn writing(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        document: &mut Box<ApplicationDocument>,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        let _ = deadline;
        match event {
            OperationEvent::ArgoObserved(argo) if argo.application.says(document) => {
                Transition(self.tidy(argo, context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "removing")]
    fn deleting(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        let _ = (deadline, overdue);
        match event {
            OperationEvent::ArgoObserved(argo) if argo.application == ApplicationView::Absent => {
                Transition(self.tidy(argo, context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "time_limited")]
    fn tidying_project(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        let _ = deadline;
        match event {
            OperationEvent::ArgoObserved(argo) if argo.project_matches => {
                Transition(self.complete(context))
            }
            _ => Super,
        }
    }

    /// What the row says may change meanwhile: the newest is written.
    #[state(superstate = "time_limited")]
    fn writing_secret(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        secret: &mut Digest,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        let _ = deadline;
        match event {
            OperationEvent::RowObserved(row) => match &row.wanted {
                Wanted::Environment { secret: Some(wanted), .. }
                | Wanted::Credential { secret: Some(wanted), .. } => {
                    secret.clone_from(wanted);
                    Handled
                }
                Wanted::Environment { secret: None, .. }
                | Wanted::Credential { secret: None, .. } => Transition(remove_secret(context)),
                Wanted::Application { .. } | Wanted::Sync { .. } => Handled,
            },
            OperationEvent::ArgoObserved(argo) if argo.secret.says(secret) => {
                Transition(self.tidy(argo, context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "removing")]
    fn removing_secret(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        let _ = (deadline, overdue);
        match event {
            OperationEvent::ArgoObserved(argo) if argo.secret == SecretView::Absent => {
                Transition(self.tidy(argo, context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "about_sync")]
    fn awaiting_application(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        sync: &mut Box<AwaitedSync>,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        let _ = overdue;
        match event {
            OperationEvent::RowObserved(row) => match self.reread(row, context) {
                Reread::Sync(wanted) => {
                    sync.document = wanted.document;
                    sync.revision = wanted.revision;
                    Handled
                }
                Reread::Ended(next) => Transition(next),
            },
            OperationEvent::ArgoObserved(argo) => self.await_application(argo, sync, context),
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                if !sync.reported {
                    self.report(AWAITING_APPLICATION, context);
                    sync.reported = true;
                }
                Super
            }
            _ => Super,
        }
    }

    #[state(superstate = "about_sync")]
    fn requesting_sync(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        request: &mut SyncRequest,
        document: &mut Box<ApplicationDocument>,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        let _ = (deadline, overdue);
        match event {
            OperationEvent::RowObserved(row) => match self.reread(row, context) {
                Reread::Sync(wanted) => {
                    **document = wanted.document;
                    request.revision = synced_revision(&wanted.revision, document);
                    Handled
                }
                Reread::Ended(next) => Transition(next),
            },
            OperationEvent::ArgoObserved(argo) => self.request(argo, request, document, context),
            _ => Super,
        }
    }

    #[state(superstate = "about_sync")]
    fn syncing(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        sync: &mut FollowedSync,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        let _ = overdue;
        match event {
            OperationEvent::RowObserved(row) => match self.reread(row, context) {
                Reread::Sync(_) => Handled,
                Reread::Ended(next) => Transition(next),
            },
            OperationEvent::ArgoObserved(argo) => self.follow_sync(argo, sync, deadline, context),
            OperationEvent::DeadlineReached if context.now >= *deadline => match &sync.succeeded {
                // Argo CD compares within seconds, unless git cannot be read or the spec is wrong.
                Some(revision) => Transition(self.end_uncompared(revision, sync.to_prune, context)),
                None => Super,
            },
            _ => Super,
        }
    }

    #[state(superstate = "about_sync")]
    fn ending_sync(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        let _ = (deadline, overdue);
        match event {
            // What removes the Application ends its sync.
            OperationEvent::RowObserved(row) if row.wanted.synced().is_none() => {
                Transition(self.complete(context))
            }
            OperationEvent::ArgoObserved(argo) if self.has_ended(argo) => {
                Transition(self.complete(context))
            }
            _ => Super,
        }
    }

    #[superstate]
    fn finished(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::ResourceAbsent => Transition(OperationPhase::Collected {}),
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                *deadline = context.now.after(COLLECTION_DEADLINE);
                Handled
            }
            OperationEvent::RowObserved(_)
            | OperationEvent::RowAbsent
            | OperationEvent::ArgoObserved(_)
            | OperationEvent::Refused { .. }
            | OperationEvent::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "finished")]
    fn completed(
        &mut self,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        let _ = (event, deadline);
        Super
    }

    #[state(superstate = "finished")]
    fn failed(
        &mut self,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        let _ = (event, deadline);
        Super
    }

    #[state]
    fn collected(&mut self, event: &OperationEvent) -> Outcome<OperationPhase> {
        let _ = event;
        Handled
    }

    fn claim(&mut self, row: &RowView, context: &mut OperationContext) -> OperationPhase {
        self.target = Some(row.wanted.target());
        self.owner = row.owner.clone();
        self.requester = row.requester.clone();
        match &row.state {
            OperationState::Completed => {
                OperationPhase::Completed { deadline: context.now.after(COLLECTION_DEADLINE) }
            }
            OperationState::Failed(_) => {
                OperationPhase::Failed { deadline: context.now.after(COLLECTION_DEADLINE) }
            }
            OperationState::Waiting | OperationState::InProgress => {
                self.set_state(OperationState::InProgress, context);
                match &row.wanted {
                    Wanted::Application { document: Some(document), .. } => {
                        OperationPhase::PreparingProject {
                            document: Box::new(document.clone()),
                            deadline: context.now.after(WRITE_DEADLINE),
                        }
                    }
                    Wanted::Application { document: None, .. } => OperationPhase::Deleting {
                        deadline: context.now.after(DELETION_DEADLINE),
                        overdue: 0,
                    },
                    Wanted::Environment { secret: Some(secret), .. }
                    | Wanted::Credential { secret: Some(secret), .. } => {
                        OperationPhase::WritingSecret {
                            secret: secret.clone(),
                            deadline: context.now.after(WRITE_DEADLINE),
                        }
                    }
                    Wanted::Environment { secret: None, .. }
                    | Wanted::Credential { secret: None, .. } => remove_secret(context),
                    Wanted::Sync { .. } => self.claim_sync(row, context),
                }
            }
        }
    }

    fn write(
        &self,
        document: &ApplicationDocument,
        argo: &ArgoView,
        context: &mut OperationContext,
    ) -> OperationPhase {
        if argo.application.says(document) {
            return self.complete(context);
        }
        OperationPhase::Writing {
            document: Box::new(document.clone()),
            deadline: context.now.after(WRITE_DEADLINE),
        }
    }

    fn tidy(&self, argo: &ArgoView, context: &mut OperationContext) -> OperationPhase {
        if argo.project_matches {
            return self.complete(context);
        }
        OperationPhase::TidyingProject { deadline: context.now.after(WRITE_DEADLINE) }
    }

    pub(super) fn complete(&self, context: &mut OperationContext) -> OperationPhase {
        self.set_state(OperationState::Completed, context);
        OperationPhase::Completed { deadline: context.now.after(COLLECTION_DEADLINE) }
    }

    pub(super) fn fail(&self, text: &str, context: &mut OperationContext) -> OperationPhase {
        let text = crate::shared::text::bounded(text);
        self.set_state(OperationState::Failed(text), context);
        OperationPhase::Failed { deadline: context.now.after(COLLECTION_DEADLINE) }
    }

    fn set_state(&self, state: OperationState, context: &mut OperationContext) {
        context.rows.push(RowChange::SetOperationState(self.id.clone(), state));
    }
}

fn remove_secret(context: &OperationContext) -> OperationPhase {
    OperationPhase::RemovingSecret { deadline: context.now.after(DELETION_DEADLINE), overdue: 0 }
}
