//! The trusted specification: what must be true of the world once its causes stop changing.
//!
//! Every promise has the form "if the left side holds from some point on, then at some later point
//! the right side holds, and holds for good". A test brings about the left side, lets the system
//! run until nothing more happens, and asks the predicate here. What these functions accept is what
//! the project calls correct; nothing in them looks at a machine's state.
//!
//! * [`esr_gd`]: a valid deployment is deployed; [`esr_gd_inv`]: an invalid one says why;
//! * [`esr_del`]: what is gone leaves nothing behind; [`esr_fin`]: what is deleted does go;
//! * [`esr_sr`]: a sync run ends, and says how; [`at_most_once`]: it is synced no more than once;
//! * [`finalizer_kept`] and [`untouched`]: the safety parts of two of them, over two worlds;
//! * [`quiet`]: after that nothing is written; [`all`]: every promise about one world.
//!
//! The predicates about a kind are in that kind's folder.

pub(crate) mod claim;
pub(crate) mod world;

#[cfg(test)]
mod tests;

use claim::{Claim, QUIET};

pub use crate::kinds::deployment::esr::{
    esr_del, esr_fin, esr_gd, esr_gd_inv, finalizer_kept, one_at_a_time, untouched,
};
pub use crate::kinds::sync_run::esr::{at_most_once, esr_sr};
pub use claim::{Predicate, Verdict, Violation};
pub use world::{
    ApplicationEntry, ArgoApplication, ArgoCd, ArgoProject, ArgoReport, Database, DeploymentObject,
    DeploymentStatus, MappingEntry, NamespaceObject, OperationEntry, RepositoryEntry, Settings,
    SyncEntry, SyncRunObject, UserEntry, World, Writes,
};

/// QUIET.
///
/// * Left side: no cause changed between the two points in time, and everything that [`all`]
///   promises held at the first.
/// * Right side: nothing was written between them, to the API or to the database, and everything
///   is as it was; only finished operations may have been collected.
pub fn quiet(before: &World, after: &World) -> Verdict {
    let claim = Claim::new(QUIET, "the world");
    claim.holds(before.writes == after.writes, || {
        format!("{:?} became {:?}", before.writes, after.writes)
    })?;
    let retained = |world: &World| {
        let mut world = world.clone();
        world.database.operations.retain(|operation| !operation.state.is_terminal());
        world
    };
    let (before, after) = (retained(before), retained(after));
    let parts = [
        ("the settings", before.settings == after.settings),
        ("a namespace", before.namespaces == after.namespaces),
        ("a deployment", before.deployments == after.deployments),
        ("a sync run", before.sync_runs == after.sync_runs),
        ("a row", before.database == after.database),
        ("a resource of Argo CD", before.argocd == after.argocd),
    ];
    for (part, same) in parts {
        claim.holds(same, || format!("{part} changed without a counted write"))?;
    }
    Ok(())
}

/// Every promise about one world, for every object that exists or has left a trace; empty if all are
/// kept.
pub fn all(world: &World) -> Vec<Violation> {
    crate::kinds::violations(world)
}
