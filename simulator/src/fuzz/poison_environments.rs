//! Hostile managed environments and kubeconfigs, and the healthy ones beside them: see
//! [`crate::fuzz::poison`].

use fastrand::Rng;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use machines::identity::EnvironmentId;
use serde_json::{Value, json};

use crate::checks::observe::{ENVIRONMENTS, history, list};
use crate::faults::environments::{environment, kubeconfig, secret};
use crate::fuzz::hostile_objects;
use crate::fuzz::hostile_strings;
use crate::fuzz::poison::{Play, Writes, short};
use crate::fuzz::poison_credentials::ARGO_CDS;

/// The environments that must not be affected: of two tenants, on one cluster, each with a Secret.
pub(super) const HEALTHY: [&str; 2] = ["team/healthy-env", "other/healthy-env"];
/// The cluster that they are on.
pub(super) const CLUSTER: &str = "https://healthy.example.com:6443";
/// The name of their Secrets.
pub(super) const HEALTHY_SECRET: &str = "healthy-cluster";
/// Their Secrets.
pub(super) const HEALTHY_SECRETS: [&str; 2] = ["team/healthy-cluster", "other/healthy-cluster"];
/// What opens it, by the number of the round.
pub(super) const TOKENS: [&str; 2] = ["first-token", "second-token"];
/// A cluster that the poisoned ones may open.
const HOSTILE: &str = "https://hostile.example.com";
/// What opens it.
const HOSTILE_TOKEN: &str = "hostile-token";
/// The names of the poisoned environments, and of their Secret.
const POISONED: [&str; 2] = ["poison-env-a", "poison-env-b"];
const POISONED_SECRET: &str = "poison-cluster";
/// The path of the tenant's environments.
const OBJECTS: &str =
    "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/team/gitopsdeploymentmanagedenvironments";
/// Fields of an environment that hold a text.
const FIELDS: [&str; 6] = [
    "/spec/apiURL",
    "/spec/credentialsSecret",
    "/spec/namespaces/0",
    "/spec/unknown",
    "/metadata/annotations/note",
    "/metadata/labels/note",
];
/// What no program can read as the spec of an environment.
const UNREADABLE: [&str; 4] = [
    r#"{"spec":["no","object"]}"#,
    r#"{"spec":7}"#,
    r#"{"spec":{"apiURL":["no","text"]}}"#,
    r#"{"spec":{"namespaces":"no list"}}"#,
];

impl Play {
    /// The cluster of the healthy environments takes another token, and so do their Secrets.
    pub(super) async fn rotate_healthy_clusters(&mut self, round: usize) {
        let token = TOKENS[(round + 1) % TOKENS.len()];
        self.token = token;
        self.stage.clusters.opened_by(CLUSTER, token);
        let patch = json!({"data": secret("", &kubeconfig(CLUSTER, token)).data}).to_string();
        for place in HEALTHY_SECRETS {
            let (namespace, name) = place.split_once('/').unwrap_or_default();
            let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
            self.stage.merge(&path, &patch).await;
        }
    }

    /// Checks that Argo CD has the healthy ones as they are now, one for each tenant.
    pub(super) fn healthy_clusters_are_told(&mut self) -> anyhow::Result<()> {
        let token = self.token;
        let text = |secret: &Secret, key: &str| {
            let data = secret.data.as_ref().and_then(|data| data.get(key));
            data.map(|one| String::from_utf8_lossy(&one.0).into_owned()).unwrap_or_default()
        };
        let mut told = list::<Secret>(&self.stage.server, ARGO_CDS)?;
        told.retain(|one| text(one, "server").starts_with(CLUSTER));
        told.retain(|one| !self.is_planted(&one.name_any()));
        let is_so = told.len() == HEALTHY.len()
            && told.iter().all(|one| text(one, "config").contains(token));
        self.holds(is_so, "Argo CD has the healthy clusters as they are", || format!("{told:?}"));
        Ok(())
    }

    /// How often each healthy environment, and its Secret of Argo CD's, has been written.
    pub(super) fn writes_of_environments(&self) -> Writes {
        let healthy = &self.healthy.environments;
        let number = |path: &str, field: &str, text: &str| {
            let events = history(&self.stage.server, path);
            events.iter().filter(|(_, object)| object["metadata"][field] == json!(text)).count()
        };
        let of = healthy.iter().flat_map(|object| {
            let row = EnvironmentId::of(&object.uid);
            let secret = crds::names::cluster_secret_name(row.as_str());
            let writes = number(ENVIRONMENTS, "uid", object.uid.as_str());
            [(object.uid.to_string(), writes), (secret.clone(), number(ARGO_CDS, "name", &secret))]
        });
        of.collect()
    }

    /// Counts what became of the poisoned environments.
    pub(super) fn count_environments(&mut self) -> anyhow::Result<()> {
        for object in self.stage.witness.world()?.environments {
            let report = &mut self.report;
            if object.name.starts_with("poison") {
                let is_reached = object.conditions.iter().any(|one| {
                    one.type_ == "ConnectionInitializationSucceeded" && one.status == "True"
                });
                *(if is_reached { &mut report.reached } else { &mut report.unreached }) += 1;
            }
        }
        Ok(())
    }

    /// Creates or edits a poisoned environment.
    pub(super) async fn poison_environment(&mut self) -> bool {
        let name = POISONED[self.random.usize(..POISONED.len())];
        if self.environments.insert(name.to_owned()) {
            // Hardly any would be accepted if their Secret came by chance alone.
            self.poison_kubeconfig().await;
            let object = any_environment(&mut self.random, name);
            let taken = self.post(OBJECTS, &object).await;
            if !taken {
                self.environments.remove(name);
            }
            return taken;
        }
        let patch = hostile_objects::any_patch(&mut self.random, &FIELDS, 3);
        self.log.push(format!("{name}: {}", short(&patch)));
        self.stage.merge(&format!("{OBJECTS}/{name}"), &patch).await
    }

    /// Writes a foreign status on a poisoned environment.
    pub(super) async fn poison_status_of_environment(&mut self) -> bool {
        let name = POISONED[self.random.usize(..POISONED.len())];
        let patch = json!({"status": hostile_objects::status(&mut self.random)}).to_string();
        self.log.push(format!("status of {name}: {}", short(&patch)));
        self.stage.merge(&format!("{OBJECTS}/{name}/status"), &patch).await
    }

    /// Writes a poisoned Secret; some of its kubeconfigs open a cluster.
    pub(super) async fn poison_kubeconfig(&mut self) -> bool {
        const SECRETS: &str = "/api/v1/namespaces/team/secrets";
        self.stage.clusters.opened_by(HOSTILE, HOSTILE_TOKEN);
        let object = any_secret(&mut self.random);
        self.stage.delete(&format!("{SECRETS}/{POISONED_SECRET}")).await;
        self.post(SECRETS, &serde_json::to_string(&object).unwrap_or_default()).await
    }

    /// Puts a Secret into Argo CD's namespace that looks like one of the program's.
    pub(super) async fn plant_cluster_secret(&mut self) -> anyhow::Result<bool> {
        let rows: Vec<String> = {
            let environments = &self.healthy.database.environments;
            environments.iter().map(|row| row.id.to_string()).collect()
        };
        let random = &mut self.random;
        let names = ["nonsense", "0", "a.b", "00000000-0000-0000-0000-000000000000"];
        let name = names[random.usize(..names.len())];
        let name = match random.u8(..3) {
            0 => format!("cluster-{name}"),
            _ => crds::names::cluster_secret_name(name),
        };
        let mut labels =
            json!({crds::names::DATABASE_ID_LABEL: hostile_objects::label(random, &rows)});
        if random.bool() {
            labels[crds::names::ARGO_CD_SECRET_TYPE_LABEL] = json!("cluster");
        }
        let object = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "labels": labels},
            "stringData": {"server": CLUSTER, "config": hostile_strings::some(random)},
        });
        self.plant_in_argo_cd(name, &object).await
    }

    /// Makes an environment unreadable for the program, as leftovers of another version's definitions
    /// may be.
    pub(super) async fn make_environment_unreadable(&mut self) -> anyhow::Result<()> {
        let name = POISONED[self.random.usize(..POISONED.len())];
        if self.environments.insert(name.to_owned()) {
            let object = serde_json::to_string(&environment(name, HOSTILE, POISONED_SECRET))?;
            self.post(OBJECTS, &object).await;
        }
        let path = format!("{OBJECTS}/{name}");
        self.stage.merge(&path, r#"{"metadata":{"finalizers":null}}"#).await;
        let is_it = |one: &&_| hostile_objects::is_of_environments(one);
        let definitions = crds::all();
        let definition = definitions.iter().find(is_it).cloned().unwrap_or_default();
        self.stage.server.install(&hostile_objects::without_schema(&definition))?;
        let patch = UNREADABLE[self.random.usize(..UNREADABLE.len())];
        self.log.push(format!("{name} becomes unreadable: {patch}"));
        self.stage.merge(&path, patch).await;
        self.stage.server.install(&definition)?;
        Ok(())
    }

    /// Deletes the poisoned environments and their Secret.
    pub(super) async fn delete_environments(&mut self) {
        for name in std::mem::take(&mut self.environments) {
            let path = format!("{OBJECTS}/{name}");
            self.stage.merge(&path, r#"{"metadata":{"finalizers":null}}"#).await;
            self.stage.delete(&path).await;
        }
        self.stage.delete(&format!("/api/v1/namespaces/team/secrets/{POISONED_SECRET}")).await;
    }
}

/// An environment with poison in it, as JSON.
fn any_environment(random: &mut Rng, name: &str) -> String {
    let url = if random.u8(..8) == 0 { CLUSTER } else { HOSTILE };
    let mut object =
        serde_json::to_value(environment(name, url, POISONED_SECRET)).unwrap_or_default();
    if random.u8(..4) == 0 {
        object["metadata"]["finalizers"] = json!(["example.com/kept"]);
    }
    if random.u8(..3) == 0 {
        hostile_objects::poison(random, &mut object, &FIELDS, 3);
    }
    hostile_objects::encode(random, &object)
}

/// A Secret with poison in it.
fn any_secret(random: &mut Rng) -> Secret {
    let mut object = match random.u8(..8) {
        0 => secret(POISONED_SECRET, &hostile_strings::any(random)),
        1 => secret(POISONED_SECRET, &any_kubeconfig(random).to_string()),
        _ => secret(POISONED_SECRET, &kubeconfig(HOSTILE, HOSTILE_TOKEN)),
    };
    if random.u8(..8) == 0 {
        let bytes = hostile_strings::NO_TEXTS[random.usize(..hostile_strings::NO_TEXTS.len())];
        object.data = Some([("kubeconfig".to_owned(), ByteString(bytes.to_vec()))].into());
    }
    if random.u8(..8) == 0 {
        object.type_ = Some("Opaque".to_owned());
    }
    object
}

/// A kubeconfig with a hostile text, or with what makes a client run a program or read a file.
fn any_kubeconfig(random: &mut Rng) -> Value {
    let right = kubeconfig(HOSTILE, HOSTILE_TOKEN);
    let mut document: Value = serde_json::from_str(&right).unwrap_or_default();
    let text = hostile_strings::any(random);
    match random.u8(..8) {
        0 => document["users"][0]["user"]["token"] = json!(text),
        1 => document["users"][0]["user"]["exec"] = json!({"command": "/bin/true"}),
        2 => document["users"][0]["user"]["tokenFile"] = json!("/etc/passwd"),
        3 => document["users"][0]["user"]["as"] = json!("system:admin"),
        4 => document["clusters"][0]["cluster"]["proxy-url"] = json!("http://127.0.0.1:1"),
        5 => document["clusters"][0]["cluster"]["certificate-authority-data"] = json!(text),
        6 => document["contexts"][0]["name"] = json!(text),
        _ => document["clusters"][0]["cluster"]["tls-server-name"] = json!(text),
    }
    document
}
