//! Campaigns of edits of one repository credential, its Secret and its server. What it says must follow
//! from these; Argo CD has what was accepted last, and nothing else; another tenant's credential for
//! the same repository is not concerned; what is taken back leaves no trace; and the end must equal that
//! of a fresh installation that has only seen the last of everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crds::GitOpsDeploymentRepositoryCredential as Credential;
use fastrand::Rng;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, PostParams};
use machines::esr::{ArgoRepository, CredentialEntry, CredentialObject, World};
use machines::identity::Generation;
use serde_json::{Value, json};

use crate::checks::observe::{ARGO_CD, CREDENTIALS, list};
use crate::environment::git_servers::Behaviour;
use crate::environment::stage::{Running, Stage, simulate};
use crate::faults::credentials::{credential, secret};
use crate::fuzz::campaign::{Campaign, EDITS, NAMESPACE, Report, diff, install_after, settled};
use crate::fuzz::credential_expectation::{SECRET_LIMIT, Server, Text, Url, expected};
use crate::fuzz::hostile_strings;
use crate::runs::script::Step;

/// The credential that is edited.
const EDITED: &str = "login";
/// The path of the tenant's credentials.
pub(super) const OBJECTS: &str = "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/team/gitopsdeploymentrepositorycredentials";
/// The path of the tenant's Secrets.
pub(super) const SECRETS: &str = "/api/v1/namespaces/team/secrets";
/// The repository of both tenants, by its URLs.
const HTTPS: &str = "https://git.example.com/team/private.git";
const SSH: &str = "ssh://git@git.example.com/team/private.git";
const SCP: &str = "git@git.example.com:team/private.git";
/// The other tenant's, which no edit concerns.
const OTHERS: &str = "https://git.example.org/team/private.git";
/// What opens it, at first.
const RIGHT: &str = "right";
/// The names of Secrets; the last one is never there.
const NAMES: [&str; 3] = ["git", "token", "nowhere"];
/// A server that has changed is asked within ten minutes, and a tenth of them; and an answer may take
/// half a minute.
const ASKED_AGAIN: Duration = Duration::from_secs(700);
/// A server is heard for half a minute, and one question may wait for another to end. The
/// specification may hold before: another reason may have the same words in the contract.
const HEARD: Duration = Duration::from_secs(90);
/// What begins like a private key that needs a passphrase.
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";

/// Runs the campaign of a seed.
pub(super) fn run(seed: u64) -> anyhow::Result<Report> {
    simulate(seed, move || async move {
        let mut edits = Edits::begin(seed).await?;
        for _ in 0..2 * EDITS {
            edits.edit().await?;
            if !edits.campaign.report.violations.is_empty() {
                return Ok(edits.campaign.report);
            }
        }
        edits.end().await
    })
}

/// An installation at rest: both tenants have the repository.
async fn install(server: &Server) -> anyhow::Result<(Arc<Stage>, Running)> {
    let (stage, running) = install_after(&[
        Step::CreateNamespace(NAMESPACE),
        Step::CreateNamespace("other"),
        Step::OpenedBy(OTHERS, RIGHT),
        Step::CreateSecret("other/git", RIGHT),
        Step::CreateCredential("other/login", OTHERS, "git"),
        Step::Create("team/app", "one"),
    ])
    .await?;
    server.is_so(&stage);
    Ok((stage, running))
}

impl Server {
    /// Makes it so.
    fn is_so(&self, stage: &Stage) {
        for url in [HTTPS, SSH, SCP] {
            stage.servers.opened_by(url, &self.opened_by);
            stage.servers.behaves(url, self.behaviour);
        }
    }
}

/// What Argo CD is told of a repository, without the project.
type Told = BTreeMap<String, Vec<u8>>;

/// A campaign, and what was accepted last.
struct Edits {
    campaign: Campaign,
    server: Server,
    accepted: Option<Told>,
    processes: u32,
}

impl Edits {
    async fn begin(seed: u64) -> anyhow::Result<Self> {
        let server = Server { opened_by: RIGHT.to_owned(), behaviour: Behaviour::Answers };
        let (stage, running) = install(&server).await?;
        let api: Api<Credential> = Api::namespaced(stage.client.clone(), NAMESPACE);
        api.create(&PostParams::default(), &credential(EDITED, HTTPS, "git")).await?;
        let mut campaign = Campaign::on(stage, running, Rng::with_seed(seed));
        campaign.report.credentials = 1;
        let mut edits = Self { campaign, server, accepted: None, processes: 1 };
        edits.put_secret("git", Content::Right).await?;
        edits.look().await?;
        Ok(edits)
    }

    async fn edit(&mut self) -> anyhow::Result<()> {
        match self.campaign.random.u8(..16) {
            0..=4 => self.edit_object().await?,
            5..=10 => self.edit_secret().await?,
            11 => self.rotate().await?,
            12 | 13 => self.change_server().await,
            14 => self.recreate().await?,
            _ => self.restart(),
        }
        self.look().await
    }

    async fn edit_object(&mut self) -> anyhow::Result<()> {
        let (before, world) = (self.object()?, self.campaign.stage.witness.world()?);
        let patch = any_patch(&mut self.campaign.random);
        self.log(patch.to_string());
        if !self.merge(&patch).await {
            self.campaign.report.refused += 1;
            let same = before == self.object()?;
            self.campaign.holds(same, "what the server refuses changes nothing", String::new);
            return Ok(());
        }
        self.campaign.report.taken += 1;
        if self.campaign.random.u8(..3) > 0 {
            return Ok(());
        }
        self.look().await?;
        self.campaign.report.reverted += 1;
        self.log("taken back".to_owned());
        let Text { repository, secret } = &before.spec;
        let taken =
            self.merge(&json!({"spec": {"repository": repository, "secret": secret}})).await;
        self.campaign.holds(taken, "what was there may be written again", String::new);
        self.look().await?;
        let is = self.campaign.stage.witness.world()?;
        self.compare(&world, &is, "what is taken back leaves no trace");
        Ok(())
    }

    async fn edit_secret(&mut self) -> anyhow::Result<()> {
        let random = &mut self.campaign.random;
        let name = NAMES[random.usize(..2)];
        let content = Content::any(random);
        let is_deleted = random.u8(..6) == 0;
        if is_deleted {
            self.log(format!("deletes Secret {name}"));
            self.campaign.stage.delete(&format!("{SECRETS}/{name}")).await;
        } else {
            self.put_secret(name, content).await?;
        }
        if is_deleted || content == Content::OfAnotherType {
            // No watch shows that one of another type comes or goes.
            tokio::time::sleep(ASKED_AGAIN).await;
        }
        self.campaign.report.taken += 1;
        Ok(())
    }

    /// Writes a Secret; one of another type has to be made anew.
    async fn put_secret(&mut self, name: &str, content: Content) -> anyhow::Result<()> {
        self.log(format!("writes {content:?} into Secret {name}"));
        let object = content.secret(name, &self.server.opened_by, &mut self.campaign.random);
        let api: Api<Secret> = Api::namespaced(self.campaign.stage.client.clone(), NAMESPACE);
        let there = api.get_opt(name).await?;
        let is_of_type = there.as_ref().is_some_and(|one| one.type_ == object.type_);
        if is_of_type && self.campaign.random.bool() {
            let resource_version = there.and_then(|one| one.metadata.resource_version);
            let metadata = kube::api::ObjectMeta { resource_version, ..object.metadata.clone() };
            let object = Secret { metadata, ..object };
            api.replace(name, &PostParams::default(), &object).await.context("the Secret")?;
            return Ok(());
        }
        if there.is_some() {
            api.delete(name, &DeleteParams::default()).await?;
        }
        api.create(&PostParams::default(), &object).await.context("the Secret")?;
        Ok(())
    }

    /// The server takes another password, and both Secrets get it at once.
    async fn rotate(&mut self) -> anyhow::Result<()> {
        self.server.opened_by = format!("right-{}", self.campaign.random.u8(..));
        self.log(format!("opened by {}", self.server.opened_by));
        self.server.is_so(&self.campaign.stage);
        for name in ["git", "token"] {
            self.put_secret(name, Content::Right).await?;
        }
        Ok(())
    }

    async fn change_server(&mut self) {
        let random = &mut self.campaign.random;
        self.server.behaviour = match random.u8(..16) {
            0 => Behaviour::Refuses,
            1 => Behaviour::Hangs,
            2 => Behaviour::Unreachable,
            3 => Behaviour::Untrusted,
            4 => Behaviour::Missing,
            5 => Behaviour::Fails,
            6 => Behaviour::Endless(Duration::from_micros(random.u64(1..20))),
            7 => Behaviour::Slow(Duration::from_secs(random.u64(..25))),
            _ => Behaviour::Answers,
        };
        self.log(format!("{:?}", self.server.behaviour));
        self.server.is_so(&self.campaign.stage);
        // Servers do not tell of changes.
        tokio::time::sleep(ASKED_AGAIN).await;
    }

    async fn recreate(&mut self) -> anyhow::Result<()> {
        self.log("deleted and created".to_owned());
        let Text { repository, secret } = self.object()?.spec;
        self.campaign.stage.delete(&format!("{OBJECTS}/{EDITED}")).await;
        if self.campaign.random.bool() {
            self.campaign.settle().await;
            let told = self.told()?;
            self.campaign.holds(told.is_empty(), "nothing is left", || format!("{told:?}"));
        }
        self.accepted = None;
        let object = serde_json::to_string(&credential(EDITED, &repository, &secret))?;
        let taken = self.campaign.stage.post(OBJECTS, &object).await;
        self.campaign.holds(taken, "it may be created again", || object.clone());
        Ok(())
    }

    fn restart(&mut self) {
        self.log("restart".to_owned());
        let running = &mut self.campaign.running;
        running.kill();
        *running = self.campaign.stage.launch_undisturbed(&format!("pod-{}", self.processes));
        self.processes += 1;
    }

    /// Waits until nothing moves, and checks what is said.
    async fn look(&mut self) -> anyhow::Result<()> {
        tokio::time::sleep(HEARD).await;
        self.campaign.settle().await;
        let object = self.object()?;
        let secret = self.secret(&object.spec.secret)?;
        let url = kind(&object.spec.repository);
        let admitted = expected(&object.spec, url, secret.as_ref(), &self.server);
        let said = admitted.iter().find(|said| said.is_said_by(&object));
        if said.is_some_and(|said| said.is_accepted()) {
            self.accepted = secret.map(|secret| told(&object.spec, url, secret));
        } else {
            self.campaign.report.rejected += 1;
        }
        self.campaign.holds(said.is_some(), "what it says follows", || {
            format!("{:?} instead of one of {admitted:?}", object.status)
        });
        let (is, wanted) = (self.told()?, self.accepted.clone());
        let same = is.iter().eq(wanted.iter());
        // No password of a user, but nothing that belongs into a log.
        self.campaign.holds(same, "Argo CD has what was accepted last", || {
            format!("{is:?} instead of {wanted:?}")
        });
        let others = self.of_others()?;
        let is_so = others.len() == 1 && others[0].get("password") == Some(&RIGHT.into());
        self.campaign.holds(is_so, "another tenant has its own", || format!("{others:?}"));
        Ok(())
    }

    /// Makes everything right, every other time.
    async fn make_right(&mut self) -> anyhow::Result<()> {
        if self.campaign.random.bool() {
            return Ok(());
        }
        self.log("made right".to_owned());
        self.server.behaviour = Behaviour::Answers;
        self.server.is_so(&self.campaign.stage);
        self.put_secret("git", Content::Right).await?;
        let taken = self.merge(&json!({"spec": {"repository": HTTPS, "secret": "git"}})).await;
        self.campaign.holds(taken, "what is right may be written", String::new);
        tokio::time::sleep(ASKED_AGAIN).await;
        self.look().await?;
        let is_accepted = self.accepted.is_some();
        self.campaign.holds(is_accepted, "what is right is accepted", String::new);
        Ok(())
    }

    async fn end(mut self) -> anyhow::Result<Report> {
        self.make_right().await?;
        let object = self.object()?;
        let (stage, running) = install(&self.server).await?;
        for name in ["git", "token"] {
            if let Some(Secret { type_, data, .. }) = self.secret(name)? {
                let object = Secret { type_, data, ..secret(name, "") };
                let object = serde_json::to_string(&object)?;
                anyhow::ensure!(stage.post(SECRETS, &object).await, "{object}");
            }
        }
        let new = credential(EDITED, &object.spec.repository, &object.spec.secret);
        let new = serde_json::to_string(&new)?;
        anyhow::ensure!(stage.post(OBJECTS, &new).await, "{new} is refused");
        let mut fresh = Campaign::on(stage, running, Rng::new());
        fresh.settle().await;
        self.campaign.report.violations.extend(fresh.report.violations);
        let (was, is) = (fresh.stage.witness.world()?, self.campaign.stage.witness.world()?);
        self.compare(&was, &is, "a fresh installation comes to the same");
        self.log("deleted".to_owned());
        self.campaign.stage.delete(&format!("{OBJECTS}/{EDITED}")).await;
        self.campaign.settle().await;
        let told = self.told()?;
        self.campaign.holds(told.is_empty(), "nothing is left", || format!("{told:?}"));
        Ok(self.campaign.report)
    }

    /// Checks that two worlds say the same of credentials. What was accepted last may differ where the
    /// last thing was not accepted.
    fn compare(&mut self, was: &World, is: &World, what: &str) {
        let is_whole = is.credentials.iter().all(|one| one.verdict.is_accepted());
        let report = &mut self.campaign.report;
        *(if is_whole { &mut report.whole } else { &mut report.in_part }) += 1;
        let (was, is) = (essence(was, is_whole), essence(is, is_whole));
        self.campaign.holds(was == is, what, || diff(&was, &is));
    }

    fn log(&mut self, what: String) {
        self.campaign.log.push(what.chars().take(hostile_strings::SHORT).collect());
    }

    async fn merge(&self, patch: &Value) -> bool {
        self.campaign.stage.merge(&format!("{OBJECTS}/{EDITED}"), &patch.to_string()).await
    }

    fn object(&self) -> anyhow::Result<Credential> {
        let mut objects = list::<Credential>(&self.campaign.stage.server, CREDENTIALS)?.into_iter();
        let is_it = |one: &Credential| one.namespace().as_deref() == Some(NAMESPACE);
        objects.find(is_it).context("there is no credential")
    }

    fn secret(&self, name: &str) -> anyhow::Result<Option<Secret>> {
        let mut secrets = list::<Secret>(&self.campaign.stage.server, SECRETS)?.into_iter();
        Ok(secrets.find(|one| one.name_any() == name))
    }

    /// What Argo CD is told of repositories.
    fn all_told(&self) -> anyhow::Result<Vec<Told>> {
        let path = format!("/api/v1/namespaces/{ARGO_CD}/secrets");
        let secrets = list::<Secret>(&self.campaign.stage.server, &path)?.into_iter();
        let plain = |secret: Secret| {
            let data = secret.data.unwrap_or_default().into_iter();
            let mut told: Told = data.map(|(key, ByteString(value))| (key, value)).collect();
            told.remove("project");
            told
        };
        Ok(secrets.map(plain).collect())
    }

    fn told(&self) -> anyhow::Result<Vec<Told>> {
        let told = self.all_told()?.into_iter();
        Ok(told.filter(|one| one.get("url") != Some(&OTHERS.into())).collect())
    }

    fn of_others(&self) -> anyhow::Result<Vec<Told>> {
        let told = self.all_told()?.into_iter();
        Ok(told.filter(|one| one.get("url") == Some(&OTHERS.into())).collect())
    }
}

/// What Argo CD should be told of an accepted credential.
fn told(text: &Text, url: Url, secret: Secret) -> Told {
    let keys: &[&str] =
        if url == Url::Ssh { &["sshPrivateKey"] } else { &["username", "password"] };
    let data = secret.data.unwrap_or_default().into_iter();
    let mut told: Told = data
        .filter(|(key, value)| keys.contains(&key.as_str()) && !value.0.is_empty())
        .map(|(key, ByteString(value))| (key, value))
        .collect();
    told.insert("name".to_owned(), text.secret.clone().into_bytes());
    told.insert("url".to_owned(), text.repository.clone().into_bytes());
    told
}

/// What a world says of credentials, apart from how often they were edited and what their UIDs are.
fn essence(world: &World, is_whole: bool) -> World {
    let mut world = settled(world.clone());
    let World { credentials, database, argocd, .. } = &mut world;
    for CredentialObject { uid, generation, conditions, .. } in credentials.iter_mut() {
        *uid = Default::default();
        *generation = Generation(0);
        conditions.iter_mut().for_each(|one| one.observed_generation = None);
        conditions.sort();
    }
    credentials.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    for CredentialEntry { id, credential, .. } in &mut database.credentials {
        (*id, *credential) = Default::default();
    }
    database.credentials.sort_by(|a, b| a.repository.cmp(&b.repository));
    for ArgoRepository { row, .. } in &mut argocd.repositories {
        *row = Default::default();
    }
    argocd.repositories.sort_by(|a, b| a.content.cmp(&b.content));
    if !is_whole {
        database.credentials.retain(|one| one.repository == OTHERS);
        argocd.repositories.clear();
        // What an AppProject allows follows from that.
        database.repositories.clear();
        argocd.projects.clear();
    }
    world
}

/// What is in a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Right,
    /// A password without a user.
    Token,
    Wrong,
    Hostile,
    Nothing,
    NoPassword,
    /// As large as it may be, and a byte larger.
    AtTheLimit,
    TooLarge,
    NotText,
    UserIsNotText,
    Encrypted,
    OfAnotherType,
    /// Keys that nobody asked for.
    More,
}

impl Content {
    fn any(random: &mut Rng) -> Self {
        use Content::*;
        let all = [
            Right,
            Right,
            Right,
            Token,
            Wrong,
            Hostile,
            Nothing,
            NoPassword,
            AtTheLimit,
            TooLarge,
            NotText,
            UserIsNotText,
            Encrypted,
            OfAnotherType,
            More,
        ];
        all[random.usize(..all.len())]
    }

    fn secret(self, name: &str, right: &str, random: &mut Rng) -> Secret {
        let mut object = secret(name, right);
        let mut data = object.data.take().unwrap_or_default();
        let mut put = |keys: &[&str], value: &[u8]| {
            for key in keys {
                data.insert((*key).to_owned(), ByteString(value.to_vec()));
            }
        };
        let secrets = ["password", "sshPrivateKey"];
        match self {
            Self::Right => {}
            Self::Token => put(&["username"], b""),
            Self::Wrong => put(&secrets, b"wrong"),
            Self::Hostile => {
                put(&["username"], hostile_strings::some(random).as_bytes());
                if random.bool() {
                    put(&secrets, hostile_strings::some(random).as_bytes());
                }
            }
            Self::Nothing => data.clear(),
            Self::NoPassword => put(&secrets, b""),
            Self::NotText => put(&secrets, b"right\xff"),
            Self::UserIsNotText => put(&["username"], b"\xffbob"),
            Self::Encrypted => put(&["sshPrivateKey"], ENCRYPTED.as_bytes()),
            Self::OfAnotherType => object.type_ = Some("Opaque".to_owned()),
            Self::More => put(&["more", "project", "url", "name", "type"], b"https://example.com"),
            Self::AtTheLimit | Self::TooLarge => {
                let bytes: usize = data.iter().map(|(key, value)| key.len() + value.0.len()).sum();
                let rest = SECRET_LIMIT - bytes - "more".len();
                let rest = rest + usize::from(matches!(self, Self::TooLarge));
                data.insert("more".to_owned(), ByteString(vec![b'x'; rest]));
            }
        }
        Secret { data: Some(data), ..object }
    }
}

/// URLs, and what they are.
fn urls() -> Vec<(String, Url)> {
    let fixed = [
        (HTTPS, Url::Https),
        (SSH, Url::Ssh),
        (SCP, Url::Ssh),
        ("https://git.example.com/team/unknown.git", Url::Unknown),
        ("https://bob:hunter2@git.example.com/a", Url::Malformed("spec.repository has a password")),
        ("http://git.example.com/a", Url::Malformed("repository must begin with")),
        ("file:///a", Url::Malformed("repository must begin with")),
        ("", Url::Malformed("repository must begin with")),
        ("https://git.example.com/a b", Url::Malformed("spec.repository has")),
    ];
    let long = format!("https://git.example.com/{}", "a".repeat(512));
    let long = (long, Url::Malformed("spec.repository is longer than 512 bytes"));
    fixed.into_iter().map(|(url, kind)| (url.to_owned(), kind)).chain([long]).collect()
}

/// What a URL is that the credential has.
fn kind(url: &str) -> Url {
    urls().into_iter().find(|(one, _)| one == url).map_or(Url::Hostile, |(_, kind)| kind)
}

fn any_url(random: &mut Rng) -> String {
    let all = urls();
    match random.u8(..6) {
        0 => hostile_strings::any(random),
        1 | 2 => all[random.usize(..3)].0.clone(),
        _ => all[random.usize(..all.len())].0.clone(),
    }
}

fn any_name(random: &mut Rng) -> String {
    match random.u8(..8) {
        0 => hostile_strings::any(random),
        1 => {
            ["", "Git", "a/b", "git.", "-git", "..", &"x".repeat(254)][random.usize(..7)].to_owned()
        }
        _ => NAMES[random.usize(..NAMES.len())].to_owned(),
    }
}

/// A merge patch for a credential: of one field or both, of its metadata, or one that does not fit.
fn any_patch(random: &mut Rng) -> Value {
    let unfit = [json!(null), json!(7), json!(["git"]), json!({})];
    let mut patch = match random.u8(..10) {
        0..=3 => json!({"spec": {"repository": any_url(random)}}),
        4..=6 => json!({"spec": {"secret": any_name(random)}}),
        7 => json!({"spec": {"repository": any_url(random), "secret": any_name(random)}}),
        8 => {
            let field = ["repository", "secret", "unknown"][random.usize(..3)];
            json!({"spec": {field: unfit[random.usize(..unfit.len())]}})
        }
        _ => json!({"spec": unfit[random.usize(..unfit.len())]}),
    };
    if random.u8(..5) == 0 {
        let place = ["annotations", "labels"][random.usize(..2)];
        patch["metadata"] = json!({place: {"note": hostile_strings::any(random)}});
    }
    patch
}

#[cfg(test)]
mod tests {
    use git_access::url::GitUrl;

    use super::*;

    #[test]
    fn servers_are_known_by_the_urls_that_the_program_asks() {
        for url in [HTTPS, SSH, SCP] {
            assert_eq!(GitUrl::parse(url).map(|url| url.to_string()).as_deref(), Ok(url));
        }
    }
}
