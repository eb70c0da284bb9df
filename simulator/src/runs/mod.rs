//! Ways to run the program.
//!
//! * [`run`]: a random run, from a seed;
//! * [`script`], [`workloads`]: what happens, as data;
//! * [`plan`], [`exhaust`]: one fault at one exact moment, for all moments;
//! * [`subprocess`], [`fan_out`], [`tally`]: each run in its own process, many in parallel, and
//!   their totals.

pub mod exhaust;
pub mod fan_out;
pub mod plan;
pub mod run;
pub mod script;
pub mod subprocess;
pub mod tally;
pub mod workloads;
