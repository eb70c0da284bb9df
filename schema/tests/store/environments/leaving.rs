//! Environments that go, and the deployments whose Applications deploy to them.

use machines::identity::{DeploymentUid, EnvironmentId};
use machines::kinds::managed_environment::{EnvironmentEvent, EnvironmentUid, Usage};
use machines::machine::Machine as _;
use machines::operation::application::{IN_CLUSTER, cluster_name};
use machines::rows::{EnvironmentRows, RowChange};
use schema::spec_field;
use schema::store::backend::{BackendRequest, DeploymentName, EnvironmentUsers};

use super::{
    Object, accept, deliver, environments, key, machine, read, request, step, tenant, write,
};
use crate::credentials::start;
use crate::driver::{self, Input, World, wait_for_locks};
use crate::harness::{Scratch, on_each_database, on_postgres};

on_each_database!(
    those_who_use_an_environment_are_known_when_it_leaves,
    one_that_is_being_removed_is_known_although_its_rows_are_gone,
    what_is_detached_has_no_destination,
    more_than_a_page_of_applications_is_detached,
    an_application_that_cannot_be_read_is_detached_all_the_same,
);

/// Deployments of the tenant, which are served.
async fn deployments(world: &World, count: usize) -> Vec<driver::Object> {
    let objects: Vec<driver::Object> =
        (0..count).map(|which| driver::Object::new("t1", &which.to_string())).collect();
    let seen: Vec<Input> = objects.iter().cloned().map(Input::Seen).collect();
    world.process(&seen).await.unwrap();
    objects
}

/// Applications deploy to an environment, as deployments that name it will ask for.
async fn deploy_to(world: &World, object: &Object, of: &str) {
    let (row, name) = (object.row(), cluster_name(&object.row()));
    let attach = format!(
        "UPDATE application SET managed_environment_id = '{row}', \
         spec_field = replace(spec_field, '{IN_CLUSTER}', '{name}') WHERE {of}"
    );
    world.execute(&attach).await;
}

fn of(deployment: &driver::Object) -> String {
    format!("application_id = '{}'", deployment.application())
}

/// The environments of applications, and their destinations as they are stored.
async fn destinations(world: &World) -> Vec<(String, String)> {
    let rows = world.texts("application_id", "application").await;
    let mut destinations = Vec::new();
    for row in rows {
        let of_it = format!("application WHERE application_id = '{row}'");
        let environment = world.texts("managed_environment_id", &of_it).await.remove(0);
        let text = world.texts("spec_field", &of_it).await.remove(0);
        destinations.push((environment, spec_field::decode(&text).unwrap().spec.destination.name));
    }
    destinations.sort();
    destinations
}

async fn those_who_use_an_environment_are_known_when_it_leaves(scratch: Scratch) {
    let mut world = start(&scratch).await;
    let (object, other) = (Object::new("a"), Object::new("b"));
    accept(&world, &object).await;
    accept(&world, &other).await;
    let deployments = deployments(&world, 3).await;
    deploy_to(&world, &object, &of(&deployments[0])).await;
    deploy_to(&world, &other, &of(&deployments[1])).await;
    let users = async |leaving: &[&EnvironmentUid], environments: &[&Object]| {
        let request = BackendRequest {
            environments: environments.iter().map(|one| one.uid()).collect(),
            leaving_environments: leaving.iter().map(|uid| (*uid).clone()).collect(),
            ..BackendRequest::default()
        };
        read(&world, &request).await.environment_users
    };
    let both = [&object, &other];
    assert_eq!(users(&[], &both).await, [].into(), "nobody looks at them while it stays");
    let name = |deployment: &driver::Object| DeploymentName {
        uid: DeploymentUid::new(deployment.uid.as_str()),
        tenant: deployment.tenant.clone(),
        name: deployment.name.clone(),
    };
    let served = |deployment: &driver::Object| EnvironmentUsers {
        served: vec![name(deployment)],
        removed: Vec::new(),
    };
    let expected = [(object.uid(), served(&deployments[0]))].into();
    assert_eq!(users(&[&object.uid()], &both).await, expected);

    deliver(&world, &object).await;
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    assert_eq!(machine(&world, &object).await.unwrap().path(), "Leaving/Draining");
    assert_eq!(users(&[], &both).await, expected, "one that drains is not asked for");
    world.pass(5);
    step(&world, &[(&object, vec![EnvironmentEvent::DeadlineReached])]).await.unwrap();
    assert_eq!(machine(&world, &object).await.unwrap().path(), "Leaving/Removing");
    let loaded = read(&world, &request(&both)).await;
    let expected = [(other.uid(), served(&deployments[1]))].into();
    assert_eq!(loaded.environment_users, expected);
    assert_eq!(environments(&world).await.len(), 1);
}

async fn one_that_is_being_removed_is_known_although_its_rows_are_gone(scratch: Scratch) {
    let mut world = start(&scratch).await;
    world.serves_environments = true;
    let object = Object::new("a");
    accept(&world, &object).await;
    deliver(&world, &object).await;
    let mut deployment = driver::Object::new("t1", "1");
    deployment.spec.environment = object.name.clone();
    deployment.spec.destination_namespace = "jane".to_owned();
    world.process(&[Input::Seen(deployment.clone())]).await.unwrap();
    assert_eq!(world.path(&deployment).await, "Live/Dispatching");
    let there = (object.row().as_str().to_owned(), cluster_name(&object.row()));
    assert_eq!(destinations(&world).await, [there]);
    let users = async || {
        let loaded = read(&world, &request(&[&object])).await;
        loaded.environment_users.get(&object.uid()).map(EnvironmentUsers::usage)
    };
    let name = vec![deployment.name.clone()];
    let served = Usage { served: name.clone(), removed: Vec::new() };
    assert_eq!(users().await, Some(served));
    world.process(&[Input::Absent(deployment.uid.clone())]).await.unwrap();
    assert_eq!(world.path(&deployment).await, "Terminating/Removing");
    assert_eq!(world.count("application").await, 0);
    assert_eq!(users().await, Some(Usage { served: Vec::new(), removed: name }));
    let referring = "machine WHERE kind = 'Deployment'";
    assert_eq!(world.texts("refers_to", referring).await, ["a"]);
}

async fn what_is_detached_has_no_destination(scratch: Scratch) {
    let world = start(&scratch).await;
    let (object, other) = (Object::new("a"), Object::new("b"));
    accept(&world, &object).await;
    accept(&world, &other).await;
    let deployments = deployments(&world, 3).await;
    deploy_to(&world, &object, &of(&deployments[0])).await;
    deploy_to(&world, &other, &of(&deployments[1])).await;
    let own = world.texts("managedenvironment_id", "managedenvironment WHERE name LIKE '% for %'");
    let in_cluster = (own.await.remove(0), IN_CLUSTER.to_owned());
    let nowhere = ("NULL".to_owned(), String::new());
    let there = |id: EnvironmentId| (id.as_str().to_owned(), cluster_name(&id));
    let sorted = |mut all: Vec<(String, String)>| {
        all.sort();
        all
    };
    let detach = RowChange::Environment(EnvironmentRows::Detach(object.row()));
    write(&world, &object, vec![detach]).await.unwrap();
    let expected = vec![nowhere.clone(), there(other.row()), in_cluster.clone()];
    assert_eq!(destinations(&world).await, sorted(expected));
    assert_eq!(environments(&world).await.len(), 2);
    let rows = tenant(&world, &other).await;
    let remove = EnvironmentRows::Remove(Box::new(key(&other, &rows)));
    let remove = RowChange::Environment(remove);
    write(&world, &other, vec![remove]).await.unwrap();
    let expected = vec![nowhere.clone(), nowhere, in_cluster];
    assert_eq!(destinations(&world).await, sorted(expected));
    assert_eq!(environments(&world).await.len(), 1);
}

async fn more_than_a_page_of_applications_is_detached(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    deployments(&world, 501).await;
    deploy_to(&world, &object, "1 = 1").await;
    let detach = RowChange::Environment(EnvironmentRows::Detach(object.row()));
    write(&world, &object, vec![detach]).await.unwrap();
    assert_eq!(world.count("application WHERE managed_environment_id IS NULL").await, 501);
    let left = format!("application WHERE spec_field LIKE '%{}%'", cluster_name(&object.row()));
    assert_eq!(world.count(&left).await, 0);
}

async fn an_application_that_cannot_be_read_is_detached_all_the_same(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    deployments(&world, 1).await;
    deploy_to(&world, &object, "1 = 1").await;
    world.execute("UPDATE application SET spec_field = '['").await;
    let rows = tenant(&world, &object).await;
    let remove = EnvironmentRows::Remove(Box::new(key(&object, &rows)));
    write(&world, &object, vec![RowChange::Environment(remove)]).await.unwrap();
    assert_eq!(world.texts("managed_environment_id", "application").await, ["NULL"]);
    assert_eq!(world.texts("spec_field", "application").await, ["["]);
    assert_eq!(environments(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_report_does_not_wait_for_what_is_detached() {
    on_postgres(async |scratch| {
        let world = start(&scratch).await;
        let object = Object::new("a");
        accept(&world, &object).await;
        let deployments = deployments(&world, 20).await;
        deploy_to(&world, &object, "1 = 1").await;
        let blocked = deployments[10].application();
        let applications = ("application", "application_id");
        let held = crate::locks::block(&world, applications, blocked.as_str()).await;
        let rows = tenant(&world, &object).await;
        let remove = EnvironmentRows::Remove(Box::new(key(&object, &rows)));
        let remove = write(&world, &object, vec![RowChange::Environment(remove)]);
        let report = async {
            wait_for_locks(&world.database, 1).await;
            // It has locked those before, and nobody has to wait for it.
            let others: Vec<driver::Object> =
                deployments.iter().filter(|one| one.application() != blocked).cloned().collect();
            let reports = crate::locks::reports(&others, "first");
            let written = world.agent.write_reports(reports).await.unwrap().written.len();
            held.rollback().await.unwrap();
            written
        };
        let (removed, written) = tokio::join!(remove, report);
        removed.unwrap();
        assert_eq!(written, 19);
        assert_eq!(world.count("application WHERE managed_environment_id IS NULL").await, 20);
    })
    .await;
}
