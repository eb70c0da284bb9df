//! Where the program runs.
//!
//! * [`entropy`], [`process`]: randomness and clocks derived from a seed;
//! * [`network`], [`storage`], [`postgresql_limits`]: what carries requests, and goes wrong;
//! * [`stage`]: an installation; [`journal`]: what happened in it.

pub mod entropy;
pub mod journal;
pub mod network;
pub mod postgresql_limits;
pub mod process;
pub mod stage;
pub mod storage;
