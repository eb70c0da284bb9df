//! What tenants do meanwhile: each of their deployments is created, edited, and perhaps deleted or
//! created again, at random times.

use std::collections::BTreeMap;

use crds::deployment::Source;
use crds::{GitOpsDeployment, GitOpsDeploymentSpec};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Plan;
use crate::harness::{self, automated, eventually, with_finalizer};

/// How many edits a deployment sees, besides the last one.
const EDITS: usize = 4;
/// The tenant whose namespace is deleted.
const LEAVES: usize = 0;
/// The tenant who deletes all deployments and stays.
const EMPTY: usize = 1;

/// Something that a tenant does.
enum Step {
    Create(Box<GitOpsDeployment>),
    Edit(String, Value),
    Delete(String),
    /// Under the same name, perhaps while the former one is still being removed.
    CreateAgain(Box<GitOpsDeployment>),
    DeleteNamespace,
}

/// When a tenant does it: after the start, in thousandths of the whole time.
type Moment = (u64, usize, Step);

/// See the module.
pub(super) struct Tenants {
    client: kube::Client,
    namespaces: Vec<Namespace>,
    /// By namespace and name.
    wanted: BTreeMap<(String, String), GitOpsDeploymentSpec>,
}

impl Tenants {
    /// Creates their namespaces.
    pub(super) async fn create(client: &kube::Client, plan: &Plan) -> Self {
        let run = uuid::Uuid::new_v4().simple().to_string();
        let mut namespaces = Vec::new();
        for number in 0..plan.tenants {
            let name = format!("chaos-{}-{number}", &run[..6]);
            namespaces.push(harness::create_namespace(client, &name).await);
        }
        Self { client: client.clone(), namespaces, wanted: BTreeMap::new() }
    }

    /// What there should be in the end.
    pub(super) fn wanted(&self) -> &BTreeMap<(String, String), GitOpsDeploymentSpec> {
        &self.wanted
    }

    /// The namespaces that still exist.
    pub(super) fn namespaces(&self) -> &[Namespace] {
        &self.namespaces[LEAVES + 1..]
    }

    /// The one that was deleted.
    pub(super) fn deleted_namespace(&self) -> &Namespace {
        &self.namespaces[LEAVES]
    }

    /// Does everything that they do.
    pub(super) async fn play(&mut self, plan: &Plan, seed: u64) {
        let begun = Instant::now();
        let mut postponed = Vec::new();
        for (moment, tenant, step) in script(plan, &mut fastrand::Rng::with_seed(seed)) {
            tokio::time::sleep_until(begun + plan.lasts.mul_f64(moment as f64 / 1_000.0)).await;
            if let Some(again) = self.take(tenant, step).await {
                postponed.push((tenant, again));
            }
        }
        // In a namespace that goes, nothing is created again.
        for (tenant, object) in postponed.into_iter().filter(|(tenant, _)| *tenant != LEAVES) {
            let api = self.deployments(tenant);
            eventually("the former deployment of the name is gone", || async {
                match api.create(&PostParams::default(), &object).await {
                    Ok(_) => Some(()),
                    Err(error) if is_taken(&error) => None,
                    Err(error) => panic!("{error}"),
                }
            })
            .await;
            self.note(tenant, &object);
        }
    }

    /// Takes a step; returns what could not be created yet.
    async fn take(&mut self, tenant: usize, step: Step) -> Option<Box<GitOpsDeployment>> {
        let api = self.deployments(tenant);
        match step {
            Step::Create(object) => {
                api.create(&PostParams::default(), &object).await.unwrap();
                self.note(tenant, &object);
            }
            Step::Edit(name, patch) => {
                let parameters = PatchParams::default();
                let edited = api.patch(&name, &parameters, &Patch::Merge(patch)).await.unwrap();
                self.note(tenant, &edited);
            }
            Step::Delete(name) => {
                api.delete(&name, &DeleteParams::default()).await.unwrap();
                self.wanted.remove(&(self.namespace(tenant), name));
            }
            Step::CreateAgain(object) => match api.create(&PostParams::default(), &object).await {
                Ok(_) => self.note(tenant, &object),
                Err(error) if is_taken(&error) => return Some(object),
                Err(error) => panic!("{error}"),
            },
            Step::DeleteNamespace => {
                let name = self.namespace(tenant);
                harness::delete_namespace(&self.client, &name).await;
                self.wanted.retain(|(namespace, _), _| *namespace != name);
            }
        }
        None
    }

    fn note(&mut self, tenant: usize, object: &GitOpsDeployment) {
        let key = (self.namespace(tenant), object.name_any());
        self.wanted.insert(key, object.spec.clone());
    }

    fn namespace(&self, tenant: usize) -> String {
        self.namespaces[tenant].name_any()
    }

    fn deployments(&self, tenant: usize) -> Api<GitOpsDeployment> {
        Api::namespaced(self.client.clone(), &self.namespace(tenant))
    }

    /// Deletes the namespaces that are left, with everything in them.
    pub(super) async fn leave(&mut self) {
        for namespace in self.namespaces() {
            harness::delete_namespace(&self.client, &namespace.name_any()).await;
        }
        for namespace in &self.namespaces {
            harness::wait_until_namespace_gone(&self.client, &namespace.name_any()).await;
        }
        self.wanted.clear();
    }
}

/// Whether an object of the name exists.
fn is_taken(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_already_exists())
}

/// What all tenants do, in order.
fn script(plan: &Plan, random: &mut fastrand::Rng) -> Vec<Moment> {
    let mut script: Vec<Moment> = vec![(700, LEAVES, Step::DeleteNamespace)];
    for number in 0..plan.deployments {
        let tenant = number % plan.tenants;
        // Before its namespace goes.
        let end = if tenant == LEAVES { 650 } else { 1_000 };
        let steps = life(number, tenant, number / plan.tenants, random);
        let mut moments: Vec<u64> = steps.iter().map(|_| random.u64(0..end)).collect();
        moments.sort_unstable();
        script.extend(moments.into_iter().zip(steps).map(|(moment, step)| (moment, tenant, step)));
    }
    // Stable: what is done to one deployment at the same moment stays in its order.
    script.sort_by_key(|(moment, ..)| *moment);
    script
}

/// What is done to one deployment, in order.
fn life(number: usize, tenant: usize, turn: usize, random: &mut fastrand::Rng) -> Vec<Step> {
    let object = deployment(number, 0);
    let name = object.name_any();
    let mut steps = vec![Step::Create(Box::new(object))];
    for edit in 1..=random.usize(1..=EDITS) {
        steps.push(Step::Edit(name.clone(), change(number, edit, random)));
    }
    // The last one makes whatever was changed before work again.
    let last = deployment(number, EDITS + 1);
    match turn % 4 {
        _ if tenant == EMPTY => steps.push(Step::Delete(name)),
        0 => steps.push(Step::Delete(name)),
        1 => steps.extend([Step::Delete(name), Step::CreateAgain(Box::new(last))]),
        _ => steps.push(Step::Edit(name, json!({"spec": last.spec}))),
    }
    steps
}

fn deployment(number: usize, version: usize) -> GitOpsDeployment {
    let object = automated(&format!("app-{number:03}"));
    let mut object = if number.is_multiple_of(3) { with_finalizer(object) } else { object };
    object.spec.source = Source {
        repo_url: format!("https://git.example.com/team/app-{}", (number + version) % 7),
        path: format!("deploy/{number}/{version}"),
        target_revision: format!("v{version}"),
    };
    object
}

/// An edit, which may make the deployment manual or invalid.
fn change(number: usize, version: usize, random: &mut fastrand::Rng) -> Value {
    let source = deployment(number, version).spec.source;
    match random.u8(0..5) {
        0 => json!({"spec": {"source": {"path": source.path}}}),
        1 => json!({"spec": {"source": {"targetRevision": source.target_revision}}}),
        2 => json!({"spec": {"source": {"repoURL": source.repo_url}}}),
        3 => json!({"spec": {"type": "manual"}}),
        _ => json!({"spec": {"source": {"path": ""}}}),
    }
}
