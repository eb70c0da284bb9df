//! Tenants: one machine for each namespace with a resource of ours.

mod follow_up;
pub mod step;
