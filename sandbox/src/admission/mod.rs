//! The steps before a written object is stored: pruning, defaults and validation.

pub(crate) mod builtins;
pub(crate) mod cel;
pub(crate) mod metadata;
mod owners;
pub(crate) mod prune;
pub(crate) mod schema;
pub(crate) mod validate;
