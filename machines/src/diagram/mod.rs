//! The machines' tables and diagrams, derived from the running code.

pub(crate) mod chart;

use chart::page;

pub use chart::{Chart, Edge};

/// The charts of all machines, by page: file name, title, charts.
pub fn charts() -> Vec<(&'static str, &'static str, Vec<Chart>)> {
    let mut charts = crate::kinds::charts();
    charts.push(("operation.md", "Operation", vec![crate::operation::samples::operation()]));
    charts
}

/// The committed pages: file name and content.
pub fn pages() -> Vec<(&'static str, String)> {
    charts().into_iter().map(|(file, title, charts)| (file, page(title, &charts))).collect()
}
