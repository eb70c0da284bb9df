//! Repository Secrets: what is remembered of each, how watch events and answers are taken in, the
//! requests that write them, and when each is made.

pub mod entry;
pub mod requests;
mod seen;
mod write;
