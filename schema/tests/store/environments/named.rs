//! What deployments see of the environments that they name, and that they deploy to.

use machines::identity::{EnvironmentId, TenantUid};
use machines::kinds::deployment::destination::{Destination, Environments};
use machines::kinds::managed_environment::{
    EnvironmentEvent, EnvironmentFact, UsedEnvironmentFact,
};
use schema::store::backend::{BackendChanges, BackendRequest};

use super::{Object, accept, adopted, deliver, read, step};
use crate::credentials::start;
use crate::driver::{self, Input, World};
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    a_deployment_sees_the_environments_that_it_knows_and_no_others,
    a_batch_shows_environments_as_it_leaves_them,
    one_that_cannot_be_read_is_not_missing,
    one_of_an_earlier_installation_is_not_missing_before_it_has_a_machine,
    a_deployment_of_an_earlier_installation_goes_on_once_environments_are_served,
    where_applications_of_an_earlier_installation_deploy_to_is_known,
);

/// What a deployment of a tenant sees that names an environment and deploys there.
async fn facts(world: &World, tenant: &str, name: &str, row: EnvironmentId) -> Environments {
    let tenant = TenantUid::new(tenant);
    let request = BackendRequest {
        named_environments: [(tenant.clone(), name.to_owned())].into(),
        ..BackendRequest::default()
    };
    let destination = Destination::Environment { id: row, name: name.to_owned() };
    read(world, &request).await.named_environments.facts(&tenant, Some(name), &destination)
}

fn seen(named: EnvironmentFact, used: UsedEnvironmentFact) -> Environments {
    Environments { named, used }
}

async fn a_deployment_sees_the_environments_that_it_knows_and_no_others(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    let see = async || facts(&world, "t1", "a", object.row()).await;
    let gone = seen(EnvironmentFact::Missing, UsedEnvironmentFact::Gone);
    assert_eq!(see().await, gone);
    accept(&world, &object).await;
    let under_way = seen(EnvironmentFact::UnderWay, UsedEnvironmentFact::Doubtful);
    assert_eq!(see().await, under_way);
    deliver(&world, &object).await;
    let ready = seen(EnvironmentFact::Ready(object.row()), UsedEnvironmentFact::Resolved);
    assert_eq!(see().await, ready);
    assert_eq!(facts(&world, "t2", "a", object.row()).await, gone, "it is another tenant's");
    assert_eq!(facts(&world, "t1", "b", object.row()).await, gone);
    let another = facts(&world, "t1", "a", EnvironmentId::new("another")).await;
    assert_eq!(another, seen(EnvironmentFact::Ready(object.row()), UsedEnvironmentFact::Gone));
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    assert_eq!(see().await, gone);
}

async fn a_batch_shows_environments_as_it_leaves_them(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    deliver(&world, &object).await;
    let tenant = object.tenant.clone();
    let request = BackendRequest {
        environments: vec![object.uid()],
        named_environments: [(tenant.clone(), object.name.clone())].into(),
        ..BackendRequest::default()
    };
    let destination = Destination::Environment { id: object.row(), name: object.name.clone() };
    let see = |loaded: &schema::store::backend::BackendLoaded| {
        loaded.named_environments.facts(&tenant, Some(&object.name), &destination)
    };
    let decide = |mut loaded: schema::store::backend::BackendLoaded| {
        let before = loaded.environments.known.remove(&object.uid()).unwrap();
        let mut stepped = schema::store::machine_rows::Stepped {
            after: before.machine.clone(),
            before,
            gone: false,
            transitions: Vec::new(),
        };
        stepped.after.record.row.as_mut().unwrap().is_delivered = false;
        loaded.named_environments.note(&stepped);
        let doubtful = see(&loaded);
        stepped.gone = true;
        loaded.named_environments.note(&stepped);
        (BackendChanges::default(), vec![doubtful, see(&loaded)])
    };
    let shown = world.backend.backend_batch(&request, world.now, decide).await.unwrap();
    let expected = [
        seen(EnvironmentFact::UnderWay, UsedEnvironmentFact::Doubtful),
        seen(EnvironmentFact::Missing, UsedEnvironmentFact::Gone),
    ];
    assert_eq!(shown, expected);
}

async fn one_that_cannot_be_read_is_not_missing(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    deliver(&world, &object).await;
    world.execute("UPDATE machine SET state = '{' WHERE kind = 'ManagedEnvironment'").await;
    let unknown = seen(EnvironmentFact::Unknown, UsedEnvironmentFact::Resolved);
    assert_eq!(facts(&world, "t1", "a", object.row()).await, unknown);
    let gone = seen(EnvironmentFact::Missing, UsedEnvironmentFact::Gone);
    assert_eq!(facts(&world, "t1", "b", object.row()).await, gone, "another one is missing");
}

async fn one_of_an_earlier_installation_is_not_missing_before_it_has_a_machine(scratch: Scratch) {
    let world = adopted::adopted(&scratch).await;
    let row = EnvironmentId::new("old");
    let see = async |row| facts(&world, "namespace-uid", "old", row).await;
    let unseen = seen(EnvironmentFact::UnderWay, UsedEnvironmentFact::Resolved);
    assert_eq!(see(row.clone()).await, unseen);
    assert_eq!(see(EnvironmentId::new("other")).await.used, UsedEnvironmentFact::Gone);
    step(
        &world,
        &[(
            &adopted::old(),
            vec![EnvironmentEvent::Absent { as_of: machines::identity::Revision(9) }],
        )],
    )
    .await
    .unwrap();
    assert_ne!(see(row).await, unseen);
}

/// The deployment of the fixture, on the environment of an earlier installation.
async fn on_environment(world: &World) -> driver::Object {
    world.execute("UPDATE application SET managed_environment_id = 'old'").await;
    let mut object = driver::Object::new("namespace-uid", "shop");
    object.uid = machines::identity::DeploymentUid::new("deployment");
    object.name = "shop".to_owned();
    object.spec.environment = "old".to_owned();
    object.spec.destination_namespace = "jane".to_owned();
    object
}

async fn a_deployment_of_an_earlier_installation_goes_on_once_environments_are_served(
    scratch: Scratch,
) {
    let mut world = adopted::adopted(&scratch).await;
    let object = on_environment(&world).await;
    world.process(&[Input::Seen(object.clone())]).await.unwrap();
    assert_eq!(world.path(&object).await, "Live/Frozen");
    // A version that did not serve environments has not noted where it deploys to.
    let frozen = world.deployment(&object.uid).await.unwrap();
    let mut application = frozen.record.application.clone().unwrap();
    assert!(frozen.may_adopt());
    application.destination = Destination::default();
    let state = world.texts("state", "machine WHERE kind = 'Deployment'").await.remove(0);
    let noted = r#""destination":{"Environment":{"id":"old","name":"old"}}"#;
    assert!(state.contains(noted), "{state}");
    let forgotten = state.replace(&format!(",{noted}"), "");
    assert_ne!(forgotten, state);
    world
        .execute(&format!("UPDATE machine SET state = '{forgotten}' WHERE kind = 'Deployment'"))
        .await;
    world.serves_environments = true;
    world.process(&[Input::Facts(object.uid.clone())]).await.unwrap();
    // Its environment has no machine yet, and Argo CD has its Secret.
    assert_eq!(world.path(&object).await, "Live/Dispatching");
    let row = world.texts("managed_environment_id", "application").await;
    assert_eq!(row, ["old"]);
    let specs = world.texts("spec_field", "application").await;
    assert!(specs[0].contains("managed-env-old"), "{specs:?}");
}

async fn where_applications_of_an_earlier_installation_deploy_to_is_known(scratch: Scratch) {
    let world = adopted::adopted(&scratch).await;
    let object = on_environment(&world).await;
    let destination = async || {
        let loaded = read(&world, &driver::request(&[Input::Seen(object.clone())])).await;
        loaded.existing_applications[&object.uid].destination.clone()
    };
    let old = EnvironmentId::new("old");
    let there = Destination::Environment { id: old, name: "old".to_owned() };
    assert_eq!(destination().await, there);
    world.execute("UPDATE application SET managed_environment_id = 'environment'").await;
    assert_eq!(destination().await, Destination::InCluster {});
    world.execute("UPDATE application SET managed_environment_id = NULL").await;
    assert_eq!(destination().await, Destination::Nowhere { is_requested: false });
}
