//! A sync of an Application that a run asks for, as the agent sees it: what is requested, and what
//! the Application says about it.
//!
//! Argo CD keeps one operation of an Application: the one requested, and the last one's state. Each
//! that this program requests names its sync. The request also leaves a note on the Application, so
//! that it is known that a sync was requested, whatever has taken its place since. The note is gone
//! with the Application, so a sync is requested of one Application only, and of none in its place.

use serde::{Deserialize, Serialize};

use crate::identity::ApplicationId;
use crate::operation::application::ApplicationDocument;

text_newtype! {
    /// Primary key of a `syncoperation` row; Argo CD's operation names it.
    SyncOperationId
}

text_newtype! {
    /// `metadata.uid` of an Application.
    ApplicationUid
}

/// The revision that is synced if neither the run nor its deployment names one.
const DEFAULT_REVISION: &str = "HEAD";

/// What a sync waits for before it is requested.
pub const AWAITING_APPLICATION: &str =
    "waiting until Argo CD's Application matches the GitOpsDeployment and runs no other operation";
/// A sync is under way, and Argo CD says nothing about it.
pub const SYNC_RUNNING: &str = "Argo CD is syncing the Application";
/// There is nothing left to sync.
pub const SYNCED_DEPLOYMENT_GONE: &str =
    "the GitOpsDeployment was deleted before the sync had ended";
/// There is soon nothing left to sync.
pub const SYNCED_APPLICATION_DELETED: &str =
    "Argo CD's Application was deleted before the sync had ended";
/// Somebody has removed the request while Argo CD worked on it.
pub const SYNC_WITHDRAWN: &str = "the sync did not end: its request was removed from Argo CD's \
     Application while it ran";
/// Argo CD keeps one operation, and it is another one by now.
pub const SYNC_REPLACED: &str = "it is not known how the sync ended: another sync has taken its \
     place in Argo CD. Create another GitOpsDeploymentSyncRun";

/// What the row of a sync asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedSync {
    /// The Application to sync; `None` once its deployment has been deleted.
    pub application: Option<SyncedApplication>,
    /// What the Application should say before it is synced.
    pub document: ApplicationDocument,
    /// The revision to sync to; empty for the one that the Application names.
    pub revision: String,
    /// Whether the sync is to end.
    pub is_terminated: bool,
}

/// An Application that is to be synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncedApplication {
    /// Its row.
    pub row: ApplicationId,
    /// Its name.
    pub name: String,
}

/// A request to Argo CD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The sync.
    pub sync: SyncOperationId,
    /// The Application that is asked for it, and no other.
    pub application: ApplicationUid,
    /// The revision to sync to.
    pub revision: String,
}

/// The revision that a sync goes to: the run's, or that of the Application, which says this.
pub(super) fn synced_revision(revision: &str, says: &ApplicationDocument) -> String {
    let named = [revision, says.spec.source.target_revision.as_str()];
    let revision = named.into_iter().find(|revision| !revision.is_empty());
    revision.unwrap_or(DEFAULT_REVISION).to_owned()
}

/// A sync that is to be requested once its Application is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedSync {
    /// What the Application should say.
    pub document: ApplicationDocument,
    /// The revision to sync to; empty for the one that the Application names.
    pub revision: String,
    /// Whether it was reported that this takes long.
    pub reported: bool,
    /// The Application that may have been asked for it already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<ApplicationUid>,
    /// Whether the watch does not show the Application.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

/// A sync that was requested, as far as it was followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedSync {
    /// What Argo CD says about it, as last reported.
    pub message: String,
    /// The revision that was synced, once that was successful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<String>,
    /// How many resources it has left then that git no longer has.
    #[serde(default, skip_serializing_if = "crate::shared::is_default")]
    pub to_prune: usize,
    /// Whether the watch does not show the Application any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

/// What an Application says about syncs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncsSeen {
    /// The Application that says it.
    pub application: ApplicationUid,
    /// The sync that this program has requested last, by the note that the request leaves.
    pub noted: Option<SyncOperationId>,
    /// Whether an operation is requested; it stays so until that has ended.
    pub is_requested: bool,
    /// The sync that it names, if this program has requested it.
    pub requested: Option<SyncOperationId>,
    /// The operation that Argo CD runs, or has run last.
    pub last: Option<LastSync>,
}

/// The operation that Argo CD runs, or has run last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastSync {
    /// The sync that it names, if this program has requested it.
    pub sync: Option<SyncOperationId>,
    /// Its phase.
    pub phase: String,
    /// What Argo CD says about it, bounded.
    pub message: String,
    /// The revision that it has synced to.
    pub revision: String,
    /// Whether it has ended.
    pub is_finished: bool,
    /// Whether Argo CD has compared the Application with git since it ended.
    pub is_compared: bool,
    /// Whether the Application says the same as git.
    pub is_synced: bool,
    /// How many of its resources are no longer in git, and still exist.
    pub to_prune: usize,
}

/// How far a sync has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncStage {
    /// Argo CD does nothing about it, nor about another operation.
    Idle,
    /// Argo CD works on another operation.
    Busy,
    /// It is requested; Argo CD has not taken it up.
    Requested,
    /// Argo CD works on it, and says this about it.
    Running(String),
    /// It was successful; Argo CD has not compared the result.
    Comparing {
        /// The revision that was synced.
        revision: String,
        /// How many resources it has left that git no longer has.
        to_prune: usize,
    },
    /// It has ended like this.
    Ended(Result<String, String>),
}

impl SyncsSeen {
    /// How far a sync has come.
    pub fn stage(&self, sync: &SyncOperationId) -> SyncStage {
        let last = self.last.as_ref();
        let is_its_own = |one: &Option<SyncOperationId>| one.as_ref() == Some(sync);
        let ended = last.filter(|last| last.is_finished && is_its_own(&last.sync));
        if let Some(last) = ended.filter(|_| !is_its_own(&self.requested)) {
            return last.outcome();
        }
        if self.is_requested {
            return match last.filter(|last| !last.is_finished) {
                Some(last) if is_its_own(&last.sync) => SyncStage::Running(last.message.clone()),
                _ if is_its_own(&self.requested) => SyncStage::Requested,
                _ => SyncStage::Busy,
            };
        }
        match last.filter(|last| is_its_own(&last.sync)) {
            // Argo CD works on nothing that is not requested, whatever the state says.
            Some(_) => SyncStage::Ended(Err(SYNC_WITHDRAWN.to_owned())),
            None => SyncStage::Idle,
        }
    }

    /// Whether the sync was ever requested, as far as the Application says.
    pub fn knows(&self, sync: &SyncOperationId) -> bool {
        self.noted.as_ref() == Some(sync)
            || !matches!(self.stage(sync), SyncStage::Idle | SyncStage::Busy)
    }
}

impl LastSync {
    /// A sync counts as successful once Argo CD has compared the result: only then it is known
    /// whether resources are left that git no longer has.
    fn outcome(&self) -> SyncStage {
        if self.phase != "Succeeded" {
            return SyncStage::Ended(Err(self.failure()));
        }
        if !self.is_compared {
            let (revision, to_prune) = (self.revision.clone(), self.to_prune);
            return SyncStage::Comparing { revision, to_prune };
        }
        if !self.is_synced && self.to_prune > 0 {
            return SyncStage::Ended(Err(to_be_pruned(self.to_prune)));
        }
        SyncStage::Ended(Ok(self.revision.clone()))
    }

    fn failure(&self) -> String {
        let phase = &self.phase;
        match self.message.as_str() {
            "" => format!("the sync ended in phase {phase}"),
            message => format!("the sync ended in phase {phase}: {message}"),
        }
    }
}

/// What is wrong with a sync that has left resources that git no longer has.
pub(super) fn to_be_pruned(number: usize) -> String {
    format!("{number} resources require pruning")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync() -> SyncOperationId {
        SyncOperationId::new("one")
    }

    fn ended(phase: &str) -> LastSync {
        LastSync {
            sync: Some(sync()),
            phase: phase.to_owned(),
            revision: "abc".to_owned(),
            is_finished: true,
            is_compared: true,
            is_synced: true,
            ..LastSync::default()
        }
    }

    fn stage(last: LastSync) -> SyncStage {
        SyncsSeen { last: Some(last), ..SyncsSeen::default() }.stage(&sync())
    }

    #[test]
    fn a_sync_has_succeeded_once_its_result_is_compared_and_nothing_is_left_to_prune() {
        assert_eq!(stage(ended("Succeeded")), SyncStage::Ended(Ok("abc".to_owned())));
        let uncompared = LastSync { is_compared: false, ..ended("Succeeded") };
        let comparing = SyncStage::Comparing { revision: "abc".to_owned(), to_prune: 0 };
        assert_eq!(stage(uncompared), comparing);
        let left = LastSync { is_synced: false, to_prune: 2, ..ended("Succeeded") };
        let pruning = "2 resources require pruning".to_owned();
        assert_eq!(stage(left), SyncStage::Ended(Err(pruning)));
        // What Argo CD prunes by itself, or what somebody has changed since, is no failure.
        let drifted = LastSync { is_synced: false, ..ended("Succeeded") };
        assert_eq!(stage(drifted), SyncStage::Ended(Ok("abc".to_owned())));
    }

    #[test]
    fn a_sync_that_fails_says_how_and_why() {
        let failed = LastSync { message: "a hook failed".to_owned(), ..ended("Failed") };
        let text = "the sync ended in phase Failed: a hook failed".to_owned();
        assert_eq!(stage(failed), SyncStage::Ended(Err(text)));
        let text = "the sync ended in phase Error".to_owned();
        assert_eq!(stage(ended("Error")), SyncStage::Ended(Err(text)));
    }

    #[test]
    fn what_others_request_is_not_taken_for_ours() {
        let foreign = LastSync { sync: None, ..ended("Succeeded") };
        assert_eq!(stage(foreign.clone()), SyncStage::Idle);
        let running = LastSync { is_finished: false, ..foreign.clone() };
        assert_eq!(stage(running.clone()), SyncStage::Idle, "nothing is requested");
        let next = SyncsSeen { is_requested: true, last: Some(running), ..SyncsSeen::default() };
        assert_eq!(next.stage(&sync()), SyncStage::Busy);
        let next = SyncsSeen { is_requested: true, last: Some(foreign), ..SyncsSeen::default() };
        assert_eq!(next.stage(&sync()), SyncStage::Busy);
        let ours = SyncsSeen { requested: Some(sync()), ..next.clone() };
        assert_eq!(ours.stage(&sync()), SyncStage::Requested);
        // Argo CD's last word about the sync before may come after the request for the next.
        let other = LastSync { is_finished: false, sync: None, ..ended("Running") };
        let late = SyncsSeen { last: Some(other), ..ours.clone() };
        assert_eq!(late.stage(&sync()), SyncStage::Requested);
        // The next one of somebody else does not hide how ours has ended.
        let followed = SyncsSeen { last: Some(ended("Failed")), ..next };
        let text = "the sync ended in phase Failed".to_owned();
        assert_eq!(followed.stage(&sync()), SyncStage::Ended(Err(text)));
    }

    #[test]
    fn a_sync_runs_only_while_it_is_requested() {
        let last = LastSync { is_finished: false, message: "hook".to_owned(), ..ended("Running") };
        let withdrawn = SyncStage::Ended(Err(SYNC_WITHDRAWN.to_owned()));
        assert_eq!(stage(last.clone()), withdrawn);
        let requested = Some(sync());
        let last = Some(last);
        let runs = SyncsSeen { is_requested: true, requested, last, ..SyncsSeen::default() };
        assert_eq!(runs.stage(&sync()), SyncStage::Running("hook".to_owned()));
        assert!(runs.knows(&sync()));
    }

    #[test]
    fn a_request_names_the_revision_of_the_run_or_of_the_deployment_or_the_newest_commit() {
        let mut document = ApplicationDocument::default();
        assert_eq!(synced_revision("", &document), "HEAD");
        document.spec.source.target_revision = "main".to_owned();
        assert_eq!(synced_revision("", &document), "main");
        assert_eq!(synced_revision("v1", &document), "v1");
    }
}
