//! Connections to servers that tenants choose: which addresses may be connected to, and by whose
//! certificate a server is known.
//!
//! Any such server may be hostile: it may be at an address that only this program can reach, its
//! name may lead elsewhere the next time it is resolved, and it may let this program wait for any
//! time. So a name is resolved once, [`Policy`] judges each address, and what it permits is
//! connected to. What is said to a server and how long that may take is the matter of those who use
//! this crate; so are the words for what goes wrong. Nothing in here contains any of a server's.

#![warn(missing_docs)]

pub mod blocking;
mod dial;
mod host;
pub mod policy;
mod resolve;
pub mod tls;

pub use dial::{Dialer, Unreached};
pub use host::{Host, HostError};
pub use policy::Policy;
pub use resolve::{Resolve, Resolving, SystemResolver};
