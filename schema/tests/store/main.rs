//! The store, driven by real machines: what a batch reads, and what a commit leaves behind.
//!
//! * `driver`: a small backend and agent around the store;
//! * `life`: a deployment's rows from the first observation to the end of its tenant;
//! * `batches`: atomicity, conflicts, unreadable machines, and the number of statements;
//! * `failover`: dead connections, and outdated prepared statements;
//! * `pooler`: PgBouncer between the store and the server;
//! * `fence`: who may commit;
//! * `locks`: transactions of the two roles that overlap on PostgreSQL;
//! * `reports`: Argo CD's reports, from the agent to the backend;
//! * `adoption`: rows of an earlier installation;
//! * `sealing`: credentials at rest, and the rotation of keys;
//! * `credentials`: the rows of repository credentials, and those of an earlier installation;
//! * `environments`: the rows of managed environments, and those of an earlier installation;
//! * `sync_runs`: the rows of sync runs, and those of an earlier installation;
//! * `upkeep`: the instance's rows, the index, and removal by age;
//! * `sizes`: whatever the machines accept fits its column.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixture/mod.rs"]
mod fixture;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../servers/mod.rs"]
mod servers;

mod adoption;
mod batches;
mod credentials;
mod driver;
mod environments;
mod failover;
mod fence;
mod life;
mod locks;
mod pooler;
mod reports;
mod sealing;
mod sizes;
mod sync_runs;
mod upkeep;
