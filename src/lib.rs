//! The shell around the machines: it observes the world for them and does what they require.
//!
//! * [`cli`]: the commands; `dev` is everything in one process;
//! * [`program`]: the two roles, put together in one process or two;
//! * [`backend`]: GitOpsDeployments → rows and Operations; reports → status;
//! * [`agent`]: Operations → Argo CD's resources; what Argo CD reports → rows;
//! * [`lease`]: which of several replicas acts, with which [`roles`], and until when ([`tenure`]);
//! * [`signals`]: how the agent wakes the backend;
//! * [`runtime`]: inbox, timers, effects and watches that both roles run on;
//! * [`chaos`]: calls that fail on purpose;
//! * [`sealing`]: whether credentials can be kept; [`repositories`] and [`clusters`]: the servers that
//!   they are for;
//! * [`trace`]: what became of one change, across both roles, for OpenTelemetry;
//! * [`kubernetes`], [`metrics`], [`process`], [`settings`], [`api`]: what the roles share.

pub mod agent;
pub mod api;
pub mod backend;
pub mod chaos;
pub mod cli;
pub mod clusters;
pub mod kubernetes;
pub mod lease;
pub mod metrics;
pub mod process;
pub mod program;
pub mod repositories;
pub mod roles;
pub mod runtime;
pub mod sealing;
pub mod settings;
pub mod signals;
pub mod tenure;
pub mod trace;

#[cfg(test)]
mod test_support;
