//! What is known of one effect, from when it is required until it no longer is. Pure.
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
/// First pause before an effect that was done is repeated because it is still required: somebody has
/// undone it in the same moment. Doubled with each repetition.
pub(super) const REPEAT_PAUSE: Duration = Duration::from_secs(1);
/// After so many repetitions it is the server that changes what it is given, and writing it once more
/// would never end. The machine's deadline says so.
pub(super) const REPEATS: u32 = 5;

/// An effect, and the tenant in whose turn it runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Work<E> {
    pub(super) tenant: String,
    pub(super) effect: E,
}

/// How often a key's effects have failed in a row, and were done in vain.
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
    /// It has failed, and runs again at a moment.
    BackingOff { work: Work<E>, until: Instant, history: History },
    /// It was done, and nothing more is known to be wanting.
    Settled { effect: E, answered: Instant, repeats: u32 },
    /// It was done and is required in spite of the answer: it runs again at a moment.
    Repeating { work: Work<E>, answered: Instant, until: Instant, repeats: u32 },
}

/// What has become known while an effect runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Whether it was required once more.
    required_again: bool,
    /// When the machine was given the answer.
    answered: Option<Instant>,
    /// Whether it is required in spite of the answer.
    in_vain: bool,
}

/// What follows the run that is under way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next<E> {
    /// What its outcome says.
    Settle,
    /// Another effect, which was required meanwhile.
    Replace(Work<E>),
    /// Nothing: it is no longer required.
    Forget,
}

/// What the queue is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// To queue the key.
    Queue,
    /// To tell the slot when this moment has come.
    WakeAt(Instant),
}

/// Whether an effect is still required, as far as its outcome tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// It is, and will run, or has run and shows elsewhere.
    Certain,
    /// It was done meanwhile: only one more step of the machine can tell.
    InDoubt,
}

impl<E: QueuedEffect> Slot<E> {
    /// An effect is required by a step that knew of nothing that came after `as_of`.
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
            // It runs again by itself, and not earlier for being required again.
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

    /// Its turn has come: what is to run, if anything still is.
    pub(super) fn start(&mut self) -> Option<Work<E>> {
        match std::mem::take(self) {
            Self::Queued { work, history } => {
                let started = work.clone();
                *self = Self::Running { work, run: Run::default(), next: Next::Settle, history };
                Some(started)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// The machine is about to be given the answer. Says whether the effect was required once more
    /// since it began to run.
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
            // What it waits for may have been seen already by the step that required it again.
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

    /// A moment has come for which it may have waited.
    pub(super) fn wake(&mut self, now: Instant) -> Option<Action> {
        let (work, history) = match std::mem::take(self) {
            Self::BackingOff { work, until, history } if until <= now => (work, history),
            Self::Repeating { work, until, repeats, .. } if until <= now => {
                (work, History { failures: 0, repeats })
            }
            // Of what has been replaced since.
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

    /// That it was done says nothing any more: when it is required next, it runs.
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
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::runtime::effects::Priority;

    /// An effect on the one key, by what it writes.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Write(u8);

    impl QueuedEffect for Write {
        type Key = ();

        fn key(&self) {}

        fn priority(&self) -> Priority {
            Priority::High
        }

        fn is_answered(&self) -> bool {
            true
        }
    }

    /// What can happen to a slot.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Event {
        /// By a step that knew of everything until now, or of nothing since the beginning.
        Require {
            content: u8,
            knows: bool,
        },
        Start,
        Answer,
        Finish(Outcome),
        /// Time passes until a pause is over, or not for so long.
        Wake {
            in_time: bool,
        },
        Withdraw,
        Invalidate,
    }

    /// A slot on its own clock, with what is required of it.
    #[derive(Clone, Debug)]
    struct World {
        slot: Slot<Write>,
        beginning: Instant,
        now: Instant,
        required: Option<Write>,
        /// What ran, in order.
        runs: Vec<Write>,
        /// Whether it was required since it began to run.
        again: bool,
    }

    impl World {
        fn new() -> Self {
            let now = Instant::now();
            let (slot, required) = (Slot::Idle, None);
            Self { slot, beginning: now, now, required, runs: Vec::new(), again: false }
        }

        fn apply(&mut self, event: Event) {
            self.now += Duration::from_millis(1);
            match event {
                Event::Require { content, knows } => {
                    let work = Work { tenant: "t".to_owned(), effect: Write(content) };
                    let as_of = if knows { self.now } else { self.beginning };
                    self.slot.require(work, as_of, self.now);
                    self.required = Some(Write(content));
                    self.again = true;
                }
                Event::Start => {
                    if let Some(work) = self.slot.start() {
                        self.runs.push(work.effect);
                        self.again = false;
                    }
                }
                Event::Answer => {
                    self.slot.answer(self.now);
                }
                Event::Finish(outcome) => {
                    let is_running = matches!(self.slot, Slot::Running { .. });
                    self.slot.finish(outcome, self.now);
                    // It is required again by what it waits for.
                    if is_running && outcome == Outcome::Pending && !self.again {
                        self.required = None;
                    }
                }
                Event::Wake { in_time } => {
                    if in_time {
                        self.now += LONGEST_PAUSE + REPEAT_PAUSE.saturating_mul(1 << REPEATS);
                    }
                    self.slot.wake(self.now);
                }
                Event::Withdraw => {
                    self.slot.withdraw();
                    self.required = None;
                }
                // Whoever says so requires it once more, if it still is.
                Event::Invalidate => {
                    self.slot.invalidate();
                    if self.slot == Slot::Idle {
                        self.required = None;
                    }
                }
            }
        }

        /// Lets everything run that waits, with nothing in the way.
        fn drain(&mut self) {
            for _ in 0..2 * (REPEATS + 2) {
                self.apply(Event::Wake { in_time: true });
                self.apply(Event::Start);
                self.apply(Event::Finish(Outcome::Done));
            }
        }
    }

    fn event() -> impl Strategy<Value = Event> {
        let outcome =
            prop_oneof![Just(Outcome::Done), Just(Outcome::Pending), Just(Outcome::Failed)];
        prop_oneof![
            4 => (0..3_u8, any::<bool>())
                .prop_map(|(content, knows)| Event::Require { content, knows }),
            3 => Just(Event::Start),
            1 => Just(Event::Answer),
            3 => outcome.prop_map(Event::Finish),
            2 => any::<bool>().prop_map(|in_time| Event::Wake { in_time }),
            1 => Just(Event::Withdraw),
            1 => Just(Event::Invalidate),
        ]
    }

    proptest! {
        /// Whatever has happened, what was required last is what ran last in the end, and what was
        /// withdrawn never runs once more.
        #[test]
        fn the_last_requirement_is_the_last_to_run(
            events in prop::collection::vec(event(), 0..40),
        ) {
            let mut world = World::new();
            for event in events {
                world.apply(event);
            }
            let before = world.runs.len();
            let is_running = matches!(world.slot, Slot::Running { .. });
            world.drain();
            match world.required {
                Some(required) => {
                    prop_assert_eq!(world.runs.last(), Some(&required));
                    prop_assert!(matches!(world.slot, Slot::Settled { .. }), "{:?}", world.slot);
                }
                None => {
                    prop_assert_eq!(world.runs.len(), before);
                    prop_assert!(is_running || world.slot == Slot::Idle);
                    prop_assert_eq!(world.slot, Slot::Idle);
                }
            }
        }

        /// However often an effect is required that was done, it is not repeated for ever.
        #[test]
        fn what_is_done_in_vain_is_repeated_a_few_times(
            answers in prop::collection::vec(any::<bool>(), 30),
        ) {
            let mut world = World::new();
            for knows in answers {
                world.apply(Event::Require { content: 1, knows });
                world.apply(Event::Wake { in_time: true });
                world.apply(Event::Start);
                world.apply(Event::Answer);
                world.apply(Event::Finish(Outcome::Done));
            }
            prop_assert!(world.runs.len() <= 1 + REPEATS as usize, "{} runs", world.runs.len());
        }
    }

    #[test]
    fn what_is_pending_and_was_required_meanwhile_runs_again_at_once() {
        let mut world = World::new();
        let required = Event::Require { content: 1, knows: true };
        for event in [required, Event::Start, required, Event::Finish(Outcome::Pending)] {
            world.apply(event);
        }
        assert_eq!(world.slot.name(), "Queued");
        world.apply(Event::Start);
        world.apply(Event::Finish(Outcome::Pending));
        assert_eq!(world.slot, Slot::Idle, "nobody has required it since");
    }

    #[test]
    fn a_pause_that_is_over_says_nothing_of_a_later_one() {
        let mut world = World::new();
        world.apply(Event::Require { content: 1, knows: true });
        for _ in 0..3 {
            world.apply(Event::Start);
            world.apply(Event::Finish(Outcome::Failed));
            world.apply(Event::Wake { in_time: false });
            assert_eq!(world.slot.name(), "BackingOff");
            world.apply(Event::Wake { in_time: true });
            assert_eq!(world.slot.name(), "Queued");
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let mut slot = Slot::Idle;
        let now = Instant::now();
        let work = Work { tenant: "t".to_owned(), effect: Write(1) };
        slot.require(work, now, now);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            slot.start();
            let Some(Action::WakeAt(until)) = slot.finish(Outcome::Failed, now) else { panic!() };
            pauses.push(until - now);
            slot.wake(until);
        }
        assert_eq!(pauses[..3], [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]);
        assert_eq!(pauses[11], LONGEST_PAUSE);
    }

    /// Every event of the diagram but requirements, with its label.
    const EVENTS: [(Event, &str); 9] = [
        (Event::Start, "its turn has come"),
        (Event::Answer, "the machine is given the answer"),
        (Event::Finish(Outcome::Done), "done"),
        (Event::Finish(Outcome::Pending), "pending"),
        (Event::Finish(Outcome::Failed), "failed"),
        (Event::Wake { in_time: true }, "the pause is over"),
        (Event::Wake { in_time: false }, "a pause is over that was replaced"),
        (Event::Withdraw, "it is withdrawn"),
        (Event::Invalidate, "it is invalidated"),
    ];

    /// Every transition between two states that can be reached within some events.
    fn transitions() -> BTreeSet<(&'static str, &'static str, &'static str)> {
        let mut transitions = BTreeSet::new();
        let mut worlds = vec![World::new()];
        for _ in 0..7 {
            let mut next: Vec<World> = Vec::new();
            for world in &worlds {
                let requirements = [1, 2].map(|content| {
                    let label = match world.slot.effect() {
                        Some(known) if known.0 == content => "the same is required",
                        Some(_) => "another is required",
                        None => "an effect is required",
                    };
                    (Event::Require { content, knows: true }, label)
                });
                for (event, label) in requirements.into_iter().chain(EVENTS) {
                    let mut after = world.clone();
                    after.apply(event);
                    let (from, to) = (world.slot.name(), after.slot.name());
                    if from != to {
                        transitions.insert((from, label, to));
                    }
                    let is_new = |other: &World| {
                        format!("{:?}", other.slot.shape()) != format!("{:?}", after.slot.shape())
                    };
                    if next.iter().all(is_new) {
                        next.push(after);
                    }
                }
            }
            worlds = next;
        }
        transitions
    }

    impl Slot<Write> {
        /// Its name in the diagram.
        fn name(&self) -> &'static str {
            match self {
                Self::Idle => "Idle",
                Self::Queued { .. } => "Queued",
                Self::Running { next: Next::Settle, .. } => "Running",
                Self::Running { next: Next::Replace(_), .. } => "Running/Replaced",
                Self::Running { next: Next::Forget, .. } => "Running/Withdrawn",
                Self::BackingOff { .. } => "BackingOff",
                Self::Settled { .. } => "Settled",
                Self::Repeating { .. } => "Repeating",
            }
        }

        /// What tells two slots apart in the diagram: everything but the moments.
        fn shape(&self) -> (&'static str, Option<u8>, bool, bool, bool, u32) {
            let content = self.effect().map(|effect| effect.0);
            let (again, answered, in_vain) = match self {
                Self::Running { run, .. } => {
                    (run.required_again, run.answered.is_some(), run.in_vain)
                }
                _ => (false, false, false),
            };
            let repeats = match self {
                Self::Settled { repeats, .. } | Self::Repeating { repeats, .. } => *repeats,
                _ => 0,
            };
            (self.name(), content, again, answered, in_vain, repeats.min(1))
        }
    }

    fn diagram() -> String {
        let mut text = String::from(
            "<!-- Generated: UPDATE=1 cargo test -p managed-gitops --lib effects -->\n\n\
             # One effect in the queue\n\n```mermaid\nstateDiagram-v2\n    [*] --> Idle\n",
        );
        let id = |name: &str| name.replace('/', "");
        for (from, label, to) in transitions() {
            let _ = writeln!(text, "    {} --> {}: {label}", id(from), id(to));
        }
        text.push_str("```\n");
        text
    }

    #[test]
    fn the_diagram_is_what_the_code_does() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/runtime/effects/slot.md");
        let diagram = diagram();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &diagram).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), diagram, "run it with UPDATE=1");
    }
}
