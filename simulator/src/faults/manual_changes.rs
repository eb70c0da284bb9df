//! What users do to their own objects, and manual changes to ours.

use std::time::Duration;

use crds::argocd::{AppProject, Application};
use crds::deployment::{Source, SyncPolicy};
use crds::{GitOpsDeployment, GitOpsDeploymentSpec, Operation};
use fastrand::Rng;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::checks::observe::ARGO_CD;
use crate::checks::search::CANARY;
use crate::environment::stage::Stage;

/// The namespaces of the tenants.
pub const NAMESPACES: [&str; 3] = ["team-a", "team-b", "team-c"];
/// The names of their deployments.
pub const NAMES: [&str; 4] = ["app", "web", "api", "jobs"];
/// Repositories; two of them are the same to existing clients, but not to Argo CD.
const REPOSITORIES: [&str; 3] = [
    "https://example.com/team/app.git",
    "https://example.com/team/app",
    "https://example.com/team/Other.git",
];
/// The outcomes of an Application in the stand-in for Argo CD, other than success.
const OUTCOMES: [&str; 5] =
    ["sync-fails", "degraded", "progressing", "missing-path", "deletion-never-finishes"];

/// The annotation that asks Argo CD for a refresh.
const REFRESH: &str = "argocd.argoproj.io/refresh";
/// The longest time without a namespace of Argo CD.
const LONGEST_ABSENCE: Duration = Duration::from_secs(120);

/// A deployment with this spec.
pub fn deployment(name: &str, path: &str, type_: &str) -> GitOpsDeployment {
    GitOpsDeployment::new(
        name,
        GitOpsDeploymentSpec {
            source: Source {
                repo_url: REPOSITORIES[0].to_owned(),
                path: path.to_owned(),
                target_revision: String::new(),
            },
            destination: None,
            sync_policy: None,
            type_: type_.to_owned(),
        },
    )
}

fn any_deployment(random: &mut Rng, name: &str) -> GitOpsDeployment {
    let mut object = deployment(name, any_path(random), any_type(random));
    object.spec.source.repo_url = any_repository(random);
    if random.bool() {
        object.metadata.finalizers = Some(vec![crds::names::DEPLOYMENT_FINALIZER.to_owned()]);
    }
    if random.u8(..4) == 0 {
        let sync_options = vec!["CreateNamespace=true".to_owned()];
        object.spec.sync_policy = Some(SyncPolicy { sync_options });
    }
    object
}

fn any_repository(random: &mut Rng) -> String {
    if random.u8(..8) == 0 { with_password() } else { pick(random, &REPOSITORIES).to_owned() }
}

/// A repository URL as it should not be written, with a password.
fn with_password() -> String {
    format!("https://user:{CANARY}@example.com/team/app.git")
}

fn any_path(random: &mut Rng) -> &'static str {
    // The last one is invalid.
    pick(random, &["one", "two", "three", "deep/er", "/"])
}

fn any_type(random: &mut Rng) -> &'static str {
    pick(random, &["automated", "automated", "manual"])
}

/// One of several.
pub(super) fn pick<T: Copy>(random: &mut Rng, items: &[T]) -> T {
    items[random.usize(..items.len())]
}

/// Does one thing that a user may do. A rejection, because the object is missing or already exists,
/// is fine.
pub async fn user_acts(stage: &Stage, random: &mut Rng) {
    let namespace = pick(random, &NAMESPACES);
    let name = pick(random, &NAMES);
    let api: Api<GitOpsDeployment> = Api::namespaced(stage.client.clone(), namespace);
    let said = |what: &str| stage.journal.note("user", format!("{what} {namespace}/{name}"));
    match random.u8(..20) {
        0..=7 => {
            let object = any_deployment(random, name);
            said(&format!("creates {} {}", object.spec.type_, object.spec.source.path));
            let created = api.create(&PostParams::default(), &object).await;
            if created.is_err() {
                // It exists, or its namespace does not.
                let _ = stage.create_namespace(namespace).await;
            }
        }
        8..=13 => {
            let patch = any_edit(random);
            said(&format!("edits {patch} of"));
            let _ = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        }
        14..=16 => {
            said("deletes");
            let _ = api.delete(name, &DeleteParams::default()).await;
        }
        17 | 18 => {
            said("deletes and creates");
            let _ = api.delete(name, &DeleteParams::default()).await;
            let _ = api.create(&PostParams::default(), &any_deployment(random, name)).await;
        }
        _ => {
            let namespaces: Api<Namespace> = Api::all(stage.client.clone());
            stage.journal.note("user", format!("deletes the namespace {namespace}"));
            let _ = namespaces.delete(namespace, &DeleteParams::default()).await;
        }
    }
}

fn any_edit(random: &mut Rng) -> Value {
    match random.u8(..6) {
        0 | 1 => json!({"spec": {"source": {"path": any_path(random)}}}),
        2 => json!({"spec": {"source": {"repoURL": any_repository(random)}}}),
        3 => json!({"spec": {"source": {"targetRevision": pick(random, &["", "main", "v1"])}}}),
        4 => json!({"spec": {"type": any_type(random)}}),
        _ => json!({"metadata": {"annotations": {"note": random.u8(..).to_string()}}}),
    }
}

/// Changes something that we manage or rely on.
pub async fn manual_change(stage: &Stage, random: &mut Rng) {
    match random.u8(..12) {
        0..=3 => meddle_with_application(stage, random).await,
        4 | 5 => meddle_with_project(stage, random).await,
        6 => {
            let operations: Api<Operation> = Api::namespaced(stage.client.clone(), ARGO_CD);
            let Some(name) = any(&operations, random).await else { return };
            delete(stage, &operations, &name, "the Operation").await;
        }
        7..=9 => meddle_with_deployment(stage, random).await,
        10 => meddle_with_lease(stage, random).await,
        _ => delete_argocd_namespace(stage, random).await,
    }
}

async fn meddle_with_application(stage: &Stage, random: &mut Rng) {
    let applications: Api<Application> = Api::namespaced(stage.client.clone(), ARGO_CD);
    let Some(name) = any(&applications, random).await else { return };
    if random.bool() {
        return delete(stage, &applications, &name, "the Application").await;
    }
    let edits = [
        json!({"spec": {"source": {"path": "by-hand"}}}),
        json!({"spec": {"project": "default"}}),
        json!({"spec": {"sources": [{"repoURL": REPOSITORIES[2], "path": "by-hand"}]}}),
        json!({"spec": {"syncPolicy": {"automated": {"enabled": false}}}}),
        json!({"spec": {"source": {"directory": {"recurse": true}}}}),
        // As a newer Argo CD might write it.
        json!({"spec": {"destination": {"namespace": ["one", "two"]}}}),
        json!({"metadata": {"labels": {crds::names::DATABASE_ID_LABEL: null}}}),
        json!({"metadata": {"finalizers": null}}),
    ];
    merge(stage, &applications, &name, "the Application", &edits[random.usize(..edits.len())])
        .await;
}

async fn meddle_with_project(stage: &Stage, random: &mut Rng) {
    let projects: Api<AppProject> = Api::namespaced(stage.client.clone(), ARGO_CD);
    let Some(name) = any(&projects, random).await else { return };
    if random.bool() {
        return delete(stage, &projects, &name, "the AppProject").await;
    }
    let patch = json!({"spec": {"sourceRepos": ["by-hand"]}});
    merge(stage, &projects, &name, "the AppProject", &patch).await;
}

async fn meddle_with_deployment(stage: &Stage, random: &mut Rng) {
    let namespace = pick(random, &NAMESPACES);
    let name = pick(random, &NAMES);
    let api: Api<GitOpsDeployment> = Api::namespaced(stage.client.clone(), namespace);
    if random.bool() {
        let patch = json!({"metadata": {"finalizers": null}});
        merge(stage, &api, name, &format!("in {namespace}"), &patch).await;
        return;
    }
    stage.journal.note("manual", format!("edits the status of {namespace}/{name}"));
    let patch = Patch::Merge(json!({"status": {"health": {"status": "ByHand"}}}));
    let _ = api.patch_status(name, &PatchParams::default(), &patch).await;
}

/// Changes a Secret of Argo CD's, of a repository or of a cluster.
pub(super) async fn meddle_with_argocds_secret(stage: &Stage, random: &mut Rng) {
    let secrets: Api<Secret> = Api::namespaced(stage.client.clone(), ARGO_CD);
    let Some(name) = any(&secrets, random).await else { return };
    let what = "Argo CD's Secret";
    if random.bool() {
        return delete(stage, &secrets, &name, what).await;
    }
    // "by-hand", in base64.
    let by_hand = "YnktaGFuZA==";
    let edits = [
        json!({"data": {"password": by_hand}}),
        json!({"data": {"sshPrivateKey": by_hand}}),
        json!({"data": {"project": null}}),
        json!({"data": {"project": by_hand}}),
        json!({"data": {"url": by_hand, "name": null}}),
        json!({"data": {"insecure": by_hand}}),
        json!({"data": {"config": by_hand}}),
        json!({"data": {"server": by_hand}}),
        json!({"data": null}),
        json!({"metadata": {"labels": {crds::names::ARGO_CD_SECRET_TYPE_LABEL: null}}}),
        json!({"metadata": {"labels": {crds::names::DATABASE_ID_LABEL: null}}}),
        json!({"metadata": {"labels": {crds::names::DATABASE_ID_LABEL: "by-hand"}}}),
    ];
    merge(stage, &secrets, &name, what, &edits[random.usize(..edits.len())]).await;
}

/// Changes the Lease: another holder, or none.
async fn meddle_with_lease(stage: &Stage, random: &mut Rng) {
    let leases: Api<Lease> = Api::namespaced(stage.client.clone(), ARGO_CD);
    let Some(name) = any(&leases, random).await else { return };
    if random.bool() {
        return delete(stage, &leases, &name, "the Lease").await;
    }
    merge(stage, &leases, &name, "the Lease", &json!({"spec": {"holderIdentity": "by-hand"}}))
        .await;
}

/// Including everything in it; after a while it is created again.
async fn delete_argocd_namespace(stage: &Stage, random: &mut Rng) {
    stage.journal.note("manual", "deletes Argo CD's namespace");
    let namespaces: Api<Namespace> = Api::all(stage.client.clone());
    let _ = namespaces.delete(ARGO_CD, &DeleteParams::default()).await;
    tokio::time::sleep(LONGEST_ABSENCE.mul_f64(random.f64())).await;
    let _ = stage.create_namespace(ARGO_CD).await;
}

/// Argo CD or an administrator sets fields of an Application that are not ours.
pub async fn argocd_edits(stage: &Stage, random: &mut Rng) {
    let applications: Api<Application> = Api::namespaced(stage.client.clone(), ARGO_CD);
    let Some(name) = any(&applications, random).await else { return };
    let refresh = |value: Value| json!({"metadata": {"annotations": {REFRESH: value}}});
    let edits = [
        refresh(json!("hard")),
        refresh(Value::Null),
        json!({"metadata": {"labels": {"argocd.argoproj.io/instance": "apps"}}}),
        json!({"spec": {"info": [{"name": "owner", "value": random.u8(..).to_string()}]}}),
        json!({"spec": {"revisionHistoryLimit": random.u8(1..10)}}),
        json!({"spec": {"ignoreDifferences": [
            {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]},
        ]}}),
        // Copied from an older spec of a user.
        json!({"status": {"conditions": [
            {"type": "ComparisonError", "message": format!("cannot fetch {}", with_password())},
        ]}}),
        json!({"operation": {"initiatedBy": {"username": "admin"}, "sync": {}}}),
    ];
    let edit = &edits[random.usize(..edits.len())];
    merge(stage, &applications, &name, "the Application", edit).await;
}

/// Deletes an object.
async fn delete<K>(stage: &Stage, api: &Api<K>, name: &str, what: &str)
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    stage.journal.note("manual", format!("deletes {what} {name}"));
    let _ = api.delete(name, &DeleteParams::default()).await;
}

/// Merges a patch into an object.
async fn merge<K>(stage: &Stage, api: &Api<K>, name: &str, what: &str, patch: &Value)
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    stage.journal.note("manual", format!("edits {patch} of {what} {name}"));
    let _ = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
}

/// The name of a random object.
async fn any<K>(api: &Api<K>, random: &mut Rng) -> Option<String>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let names: Vec<String> = api
        .list(&ListParams::default())
        .await
        .ok()?
        .items
        .iter()
        .map(ResourceExt::name_any)
        .filter(|name| name != "default")
        .collect();
    (!names.is_empty()).then(|| names[random.usize(..names.len())].clone())
}

/// Sets a random outcome for the Applications of a random path.
pub async fn argocd_errs(stage: &Stage, random: &mut Rng) {
    let path = pick(random, &["one", "two", "three"]);
    let outcome = pick(random, &OUTCOMES);
    stage.journal.note("Argo CD", format!("{path}: {outcome}"));
    let outcomes = [(format!("path.{path}"), outcome.to_owned())].into();
    let _ = stage.set_outcomes(outcomes).await;
}
