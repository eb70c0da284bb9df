//! A database of an earlier installation whose deployments the program does not support yet.

use std::time::Duration;

use crds::GitOpsDeployment;
use crds::argocd::{AppProject, Application};
use crds::deployment::Destination;
use k8s_openapi::api::core::v1::{Event, Namespace, Secret};
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use machines::shared::messages;
use schema::connection::{ConnectOptions, connect};
use serde_json::{Value, json};

use crate::fixture;
use crate::harness::{ARGO_CD, World, all, automated, condition, eventually, with_finalizer};
use crate::repository_credentials::keyring;

/// The fixture's names for its cluster user and its application row.
const USER: &str = "user";
const APPLICATION: &str = "application";
/// The repository that it permits for the user.
const URL: &str = "https://github.com/acme/shop";

fn on_environment(name: &str) -> GitOpsDeployment {
    let mut object = automated(name);
    object.spec.source.repo_url = URL.to_owned();
    object.spec.destination =
        Some(Destination { environment: "staging".to_owned(), namespace: "jane".to_owned() });
    object
}

async fn create<K>(world: &World, document: Value) -> K
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + serde::de::DeserializeOwned,
{
    let object: K = serde_json::from_value(document).unwrap();
    let api = Api::namespaced(world.client.clone(), ARGO_CD);
    api.create(&PostParams::default(), &object).await.unwrap()
}

/// A world on the database of an earlier installation with this Argo CD, which has nothing under way.
async fn on_an_earlier_database(directory: &tempfile::TempDir) -> World {
    let url = format!("sqlite://{}", directory.path().join("earlier.db").display());
    let earlier = connect(&url, &ConnectOptions::default()).await.unwrap();
    fixture::install(&earlier).await;
    earlier.close().await.unwrap();
    let world = World::without_program_at(&url).await;
    let argocd: Namespace = Api::all(world.client.clone()).get(ARGO_CD).await.unwrap();
    let argocd = argocd.uid().unwrap();
    for statement in [
        format!("UPDATE gitopsengineinstance SET namespace_uid = '{argocd}'"),
        format!("UPDATE kubernetestodbresourcemapping SET kubernetes_resource_uid = '{argocd}'"),
        "DELETE FROM operation".to_owned(),
    ] {
        fixture::execute(&world.database, &statement).await;
    }
    world
}

/// The program on the rows of an earlier installation for a deployment whose Application and
/// AppProject exist.
async fn adopted(
    object: GitOpsDeployment,
    directory: &tempfile::TempDir,
) -> (World, GitOpsDeployment, Application, AppProject) {
    let mut world = on_an_earlier_database(directory).await;
    let tenant = world.create_namespace("team-a").await.uid().unwrap();
    let deployment = world.create("team-a", &object).await;
    let uid = deployment.uid().unwrap();
    let name = crds::names::application_name(&uid);
    let project = crds::names::app_project_name(USER);
    for statement in [
        format!("UPDATE clusteruser SET user_name = '{tenant}' WHERE clusteruser_id = '{USER}'"),
        format!("UPDATE application SET name = '{name}'"),
        format!(
            "UPDATE deploymenttoapplicationmapping SET \
             deploymenttoapplicationmapping_uid_id = '{uid}', namespace_uid = '{tenant}'"
        ),
    ] {
        fixture::execute(&world.database, &statement).await;
    }
    let application = create(
        &world,
        json!({
            "metadata": {"name": name, "labels": {crds::names::DATABASE_ID_LABEL: APPLICATION}},
            "spec": {
                "project": project,
                "source": {"repoURL": URL, "path": "deploy"},
                "destination": {"name": "managed-env-1", "namespace": "jane"},
            },
        }),
    )
    .await;
    let project = create(
        &world,
        json!({
            "metadata": {"name": project, "annotations": {crds::names::USERNAME_ANNOTATION: USER}},
            "spec": {
                "sourceRepos": [URL],
                "destinations": [
                    {"name": "managed-env-1", "namespace": "*"},
                    {"name": "in-cluster", "namespace": "*"},
                ],
            },
        }),
    )
    .await;
    world.settings.rescan = Some(Duration::from_millis(10));
    world.settings.repair_grace = Duration::ZERO;
    world.start_program().await;
    let deployment = world
        .wait_for("team-a", &deployment.name_any(), "it is frozen", |one| {
            condition(one, "Stalled").is_some_and(|one| one.reason == "EnvironmentNotServed")
        })
        .await;
    (world, deployment, application, project)
}

/// The deployment's resources are unchanged, although the program checks for drift constantly. Argo
/// CD reports on the Application.
async fn is_left_alone(world: &World, application: &Application, project: &AppProject) {
    world.wait_until_quiet().await;
    let now = world.applications().get(&application.name_any()).await.unwrap();
    assert_eq!((&now.spec, now.labels()), (&application.spec, application.labels()));
    assert_eq!(now.metadata.deletion_timestamp, None);
    let now = world.projects().get(&project.name_any()).await.unwrap();
    assert_eq!(now.metadata.resource_version, project.metadata.resource_version);
    assert_eq!(world.count("SELECT count(*) FROM deploymenttoapplicationmapping").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deletion_of_a_deployment_on_an_environment_waits_and_its_status_reports_it() {
    let directory = tempfile::tempdir().unwrap();
    let object = with_finalizer(on_environment("app"));
    let (world, _, application, project) = adopted(object, &directory).await;
    world.delete("team-a", "app").await;
    world
        .wait_for("team-a", "app", "it reports that it is waiting", |one| {
            condition(one, "Stalled").is_some_and(|one| {
                one.message.starts_with(messages::REMOVAL_FROZEN)
                    && one.message.ends_with(messages::REMOVAL_FROZEN_ADVICE)
            })
        })
        .await;
    is_left_alone(&world, &application, &project).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_reports_that_a_deletion_without_a_finalizer_waits() {
    let directory = tempfile::tempdir().unwrap();
    let (world, deployment, application, project) =
        adopted(on_environment("app"), &directory).await;
    world.delete("team-a", "app").await;
    let events: Api<Event> = Api::namespaced(world.client.clone(), "team-a");
    let event = eventually("there is an Event", || async {
        let events = all(&events).await;
        events.into_iter().find(|event| event.reason.as_deref() == Some("DeletionWaits"))
    })
    .await;
    assert_eq!(event.message.as_deref(), Some(messages::REMOVAL_FROZEN));
    assert_eq!(event.involved_object.uid, deployment.uid());
    is_left_alone(&world, &application, &project).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gaps_16_the_secret_of_a_credential_that_is_gone_does_not_stay_in_argo_cds_namespace() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = on_an_earlier_database(&directory).await;
    let mapping = "INSERT INTO apicrtodatabasemapping (api_resource_type, api_resource_uid, \
         api_resource_name, api_resource_namespace, api_resource_namespace_uid, \
         db_relation_type, db_relation_key) VALUES ('GitOpsDeploymentRepositoryCredential', \
         'credential-uid', 'git', 'team', 'namespace-uid', 'RepositoryCredential', 'repository')";
    fixture::execute(&world.database, mapping).await;
    let row = world.text("SELECT repositorycredentials_id FROM repositorycredentials").await;
    let name = crds::names::repository_secret_name(&row);
    let labels = json!({
        crds::names::ARGO_CD_SECRET_TYPE_LABEL: crds::names::ARGO_CD_REPOSITORY_SECRET,
        crds::names::DATABASE_ID_LABEL: row,
    });
    let document = json!({"metadata": {"name": name, "labels": labels}, "type": "Opaque"});
    let _: Secret = create(&world, document).await;
    world.settings.sealing = Some(keyring());
    // Its object and its namespace were deleted while neither program ran.
    world.start_program().await;
    world.wait_until_counted("SELECT count(*) FROM repositorycredentials", 0).await;
    let api: Api<Secret> = Api::namespaced(world.client.clone(), ARGO_CD);
    eventually("the Secret is gone", || async {
        api.get_opt(&name).await.unwrap().is_none().then_some(())
    })
    .await;
    world.stop_program().await;
}
