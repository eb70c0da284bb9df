//! What AppProjects permit.

use std::collections::{BTreeSet, HashMap};

use machines::identity::{ClusterUserId, EnvironmentId};
use sea_orm::ConnectionTrait;

use super::{managed_environment, repositories};
use crate::store::StoreError;

/// What the AppProject of a cluster user should permit, by the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// The repositories, as written.
    pub repositories: BTreeSet<String>,
    /// The environments, in the order of their creation.
    pub environments: Vec<EnvironmentId>,
}

/// What the AppProjects of these users should permit.
pub(in crate::store) async fn permitted<'a>(
    tx: &impl ConnectionTrait,
    users: impl Iterator<Item = &'a ClusterUserId> + Clone,
) -> Result<HashMap<ClusterUserId, Permitted>, StoreError> {
    let repositories = repositories::permitted(tx, users.clone()).await?;
    let mut environments = managed_environment::rows::permitted(tx, users).await?;
    let permitted = repositories.into_iter().map(|(user, repositories)| {
        let environments = environments.remove(&user).unwrap_or_default();
        (user, Permitted { repositories, environments })
    });
    Ok(permitted.collect())
}
