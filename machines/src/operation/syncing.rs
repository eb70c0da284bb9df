//! What the states of an operation on a sync do.

use statig::prelude::*;

use super::sync::{
    self, ApplicationUid, AwaitedSync, FollowedSync, SyncOperationId, SyncRequest, SyncStage,
    SyncsSeen, WantedSync, synced_revision,
};
use super::{
    ApplicationView, ArgoView, OperationContext, OperationPhase, OperationRecord, RowView,
    SYNC_DEADLINE, Wanted,
};
use crate::identity::Timestamp;
use crate::operation::application::ApplicationDocument;
use crate::rows::{RowChange, Target};
use crate::shared::mirror::STATUS_DELAY;
use crate::shared::text::bounded;

/// What the row of a sync means for one that is in progress.
pub(super) enum Reread {
    /// It is still asked for, like this.
    Sync(Box<WantedSync>),
    /// It goes on like this.
    Ended(OperationPhase),
}

impl Wanted {
    /// The sync that is asked for; `None` if nothing is left to sync.
    pub(super) fn synced(&self) -> Option<&WantedSync> {
        match self {
            Self::Sync { sync: Some(sync), .. } if sync.application.is_some() => Some(sync),
            Self::Sync { .. }
            | Self::Application { .. }
            | Self::Environment { .. }
            | Self::Credential { .. } => None,
        }
    }
}

impl OperationRecord {
    fn sync(&self) -> Option<&SyncOperationId> {
        match self.target.as_ref()? {
            Target::Sync(sync) => Some(sync),
            Target::Application(_) | Target::Environment(_) | Target::Credential(_) => None,
        }
    }

    pub(super) fn claim_sync(
        &mut self,
        row: &RowView,
        context: &mut OperationContext,
    ) -> OperationPhase {
        match self.reread(row, context) {
            Reread::Ended(next) => next,
            Reread::Sync(wanted) => {
                await_application(wanted.document, wanted.revision, None, context.now)
            }
        }
    }

    /// Takes over what the row of the sync says.
    pub(super) fn reread(&mut self, row: &RowView, context: &mut OperationContext) -> Reread {
        let Wanted::Sync { sync: Some(wanted), .. } = &row.wanted else {
            // Nobody waits for its outcome any more.
            return Reread::Ended(self.complete(context));
        };
        let Some(application) = &wanted.application else {
            let gone = sync::SYNCED_DEPLOYMENT_GONE;
            return Reread::Ended(if wanted.is_terminated {
                self.complete(context)
            } else {
                self.fail(gone, context)
            });
        };
        self.synced = Some(application.clone());
        if wanted.is_terminated {
            let deadline = context.now.after(SYNC_DEADLINE);
            return Reread::Ended(OperationPhase::EndingSync { deadline, overdue: 0 });
        }
        Reread::Sync(wanted.clone())
    }

    /// What is seen of the Application, unless it is being deleted, cannot be read, or is not shown
    /// by the watch.
    fn live<'a>(&self, argo: &'a ArgoView) -> Option<(&'a SyncsSeen, &SyncOperationId)> {
        match &argo.application {
            ApplicationView::Present { deleting: false, syncs: Some(syncs), .. } => {
                Some((syncs, self.sync()?))
            }
            _ => None,
        }
    }

    /// Fails if the Application is being deleted, or is no longer the one that may have synced.
    fn fail_if_deleted(
        &self,
        argo: &ArgoView,
        asked: Option<&ApplicationUid>,
        context: &mut OperationContext,
    ) -> Option<OperationPhase> {
        let is_deleted = match &argo.application {
            ApplicationView::Unseen => false,
            ApplicationView::Absent => asked.is_some(),
            ApplicationView::Present { deleting: true, .. } => true,
            ApplicationView::Present { syncs, .. } => {
                syncs.as_ref().zip(asked).is_some_and(|(syncs, asked)| syncs.application != *asked)
            }
        };
        is_deleted.then(|| self.fail(sync::SYNCED_APPLICATION_DELETED, context))
    }

    pub(super) fn await_application(
        &self,
        argo: &ArgoView,
        awaited: &mut AwaitedSync,
        context: &mut OperationContext,
    ) -> Outcome<OperationPhase> {
        awaited.unseen = argo.application == ApplicationView::Unseen;
        let AwaitedSync { document, revision, reported, asked, .. } = awaited;
        if let Some(failed) = self.fail_if_deleted(argo, asked.as_ref(), context) {
            return Transition(failed);
        }
        let Some((syncs, sync)) = self.live(argo) else { return Handled };
        let is_known = syncs.knows(sync);
        let is_ready = argo.application.says(document) && syncs.stage(sync) == SyncStage::Idle;
        if !is_known && !is_ready {
            return Handled;
        }
        if *reported {
            self.report("", context);
        }
        if is_known {
            return Transition(begin_sync(context.now));
        }
        Transition(OperationPhase::RequestingSync {
            request: SyncRequest {
                sync: sync.clone(),
                application: syncs.application.clone(),
                revision: synced_revision(revision, document),
            },
            document: Box::new(document.clone()),
            deadline: context.now.after(SYNC_DEADLINE),
            overdue: 0,
        })
    }

    pub(super) fn request(
        &self,
        argo: &ArgoView,
        request: &SyncRequest,
        document: &ApplicationDocument,
        context: &mut OperationContext,
    ) -> Outcome<OperationPhase> {
        // Whether the one that is gone was asked for it, nobody knows.
        if let Some(failed) = self.fail_if_deleted(argo, Some(&request.application), context) {
            return Transition(failed);
        }
        let Some((syncs, sync)) = self.live(argo) else { return Handled };
        if syncs.knows(sync) {
            return Transition(begin_sync(context.now));
        }
        if argo.application.says(document) && syncs.stage(sync) == SyncStage::Idle {
            return Handled;
        }
        let (revision, asked) = (request.revision.clone(), request.application.clone());
        Transition(await_application(document.clone(), revision, Some(asked), context.now))
    }

    /// Follows a sync that was requested. What Argo CD says about it is reported once it has taken
    /// longer than most syncs do, and then at most that often.
    pub(super) fn follow_sync(
        &self,
        argo: &ArgoView,
        followed: &mut FollowedSync,
        deadline: &mut Timestamp,
        context: &mut OperationContext,
    ) -> Outcome<OperationPhase> {
        followed.unseen = argo.application == ApplicationView::Unseen;
        if argo.application == ApplicationView::Absent {
            return Transition(self.fail(sync::SYNCED_APPLICATION_DELETED, context));
        }
        if let Some(failed) = self.fail_if_deleted(argo, None, context) {
            return Transition(failed);
        }
        let Some((syncs, sync)) = self.live(argo) else { return Handled };
        match syncs.stage(sync) {
            SyncStage::Requested => Handled,
            SyncStage::Running(said) if said == followed.message => Handled,
            SyncStage::Running(said) if context.now >= *deadline => {
                self.report(&said, context);
                followed.message = said;
                Handled
            }
            SyncStage::Running(_) => {
                *deadline = (*deadline).min(context.now.after(STATUS_DELAY));
                Handled
            }
            SyncStage::Comparing { revision, to_prune } => {
                if followed.succeeded.is_none() {
                    *deadline = context.now.after(SYNC_DEADLINE);
                }
                followed.succeeded = Some(revision);
                followed.to_prune = to_prune;
                Handled
            }
            SyncStage::Ended(Ok(revision)) => Transition(self.succeed(&revision, context)),
            SyncStage::Ended(Err(text)) => Transition(self.fail(&text, context)),
            // Something has taken its place before its result was compared.
            SyncStage::Idle | SyncStage::Busy => Transition(match &followed.succeeded {
                Some(revision) => self.end_uncompared(revision, followed.to_prune, context),
                None => self.fail(sync::SYNC_REPLACED, context),
            }),
        }
    }

    /// Ends a sync that was successful, and whose result Argo CD does not compare.
    pub(super) fn end_uncompared(
        &self,
        revision: &str,
        to_prune: usize,
        context: &mut OperationContext,
    ) -> OperationPhase {
        match to_prune {
            0 => self.succeed(revision, context),
            number => self.fail(&sync::to_be_pruned(number), context),
        }
    }

    fn succeed(&self, revision: &str, context: &mut OperationContext) -> OperationPhase {
        self.report(revision, context);
        self.complete(context)
    }

    pub(super) fn report(&self, text: &str, context: &mut OperationContext) {
        context.rows.push(RowChange::ReportProgress(self.id.clone(), bounded(text)));
    }

    /// Whether Argo CD does not run the sync, and cannot be asked for it any more: the note says
    /// that it was requested, so a request that is still on its way is refused.
    pub(super) fn has_ended(&self, argo: &ArgoView) -> bool {
        match &argo.application {
            ApplicationView::Unseen => false,
            ApplicationView::Absent | ApplicationView::Present { deleting: true, .. } => true,
            ApplicationView::Present { syncs: None, .. } => false,
            ApplicationView::Present { syncs: Some(syncs), .. } => {
                self.sync().is_none_or(|sync| match syncs.stage(sync) {
                    SyncStage::Requested | SyncStage::Running(_) => false,
                    SyncStage::Comparing { .. } | SyncStage::Ended(_) => true,
                    SyncStage::Idle | SyncStage::Busy => syncs.knows(sync),
                })
            }
        }
    }
}

/// Nothing is said about it for as long as most Applications take to get ready.
fn await_application(
    document: ApplicationDocument,
    revision: String,
    asked: Option<ApplicationUid>,
    now: Timestamp,
) -> OperationPhase {
    let deadline = now.after(STATUS_DELAY);
    let sync = Box::new(AwaitedSync { document, revision, reported: false, asked, unseen: false });
    OperationPhase::AwaitingApplication { sync, deadline, overdue: 0 }
}

fn begin_sync(now: Timestamp) -> OperationPhase {
    let deadline = now.after(STATUS_DELAY);
    OperationPhase::Syncing { sync: FollowedSync::default(), deadline, overdue: 0 }
}
