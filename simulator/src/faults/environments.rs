//! What users do with managed environments, their Secrets and their clusters.

use std::time::Duration;

use crds::managed_environment::KUBECONFIG_KEY;
use crds::{
    GitOpsDeployment, GitOpsDeploymentManagedEnvironment, GitOpsDeploymentManagedEnvironmentSpec,
};
use fastrand::Rng;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::environment::clusters::Behaviour;
use crate::environment::stage::Stage;
use crate::faults::credentials::password;
use crate::faults::manual_changes::{self, NAMESPACES, pick};

/// Apart from the other choices of a seed, which stay as they were before there were environments.
const OTHER_CHOICES: u64 = 0x656e_7673;
/// The longest pause between two things that users do.
const LONGEST_PAUSE: Duration = Duration::from_secs(50);
/// The names of environments: few, so that names are used again.
const NAMES: [&str; 2] = ["staging", "production"];
/// The names of users' Secrets.
const SECRETS: [&str; 2] = ["cluster", "admin"];
/// The clusters.
const CLUSTERS: [&str; 2] = ["https://one.example.com:6443", "https://two.example.com"];
/// The longest delay of an answer: a cluster that takes longer is one that hangs.
const SLOWEST: Duration = Duration::from_secs(25);

/// An environment on a cluster.
pub fn environment(name: &str, url: &str, secret: &str) -> GitOpsDeploymentManagedEnvironment {
    let spec = GitOpsDeploymentManagedEnvironmentSpec {
        api_url: url.to_owned(),
        credentials_secret: secret.to_owned(),
        ..GitOpsDeploymentManagedEnvironmentSpec::default()
    };
    GitOpsDeploymentManagedEnvironment::new(name, spec)
}

/// A kubeconfig with a token for a cluster.
pub fn kubeconfig(url: &str, token: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {"server": url}}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "context",
    })
    .to_string()
}

/// A Secret with a kubeconfig.
pub fn secret(name: &str, kubeconfig: &str) -> Secret {
    let bytes = ByteString(kubeconfig.as_bytes().to_vec());
    Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        type_: Some(crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE.to_owned()),
        data: Some([(KUBECONFIG_KEY.to_owned(), bytes)].into()),
        ..Secret::default()
    }
}

/// A patch that makes a deployment one to an environment; to none without a name.
pub fn destination(environment: &str) -> Value {
    if environment.is_empty() {
        return json!({"spec": {"destination": null}});
    }
    json!({"spec": {"destination": {"environment": environment, "namespace": "default"}}})
}

/// Creates, edits and deletes environments and their Secrets, has deployments use them, and changes
/// clusters, until the end; two seeds in three do.
pub async fn act(stage: &Stage, seed: u64, end: Instant) {
    let mut random = Rng::with_seed(seed ^ OTHER_CHOICES);
    if random.u8(..3) == 0 {
        return;
    }
    for url in CLUSTERS {
        stage.clusters.opened_by(url, &password(0));
    }
    loop {
        let pause = LONGEST_PAUSE.mul_f64(random.f64().powi(2));
        if Instant::now() + pause >= end {
            return;
        }
        tokio::time::sleep(pause).await;
        match random.u8(..16) {
            0..=4 => with_environment(stage, &mut random).await,
            5..=8 => with_secret(stage, &mut random).await,
            9..=12 => with_deployment(stage, &mut random).await,
            _ => cluster_changes(stage, &mut random),
        }
    }
}

async fn with_environment(stage: &Stage, random: &mut Rng) {
    let (namespace, name) = (pick(random, &NAMESPACES), pick(random, &NAMES));
    let api: Api<GitOpsDeploymentManagedEnvironment> =
        Api::namespaced(stage.client.clone(), namespace);
    let said = |what: &str| {
        stage.journal.note("user", format!("{what} environment {namespace}/{name}"));
    };
    match random.u8(..9) {
        0..=3 => {
            said("creates the");
            let _ = api.create(&PostParams::default(), &any_environment(random, name)).await;
        }
        4 | 5 => {
            let edit = any_edit(random);
            said(&format!("edits {edit} of the"));
            let patch = Patch::Merge(json!({"spec": edit}));
            let _ = api.patch(name, &PatchParams::default(), &patch).await;
        }
        6 => {
            said("keeps and deletes the");
            let kept = |by| Patch::Merge(json!({"metadata": {"finalizers": by}}));
            let parameters = PatchParams::default();
            let _ = api.patch(name, &parameters, &kept(json!(["example.com/kept"]))).await;
            let _ = api.delete(name, &DeleteParams::default()).await;
            tokio::time::sleep(Duration::from_secs(random.u64(..20))).await;
            let _ = api.patch(name, &parameters, &kept(json!(null))).await;
        }
        _ => {
            said("deletes the");
            let _ = api.delete(name, &DeleteParams::default()).await;
            if random.bool() {
                let _ = api.create(&PostParams::default(), &any_environment(random, name)).await;
            }
        }
    }
}

fn any_environment(random: &mut Rng, name: &str) -> GitOpsDeploymentManagedEnvironment {
    let mut object = environment(name, &any_url(random), pick(random, &SECRETS));
    object.spec.create_new_service_account = random.bool();
    if random.u8(..3) == 0 {
        object.spec.namespaces = vec!["b".to_owned(), "a".to_owned()];
        object.spec.cluster_resources = random.bool();
    }
    object
}

fn any_edit(random: &mut Rng) -> Value {
    match random.u8(..7) {
        0 => json!({"apiURL": any_url(random)}),
        1 => json!({"credentialsSecret": pick(random, &["cluster", "admin", "", "no/name"])}),
        2 => json!({"allowInsecureSkipTLSVerify": random.bool()}),
        3 | 4 => json!({"createNewServiceAccount": random.bool()}),
        5 => json!({"namespaces": pick(random, &[&["a", "b"][..], &["b"], &["A"], &[]])}),
        _ => json!({"clusterResources": random.bool()}),
    }
}

fn any_url(random: &mut Rng) -> String {
    match random.u8(..12) {
        0 => "https://three.example.com".to_owned(),
        1 => format!("https://bob:{}@one.example.com:6443", password(0)),
        _ => pick(random, &CLUSTERS).to_owned(),
    }
}

async fn with_secret(stage: &Stage, random: &mut Rng) {
    let (namespace, name) = (pick(random, &NAMESPACES), pick(random, &SECRETS));
    let api: Api<Secret> = Api::namespaced(stage.client.clone(), namespace);
    let (url, number) = (pick(random, &CLUSTERS), random.u8(..3));
    let said = |what: &str| stage.journal.note("user", format!("{what} Secret {namespace}/{name}"));
    let new = secret(name, &kubeconfig(url, &password(number)));
    match random.u8(..8) {
        0..=3 => {
            said(&format!("writes token {number} for {url} into a new"));
            let _ = api.create(&PostParams::default(), &new).await;
        }
        4 => {
            said(&format!("writes token {number} for {url} into the"));
            let patch = Patch::Merge(json!({"data": new.data}));
            let _ = api.patch(name, &PatchParams::default(), &patch).await;
        }
        5 => {
            said("writes nonsense into the");
            let data = secret(name, pick(random, &["", "{", "kind: Config", "[]"])).data;
            let patch = Patch::Merge(json!({"data": data}));
            let _ = api.patch(name, &PatchParams::default(), &patch).await;
        }
        6 => {
            said("deletes the");
            let _ = api.delete(name, &DeleteParams::default()).await;
        }
        _ => {
            said("makes Opaque the");
            let _ = api.delete(name, &DeleteParams::default()).await;
            let object = Secret { type_: Some("Opaque".to_owned()), ..new };
            let _ = api.create(&PostParams::default(), &object).await;
        }
    }
}

async fn with_deployment(stage: &Stage, random: &mut Rng) {
    let (namespace, name) = (pick(random, &NAMESPACES), pick(random, &manual_changes::NAMES));
    let api: Api<GitOpsDeployment> = Api::namespaced(stage.client.clone(), namespace);
    let environment = pick(random, &["staging", "staging", "production", ""]);
    let what = format!("has {namespace}/{name} deploy to {environment:?}");
    stage.journal.note("user", what);
    let patch = Patch::Merge(destination(environment));
    let _ = api.patch(name, &PatchParams::default(), &patch).await;
}

fn cluster_changes(stage: &Stage, random: &mut Rng) {
    let url = pick(random, &CLUSTERS);
    let said = |what: String| stage.journal.note("server", format!("{url}{what}"));
    match random.u8(..6) {
        0 | 1 => {
            let number = random.u8(..3);
            said(format!(" opens with token {number}"));
            return stage.clusters.opened_by(url, &password(number));
        }
        2 => {
            said(" forgets what was made".to_owned());
            return stage.clusters.forgets(url);
        }
        _ => {}
    }
    let behaviour = match random.u8(..14) {
        0 | 1 => Behaviour::Slow(SLOWEST.mul_f64(random.f64())),
        2 => Behaviour::Refuses,
        3 => Behaviour::Hangs,
        4 => Behaviour::Unreachable,
        5 => Behaviour::Untrusted,
        6 => Behaviour::Forbids,
        7 => Behaviour::Fails,
        8 => Behaviour::MakesNoTokens,
        _ => Behaviour::Answers,
    };
    said(format!(": {behaviour:?}"));
    stage.clusters.behaves(url, behaviour);
}
