//! The kinds of resources that the backend has a machine for, a folder each, and what they have to
//! be registered for.

pub mod deployment;
pub mod tenant;

use crate::diagram::Chart;
use crate::esr::{Violation, World};

/// The promises about each kind that a world breaks.
pub(crate) fn violations(world: &World) -> Vec<Violation> {
    deployment::esr::violations(world)
}

/// The charts of each kind, by file name and title.
pub(crate) fn charts() -> Vec<(&'static str, &'static str, Vec<Chart>)> {
    let deployment = {
        use deployment::samples::{error_flag, lifecycle, mirror};
        vec![lifecycle(), error_flag(), mirror()]
    };
    vec![
        ("deployment.md", "Deployment", deployment),
        ("tenant.md", "Tenant", vec![tenant::samples::tenant()]),
    ]
}
