//! The whole program in one thread on a virtual clock, under every fault that we can name.
//!
//! Machines, store, runtime, backend and agent are the ones of production; replaced are the clock,
//! the network, the scheduling and the randomness. Map, from the inside out:
//!
//! * [`entropy`], [`process`]: randomness and clocks that follow from a seed;
//! * [`adversary`]: what can go wrong with a request, an event, a call of the store;
//! * [`network`], [`storage`], [`postgresql_limits`]: where it goes wrong;
//! * [`observe`], [`properties`]: what there is, and what must hold at every moment;
//! * [`stage`]: an installation;
//! * [`swarm`], [`manual_changes`]: faults by chance, what users do, and manual changes to our objects;
//! * [`journal`]: what happened;
//! * [`run`]: a run by chance, from a seed;
//! * [`script`], [`workloads`]: what happens, as data;
//! * [`plan`], [`exhaust`]: one thing that goes wrong at one exact moment, for all moments;
//! * [`campaign`]: sequences of edits, valid and invalid;
//! * [`hostile_strings`], [`hostile_objects`], [`poison`], [`field_fuzzing`]: hostile texts, by chance and in every field;
//! * [`secrets`], [`search`]: passwords, everywhere where one can enter, and a search for them;
//! * [`subprocess`], [`fan_out`], [`tally`]: each of them in a process of its own, many at once, and what
//!   they come to.

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
