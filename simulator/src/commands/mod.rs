//! The commands.

pub(crate) mod plans;
pub(crate) mod sim;
