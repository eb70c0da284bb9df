//! The syncs of a tiny Argo CD, and the agent's requests to it.
//!
//! An Application has one operation: it is requested, taken up, runs and ends, well or not; then
//! the Application is compared with git. A request names the version of the Application that it was
//! decided on, and leaves a note. Every sync that is taken up is counted.

use machines::operation::sync::{
    LastSync, SyncOperationId, SyncRequest, SyncStage, SyncsSeen, WantedSync,
};

use super::*;

const RUNNING: &str = "Running";
const TERMINATING: &str = "Terminating";

/// A request for a sync that was sent when the process died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SentRequest {
    /// The Application's row.
    pub(super) row: ApplicationId,
    /// The request.
    pub(super) request: SyncRequest,
    /// Whether the Application has changed since it was decided on: the request is then refused.
    pub(super) is_outdated: bool,
}

/// What a row of a sync says besides its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyncRow {
    /// The revision.
    pub(super) revision: String,
    /// Whether the sync is to end.
    pub(super) is_terminated: bool,
}

impl Cluster {
    /// What an Application says of syncs.
    pub(super) fn syncs_of(&self, row: &ApplicationId) -> SyncsSeen {
        self.syncs.get(row).cloned().unwrap_or_default()
    }

    /// What the row of a sync asks for.
    pub(super) fn wanted_sync(&self, sync: &SyncOperationId) -> Option<Box<WantedSync>> {
        let database = &self.world.database;
        let entry = database.syncs.iter().find(|one| one.id == *sync)?;
        let row = self.sync_rows.get(sync)?;
        let applications = &database.applications;
        let application =
            applications.iter().find(|one| Some(&one.id) == entry.application.as_ref());
        Some(Box::new(WantedSync {
            application: application.map(|one| SyncedApplication {
                row: one.id.clone(),
                name: one.document.name.clone(),
            }),
            document: application.map(|one| one.document.clone()).unwrap_or_default(),
            revision: row.revision.clone(),
            is_terminated: row.is_terminated,
        }))
    }

    fn says(&self, row: &ApplicationId, document: &ApplicationDocument) -> bool {
        let mut applications = self.world.argocd.applications.iter();
        applications.any(|one| one.application == *row && one.spec == document.spec)
    }

    fn exists(&self, row: &ApplicationId) -> bool {
        self.world.argocd.applications.iter().any(|one| one.application == *row)
    }

    /// An Application has changed: a request that was decided on before is refused.
    pub(super) fn touch(&mut self, row: &ApplicationId) {
        if let Some(Underway::Request(sent)) = &mut self.underway {
            sent.is_outdated |= sent.row == *row;
        }
    }

    /// Whether the agent would request a sync, as it sees the Application.
    pub(super) fn may_begin(
        &self,
        row: &ApplicationId,
        request: &SyncRequest,
        document: &ApplicationDocument,
    ) -> bool {
        let syncs = self.syncs_of(row);
        let is_idle = syncs.stage(&request.sync) == SyncStage::Idle;
        self.says(row, document) && is_idle && !syncs.knows(&request.sync)
    }

    /// Requests a sync, if the Application may still be synced.
    pub(super) fn begin_sync(
        &mut self,
        row: &ApplicationId,
        request: &SyncRequest,
        document: &ApplicationDocument,
    ) -> bool {
        let may_begin = self.may_begin(row, request, document);
        if may_begin {
            self.write_request(row, request);
        }
        may_begin
    }

    /// The API server takes the request as it is.
    fn write_request(&mut self, row: &ApplicationId, request: &SyncRequest) {
        let named = Some(request.sync.clone());
        // A request removes the state of the last operation.
        let syncs = SyncsSeen {
            application: request.application.clone(),
            noted: named.clone(),
            is_requested: true,
            requested: named,
            last: None,
        };
        self.syncs.insert(row.clone(), syncs);
        self.touch(row);
    }

    /// A request that was on its way arrives.
    pub(super) fn arrive_request(&mut self, sent: &SentRequest) {
        if !sent.is_outdated {
            self.write_request(&sent.row, &sent.request);
            self.world.writes.api_requests += 1;
        }
    }

    /// Ends a sync, wherever it is, and keeps a request for it that is still on its way from
    /// beginning it.
    pub(super) fn end_sync(&mut self, row: &ApplicationId, sync: &SyncOperationId) -> bool {
        let before = self.syncs_of(row);
        let mut syncs = before.clone();
        match syncs.stage(sync) {
            SyncStage::Running(_) => {
                if let Some(last) = syncs.last.as_mut().filter(|last| last.phase == RUNNING) {
                    last.phase = TERMINATING.to_owned();
                }
            }
            SyncStage::Requested => {
                syncs.noted = Some(sync.clone());
                (syncs.is_requested, syncs.requested) = (false, None);
            }
            SyncStage::Idle | SyncStage::Busy => syncs.noted = Some(sync.clone()),
            SyncStage::Comparing { .. } | SyncStage::Ended(_) => {}
        }
        let changed = self.exists(row) && syncs != before;
        if changed {
            self.syncs.insert(row.clone(), syncs);
            self.touch(row);
        }
        changed
    }

    /// Someone else requests a sync, as Argo CD's own clients do.
    pub(super) fn request_foreign_sync(&mut self, which: u8) {
        let rows = self.world.argocd.applications.iter().map(|one| one.application.clone());
        let Some(row) = pick(rows, which) else { return };
        let syncs = self.syncs_of(&row);
        if !syncs.is_requested {
            self.syncs.insert(row.clone(), SyncsSeen { is_requested: true, ..syncs });
            self.touch(&row);
        }
    }

    /// How the next thing that Argo CD does about an operation may go: well or not, if it ends.
    pub(super) fn outcomes(&self, row: &ApplicationId) -> &'static [bool] {
        match self.syncs.get(row) {
            Some(SyncsSeen { is_requested: true, last: Some(last), .. }) if !last.is_finished => {
                if last.phase == TERMINATING {
                    &[false]
                } else {
                    &[true, false]
                }
            }
            Some(SyncsSeen { is_requested: true, .. }) => &[true],
            Some(SyncsSeen { last: Some(last), .. }) if !last.is_compared => &[true],
            _ => &[],
        }
    }

    /// Argo CD does the next thing about the operation of an Application.
    pub(super) fn run_sync(&mut self, which: u8, goes_well: bool) {
        let rows = self.world.argocd.applications.iter().map(|one| one.application.clone());
        let Some(row) = pick(rows, which) else { return };
        let mut syncs = self.syncs_of(&row);
        match &mut syncs.last {
            Some(last) if syncs.is_requested && !last.is_finished => {
                let goes_well = goes_well && last.phase != TERMINATING;
                let phase = if goes_well { "Succeeded" } else { "Failed" };
                (last.phase, last.is_finished) = (phase.to_owned(), true);
                last.message = phase.to_lowercase();
                (syncs.is_requested, syncs.requested) = (false, None);
            }
            _ if syncs.is_requested => {
                let sync = syncs.requested.clone();
                self.world.argocd.begun.extend(sync.clone());
                syncs.last = Some(LastSync {
                    sync,
                    phase: RUNNING.to_owned(),
                    message: "waiting for a hook".to_owned(),
                    revision: "abc".to_owned(),
                    is_synced: true,
                    ..LastSync::default()
                });
            }
            Some(last) => last.is_compared = true,
            None => return,
        }
        if syncs != self.syncs_of(&row) {
            self.syncs.insert(row.clone(), syncs);
            self.touch(&row);
        }
    }
}
