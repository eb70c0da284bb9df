//! What is promised about sync runs.

use std::collections::BTreeSet;

use crate::esr::claim::{Claim, Predicate, Verdict, Violation};
use crate::esr::world::{DeploymentObject, SyncRunObject, World};
use crate::kinds::deployment::spec::{validate_rest, validate_source};
use crate::kinds::sync_run::status::SUCCEEDED;
use crate::kinds::sync_run::{SyncRunUid, is_revision, messages};
use crate::operation::sync::SyncOperationId;
use crate::rows::Requester;
use crate::shared::condition::{Condition, ConditionStyle, ERROR_OCCURRED};

/// A sync run ends, and says how.
pub(crate) const ENDED: Predicate = Predicate("ESR-SR");
/// A sync run is synced at most once.
pub(crate) const ONCE: Predicate = Predicate("ESR-SR-once");

/// Every promise about sync runs, for each that exists or has left a trace.
pub(crate) fn violations(world: &World) -> Vec<Violation> {
    let uids = known_uids(world).into_iter();
    let mut violations: Vec<Violation> = uids.filter_map(|uid| esr_sr(world, &uid).err()).collect();
    violations.extend(at_most_once(world).err());
    violations
}

/// The UIDs of all sync runs that exist or have left a trace.
fn known_uids(world: &World) -> BTreeSet<SyncRunUid> {
    let database = &world.database;
    let mut uids: BTreeSet<SyncRunUid> =
        world.sync_runs.iter().map(|one| one.uid.clone()).collect();
    uids.extend(database.syncs.iter().filter_map(|one| one.run.clone()));
    uids.extend(database.operations.iter().filter_map(|one| match one.requester.as_ref()? {
        Requester::SyncRun(uid) => Some(uid.clone()),
        Requester::Deployment(_) | Requester::Environment(_) | Requester::Credential(_) => None,
    }));
    uids
}

/// ESR-SR.
///
/// * Left side: nothing changes any more.
/// * Right side: no operation of the run is open. If its object is gone or going, no row of it is
///   left. Otherwise it says how it ended, and never begins again; or it waits, because there is no
///   deployment of the name that is valid and not being deleted. One whose revision cannot be one,
///   or whose deployment is automated, has ended before it began.
pub fn esr_sr(world: &World, uid: &SyncRunUid) -> Verdict {
    let claim = Claim::new(ENDED, uid);
    let requester = Requester::SyncRun(uid.clone());
    let mut operations = world.database.operations.iter();
    let open = operations
        .find(|one| one.requester.as_ref() == Some(&requester) && !one.state.is_terminal());
    claim.holds(open.is_none(), || format!("{open:?} is open"))?;
    let rows: Vec<_> =
        world.database.syncs.iter().filter(|one| one.run.as_ref() == Some(uid)).collect();
    let object = world.sync_runs.iter().find(|one| one.uid == *uid && !one.deleting);
    let Some(object) = object else {
        return claim.holds(rows.is_empty(), || format!("{rows:?} are left"));
    };
    claim.holds(rows.len() <= 1, || format!("{rows:?} instead of at most 1"))?;
    if has_ended(object) {
        return says_how(&claim, world, object, !rows.is_empty());
    }
    claim.holds(rows.is_empty(), || "it was taken up and has not ended".to_owned())?;
    waits_for_good_reason(&claim, world, object)
}

/// A sync of a run is begun no more than once.
pub fn at_most_once(world: &World) -> Verdict {
    let mut seen: BTreeSet<&SyncOperationId> = BTreeSet::new();
    let twice = world.argocd.begun.iter().find(|sync| !seen.insert(sync));
    let claim = Claim::new(ONCE, "Argo CD");
    claim.holds(twice.is_none(), || format!("sync {twice:?} was begun more than once"))
}

fn find<'a>(object: &'a SyncRunObject, type_: &str) -> Option<&'a Condition> {
    object.conditions.iter().find(|one| one.type_ == type_)
}

fn has_ended(object: &SyncRunObject) -> bool {
    match find(object, SUCCEEDED) {
        Some(result) => result.status != "Unknown",
        // Where only the contract's conditions are written, there are none before the end.
        None => !object.conditions.is_empty(),
    }
}

fn says_how(claim: &Claim, world: &World, object: &SyncRunObject, is_taken_up: bool) -> Verdict {
    let error = find(object, ERROR_OCCURRED);
    let is_edited = error.is_some_and(|one| {
        [messages::NAME_CHANGED, messages::REVISION_CHANGED].contains(&one.message.as_str())
    });
    if world.settings.conditions == ConditionStyle::Conventional {
        let result = find(object, SUCCEEDED);
        let has_succeeded = result.is_some_and(|one| one.status == "True");
        // The rows of one that a stale list lacked are gone.
        let mut begun = world.argocd.begun.iter();
        let was_synced = is_taken_up || begun.any(|sync| sync.as_str() == object.uid.as_str());
        claim.holds(was_synced || !has_succeeded, || "it succeeded without a sync".to_owned())?;
        let agrees = error.is_some_and(|one| (one.status == "False") == has_succeeded);
        claim.holds(agrees || is_edited, || format!("{result:?} and {error:?} contradict"))?;
    }
    claim.holds(
        error.is_some_and(|one| match one.status.as_str() {
            "False" => one.reason.is_empty() && one.message.is_empty(),
            _ => one.reason == ERROR_OCCURRED && !one.message.is_empty(),
        }),
        || format!("{ERROR_OCCURRED} is {error:?}"),
    )
}

fn waits_for_good_reason(claim: &Claim, world: &World, object: &SyncRunObject) -> Verdict {
    claim.holds(is_revision(&object.spec.revision), || "its revision cannot be one".to_owned())?;
    let is_its = |one: &&DeploymentObject| {
        one.tenant == object.tenant && one.name == object.spec.deployment_name && !one.deleting
    };
    let is_valid = |one: &DeploymentObject| {
        validate_source(&one.spec).is_ok()
            && one.spec.environment.is_empty()
            && validate_rest(&one.name, &one.spec, false).is_ok()
    };
    let deployment = world.deployments.iter().find(is_its);
    let is_served = world.settings.instance.is_some()
        && world.namespaces.iter().any(|one| one.uid == object.tenant && !one.terminating);
    let may_begin = is_served && deployment.is_some_and(is_valid);
    claim.holds(!may_begin, || format!("it waits, although {deployment:?} is there"))?;
    if world.settings.conditions == ConditionStyle::Conventional {
        let result = find(object, SUCCEEDED);
        let says_so = result.is_some_and(|one| one.status == "Unknown" && !one.message.is_empty());
        claim.holds(says_so, || format!("{SUCCEEDED} is {result:?} while it waits"))?;
    }
    Ok(())
}
