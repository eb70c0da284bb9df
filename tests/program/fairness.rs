//! No tenant delays another: measured by counts and order, not in seconds.

use crds::GitOpsDeployment;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, PostParams};
use sea_orm::ConnectionTrait as _;

use crate::harness::{self, World, all, automated, condition, eventually, with_finalizer};

/// Deletions that never finish.
const STUCK: usize = 500;
/// Deployments of the hot tenant.
const HOT: usize = 2_000;
/// The most machines that the backend or the agent processes in one batch, except for batches that
/// end at once.
const BATCH: usize = 256;
/// Between a deployment and its Application, the backend and the agent each finish the current
/// batch and process the one with the newcomer, the agent once more when the AppProject exists.
/// Meanwhile about as many Applications are written as these batches hold.
const OVERTAKING: usize = 5 * BATCH;
/// Concurrent requests of the tests.
const CONCURRENCY: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_that_never_finish_delay_no_other_deployment() {
    let world = World::start().await;
    world.create_namespace("stuck").await;
    world.create_namespace("calm").await;
    world.set_outcomes(&[("path.stuck", "deletion-never-finishes")]).await;
    create_all(&world, "stuck", STUCK, |name| with_finalizer(of_path(name, "stuck"))).await;
    world.wait_until_quiet().await;
    delete_all(&world, "stuck").await;
    // Nothing that is stuck occupies a queue or is queried over and over.
    world.wait_until_quiet().await;
    assert_eq!(world.program().health.backlog(), 0);
    let applications = all(&world.applications()).await;
    let being_deleted =
        applications.iter().filter(|one| one.metadata.deletion_timestamp.is_some()).count();
    assert_eq!(being_deleted, STUCK, "Argo CD was told to delete every Application");

    let applications = writes(&world, "create", "applications.argoproj.io");
    for namespace in ["calm", "stuck"] {
        world.create(namespace, &automated("new")).await;
        world.wait_until_ready(namespace, "new").await;
    }
    assert_eq!(writes(&world, "create", "applications.argoproj.io") - applications, 2);
    let deleting = |one: &GitOpsDeployment| one.metadata.deletion_timestamp.is_some();
    let waiting = all(&world.deployments("stuck")).await;
    assert_eq!(waiting.iter().filter(|one| deleting(one)).count(), STUCK, "they are still stuck");

    world.set_outcomes(&[]).await;
    world.wait_until_quiet().await;
    let left = all(&world.deployments("stuck")).await;
    assert_eq!(left.len(), 1, "the deletions finish once they can");
    harness::check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
}

/// Stands for anything that a database rejects: here a trigger does it.
const REFUSAL: &str = "CREATE TRIGGER refusal BEFORE INSERT ON machine \
     WHEN NEW.kind = 'Deployment' AND NEW.name LIKE 'refused-%' \
     BEGIN SELECT RAISE(ABORT, 'refused'); END";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployments_that_the_database_rejects_delay_no_others_and_their_owners_are_notified() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let rows = world.database.connection();
    rows.execute_unprepared(REFUSAL).await.unwrap();
    for name in ["refused-1", "healthy-1", "refused-2", "healthy-2"] {
        world.create("team-a", &automated(name)).await;
    }
    for name in ["healthy-1", "healthy-2"] {
        world.wait_until_ready("team-a", name).await;
    }
    let events: Api<Event> = Api::namespaced(world.client.clone(), "team-a");
    for name in ["refused-1", "refused-2"] {
        let event = eventually("the owner is notified", || async {
            let events = all(&events).await.into_iter();
            let mut events = events.filter(|one| one.involved_object.name.as_deref() == Some(name));
            events.next()
        });
        let event = event.await;
        assert_eq!(event.reason.as_deref(), Some("ProcessingFailed"));
        let message = event.message.unwrap();
        assert!(message.contains("a row breaks a constraint. It is tried again in"), "{message}");
    }
    rows.execute_unprepared("DROP TRIGGER refusal").await.unwrap();
    // One by an edit, the other by a retry.
    let patch = serde_json::json!({"spec": {"source": {"path": "new"}}});
    world.edit("team-a", "refused-1", patch).await;
    for name in ["refused-1", "refused-2"] {
        world.wait_until_ready("team-a", name).await;
    }
    // The check does not read rows and objects at the same time.
    world.wait_until_quiet().await;
    harness::check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_deployments_of_one_tenant_do_not_delay_anothers() {
    let mut world = World::without_program().await;
    // Nothing else writes Applications, so their resource versions show their order.
    world.stop_argocd();
    world.create_namespace("hot").await;
    world.create_namespace("calm").await;
    create_all(&world, "hot", HOT, automated).await;
    world.start_program().await;
    eventually("the first of the hot tenant's Applications was written", || async {
        (writes(&world, "create", "applications.argoproj.io") > 0).then_some(())
    })
    .await;
    let calm = world.create("calm", &automated("calm")).await;
    let calm_application = world.wait_for_application(&calm, "it was written", |_| true).await;

    let asked = revision(&calm);
    let written = revision(&calm_application);
    let hot = all(&world.applications()).await;
    let before = hot.iter().filter(|one| revision(*one) < asked).count();
    let overtook = hot.iter().filter(|one| (asked..written).contains(&revision(*one))).count();
    println!("{before} hot Applications before the calm deployment, {overtook} before its own");
    assert!(before + overtook < HOT - BATCH, "the hot tenant's were still in progress");
    assert!(overtook <= OVERTAKING, "{overtook} of the hot tenant's came first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_creates_of_one_tenant_delay_neither_anothers_removal_nor_its_status() {
    let mut world = World::start().await;
    world.create_namespace("hot").await;
    world.create_namespace("calm").await;
    for name in ["removed", "rejected"] {
        world.create("calm", &automated(name)).await;
    }
    let removed = world.wait_until_ready("calm", "removed").await;
    world.wait_until_ready("calm", "rejected").await;
    world.stop_program().await;
    world.stop_argocd();
    create_all(&world, "hot", HOT, automated).await;
    world.delete("calm", "removed").await;
    world.edit("calm", "rejected", serde_json::json!({"spec": {"source": {"path": "/"}}})).await;
    world.start_program().await;
    world
        .wait_for("calm", "rejected", "its status reports it", |one| {
            condition(one, "Stalled").is_some_and(|stalled| stalled.reason == "Rejected")
        })
        .await;
    eventually("the removal has started", || async {
        let application = world.application_of(&removed).await;
        application.is_none_or(|one| one.metadata.deletion_timestamp.is_some()).then_some(())
    })
    .await;
    let applications = writes(&world, "create", "applications.argoproj.io") as usize;
    println!("{applications} Applications were written first");
    assert!(applications <= BATCH, "{applications} of the hot tenant's came first");
}

fn of_path(name: &str, path: &str) -> GitOpsDeployment {
    let mut object = automated(name);
    object.spec.source.path = path.to_owned();
    object
}

async fn create_all(
    world: &World,
    namespace: &str,
    number: usize,
    object: impl Fn(&str) -> GitOpsDeployment,
) {
    let api = world.deployments(namespace);
    let creations = (0..number).map(|number| {
        let object = object(&format!("app-{number:04}"));
        let api = api.clone();
        async move { api.create(&PostParams::default(), &object).await.map(drop) }
    });
    stream::iter(creations).buffer_unordered(CONCURRENCY).try_collect::<Vec<()>>().await.unwrap();
}

async fn delete_all(world: &World, namespace: &str) {
    let api = world.deployments(namespace);
    let names: Vec<String> = all(&api).await.iter().map(ResourceExt::name_any).collect();
    let deletions = names.iter().map(|name| {
        let api = api.clone();
        async move { api.delete(name, &DeleteParams::default()).await.map(drop) }
    });
    stream::iter(deletions).buffer_unordered(CONCURRENCY).try_collect::<Vec<()>>().await.unwrap();
}

fn writes(world: &World, verb: &str, resource: &str) -> u64 {
    let key = (verb.to_owned(), resource.to_owned());
    world.plane.requests().get(&key).copied().unwrap_or_default()
}

fn revision(object: &impl ResourceExt) -> u64 {
    object.resource_version().unwrap().parse().unwrap()
}
