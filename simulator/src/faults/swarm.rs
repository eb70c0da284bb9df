//! Random faults: each seed picks its own subset of them, and how often each strikes.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use fastrand::Rng;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::faults::adversary::{Adversary, Asked, Delivery, Fate, Notice, Refusal, Request};

/// How often a fault strikes, per 1,000 opportunities. 200 is what the existing system's chaos
/// tests use for its database and its client.
const RATES: [u32; 5] = [5, 20, 50, 100, 200];
/// How often a process is killed, per 1,000 effects: more often, and it would never make progress.
const KILL_RATES: [u32; 3] = [1, 3, 10];
/// The longest delay of something slow. After 20 s the client gives up on an answer.
const SLOWEST: Duration = Duration::from_secs(25);

/// Which faults a run has, and how often, per 1,000 opportunities each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Faults {
    /// Requests that are rejected: cut off, 429, 503, 500.
    pub refused: u32,
    /// Writes that are rejected as conflicts.
    pub conflicts: u32,
    /// Requests whose outcome is unknown.
    pub unknown: u32,
    /// Requests and answers that take long.
    pub slow: u32,
    /// Store calls that are cut off before they are done.
    pub store_refused: u32,
    /// Store calls whose outcome is unknown.
    pub store_unknown: u32,
    /// Store calls that take long.
    pub store_slow: u32,
    /// Events that arrive late, by up to a few virtual seconds.
    pub late: u32,
    /// Events that arrive twice.
    pub twice: u32,
    /// Watches that are cut before an event.
    pub cut: u32,
    /// Watches that expire before an event.
    pub expired: u32,
    /// Effects at which the process is killed.
    pub killed: u32,
    /// Whether there are two replicas with a Lease.
    pub replicas: bool,
    /// Whether processes are isolated for a while.
    pub cut_off: bool,
    /// Whether clocks jump.
    pub clocks: bool,
    /// Whether Argo CD is slow, fails or is away.
    pub argocd: bool,
    /// Whether our objects are manually edited and deleted.
    pub manual_changes: bool,
    /// Whether processes are replaced by some with other sealing keys, or without any.
    pub keys: bool,
    /// Whether processes are replaced by some with isolation, or without it.
    pub isolation: bool,
    /// Whether Argo CD's administrators change which servers are trusted.
    pub trust: bool,
}

impl Faults {
    /// Picks faults: each occurs in every other run.
    pub fn pick(random: &mut Rng) -> Self {
        let mut rate = |rates: &[u32]| {
            let picked = rates[random.usize(..rates.len())];
            if random.bool() { picked } else { 0 }
        };
        let mut faults = Self {
            refused: rate(&RATES),
            conflicts: rate(&RATES),
            unknown: rate(&RATES),
            slow: rate(&RATES),
            store_refused: rate(&RATES),
            store_unknown: rate(&RATES),
            store_slow: rate(&RATES),
            late: rate(&RATES),
            twice: rate(&RATES),
            cut: rate(&RATES),
            expired: rate(&RATES),
            killed: rate(&KILL_RATES),
            ..Self::default()
        };
        faults.replicas = random.u8(..3) == 0;
        for flag in [
            &mut faults.cut_off,
            &mut faults.clocks,
            &mut faults.argocd,
            &mut faults.manual_changes,
        ] {
            *flag = random.bool();
        }
        // Less often: while keys are wrong, credentials are not served at all.
        for flag in [&mut faults.keys, &mut faults.isolation, &mut faults.trust] {
            *flag = random.u8(..3) == 0;
        }
        faults
    }

    /// The faults that strike, by name, and how often.
    fn striking(&self) -> serde_json::Result<Map<String, Value>> {
        let Value::Object(mut fields) = serde_json::to_value(self)? else { return Ok(Map::new()) };
        fields.retain(|_, value| *value != json!(0) && *value != json!(false));
        Ok(fields)
    }

    /// The faults that strike, by name.
    ///
    /// # Errors
    ///
    /// A name cannot be parsed; that does not happen.
    pub fn names(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.striking()?.into_iter().map(|(name, _)| name).collect())
    }

    /// The names of all faults.
    ///
    /// # Errors
    ///
    /// A name cannot be parsed; that does not happen.
    pub fn all_names() -> anyhow::Result<BTreeSet<String>> {
        let fields = serde_json::to_value(Self::default())?;
        Ok(fields.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect())
    }

    /// The same without some of them.
    ///
    /// # Errors
    ///
    /// There is no fault of that name.
    pub fn without(self, names: &[String]) -> anyhow::Result<Self> {
        let mut fields = serde_json::to_value(self)?;
        for name in names {
            let field =
                fields.get_mut(name).with_context(|| format!("no fault is called {name}"))?;
            *field = if field.is_boolean() { json!(false) } else { json!(0) };
        }
        Ok(serde_json::from_value(fields)?)
    }
}

/// By the names under which [`Faults::without`] knows them.
impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let striking = self.striking().map_err(|_| fmt::Error)?;
        let all: Vec<String> = striking
            .into_iter()
            .map(|(name, rate)| if rate.is_u64() { format!("{name} {rate}‰") } else { name })
            .collect();
        formatter.write_str(&all.join(", "))
    }
}

/// See the module.
pub struct Swarm {
    faults: Faults,
    random: Mutex<Rng>,
    is_over: AtomicBool,
    struck: Mutex<BTreeSet<&'static str>>,
}

impl Swarm {
    /// Faults that strike at random.
    pub fn new(faults: Faults, random: Rng) -> Self {
        Self {
            faults,
            random: Mutex::new(random),
            is_over: AtomicBool::new(false),
            struck: Mutex::default(),
        }
    }

    /// Records that a fault struck, by its name.
    pub fn note(&self, fault: &'static str) {
        self.struck.lock().insert(fault);
    }

    /// The faults that have struck.
    pub fn struck(&self) -> Vec<String> {
        let struck = self.struck.lock();
        struck.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Whether a fault strikes now.
    fn strikes(&self, random: &mut Rng, fault: &'static str, rate: u32) -> bool {
        let strikes = random.u32(..1_000) < rate;
        if strikes {
            self.note(fault);
        }
        strikes
    }

    /// Mostly some milliseconds, as a healthy network and server take; sometimes long.
    fn pause(&self, random: &mut Rng, fault: &'static str, rate: u32) -> Duration {
        if self.strikes(random, fault, rate) {
            return SLOWEST.mul_f64(random.f64());
        }
        Duration::from_micros(random.u64(200..5_000))
    }

    fn done(&self, random: &mut Rng, slow: &'static str, rate: u32) -> Fate {
        let before = self.pause(random, slow, rate);
        Fate::Done { before, after: self.pause(random, slow, rate) }
    }

    /// From now on nothing goes wrong.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether nothing goes wrong any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether processes are isolated for a while.
    pub fn cuts_off(&self) -> bool {
        self.faults.cut_off
    }

    /// Whether clocks jump, and differ.
    pub fn clocks(&self) -> bool {
        self.faults.clocks
    }

    fn random(&self) -> MutexGuard<'_, Rng> {
        self.random.lock()
    }
}

fn killed(random: &mut Rng) -> Fate {
    if random.bool() { Fate::KilledBefore } else { Fate::KilledAfter }
}

impl Adversary for Swarm {
    fn request(&self, request: &Request) -> Fate {
        let random = &mut *self.random();
        if self.is_over() {
            return self.done(random, "slow", 0);
        }
        let Faults { refused, conflicts, unknown, slow, killed: kills, .. } = self.faults;
        let effect = request.writes() && !request.is_about_leases();
        if effect && self.strikes(random, "killed", kills) {
            return killed(random);
        }
        if self.strikes(random, "refused", refused) {
            let refusals =
                [Refusal::Cut, Refusal::TooManyRequests, Refusal::Unavailable, Refusal::Internal];
            return Fate::Refused(refusals[random.usize(..refusals.len())]);
        }
        if effect && self.strikes(random, "conflicts", conflicts) {
            return Fate::Refused(Refusal::Conflict);
        }
        if request.writes() && self.strikes(random, "unknown", unknown) {
            return Fate::Unknown;
        }
        self.done(random, "slow", slow)
    }

    fn event(&self, _: &Notice) -> Delivery {
        let random = &mut *self.random();
        if self.is_over() {
            return Delivery::After(self.pause(random, "late", 0));
        }
        let Faults { late, twice, cut, expired, .. } = self.faults;
        if self.strikes(random, "twice", twice) {
            Delivery::Twice
        } else if self.strikes(random, "cut", cut) {
            Delivery::Cut
        } else if self.strikes(random, "expired", expired) {
            Delivery::Expired(Duration::ZERO)
        } else {
            Delivery::After(self.pause(random, "late", late))
        }
    }

    fn store(&self, _: &str, _: &'static str) -> Fate {
        let random = &mut *self.random();
        if self.is_over() {
            return self.done(random, "store-slow", 0);
        }
        let Faults { store_refused, store_unknown, store_slow, killed: kills, .. } = self.faults;
        if self.strikes(random, "killed", kills) {
            killed(random)
        } else if self.strikes(random, "store-refused", store_refused) {
            Fate::Refused(Refusal::Cut)
        } else if self.strikes(random, "store-unknown", store_unknown) {
            Fate::Unknown
        } else {
            self.done(random, "store-slow", store_slow)
        }
    }

    /// What servers do themselves is decided by what users do: see [`crate::faults::credentials`].
    fn question(&self, _: &str, _: &str) -> Asked {
        let random = &mut *self.random();
        if self.is_over() || !self.strikes(random, "killed", self.faults.killed) {
            return Asked::Answered;
        }
        if random.bool() { Asked::KilledBefore } else { Asked::KilledAfter }
    }
}
