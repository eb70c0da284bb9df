//! What goes wrong, and what people change.
//!
//! * [`adversary`]: what can go wrong with a request, an event, a call of the store;
//! * [`swarm`]: random faults; [`manual_changes`]: manual changes to our objects;
//! * [`sync_runs`], [`credentials`]: what users do with these.

pub mod adversary;
pub mod credentials;
pub mod manual_changes;
pub mod swarm;
pub mod sync_runs;
