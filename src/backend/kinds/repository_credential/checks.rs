//! Checks: whether repositories accept the credentials of tenants.
//!
//! Servers that tenants choose may answer slowly or never. So checks have a queue of their own, in
//! which no tenant has more than its share. What a check finds is an observation of its machine; with
//! it comes the credential that was accepted, which no queue, state or timer remembers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crds::GitOpsDeploymentRepositoryCredential;
use git_access::url::{GitUrl, Transport};
use git_access::{Cause, Credentials, Failure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::core::DeserializeGuard;
use machines::identity::{Digest, TenantUid, Timestamp};
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{Checked, CredentialRecord, CredentialUid};
use parking_lot::Mutex;
use schema::sealing::digests::Digester;
use schema::store::Credential;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{observe, secret};
use crate::backend::Backend;
use crate::backend::index::secrets::digest;
use crate::backend::kinds::Key;
use crate::backend::observations::{CheckedRepository, Observations};
use crate::kubernetes::{self, ApiError};
use crate::runtime::clock::Clock;
use crate::runtime::effects::{EffectQueue, Outcome, Pool, Priority, QueuedEffect, Required};
use crate::runtime::timers::Timers;

/// How often a repository is asked again, apart from the jitter.
const INTERVAL: Duration = Duration::from_secs(600);
/// How soon one is asked again that did not accept the credential, doubled each time up to the
/// interval: a server that was away is noticed soon.
const FIRST_INTERVAL: Duration = Duration::from_secs(30);
/// By how much the interval is shorter or longer, as a share of it: what was asked at the start of
/// the program is not asked all at once ever after.
const JITTER: f64 = 0.1;

/// One check.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Of which credential.
    pub uid: CredentialUid,
    /// Whose turn it takes.
    pub tenant: TenantUid,
    /// Where the credential and its Secret are.
    pub namespace: String,
    /// The credential's name.
    pub name: String,
    /// Which repository, and which Secret.
    pub spec: CredentialSpec,
    /// What the watch of Secrets showed when the check was asked for.
    pub shown: Option<Digest>,
    /// Why the repository is asked.
    pub reason: Reason,
}

/// Why a repository is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The machine requires it.
    Required,
    /// Some time has passed.
    Repeated,
}

impl Check {
    /// The check that a credential would have.
    pub fn of(record: &CredentialRecord, reason: Reason) -> Self {
        Self {
            uid: record.uid.clone(),
            tenant: record.tenant.clone(),
            namespace: record.namespace.clone(),
            name: record.name.clone(),
            spec: record.spec.clone(),
            shown: record.shown.clone(),
            reason,
        }
    }
}

impl QueuedEffect for Check {
    type Key = (CredentialUid, Reason);

    fn key(&self) -> Self::Key {
        (self.uid.clone(), self.reason)
    }

    fn priority(&self) -> Priority {
        match self.reason {
            Reason::Required => Priority::High,
            Reason::Repeated => Priority::Low,
        }
    }

    fn is_answered(&self) -> bool {
        true
    }
}

/// What a credential needs of its repository's server.
#[derive(Clone, Debug)]
pub enum Needed {
    /// To be asked now.
    Now(Check),
    /// To be asked again from time to time.
    Repeatedly {
        /// What.
        check: Check,
        /// Whether it is to be soon: the repository did not accept the credential, or what was checked
        /// is another Secret than the watch shows.
        is_doubtful: bool,
    },
    /// Nothing.
    Nothing,
}

/// The checks that wait, and those that are due some time.
#[derive(Debug)]
pub struct Checks {
    queue: Arc<EffectQueue<Check>>,
    timers: Timers<CredentialUid>,
    repeated: Mutex<HashMap<CredentialUid, Repeated>>,
    clock: Clock,
}

#[derive(Debug)]
struct Repeated {
    check: Check,
    /// How often in a row it was not accepted.
    refusals: u32,
    is_doubtful: bool,
}

impl Checks {
    /// None yet.
    pub fn new(clock: &Clock) -> Self {
        Self {
            queue: EffectQueue::new(Pool::TENANTS_SERVERS),
            timers: Timers::new(clock.clone()),
            repeated: Mutex::default(),
            clock: clock.clone(),
        }
    }

    /// How many run or wait for their turn.
    pub fn backlog(&self) -> usize {
        self.queue.len()
    }

    /// Notes what a credential needs now. `insist` puts in doubt what was done before.
    #[must_use = "a check in doubt is settled by one more step"]
    pub fn note(
        &self,
        uid: &CredentialUid,
        needed: Needed,
        insist: bool,
        as_of: Instant,
    ) -> Required {
        match needed {
            Needed::Now(check) => {
                self.forget_repeated(uid);
                if insist {
                    self.queue.invalidate(&check.key());
                }
                let tenant = check.tenant.clone();
                self.queue.require(tenant.as_str(), check, as_of)
            }
            Needed::Repeatedly { check, is_doubtful } => {
                self.queue.withdraw(&(uid.clone(), Reason::Required));
                self.note_repeated(uid, check, is_doubtful);
                Required::Certain
            }
            Needed::Nothing => {
                self.queue.withdraw(&(uid.clone(), Reason::Required));
                self.forget_repeated(uid);
                Required::Certain
            }
        }
    }

    fn note_repeated(&self, uid: &CredentialUid, check: Check, is_doubtful: bool) {
        let mut repeated = self.repeated.lock();
        match repeated.get_mut(uid) {
            Some(known) if known.is_doubtful == is_doubtful => known.check = check,
            _ => {
                let one = Repeated { check, refusals: 0, is_doubtful };
                self.timers.set(uid, Some(self.next(uid, &one)));
                repeated.insert(uid.clone(), one);
            }
        }
    }

    fn forget_repeated(&self, uid: &CredentialUid) {
        if self.repeated.lock().remove(uid).is_some() {
            self.timers.set(uid, None);
            self.queue.withdraw(&(uid.clone(), Reason::Repeated));
        }
    }

    /// When a repository is asked again.
    fn next(&self, uid: &CredentialUid, repeated: &Repeated) -> Timestamp {
        let doubled = FIRST_INTERVAL.saturating_mul(1 << repeated.refusals.min(8)).min(INTERVAL);
        let interval = if repeated.is_doubtful { doubled } else { INTERVAL };
        // Not random: a program that starts again does not ask all at once, either.
        let hash = Digest::of(&(uid, repeated.refusals));
        let share = u8::from_str_radix(hash.as_str().get(..2).unwrap_or_default(), 16);
        let jitter = (f64::from(share.unwrap_or_default()) / 255.0 - 0.5) * 2.0 * JITTER;
        self.clock.now().after(interval.mul_f64(1.0 + jitter))
    }

    /// Asks the repositories again whose time comes, until it should stop.
    async fn repeat(&self, shutdown: CancellationToken) {
        loop {
            let due = tokio::select! {
                () = shutdown.cancelled() => return,
                due = self.timers.next_due() => due,
            };
            for uid in due {
                self.repeat_now(&uid, 1);
            }
        }
    }

    /// Asks every repository again: what servers are trusted by has changed.
    pub fn repeat_all(&self) {
        let uids: Vec<CredentialUid> = self.repeated.lock().keys().cloned().collect();
        for uid in uids {
            self.repeat_now(&uid, 0);
        }
    }

    /// Asks a repository again, and notes by how much the pause until the next time is longer.
    fn repeat_now(&self, uid: &CredentialUid, doublings: u32) {
        let mut repeated = self.repeated.lock();
        let Some(one) = repeated.get_mut(uid) else { return };
        one.refusals = one.refusals.saturating_add(doublings * u32::from(one.is_doubtful));
        self.timers.set(uid, Some(self.next(uid, one)));
        // That it was done before does not count.
        self.queue.withdraw(&one.check.key());
        let tenant = one.check.tenant.clone();
        // Its machine requires nothing, and is stepped by what is found.
        let _ = self.queue.require(tenant.as_str(), one.check.clone(), Instant::now());
    }
}

impl Backend {
    /// Runs checks until it should stop.
    pub(in crate::backend) async fn run_checks(self: Arc<Self>, shutdown: CancellationToken) {
        let (backend, stop) = (Arc::clone(&self), shutdown.clone());
        let execute = move |check| {
            let (check, stop) = (Arc::clone(&backend).check(check), stop.clone());
            async move {
                // Nothing waits for the rest of a check: the next replica begins it again.
                tokio::select! {
                    () = stop.cancelled() => Outcome::Failed,
                    outcome = check => outcome,
                }
            }
        };
        let run = Arc::clone(&self.checks.queue).run(execute, shutdown.clone());
        tokio::join!(run, self.checks.repeat(shutdown));
    }

    async fn check(self: Arc<Self>, check: Check) -> Outcome {
        // Without keys nothing is checked.
        let Some(sealer) = self.sealing.sealer() else { return Outcome::Pending };
        let Some(trust) = self.trust.known() else { return Outcome::Failed };
        let secret = match self.secret_of(&check).await {
            Ok(Some(secret)) => secret,
            // The machine learns what became of the object.
            Ok(None) => return Outcome::Pending,
            Err(error) => {
                tracing::warn!(uid = check.uid.as_str(), %error, "a Secret cannot be read yet");
                return Outcome::Failed;
            }
        };
        let (judged, digest) = judge(secret.as_ref(), &check.spec, &sealer.digests);
        let judged = match judged {
            Ok((url, credential)) => {
                let shown = shown(&url, &credential);
                let listed = self.settings.repositories.list(&url, &shown, &trust).await;
                if self.trust.known().is_none_or(|now| !Arc::ptr_eq(&now, &trust)) {
                    // It was judged by what is no longer trusted, or not yet.
                    return Outcome::Failed;
                }
                listed.map_err(|failure| verdict(&failure)).map(|()| credential)
            }
            Err(verdict) => Err(verdict),
        };
        let (verdict, accepted) = match judged {
            Ok(credential) => (Verdict::Accepted {}, Some(Arc::new(credential))),
            Err(verdict) => (verdict, None),
        };
        let found = Checked { spec: check.spec.clone(), secret: digest, verdict };
        self.checks.queue.answered(&check.key());
        let checked = CheckedRepository { shown: check.shown, found, accepted };
        self.poke(&Key::Credential(check.uid), Observations::checked(checked));
        Outcome::Done
    }
}

impl Backend {
    /// The Secret that a check is about, or that there is none; `None` if the credential itself is no
    /// longer what it was when the check was asked for.
    ///
    /// The credential is looked for after the Secret was read. A namespace goes after what is in it: if
    /// the credential is still there, the Secret is of the same namespace, and not of another tenant
    /// whose namespace has the name now.
    async fn secret_of(&self, check: &Check) -> Result<Option<Option<Secret>>, ApiError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &check.namespace);
        let secret = match api.get(&check.spec.secret).await.map_err(kubernetes::api_error) {
            Ok(secret) => Some(secret),
            Err(ApiError::Missing) => None,
            Err(error) => return Err(error),
        };
        let found: Vec<DeserializeGuard<GitOpsDeploymentRepositoryCredential>> =
            kubernetes::list_named(&self.client, &check.namespace, &check.name).await?;
        let is_same = found.into_iter().filter_map(|object| object.0.ok()).any(|object| {
            let snapshot = observe::snapshot(&object);
            let is_it = object.metadata.uid.as_deref() == Some(check.uid.as_str());
            is_it && !snapshot.deleting && snapshot.spec == check.spec
        });
        Ok(is_same.then_some(secret))
    }
}

/// What is to be shown to which server, and the digest of the Secret if it has the right type.
fn judge(
    secret: Option<&Secret>,
    spec: &CredentialSpec,
    digests: &Digester,
) -> (Result<(GitUrl, Credential), Verdict>, Option<Digest>) {
    let Some(secret) = secret else { return (Err(Verdict::SecretMissing {}), None) };
    let judged = match GitUrl::parse(&spec.repository) {
        Ok(url) => secret::credential(secret, &url).map(|credential| (url, credential)),
        // The machine rejects what no server could be asked for; this is what is left.
        Err(error) => {
            Err(Verdict::Refused { cause: "InvalidURL".to_owned(), text: error.to_string() })
        }
    };
    let is_of_the_type = judged.as_ref().err() != Some(&Verdict::SecretOfWrongType {});
    (judged, is_of_the_type.then(|| digest(secret, digests)))
}

/// What the server is shown.
fn shown(url: &GitUrl, credential: &Credential) -> Credentials {
    match url.transport() {
        Transport::Https => Credentials::Basic {
            username: credential.username.clone(),
            password: credential.password.clone(),
        },
        Transport::Ssh => Credentials::SshKey(credential.ssh_private_key.clone()),
    }
}

fn verdict(failure: &Failure) -> Verdict {
    let text = failure.sentence().to_owned();
    match failure.cause() {
        Cause::NotFound => Verdict::RepositoryMissing { text },
        Cause::KeyEncrypted | Cause::KeyUnreadable => Verdict::SecretUnusable { text },
        cause => Verdict::Refused { cause: format!("{cause:?}"), text },
    }
}

#[cfg(test)]
mod tests {
    use crds::GitOpsDeploymentRepositoryCredentialSpec;
    use kube::ResourceExt;
    use kube::api::{ObjectMeta, PostParams};
    use schema::store::{Role, Store};

    use super::*;
    use crate::sealing::Sealing;
    use crate::settings::Settings;
    use crate::test_support;

    async fn backend(client: kube::Client) -> Arc<Backend> {
        let (database, settings) = (test_support::database().await, Settings::default());
        let now = settings.clock.now();
        let store = Store::take_over(database, Role::Backend, "test", now).await.expect("the role");
        Backend::new(client, store, Sealing::without_keys(), settings, Arc::default())
    }

    #[tokio::test]
    async fn a_secret_is_shown_to_a_server_for_the_credential_that_exists_only() {
        let client = test_support::api_server(crds::all(), "team").await;
        let backend = backend(client.clone()).await;
        let api: Api<GitOpsDeploymentRepositoryCredential> =
            Api::namespaced(client.clone(), "team");
        let spec = GitOpsDeploymentRepositoryCredentialSpec {
            repository: "https://git.example.com/a".to_owned(),
            secret: "git".to_owned(),
        };
        let object = GitOpsDeploymentRepositoryCredential::new("repo", spec);
        let object = api.create(&PostParams::default(), &object).await.expect("it is created");
        let check = Check {
            uid: CredentialUid::new(object.uid().expect("a UID")),
            tenant: TenantUid::new("tenant"),
            namespace: "team".to_owned(),
            name: "repo".to_owned(),
            spec: observe::snapshot(&object).spec,
            shown: None,
            reason: Reason::Repeated,
        };
        assert_eq!(backend.secret_of(&check).await, Ok(Some(None)), "there is no Secret yet");
        let metadata = ObjectMeta { name: Some("git".to_owned()), ..ObjectMeta::default() };
        let secrets: Api<Secret> = Api::namespaced(client, "team");
        let secret = Secret { metadata, ..Secret::default() };
        secrets.create(&PostParams::default(), &secret).await.expect("it is created");
        assert!(backend.secret_of(&check).await.expect("an answer").flatten().is_some());
        // Of another tenant, whose namespace has the name now; and of a URL that is there no longer.
        let uid = CredentialUid::new("another");
        let of_another = Check { uid, ..check.clone() };
        let mut elsewhere = check.clone();
        elsewhere.spec.repository = "https://git.example.com/b".to_owned();
        for outdated in [of_another, elsewhere] {
            assert_eq!(backend.secret_of(&outdated).await, Ok(None), "{outdated:?}");
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_asked_again_sooner_and_less_and_less_often() {
        let checks = Checks::new(&Clock::new(|| Timestamp::from_millis(0)));
        let uid = CredentialUid::new("one");
        let check = Check {
            uid: uid.clone(),
            tenant: TenantUid::new("tenant"),
            namespace: "team".to_owned(),
            name: "repo".to_owned(),
            spec: CredentialSpec::default(),
            shown: None,
            reason: Reason::Repeated,
        };
        let pause = |is_doubtful, refusals| {
            let repeated = Repeated { check: check.clone(), refusals, is_doubtful };
            checks.next(&uid, &repeated).as_millis() / 1_000
        };
        let pauses = [0, 1, 2, 5, 30].map(|refusals| pause(true, refusals));
        for (pause, expected) in pauses.into_iter().zip([30, 60, 120, 600, 600]) {
            assert!((pause - expected).abs() <= expected / 10, "{pauses:?}");
        }
        assert!((pause(false, 0) - 600).abs() <= 60);
    }
}
