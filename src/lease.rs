//! Which of several replicas acts: the one that holds the Leases of its roles.
//!
//! The Leases keep replicas apart in time; the fence in the database ([`schema::store`]) keeps a
//! replica from committing once another has taken over, and [`Tenure`] keeps it from writing to the cluster. All
//! decisions use only this process's own clock and when it saw what: no two clocks are compared.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::ResourceExt;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::kubernetes::{ApiError, api_error};
use crate::metrics::{Scrape, table};
use crate::roles::Roles;
use crate::runtime::clock::Clock;
use crate::tenure::{Tenure, TenureKeeper};

/// How long others wait for a holder that went silent. With a second to notice and a few to start,
/// a successor acts within twenty.
const DURATION: Duration = Duration::from_secs(15);
/// How often a holder renews; once due, it tries every [`LOOK`].
const RENEWAL: Duration = Duration::from_secs(5);
/// How long a holder acts without another renewal, counted from before the last request: it stops
/// well before others may start, so that what it has sent has arrived by then.
const TENURE: Duration = Duration::from_secs(10);
/// How often others look, so that a released Lease is taken within two seconds; and how often a
/// failed renewal is tried again.
const LOOK: Duration = Duration::from_secs(1);
/// A healthy server answers within milliseconds; this leaves time for a second attempt.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// Which replica acts, as far as this one knows.
#[derive(Clone, Debug)]
pub struct Leadership {
    tenure: Tenure,
    holder: watch::Receiver<String>,
    counts: Arc<Counts>,
}

/// What has happened to the Leases, as far as this replica has seen it.
#[derive(Debug, Default)]
struct Counts {
    /// Changes of the holder.
    transitions: AtomicU64,
    /// Requests that failed.
    errors: AtomicU64,
}

impl Leadership {
    /// Whether this replica may act.
    pub fn acts(&self) -> bool {
        self.tenure.lasts()
    }

    /// The name of the replica that acts; empty if none does.
    pub fn holder(&self) -> String {
        self.holder.borrow().clone()
    }

    /// Says what has happened to the Leases.
    pub fn measure(&self, scrape: &mut Scrape) {
        self.counts.measure(scrape);
    }

    /// Says that nothing has happened, as there are no Leases.
    pub fn measure_none(scrape: &mut Scrape) {
        Counts::default().measure(scrape);
    }
}

impl Counts {
    fn measure(&self, scrape: &mut Scrape) {
        let Self { transitions, errors } = self;
        scrape.put(&table::LEASE_TRANSITIONS, &[], transitions.load(Ordering::Relaxed) as f64);
        scrape.put(&table::LEASE_ERRORS, &[], errors.load(Ordering::Relaxed) as f64);
    }
}

/// A replica that acts, or waits for its turn.
#[derive(Debug)]
pub struct Candidate {
    api: Api<Lease>,
    namespace: String,
    identity: String,
    clock: Clock,
    seats: Vec<Seat>,
    tenure: TenureKeeper,
    holder: watch::Sender<String>,
    counts: Arc<Counts>,
}

/// One Lease, as last seen.
#[derive(Debug)]
struct Seat {
    name: &'static str,
    seen: Option<Sighting>,
    until: Option<Instant>,
}

/// A Lease, and since when it has been in this state.
#[derive(Clone, Debug)]
struct Sighting {
    /// `None` if there is none.
    lease: Option<Lease>,
    since: Instant,
}

impl Sighting {
    /// How long its holder, if any, may stay silent.
    fn patience(&self) -> Duration {
        let spec = self.lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(DURATION, Duration::from_secs)
    }

    /// Whether it has a holder that has not been silent for longer than that.
    fn is_held(&self) -> bool {
        let held = self.lease.as_ref().and_then(holder_of).is_some();
        held && Instant::now() < self.since + self.patience()
    }
}

/// What to do about a Lease.
#[derive(Clone, Debug, PartialEq)]
enum Claim {
    Create(Lease),
    Replace(Lease),
    /// It belongs to another replica.
    Wait,
}

/// Why a tenure ends.
#[derive(Debug, thiserror::Error)]
#[error(
    "this replica could not renew its Lease, which {} now; it stops, so that no two act at once; \
     start it again", if .0.is_empty() { "nobody holds".to_owned() } else { format!("{} holds", .0) }
)]
pub struct Lost(String);

impl Candidate {
    /// A candidate under a name that no other replica has.
    pub fn new(
        client: kube::Client,
        namespace: &str,
        identity: String,
        roles: Roles,
        tenure: TenureKeeper,
        clock: Clock,
    ) -> Self {
        let seats = names(roles).iter().map(|name| Seat { name, seen: None, until: None });
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            identity,
            clock,
            seats: seats.collect(),
            tenure,
            holder: watch::channel(String::new()).0,
            counts: Arc::default(),
        }
    }

    /// Its name.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    fn tenure(&self) -> Tenure {
        self.tenure.tenure()
    }

    /// Which replica acts, from now on.
    pub fn leadership(&self) -> Leadership {
        let (holder, counts) = (self.holder.subscribe(), Arc::clone(&self.counts));
        Leadership { tenure: self.tenure(), holder, counts }
    }

    /// Waits until it is this replica's turn; false if it should stop first.
    pub async fn wait(&mut self, shutdown: &CancellationToken) -> bool {
        loop {
            if self.step().await {
                return true;
            }
            tokio::select! {
                () = shutdown.cancelled() => return false,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Holds the Leases, and returns when they are lost.
    pub async fn keep(&mut self) -> Lost {
        loop {
            tokio::time::sleep(LOOK).await;
            self.step().await;
            if !self.tenure().lasts() {
                return Lost(self.holder.borrow().clone());
            }
        }
    }

    /// Releases what it holds, so that another need not wait.
    pub async fn release(&mut self) {
        self.tenure.set(None);
        for seat in self.seats.iter_mut().rev().filter(|seat| seat.until.is_some()) {
            // If it cannot be released, the others wait it out.
            let now = micro_time(&self.clock);
            if let Err(error) = seat.release(&self.api, &self.identity, now).await {
                tracing::warn!(lease = seat.name, %error, "the Lease could not be given up");
            }
        }
    }

    /// Claims or renews each Lease in turn; returns whether it holds all of them.
    async fn step(&mut self) -> bool {
        let mut holder = String::new();
        let mut may_claim = true;
        for seat in &mut self.seats {
            // The others are still watched: the time-out of each starts now.
            let now = micro_time(&self.clock);
            let stepped = seat.step(&self.api, &self.identity, may_claim, now).await;
            if let Err(error) = stepped {
                self.counts.errors.fetch_add(1, Ordering::Relaxed);
                let namespace = &self.namespace;
                tracing::warn!(
                    %namespace, lease = seat.name, %error,
                    "the Lease cannot be read or written; does the namespace exist, and may this \
                     account use Leases in it?"
                );
            }
            if may_claim {
                holder = seat.holder();
            }
            may_claim = may_claim && seat.holds(Instant::now());
        }
        self.holder.send_if_modified(|known| {
            let changed = *known != holder;
            if changed {
                self.counts.transitions.fetch_add(1, Ordering::Relaxed);
                tracing::info!(holder, "the Lease's holder");
            }
            *known = holder;
            changed
        });
        let until = self.seats.iter().map(|seat| seat.until).min().flatten();
        self.tenure.set(until);
        until.is_some_and(|until| Instant::now() < until)
    }
}

impl Seat {
    async fn step(
        &mut self,
        api: &Api<Lease>,
        identity: &str,
        may_claim: bool,
        now: MicroTime,
    ) -> Result<(), ApiError> {
        let asked = Instant::now();
        let held = self.holds(asked);
        // Renewed less than one renewal interval ago.
        if self.holds(asked + (TENURE - RENEWAL)) {
            return Ok(());
        }
        if !held || self.seen.is_none() {
            let lease = limited(api.get_opt(self.name)).await?;
            self.note(lease);
        }
        let Some(seen) = self.seen.as_ref().filter(|_| may_claim) else { return Ok(()) };
        match claim(seen, self.name, identity, asked, now) {
            Claim::Wait => self.until = None,
            claim => match write(api, claim).await {
                Ok(lease) => {
                    self.note(Some(lease));
                    self.until = Some(asked + TENURE);
                }
                Err(error) => {
                    // What is there now must be read first.
                    self.seen = None;
                    return Err(error);
                }
            },
        }
        Ok(())
    }

    /// Whether it permits acting at this time, without another renewal.
    fn holds(&self, at: Instant) -> bool {
        self.until.is_some_and(|until| at < until)
    }

    async fn release(
        &mut self,
        api: &Api<Lease>,
        identity: &str,
        now: MicroTime,
    ) -> Result<(), ApiError> {
        self.until = None;
        // Not as last seen: a renewal may have been in flight.
        let lease = limited(api.get_opt(self.name)).await?;
        let Some(mut lease) = lease.filter(|lease| holder_of(lease) == Some(identity)) else {
            return Ok(());
        };
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
            spec.renew_time = Some(now);
        }
        write(api, Claim::Replace(lease)).await.map(|_| ())
    }

    fn note(&mut self, lease: Option<Lease>) {
        if lease.is_none() && self.seen.as_ref().is_some_and(Sighting::is_held) {
            // It was deleted; its holder's time goes on.
            return;
        }
        let version = |lease: &Option<Lease>| lease.as_ref().and_then(|one| one.resource_version());
        let unchanged =
            self.seen.as_ref().is_some_and(|seen| version(&seen.lease) == version(&lease));
        if !unchanged {
            self.seen = Some(Sighting { lease, since: Instant::now() });
        }
    }

    fn holder(&self) -> String {
        let lease = self.seen.as_ref().and_then(|seen| seen.lease.as_ref());
        lease.and_then(holder_of).unwrap_or_default().to_owned()
    }
}

/// The Leases of roles. Each replica waits for the first before it asks for the second: two can never
/// hold one each and wait for the other's.
fn names(roles: Roles) -> &'static [&'static str] {
    match roles {
        Roles::Both => &["managed-gitops-backend", "managed-gitops-agent"],
        Roles::Backend => &["managed-gitops-backend"],
        Roles::Agent => &["managed-gitops-agent"],
    }
}

/// The Leases of both roles, each with its holder; it may have gone silent since.
///
/// # Errors
///
/// They cannot be read.
pub async fn holders(
    client: &kube::Client,
    namespace: &str,
) -> kube::Result<Vec<(&'static str, Option<String>)>> {
    let api: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let mut holders = Vec::new();
    for name in names(Roles::Both) {
        let lease = api.get_opt(name).await?;
        holders.push((*name, lease.as_ref().and_then(holder_of).map(str::to_owned)));
    }
    Ok(holders)
}

fn holder_of(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    (!holder.is_empty()).then_some(holder)
}

/// Decides what to do about a Lease that has been in this state since then. Another's is free once
/// it has not changed for its stated duration.
fn claim(seen: &Sighting, name: &str, identity: &str, now: Instant, time: MicroTime) -> Claim {
    let Some(lease) = &seen.lease else {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let spec = LeaseSpec {
            acquire_time: Some(time.clone()),
            lease_transitions: Some(0),
            ..held_by(identity, time)
        };
        return Claim::Create(Lease { metadata, spec: Some(spec) });
    };
    let spec = lease.spec.clone().unwrap_or_default();
    let mine = holder_of(lease) == Some(identity);
    if holder_of(lease).is_some() && !mine && now < seen.since + seen.patience() {
        return Claim::Wait;
    }
    let transitions = spec.lease_transitions.unwrap_or_default();
    let spec = LeaseSpec {
        acquire_time: if mine { spec.acquire_time } else { Some(time.clone()) },
        lease_transitions: Some(if mine { transitions } else { transitions.saturating_add(1) }),
        ..held_by(identity, time)
    };
    Claim::Replace(Lease { metadata: lease.metadata.clone(), spec: Some(spec) })
}

fn held_by(identity: &str, time: MicroTime) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        renew_time: Some(time),
        ..LeaseSpec::default()
    }
}

async fn write(api: &Api<Lease>, claim: Claim) -> Result<Lease, ApiError> {
    let parameters = PostParams::default();
    match claim {
        Claim::Create(lease) => limited(api.create(&parameters, &lease)).await,
        // With the version that was seen: a quicker replica is not overwritten.
        Claim::Replace(lease) => limited(api.replace(&lease.name_any(), &parameters, &lease)).await,
        Claim::Wait => Err(ApiError::Refused("there is nothing to write".to_owned())),
    }
}

async fn limited<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, ApiError> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(api_error),
        Err(_) => {
            let seconds = REQUEST_TIMEOUT.as_secs();
            Err(ApiError::Unavailable(format!("it has not answered within {seconds} s")))
        }
    }
}

/// For people: the decisions use [`Instant`]s.
fn micro_time(clock: &Clock) -> MicroTime {
    MicroTime(clock.kubernetes_now().0)
}

#[cfg(test)]
mod tests {
    use machines::identity::Timestamp;
    use sandbox::{ApiServer, Settings};

    use super::*;

    /// How long a hand-over by silence may take: the duration of a Lease, a look and a write.
    const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);
    /// How long a hand-over by release may take.
    const HANDED_OVER_WITHIN: Duration = Duration::from_secs(2);

    fn server() -> kube::Client {
        sandbox::client(ApiServer::in_memory(Settings::default()), "default")
    }

    /// The time of day advances with the virtual clock: a Lease that is renewed twice within one
    /// millisecond does not change.
    fn candidate(client: &kube::Client, name: &str, roles: Roles) -> Candidate {
        let (keeper, _) = Tenure::pending();
        let begun = Instant::now();
        let clock = Clock::new(move || Timestamp::default().after(begun.elapsed()));
        Candidate::new(client.clone(), "default", name.to_owned(), roles, keeper, clock)
    }

    /// Waits for its turn; returns how long that took.
    async fn turn(candidate: &mut Candidate) -> Duration {
        let begun = Instant::now();
        assert!(candidate.wait(&CancellationToken::new()).await);
        begun.elapsed()
    }

    async fn never_acts(candidate: &mut Candidate, within: Duration) {
        let waiting = tokio::time::timeout(within, turn(candidate)).await;
        assert!(waiting.is_err(), "it acts beside another");
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_that_renews_is_never_replaced_but_a_silent_one_is() {
        let client = server();
        let mut first = candidate(&client, "first", Roles::Both);
        let mut second = candidate(&client, "second", Roles::Both);
        assert_eq!(turn(&mut first).await, Duration::ZERO);
        let hour = Duration::from_secs(3600);
        tokio::select! {
            lost = first.keep() => panic!("{lost}"),
            () = never_acts(&mut second, hour) => {}
        }
        assert_eq!(second.leadership().holder(), "first");
        // From here on the first is paused.
        let tenure = first.tenure();
        let took = turn(&mut second).await;
        assert!(took < TAKEN_OVER_WITHIN, "{took:?}");
        assert!(!tenure.lasts(), "its time was over before the other's began");
        let lost = first.keep().await;
        assert!(lost.to_string().contains("second holds"), "{lost}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_lease_is_taken_at_once() {
        let client = server();
        let mut first = candidate(&client, "first", Roles::Both);
        let mut second = candidate(&client, "second", Roles::Both);
        turn(&mut first).await;
        let (took, ()) = tokio::join!(turn(&mut second), first.release());
        assert!(took < HANDED_OVER_WITHIN, "{took:?}");
        assert!(!first.tenure().lasts());
    }

    #[tokio::test(start_paused = true)]
    async fn one_process_takes_over_both_roles_from_two_only_when_both_are_released() {
        let client = server();
        let mut backend = candidate(&client, "backend", Roles::Backend);
        let mut agent = candidate(&client, "agent", Roles::Agent);
        let mut both = candidate(&client, "both", Roles::Both);
        turn(&mut agent).await;
        turn(&mut backend).await;
        let minute = Duration::from_secs(60);
        tokio::select! {
            lost = backend.keep() => panic!("{lost}"),
            lost = agent.keep() => panic!("{lost}"),
            () = never_acts(&mut both, minute) => {}
        }
        backend.release().await;
        tokio::select! {
            lost = agent.keep() => panic!("{lost}"),
            () = never_acts(&mut both, minute) => {}
        }
        agent.release().await;
        turn(&mut both).await;
        tokio::select! {
            lost = both.keep() => panic!("{lost}"),
            () = never_acts(&mut backend, minute) => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_that_returns_under_its_name_need_not_wait() {
        let client = server();
        turn(&mut candidate(&client, "pod", Roles::Both)).await;
        assert_eq!(turn(&mut candidate(&client, "pod", Roles::Both)).await, Duration::ZERO);
        assert!(turn(&mut candidate(&client, "other", Roles::Both)).await >= DURATION);
    }

    #[tokio::test(start_paused = true)]
    async fn a_manually_deleted_lease_is_recreated() {
        let client = server();
        let mut first = candidate(&client, "first", Roles::Backend);
        turn(&mut first).await;
        let api = Api::<Lease>::namespaced(client, "default");
        api.delete("managed-gitops-backend", &Default::default()).await.unwrap();
        let minute = Duration::from_secs(60);
        assert!(tokio::time::timeout(minute, first.keep()).await.is_err(), "it goes on");
        let lease = api.get("managed-gitops-backend").await.unwrap();
        assert_eq!(holder_of(&lease), Some("first"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_manually_deleted_lease_is_not_taken_from_its_holder() {
        let client = server();
        let mut first = candidate(&client, "first", Roles::Backend);
        let mut second = candidate(&client, "second", Roles::Backend);
        turn(&mut first).await;
        never_acts(&mut second, Duration::from_secs(3)).await;
        let api = Api::<Lease>::namespaced(client, "default");
        api.delete("managed-gitops-backend", &Default::default()).await.unwrap();
        let tenure = first.tenure();
        turn(&mut second).await;
        assert!(!tenure.lasts(), "two act at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_that_cannot_renew_stops_in_time() {
        let mut config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        config.default_retry = false;
        let nowhere = kube::Client::try_from(config).unwrap();
        let client = server();
        let mut first = candidate(&client, "first", Roles::Both);
        turn(&mut first).await;
        first.api = Api::namespaced(nowhere, "default");
        let cut_off = Instant::now();
        let _ = first.keep().await;
        assert!(cut_off.elapsed() <= TENURE + LOOK);
        assert!(cut_off.elapsed() < DURATION, "before another begins");
    }
}
