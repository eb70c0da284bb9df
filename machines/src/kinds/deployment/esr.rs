//! What is promised about deployments.

use std::collections::BTreeSet;

use crate::esr::claim::{Claim, Predicate, Verdict, Violation};
use crate::esr::world::{
    ApplicationEntry, ArgoApplication, ArgoProject, DeploymentObject, MappingEntry,
    NamespaceObject, RepositoryEntry, World,
};
use crate::identity::{ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId};
use crate::kinds::deployment::conditions::{Condition, ConditionStyle, ERROR_OCCURRED, READY};
use crate::kinds::deployment::render::render;
use crate::kinds::deployment::spec::{normalise_repo_url, validate_rest, validate_source};
use crate::kinds::managed_environment;
use crate::operation::application::{
    ApplicationDocument, DEFAULT_PROJECT, IN_CLUSTER, application_name, cluster_name, project_name,
};
use crate::rows::{Requester, Target};
use crate::shared::messages;
use crate::shared::repository_url::source_repo_pattern;

/// The prefix of our AppProjects' names; others, such as Argo CD's own `default`, are not
/// considered.
const PROJECT_PREFIX: &str = "app-project-";

/// A valid deployment is deployed.
pub(crate) const DEPLOYED: Predicate = Predicate("ESR-GD");
/// An invalid deployment says why, and nothing else happens.
pub(crate) const REJECTED: Predicate = Predicate("ESR-GD-inv");
/// What is gone leaves nothing behind.
pub(crate) const DELETED: Predicate = Predicate("ESR-DEL");
/// What is deleted does go, but not before its resources.
pub(crate) const FINALIZED: Predicate = Predicate("ESR-FIN");
/// A deployment waits for the end of the one that had its name before.
pub(crate) const SUCCESSION: Predicate = Predicate("ESR-ONE");

/// Every promise about deployments, for each that exists or has left a trace.
pub(crate) fn violations(world: &World) -> Vec<Violation> {
    let mut violations = Vec::new();
    for uid in known_uids(world) {
        for predicate in [esr_gd, esr_gd_inv, esr_del, esr_fin] {
            violations.extend(predicate(world, &uid).err());
        }
    }
    violations.extend(permits_nothing_unneeded(&Claim::new(DELETED, "all"), world).err());
    violations
}

/// The UIDs of all deployments that exist or have left a trace.
fn known_uids(world: &World) -> BTreeSet<DeploymentUid> {
    let database = &world.database;
    let named = world.argocd.applications.iter();
    let named = named.filter_map(|one| one.name.strip_prefix("gitopsdepl-"));
    let mut uids: BTreeSet<DeploymentUid> = named.map(DeploymentUid::new).collect();
    uids.extend(world.deployments.iter().map(|one| one.uid.clone()));
    uids.extend(database.applications.iter().map(|one| one.deployment.clone()));
    uids.extend(database.mappings.iter().map(|one| one.deployment.clone()));
    let requesters = database.operations.iter().filter_map(|one| one.requester.as_ref());
    uids.extend(requesters.filter_map(Requester::deployment).cloned());
    uids
}

/// ESR-GD.
///
/// * Left side: an object with this UID exists and is not being deleted; its spec is valid; its
///   namespace exists and is not terminating; Argo CD's namespace exists.
/// * Right side: exactly one application row with the rendered document, exactly one mapping to it,
///   exactly one Argo CD Application that says the same and is labelled with the row; with isolation,
///   the tenant's AppProject permits the repository; no operation of the row is open; the status is of this
///   generation, shows no error and mirrors Argo CD's sync and health.
pub fn esr_gd(world: &World, uid: &DeploymentUid) -> Verdict {
    let claim = Claim::new(DEPLOYED, uid);
    let objects = objects(world, uid);
    let Some(object) = objects.first().filter(|object| is_wanted(world, object)) else {
        return Ok(());
    };
    if rejection(world, object).is_some() {
        return Ok(());
    }
    let users: Vec<_> =
        world.database.users.iter().filter(|user| user.tenant == object.tenant).collect();
    let user = claim.only("cluster user rows of the tenant", &users)?;
    let wanted = wanted_document(world, object, &user.id);
    let row = is_recorded(&claim, world, object, &wanted)?;
    claim.holds(row.owner == user.id, || {
        format!("the application row belongs to {:?} instead of {:?}", row.owner, user.id)
    })?;
    is_applied(&claim, world, row, &wanted)?;
    is_permitted(&claim, world, row)?;
    has_no_open_operation(&claim, world, uid, &row.id)?;
    is_told(&claim, world, object)
}

/// ESR-GD-inv.
///
/// * Left side: an object with this UID exists, is not being deleted, and its spec is invalid, or the
///   environment that it names cannot be used.
/// * Right side: `ErrorOccurred` is True with the rule's own text; `Ready` is False for the reason
///   `Rejected` or, because of the environment, `EnvironmentNotReady` (where conventional conditions
///   are written); the status is of this generation; no operation is open; at most one Application is
///   left from an earlier valid spec.
///
/// That the last good Application stays as it was is a statement about two worlds: [`untouched`].
pub fn esr_gd_inv(world: &World, uid: &DeploymentUid) -> Verdict {
    let claim = Claim::new(REJECTED, uid);
    let objects = objects(world, uid);
    let Some(object) = objects.first().filter(|object| !object.deleting) else {
        return Ok(());
    };
    let Some(texts) = rejection(world, object) else {
        return Ok(());
    };
    let status = &object.status;
    let error = find(&status.conditions, ERROR_OCCURRED);
    claim.holds(
        error.is_some_and(|one| one.status == "True" && texts.contains(&one.message)),
        || format!("{ERROR_OCCURRED} is {error:?} instead of True with one of {texts:?}"),
    )?;
    if world.settings.conditions == ConditionStyle::Conventional {
        let ready = find(&status.conditions, READY);
        let reasons = reasons_of_rejection(world, object);
        let says_so =
            |one: &Condition| one.status == "False" && reasons.contains(&one.reason.as_str());
        claim.holds(ready.is_some_and(says_so), || {
            format!("{READY} is {ready:?} instead of False, {}", reasons.join(" or "))
        })?;
    }
    is_of_this_generation(&claim, object)?;
    for row in applications(world, uid) {
        has_no_open_operation(&claim, world, uid, &row.id)?;
    }
    let count = argo_applications(world, uid).len();
    claim.holds(count <= 1, || format!("{count} Argo CD Applications instead of at most 1"))
}

/// ESR-DEL.
///
/// * Left side: no object has this UID (it was deleted, perhaps unobserved, and another object may
///   now have its name).
/// * Right side: no application row, no mapping and no Argo CD Application represents it; none of
///   its operations is open; no project permits a repository that no application row needs.
pub fn esr_del(world: &World, uid: &DeploymentUid) -> Verdict {
    let claim = Claim::new(DELETED, uid);
    if !objects(world, uid).is_empty() {
        return Ok(());
    }
    leaves_nothing(&claim, world, uid)?;
    permits_nothing_unneeded(&claim, world)
}

/// ESR-FIN, its liveness part.
///
/// * Left side: the object is being deleted (Argo CD runs in the cluster that it deploys to, so
///   the target cluster is reachable).
/// * Right side: our finalizer is not on it, so that it goes as soon as other finalizers permit.
///   What [`esr_del`] says about a deleted object holds already while others keep it.
///
/// The safety part is a statement about two worlds: [`finalizer_kept`].
pub fn esr_fin(world: &World, uid: &DeploymentUid) -> Verdict {
    let claim = Claim::new(FINALIZED, uid);
    for object in objects(world, uid).into_iter().filter(|object| object.deleting) {
        claim.holds(!object.finalizer, || "our finalizer is still on the object".to_owned())?;
        leaves_nothing(&claim, world, uid)?;
    }
    Ok(())
}

/// ESR-FIN, its safety part: an object that lost our finalizer between these two worlds had no Argo
/// CD Application and no application row before.
pub fn finalizer_kept(before: &World, after: &World, uid: &DeploymentUid) -> Verdict {
    let claim = Claim::new(FINALIZED, uid);
    let held = |world: &World| objects(world, uid).iter().any(|object| object.finalizer);
    if !held(before) || held(after) {
        return Ok(());
    }
    let count = argo_applications(before, uid).len();
    claim.holds(count == 0, || {
        format!("the finalizer was removed before {count} Argo CD Application(s)")
    })?;
    let count = applications(before, uid).len();
    claim.holds(count == 0, || {
        format!("the finalizer was removed before {count} application row(s)")
    })
}

/// ESR-ONE: of the deployments that have had one name in one namespace, one after the other, at most
/// one has an Argo CD Application: two would deploy to the same place.
pub fn one_at_a_time(world: &World, namesakes: &[DeploymentUid]) -> Verdict {
    let with_application: Vec<&DeploymentUid> =
        namesakes.iter().filter(|uid| !argo_applications(world, uid).is_empty()).collect();
    let [first, second, ..] = with_application[..] else { return Ok(()) };
    Claim::new(SUCCESSION, second).holds(false, || {
        format!("{first} had its name before and still has an Argo CD Application")
    })
}

/// ESR-GD-inv, its safety part: between these two worlds nothing happened to the application row
/// and the Argo CD Application of a deployment whose spec is invalid in both; but an Application
/// that another client had changed may again say what its row says, and an environment that leaves
/// takes the destination with it.
pub fn untouched(before: &World, after: &World, uid: &DeploymentUid) -> Verdict {
    let claim = Claim::new(REJECTED, uid);
    let invalid = |world: &World| {
        let objects = objects(world, uid);
        objects.first().is_some_and(|object| !object.deleting && rejection(world, object).is_some())
    };
    if !invalid(before) || !invalid(after) {
        return Ok(());
    }
    let recorded = |world, is_left: bool| -> Vec<ApplicationEntry> {
        let rows = applications(world, uid).into_iter().cloned();
        let emptied = |mut row: ApplicationEntry| {
            if is_left {
                row.document.spec.destination.name.clear();
            }
            row
        };
        rows.map(emptied).collect()
    };
    let has_left = |row: &&ApplicationEntry| row.document.spec.destination.name.is_empty();
    let is_left = applications(after, uid).iter().any(has_left);
    claim.holds(recorded(before, is_left) == recorded(after, is_left), || {
        "the application row was changed for an invalid spec".to_owned()
    })?;
    let specs = |world| -> Vec<_> {
        argo_applications(world, uid).into_iter().map(|one| (&one.name, &one.spec)).collect()
    };
    let (rows, found) = (applications(after, uid), argo_applications(after, uid));
    let is_as_recorded =
        matches!((&rows[..], &found[..]), ([row], [one]) if row.document.spec == one.spec);
    claim.holds(specs(before) == specs(after) || is_as_recorded, || {
        "the Argo CD Application was changed for an invalid spec".to_owned()
    })
}

fn objects<'a>(world: &'a World, uid: &DeploymentUid) -> Vec<&'a DeploymentObject> {
    world.deployments.iter().filter(|object| object.uid == *uid).collect()
}

fn applications<'a>(world: &'a World, uid: &DeploymentUid) -> Vec<&'a ApplicationEntry> {
    world.database.applications.iter().filter(|row| row.deployment == *uid).collect()
}

/// The Argo CD Applications that represent a deployment, by name or by label.
fn argo_applications<'a>(world: &'a World, uid: &DeploymentUid) -> Vec<&'a ArgoApplication> {
    let name = application_name(uid);
    let mut ids: Vec<ApplicationId> = vec![ApplicationId::of(uid)];
    ids.extend(applications(world, uid).iter().map(|row| row.id.clone()));
    let all = world.argocd.applications.iter();
    all.filter(|one| one.name == name || ids.contains(&one.application)).collect()
}

fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// The left side of ESR-GD except for the spec.
fn is_wanted(world: &World, object: &DeploymentObject) -> bool {
    let lives = |space: &NamespaceObject| space.uid == object.tenant && !space.terminating;
    !object.deleting && world.settings.instance.is_some() && world.namespaces.iter().any(lives)
}

/// The environment that a spec names.
struct NamedEnvironment<'a> {
    is_usable: bool,
    row: Option<&'a EnvironmentId>,
}

fn named_environment<'a>(
    world: &'a World,
    object: &DeploymentObject,
) -> Option<NamedEnvironment<'a>> {
    if object.spec.environment.is_empty() {
        return None;
    }
    let mut all = world.environments.iter();
    let found = all.find(|one| {
        one.tenant == object.tenant && one.name == object.spec.environment && !one.deleting
    });
    let mut rows = world.database.environments.iter();
    let row = rows.find(|row| found.is_some_and(|one| row.environment.as_ref() == Some(&one.uid)));
    Some(NamedEnvironment {
        is_usable: found.is_some_and(managed_environment::esr::is_accepted),
        row: row.map(|row| &row.id),
    })
}

/// The reasons that `Ready` may give. Without any environment in the world, it is not known whether
/// environments are served.
fn reasons_of_rejection(world: &World, object: &DeploymentObject) -> &'static [&'static str] {
    let is_usable = named_environment(world, object).is_some_and(|named| named.is_usable);
    if object.spec.environment.is_empty() || is_usable || validate_source(&object.spec).is_err() {
        return &["Rejected"];
    }
    if world.environments.is_empty() {
        return &["Rejected", "EnvironmentNotReady"];
    }
    &["EnvironmentNotReady"]
}

/// Why a spec is invalid, in each of the wordings that the contract has for it.
fn rejection(world: &World, object: &DeploymentObject) -> Option<Vec<String>> {
    if let Err(text) = validate_source(&object.spec) {
        return Some(vec![text]);
    }
    let is_usable = named_environment(world, object).is_some_and(|named| named.is_usable);
    if !object.spec.environment.is_empty() && !is_usable {
        return Some(vec![
            messages::ENVIRONMENT.to_owned(),
            messages::ENVIRONMENT_UPDATE.to_owned(),
        ]);
    }
    let rest = [true, false].map(|first| validate_rest(&object.name, &object.spec, first).err());
    let texts: Vec<String> = rest.into_iter().flatten().collect();
    (!texts.is_empty()).then_some(texts)
}

fn wanted_document(
    world: &World,
    object: &DeploymentObject,
    user: &ClusterUserId,
) -> ApplicationDocument {
    let settings = &world.settings;
    let project = if settings.isolation { project_name(user) } else { DEFAULT_PROJECT.to_owned() };
    let argocd_namespace = &settings.argocd_namespace;
    let mut document =
        render(&object.uid, &object.namespace, &object.spec, argocd_namespace, project);
    if let Some(row) = named_environment(world, object).and_then(|named| named.row) {
        document.spec.destination.name = cluster_name(row);
    }
    document
}

fn is_recorded<'a>(
    claim: &Claim,
    world: &'a World,
    object: &DeploymentObject,
    wanted: &ApplicationDocument,
) -> Result<&'a ApplicationEntry, Violation> {
    let row = claim.only("application rows", &applications(world, &object.uid))?;
    claim.holds(row.document == *wanted, || {
        format!("the application row says {:?} instead of {wanted:?}", row.document)
    })?;
    let related = |one: &&MappingEntry| one.deployment == object.uid || one.application == row.id;
    let mappings: Vec<_> = world.database.mappings.iter().filter(related).collect();
    let mapping = claim.only("mapping rows", &mappings)?;
    let expected = MappingEntry {
        deployment: object.uid.clone(),
        application: row.id.clone(),
        name: object.name.clone(),
        tenant: object.tenant.clone(),
    };
    claim.holds(*mapping == expected, || {
        format!("the mapping row is {mapping:?} instead of {expected:?}")
    })?;
    Ok(row)
}

fn is_applied(
    claim: &Claim,
    world: &World,
    row: &ApplicationEntry,
    wanted: &ApplicationDocument,
) -> Verdict {
    let found = argo_applications(world, &row.deployment);
    let application = claim.only("Argo CD Applications", &found)?;
    claim.holds(application.name == wanted.name, || {
        format!("the Argo CD Application is named {:?}", application.name)
    })?;
    claim.holds(application.spec == wanted.spec, || {
        format!("Argo CD's Application says {:?} instead of {:?}", application.spec, wanted.spec)
    })?;
    claim.holds(application.application == row.id, || {
        format!("the label databaseID is {:?} instead of {:?}", application.application, row.id)
    })
}

fn is_permitted(claim: &Claim, world: &World, row: &ApplicationEntry) -> Verdict {
    let written = &row.document.spec.source.repo_url;
    let recorded: Vec<_> =
        world.database.repositories.iter().filter(|one| records(one, row)).collect();
    claim.only(&format!("repository rows for {written}"), &recorded)?;
    // Argo CD's own AppProject permits everything. What is left of the tenant's goes with a rescan.
    if !world.settings.isolation {
        return Ok(());
    }
    let name = project_name(&row.owner);
    let projects: Vec<_> = world.argocd.projects.iter().filter(|one| one.name == name).collect();
    let project = claim.only(&format!("AppProjects {name}"), &projects)?;
    // Argo CD compares what is written.
    let pattern = source_repo_pattern(written);
    claim.holds(project.source_repos.iter().any(|one| *one == pattern), || {
        format!("the AppProject permits {:?} and not {pattern}", project.source_repos)
    })?;
    let cluster = &row.document.spec.destination.name;
    let is_permitted = cluster.is_empty() || project.destinations.contains(cluster);
    claim.holds(is_permitted, || {
        format!("the AppProject permits {:?} and not {cluster}", project.destinations)
    })
}

/// Whether a row of a repository is the one that an application needs: one for each way the owner
/// writes the URL.
fn records(entry: &RepositoryEntry, row: &ApplicationEntry) -> bool {
    let written = &row.document.spec.source.repo_url;
    let normalised = normalise_repo_url(written).unwrap_or_else(|| written.clone());
    entry.owner == row.owner && entry.written == *written && entry.repo_url == normalised
}

fn has_no_open_operation(
    claim: &Claim,
    world: &World,
    uid: &DeploymentUid,
    application: &ApplicationId,
) -> Verdict {
    let target = Target::Application(application.clone());
    let requester = Requester::Deployment(uid.clone());
    let open = world.database.operations.iter().find(|operation| {
        !operation.state.is_terminal()
            && (operation.target == target || operation.requester.as_ref() == Some(&requester))
    });
    claim.holds(open.is_none(), || format!("an operation is open: {open:?}"))
}

fn is_told(claim: &Claim, world: &World, object: &DeploymentObject) -> Verdict {
    is_of_this_generation(claim, object)?;
    let error = find(&object.status.conditions, ERROR_OCCURRED);
    claim.holds(error.is_none_or(|error| error.status == "False"), || {
        format!("the status tells of an error that is over: {error:?}")
    })?;
    let application = claim.only("Argo CD Applications", &argo_applications(world, &object.uid))?;
    claim.holds(object.status.report == application.report, || {
        format!("the status mirrors {:?} of {:?}", object.status.report, application.report)
    })
}

fn is_of_this_generation(claim: &Claim, object: &DeploymentObject) -> Verdict {
    let (told, is) = (object.status.observed_generation, object.generation);
    claim.holds(told == is, || format!("the status is of generation {} and not {}", told.0, is.0))
}

fn leaves_nothing(claim: &Claim, world: &World, uid: &DeploymentUid) -> Verdict {
    let count = applications(world, uid).len();
    claim.holds(count == 0, || format!("{count} application row(s) are left"))?;
    let count = world.database.mappings.iter().filter(|one| one.deployment == *uid).count();
    claim.holds(count == 0, || format!("{count} mapping row(s) are left"))?;
    let count = argo_applications(world, uid).len();
    claim.holds(count == 0, || format!("{count} Argo CD Application(s) are left"))?;
    has_no_open_operation(claim, world, uid, &ApplicationId::of(uid))
}

fn permits_nothing_unneeded(claim: &Claim, world: &World) -> Verdict {
    let rows = &world.database.applications;
    let credentials = &world.database.credentials;
    for entry in &world.database.repositories {
        let needed = rows.iter().any(|row| records(entry, row))
            || credentials
                .iter()
                .any(|row| row.owner == entry.owner && row.repository == entry.written);
        claim.holds(needed, || {
            format!("neither an application nor a credential needs the repository row {entry:?}")
        })?;
    }
    let ours = |project: &&ArgoProject| project.name.starts_with(PROJECT_PREFIX);
    for project in world.argocd.projects.iter().filter(ours) {
        for repo_url in &project.source_repos {
            let needed = rows.iter().any(|row| {
                project_name(&row.owner) == project.name
                    && source_repo_pattern(&row.document.spec.source.repo_url) == *repo_url
            }) || credentials.iter().any(|row| {
                project_name(&row.owner) == project.name
                    && source_repo_pattern(&row.repository) == *repo_url
            });
            claim.holds(needed, || {
                let name = &project.name;
                format!("nothing needs {repo_url} in the AppProject {name}")
            })?;
        }
        for cluster in &project.destinations {
            let mut environments = world.database.environments.iter();
            let needed = *cluster == IN_CLUSTER
                || environments.any(|row| {
                    project_name(&row.owner) == project.name && cluster_name(&row.id) == *cluster
                });
            claim.holds(needed, || {
                format!("nothing needs {cluster} in the AppProject {}", project.name)
            })?;
        }
        let used = rows.iter().any(|row| project_name(&row.owner) == project.name)
            || credentials.iter().any(|row| project_name(&row.owner) == project.name);
        claim.holds(used, || format!("nothing needs the AppProject {}", project.name))?;
    }
    Ok(())
}
