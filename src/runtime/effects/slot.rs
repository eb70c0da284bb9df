//! What is known about one effect, from when it is required until it no longer is. Pure.
//!
//! [`slot.md`](slot.md) draws it. The queue holds a slot for each key; the slot decides what runs
//! and when, the queue only does it.

use std::time::Duration;

use tokio::time::Instant;

use crate::runtime::effects::{Outcome, QueuedEffect};

/// First pause after a failure, doubled with each further one.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause after a failure.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// First pause before an effect that was done is repeated because it is still required: another
/// client has undone it immediately. Doubled with each repetition.
pub(super) const REPEAT_PAUSE: Duration = Duration::from_secs(1);
/// After this many repetitions the server itself must be changing what it is given, and the
/// rewriting would never end. The machine's deadline says so.
pub(super) const REPEATS: u32 = 5;

/// An effect, and the tenant in whose turn it runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Work<E> {
    pub(super) tenant: String,
    pub(super) effect: E,
}

/// How often in a row a key's effects have failed, or were done in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    failures: u32,
    repeats: u32,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Slot<E> {
    /// Nothing is required.
    #[default]
    Idle,
    /// It waits for its turn.
    Queued { work: Work<E>, history: History },
    /// It runs.
    Running { work: Work<E>, run: Run, next: Next<E>, history: History },
    /// It has failed, and runs again at this time.
    BackingOff { work: Work<E>, until: Instant, history: History },
    /// It was done, and nothing is known to be missing.
    Settled { effect: E, answered: Instant, repeats: u32 },
    /// It was done and is required despite the answer: it runs again at this time.
    Repeating { work: Work<E>, answered: Instant, until: Instant, repeats: u32 },
}

/// What has become known while an effect runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Whether it was required again.
    required_again: bool,
    /// When the machine received the answer.
    answered: Option<Instant>,
    /// Whether it is required despite the answer.
    in_vain: bool,
}

/// What follows the current run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next<E> {
    /// What its outcome says.
    Settle,
    /// Another effect, required in the meantime.
    Replace(Work<E>),
    /// Nothing: it is no longer required.
    Forget,
}

/// What the queue should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// To queue the key.
    Queue,
    /// To notify the slot at this time.
    WakeAt(Instant),
}

/// Whether an effect is still required, as far as its outcome shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// It is, and will run, or has run and its result shows elsewhere.
    Certain,
    /// It was done in the meantime: only another step of the machine can decide.
    InDoubt,
}

impl<E: QueuedEffect> Slot<E> {
    /// An effect is required by a step that knew of nothing after `as_of`.
    pub(super) fn require(
        &mut self,
        work: Work<E>,
        as_of: Instant,
        now: Instant,
    ) -> (Required, Option<Action>) {
        let known = self.effect();
        let is_same = known.is_some_and(|known| *known == work.effect);
        let is_answered = work.effect.is_answered();
        let in_doubt = |answered: Instant| {
            let is_news = is_answered && answered > as_of;
            if is_news { Required::InDoubt } else { Required::Certain }
        };
        match std::mem::take(self) {
            Self::Running { run, history, .. } if is_same => {
                let answered = run.answered.filter(|_| is_answered);
                let in_vain = run.in_vain || answered.is_some_and(|answered| answered <= as_of);
                let run = Run { required_again: true, in_vain, ..run };
                // What was required in between is no longer wanted.
                *self = Self::Running { work, run, next: Next::Settle, history };
                (run.answered.map_or(Required::Certain, in_doubt), None)
            }
            Self::Running { work: running, run, history, .. } => {
                let history = History { repeats: 0, ..history };
                *self = Self::Running { work: running, run, next: Next::Replace(work), history };
                (Required::Certain, None)
            }
            // It runs again by itself, and being required again does not hasten it.
            Self::BackingOff { until, history, .. } if is_same => {
                *self = Self::BackingOff { work, until, history };
                (Required::Certain, None)
            }
            Self::Repeating { answered, until, repeats, .. } if is_same => {
                let required = in_doubt(answered);
                *self = Self::Repeating { work, answered, until, repeats };
                (required, None)
            }
            Self::Settled { effect, answered, repeats } if is_same => {
                let required = in_doubt(answered);
                let is_enough = repeats >= REPEATS || !is_answered;
                if required == Required::InDoubt || is_enough {
                    *self = Self::Settled { effect, answered, repeats };
                    return (required, None);
                }
                (required, Some(self.repeat(work, answered, repeats, now)))
            }
            Self::Queued { history, .. } | Self::BackingOff { history, .. } => {
                let repeats = if is_same { history.repeats } else { 0 };
                *self = Self::Queued { work, history: History { repeats, ..history } };
                (Required::Certain, Some(Action::Queue))
            }
            Self::Idle | Self::Settled { .. } | Self::Repeating { .. } => {
                *self = Self::Queued { work, history: History::default() };
                (Required::Certain, Some(Action::Queue))
            }
        }
    }

    /// Its turn has come: returns what to run, if anything.
    pub(super) fn start(&mut self) -> Option<E> {
        match std::mem::take(self) {
            Self::Queued { work, history } => {
                let started = work.effect.clone();
                *self = Self::Running { work, run: Run::default(), next: Next::Settle, history };
                Some(started)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// The machine is about to receive the answer. Returns whether the effect was required again
    /// since it started to run.
    pub(super) fn answer(&mut self, now: Instant) -> bool {
        let Self::Running { run, .. } = self else { return false };
        run.answered = Some(now);
        run.required_again
    }

    /// The run has ended.
    pub(super) fn finish(&mut self, outcome: Outcome, now: Instant) -> Option<Action> {
        let (work, run, next, history) = match std::mem::take(self) {
            Self::Running { work, run, next, history } => (work, run, next, history),
            other => {
                *self = other;
                return None;
            }
        };
        match (next, outcome) {
            (Next::Forget, _) => None,
            (Next::Replace(work), _) => {
                *self = Self::Queued { work, history };
                Some(Action::Queue)
            }
            (Next::Settle, Outcome::Done) => {
                let answered = run.answered.unwrap_or(now);
                if run.in_vain && history.repeats < REPEATS {
                    return Some(self.repeat(work, answered, history.repeats, now));
                }
                *self = Self::Settled { effect: work.effect, answered, repeats: history.repeats };
                None
            }
            // The step that required it again may already have seen what it waits for.
            (Next::Settle, Outcome::Pending) if run.required_again => {
                *self = Self::Queued { work, history: History { failures: 0, ..history } };
                Some(Action::Queue)
            }
            (Next::Settle, Outcome::Pending) => None,
            (Next::Settle, Outcome::Failed) => {
                let doublings = history.failures.min(9);
                let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
                let failures = history.failures.saturating_add(1);
                let until = now + pause;
                *self = Self::BackingOff { work, until, history: History { failures, ..history } };
                Some(Action::WakeAt(until))
            }
        }
    }

    /// A time has come that it may have waited for.
    pub(super) fn wake(&mut self, now: Instant) -> Option<Action> {
        let (work, history) = match std::mem::take(self) {
            Self::BackingOff { work, until, history } if until <= now => (work, history),
            Self::Repeating { work, until, repeats, .. } if until <= now => {
                (work, History { failures: 0, repeats })
            }
            // For one that has been replaced since.
            other => {
                *self = other;
                return None;
            }
        };
        *self = Self::Queued { work, history };
        Some(Action::Queue)
    }

    /// The effect is no longer required.
    pub(super) fn withdraw(&mut self) {
        *self = match std::mem::take(self) {
            Self::Running { work, run, .. } => {
                Self::Running { work, run, next: Next::Forget, history: History::default() }
            }
            _ => Self::Idle,
        };
    }

    /// That it was done no longer counts: when it is next required, it runs.
    pub(super) fn invalidate(&mut self) {
        match self {
            Self::Settled { .. } | Self::Repeating { .. } => *self = Self::Idle,
            Self::Queued { history, .. }
            | Self::Running { history, .. }
            | Self::BackingOff { history, .. } => history.repeats = 0,
            Self::Idle => {}
        }
    }

    fn repeat(&mut self, work: Work<E>, answered: Instant, repeats: u32, now: Instant) -> Action {
        let until = now + REPEAT_PAUSE.saturating_mul(1 << repeats.min(REPEATS));
        *self = Self::Repeating { work, answered, until, repeats: repeats + 1 };
        Action::WakeAt(until)
    }

    /// What is required or runs.
    fn effect(&self) -> Option<&E> {
        match self {
            Self::Idle => None,
            Self::Settled { effect, .. } => Some(effect),
            Self::Queued { work, .. }
            | Self::Running { work, .. }
            | Self::BackingOff { work, .. }
            | Self::Repeating { work, .. } => Some(&work.effect),
        }
    }
}

#[cfg(test)]
mod tests;
