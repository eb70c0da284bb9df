use super::*;
use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, EnvironmentId, Generation, InstanceId,
    OperationId, TenantUid, Timestamp,
};
use crate::kinds::deployment::conditions::{Condition, ConditionStyle, ERROR_OCCURRED, READY};
use crate::kinds::deployment::esr::{
    DELETED, DEPLOYED, FINALIZED, REJECTED, esr_del, esr_fin, esr_gd, esr_gd_inv, finalizer_kept,
    untouched,
};
use crate::kinds::deployment::render::render;
use crate::kinds::deployment::spec::DeploymentSpec;
use crate::kinds::managed_environment::EnvironmentUid;
use crate::kinds::managed_environment::spec::EnvironmentSpec;
use crate::kinds::managed_environment::verdict::Verdict as ClusterVerdict;
use crate::operation::application::{ApplicationDocument, IN_CLUSTER, cluster_name, project_name};
use crate::rows::{OperationState, Requester, Target};
use crate::shared::messages;

const UID: &str = "uid-1";
const REPO: &str = "https://example.com/team/app";

type Break = fn(&mut World);
type TwoWorlds = fn(&World, &World, &DeploymentUid) -> Verdict;

fn uid() -> DeploymentUid {
    DeploymentUid::new(UID)
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        ..Condition::default()
    }
}

/// One deployment of one tenant, deployed, with the permitted leftovers of finished work.
fn good() -> World {
    let tenant = TenantUid::new("ns-1");
    let user = ClusterUserId::of(&tenant);
    let application = ApplicationId::of(&uid());
    let spec = DeploymentSpec {
        repo_url: format!("{REPO}.git"),
        path: "deploy".to_owned(),
        type_: "automated".to_owned(),
        ..DeploymentSpec::default()
    };
    let report = ArgoReport { sync: "Synced".to_owned(), health: "Healthy".to_owned() };
    let document: ApplicationDocument =
        render(&uid(), "team-a", &spec, "argocd", project_name(&user));
    World {
        settings: Settings {
            argocd_namespace: "argocd".to_owned(),
            instance: Some(InstanceId::new("instance-1")),
            isolation: true,
            conditions: ConditionStyle::Conventional,
        },
        namespaces: vec![NamespaceObject {
            uid: tenant.clone(),
            name: "team-a".to_owned(),
            terminating: false,
        }],
        deployments: vec![DeploymentObject {
            uid: uid(),
            tenant: tenant.clone(),
            namespace: "team-a".to_owned(),
            name: "app".to_owned(),
            generation: Generation(3),
            finalizer: true,
            spec,
            status: DeploymentStatus {
                observed_generation: Generation(3),
                conditions: vec![condition(READY, "True", "Synced", "")],
                report: report.clone(),
            },
            ..DeploymentObject::default()
        }],
        sync_runs: Vec::new(),
        environments: Vec::new(),
        credentials: Vec::new(),
        database: Database {
            environments: Vec::new(),
            left_cluster_credentials: Vec::new(),
            credentials: Vec::new(),
            left_credentials: Vec::new(),
            syncs: Vec::new(),
            users: vec![UserEntry { id: user.clone(), tenant: tenant.clone() }],
            applications: vec![ApplicationEntry {
                id: application.clone(),
                deployment: uid(),
                owner: user.clone(),
                document: document.clone(),
            }],
            mappings: vec![MappingEntry {
                deployment: uid(),
                application: application.clone(),
                name: "app".to_owned(),
                tenant,
            }],
            operations: vec![OperationEntry {
                id: OperationId::of(application.as_str(), Timestamp::default(), 1),
                target: Target::Application(application.clone()),
                requester: Some(Requester::Deployment(uid())),
                state: OperationState::Completed,
            }],
            repositories: vec![RepositoryEntry {
                owner: user.clone(),
                repo_url: REPO.to_owned(),
                written: format!("{REPO}.git"),
            }],
        },
        argocd: ArgoCd {
            clusters: Vec::new(),
            repositories: Vec::new(),
            begun: Vec::new(),
            applications: vec![ArgoApplication {
                name: document.name,
                application,
                spec: document.spec,
                report,
            }],
            projects: vec![ArgoProject {
                name: project_name(&user),
                // As written, because Argo CD compares what is written.
                source_repos: vec![format!("{REPO}.git")],
                destinations: vec![IN_CLUSTER.to_owned()],
            }],
        },
        remote: Vec::new(),
        writes: Writes { api_requests: 7, row_changes: 5 },
    }
}

/// The deployment's newest spec is invalid, and its status says so.
fn rejected() -> World {
    let mut world = good();
    let object = &mut world.deployments[0];
    object.spec.path.clear();
    object.generation = Generation(4);
    object.status.observed_generation = Generation(4);
    object.status.conditions = vec![
        condition(ERROR_OCCURRED, "True", ERROR_OCCURRED, messages::PATH_EMPTY),
        condition(READY, "False", "Rejected", messages::PATH_EMPTY),
    ];
    world
}

/// The deployment is gone and has left only its finished operation.
fn deleted() -> World {
    let mut world = good();
    world.deployments.clear();
    world.database.applications.clear();
    world.database.mappings.clear();
    world.database.repositories.clear();
    world.argocd = ArgoCd::default();
    world
}

/// The deployment is being deleted, and only another client's finalizer keeps it.
fn finalized() -> World {
    let mut world = deleted();
    world.deployments = good().deployments;
    world.deployments[0].deleting = true;
    world.deployments[0].finalizer = false;
    world
}

fn each_breaks(
    good: fn() -> World,
    predicate: fn(&World, &DeploymentUid) -> Verdict,
    id: Predicate,
    table: &[(&str, Break)],
) {
    assert_eq!(predicate(&good(), &uid()), Ok(()));
    assert_eq!(all(&good()), []);
    for (expected, spoil) in table {
        let mut world = good();
        spoil(&mut world);
        let violation = predicate(&world, &uid()).expect_err(expected);
        assert_eq!((violation.predicate, violation.object.as_str()), (id, UID), "{expected}");
        assert!(violation.difference.contains(expected), "{expected:?} in {violation}");
        assert!(all(&world).contains(&violation), "all() reports {violation}");
    }
}

#[test]
fn esr_gd_fails_for_each_clause_that_is_broken() {
    let table: [(&str, Break); 22] = [
        ("0 cluster user rows", |world| world.database.users.clear()),
        ("0 application rows", |world| world.database.applications.clear()),
        ("2 application rows", |world| {
            let mut second = world.database.applications[0].clone();
            second.id = ApplicationId::new("second");
            world.database.applications.push(second);
        }),
        ("the application row says", |world| {
            world.database.applications[0].document.spec.source.path = "old".to_owned();
        }),
        ("the application row says", |world| world.settings.isolation = false),
        ("the application row belongs to", |world| {
            world.database.applications[0].owner = ClusterUserId::new("another");
        }),
        ("0 mapping rows", |world| world.database.mappings.clear()),
        ("2 mapping rows", |world| {
            let mut second = world.database.mappings[0].clone();
            second.deployment = DeploymentUid::new("another");
            world.database.mappings.push(second);
        }),
        ("the mapping row is", |world| world.database.mappings[0].name = "other".to_owned()),
        ("the mapping row is", |world| {
            world.database.mappings[0].application = ApplicationId::new("another");
        }),
        ("0 Argo CD Applications", |world| world.argocd.applications.clear()),
        ("2 Argo CD Applications", |world| {
            let mut second = world.argocd.applications[0].clone();
            second.name = "by-hand".to_owned();
            world.argocd.applications.push(second);
        }),
        ("the Argo CD Application is named", |world| {
            world.argocd.applications[0].name = "by-hand".to_owned();
        }),
        ("Argo CD's Application says", |world| {
            world.argocd.applications[0].spec.destination.namespace = "elsewhere".to_owned();
        }),
        ("the label databaseID", |world| {
            world.argocd.applications[0].application = ApplicationId::default();
        }),
        ("0 repository rows", |world| world.database.repositories.clear()),
        ("0 AppProjects", |world| world.argocd.projects.clear()),
        ("the AppProject permits", |world| world.argocd.projects[0].source_repos.clear()),
        ("the AppProject permits", |world| world.argocd.projects[0].destinations.clear()),
        ("an operation is open", |world| {
            world.database.operations[0].state = OperationState::Waiting;
        }),
        ("the status is of generation 2 and not 3", |world| {
            world.deployments[0].status.observed_generation = Generation(2);
        }),
        ("the status mirrors", |world| {
            world.argocd.applications[0].report.health = "Degraded".to_owned();
        }),
    ];
    each_breaks(good, esr_gd, DEPLOYED, &table);
    each_breaks(
        good,
        esr_gd,
        DEPLOYED,
        &[("an error that is over", |world| {
            let error = condition(ERROR_OCCURRED, "True", ERROR_OCCURRED, "old");
            world.deployments[0].status.conditions.push(error);
        })],
    );
}

#[test]
fn esr_gd_promises_nothing_while_its_left_side_does_not_hold() {
    let causes: [Break; 4] = [
        |world| world.deployments[0].deleting = true,
        |world| world.namespaces[0].terminating = true,
        |world| world.settings.instance = None,
        |world| world.deployments[0].spec.path.clear(),
    ];
    for cause in causes {
        let mut world = good();
        world.database.applications.clear();
        assert!(esr_gd(&world, &uid()).is_err());
        cause(&mut world);
        assert_eq!(esr_gd(&world, &uid()), Ok(()));
    }
}

#[test]
fn esr_gd_inv_fails_for_each_clause_that_is_broken() {
    let table: [(&str, Break); 8] = [
        ("ErrorOccurred is None", |world| {
            world.deployments[0].status.conditions.remove(0);
        }),
        ("ErrorOccurred is Some", |world| {
            world.deployments[0].status.conditions[0].status = "False".to_owned();
        }),
        ("instead of True with one of", |world| {
            world.deployments[0].status.conditions[0].message = messages::TYPE.to_owned();
        }),
        ("Ready is None", |world| {
            world.deployments[0].status.conditions.remove(1);
        }),
        ("instead of False, Rejected", |world| {
            world.deployments[0].status.conditions[1].reason = "Synced".to_owned();
        }),
        ("the status is of generation 3 and not 4", |world| {
            world.deployments[0].status.observed_generation = Generation(3);
        }),
        ("an operation is open", |world| {
            world.database.operations[0].state = OperationState::InProgress;
        }),
        ("2 Argo CD Applications", |world| {
            world.argocd.applications.push(world.argocd.applications[0].clone());
        }),
    ];
    each_breaks(rejected, esr_gd_inv, REJECTED, &table);
    let mut legacy = rejected();
    legacy.settings.conditions = ConditionStyle::Legacy;
    legacy.deployments[0].status.conditions.remove(1);
    assert_eq!(esr_gd_inv(&legacy, &uid()), Ok(()), "legacy conditions have no Ready");
}

#[test]
fn an_environment_is_refused_in_the_words_of_the_contract() {
    let mut world = rejected();
    let object = &mut world.deployments[0];
    object.spec.path = "deploy".to_owned();
    object.spec.environment = "staging".to_owned();
    object.spec.destination_namespace = "team-a".to_owned();
    assert!(esr_gd_inv(&world, &uid()).is_err());
    world.deployments[0].status.conditions[0].message = messages::ENVIRONMENT_UPDATE.to_owned();
    assert_eq!(esr_gd_inv(&world, &uid()), Ok(()));
}

/// The environment that [`on_environment`] names, with its row.
fn environment(verdict: ClusterVerdict) -> (EnvironmentObject, EnvironmentEntry) {
    let (uid, tenant) = (EnvironmentUid::new("env-1"), TenantUid::new("ns-1"));
    let entry = EnvironmentEntry {
        id: EnvironmentId::of(&uid),
        environment: Some(uid.clone()),
        owner: ClusterUserId::of(&tenant),
        api_url: String::new(),
        namespaces: String::new(),
        content: None,
    };
    let object = EnvironmentObject {
        uid,
        tenant,
        namespace: "team-a".to_owned(),
        name: "staging".to_owned(),
        generation: Generation(1),
        deleting: false,
        spec: EnvironmentSpec {
            api_url: "https://api.example.com".to_owned(),
            secret: "kubeconfig".to_owned(),
            ..EnvironmentSpec::default()
        },
        conditions: Vec::new(),
        verdict,
    };
    (object, entry)
}

/// A world in which the deployment names an environment.
fn on_environment(mut world: World, verdict: ClusterVerdict) -> World {
    let spec = &mut world.deployments[0].spec;
    spec.path = "deploy".to_owned();
    spec.environment = "staging".to_owned();
    spec.destination_namespace = "team-a".to_owned();
    let (object, entry) = environment(verdict);
    world.environments.push(object);
    world.database.environments.push(entry);
    world
}

#[test]
fn a_deployment_is_deployed_to_the_environment_that_it_names() {
    let accepted = ClusterVerdict::Accepted { told: Digest::new("told") };
    let mut world = on_environment(good(), accepted);
    let text = esr_gd(&world, &uid()).unwrap_err().difference;
    assert!(text.starts_with("the application row says"), "{text}");
    let name = cluster_name(&EnvironmentId::of(&EnvironmentUid::new("env-1")));
    world.database.applications[0].document.spec.destination.name.clone_from(&name);
    world.argocd.applications[0].spec.destination.name.clone_from(&name);
    let text = esr_gd(&world, &uid()).unwrap_err().difference;
    assert!(text.starts_with("the AppProject permits"), "{text}");
    world.argocd.projects[0].destinations.insert(0, name);
    assert_eq!(esr_gd(&world, &uid()), Ok(()));
}

#[test]
fn a_deployment_says_that_its_environment_cannot_be_used() {
    let mut world = on_environment(rejected(), ClusterVerdict::SecretMissing {});
    world.deployments[0].status.conditions[0].message = messages::ENVIRONMENT_UPDATE.to_owned();
    let text = esr_gd_inv(&world, &uid()).unwrap_err().difference;
    assert!(text.contains("instead of False, EnvironmentNotReady"), "{text}");
    world.deployments[0].status.conditions[1].reason = "EnvironmentNotReady".to_owned();
    assert_eq!(esr_gd_inv(&world, &uid()), Ok(()));
    // If the environment leaves, it takes the destination with it, and nothing else.
    let mut after = world.clone();
    after.environments[0].deleting = true;
    after.database.applications[0].document.spec.destination.name.clear();
    after.argocd.applications[0].spec.destination.name.clear();
    assert_eq!(held(&world, &after, untouched), Ok(()));
    after.database.applications[0].document.spec.source.path = "other".to_owned();
    let text = held(&world, &after, untouched).unwrap_err();
    assert_eq!(text, "the application row was changed for an invalid spec");
}

#[test]
fn esr_del_fails_for_each_trace_that_is_left() {
    let table: [(&str, Break); 8] = [
        ("1 application row(s) are left", |world| {
            world.database.applications = good().database.applications;
        }),
        ("1 mapping row(s) are left", |world| world.database.mappings = good().database.mappings),
        ("1 Argo CD Application(s) are left", |world| {
            world.argocd.applications = good().argocd.applications;
        }),
        ("1 Argo CD Application(s) are left", |world| {
            world.argocd.applications = good().argocd.applications;
            world.argocd.applications[0].name = "renamed".to_owned();
        }),
        ("an operation is open", |world| {
            world.database.operations[0].state = OperationState::Waiting;
        }),
        ("needs the repository row", |world| {
            world.database.repositories = good().database.repositories;
        }),
        ("in the AppProject app-project-", |world| world.argocd.projects = good().argocd.projects),
        ("needs the AppProject app-project-", |world| {
            world.argocd.projects = good().argocd.projects;
            world.argocd.projects[0].source_repos.clear();
        }),
    ];
    each_breaks(deleted, esr_del, DELETED, &table);
}

#[test]
fn esr_del_is_about_the_uid_and_not_about_the_name() {
    let mut world = good();
    world.deployments[0].uid = DeploymentUid::new("uid-2");
    let left = esr_del(&world, &uid()).unwrap_err();
    assert_eq!(left.difference, "1 application row(s) are left");
    assert_eq!(esr_del(&world, &DeploymentUid::new("uid-2")), Ok(()), "the namesake is there");
}

#[test]
fn a_project_that_is_not_ours_is_not_considered() {
    let mut world = good();
    world
        .argocd
        .projects
        .push(ArgoProject { name: "default".to_owned(), ..ArgoProject::default() });
    assert_eq!(all(&world), []);
}

#[test]
fn esr_fin_fails_for_each_clause_that_is_broken() {
    let table: [(&str, Break); 4] = [
        ("our finalizer is still on the object", |world| world.deployments[0].finalizer = true),
        ("1 application row(s) are left", |world| {
            world.database.applications = good().database.applications;
        }),
        ("1 Argo CD Application(s) are left", |world| {
            world.argocd.applications = good().argocd.applications;
        }),
        ("an operation is open", |world| {
            world.database.operations[0].state = OperationState::InProgress;
        }),
    ];
    each_breaks(finalized, esr_fin, FINALIZED, &table);
}

fn held(before: &World, after: &World, predicate: TwoWorlds) -> Result<(), String> {
    predicate(before, after, &uid()).map_err(|violation| violation.difference)
}

#[test]
fn the_finalizer_stays_until_the_application_and_its_row_are_gone() {
    let mut deleting = good();
    deleting.deployments[0].deleting = true;
    assert_eq!(held(&deleting, &deleting, finalizer_kept), Ok(()));
    let text = held(&deleting, &finalized(), finalizer_kept).unwrap_err();
    assert_eq!(text, "the finalizer was removed before 1 Argo CD Application(s)");
    deleting.argocd.applications.clear();
    let text = held(&deleting, &deleted(), finalizer_kept).unwrap_err();
    assert_eq!(text, "the finalizer was removed before 1 application row(s)");
    deleting.database.applications.clear();
    assert_eq!(held(&deleting, &deleted(), finalizer_kept), Ok(()));
}

#[test]
fn an_invalid_spec_leaves_the_last_good_application_untouched() {
    assert_eq!(held(&rejected(), &rejected(), untouched), Ok(()));
    let mut after = rejected();
    after.argocd.applications.clear();
    let text = held(&rejected(), &after, untouched).unwrap_err();
    assert_eq!(text, "the Argo CD Application was changed for an invalid spec");
    let mut after = rejected();
    after.database.applications[0].document.spec.source.path.clear();
    let text = held(&rejected(), &after, untouched).unwrap_err();
    assert_eq!(text, "the application row was changed for an invalid spec");
    assert_eq!(held(&good(), &after, untouched), Ok(()), "the first of the two was valid");
    let mut by_hand = rejected();
    by_hand.argocd.applications[0].spec.source.path = "by-hand".to_owned();
    assert_eq!(held(&by_hand, &rejected(), untouched), Ok(()), "it is repaired");
    let text = held(&rejected(), &by_hand, untouched).unwrap_err();
    assert_eq!(text, "the Argo CD Application was changed for an invalid spec");
    let mut reported = rejected();
    reported.argocd.applications[0].report.health = "Degraded".to_owned();
    assert_eq!(held(&rejected(), &reported, untouched), Ok(()), "a report is no change of ours");
}

#[test]
fn quiet_fails_for_each_write_and_for_each_change() {
    let table: [(&str, Break); 7] = [
        ("api_requests: 8", |world| world.writes.api_requests += 1),
        ("row_changes: 6", |world| world.writes.row_changes += 1),
        ("the settings changed", |world| world.settings.isolation = false),
        ("a namespace changed", |world| world.namespaces[0].terminating = true),
        ("a deployment changed", |world| world.deployments[0].status.conditions.clear()),
        ("a row changed", |world| world.database.repositories.clear()),
        ("a resource of Argo CD changed", |world| world.argocd.projects.clear()),
    ];
    for (expected, spoil) in table {
        let mut after = good();
        spoil(&mut after);
        let violation = quiet(&good(), &after).unwrap_err();
        assert_eq!(violation.predicate, QUIET);
        assert!(violation.difference.contains(expected), "{expected:?} in {violation}");
    }
    let mut collected = good();
    collected.database.operations.clear();
    assert_eq!(quiet(&good(), &collected), Ok(()), "finished operations are collected");
}

#[test]
fn a_violation_says_which_promise_is_broken_for_what_and_how() {
    let mut world = good();
    world.database.applications.clear();
    let violation = esr_gd(&world, &uid()).unwrap_err();
    assert_eq!(violation.to_string(), "ESR-GD of uid-1: 0 application rows instead of 1");
}
