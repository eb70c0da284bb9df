//! What is remembered of an Application.

use crds::argocd::{Application, OperationState, phase};
use kube::ResourceExt;
use machines::identity::{ApplicationId, Revision};
use machines::operation::ApplicationView;
use machines::operation::application::{
    ApplicationDestination, ApplicationDocument, ApplicationSource, ApplicationSpec, Automated,
    Backoff, Retry, RunningSync, SyncPolicy,
};
use machines::operation::sync::SyncsSeen;

use crate::agent::resources::sync::entry::syncs;
use crate::runtime::watch;

/// What is remembered of an Application.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationEntry {
    /// Its UID.
    pub uid: String,
    /// Its revision.
    pub revision: Revision,
    /// The row that it represents, by its label.
    pub row: Option<ApplicationId>,
    /// The part of its spec that we own.
    pub spec: ApplicationSpec,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// What Argo CD is running, or between two attempts at.
    pub sync: Option<RunningSync>,
    /// The one that a sync window holds.
    pub held: Option<HeldSync>,
    /// What it says about requested syncs; `None` if it cannot be read.
    pub syncs: Option<Box<SyncsSeen>>,
    /// Whether retries go to the newest commit, as far as its spec says.
    pub refresh: Option<bool>,
    /// Its finalizers.
    pub finalizers: Vec<String>,
}

impl ApplicationEntry {
    /// What is remembered of this Application; `spec` is for one that cannot be read.
    pub(super) fn of(
        application: &Application,
        spec: Option<ApplicationSpec>,
        knows_refresh: bool,
    ) -> Self {
        let is_readable = spec.is_none();
        let row = application.labels().get(crds::names::DATABASE_ID_LABEL).cloned();
        let mut entry = Self {
            uid: application.uid().unwrap_or_default(),
            revision: watch::revision(application),
            row: row.filter(|row| !row.is_empty()).map(ApplicationId::new),
            spec: spec.unwrap_or_else(|| application_spec(&application.spec)),
            deleting: application.metadata.deletion_timestamp.is_some(),
            sync: running_sync(application),
            held: held_sync(application),
            syncs: is_readable.then(|| Box::new(syncs(application))),
            refresh: application.spec.refresh,
            finalizers: application.metadata.finalizers.clone().unwrap_or_default(),
        };
        entry.judge_refresh(knows_refresh);
        entry
    }

    /// What an operation on this row looks at.
    pub fn view(&self, row: &ApplicationId) -> ApplicationView {
        ApplicationView::Present {
            spec: Box::new(self.spec.clone()),
            labelled: self.row.as_ref() == Some(row),
            deleting: self.deleting,
            sync: self.sync.clone().map(Box::new),
            syncs: self.syncs.clone(),
        }
    }

    /// Whether it says what a row asks for, and Argo CD is working on nothing else.
    pub fn says(&self, row: &ApplicationId, document: &ApplicationDocument) -> bool {
        self.is_written(row, document) && !self.works_on_another(document)
    }

    /// Whether it says what a row asks for.
    pub fn is_written(&self, row: &ApplicationId, document: &ApplicationDocument) -> bool {
        self.spec == document.spec && self.row.as_ref() == Some(row)
    }

    /// Whether Argo CD would go on with what is no longer wanted.
    pub fn works_on_another(&self, document: &ApplicationDocument) -> bool {
        self.sync.as_ref().is_some_and(|sync| sync.is_outdated(&document.spec))
    }

    /// If Argo CD supports it, an Application with retries has it: without it a failed sync is
    /// retried at its old commit, whatever git says by then.
    pub(super) fn judge_refresh(&mut self, is_known: bool) {
        let retries = self.spec.sync_policy.as_ref().is_some_and(|policy| policy.retry.is_some());
        if is_known && retries && self.refresh != Some(true) {
            self.spec.drift.insert(REFRESH.to_owned());
        } else {
            self.spec.drift.remove(REFRESH);
        }
    }
}

/// Where a spec says that retries go to the newest commit.
const REFRESH: &str = "/syncPolicy/retry/refresh";

/// A sync that a sync window holds: until the window opens Argo CD neither goes on with it nor ends
/// it, even if it should terminate, nor deletes the Application. Of one that is to terminate Argo CD
/// does not say that it is held, so where the Application is being deleted it counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSync {
    /// Its phase.
    pub phase: String,
    /// What Argo CD says about it.
    pub message: String,
    /// Whether it has changed something before the window closed.
    pub has_begun: bool,
}

/// How Argo CD's message about a held sync begins.
const HELD: &str = "Sync operation blocked by sync window";

fn held_sync(application: &Application) -> Option<HeldSync> {
    application.operation.as_ref()?;
    let deleting = application.metadata.deletion_timestamp.is_some();
    let is_held = |state: &&OperationState| match state.phase.as_str() {
        phase::RUNNING => state.message.starts_with(HELD),
        phase::TERMINATING => deleting || state.message.starts_with(HELD),
        _ => false,
    };
    let state = application.operation_state().filter(is_held)?;
    let result = state.sync_result.as_ref();
    let has_begun = result.is_some_and(|result| !result.resources.is_empty());
    Some(HeldSync { phase: state.phase.clone(), message: state.message.clone(), has_begun })
}

fn running_sync(application: &Application) -> Option<RunningSync> {
    let state = application.operation_state().filter(|state| state.phase == phase::RUNNING)?;
    application.operation.as_ref()?;
    let request = state.operation.sync.clone().unwrap_or_default();
    let source = request.source.as_ref().map(application_source);
    // An Application with several sources is never ours.
    let several = (!request.sources.is_empty()).then(ApplicationSource::default);
    Some(RunningSync {
        automated: state.operation.initiated_by.automated,
        source: several.or(source),
    })
}

fn application_source(source: &crds::argocd::ApplicationSource) -> ApplicationSource {
    ApplicationSource {
        repo_url: source.repo_url.clone(),
        path: source.path.clone(),
        target_revision: source.target_revision.clone(),
    }
}

/// The part of an Application's spec that we own.
pub fn application_spec(spec: &crds::argocd::ApplicationSpec) -> ApplicationSpec {
    let destination = &spec.destination;
    ApplicationSpec {
        source: application_source(&spec.source),
        destination: ApplicationDestination {
            name: destination.name.clone(),
            namespace: destination.namespace.clone(),
            server: destination.server.clone(),
        },
        project: spec.project.clone(),
        sync_policy: spec.sync_policy.as_ref().map(sync_policy),
        drift: spec.drift.clone(),
    }
}

fn sync_policy(policy: &crds::argocd::SyncPolicy) -> SyncPolicy {
    SyncPolicy {
        automated: policy.automated.as_ref().map(|automated| Automated {
            prune: automated.prune,
            self_heal: automated.self_heal,
            allow_empty: automated.allow_empty,
        }),
        sync_options: policy.sync_options.clone(),
        retry: policy.retry.as_ref().map(|retry| Retry {
            limit: retry.limit,
            backoff: retry.backoff.as_ref().map(|backoff| Backoff {
                duration: backoff.duration.clone(),
                factor: backoff.factor,
                max_duration: backoff.max_duration.clone(),
            }),
        }),
    }
}
