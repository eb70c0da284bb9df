//! Syncs of Applications: what an Application says about them, and the requests that begin and end
//! them.

pub mod entry;
pub mod requests;
mod write;
