//! The whole program in a sandbox, or as the real binary: what users and other programs see of it,
//! and what the database holds. One test binary, because each would link the whole program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../schema/tests/fixture/mod.rs"]
mod fixture;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../process/mod.rs"]
mod process;
#[path = "../../schema/tests/servers/mod.rs"]
mod servers;

mod adoption;
mod canary;
mod chaos;
mod command_line;
mod complaints;
mod contract;
mod crash;
mod deletion;
mod drift;
mod events;
mod failover;
mod fairness;
mod kubectl;
mod least_privilege;
mod lifecycle;
mod load;
mod logs;
mod managed_environments;
mod metrics;
mod monitoring;
mod namespaces;
mod pooler;
mod postgres_failover;
mod replicas;
mod repository_credentials;
mod scale;
mod sealing;
mod site;
mod status;
mod sync_runs;
mod traces;
mod unreachable_clusters;
mod upgrade;
