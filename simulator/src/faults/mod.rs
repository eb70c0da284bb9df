//! What goes wrong, and what people change.
//!
//! * [`adversary`]: what can go wrong with a request, an event, a call of the store;
//! * [`operators`]: what operators change between two runs of a process;
//! * [`swarm`]: random faults; [`manual_changes`]: manual changes to our objects;
//! * [`sync_runs`], [`credentials`], [`environments`]: what users do with these.

pub mod adversary;
pub mod credentials;
pub mod environments;
pub mod manual_changes;
pub mod operators;
pub mod swarm;
pub mod sync_runs;
