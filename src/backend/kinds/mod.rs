//! The kinds of machines that the backend steps: one folder each.

pub mod deployment;
pub mod tenant;
