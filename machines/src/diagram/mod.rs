//! The machines' tables and diagrams, derived from the running code.

pub(crate) mod chart;

use chart::page;

pub use crate::kinds::deployment::samples::{error_flag, lifecycle, mirror};
pub use crate::kinds::sync_run::samples::sync_run;
pub use crate::kinds::tenant::samples::tenant;
pub use crate::operation::samples::operation;
pub use chart::{Chart, Edge};

/// The committed pages: file name and content.
pub fn pages() -> Vec<(&'static str, String)> {
    let charts = crate::kinds::charts().into_iter();
    let charts = charts.chain([("operation.md", "Operation", vec![operation()])]);
    charts.map(|(file, title, charts)| (file, page(title, &charts))).collect()
}
