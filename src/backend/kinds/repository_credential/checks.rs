//! Checks: whether repositories accept the credentials of tenants.
//!
//! Servers that tenants choose may answer slowly or never. So checks have a queue of their own, in
//! which no tenant has more than its share. What a check finds is an observation of its machine; with
//! it comes the credential that was accepted, which no queue, state or timer remembers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use git_access::url::{GitUrl, Transport};
use git_access::{Cause, Credentials, Failure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use machines::identity::{Digest, TenantUid, Timestamp};
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{Checked, CredentialRecord, CredentialUid};
use parking_lot::Mutex;
use schema::sealing::digests::Digester;
use schema::store::Credential;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::secret;
use crate::backend::Backend;
use crate::backend::index::secrets::digest;
use crate::backend::kinds::Key;
use crate::backend::observations::{CheckedRepository, Observations};
use crate::kubernetes;
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
    /// Where the Secret is.
    pub namespace: String,
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
        /// Whether the repository did not accept the credential.
        is_refused: bool,
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
    is_refused: bool,
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
            Needed::Repeatedly { check, is_refused } => {
                self.queue.withdraw(&(uid.clone(), Reason::Required));
                self.note_repeated(uid, check, is_refused);
                Required::Certain
            }
            Needed::Nothing => {
                self.queue.withdraw(&(uid.clone(), Reason::Required));
                self.forget_repeated(uid);
                Required::Certain
            }
        }
    }

    fn note_repeated(&self, uid: &CredentialUid, check: Check, is_refused: bool) {
        let mut repeated = self.repeated.lock();
        match repeated.get_mut(uid) {
            Some(known) if known.is_refused == is_refused => known.check = check,
            _ => {
                let one = Repeated { check, refusals: 0, is_refused };
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
        let interval = if repeated.is_refused { doubled } else { INTERVAL };
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
        let check = {
            let mut repeated = self.repeated.lock();
            let Some(one) = repeated.get_mut(uid) else { return };
            one.refusals = one.refusals.saturating_add(doublings * u32::from(one.is_refused));
            self.timers.set(uid, Some(self.next(uid, one)));
            one.check.clone()
        };
        // That it was done before does not count.
        self.queue.withdraw(&check.key());
        let tenant = check.tenant.clone();
        // Its machine requires nothing, and is stepped by what is found.
        let _ = self.queue.require(tenant.as_str(), check, Instant::now());
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
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &check.namespace);
        let secret = match api.get_opt(&check.spec.secret).await {
            Ok(secret) => secret,
            Err(error) => {
                let error = kubernetes::api_error(error);
                tracing::warn!(uid = check.uid.as_str(), %error, "a Secret cannot be read yet");
                return Outcome::Failed;
            }
        };
        let (judged, digest) = judge(secret.as_ref(), &check.spec, &sealer.digests);
        let judged = match judged {
            Ok((url, credential)) => {
                let shown = shown(&url, &credential);
                let listed = self.settings.repositories.list(&url, &shown, &trust);
                listed.await.map_err(|failure| verdict(&failure)).map(|()| credential)
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
