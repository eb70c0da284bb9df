//! GitOpsDeploymentManagedEnvironments: from the tenant's kubeconfig through a check of the cluster, which
//! is another sandbox, to the Secret that Argo CD reads, and back to nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_access::{ClusterClient, Policy};
use crds::deployment::Destination;
use crds::{GitOpsDeployment, GitOpsDeploymentManagedEnvironment};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use managed_gitops::clusters::Network;
use sandbox::{ControlPlane, Options};
use serde_json::{Value, json};

use crate::harness::{ARGO_CD, World, all, automated, condition, eventually};
use crate::repository_credentials::keyring;

pub(crate) type Told = BTreeMap<String, (String, String, String)>;

/// The contract's condition.
const CONNECTION: &str = "ConnectionInitializationSucceeded";

/// Has the program of a world seal credentials and ask clusters on this machine; returns a cluster.
pub(crate) async fn with_target(world: &mut World) -> ControlPlane {
    world.settings.sealing = Some(keyring());
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let policy = Policy { allow, ..Policy::default() };
    world.settings.clusters = Arc::new(Network::new(ClusterClient::new(policy)));
    ControlPlane::start(Options { tls: true, ..Options::default() }).await.unwrap()
}

async fn world() -> (World, ControlPlane) {
    let mut world = World::without_program().await;
    let target = with_target(&mut world).await;
    world.create_namespace("team-a").await;
    world.start_program().await;
    (world, target)
}

pub(crate) fn environments(world: &World) -> Api<GitOpsDeploymentManagedEnvironment> {
    Api::namespaced(world.client.clone(), "team-a")
}

pub(crate) async fn create(world: &World, name: &str, spec: Value) {
    let object: GitOpsDeploymentManagedEnvironment = serde_json::from_value(json!({
        "apiVersion": "managed-gitops.redhat.com/v1alpha1",
        "kind": "GitOpsDeploymentManagedEnvironment",
        "metadata": {"name": name},
        "spec": spec,
    }))
    .unwrap();
    environments(world).create(&PostParams::default(), &object).await.unwrap();
}

pub(crate) fn spec(target: &ControlPlane) -> Value {
    json!({
        "apiURL": target.url(),
        "credentialsSecret": "kubeconfig",
        "allowInsecureSkipTLSVerify": false,
    })
}

fn secrets(world: &World) -> Api<Secret> {
    Api::namespaced(world.client.clone(), "team-a")
}

async fn put_secret(world: &World, type_: &str, key: &str, text: &str) {
    if secrets(world).get_opt("kubeconfig").await.unwrap().is_some() {
        secrets(world).delete("kubeconfig", &DeleteParams::default()).await.unwrap();
    }
    let secret = Secret {
        metadata: ObjectMeta { name: Some("kubeconfig".to_owned()), ..ObjectMeta::default() },
        type_: Some(type_.to_owned()),
        data: Some([(key.to_owned(), ByteString(text.as_bytes().to_vec()))].into()),
        ..Secret::default()
    };
    secrets(world).create(&PostParams::default(), &secret).await.unwrap();
}

pub(crate) async fn put_kubeconfig(world: &World, text: &str) {
    put_secret(world, crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE, "kubeconfig", text).await;
}

pub(crate) fn told(object: &GitOpsDeploymentManagedEnvironment) -> Told {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let told = conditions.map(|one| {
        (one.type_.clone(), (one.status.clone(), one.reason.clone(), one.message.clone()))
    });
    told.collect()
}

pub(crate) async fn wait_for(world: &World, what: &str, is_so: impl Fn(&Told) -> bool) -> Told {
    let found = eventually(what, || async {
        environments(world).get_opt("env").await.unwrap().filter(|one| is_so(&told(one)))
    })
    .await;
    told(&found)
}

pub(crate) async fn wait_until_ready(world: &World) -> Told {
    let ready = |told: &Told| told.get("Ready").is_some_and(|one| one.0 == "True");
    wait_for(world, "the environment is ready", ready).await
}

/// Waits until the contract's condition says exactly this.
async fn wait_until_said(world: &World, status: &str, reason: &str, message: &str) -> Told {
    let expected = (status.to_owned(), reason.to_owned(), message.to_owned());
    wait_for(world, &format!("{reason}: {message}"), |told| told.get(CONNECTION) == Some(&expected))
        .await
}

/// Argo CD's cluster Secrets, by name, with what they say.
pub(crate) async fn cluster_secrets(world: &World) -> BTreeMap<String, BTreeMap<String, String>> {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), ARGO_CD);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let data = |secret: &Secret| {
        let data = secret.data.clone().unwrap_or_default().into_iter();
        data.map(|(key, value)| (key, text(value.0))).collect()
    };
    all(&api).await.iter().map(|secret| (secret.name_any(), data(secret))).collect()
}

pub(crate) async fn wait_until_nothing_is_left(world: &World) {
    for query in [
        "SELECT count(*) FROM machine WHERE kind = 'ManagedEnvironment'",
        "SELECT count(*) FROM apicrtodatabasemapping",
        "SELECT count(*) FROM sealed_value WHERE table_name = 'clustercredentials'",
        "SELECT count(*) FROM appprojectmanagedenvironment",
    ] {
        world.wait_until_counted(query, 0).await;
    }
    eventually("Argo CD's Secret is gone", || async {
        cluster_secrets(world).await.is_empty().then_some(())
    })
    .await;
}

pub(crate) fn deployed_to(name: &str, environment: &str) -> GitOpsDeployment {
    let mut object = automated(name);
    object.spec.destination =
        Some(Destination { environment: environment.to_owned(), namespace: "shop".to_owned() });
    object
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_environment_reaches_argo_cd_and_leaves_nothing_behind() {
    let (mut world, target) = world().await;
    let since = world.plane.resource_version();
    create(&world, "env", spec(&target)).await;
    let missing = "secret 'kubeconfig' referenced by managed environment 'env' in 'team-a', could \
                   not be retrieved: not found";
    wait_until_said(&world, "False", "SecretNotFound", missing).await;
    put_kubeconfig(&world, &target.kubeconfig()).await;
    let ready = wait_until_ready(&world).await;
    assert_eq!(ready[CONNECTION], ("True".to_owned(), "Succeeded".to_owned(), String::new()));
    let requested = world.history(&world.operations(), since).await;
    assert!(!requested.is_empty(), "Argo CD's Secret follows from an Operation");
    let id = world.text("SELECT db_relation_key FROM apicrtodatabasemapping").await;
    let name = crds::names::cluster_secret_name(&id);
    let secrets = cluster_secrets(&world).await;
    let secret = &secrets[&name];
    assert_eq!(secret["name"], name);
    assert_eq!(secret["server"], crds::names::cluster_secret_server(&target.url(), &id));
    assert!(secret["config"].contains("\"bearerToken\":\"sandbox\""), "{secret:?}");
    environments(&world).delete("env", &DeleteParams::default()).await.unwrap();
    wait_until_nothing_is_left(&world).await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_4_what_is_wrong_with_a_kubeconfig_is_said_word_for_word() {
    let (mut world, target) = world().await;
    create(&world, "env", spec(&target)).await;
    put_secret(&world, "Opaque", "kubeconfig", &target.kubeconfig()).await;
    wait_until_said(&world, "False", "InvalidSecretType", "invalid secret type: Opaque").await;
    let of_the_type = crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE;
    put_secret(&world, of_the_type, "config", "kind: Config").await;
    let message = "missing kubeconfig field in Secret";
    wait_until_said(&world, "False", "MissingKubeConfigField", message).await;
    put_kubeconfig(&world, &target.kubeconfig().replace(&target.url(), "https://a")).await;
    let message = format!(
        "the kubeconfig did not have a cluster entry that matched the API URL '{}'",
        target.url()
    );
    wait_until_said(&world, "False", "UnableToLocateContext", &message).await;
    put_kubeconfig(&world, &target.kubeconfig().replace("{token: sandbox}", "{}")).await;
    let message = "kubeconfig must have a service account token for the user in context \
                   \"sandbox\". client-certificate is not supported at this time.";
    wait_until_said(&world, "False", "UnableToParseKubeconfigData", message).await;
    // A cluster that nobody answers for, at a port of its own.
    let url = target.url();
    let kubeconfig = target.kubeconfig();
    target.shutdown().await;
    put_kubeconfig(&world, &kubeconfig).await;
    let message = "Unable to validate the credentials provided in the ManagedEnvironment Secret. \
                   Verify the API URL, and service account token are correct.";
    let dead =
        wait_until_said(&world, "Unknown", "UnableToValidateClusterCredentials", message).await;
    let host = url.trim_start_matches("https://");
    let (status, reason, why) = &dead["Stalled"];
    assert_eq!((status.as_str(), reason.as_str()), ("True", "Unreachable"));
    assert!(why.contains(host), "{why}");
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_waits_for_its_environment_and_follows_it() {
    let (mut world, target) = world().await;
    let deployment = world.create("team-a", &deployed_to("app", "env")).await;
    let message = "Unable to reconcile the ManagedEnvironment. Verify that the ManagedEnvironment \
                   and Secret are correctly defined, and have valid credentials";
    world
        .wait_for("team-a", "app", "it says that there is no environment", |object| {
            condition(object, "ErrorOccurred").is_some_and(|one| one.message == message)
        })
        .await;
    put_kubeconfig(&world, &target.kubeconfig()).await;
    create(&world, "env", spec(&target)).await;
    wait_until_ready(&world).await;
    let is_there =
        |one: &crds::argocd::Application| one.spec.destination.name.starts_with("managed-env-");
    world.wait_for_application(&deployment, "it deploys to the environment", is_there).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    let reconciled = ready.status.unwrap().reconciled_state.destination;
    assert_eq!((reconciled.name.as_str(), reconciled.namespace.as_str()), ("env", "shop"));
    world.delete("team-a", "app").await;
    world.wait_until_application_gone(&deployment).await;
    environments(&world).delete("env", &DeleteParams::default()).await.unwrap();
    wait_until_nothing_is_left(&world).await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spec_that_no_cluster_could_be_asked_by_is_rejected_and_corrected() {
    let (mut world, target) = world().await;
    put_kubeconfig(&world, &target.kubeconfig()).await;
    let mut wrong = spec(&target);
    wrong["apiURL"] = format!("{}?a=b", target.url()).into();
    create(&world, "env", wrong).await;
    let message = "the API URL must not have ? or & values";
    wait_until_said(&world, "Unknown", "UnsupportedAPIURL", message).await;
    let patch = Patch::Merge(json!({"spec": spec(&target)}));
    environments(&world).patch("env", &PatchParams::default(), &patch).await.unwrap();
    wait_until_ready(&world).await;
    let events: Api<Event> = Api::namespaced(world.client.clone(), "team-a");
    let events = all(&events).await;
    assert!(events.is_empty(), "conditions say it all: {events:?}");
    world.stop_program().await;
}
