//! The rows that have a Secret in Argo CD's namespace.

use machines::identity::EnvironmentId;
use machines::kinds::repository_credential::CredentialId;
use machines::rows::Target;

/// The row that a Secret of ours represents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRow {
    /// An environment's, which has a cluster Secret.
    Cluster(EnvironmentId),
    /// A credential's, which has a repository Secret.
    Repository(CredentialId),
}

impl SecretRow {
    /// By the Secret's name; `None` for a Secret of others.
    pub fn named(name: &str) -> Option<Self> {
        let cluster = crds::names::managed_environment_id(name).map(EnvironmentId::new);
        let repository = || crds::names::repository_credential_id(name).map(CredentialId::new);
        cluster.map(Self::Cluster).or_else(|| repository().map(Self::Repository))
    }

    /// The row that an operation is about, if that has a Secret.
    pub fn of(target: &Target) -> Option<Self> {
        match target {
            Target::Environment(row) => Some(Self::Cluster(row.clone())),
            Target::Credential(row) => Some(Self::Repository(row.clone())),
            Target::Application(_) | Target::Sync(_) => None,
        }
    }

    /// The Secret's name.
    pub fn name(&self) -> String {
        match self {
            Self::Cluster(row) => crds::names::cluster_secret_name(row.as_str()),
            Self::Repository(row) => crds::names::repository_secret_name(row.as_str()),
        }
    }

    /// What Argo CD takes the Secret for, by its label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(_) => crds::names::ARGO_CD_CLUSTER_SECRET,
            Self::Repository(_) => crds::names::ARGO_CD_REPOSITORY_SECRET,
        }
    }

    /// The row's key.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cluster(row) => row.as_str(),
            Self::Repository(row) => row.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use machines::operation::application::cluster_name;

    use super::*;

    #[test]
    fn a_secret_is_traced_back_to_its_row_by_its_name() {
        let cluster = SecretRow::Cluster(EnvironmentId::new("row"));
        let repository = SecretRow::Repository(CredentialId::new("row"));
        for row in [&cluster, &repository] {
            assert_eq!(SecretRow::named(&row.name()).as_ref(), Some(row));
        }
        assert_ne!(cluster.name(), repository.name());
        for foreign in ["managed-env-", "repo-cred-", "cluster-kubernetes.default.svc", "row"] {
            assert_eq!(SecretRow::named(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn an_application_names_the_cluster_as_its_secret_is_called() {
        let row = EnvironmentId::new("row");
        assert_eq!(cluster_name(&row), crds::names::cluster_secret_name("row"));
        assert_eq!(cluster_name(&row), SecretRow::Cluster(row).name());
    }
}
