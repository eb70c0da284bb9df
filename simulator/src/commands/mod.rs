//! The commands.

pub(crate) mod campaigns;
pub(crate) mod plans;
pub(crate) mod sim;
