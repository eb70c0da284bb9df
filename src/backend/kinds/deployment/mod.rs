//! GitOpsDeployments.
//!
//! `observe` turns an object, or Argo CD's report, into an observation, `step` takes a machine
//! through what was observed of it, `follow_up` says which `effects` the new state requires, and
//! `write` carries them out through `requests`; `tell` says in Events what no status says.

pub mod effects;
mod follow_up;
pub mod observe;
pub mod requests;
pub mod status_fields;
pub mod step;
pub(in crate::backend) mod tell;
mod write;
