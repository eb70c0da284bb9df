//! Where the program runs.
//!
//! * [`entropy`], [`process`]: randomness and clocks derived from a seed;
//! * [`network`], [`storage`], [`postgresql_limits`]: what carries requests, and goes wrong;
//!   [`rights`]: which of them an installation permits;
//! * [`git_servers`], [`clusters`]: the servers of private repositories, and target clusters;
//!   [`questions`]: what processes have asked them;
//! * [`stage`]: an installation; [`journal`]: what happened in it.

pub mod clusters;
pub mod entropy;
pub mod git_servers;
pub mod journal;
pub mod network;
pub mod postgresql_limits;
pub mod process;
pub mod questions;
pub mod rights;
pub mod stage;
pub mod storage;
