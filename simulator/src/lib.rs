//! The whole program in one thread on a virtual clock, under every fault that we know.
//!
//! Machines, store, runtime, backend and agent are those of production; clock, network, scheduling
//! and randomness are replaced. Map, from the inside out:
//!
//! * [`environment`]: randomness, clocks, network and database, and an installation on them;
//! * [`faults`]: what can go wrong, random faults, and manual changes to our objects;
//! * [`checks`]: what exists, what must always hold, and a search for secrets;
//! * [`runs`]: ways to run it: from a seed, from a script, with one fault at every moment;
//! * [`fuzz`]: sequences of edits, hostile texts and objects, passwords in every input.

#![warn(missing_docs)]

pub mod checks;
pub mod environment;
pub mod faults;
pub mod fuzz;
pub mod runs;
