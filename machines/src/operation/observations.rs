//! What is observed of an operation: its row, Argo CD's resources, and its Operation resource.

use crate::identity::{ClusterUserId, Digest};
use crate::machine::Observation;
use crate::operation::application::{ApplicationDocument, ApplicationSpec, RunningSync};
use crate::operation::sync::SyncsSeen;
use crate::operation::target::{OperationState, Requester, Wanted};

/// What is observed of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationEvent {
    /// The operation's row, with what the application's row says.
    RowObserved(Box<RowView>),
    /// There is no row behind the Operation CR.
    RowAbsent,
    /// Argo CD's resources, as they are.
    ArgoObserved(Box<ArgoView>),
    /// The Kubernetes API refuses the write, and will refuse it again.
    Refused {
        /// What it says.
        text: String,
    },
    /// The Operation CR does not exist.
    ResourceAbsent,
    /// A time has come that the machine had asked for.
    DeadlineReached,
}

impl Observation for OperationEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::RowObserved(_) => "RowObserved",
            Self::RowAbsent => "RowAbsent",
            Self::ArgoObserved(_) => "ArgoObserved",
            Self::Refused { .. } => "Refused",
            Self::ResourceAbsent => "ResourceAbsent",
            Self::DeadlineReached => "DeadlineReached",
        }
    }
}

/// An operation's row with what the row of its target asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowView {
    /// The operation's state.
    pub state: OperationState,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
    /// What waits for it.
    pub requester: Option<Requester>,
    /// What it is about, and what is wanted of it.
    pub wanted: Wanted,
}

/// Argo CD's resources, as far as an operation looks at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgoView {
    /// Whether the tenant's AppProject says what it should.
    pub project_matches: bool,
    /// The Application.
    pub application: ApplicationView,
    /// The Secret.
    pub secret: SecretView,
}

/// A Secret of ours in Argo CD's namespace, as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecretView {
    /// The watch shows none, which proves nothing: it may be behind.
    #[default]
    Unseen,
    /// There is none: when asked, the API server listed none with its name.
    Absent,
    /// There is one.
    Present {
        /// The digest of what it says of the repository.
        digest: Digest,
        /// Whether Argo CD takes it for a repository of the tenant's AppProject, and of no other.
        in_project: bool,
        /// Whether it is being deleted.
        deleting: bool,
    },
}

impl SecretView {
    /// Whether it says what is wanted.
    pub(super) fn says(&self, wanted: &Digest) -> bool {
        let Self::Present { digest, in_project: true, deleting: false } = self else {
            return false;
        };
        digest == wanted
    }
}

/// An Application, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationView {
    /// The watch shows none, which proves nothing: it may be behind.
    Unseen,
    /// There is none: when asked, the API server listed none with its name.
    Absent,
    /// There is one.
    Present {
        /// The part of its spec that we own.
        spec: Box<ApplicationSpec>,
        /// Whether it carries the label that names its row.
        labelled: bool,
        /// Whether it is being deleted.
        deleting: bool,
        /// What Argo CD is running.
        sync: Option<Box<RunningSync>>,
        /// What it says about requested syncs; `None` if it cannot be read.
        syncs: Option<Box<SyncsSeen>>,
    },
}

impl ApplicationView {
    /// Whether it says what is wanted, and Argo CD is working on nothing else.
    pub(super) fn says(&self, document: &ApplicationDocument) -> bool {
        let Self::Present { spec, labelled: true, deleting: false, sync, .. } = self else {
            return false;
        };
        let outdated = |sync: &RunningSync| sync.is_outdated(&document.spec);
        **spec == document.spec && !sync.as_deref().is_some_and(outdated)
    }
}
