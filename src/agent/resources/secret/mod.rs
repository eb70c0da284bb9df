//! Argo CD's cluster Secrets and repository Secrets: what is remembered of each, and the requests that
//! write it. What is written of either is read from its row, and differs; all else is the same. In
//! [`collisions`] is what Argo CD cannot tell apart.

pub mod collisions;
pub mod entry;
pub mod requests;
pub mod row;
pub mod seen;
pub(in crate::agent) mod write;
