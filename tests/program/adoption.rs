//! A database of an earlier installation, whose deployments and credentials go on.

use std::time::Duration;

use crds::GitOpsDeployment;
use crds::argocd::{AppProject, Application};
use crds::deployment::Destination;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use sandbox::ControlPlane;
use schema::connection::{ConnectOptions, connect};
use serde_json::{Value, json};

use crate::fixture;
use crate::harness::{ARGO_CD, World, automated, condition, eventually, with_finalizer};
use crate::managed_environments::{self, put_kubeconfig, with_target};
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

/// An Application as the existing system writes it into its row.
fn written(name: &str, project: &str) -> String {
    format!(
        "fauxtypemeta:\n  kind: Application\n  apiversion: argoproj.io/v1alpha1\n\
         fauxobjectmeta:\n  name: {name}\n  namespace: {ARGO_CD}\n\
         spec:\n  source:\n    repourl: {URL}\n    path: deploy\n  \
         destination:\n    name: managed-env-1\n    namespace: jane\n  \
         project: {project}\n"
    )
}

/// The program on the rows of an earlier installation for a deployment whose Application and
/// AppProject exist.
async fn adopted(
    object: GitOpsDeployment,
    directory: &tempfile::TempDir,
) -> (World, ControlPlane, GitOpsDeployment, Application) {
    let mut world = on_an_earlier_database(directory).await;
    let tenant = world.create_namespace("team-a").await.uid().unwrap();
    let deployment = world.create("team-a", &object).await;
    let uid = deployment.uid().unwrap();
    let name = crds::names::application_name(&uid);
    let project = crds::names::app_project_name(USER);
    for statement in [
        format!("UPDATE clusteruser SET user_name = '{tenant}' WHERE clusteruser_id = '{USER}'"),
        format!(
            "UPDATE application SET name = '{name}', spec_field = '{}'",
            written(&name, &project)
        ),
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
    let _: AppProject = create(
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
    let target = with_target(&mut world).await;
    world.start_program().await;
    let deployment = world
        .wait_for("team-a", &deployment.name_any(), "it waits for its environment", |one| {
            condition(one, "Stalled").is_some_and(|one| one.reason == "EnvironmentNotReady")
        })
        .await;
    (world, target, deployment, application)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_on_an_environment_goes_on_once_that_can_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let object = with_finalizer(on_environment("app"));
    let (mut world, target, deployment, application) = adopted(object, &directory).await;
    world.wait_until_quiet().await;
    let left = world.applications().get(&application.name_any()).await.unwrap();
    assert_eq!(left.metadata.deletion_timestamp, None, "it waits");
    put_kubeconfig(&world, &target.kubeconfig()).await;
    managed_environments::create(&world, "staging", managed_environments::spec(&target)).await;
    let is_there = |one: &Application| {
        let name = &one.spec.destination.name;
        name.starts_with("managed-env-") && name != "managed-env-1"
    };
    world.wait_for_application(&deployment, "it deploys to the environment", is_there).await;
    let project = world.projects().get(&crds::names::app_project_name(USER)).await.unwrap();
    let destinations = serde_json::to_string(&project.spec).unwrap();
    assert!(destinations.contains("in-cluster"), "{destinations}");
    world.delete("team-a", "app").await;
    world.wait_until_gone("team-a", "app").await;
    world.stop_program().await;
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
