//! GitOpsDeploymentManagedEnvironments.
//!
//! `observe` turns an object into an observation, `step` takes a machine through what was observed
//! of it, `follow_up` says which effects the new state requires, and `write` carries out those that go
//! to the API server. Those that go to clusters of tenants are `checks` and `removals`; what is in a
//! tenant's Secret is read by `secret`.

pub mod checks;
mod follow_up;
pub mod observe;
pub mod removals;
mod secret;
pub mod step;
#[cfg(test)]
mod tests;
mod verdict;
pub mod write;
