//! What operations are about: one folder for each kind of resource in Argo CD's namespace.

pub mod application;
pub mod project;
