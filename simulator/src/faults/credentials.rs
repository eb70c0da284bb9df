//! What users do with repository credentials, their Secrets and their servers.

use std::collections::BTreeMap;
use std::time::Duration;

use crds::repository_credential::secret_key::{PASSWORD, SSH_PRIVATE_KEY, USERNAME};
use crds::{GitOpsDeploymentRepositoryCredential, GitOpsDeploymentRepositoryCredentialSpec};
use fastrand::Rng;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::time::Instant;

use crate::checks::credentials::{CERTIFICATES, KNOWN_HOSTS, KNOWN_HOSTS_KEY};
use crate::checks::observe::ARGO_CD;
use crate::checks::search::CANARY;
use crate::environment::git_servers::Behaviour;
use crate::environment::stage::Stage;
use crate::faults::manual_changes::{NAMESPACES, meddle_with_argocds_secret, pick};
use crate::faults::swarm::{Faults, Swarm};

/// Apart from the other choices of a seed, which stay as they were before there were credentials.
const OTHER_CHOICES: u64 = 0x6372_6564;
/// The longest pause between two things that users do.
const LONGEST_PAUSE: Duration = Duration::from_secs(50);
/// The names of credentials: few, so that names are used again.
const NAMES: [&str; 3] = ["login", "token", "key"];
/// The names of users' Secrets.
const SECRETS: [&str; 2] = ["git", "deploy-key"];
/// Private repositories, of two servers.
const REPOSITORIES: [&str; 3] = [
    "https://git.example.com/team/private.git",
    "https://git.example.org/team/other.git",
    "ssh://git@git.example.com/team/private.git",
];
/// The hosts of those that are asked over HTTPS.
const HOSTS: [&str; 2] = ["git.example.com", "git.example.org"];
/// The longest delay of an answer: a server that takes longer is one that hangs.
const SLOWEST: Duration = Duration::from_secs(25);

/// A password that a user may have: they differ, and each is a canary.
pub fn password(number: u8) -> String {
    format!("{CANARY}-{number}")
}

/// A credential for a repository.
pub fn credential(name: &str, url: &str, secret: &str) -> GitOpsDeploymentRepositoryCredential {
    let spec = GitOpsDeploymentRepositoryCredentialSpec {
        repository: url.to_owned(),
        secret: secret.to_owned(),
    };
    GitOpsDeploymentRepositoryCredential::new(name, spec)
}

/// A Secret with a password that is a private key as well: what counts depends on the URL.
pub fn secret(name: &str, password: &str) -> Secret {
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let data = [(USERNAME, "bob"), (PASSWORD, password), (SSH_PRIVATE_KEY, password)];
    Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        type_: Some(crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE.to_owned()),
        data: Some(data.map(|(key, value)| (key.to_owned(), bytes(value))).into()),
        ..Secret::default()
    }
}

/// Creates, edits and deletes credentials and Secrets, and changes servers, until the end; two seeds
/// in three do.
pub async fn act(stage: &Stage, swarm: &Swarm, faults: &Faults, seed: u64, end: Instant) {
    let mut random = Rng::with_seed(seed ^ OTHER_CHOICES);
    if random.u8(..3) == 0 {
        return;
    }
    for url in REPOSITORIES {
        stage.servers.opened_by(url, &password(0));
    }
    loop {
        let pause = LONGEST_PAUSE.mul_f64(random.f64().powi(2));
        if Instant::now() + pause >= end {
            return;
        }
        tokio::time::sleep(pause).await;
        match random.u8(..16) {
            0..=5 => with_credential(stage, &mut random).await,
            6..=10 => with_secret(stage, &mut random).await,
            11..=13 => server_changes(stage, &mut random),
            14 if faults.trust => {
                trust_changes(stage, &mut random).await;
                swarm.note("trust");
            }
            15 if faults.manual_changes => meddle_with_argocds_secret(stage, &mut random).await,
            _ => {}
        }
    }
}

async fn with_credential(stage: &Stage, random: &mut Rng) {
    let (namespace, name) = (pick(random, &NAMESPACES), pick(random, &NAMES));
    let api: Api<GitOpsDeploymentRepositoryCredential> =
        Api::namespaced(stage.client.clone(), namespace);
    let said = |what: &str| {
        stage.journal.note("user", format!("{what} credential {namespace}/{name}"));
    };
    let url = any_url(random);
    match random.u8(..8) {
        0..=3 => {
            let object = credential(name, &url, pick(random, &SECRETS));
            said("creates the");
            let _ = api.create(&PostParams::default(), &object).await;
        }
        4 | 5 => {
            let edit = match random.u8(..4) {
                0 => json!({"secret": pick(random, &["git", "deploy-key", "", "no/name"])}),
                _ => json!({"repository": url}),
            };
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
                let object = credential(name, &url, pick(random, &SECRETS));
                let _ = api.create(&PostParams::default(), &object).await;
            }
        }
    }
}

fn any_url(random: &mut Rng) -> String {
    match random.u8(..12) {
        0 => format!("https://bob:{}@git.example.com/team/private.git", password(0)),
        1 => "https://git.example.com/team/unknown.git".to_owned(),
        _ => pick(random, &REPOSITORIES).to_owned(),
    }
}

async fn with_secret(stage: &Stage, random: &mut Rng) {
    let (namespace, name) = (pick(random, &NAMESPACES), pick(random, &SECRETS));
    let api: Api<Secret> = Api::namespaced(stage.client.clone(), namespace);
    let number = random.u8(..3);
    let said = |what: &str| stage.journal.note("user", format!("{what} Secret {namespace}/{name}"));
    match random.u8(..8) {
        0..=2 => {
            said(&format!("writes password {number} into a new"));
            let _ = api.create(&PostParams::default(), &secret(name, &password(number))).await;
        }
        3 | 4 => {
            said(&format!("writes password {number} into the"));
            let data = secret(name, &password(number)).data;
            let patch = Patch::Merge(json!({"data": data}));
            let _ = api.patch(name, &PatchParams::default(), &patch).await;
        }
        5 => {
            said("empties the");
            let patch = Patch::Merge(json!({"data": null}));
            let _ = api.patch(name, &PatchParams::default(), &patch).await;
        }
        6 => {
            said("deletes the");
            let _ = api.delete(name, &DeleteParams::default()).await;
        }
        _ => {
            let type_ = if random.bool() { "Opaque" } else { "managed-gitops.redhat.com/other" };
            said(&format!("makes {type_} the"));
            let _ = api.delete(name, &DeleteParams::default()).await;
            let type_ = Some(type_.to_owned());
            let object = Secret { type_, ..secret(name, &password(number)) };
            let _ = api.create(&PostParams::default(), &object).await;
        }
    }
}

fn server_changes(stage: &Stage, random: &mut Rng) {
    let url = pick(random, &REPOSITORIES);
    if random.u8(..3) == 0 {
        let number = random.u8(..3);
        stage.journal.note("server", format!("{url} opens with password {number}"));
        return stage.servers.opened_by(url, &password(number));
    }
    let behaviour = match random.u8(..13) {
        0 | 1 => Behaviour::Slow(SLOWEST.mul_f64(random.f64())),
        2 => Behaviour::Refuses,
        3 => Behaviour::Hangs,
        4 => Behaviour::Unreachable,
        5 => Behaviour::Untrusted,
        6 => Behaviour::Missing,
        7 => Behaviour::Fails,
        8 => Behaviour::Endless(Duration::from_micros(random.u64(1..60))),
        _ => Behaviour::Answers,
    };
    stage.journal.note("server", format!("{url}: {behaviour:?}"));
    stage.servers.behaves(url, behaviour);
}

/// Argo CD's administrators vouch for a server, or no longer.
async fn trust_changes(stage: &Stage, random: &mut Rng) {
    let host = pick(random, &HOSTS);
    let hosts: &[&str] = if random.bool() { &[host] } else { &[] };
    if random.bool() {
        return trust(stage, hosts).await;
    }
    let lines: Vec<String> = hosts.iter().map(|host| format!("{host} ssh-ed25519 AAAA")).collect();
    let known = [(KNOWN_HOSTS_KEY.to_owned(), lines.join("\n"))].into();
    stage.journal.note("Argo CD", format!("knows {hosts:?}"));
    put(stage, KNOWN_HOSTS, known, random.bool()).await;
}

/// Argo CD's ConfigMap vouches for these hosts and no others.
pub async fn trust(stage: &Stage, hosts: &[&str]) {
    stage.journal.note("Argo CD", format!("trusts {hosts:?}"));
    let data: BTreeMap<String, String> =
        hosts.iter().map(|host| ((*host).to_owned(), "certificate".to_owned())).collect();
    put(stage, CERTIFICATES, data, true).await;
}

/// Writes a ConfigMap of Argo CD's: as a new one, or over the one that is there.
async fn put(stage: &Stage, name: &str, data: BTreeMap<String, String>, is_new: bool) {
    let api: Api<ConfigMap> = Api::namespaced(stage.client.clone(), ARGO_CD);
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let map = ConfigMap { metadata, data: Some(data), ..ConfigMap::default() };
    if is_new {
        let _ = api.delete(name, &DeleteParams::default()).await;
    } else if api.replace(name, &PostParams::default(), &map).await.is_ok() {
        return;
    }
    let _ = api.create(&PostParams::default(), &map).await;
}
