//! The contents of the backend's inbox: the newest observation of each kind for each machine.

use std::sync::Arc;

use machines::identity::{Digest, Revision, TenantUid};
use machines::kinds::managed_environment::{self as environment, Revocable};
use machines::kinds::repository_credential::Checked;
use schema::store::{ClusterCredential, Credential};

use crate::backend::kinds::{Key, ObjectSnapshot};
use crate::runtime::inbox::Coalesce;

/// A machine of a batch, with what was observed of it.
pub type Item = (Key, Observations);

/// What was observed of a machine since it was last stepped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations {
    /// The object behind the machine.
    pub object: Option<ObjectObservation>,
    /// The namespace behind a tenant.
    pub namespace: Option<NamespaceObservation>,
    /// The row of the open operation may say something new.
    pub operation: bool,
    /// Argo CD has reported.
    pub report: bool,
    /// The API server refused a status with this budget for its size.
    pub too_large: Option<u8>,
    /// A repository was asked with a credential.
    pub checked: Option<CheckedRepository>,
    /// A cluster was asked with credentials.
    pub cluster: Option<CheckedCluster>,
    /// A cluster was asked to remove something.
    pub removal: Option<AttemptedRemoval>,
    /// Users were told what may remain on clusters.
    pub told: Option<Vec<String>>,
    /// What is in Argo CD's namespace does not say what its row says.
    pub differs: bool,
    /// The facts may have changed.
    pub facts: bool,
    /// The machine's time has come.
    pub deadline: bool,
}

/// What a check of a repository credential has found.
#[derive(Clone, Debug)]
pub struct CheckedRepository {
    /// What the watch of Secrets showed when the check was asked for.
    pub shown: Option<Digest>,
    /// What was found.
    pub found: Checked,
    /// The credential that the repository accepts, to be sealed. It is only here.
    pub accepted: Option<Arc<Credential>>,
}

impl PartialEq for CheckedRepository {
    fn eq(&self, other: &Self) -> bool {
        // A credential is known by its digest.
        (&self.shown, &self.found) == (&other.shown, &other.found)
    }
}

/// What a check of a cluster has found.
#[derive(Clone, Debug)]
pub struct CheckedCluster {
    /// What the watch of Secrets showed when the check was asked for.
    pub shown: Option<Digest>,
    /// What was found.
    pub found: environment::Checked,
    /// The credential that the cluster accepts, to be sealed. It is only here.
    pub accepted: Option<Arc<ClusterCredential>>,
}

impl PartialEq for CheckedCluster {
    fn eq(&self, other: &Self) -> bool {
        // A credential is known by its digest.
        (&self.shown, &self.found) == (&other.shown, &other.found)
    }
}

/// What has become of what was to be removed from a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptedRemoval {
    /// What was to be removed.
    pub what: Revocable,
    /// What may remain, as people name it.
    pub remains: Vec<String>,
}

/// A machine's object.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectObservation {
    /// It exists.
    Present {
        /// The UID of its namespace.
        tenant: TenantUid,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// How it looks.
        snapshot: ObjectSnapshot,
    },
    /// It does not exist.
    Absent {
        /// As of this revision.
        as_of: Revision,
    },
}

/// A tenant's namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceObservation {
    /// It exists.
    Present {
        /// Whether it is being deleted.
        terminating: bool,
    },
    /// It does not exist.
    Absent,
}

impl Coalesce for Observations {
    fn absorb(&mut self, newer: Self) {
        let Self { object, namespace, operation, report, too_large, .. } = newer;
        let Self { checked, cluster, removal, told, differs, facts, deadline, .. } = newer;
        match (&self.object, object) {
            // A deleted object does not come back under the same UID.
            (Some(ObjectObservation::Absent { .. }), Some(ObjectObservation::Present { .. }))
            | (_, None) => {}
            (_, Some(newer)) => self.object = Some(newer),
        }
        match (self.namespace, namespace) {
            (Some(NamespaceObservation::Absent), _) | (_, None) => {}
            (_, Some(newer)) => self.namespace = Some(newer),
        }
        self.operation |= operation;
        self.report |= report;
        self.too_large = too_large.or(self.too_large);
        self.checked = checked.or(self.checked.take());
        self.cluster = cluster.or(self.cluster.take());
        self.removal = removal.or(self.removal.take());
        self.told = told.or(self.told.take());
        self.differs |= differs;
        self.facts |= facts;
        self.deadline |= deadline;
    }

    fn may_mend(&self) -> bool {
        self.object.is_some() || self.namespace.is_some()
    }
}

impl Observations {
    /// The object was observed.
    pub fn object(note: ObjectObservation) -> Self {
        Self { object: Some(note), ..Self::default() }
    }

    /// The namespace was observed.
    pub fn namespace(note: NamespaceObservation) -> Self {
        Self { namespace: Some(note), ..Self::default() }
    }

    /// The open operation's row may say something new.
    pub fn operation() -> Self {
        Self { operation: true, ..Self::default() }
    }

    /// Argo CD has reported.
    pub fn report() -> Self {
        Self { report: true, ..Self::default() }
    }

    /// The API server refused a status with this budget for its size.
    pub fn too_large(mirror_budget: u8) -> Self {
        Self { too_large: Some(mirror_budget), ..Self::default() }
    }

    /// A repository was asked with a credential.
    pub fn checked(checked: CheckedRepository) -> Self {
        Self { checked: Some(checked), ..Self::default() }
    }

    /// A cluster was asked with credentials.
    pub fn cluster(checked: CheckedCluster) -> Self {
        Self { cluster: Some(checked), ..Self::default() }
    }

    /// A cluster was asked to remove something.
    pub fn removal(attempted: AttemptedRemoval) -> Self {
        Self { removal: Some(attempted), ..Self::default() }
    }

    /// Users were told what may remain on clusters.
    pub fn told(texts: Vec<String>) -> Self {
        Self { told: Some(texts), ..Self::default() }
    }

    /// What is in Argo CD's namespace does not say what its row says.
    pub fn differs() -> Self {
        Self { differs: true, ..Self::default() }
    }

    /// The facts may have changed.
    pub fn facts() -> Self {
        Self { facts: true, ..Self::default() }
    }

    /// The machine's time has come. Any notification may have been lost by then, so the operation
    /// is looked at as well.
    pub fn deadline() -> Self {
        Self { deadline: true, operation: true, facts: true, ..Self::default() }
    }
}
