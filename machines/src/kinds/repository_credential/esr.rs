//! What is promised about repository credentials.

use std::collections::BTreeSet;

use super::spec::{Problem, problem};
use super::status::{VALID_REPOSITORY_CREDENTIAL, VALID_REPOSITORY_URL};
use super::verdict::Verdict;
use super::{CredentialId, CredentialUid, messages};
use crate::esr::claim::{Claim, Predicate, Verdict as Held, Violation};
use crate::esr::world::{ArgoRepository, CredentialEntry, CredentialObject, World};
use crate::operation::application::project_name;
use crate::rows::Requester;
use crate::shared::condition::{Condition, ConditionStyle, ERROR_OCCURRED, READY, STALLED};

/// A credential says what its repository says of it, and Argo CD has what was accepted.
pub(crate) const SERVED: Predicate = Predicate("ESR-RC");
/// No tenant has another's credential.
pub(crate) const ISOLATED: Predicate = Predicate("ISO");

/// Every promise about repository credentials, for each that exists or has left a trace.
pub(crate) fn violations(world: &World) -> Vec<Violation> {
    let uids = known_uids(world).into_iter();
    let mut violations: Vec<Violation> = uids.filter_map(|uid| esr_rc(world, &uid).err()).collect();
    violations.extend(has_an_owner(world).err());
    violations.extend(isolated(world).err());
    violations
}

/// The UIDs of all credentials that exist or have left a trace.
fn known_uids(world: &World) -> BTreeSet<CredentialUid> {
    let database = &world.database;
    let mut uids: BTreeSet<CredentialUid> =
        world.credentials.iter().map(|one| one.uid.clone()).collect();
    uids.extend(database.credentials.iter().filter_map(|one| one.credential.clone()));
    uids.extend(database.operations.iter().filter_map(|one| match one.requester.as_ref()? {
        Requester::Credential(uid) => Some(uid.clone()),
        Requester::Deployment(_) | Requester::Environment(_) | Requester::SyncRun(_) => None,
    }));
    uids
}

/// ESR-RC.
///
/// * Left side: nothing changes any more, neither a Secret nor what a server says, and since then
///   each repository was asked again.
/// * Right side: no operation of the credential is open. If its object is gone or going, or its
///   namespace is, nothing of it is left. Otherwise its conditions say what is wrong with its spec,
///   or else what its repository's server says of the Secret as it is. If that is accepted, one row
///   says what is in the Secret; otherwise there is at most one row, with what was accepted last.
///   What the row says, exactly one Secret of Argo CD says, for the tenant's AppProject.
pub fn esr_rc(world: &World, uid: &CredentialUid) -> Held {
    let claim = Claim::new(SERVED, uid);
    let requester = Requester::Credential(uid.clone());
    let mut operations = world.database.operations.iter();
    let open = operations
        .find(|one| one.requester.as_ref() == Some(&requester) && !one.state.is_terminal());
    claim.holds(open.is_none(), || format!("{open:?} is open"))?;
    let all = &world.database.credentials;
    let rows: Vec<&CredentialEntry> =
        all.iter().filter(|one| one.credential.as_ref() == Some(uid)).collect();
    let mut objects = world.credentials.iter();
    let Some(object) = objects.find(|one| one.uid == *uid && !one.deleting) else {
        claim.holds(rows.is_empty(), || format!("{rows:?} are left"))?;
        return is_not_told(&claim, world, &CredentialId::of(uid));
    };
    let lives = |tenant| world.namespaces.iter().any(|one| one.uid == tenant && !one.terminating);
    if !lives(object.tenant.clone()) {
        return Ok(());
    }
    says_what_is_so(&claim, world, object)?;
    // Without Argo CD nothing new can be written.
    if world.settings.instance.is_none() {
        return Ok(());
    }
    if is_accepted(object) {
        let row = claim.only("rows", &rows)?;
        is_recorded(&claim, object, row)?;
    }
    claim.holds(rows.len() <= 1, || format!("{rows:?} instead of at most 1"))?;
    match rows.first() {
        Some(row) => is_told(&claim, world, row),
        None => is_not_told(&claim, world, &CredentialId::of(uid)),
    }
}

/// Nothing in Argo CD's namespace, and nothing beside the rows, is there without a row of a
/// credential.
fn has_an_owner(world: &World) -> Held {
    let claim = Claim::new(SERVED, "all");
    let database = &world.database;
    let left = &database.left_credentials;
    claim.holds(left.is_empty(), || format!("mappings or sealed values of {left:?} are left"))?;
    let mut rows = database.credentials.iter();
    let row = rows.find(|row| row.credential.is_none());
    claim.holds(row.is_none(), || format!("{row:?} represents no credential"))?;
    let is_owned = |one: &&ArgoRepository| database.credentials.iter().any(|row| row.id == one.row);
    let orphan = world.argocd.repositories.iter().find(|one| !is_owned(one));
    claim.holds(orphan.is_none(), || format!("{orphan:?} has no row"))
}

/// ISO: a row is owned by the tenant of its object, and what Argo CD is told of it is for that
/// tenant's AppProject and for no other.
pub fn isolated(world: &World) -> Held {
    let database = &world.database;
    for row in &database.credentials {
        let claim = Claim::new(ISOLATED, &row.id);
        let mut objects = world.credentials.iter();
        let Some(object) = objects.find(|one| Some(&one.uid) == row.credential.as_ref()) else {
            continue;
        };
        let owner = database.users.iter().find(|user| user.id == row.owner);
        claim.holds(owner.is_some_and(|owner| owner.tenant == object.tenant), || {
            format!("the row of {} is owned by {owner:?}", object.tenant)
        })?;
    }
    for told in &world.argocd.repositories {
        let claim = Claim::new(ISOLATED, &told.row);
        let Some(row) = database.credentials.iter().find(|row| row.id == told.row) else {
            continue;
        };
        let project = world.settings.isolation.then(|| project_name(&row.owner));
        claim.holds(told.project == project, || {
            format!("Argo CD's Secret is for {:?} instead of {project:?}", told.project)
        })?;
    }
    Ok(())
}

fn is_accepted(object: &CredentialObject) -> bool {
    problem(&object.spec).is_none() && object.verdict.is_accepted()
}

fn is_recorded(claim: &Claim, object: &CredentialObject, row: &CredentialEntry) -> Held {
    claim.holds(row.repository == object.spec.repository, || {
        format!("the row is of {} instead of {}", row.repository, object.spec.repository)
    })?;
    claim.holds(row.content.as_ref() == Some(&object.content), || {
        "the row says something else than the Secret".to_owned()
    })
}

fn is_told(claim: &Claim, world: &World, row: &CredentialEntry) -> Held {
    let told: Vec<_> = told_of(world, &row.id);
    let told = claim.only("Secrets of Argo CD", &told)?;
    claim.holds(told.labelled, || "Argo CD's Secret lacks a label".to_owned())?;
    claim.holds(Some(&told.content) == row.content.as_ref(), || {
        "Argo CD's Secret says something else than the row".to_owned()
    })
}

fn is_not_told(claim: &Claim, world: &World, row: &CredentialId) -> Held {
    let told = told_of(world, row);
    claim.holds(told.is_empty(), || format!("{told:?} are left"))
}

fn told_of<'a>(world: &'a World, row: &CredentialId) -> Vec<&'a ArgoRepository> {
    world.argocd.repositories.iter().filter(|one| one.row == *row).collect()
}

fn says_what_is_so(claim: &Claim, world: &World, object: &CredentialObject) -> Held {
    let found = |type_: &str| object.conditions.iter().find(|one| one.type_ == type_);
    for (type_, status, reason, message) in contract(object) {
        let is = found(type_);
        let is_so = |one: &Condition| {
            one.status == status
                && one.reason == reason
                && message.as_ref().is_none_or(|message| one.message == *message)
        };
        claim.holds(is.is_some_and(is_so), || {
            format!("{is:?} instead of {status}, {reason}, {message:?}")
        })?;
    }
    if world.settings.conditions == ConditionStyle::Legacy || world.settings.instance.is_none() {
        return Ok(());
    }
    let accepted = is_accepted(object);
    for (type_, is_so) in [(READY, accepted), (STALLED, !accepted)] {
        let (is, status) = (found(type_), if is_so { "True" } else { "False" });
        let generation = Some(object.generation);
        let says_so = |one: &Condition| {
            one.status == status
                && one.observed_generation == generation
                && cause(object).is_none_or(|cause| one.reason == cause)
        };
        claim.holds(is.is_some_and(says_so), || {
            let generation = object.generation.0;
            format!("{is:?} instead of {status} of generation {generation}, {:?}", cause(object))
        })?;
    }
    Ok(())
}

/// The reason of a refusal that the server is to blame for.
fn cause(object: &CredentialObject) -> Option<&str> {
    match &object.verdict {
        Verdict::Refused { cause, .. } if problem(&object.spec).is_none() => Some(cause),
        _ => None,
    }
}

/// What the contract's conditions say: type, status, reason and, if it is fixed, the message.
type Said = (&'static str, &'static str, &'static str, Option<String>);

fn contract(object: &CredentialObject) -> [Said; 3] {
    let alike = |reason: &'static str, message: Option<String>| {
        [
            (ERROR_OCCURRED, "True", reason, message.clone()),
            (VALID_REPOSITORY_URL, "False", reason, message.clone()),
            (VALID_REPOSITORY_CREDENTIAL, "False", reason, message),
        ]
    };
    let text = |text: &str| Some(text.to_owned());
    match problem(&object.spec) {
        Some(Problem::NoSecret) => {
            return alike("SecretNotSpecified", text(messages::SECRET_NOT_SPECIFIED));
        }
        Some(Problem::SecretName) => {
            return alike("SecretNotFound", text(messages::SECRET_NOT_FOUND));
        }
        Some(Problem::Url(_)) => return alike("InvalidRepositoryUrl", None),
        None => {}
    }
    let (secret, repository) = (object.spec.secret.as_str(), object.spec.repository.as_str());
    let exists = Some(messages::repository_exists(repository));
    match &object.verdict {
        Verdict::SecretMissing {} => alike("SecretNotFound", text(messages::SECRET_NOT_FOUND)),
        Verdict::SecretOfWrongType {} => {
            alike("SecretInvalidType", text(messages::SECRET_INVALID_TYPE))
        }
        Verdict::RepositoryMissing { text } => {
            alike("InvalidRepositoryUrl", Some(messages::repository_missing(text)))
        }
        Verdict::SecretUnusable { .. } | Verdict::Refused { .. } => {
            let invalid = Some(messages::credentials_invalid(secret, repository));
            [
                (ERROR_OCCURRED, "True", "InvalidCredentials", invalid.clone()),
                (VALID_REPOSITORY_URL, "True", "ValidRepositoryUrl", exists),
                (VALID_REPOSITORY_CREDENTIAL, "False", "InvalidCredentials", invalid),
            ]
        }
        Verdict::Accepted {} => {
            let reason = "RepositoryCredentialUpToDate";
            let valid = Some(messages::credentials_valid(secret, repository));
            [
                (ERROR_OCCURRED, "False", reason, text(messages::VALID)),
                (VALID_REPOSITORY_URL, "True", "ValidRepositoryUrl", exists),
                (VALID_REPOSITORY_CREDENTIAL, "True", reason, valid),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::esr::world::{NamespaceObject, OperationEntry, UserEntry};
    use crate::identity::{ClusterUserId, Digest, Generation, InstanceId, OperationId, TenantUid};
    use crate::kinds::repository_credential::spec::CredentialSpec;
    use crate::rows::{OperationState, Target};

    type Break = fn(&mut World);

    fn uid() -> CredentialUid {
        CredentialUid::new("uid-1")
    }

    /// One credential of one tenant, accepted and delivered.
    fn good() -> World {
        let tenant = TenantUid::new("ns-1");
        let (user, id) = (ClusterUserId::of(&tenant), CredentialId::of(&uid()));
        let content = Digest::new("content");
        let mut world = World::default();
        world.settings.instance = Some(InstanceId::new("instance-1"));
        world.settings.isolation = true;
        world.namespaces.push(NamespaceObject { uid: tenant.clone(), ..Default::default() });
        world.database.users.push(UserEntry { id: user.clone(), tenant: tenant.clone() });
        world.database.credentials.push(CredentialEntry {
            id: id.clone(),
            credential: Some(uid()),
            owner: user.clone(),
            repository: "https://example.com/a".to_owned(),
            content: Some(content.clone()),
        });
        world.argocd.repositories.push(ArgoRepository {
            row: id,
            labelled: true,
            project: Some(project_name(&user)),
            content: content.clone(),
        });
        world.credentials.push(CredentialObject {
            uid: uid(),
            tenant,
            name: "login".to_owned(),
            generation: Generation(1),
            deleting: false,
            spec: CredentialSpec {
                repository: "https://example.com/a".to_owned(),
                secret: "git".to_owned(),
            },
            conditions: Vec::new(),
            verdict: Verdict::Accepted {},
            content,
        });
        tell(&mut world);
        world
    }

    /// The conditions say what is so.
    fn tell(world: &mut World) {
        let object = &mut world.credentials[0];
        let accepted = is_accepted(object);
        let contract = contract(object).map(|(type_, status, reason, message)| {
            Condition::new(type_, status, reason, &message.unwrap_or_default())
        });
        let reason = cause(object).unwrap_or("Valid").to_owned();
        let conventional = [(READY, accepted), (STALLED, !accepted)].map(|(type_, is_so)| {
            let status = if is_so { "True" } else { "False" };
            let condition = Condition::new(type_, status, &reason, "");
            Condition { observed_generation: Some(Generation(1)), ..condition }
        });
        object.conditions = contract.into_iter().chain(conventional).collect();
    }

    fn refused() -> World {
        let mut world = good();
        let (cause, text) = ("TimedOut".to_owned(), "no answer".to_owned());
        world.credentials[0].verdict = Verdict::Refused { cause, text };
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
            target: Target::Credential(CredentialId::of(&uid())),
            requester: Some(Requester::Credential(uid())),
            state: OperationState::Waiting,
        });
    }

    #[test]
    fn esr_rc_fails_for_each_clause_that_is_broken() {
        each_breaks(
            good,
            SERVED,
            &[
                ("is open", open),
                ("0 rows instead of 1", |world| world.database.credentials.clear()),
                ("the row is of", |world| {
                    world.database.credentials[0].repository = "https://example.com/b".to_owned();
                }),
                ("the row says something else than the Secret", |world| {
                    world.credentials[0].content = Digest::new("rotated");
                }),
                ("the row says something else than the Secret", |world| {
                    world.database.credentials[0].content = None;
                }),
                ("0 Secrets of Argo CD", |world| world.argocd.repositories.clear()),
                ("lacks a label", |world| world.argocd.repositories[0].labelled = false),
                ("Argo CD's Secret says something else", |world| {
                    world.argocd.repositories[0].content = Digest::new("by-hand");
                }),
                ("instead of True, SecretNotFound", |world| {
                    world.credentials[0].verdict = Verdict::SecretMissing {};
                }),
                ("instead of True of generation 2", |world| {
                    world.credentials[0].generation = Generation(2);
                }),
                ("are left", |world| world.credentials.clear()),
                ("are left", |world| world.credentials[0].deleting = true),
                ("represents no credential", |world| {
                    world.database.credentials[0].credential = None;
                }),
                ("mappings or sealed values", |world| {
                    world.database.left_credentials.push(CredentialId::new("gone"));
                }),
                ("has no row", |world| {
                    world.credentials.clear();
                    world.database.credentials.clear();
                }),
            ],
        );
        each_breaks(
            refused,
            SERVED,
            &[
                ("Argo CD's Secret says something else", |world| {
                    world.argocd.repositories[0].content = Digest::new("by-hand");
                }),
                ("instead of False, RepositoryCredentialUpToDate", |world| {
                    world.credentials[0].verdict = Verdict::Accepted {};
                }),
                ("of generation 1, Some(\"Unreachable\")", |world| {
                    let (cause, text) = ("Unreachable".to_owned(), String::new());
                    world.credentials[0].verdict = Verdict::Refused { cause, text };
                }),
            ],
        );
    }

    #[test]
    fn what_was_accepted_last_may_stay_and_need_not_have_been() {
        let mut world = refused();
        world.credentials[0].content = Digest::new("rotated");
        assert_eq!(violations(&world), []);
        world.database.credentials.clear();
        world.argocd.repositories.clear();
        assert_eq!(violations(&world), []);
    }

    #[test]
    fn iso_fails_if_a_tenant_has_anothers() {
        each_breaks(
            good,
            ISOLATED,
            &[
                ("is owned by", |world| {
                    let other = TenantUid::new("ns-2");
                    world.database.credentials[0].owner = ClusterUserId::of(&other);
                }),
                ("instead of Some", |world| world.argocd.repositories[0].project = None),
                ("instead of None", |world| world.settings.isolation = false),
            ],
        );
    }
}
