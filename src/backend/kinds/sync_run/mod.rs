//! GitOpsDeploymentSyncRuns.
//!
//! `observe` turns an object into an observation, `step` takes a machine through what was observed
//! of it, `follow_up` says which effects the new state requires, and `write` carries them out.

mod follow_up;
pub mod observe;
pub mod step;
pub mod write;
