//! The trusted specification: what must be true of the world once its causes stop changing.
//!
//! Every promise has the form "if the left side holds from some point on, then at some later point
//! the right side holds, and holds for good". A test brings about the left side, lets the system
//! run until nothing more happens, and asks the predicate here. What these functions accept is what
//! the project calls correct; nothing in them looks at a machine's state.
//!
//! * of deployments ([`kinds::deployment::esr`](crate::kinds::deployment::esr)): a valid one is
//!   deployed, an invalid one says why; what is gone leaves nothing behind, what is deleted does go;
//! * of sync runs ([`kinds::sync_run::esr`](crate::kinds::sync_run::esr)): each ends, and says how; it
//!   is synced no more than once;
//! * of managed environments
//!   ([`kinds::managed_environment::esr`](crate::kinds::managed_environment::esr)): each says what its
//!   cluster says of it, Argo CD has what was accepted, no tenant has another's, and nothing is left
//!   on a cluster without a word;
//! * of repository credentials
//!   ([`kinds::repository_credential::esr`](crate::kinds::repository_credential::esr)): each says what
//!   its repository says of it, Argo CD has what was accepted, and no tenant has another's;
//! * [`all`]: every promise about one world; [`quiet`]: once they are kept, nothing is written.

pub(crate) mod claim;
pub(crate) mod world;

#[cfg(test)]
mod tests;

use claim::{Claim, QUIET};

pub use claim::{Predicate, Verdict, Violation};
pub use world::*;

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
    for (part, same) in before.compare(&after) {
        claim.holds(same, || format!("{part} changed without a counted write"))?;
    }
    Ok(())
}

/// Every promise about one world, for every object that exists or has left a trace; empty if all are
/// kept.
pub fn all(world: &World) -> Vec<Violation> {
    crate::kinds::violations(world)
}
