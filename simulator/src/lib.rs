//! The whole program in one thread on a virtual clock, under every fault that we know.
//!
//! Machines, store, runtime, backend and agent are those of production; clock, network, scheduling
//! and randomness are replaced. Map, from the inside out:
//!
//! * [`entropy`], [`process`]: randomness and clocks derived from a seed;
//! * [`adversary`]: what can go wrong with a request, an event, a call of the store;
//! * [`network`], [`storage`], [`postgresql_limits`]: where it goes wrong;
//! * [`observe`], [`properties`]: what exists, and what must always hold;
//! * [`stage`]: an installation;
//! * [`swarm`], [`manual_changes`]: random faults, what users do, and manual changes to our
//!   objects;
//! * [`journal`]: what happened;
//! * [`run`]: a random run, from a seed;
//! * [`script`], [`workloads`]: what happens, as data;
//! * [`plan`], [`exhaust`]: one fault at one exact moment, for all moments;
//! * [`campaign`]: sequences of edits, valid and invalid;
//! * [`hostile_strings`], [`hostile_objects`], [`poison`], [`field_fuzzing`]: hostile texts, at
//!   random and in every field;
//! * [`secrets`], [`search`]: passwords in every possible input, and a search for them;
//! * [`subprocess`], [`fan_out`], [`tally`]: each run in its own process, many in parallel, and
//!   their totals.

#![warn(missing_docs)]

pub mod adversary;
pub mod campaign;
pub mod entropy;
pub mod exhaust;
pub mod fan_out;
pub mod field_fuzzing;
pub mod hostile_objects;
pub mod hostile_strings;
pub mod journal;
pub mod manual_changes;
pub mod network;
pub mod observe;
pub mod plan;
pub mod poison;
pub mod postgresql_limits;
pub mod process;
pub mod properties;
pub mod run;
pub mod script;
pub mod search;
pub mod secrets;
pub mod stage;
pub mod storage;
pub mod subprocess;
pub mod swarm;
pub mod tally;
pub mod workloads;
