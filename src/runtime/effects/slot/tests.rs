use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::runtime::effects::Priority;

/// An effect on the single key, by what it writes.
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
    /// By a step that knew everything up to now, or nothing since the beginning.
    Require {
        content: u8,
        knows: bool,
    },
    Start,
    Answer,
    Finish(Outcome),
    /// Time passes until a pause is over, or not that long.
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
    /// Whether it was required since it started to run.
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
                if let Some(effect) = self.slot.start() {
                    self.runs.push(effect);
                    self.again = false;
                }
            }
            Event::Answer => {
                self.slot.answer(self.now);
            }
            Event::Finish(outcome) => {
                let is_running = matches!(self.slot, Slot::Running { .. });
                self.slot.finish(outcome, self.now);
                // What it waits for requires it again.
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
            // The caller requires it again, if it still is.
            Event::Invalidate => {
                self.slot.invalidate();
                if self.slot == Slot::Idle {
                    self.required = None;
                }
            }
        }
    }

    /// Runs everything that waits, without interference.
    fn drain(&mut self) {
        for _ in 0..2 * (REPEATS + 2) {
            self.apply(Event::Wake { in_time: true });
            self.apply(Event::Start);
            self.apply(Event::Finish(Outcome::Done));
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![Just(Outcome::Done), Just(Outcome::Pending), Just(Outcome::Failed)];
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
    /// Whatever happened, what was required last is what finally ran last, and what was withdrawn
    /// never runs again.
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

    /// However often a completed effect is required, it is not repeated forever.
    #[test]
    fn an_effect_done_in_vain_is_repeated_a_few_times(
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
fn a_pending_effect_required_meanwhile_runs_again_at_once() {
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
fn the_end_of_a_pause_does_not_end_a_later_one() {
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

/// Every event of the diagram except requirements, with its label.
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

/// Every transition between two states that can be reached within a few events.
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

    /// What distinguishes two slots in the diagram: everything but the times.
    fn shape(&self) -> (&'static str, Option<u8>, bool, bool, bool, u32) {
        let content = self.effect().map(|effect| effect.0);
        let (again, answered, in_vain) = match self {
            Self::Running { run, .. } => (run.required_again, run.answered.is_some(), run.in_vain),
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
