//! Where the Application of a deployment deploys to, and what a deployment knows of environments.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::lifecycle::Lifecycle;
use super::{ApplicationRecord, Deployment, ExistingApplication, Record};
use crate::identity::{Digest, EnvironmentId};
use crate::kinds::managed_environment::{EnvironmentFact, UsedEnvironmentFact};
use crate::operation::application::{ApplicationDocument, IN_CLUSTER, cluster_name};
use crate::shared::is_default;

/// Where the row of a deployment says that its Application deploys to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// The cluster that Argo CD runs in.
    InCluster {},
    /// A managed environment.
    Environment {
        /// Its row.
        id: EnvironmentId,
        /// The name by which the spec knew it.
        name: String,
    },
    /// Nowhere: its environment has left.
    Nowhere {
        /// Whether the agent has been asked to write the Application since then.
        #[serde(default, skip_serializing_if = "is_default")]
        is_requested: bool,
    },
}

impl Default for Destination {
    fn default() -> Self {
        Self::InCluster {}
    }
}

impl Destination {
    /// The name by which Argo CD knows it; empty for nowhere.
    pub fn cluster_name(&self) -> String {
        match self {
            Self::InCluster {} => IN_CLUSTER.to_owned(),
            Self::Environment { id, .. } => cluster_name(id),
            Self::Nowhere { .. } => String::new(),
        }
    }

    /// How reports call it: an environment by its id.
    pub(super) fn reported_name(&self) -> &str {
        match self {
            Self::InCluster {} => IN_CLUSTER,
            Self::Environment { id, .. } => id.as_str(),
            Self::Nowhere { .. } => "",
        }
    }

    /// The name that users know a reported destination by: that of the environment, or empty for the
    /// cluster that Argo CD runs in, and for an environment of before.
    pub fn name_of(&self, reported: &str) -> &str {
        match self {
            Self::Environment { id, name } if id.as_str() == reported => name,
            Self::InCluster {} | Self::Environment { .. } | Self::Nowhere { .. } => "",
        }
    }

    /// The environment, if it is one.
    pub fn environment(&self) -> Option<&EnvironmentId> {
        match self {
            Self::Environment { id, .. } => Some(id),
            Self::InCluster {} | Self::Nowhere { .. } => None,
        }
    }

    /// The name by which the spec knew it, if it is an environment.
    pub fn environment_name(&self) -> Option<&str> {
        match self {
            Self::Environment { name, .. } => Some(name),
            Self::InCluster {} | Self::Nowhere { .. } => None,
        }
    }

    /// The same document, deployed to here.
    pub(super) fn of(&self, document: ApplicationDocument) -> ApplicationDocument {
        let mut document = document;
        document.spec.destination.name = self.cluster_name();
        document
    }
}

/// What a deployment knows of environments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environments {
    /// The one that the spec names.
    pub named: EnvironmentFact,
    /// The one that the Application deploys to; resolved if it is none.
    pub used: UsedEnvironmentFact,
}

impl Environments {
    /// Whether environments are served at all.
    pub(super) fn are_served(&self) -> bool {
        self.named != EnvironmentFact::NotServed
    }

    /// Whether the environment that the Application deploys to leaves those that are not being
    /// deleted.
    fn is_left(&self) -> bool {
        matches!(self.used, UsedEnvironmentFact::Leaving | UsedEnvironmentFact::Gone)
    }
}

/// How a deployment uses an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentUse {
    /// Its Application deploys there.
    Served,
    /// Its Application is being removed from there.
    Removed,
}

impl Deployment {
    /// The name of the environment whose changes it follows: the one that its spec names or, once it
    /// terminates, the one that its Application deploys to.
    pub fn environment_name(&self) -> Option<&str> {
        let record = &self.record;
        let used = record.application.as_ref().map(|application| &application.destination);
        match used {
            Some(Destination::Environment { name, .. }) if self.is_terminating() => Some(name),
            _ => record.spec.environment_name(),
        }
    }

    /// Where its Application deploys to once a step has taken over what an earlier installation has
    /// made; the default if there is none.
    pub fn destination_with<'a>(
        &'a self,
        existing: Option<&'a ExistingApplication>,
    ) -> Cow<'a, Destination> {
        match existing.filter(|_| self.may_adopt()) {
            Some(existing) => Cow::Borrowed(&existing.destination),
            None => Cow::Owned(self.record.destination()),
        }
    }

    /// Whether the machine may still take over the application of an earlier installation, or does not
    /// know yet where that deploys to.
    pub fn may_adopt(&self) -> bool {
        match &self.record.application {
            None => self.record.present || matches!(self.lifecycle, Lifecycle::Unseen {}),
            Some(application) => application.is_untouched(),
        }
    }

    /// How it uses an environment; `None` if it does not.
    pub fn use_of(&self, environment: &EnvironmentId) -> Option<EnvironmentUse> {
        let application = self.record.application.as_ref()?;
        let used = application.destination.environment()?;
        let how =
            if self.is_terminating() { EnvironmentUse::Removed } else { EnvironmentUse::Served };
        (used == environment).then_some(how)
    }

    fn is_terminating(&self) -> bool {
        match self.lifecycle {
            Lifecycle::AwaitingDestination { .. }
            | Lifecycle::Removing { .. }
            | Lifecycle::RemovalBackingOff { .. }
            | Lifecycle::RemovalFrozen {}
            | Lifecycle::Finalizing { .. }
            | Lifecycle::Gone {} => true,
            Lifecycle::Unseen {}
            | Lifecycle::Rejected { .. }
            | Lifecycle::Frozen {}
            | Lifecycle::AwaitingEnvironment { .. }
            | Lifecycle::AwaitingTenant { .. }
            | Lifecycle::AwaitingEngine { .. }
            | Lifecycle::AwaitingPredecessor { .. }
            | Lifecycle::Dispatching { .. }
            | Lifecycle::BackingOff { .. }
            | Lifecycle::Settled {} => false,
        }
    }
}

impl ApplicationRecord {
    /// Whether it is as an earlier installation has made it.
    pub(super) fn is_untouched(&self) -> bool {
        self.digest == Digest::default()
    }
}

impl Record {
    /// Where the Application deploys to; the default if there is none.
    pub fn destination(&self) -> Destination {
        self.application.as_ref().map(|one| one.destination.clone()).unwrap_or_default()
    }

    /// Whether the environment leaves that the Application deploys to.
    pub(super) fn is_left(&self, environments: &Environments) -> bool {
        self.destination().environment().is_some() && environments.is_left()
    }

    /// The row says nowhere, because the environment has left. What it says is not what anything
    /// asks for, so the next that is asked for is written.
    pub(super) fn note_left(&mut self) {
        if let Some(application) = &mut self.application {
            application.destination = Destination::Nowhere { is_requested: false };
            application.digest = Digest::of(&application.destination);
            application.applied = false;
        }
    }

    /// Whether Argo CD may be unable to resolve the destination, so that it would drop the Application
    /// instead of removing what it has deployed.
    pub(super) fn awaits_destination(&self, environments: &Environments) -> bool {
        self.destination().environment().is_some()
            && environments.used == UsedEnvironmentFact::Doubtful
    }

    /// Where the Application goes on to deploy to, while it is not known what is to be said of the
    /// environment: where it does already, if that is what the spec names.
    pub(super) fn kept_destination(&self) -> Option<Destination> {
        let destination = self.destination();
        match &destination {
            Destination::Environment { name, .. } if *name == self.spec.environment => {
                Some(destination)
            }
            _ => None,
        }
    }

    /// Whether the Application has ever deployed to the environment that the spec names, or to one
    /// that has left.
    pub(super) fn was_on_environment(&self) -> bool {
        self.kept_destination().is_some()
            || matches!(self.destination(), Destination::Nowhere { .. })
    }
}
