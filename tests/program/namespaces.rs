//! Namespaces that are deleted, and re-created under the same name.

use crds::argocd::Application;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, WatchEvent};
use kube::{Resource, ResourceExt};

use crate::harness::{World, all, automated, eventually, with_finalizer};

const FOREIGN: &str = "example.com/keeps-it";

async fn user_of(world: &World, namespace: &Namespace) -> String {
    let uid = namespace.uid().unwrap();
    world.text(&format!("SELECT clusteruser_id FROM clusteruser WHERE user_name = '{uid}'")).await
}

async fn wait_until_tenant_gone(world: &World, namespace: &Namespace) {
    let uid = namespace.uid().unwrap();
    for query in [
        format!("SELECT count(*) FROM clusteruser WHERE user_name = '{uid}'"),
        format!("SELECT count(*) FROM machine WHERE tenant_uid = '{uid}'"),
        format!(
            "SELECT count(*) FROM kubernetestodbresourcemapping \
             WHERE kubernetes_resource_uid = '{uid}'"
        ),
    ] {
        world.wait_until_counted(&query, 0).await;
    }
}

fn is_terminating(namespace: &Namespace) -> bool {
    namespace.meta().deletion_timestamp.is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_11_a_deleted_namespace_takes_everything_with_it() {
    let world = World::start().await;
    let namespace = world.create_namespace("team-a").await;
    world.create_namespace("team-b").await;
    for name in ["one", "two"] {
        world.create("team-a", &automated(name)).await;
    }
    world.create("team-a", &with_finalizer(automated("three"))).await;
    for name in ["one", "two", "three"] {
        world.wait_until_ready("team-a", name).await;
    }
    world.create("team-b", &automated("neighbour")).await;
    world.wait_until_ready("team-b", "neighbour").await;
    world.delete_namespace("team-a").await;
    world.wait_until_namespace_gone("team-a").await;
    wait_until_tenant_gone(&world, &namespace).await;
    eventually("only the neighbour's is left", || async {
        let applications = all(&world.applications()).await.len();
        (applications == 1 && all(&world.projects()).await.len() == 1).then_some(())
    })
    .await;
    for table in ["clusteruser", "clusteraccess", "managedenvironment", "application"] {
        let query = format!("SELECT count(*) FROM {table}");
        assert_eq!(world.count(&query).await, 1, "{table}");
    }
    world.wait_until_ready("team-b", "neighbour").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_11_no_application_is_created_in_a_terminating_namespace() {
    let mut world = World::without_program().await;
    let namespace = world.create_namespace("team-a").await;
    let mut held = automated("held");
    held.metadata.finalizers = Some(vec![FOREIGN.to_owned()]);
    world.create("team-a", &held).await;
    world.create("team-a", &with_finalizer(automated("ours"))).await;
    world.delete_namespace("team-a").await;
    let since = world.plane.resource_version();
    let api = Api::<Namespace>::all(world.client.clone());
    assert!(is_terminating(&api.get("team-a").await.unwrap()));
    world.start_program().await;
    // Our finalizer does not keep the namespace: nothing was ever deployed.
    world.wait_until_gone("team-a", "ours").await;
    world.edit("team-a", "held", serde_json::json!({"spec": {"source": {"path": "x"}}})).await;
    world.wait_until_quiet().await;
    let everything: Vec<WatchEvent<Application>> =
        world.history(&world.applications(), since).await;
    assert!(everything.is_empty(), "{everything:?}");
    assert_eq!(world.count("SELECT count(*) FROM application").await, 0);
    world.edit("team-a", "held", serde_json::json!({"metadata": {"finalizers": null}})).await;
    world.wait_until_namespace_gone("team-a").await;
    wait_until_tenant_gone(&world, &namespace).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_11_a_namespace_recreated_while_the_program_was_stopped_is_a_new_tenant() {
    let mut world = World::start().await;
    let old = world.create_namespace("team-a").await;
    let old_app = world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    let old_user = user_of(&world, &old).await;
    // The removal of the old Application is blocked; that does not affect the new tenant.
    world.set_outcomes(&[("path.deploy", "deletion-never-finishes")]).await;
    world.stop_program().await;
    world.delete_namespace("team-a").await;
    world.wait_until_namespace_gone("team-a").await;
    let new = world.create_namespace("team-a").await;
    assert_ne!(old.uid(), new.uid());
    let new_app = world.create("team-a", &automated("app")).await;
    world.start_program().await;
    world.wait_until_ready("team-a", "app").await;
    let new_user = user_of(&world, &new).await;
    assert_ne!(new_user, old_user);
    let application = world.application_of(&new_app).await.unwrap();
    assert_eq!(application.spec.project, format!("app-project-{new_user}"));
    world
        .wait_for_application(&old_app, "the old one is being deleted", |one| {
            one.metadata.deletion_timestamp.is_some()
        })
        .await;
    // The old tenant stays on record while it has something to remove.
    assert_eq!(user_of(&world, &old).await, old_user);
    world.set_outcomes(&[]).await;
    wait_until_tenant_gone(&world, &old).await;
    world.wait_until_application_gone(&old_app).await;
    eventually("the old AppProject is gone", || async {
        (all(&world.projects()).await.len() == 1).then_some(())
    })
    .await;
    world.wait_until_ready("team-a", "app").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_11_a_namespace_recreated_at_once_is_a_new_tenant() {
    let world = World::start().await;
    let mut spaces = vec![world.create_namespace("team-a").await];
    world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    for _ in 0..5 {
        world.delete_namespace("team-a").await;
        world.wait_until_namespace_gone("team-a").await;
        // As fast as one `kubectl apply` of a file with both.
        spaces.push(world.create_namespace("team-a").await);
        world.create("team-a", &automated("app")).await;
    }
    let newest = spaces.pop().unwrap();
    let ready = world.wait_until_ready("team-a", "app").await;
    let user = user_of(&world, &newest).await;
    let application = world.application_of(&ready).await.unwrap();
    assert_eq!(application.spec.project, format!("app-project-{user}"));
    let owner = "SELECT application_owner_user_id FROM applicationowner";
    for old in &spaces {
        wait_until_tenant_gone(&world, old).await;
    }
    assert_eq!(world.text(owner).await, user);
    assert_eq!(all(&world.applications()).await.len(), 1);
    eventually("the old AppProjects are gone", || async {
        (all(&world.projects()).await.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_deleted_while_the_program_was_stopped_is_cleaned_up() {
    let mut world = World::start().await;
    let namespace = world.create_namespace("team-a").await;
    let created = world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    world.stop_program().await;
    world.delete_namespace("team-a").await;
    world.wait_until_namespace_gone("team-a").await;
    world.start_program().await;
    world.wait_until_application_gone(&created).await;
    wait_until_tenant_gone(&world, &namespace).await;
    eventually("the AppProject is gone", || async {
        all(&world.projects()).await.is_empty().then_some(())
    })
    .await;
    let quiet = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, quiet);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_without_deployments_is_removed_with_its_namespace() {
    let world = World::start().await;
    let namespace = world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    world.delete("team-a", "app").await;
    world.wait_until_counted("SELECT count(*) FROM machine WHERE kind = 'Deployment'", 0).await;
    assert_eq!(world.count("SELECT count(*) FROM clusteruser").await, 1);
    world.delete_namespace("team-a").await;
    wait_until_tenant_gone(&world, &namespace).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_2_each_namespace_is_a_tenant_of_its_own() {
    let world = World::start().await;
    let mut projects = std::collections::BTreeSet::new();
    for name in ["team-a", "team-b", "team-c"] {
        let namespace = world.create_namespace(name).await;
        let created = world.create(name, &automated("app")).await;
        world.wait_until_ready(name, "app").await;
        let application = world.application_of(&created).await.unwrap();
        let user = user_of(&world, &namespace).await;
        assert_eq!(application.spec.project, format!("app-project-{user}"));
        assert_eq!(application.spec.destination.namespace, name);
        projects.insert(application.spec.project);
    }
    assert_eq!(projects.len(), 3);
}
