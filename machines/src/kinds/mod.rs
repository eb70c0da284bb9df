//! The kinds of resources that the backend has a machine for, a folder each, and what they have to
//! be registered for.

pub mod deployment;
pub mod managed_environment;
pub mod repository_credential;
pub mod sync_run;
pub mod tenant;

use crate::diagram::Chart;
use crate::esr::{Violation, World};

/// The promises about each kind that a world breaks.
pub(crate) fn violations(world: &World) -> Vec<Violation> {
    let mut violations = deployment::esr::violations(world);
    violations.extend(sync_run::esr::violations(world));
    violations.extend(managed_environment::esr::violations(world));
    violations.extend(repository_credential::esr::violations(world));
    violations
}

/// The charts of each kind, by file name and title.
pub(crate) fn charts() -> Vec<(&'static str, &'static str, Vec<Chart>)> {
    let deployment = {
        use deployment::samples::{error_flag, lifecycle, mirror};
        vec![lifecycle(), error_flag(), mirror()]
    };
    vec![
        ("deployment.md", "Deployment", deployment),
        (
            "managed_environment.md",
            "ManagedEnvironment",
            vec![
                managed_environment::samples::managed_environment(),
                managed_environment::samples::revocation(),
            ],
        ),
        (
            "repository_credential.md",
            "RepositoryCredential",
            vec![
                repository_credential::samples::repository_credential(),
                repository_credential::samples::delivery(),
            ],
        ),
        ("sync_run.md", "SyncRun", vec![sync_run::samples::sync_run()]),
        ("tenant.md", "Tenant", vec![tenant::samples::tenant()]),
    ]
}
