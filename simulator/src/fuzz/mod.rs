//! Random and hostile inputs.
//!
//! * [`campaign`]: sequences of edits, valid and invalid;
//! * [`hostile_strings`], [`hostile_objects`], [`poison`], [`field_fuzzing`]: hostile texts, at
//!   random and in every field;
//! * [`secrets`]: passwords in every possible input.

pub mod campaign;
pub mod field_fuzzing;
pub mod hostile_objects;
pub mod hostile_strings;
pub mod poison;
pub mod secrets;
