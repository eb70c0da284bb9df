//! The machines' tables and diagrams, derived from the running code.

pub(crate) mod chart;

use chart::page;

pub use crate::kinds::deployment::samples::{error_flag, lifecycle, mirror};
pub use crate::kinds::tenant::samples::tenant;
pub use crate::operation::samples::operation;
pub use chart::{Chart, Edge};

/// The committed pages: file name and content.
pub fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("deployment.md", page("Deployment", &[lifecycle(), error_flag(), mirror()])),
        ("tenant.md", page("Tenant", &[tenant()])),
        ("operation.md", page("Operation", &[operation()])),
    ]
}
