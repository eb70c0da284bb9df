//! What each kind of machine loads and changes: one folder each.

pub(super) mod deployment;
pub(super) mod operation;
pub(super) mod tenant;
