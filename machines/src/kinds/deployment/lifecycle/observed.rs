//! What a deployment takes over from observations, and which of them are stale.

use crate::identity::OperationId;
use crate::kinds::deployment::removal_report::RemovalReport;
use crate::kinds::deployment::{MirroredCondition, Record, Report, Snapshot, conditions};
use crate::rows::OperationState;
use crate::shared::open_operation::{Finished, OpenOperation};

impl Record {
    pub(super) fn is_stale(&self, snapshot: &Snapshot) -> bool {
        snapshot.generation < self.generation || snapshot.revision < self.last_seen
    }

    /// Takes over what an observation says. The revision is remembered only along with something
    /// worth remembering, so that an echo of our own status write changes nothing.
    pub(super) fn take(&mut self, snapshot: &Snapshot) {
        let before = self.clone();
        if snapshot.generation != self.generation {
            // The new spec may leave more room.
            self.mirror_budget = 0;
        }
        self.present = true;
        self.finalizer = snapshot.finalizer;
        self.generation = snapshot.generation;
        self.spec = snapshot.spec.clone();
        self.actual = conditions::actual(snapshot);
        if *self != before {
            self.last_seen = snapshot.revision;
        }
    }

    /// The object is gone.
    pub(super) fn vanish(&mut self) {
        self.present = false;
        self.finalizer = false;
    }

    /// The Application does not say what its row says.
    pub(super) fn note_difference(&mut self) {
        if let Some(application) = self.application.as_mut() {
            application.applied = false;
        }
    }

    /// The Application says what its row says.
    pub(super) fn note_applied(&mut self) {
        if let Some(application) = self.application.as_mut() {
            application.applied = true;
        }
    }

    pub(super) fn note_operation(
        &mut self,
        id: &OperationId,
        state: Option<&OperationState>,
    ) -> Finished {
        OpenOperation::note(&mut self.open, id, state)
    }

    /// After a deadline the Operation is created again: a claim that led nowhere is not trusted.
    pub(super) fn expect_no_claim(&mut self) {
        if let Some(open) = self.open.as_mut() {
            open.claimed = false;
        }
    }

    pub(super) fn note_report(&mut self, report: &Report) {
        conditions::mirror(&mut self.mirrored_conditions, &report.conditions);
        self.report = Some(report.clone());
    }

    /// What Argo CD says about the removal. Its error is mirrored like its other conditions.
    pub(super) fn note_removal(&mut self, report: &RemovalReport) {
        if report.error != self.removal.error {
            let error = report.has_failed().then(|| MirroredCondition {
                type_: conditions::DELETION_ERROR.to_owned(),
                message: Some(report.error.clone()),
            });
            conditions::mirror(&mut self.mirrored_conditions, error.as_slice());
        }
        self.removal = report.clone();
    }

    /// Leaves less room for Argo CD's report, unless another refusal has already done so.
    pub(in crate::kinds::deployment) fn lower_budget(&mut self, refused: u8) {
        if self.mirror_budget == refused {
            self.mirror_budget = conditions::next_budget(refused);
        }
    }
}
