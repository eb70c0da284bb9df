//! A process: alive, cut off, or dead. A dead one still has tasks in the runtime, but nothing
//! reaches it and it reaches nothing: whatever it waits for never comes.

use std::sync::atomic::{AtomicI64, Ordering};

use machines::identity::Timestamp;
use managed_gitops::runtime::clock::Clock;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

/// Midnight of 2026-01-01 in UTC: when every run starts.
pub const EPOCH_MILLIS: i64 = 1_767_225_600_000;

/// The cluster's time of day.
pub fn wall_clock(begun: Instant) -> Timestamp {
    let elapsed = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(EPOCH_MILLIS + elapsed)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    CutOff,
    Dead,
}

/// See the module.
#[derive(Debug)]
pub struct Process {
    name: String,
    begun: Instant,
    life: watch::Sender<Life>,
    /// Milliseconds by which its clock is ahead.
    skew: AtomicI64,
}

impl Process {
    /// A process that is alive; `begun` is the start of the run.
    pub fn new(name: impl Into<String>, begun: Instant, skew: i64) -> Self {
        let skew = AtomicI64::new(skew);
        Self { name: name.into(), begun, life: watch::Sender::new(Life::Alive), skew }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has not been killed.
    pub fn is_alive(&self) -> bool {
        *self.life.borrow() != Life::Dead
    }

    /// Kills it, in the middle of whatever it does.
    pub fn kill(&self) {
        self.life.send_replace(Life::Dead);
    }

    /// Isolates it in both directions until [`Self::join`].
    pub fn cut_off(&self) {
        self.live(Life::CutOff);
    }

    /// Undoes [`Self::cut_off`].
    pub fn join(&self) {
        self.live(Life::Alive);
    }

    fn live(&self, life: Life) {
        self.life.send_if_modified(|now| {
            let changes = *now != Life::Dead && *now != life;
            if changes {
                *now = life;
            }
            changes
        });
    }

    /// Waits until it can reach something; forever if it is dead.
    pub async fn connected(&self) {
        // The sender is ours, so this ends with the condition or never.
        let _ = self.life.subscribe().wait_for(|life| *life == Life::Alive).await;
    }

    /// Waits until it is dead.
    pub async fn died(&self) {
        let _ = self.life.subscribe().wait_for(|life| *life == Life::Dead).await;
    }

    /// Moves its clock, forward or back.
    pub fn move_clock(&self, by: Duration, back: bool) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.skew.fetch_add(if back { -millis } else { millis }, Ordering::Relaxed);
    }

    /// By how many milliseconds its clock is ahead.
    pub fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    /// Its clock.
    pub fn clock(self: &std::sync::Arc<Self>) -> Clock {
        let process = std::sync::Arc::clone(self);
        Clock::new(move || {
            Timestamp::from_millis(wall_clock(process.begun).as_millis() + process.skew())
        })
    }
}
