//! What is written to a deployment's object.

use std::sync::Arc;

use crds::argocd::ApplicationStatus;
use machines::identity::{ApplicationId, DeploymentUid};
use machines::kinds::deployment::conditions::StatusView;

use crate::backend::effects::{Subject, SubjectOf};
use crate::backend::kinds::Key;

/// One write to a deployment's object.
#[derive(Clone, Debug)]
pub enum DeploymentEffect {
    /// Its status says this.
    WriteStatus {
        /// The deployment.
        uid: DeploymentUid,
        /// Our own part of it.
        view: StatusView,
        /// What it mirrors, if that should be written.
        report: Option<Mirrored>,
    },
    /// Our finalizer is not on it.
    RemoveFinalizer {
        /// The deployment.
        uid: DeploymentUid,
    },
}

/// What a status mirrors.
#[derive(Clone, Debug)]
pub enum Mirrored {
    /// This.
    Read(Arc<ApplicationStatus>),
    /// The newest report on this application, which could not be read yet.
    Unread(ApplicationId),
}

impl PartialEq for DeploymentEffect {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // A report is named by the digest in its view.
            (
                Self::WriteStatus { uid, view, .. },
                Self::WriteStatus { uid: other_uid, view: others, .. },
            ) => uid == other_uid && view == others,
            (Self::RemoveFinalizer { uid }, Self::RemoveFinalizer { uid: others }) => uid == others,
            _ => false,
        }
    }
}

impl DeploymentEffect {
    /// Which machine requires it, and what it is about.
    pub fn key(&self) -> SubjectOf {
        match self {
            Self::WriteStatus { uid, .. } => (Key::Deployment(uid.clone()), Subject::Status),
            Self::RemoveFinalizer { uid } => (Key::Deployment(uid.clone()), Subject::Finalizer),
        }
    }
}
