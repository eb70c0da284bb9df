//! Requests to servers that tenants choose: whether they accept credentials, and what is to be removed
//! from them.
//!
//! Such servers may answer slowly or never. So these requests have a queue of their own, one for all
//! kinds, in which no tenant has more than its share. What is found is an observation of a machine;
//! with it comes the credential that was accepted, which no queue, state or timer remembers.

pub mod secret;

use std::collections::HashMap;
use std::sync::Arc;

use machines::identity::TenantUid;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::backend::kinds::{Check, Key};
use crate::metrics::Scrape;
use crate::runtime::clock::Clock;
use crate::runtime::effects::{EffectQueue, Outcome, Pool, Priority, QueuedEffect, Required};
use crate::runtime::timers::Timers;

/// A check in its queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedCheck {
    /// Whose turn it takes.
    tenant: TenantUid,
    /// Why the server is asked.
    reason: Reason,
    /// What it is asked.
    check: Check,
}

/// Why a server is asked. Of what a machine requires, one runs at a time: what is removed from a server
/// must not run beside what makes it there again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The machine requires it.
    Required,
    /// Some time has passed.
    Repeated,
}

impl QueuedEffect for QueuedCheck {
    type Key = (Key, Reason);

    fn key(&self) -> Self::Key {
        (self.check.machine(), self.reason)
    }

    fn priority(&self) -> Priority {
        match self.reason {
            Reason::Required => self.check.priority(),
            Reason::Repeated => Priority::Low,
        }
    }

    fn is_answered(&self) -> bool {
        true
    }
}

/// What a machine needs of the servers that its tenant has chosen.
#[derive(Clone, Debug, Default)]
pub struct Needed {
    /// What is asked now.
    pub now: Option<Check>,
    /// What is asked again from time to time.
    pub repeatedly: Option<Repeatedly>,
}

/// What is asked again from time to time.
#[derive(Clone, Debug)]
pub struct Repeatedly {
    /// What.
    pub check: Check,
    /// Whether that is to be soon: the server did not accept the credential, or what was checked is
    /// another Secret than the watch shows.
    pub is_doubtful: bool,
}

/// The checks that wait, and those that are due some time.
#[derive(Debug)]
pub struct Checks {
    queue: Arc<EffectQueue<QueuedCheck>>,
    timers: Timers<Key>,
    repeated: Mutex<HashMap<Key, Repeated>>,
    clock: Clock,
}

#[derive(Debug)]
struct Repeated {
    tenant: TenantUid,
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

    /// Says how many run and wait, and for how long.
    pub fn measure(&self, scrape: &mut Scrape) {
        self.queue.measure("checks", scrape);
    }

    /// Notes what a machine needs now. `insist` puts in doubt what was done before.
    #[must_use = "a check in doubt is settled by one more step"]
    pub fn note(
        &self,
        (machine, tenant): (&Key, &TenantUid),
        needed: Needed,
        insist: bool,
        as_of: Instant,
    ) -> Required {
        let Needed { now, repeatedly } = needed;
        match repeatedly {
            Some(Repeatedly { check, is_doubtful }) => {
                self.note_repeated(machine, tenant, check, is_doubtful);
            }
            None => self.forget_repeated(machine),
        }
        match now {
            Some(check) => self.require(tenant, check, Reason::Required, insist, as_of),
            None => {
                self.queue.withdraw(&(machine.clone(), Reason::Required));
                Required::Certain
            }
        }
    }

    fn require(
        &self,
        tenant: &TenantUid,
        check: Check,
        reason: Reason,
        insist: bool,
        as_of: Instant,
    ) -> Required {
        let check = QueuedCheck { tenant: tenant.clone(), reason, check };
        if insist {
            self.queue.invalidate(&check.key());
        }
        self.queue.require(tenant.as_str(), check, as_of)
    }

    fn note_repeated(&self, machine: &Key, tenant: &TenantUid, check: Check, is_doubtful: bool) {
        let mut repeated = self.repeated.lock();
        match repeated.get_mut(machine) {
            Some(known) if known.is_doubtful == is_doubtful => known.check = check,
            _ => {
                let tenant = tenant.clone();
                let one = Repeated { tenant, check, refusals: 0, is_doubtful };
                self.set_timer(machine, &one);
                repeated.insert(machine.clone(), one);
            }
        }
    }

    fn forget_repeated(&self, machine: &Key) {
        if self.repeated.lock().remove(machine).is_some() {
            self.timers.set(machine, None);
            self.queue.withdraw(&(machine.clone(), Reason::Repeated));
        }
    }

    /// Sets when a server is asked again.
    fn set_timer(&self, machine: &Key, repeated: &Repeated) {
        let pause = repeated.check.pause(repeated.refusals, repeated.is_doubtful);
        self.timers.set(machine, Some(self.clock.now().after(pause)));
    }

    /// Asks the servers again whose time comes, until it should stop.
    async fn repeat(&self, shutdown: CancellationToken) {
        loop {
            let due = tokio::select! {
                () = shutdown.cancelled() => return,
                due = self.timers.next_due() => due,
            };
            for machine in due {
                self.repeat_now(&machine, 1);
            }
        }
    }

    /// Asks every server again that is trusted by what Argo CD trusts: that has changed.
    pub fn repeat_trusting(&self) {
        let repeated = self.repeated.lock();
        let trusting = repeated.iter().filter(|(_, one)| one.check.trusts_as_argo_cd());
        let machines: Vec<Key> = trusting.map(|(machine, _)| machine.clone()).collect();
        drop(repeated);
        for machine in machines {
            self.repeat_now(&machine, 0);
        }
    }

    /// Asks a server again, and notes by how much the pause until the next time is longer.
    fn repeat_now(&self, machine: &Key, doublings: u32) {
        let mut repeated = self.repeated.lock();
        let Some(one) = repeated.get_mut(machine) else { return };
        one.refusals = one.refusals.saturating_add(doublings * u32::from(one.is_doubtful));
        self.set_timer(machine, one);
        // That it was done before does not count. One that still waits keeps its place: where a tenant's
        // servers take longer than the pauses, it might otherwise never have its turn.
        let insist = true;
        // Its machine requires nothing, and is stepped by what is found.
        let (check, now) = (one.check.clone(), Instant::now());
        let _ = self.require(&one.tenant, check, Reason::Repeated, insist, now);
    }
}

impl Backend {
    /// Runs checks until it should stop.
    pub(in crate::backend) async fn run_checks(self: Arc<Self>, shutdown: CancellationToken) {
        let (backend, stop) = (Arc::clone(&self), shutdown.clone());
        let execute = move |check| {
            let (check, stop) = (Arc::clone(&backend).run_check(check), stop.clone());
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

    async fn run_check(self: Arc<Self>, check: QueuedCheck) -> Outcome {
        let key = check.key();
        match check.check.carry_out(&self).await {
            Ok(found) => {
                self.checks.queue.answered(&key);
                self.poke(&key.0, found);
                Outcome::Done
            }
            Err(outcome) => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use machines::identity::Timestamp;
    use machines::kinds::repository_credential::CredentialUid;
    use machines::kinds::repository_credential::spec::CredentialSpec;

    use super::*;
    use crate::backend::kinds::repository_credential::checks::RepositoryCheck;

    fn check(uid: &str) -> Check {
        Check::Repository(RepositoryCheck {
            uid: CredentialUid::new(uid),
            namespace: "team".to_owned(),
            name: "repo".to_owned(),
            spec: CredentialSpec::default(),
            shown: None,
        })
    }

    fn checks() -> Checks {
        Checks::new(&Clock::new(|| Timestamp::from_millis(0)))
    }

    fn note(checks: &Checks, check: &Check, needed: Needed) -> Required {
        let tenant = TenantUid::new("tenant");
        checks.note((&check.machine(), &tenant), needed, false, Instant::now())
    }

    /// When the server of a check is asked again.
    fn due(checks: &Checks) -> Vec<Key> {
        checks.timers.due(Timestamp::from_millis(0).after(Duration::from_secs(3_600)))
    }

    fn now(check: &Check) -> Needed {
        Needed { now: Some(check.clone()), repeatedly: None }
    }

    fn repeatedly(check: &Check) -> Needed {
        let (check, is_doubtful) = (check.clone(), false);
        Needed { now: None, repeatedly: Some(Repeatedly { check, is_doubtful }) }
    }

    #[tokio::test]
    async fn what_is_not_needed_is_not_asked() {
        let (checks, check) = (checks(), check("one"));
        let machine = check.machine();
        assert_eq!(note(&checks, &check, repeatedly(&check)), Required::Certain);
        assert_eq!(checks.backlog(), 0);
        assert_eq!(due(&checks), std::slice::from_ref(&machine));
        checks.repeat_now(&machine, 1);
        assert_eq!(checks.backlog(), 1, "its time has come");
        assert_eq!(note(&checks, &check, now(&check)), Required::Certain);
        assert_eq!(checks.backlog(), 1, "it is asked once");
        assert_eq!(due(&checks), []);
        assert_eq!(note(&checks, &check, Needed::default()), Required::Certain);
        assert_eq!((checks.backlog(), due(&checks)), (0, Vec::new()));
    }

    #[tokio::test]
    async fn what_still_waits_when_its_time_comes_again_keeps_its_place() {
        let checks = checks();
        let (first, second) = (check("first"), check("second"));
        for one in [&first, &second] {
            assert_eq!(note(&checks, one, repeatedly(one)), Required::Certain);
            checks.repeat_now(&one.machine(), 1);
        }
        checks.repeat_now(&first.machine(), 1);
        let (asked, shutdown) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
        let execute = {
            let (asked, shutdown) = (Arc::clone(&asked), shutdown.clone());
            move |check: QueuedCheck| {
                let mut asked = asked.lock();
                asked.push(check.check.machine());
                if asked.len() == 2 {
                    shutdown.cancel();
                }
                async { Outcome::Pending }
            }
        };
        Arc::clone(&checks.queue).run(execute, shutdown).await;
        assert_eq!(*asked.lock(), [first.machine(), second.machine()]);
    }

    #[tokio::test]
    async fn what_is_required_now_replaces_what_was_required_before() {
        let (checks, check) = (checks(), check("one"));
        assert_eq!(note(&checks, &check, now(&check)), Required::Certain);
        let Check::Repository(mut other) = check else { panic!("of a repository") };
        other.spec.repository = "https://git.example.com/another".to_owned();
        let other = Check::Repository(other);
        assert_eq!(note(&checks, &other, now(&other)), Required::Certain);
        assert_eq!(checks.backlog(), 1);
    }
}
