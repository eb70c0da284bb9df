//! AppProjects: what is remembered of each, what it should say, and the requests that write it.

pub mod entry;
pub mod requests;
pub mod seen;
mod write;
