//! GitOpsDeploymentRepositoryCredentials.
//!
//! `observe` turns an object into an observation, `step` takes a machine through what was observed
//! of it, `follow_up` says which effects the new state requires, and `write` carries out those that go
//! to the API server. Those that go to servers of tenants are `checks`, which read what is in a
//! `secret`.

pub mod checks;
mod follow_up;
pub mod observe;
pub mod secret;
pub mod step;
pub mod write;
