//! What is promised about managed environments.

use std::collections::BTreeSet;

use super::spec::{Problem, UrlProblem, problem};
use super::status::CONNECTION_INITIALIZATION_SUCCEEDED;
use super::verdict::Verdict;
use super::{EnvironmentUid, messages};
use crate::esr::claim::{Claim, Predicate, Verdict as Held, Violation};
use crate::esr::world::{ArgoCluster, EnvironmentEntry, EnvironmentObject, World};
use crate::identity::EnvironmentId;
use crate::operation::application::project_name;
use crate::rows::Requester;
use crate::shared::condition::{ConditionStyle, READY, STALLED};

/// An environment says what its cluster says of it, and Argo CD has what was accepted.
pub(crate) const SERVED: Predicate = Predicate("ESR-ME");
/// No tenant has another's environment.
pub(crate) const ISOLATED: Predicate = Predicate("ISO");

/// Every promise about environments, for each that exists or has left a trace.
pub(crate) fn violations(world: &World) -> Vec<Violation> {
    let uids = known_uids(world).into_iter();
    let mut violations: Vec<Violation> = uids.filter_map(|uid| esr_me(world, &uid).err()).collect();
    violations.extend(has_an_owner(world).err());
    violations.extend(isolated(world).err());
    violations
}

/// The UIDs of all environments that exist or have left a trace.
fn known_uids(world: &World) -> BTreeSet<EnvironmentUid> {
    let database = &world.database;
    let mut uids: BTreeSet<EnvironmentUid> =
        world.environments.iter().map(|one| one.uid.clone()).collect();
    uids.extend(database.environments.iter().filter_map(|one| one.environment.clone()));
    uids.extend(world.remote.iter().map(|one| one.environment.clone()));
    uids.extend(database.operations.iter().filter_map(|one| match one.requester.as_ref()? {
        Requester::Environment(uid) => Some(uid.clone()),
        Requester::Deployment(_) | Requester::Credential(_) | Requester::SyncRun(_) => None,
    }));
    uids
}

/// ESR-ME.
///
/// * Left side: nothing changes any more, neither a Secret nor what a cluster says, and since then
///   each cluster was asked again; no Application is being deleted.
/// * Right side: no operation of the environment is open. If its object is gone or going, or its
///   namespace is, nothing of it is left, also on clusters, except for what an Event lists. Otherwise
///   its conditions say what is wrong with its spec, or else what its cluster says of the Secret as it
///   is. If that is accepted, one row says what is in the spec and in the Secret; otherwise there is at
///   most one row, with what was accepted last. What the row says, exactly one cluster Secret of Argo
///   CD says, for the tenant's AppProject. What was made on a cluster is in use, or an Event lists it.
pub fn esr_me(world: &World, uid: &EnvironmentUid) -> Held {
    let claim = Claim::new(SERVED, uid);
    let requester = Requester::Environment(uid.clone());
    let mut operations = world.database.operations.iter();
    let open = operations
        .find(|one| one.requester.as_ref() == Some(&requester) && !one.state.is_terminal());
    claim.holds(open.is_none(), || format!("{open:?} is open"))?;
    let all = &world.database.environments;
    let rows: Vec<&EnvironmentEntry> =
        all.iter().filter(|one| one.environment.as_ref() == Some(uid)).collect();
    let mut objects = world.environments.iter();
    let Some(object) = objects.find(|one| one.uid == *uid && !one.deleting) else {
        claim.holds(rows.is_empty(), || format!("{rows:?} are left"))?;
        leaves_nothing_on_clusters(&claim, world, uid, false)?;
        return is_not_told(&claim, world, &EnvironmentId::of(uid));
    };
    let mut namespaces = world.namespaces.iter();
    if !namespaces.any(|one| one.uid == object.tenant && !one.terminating) {
        return Ok(());
    }
    // Without Argo CD nothing new can be written, and that is all that is said.
    if world.settings.instance.is_none() {
        return Ok(());
    }
    says_what_is_so(&claim, world, object)?;
    if is_accepted(object) {
        let row = claim.only("rows", &rows)?;
        is_recorded(&claim, object, row)?;
        leaves_nothing_on_clusters(&claim, world, uid, true)?;
    }
    claim.holds(rows.len() <= 1, || format!("{rows:?} instead of at most 1"))?;
    match rows.first() {
        Some(row) => is_told(&claim, world, row),
        None => is_not_told(&claim, world, &EnvironmentId::of(uid)),
    }
}

/// Nothing in Argo CD's namespace, and nothing beside the rows, is there without a row of an
/// environment.
fn has_an_owner(world: &World) -> Held {
    let claim = Claim::new(SERVED, "all");
    let database = &world.database;
    let left = &database.left_cluster_credentials;
    // An account that was replaced is revoked once its environment is accepted again, or at its end.
    let mut environments = world.environments.iter();
    let may_be_needed = environments.any(|one| !one.deleting && !is_accepted(one));
    claim.holds(left.is_empty() || may_be_needed, || {
        format!("mappings or credentials of {left:?} are left")
    })?;
    let mut rows = database.environments.iter();
    let row = rows.find(|row| row.environment.is_none());
    claim.holds(row.is_none(), || format!("{row:?} represents no environment"))?;
    let is_owned = |one: &&ArgoCluster| database.environments.iter().any(|row| row.id == one.row);
    let orphan = world.argocd.clusters.iter().find(|one| !is_owned(one));
    claim.holds(orphan.is_none(), || format!("{orphan:?} has no row"))
}

/// ISO: a row is owned by the tenant of its object, and what Argo CD is told of it is for that
/// tenant's AppProject and for no other.
pub fn isolated(world: &World) -> Held {
    let database = &world.database;
    for row in &database.environments {
        let claim = Claim::new(ISOLATED, &row.id);
        let mut objects = world.environments.iter();
        let Some(object) = objects.find(|one| Some(&one.uid) == row.environment.as_ref()) else {
            continue;
        };
        let owner = database.users.iter().find(|user| user.id == row.owner);
        claim.holds(owner.is_some_and(|owner| owner.tenant == object.tenant), || {
            format!("the row of {} is owned by {owner:?}", object.tenant)
        })?;
    }
    for told in &world.argocd.clusters {
        let claim = Claim::new(ISOLATED, &told.row);
        let Some(row) = database.environments.iter().find(|row| row.id == told.row) else {
            continue;
        };
        let project = world.settings.isolation.then(|| project_name(&row.owner));
        claim.holds(told.project == project, || {
            format!("Argo CD's Secret is for {:?} instead of {project:?}", told.project)
        })?;
    }
    Ok(())
}

/// Whether the spec is valid and the cluster accepts the credentials.
pub(crate) fn is_accepted(object: &EnvironmentObject) -> bool {
    problem(&object.spec).is_none() && object.verdict.is_accepted()
}

fn is_recorded(claim: &Claim, object: &EnvironmentObject, row: &EnvironmentEntry) -> Held {
    claim.holds(row.api_url == object.spec.api_url, || {
        format!("the row is of {} instead of {}", row.api_url, object.spec.api_url)
    })?;
    let namespaces = object.spec.joined_namespaces();
    claim.holds(row.namespaces == namespaces, || {
        format!("the row has the namespaces {:?} instead of {namespaces:?}", row.namespaces)
    })?;
    let Verdict::Accepted { told } = &object.verdict else { return Ok(()) };
    claim.holds(row.content.as_ref() == Some(told), || {
        "the row says something else than what was accepted".to_owned()
    })
}

fn is_told(claim: &Claim, world: &World, row: &EnvironmentEntry) -> Held {
    let told: Vec<_> = told_of(world, &row.id);
    let told = claim.only("Secrets of Argo CD", &told)?;
    claim.holds(told.labelled, || "Argo CD's Secret lacks a label".to_owned())?;
    claim.holds(Some(&told.content) == row.content.as_ref(), || {
        "Argo CD's Secret says something else than the row".to_owned()
    })
}

fn is_not_told(claim: &Claim, world: &World, row: &EnvironmentId) -> Held {
    let told = told_of(world, row);
    claim.holds(told.is_empty(), || format!("{told:?} are left"))
}

fn told_of<'a>(world: &'a World, row: &EnvironmentId) -> Vec<&'a ArgoCluster> {
    world.argocd.clusters.iter().filter(|one| one.row == *row).collect()
}

/// What was made on clusters is in use, if anything may be, or an Event lists it.
fn leaves_nothing_on_clusters(
    claim: &Claim,
    world: &World,
    uid: &EnvironmentUid,
    may_be_used: bool,
) -> Held {
    let mut made = world.remote.iter().filter(|one| one.environment == *uid);
    let left = made.find(|one| !(one.is_listed || may_be_used && one.is_used));
    claim.holds(left.is_none(), || format!("{left:?} is left on a cluster"))
}

fn says_what_is_so(claim: &Claim, world: &World, object: &EnvironmentObject) -> Held {
    let (status, reason, messages) = contract(object);
    let is_contract = |type_: &str| type_ == CONNECTION_INITIALIZATION_SUCCEEDED;
    let conditions = &object.conditions;
    let found: Vec<_> = conditions.iter().filter(|one| is_contract(&one.type_)).collect();
    let is = claim.only(CONNECTION_INITIALIZATION_SUCCEEDED, &found)?;
    let is_so = is.status == status && is.reason == reason && messages.contains(&is.message);
    claim.holds(is_so, || format!("{is:?} instead of {status}, {reason}, {messages:?}"))?;
    if world.settings.conditions == ConditionStyle::Legacy {
        return claim.holds(conditions.len() == 1, || {
            format!("{conditions:?} instead of the contract's one")
        });
    }
    let accepted = is_accepted(object);
    for (type_, is_so) in [(READY, accepted), (STALLED, !accepted)] {
        let is = conditions.iter().find(|one| one.type_ == type_);
        let status = if is_so { "True" } else { "False" };
        let says_so = is.is_some_and(|one| {
            one.status == status
                && one.observed_generation == Some(object.generation)
                && cause(object).is_none_or(|cause| one.reason == cause)
        });
        claim.holds(says_so, || {
            let generation = object.generation.0;
            format!("{is:?} instead of {status} of generation {generation}, {:?}", cause(object))
        })?;
    }
    Ok(())
}

/// The reason of a refusal that the cluster or the Secret is to blame for.
fn cause(object: &EnvironmentObject) -> Option<&str> {
    match &object.verdict {
        Verdict::Refused(refusal) if problem(&object.spec).is_none() => Some(&refusal.cause),
        _ => None,
    }
}

/// What the contract's condition says: status, reason and message, in each of the wordings that it
/// has.
fn contract(object: &EnvironmentObject) -> (String, String, Vec<String>) {
    let EnvironmentObject { spec, name, namespace, verdict, .. } = object;
    let says = |status: &str, reason: &str, message: &str| {
        (status.to_owned(), reason.to_owned(), vec![message.to_owned()])
    };
    let not_found = || {
        says("False", "SecretNotFound", &messages::secret_not_found(&spec.secret, name, namespace))
    };
    let invalid_namespace = |invalid: &str| {
        let wordings = [true, false].map(|known| messages::invalid_namespace(invalid, known));
        ("Unknown".to_owned(), "InvalidNamespaceList".to_owned(), wordings.to_vec())
    };
    match problem(spec) {
        Some(Problem::Url(problem)) => {
            let message = match problem {
                UrlProblem::Query => "the API URL must not have ? or & values",
                UrlProblem::Scheme => "cluster api url must start with https://",
                UrlProblem::TooLong => messages::URL_TOO_LONG,
                UrlProblem::Fragment => messages::URL_FRAGMENT,
                UrlProblem::User => messages::URL_USER,
            };
            return says("Unknown", "UnsupportedAPIURL", message);
        }
        Some(Problem::Namespace(invalid)) => return invalid_namespace(&invalid),
        Some(Problem::NamespacesTooLong) => {
            return invalid_namespace(messages::TOO_MANY_NAMESPACES);
        }
        Some(Problem::NoSecret) => {
            let message = messages::secret_not_specified(name, namespace);
            return says("False", "SecretNotSpecified", &message);
        }
        Some(Problem::SecretName) => return not_found(),
        None => {}
    }
    match verdict {
        Verdict::Accepted { .. } => says("True", "Succeeded", ""),
        Verdict::SecretMissing {} => not_found(),
        Verdict::Refused(refusal) => says(&refusal.status, &refusal.reason, &refusal.message),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{accepted, refused, spec};
    use super::*;
    use crate::esr::world::{NamespaceObject, OperationEntry, RemoteEntry, UserEntry};
    use crate::identity::{ClusterUserId, Digest, Generation, InstanceId, OperationId, TenantUid};
    use crate::kinds::managed_environment::ClusterCredentialsId;
    use crate::rows::{OperationState, Target};
    use crate::shared::condition::Condition;

    type Break = fn(&mut World);

    fn uid() -> EnvironmentUid {
        EnvironmentUid::new("uid-1")
    }

    /// One environment of one tenant, accepted and delivered.
    fn good() -> World {
        let tenant = TenantUid::new("ns-1");
        let (user, id) = (ClusterUserId::of(&tenant), EnvironmentId::of(&uid()));
        let content = Digest::new("content");
        let mut world = World::default();
        world.settings.instance = Some(InstanceId::new("instance-1"));
        world.settings.isolation = true;
        world.namespaces.push(NamespaceObject { uid: tenant.clone(), ..Default::default() });
        world.database.users.push(UserEntry { id: user.clone(), tenant: tenant.clone() });
        world.database.environments.push(EnvironmentEntry {
            id: id.clone(),
            environment: Some(uid()),
            owner: user.clone(),
            api_url: spec().api_url,
            namespaces: String::new(),
            content: Some(content.clone()),
        });
        world.argocd.clusters.push(ArgoCluster {
            row: id,
            labelled: true,
            project: Some(project_name(&user)),
            content,
        });
        world.environments.push(EnvironmentObject {
            uid: uid(),
            tenant,
            namespace: "team-a".to_owned(),
            name: "staging".to_owned(),
            generation: Generation(1),
            deleting: false,
            spec: spec(),
            conditions: Vec::new(),
            verdict: accepted("content"),
        });
        world.remote.push(RemoteEntry {
            environment: uid(),
            object: "ServiceAccount kube-system/argocd-manager-uid-1".to_owned(),
            is_used: true,
            is_listed: false,
        });
        tell(&mut world);
        world
    }

    /// The conditions say what is so.
    fn tell(world: &mut World) {
        let object = &mut world.environments[0];
        let accepted = is_accepted(object);
        let (status, reason, messages) = contract(object);
        let type_ = CONNECTION_INITIALIZATION_SUCCEEDED;
        let contract = Condition::new(type_, &status, &reason, &messages[0]);
        let reason = cause(object).unwrap_or("Succeeded").to_owned();
        let conventional = [(READY, accepted), (STALLED, !accepted)].map(|(type_, is_so)| {
            let status = if is_so { "True" } else { "False" };
            let condition = Condition::new(type_, status, &reason, "");
            Condition { observed_generation: Some(Generation(1)), ..condition }
        });
        object.conditions = [contract].into_iter().chain(conventional).collect();
    }

    fn bad() -> World {
        let mut world = good();
        world.environments[0].verdict = refused("TimedOut");
        tell(&mut world);
        world
    }

    fn each_breaks(good: fn() -> World, predicate: Predicate, table: &[(&str, Break)]) {
        assert_eq!(violations(&good()), []);
        for (expected, spoil) in table {
            let mut world = good();
            spoil(&mut world);
            let found = violations(&world);
            let is_it =
                |one: &Violation| one.predicate == predicate && one.difference.contains(expected);
            assert!(found.iter().any(is_it), "{expected:?} in {found:?}");
        }
    }

    fn open(world: &mut World) {
        world.database.operations.push(OperationEntry {
            id: OperationId::new("operation"),
            target: Target::Environment(EnvironmentId::of(&uid())),
            requester: Some(Requester::Environment(uid())),
            state: OperationState::Waiting,
        });
    }

    #[test]
    fn esr_me_fails_for_each_clause_that_is_broken() {
        let table: [(&str, Break); 18] = [
            ("is open", open),
            ("0 rows instead of 1", |world| world.database.environments.clear()),
            ("the row is of", |world| {
                world.database.environments[0].api_url = "https://b".to_owned();
            }),
            ("the row has the namespaces", |world| {
                world.environments[0].spec.namespaces = vec!["a".to_owned()];
            }),
            ("the row says something else", |world| {
                world.environments[0].verdict = accepted("rotated");
            }),
            ("the row says something else", |world| world.database.environments[0].content = None),
            ("0 Secrets of Argo CD", |world| world.argocd.clusters.clear()),
            ("lacks a label", |world| world.argocd.clusters[0].labelled = false),
            ("Argo CD's Secret says something else", |world| {
                world.argocd.clusters[0].content = Digest::new("by-hand");
            }),
            ("instead of False, SecretNotFound", |world| {
                world.environments[0].verdict = Verdict::SecretMissing {};
            }),
            ("0 ConnectionInitializationSucceeded", |world| {
                world.environments[0].conditions.remove(0);
            }),
            ("instead of True of generation 2", |world| {
                world.environments[0].generation = Generation(2);
            }),
            ("are left", |world| world.environments.clear()),
            ("are left", |world| world.environments[0].deleting = true),
            ("represents no environment", |world| {
                world.database.environments[0].environment = None;
            }),
            ("mappings or credentials", |world| {
                let left = ClusterCredentialsId::new("gone");
                world.database.left_cluster_credentials.push(left);
            }),
            ("has no row", |world| {
                world.environments.clear();
                world.database.environments.clear();
            }),
            ("is left on a cluster", |world| world.remote[0].is_used = false),
        ];
        each_breaks(good, SERVED, &table);
        let table: [(&str, Break); 2] = [
            ("Argo CD's Secret says something else", |world| {
                world.argocd.clusters[0].content = Digest::new("by-hand");
            }),
            ("of generation 1, Some(\"Unreachable\")", |world| {
                world.environments[0].verdict = refused("Unreachable");
            }),
        ];
        each_breaks(bad, SERVED, &table);
    }

    #[test]
    fn gaps_14_legacy_conditions_are_exactly_one() {
        let mut world = good();
        world.settings.conditions = ConditionStyle::Legacy;
        assert!(violations(&world)[0].difference.contains("instead of the contract's one"));
        world.environments[0].conditions.truncate(1);
        assert_eq!(violations(&world), []);
    }

    #[test]
    fn what_is_gone_leaves_nothing_on_clusters_but_what_an_event_lists() {
        let mut world = good();
        world.environments.clear();
        world.database.environments.clear();
        world.argocd.clusters.clear();
        assert!(violations(&world)[0].difference.contains("is left on a cluster"));
        world.remote[0].is_listed = true;
        assert_eq!(violations(&world), []);
    }

    #[test]
    fn what_was_accepted_last_may_stay_and_need_not_have_been() {
        let mut world = bad();
        world.database.environments.clear();
        world.argocd.clusters.clear();
        assert_eq!(violations(&world), []);
    }

    #[test]
    fn iso_fails_if_a_tenant_has_anothers() {
        let table: [(&str, Break); 3] = [
            ("is owned by", |world| {
                let other = TenantUid::new("ns-2");
                world.database.environments[0].owner = ClusterUserId::of(&other);
            }),
            ("instead of Some", |world| world.argocd.clusters[0].project = None),
            ("instead of None", |world| world.settings.isolation = false),
        ];
        each_breaks(good, ISOLATED, &table);
    }
}
