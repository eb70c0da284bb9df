//! The target clusters of tenants, in virtual time: which tokens open each, what was made there, and
//! how its API server behaves. All of it can change at any moment.
//!
//! As with git servers, a question is answered by what was so when it arrived. Objects are made and
//! deleted one at a time, so that a process can be killed between any two.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::Arc;

use cluster_access::{
    Cause, Failure, Installation, Limits, Namespaces, Part, Reason, RemoteKind, RemoteObject,
    Revocation, Target, Trust,
};
use futures::future::BoxFuture;
use managed_gitops::clusters::Clusters;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Duration, timeout};

use crate::environment::journal::Journal;
use crate::environment::process::Process;
use crate::environment::questions::Questions;
use crate::faults::adversary::{Adversary, Asked};

/// Where accounts with rights in all of a cluster are.
const SYSTEM_NAMESPACE: &str = "kube-system";
/// How long a cluster takes that is not slow.
const USUAL: Duration = Duration::from_millis(20);

/// How a cluster's API server behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers at once.
    #[default]
    Answers,
    /// It answers after this long.
    Slow(Duration),
    /// It refuses every token.
    Refuses,
    /// It never answers.
    Hangs,
    /// There is no connection to it.
    Unreachable,
    /// Nobody known has issued its certificate.
    Untrusted,
    /// Tokens open it, and have no right to what is asked.
    Forbids,
    /// Its controllers do not work: new accounts get no token.
    MakesNoTokens,
    /// It fails.
    Fails,
}

impl Behaviour {
    /// How long the program waits for one answer, at most.
    fn takes(self) -> Duration {
        match self {
            Self::Slow(pause) => pause.min(Limits::default().request),
            Self::Hangs => Limits::default().request,
            _ => USUAL,
        }
    }
}

/// A cluster.
#[derive(Clone, Debug, Default)]
struct Cluster {
    /// The user's token.
    opened_by: String,
    behaviour: Behaviour,
    /// What was made.
    objects: BTreeMap<RemoteObject, Made>,
    /// How many tokens it has made.
    tokens: u32,
}

/// Something that was made on a cluster.
#[derive(Clone, Debug, Default)]
struct Made {
    /// The token in it, if it is a Secret and has got one.
    token: String,
    /// The number of that token.
    number: u32,
    /// The user's token that it was made with.
    with: String,
}

#[derive(Debug, Default)]
struct State {
    clusters: BTreeMap<String, Cluster>,
    revision: u64,
}

/// See the module; clones share the clusters.
#[derive(Clone, Debug, Default)]
pub struct TargetClusters {
    state: Arc<Mutex<State>>,
    /// By the URLs that are asked.
    questions: Questions,
}

impl TargetClusters {
    /// From now on this token of a user opens a cluster, and no other but those of accounts.
    pub fn opened_by(&self, url: &str, token: &str) {
        self.change(url, |one| token.clone_into(&mut one.opened_by));
    }

    /// From now on its API server behaves like this.
    pub fn behaves(&self, url: &str, behaviour: Behaviour) {
        self.change(url, |one| one.behaviour = behaviour);
    }

    /// Everything that was made there is gone, as if it were another cluster.
    pub fn forgets(&self, url: &str) {
        self.change(url, |one| one.objects.clear());
    }

    fn change<T>(&self, url: &str, change: impl FnOnce(&mut Cluster) -> T) -> T {
        let mut state = self.state.lock();
        state.revision += 1;
        change(state.clusters.entry(url.to_owned()).or_default())
    }

    /// It changes with every change.
    pub fn revision(&self) -> u64 {
        self.state.lock().revision
    }

    /// How often processes have asked.
    pub fn asked(&self) -> u64 {
        self.questions.asked()
    }

    /// The URLs that are asked now, once for each question.
    pub fn asking(&self) -> Vec<String> {
        self.questions.asking()
    }

    /// What is there of accounts, and on which cluster, with the tokens that depend on each.
    pub fn made(&self) -> Vec<(String, RemoteObject, Vec<String>)> {
        let state = self.state.lock();
        let of = |(url, cluster): (&String, &Cluster)| {
            let objects = cluster.objects.keys();
            let made = objects.map(|one| (url.clone(), one.clone(), cluster.tokens_by(one)));
            made.collect::<Vec<_>>()
        };
        state.clusters.iter().flat_map(of).collect()
    }

    /// The newest token of an environment's account that was made with a user's token.
    pub fn newest_token(&self, url: &str, environment: &str, with: &str) -> Option<String> {
        let state = self.state.lock();
        let made = state.clusters.get(url)?.objects.iter();
        let made = made
            .filter(|(object, made)| environment_of(object) == environment && made.with == with)
            .map(|(_, made)| made)
            .filter(|made| !made.token.is_empty());
        made.max_by_key(|made| made.number).map(|made| made.token.clone())
    }

    /// The token of an environment's account with this number, if it was made.
    pub fn token_of_round(&self, url: &str, environment: &str, round: u32) -> Option<String> {
        let state = self.state.lock();
        let end = format!("-{round}");
        let mut made = state.clusters.get(url)?.objects.iter();
        let made = made.find(|(object, _)| {
            object.kind == RemoteKind::Secret
                && environment_of(object) == environment
                && object.name.ends_with(&end)
        });
        made.map(|(_, made)| made.token.clone()).filter(|token| !token.is_empty())
    }

    /// What a check says, now, of a token.
    ///
    /// # Errors
    ///
    /// Why it is not accepted, or why nothing is known.
    pub fn say(&self, target: &Target) -> Result<(), Failure> {
        self.answer(target).map_err(|cause| failure(reason(cause), cause))
    }

    /// Whether a request with this token is answered with what was asked for.
    fn answer(&self, target: &Target) -> Result<(), Cause> {
        let cluster = self.state.lock().clusters.get(target.url.as_str()).cloned();
        let Some(cluster) = cluster else { return Err(Cause::Unreachable) };
        match cluster.behaviour {
            Behaviour::Refuses => Err(Cause::TokenRefused),
            Behaviour::Hangs => Err(Cause::TimedOut),
            Behaviour::Slow(pause) if pause >= Limits::default().request => Err(Cause::TimedOut),
            Behaviour::Unreachable => Err(Cause::Unreachable),
            Behaviour::Untrusted if target.trust == Trust::System => Err(Cause::CertificateUnknown),
            Behaviour::Fails => Err(Cause::ServerError),
            _ if !cluster.accepts(target.token.expose_secret()) => Err(Cause::TokenRefused),
            Behaviour::Forbids => Err(Cause::Forbidden),
            Behaviour::Answers
            | Behaviour::Slow(_)
            | Behaviour::Untrusted
            | Behaviour::MakesNoTokens => Ok(()),
        }
    }

    fn behaviour(&self, url: &str) -> Behaviour {
        self.state.lock().clusters.get(url).map(|one| one.behaviour).unwrap_or_default()
    }

    /// These clusters, as a process reaches them.
    pub fn reached_by(
        &self,
        process: Arc<Process>,
        adversary: Arc<dyn Adversary>,
        journal: Journal,
    ) -> Arc<dyn Clusters> {
        Arc::new(Reached { clusters: self.clone(), process, adversary, journal })
    }
}

impl Cluster {
    fn accepts(&self, token: &str) -> bool {
        let made = |made: &Made| made.token == token;
        !token.is_empty() && (self.opened_by == token || self.objects.values().any(made))
    }

    /// Makes an object, if it is not there, and returns the token in it.
    fn make(&mut self, object: &RemoteObject, with: &str) -> String {
        let new = Made { with: with.to_owned(), ..Made::default() };
        let made = self.objects.entry(object.clone()).or_insert(new);
        let gets_token = object.kind == RemoteKind::Secret
            && made.token.is_empty()
            && self.behaviour != Behaviour::MakesNoTokens;
        if gets_token {
            self.tokens += 1;
            made.number = self.tokens;
            made.token = format!("account-{}-{}", object.name, self.tokens);
        }
        made.token.clone()
    }

    /// Deletes an object; the tokens of an account go with it.
    fn remove(&mut self, object: &RemoteObject) {
        self.objects.remove(object);
        if object.kind == RemoteKind::ServiceAccount {
            self.objects.retain(|one, _| !needs(one, object));
        }
    }

    /// The tokens that end, or lose rights, if an object goes.
    fn tokens_by(&self, object: &RemoteObject) -> Vec<String> {
        let objects = self.objects.iter().filter(|(one, _)| needs(one, object));
        objects.map(|(_, made)| made.token.clone()).filter(|token| !token.is_empty()).collect()
    }
}

/// Whether an object is a token that needs another object.
fn needs(token: &RemoteObject, object: &RemoteObject) -> bool {
    let is_of_environment =
        token.kind == RemoteKind::Secret && environment_of(token) == environment_of(object);
    is_of_environment
        && match object.kind {
            RemoteKind::Secret => token == object,
            RemoteKind::ServiceAccount => token.namespace == object.namespace,
            RemoteKind::ClusterRole | RemoteKind::ClusterRoleBinding => {
                token.namespace.as_deref() == Some(SYSTEM_NAMESPACE)
            }
            // In which namespaces it has rights is not known here.
            RemoteKind::Role | RemoteKind::RoleBinding => true,
        }
}

/// The UID of the environment that an object was made for, which is in its name.
pub fn environment_of(object: &RemoteObject) -> String {
    let groups: Vec<&str> = object.name.split('-').collect();
    let is_group = |(group, length): (&&str, usize)| {
        group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_uid = |groups: &&[&str]| groups.iter().zip([8, 4, 4, 4, 12]).all(is_group);
    groups.windows(5).find(is_uid).map(|groups| groups.join("-")).unwrap_or_default()
}

fn failure(reason: Reason, cause: Cause) -> Failure {
    Failure::new(reason, cause, sentence(cause))
}

fn reason(cause: Cause) -> Reason {
    match cause {
        Cause::Forbidden => Reason::CredentialsForbidden,
        Cause::CertificateUnknown => Reason::CertificateUnknown,
        _ => Reason::CredentialsNotValidated,
    }
}

/// What a failure says.
pub fn sentence(cause: Cause) -> &'static str {
    match cause {
        Cause::TokenRefused => "the cluster refuses the token",
        Cause::TimedOut => "the cluster has not answered in time",
        Cause::Unreachable => "no connection can be made",
        Cause::CertificateUnknown => "nobody known has issued the cluster's certificate",
        Cause::Forbidden => "the token has no right to that",
        Cause::TokenNotMade => "the cluster has made no token",
        _ => "the cluster failed",
    }
}

/// See [`TargetClusters::reached_by`].
struct Reached {
    clusters: TargetClusters,
    process: Arc<Process>,
    adversary: Arc<dyn Adversary>,
    journal: Journal,
}

impl fmt::Debug for Reached {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reached")
    }
}

impl Reached {
    /// One request: does something, unless the cluster does not answer as it should.
    async fn ask<T>(
        &self,
        target: &Target,
        what: &str,
        does: impl FnOnce(&TargetClusters) -> T,
    ) -> Result<T, Cause> {
        let asking = self.ask_without_limit(target, what, does);
        timeout(Limits::default().request, asking).await.unwrap_or(Err(Cause::TimedOut))
    }

    async fn ask_without_limit<T>(
        &self,
        target: &Target,
        what: &str,
        does: impl FnOnce(&TargetClusters) -> T,
    ) -> Result<T, Cause> {
        let url = target.url.as_str();
        let _asking = self.clusters.questions.begin(url);
        self.process.connected().await;
        let asked = self.adversary.question(self.process.name(), url);
        if asked == Asked::KilledBefore {
            self.is_killed(&format!("does not ask {url} to {what}"));
        }
        self.process.connected().await;
        let said = self.clusters.answer(target).map(|()| does(&self.clusters));
        match self.clusters.behaviour(url) {
            _ if asked == Asked::Hangs => pending().await,
            Behaviour::Hangs => pending().await,
            behaviour => tokio::time::sleep(behaviour.takes()).await,
        }
        if asked == Asked::KilledAfter {
            self.is_killed(&format!("is answered by {url}"));
        }
        self.process.connected().await;
        let said = if asked == Asked::Fails { Err(Cause::ServerError) } else { said };
        let outcome = match &said {
            Ok(_) => "done".to_owned(),
            Err(cause) => format!("{cause:?}"),
        };
        self.journal.note(self.process.name(), format!("asks {url} to {what}: {outcome}"));
        said
    }

    fn is_killed(&self, what: &str) {
        self.journal.note(self.process.name(), format!("{what}: the process is killed"));
        self.process.kill();
    }

    async fn make(
        &self,
        target: &Target,
        installation: &Installation,
    ) -> Result<SecretString, (Part, Cause)> {
        let url = target.url.as_str();
        let mut token = String::new();
        for object in installation.objects() {
            let part = match object.kind {
                RemoteKind::ServiceAccount => Part::Account,
                RemoteKind::Secret => Part::Token,
                _ => Part::Rights,
            };
            let makes = |clusters: &TargetClusters| {
                clusters.change(url, |one| one.make(&object, target.token.expose_secret()))
            };
            let made = self.ask(target, &format!("make the {object}"), makes).await;
            token = made.map_err(|cause| (part, cause))?;
        }
        // The token is the last that is made.
        if token.is_empty() {
            tokio::time::sleep(Limits::default().token).await;
            return Err((Part::Token, Cause::TokenNotMade));
        }
        Ok(token.into())
    }
}

impl Clusters for Reached {
    fn check<'a>(
        &'a self,
        target: &'a Target,
        _: &'a Namespaces,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let said = self.ask(target, "list namespaces", |_| ()).await;
            said.map_err(|cause| failure(reason(cause), cause))
        })
    }

    fn install<'a>(
        &'a self,
        target: &'a Target,
        installation: &'a Installation,
    ) -> BoxFuture<'a, Result<SecretString, Failure>> {
        Box::pin(async move {
            let made = self.make(target, installation).await;
            made.map_err(|(part, cause)| not_installed(installation, part, cause))
        })
    }

    fn revoke<'a>(
        &'a self,
        target: &'a Target,
        objects: &'a [RemoteObject],
    ) -> BoxFuture<'a, Revocation> {
        Box::pin(async move {
            let url = target.url.as_str();
            let mut left = objects.to_vec();
            left.sort();
            while let Some(object) = left.first().cloned() {
                let removes =
                    |clusters: &TargetClusters| clusters.change(url, |one| one.remove(&object));
                let asked = self.ask(target, &format!("delete the {object}"), removes).await;
                if let Err(cause) = asked {
                    return Revocation { left, failure: Some(failure(reason(cause), cause)) };
                }
                left.remove(0);
            }
            Revocation { left, failure: None }
        })
    }
}

/// What is said of an account that could not be made.
pub fn not_installed(installation: &Installation, part: Part, cause: Cause) -> Failure {
    let objects = installation.objects();
    let account = objects.first().map(|one| one.name.clone()).unwrap_or_default();
    let error = sentence(cause).to_owned();
    failure(Reason::UnableToInstallServiceAccount { part, account, error }, cause)
}
