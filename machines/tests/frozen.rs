//! What an earlier installation created on an environment stays unchanged until environments are
//! supported.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, Generation, InstanceId, Revision,
    TenantUid, Timestamp,
};
use machines::kinds::deployment::conditions::ConditionStyle;
use machines::kinds::deployment::destination::{Destination, Environments};
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{
    Deployment, Event, ExistingApplication, Facts, Obligation, Snapshot, TenantFact,
};
use machines::machine::{Machine, Step};
use machines::rows::TenantRows;

fn facts(existing: bool) -> Facts {
    let tenant = TenantUid::new("tenant");
    let rows = TenantRows {
        user: ClusterUserId::of(&tenant),
        environment: EnvironmentId::in_cluster_of(&tenant),
        namespace: "team-a".to_owned(),
        instance: InstanceId::new("instance"),
        tenant,
    };
    let existing_application = existing.then(|| ExistingApplication {
        id: ApplicationId::new("existing"),
        user: rows.user.clone(),
        instance: rows.instance.clone(),
        destination: Destination::default(),
    });
    Facts {
        now: Timestamp::from_millis(0),
        instance: Some(rows.instance.clone()),
        tenant: TenantFact::Active(rows),
        argocd_namespace: "argocd".to_owned(),
        isolation: true,
        namesakes: Vec::new(),
        existing_application,
        environments: Environments::default(),
        conditions: ConditionStyle::Conventional,
    }
}

fn seen(generation: i64, environment: &str, deleting: bool) -> Event {
    let spec = DeploymentSpec {
        repo_url: "https://example.com/team/app".to_owned(),
        path: "deploy".to_owned(),
        environment: environment.to_owned(),
        destination_namespace: if environment.is_empty() { "" } else { "jane" }.to_owned(),
        type_: "automated".to_owned(),
        ..DeploymentSpec::default()
    };
    Event::Observed(Box::new(Snapshot {
        revision: Revision(u64::try_from(generation).unwrap()),
        generation: Generation(generation),
        deleting,
        finalizer: true,
        spec,
        ..Snapshot::default()
    }))
}

fn first(environment: &str, existing: bool) -> Step<Deployment> {
    let uid = DeploymentUid::new("uid");
    let deployment = Deployment::new(uid, TenantUid::new("tenant"), "team-a", "app");
    deployment.step(&seen(1, environment, false), &facts(existing))
}

/// The reason of `Stalled` in the status.
fn stalled(deployment: &Deployment) -> (String, String) {
    let obligations = deployment.obligations(ConditionStyle::Conventional);
    let view = obligations.into_iter().find_map(|one| match one {
        Obligation::StatusWritten(view) => Some(view),
        _ => None,
    });
    let conditions = view.expect("a status is required").conditions;
    let found = conditions.into_iter().find(|one| one.type_ == "Stalled").unwrap();
    (found.status, found.reason)
}

#[test]
fn a_deployment_of_an_earlier_installation_on_an_environment_is_frozen() {
    let step = first("staging", true);
    assert_eq!(step.machine.path(), "Live/Frozen");
    assert_eq!(step.rows, [], "nothing is written for it");
    assert_eq!(step.machine.wake_at(), None);
    let said = ("True".to_owned(), "EnvironmentNotServed".to_owned());
    assert_eq!(stalled(&step.machine), said);
    for event in [Event::FactsChanged, Event::ApplicationDiffers, Event::DeadlineReached] {
        let step = step.machine.clone().step(&event, &facts(false));
        assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Live/Frozen", 0));
    }
}

#[test]
fn its_deletion_waits_and_reports_it() {
    for deletion in [seen(2, "staging", true), seen(1, "staging", true)] {
        let deployment = first("staging", true).machine;
        let step = deployment.step(&deletion, &facts(false));
        assert_eq!(step.machine.path(), "Terminating/RemovalFrozen");
        assert_eq!(step.rows, []);
        let obligations = step.machine.obligations(ConditionStyle::Conventional);
        assert!(!obligations.contains(&Obligation::FinalizerRemoved));
        assert_eq!(stalled(&step.machine).1, "EnvironmentNotServed");
    }
    // Without the finalizer the object is gone; what was created for it stays on record.
    let deployment = first("staging", true).machine;
    let gone = Event::Absent { as_of: Revision(9) };
    let step = deployment.step(&gone, &facts(false));
    assert_eq!(step.machine.path(), "Terminating/RemovalFrozen");
    assert_eq!((step.rows, step.machine.is_gone()), (Vec::new(), false));
}

#[test]
fn without_its_environment_it_is_served_like_any_other() {
    let deployment = first("staging", true).machine;
    let step = deployment.step(&seen(2, "", false), &facts(false));
    assert_eq!(step.machine.path(), "Live/Dispatching");
    let application = step.machine.record.application.unwrap();
    assert_eq!(application.id, ApplicationId::new("existing"));
}

#[test]
fn others_that_name_an_environment_are_rejected() {
    assert_eq!(first("staging", false).machine.path(), "Live/Rejected");
    let served = first("", true).machine;
    let step = served.step(&seen(2, "staging", false), &facts(false));
    assert_eq!(step.machine.path(), "Live/Rejected");
}
