//! Steps a batch: from what was loaded and observed to what to write and what follows. Pure.
//!
//! The kinds keep an order: tenants first, because deployments look at them.

use machines::identity::TenantUid;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest};

use crate::backend::environment::Environment;
use crate::backend::index::NamespacePhase;
use crate::backend::kinds::deployment::step::DeploymentFollowUp;
use crate::backend::kinds::tenant::step::TenantFollowUp;
use crate::backend::kinds::{deployment, tenant};
use crate::backend::observations::{Item, Key};

/// What follows from a batch once it is committed.
#[derive(Debug, Default)]
pub struct FollowUp {
    /// The tenants that were stepped.
    pub tenants: Vec<TenantFollowUp>,
    /// The deployments that were stepped.
    pub deployments: Vec<DeploymentFollowUp>,
}

/// Which machines and facts a batch needs.
pub fn request(items: &[Item]) -> BackendRequest {
    let mut request = BackendRequest::default();
    for (key, observations) in items {
        match key {
            Key::Tenant(tenant) => request.tenants.push(tenant.clone()),
            Key::Deployment(uid) => deployment::step::request(uid, observations, &mut request),
        }
    }
    request
}

/// Steps the machines of a batch.
///
/// `namespace_phase` gives the state of the batch's namespaces.
pub fn decide(
    mut loaded: BackendLoaded,
    items: &[Item],
    namespace_phase: &dyn Fn(&TenantUid, &str) -> NamespacePhase,
    environment: &Environment,
) -> (BackendChanges, FollowUp) {
    let mut changes = BackendChanges::default();
    let mut follow_up = FollowUp::default();
    let (tenants, follow_ups) =
        tenant::step::step_all(&mut loaded, items, namespace_phase, environment, &mut changes);
    follow_up.tenants = follow_ups;
    follow_up.deployments =
        deployment::step::step_all(&mut loaded, items, &tenants, environment, &mut changes);
    (changes, follow_up)
}
