//! What exists, and what must hold.
//!
//! * [`observe`]: what exists at one moment, in the specification's terms;
//! * [`credentials`], [`environments`]: the same, of these kinds;
//! * [`properties`]: what must always hold;
//! * [`search`]: a search for a secret in everything that anyone can read.

pub mod credentials;
pub mod environments;
pub mod observe;
pub mod properties;
pub mod search;
