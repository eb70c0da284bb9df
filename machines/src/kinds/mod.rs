//! The kinds of resources that the backend acts on: one folder and one machine each.

pub mod deployment;
pub mod tenant;
