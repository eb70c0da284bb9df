//! Random and hostile inputs.
//!
//! * [`campaign`], [`sync_run_campaign`], [`credential_campaign`], [`environment_campaign`]: sequences
//!   of edits, valid and invalid;
//! * [`hostile_strings`], [`hostile_objects`], [`poison`], [`field_fuzzing`]: hostile texts, at
//!   random and in every field;
//! * [`secrets`]: passwords in every possible input.

pub mod campaign;
pub mod credential_campaign;
mod credential_expectation;
mod environment_campaign;
pub mod field_fuzzing;
pub mod hostile_objects;
pub mod hostile_strings;
pub mod poison;
mod poison_credentials;
mod poison_environments;
mod poison_sync_runs;
pub mod secrets;
pub mod sync_run_campaign;
mod sync_run_expectation;
