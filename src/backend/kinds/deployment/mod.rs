//! GitOpsDeployments.
//!
//! `observe` turns an object, or Argo CD's report, into an observation, `step` takes a machine through what was observed
//! of it, `follow_up` says what the new state requires, and `write` carries that out through
//! `requests`.

mod follow_up;
pub mod observe;
pub mod requests;
pub mod status_fields;
pub mod step;
mod write;
