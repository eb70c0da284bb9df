//! What all kinds of machines have in common, and the one loop that steps them.

use crate::Handling;
use crate::identity::Timestamp;
use crate::rows::RowChange;
use crate::waiting::Wait;

/// A kind of machine: a state that is persisted, and what moves it. A step is total and pure.
pub trait Machine: Clone {
    /// What is observed.
    type Event: Observation;
    /// What a step may know besides the event.
    type Facts: Moment;

    /// Takes one step; [`Machine::step`] and [`Run::step`] also note when a state was entered.
    fn apply(&mut self, event: &Self::Event, facts: &Self::Facts) -> Change;
    /// The state's path, outermost first.
    fn path(&self) -> String;
    /// When its state was entered; `None` if a version that did not note it moved it last.
    fn since(&self) -> Option<Timestamp>;
    /// Notes when its state was entered.
    fn note_since(&mut self, now: Timestamp);
    /// What it waits for, most important first; empty if it waits only for a change of what it was
    /// asked for. Total over all states.
    fn waits_for(&self) -> Vec<Wait>;
    /// When it wants to be woken if nothing happens earlier: the earliest [`Wait::until`].
    fn wake_at(&self) -> Option<Timestamp>;
    /// Whether there is nothing to remember, so that its row goes.
    fn is_gone(&self) -> bool;

    /// The machine after one step.
    fn step(self, event: &Self::Event, facts: &Self::Facts) -> Step<Self> {
        let mut run = Run::new(self);
        let handling = run.step(event, facts);
        Step { machine: run.machine, rows: run.rows, handling }
    }
}

/// What is observed of a machine: what is, never what has changed.
pub trait Observation {
    /// Its name, for transition records.
    fn name(&self) -> &'static str;
}

/// What knows the time of a step.
pub trait Moment {
    /// The time.
    fn now(&self) -> Timestamp;
}

impl Moment for Timestamp {
    fn now(&self) -> Timestamp {
        *self
    }
}

/// What a step changes besides the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What to write with it.
    pub rows: Vec<RowChange>,
    /// What became of the event.
    pub handling: Handling,
}

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<M> {
    /// The machine afterwards.
    pub machine: M,
    /// What to write with it.
    pub rows: Vec<RowChange>,
    /// What became of the event.
    pub handling: Handling,
}

/// A change of a machine's state path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// From which path.
    pub from: String,
    /// To which path.
    pub to: String,
    /// By which event.
    pub cause: &'static str,
    /// When.
    pub at: Timestamp,
}

/// A machine on its way through what was observed of it.
#[derive(Clone, Debug)]
pub struct Run<M> {
    /// The machine as it is now.
    pub machine: M,
    /// What to write with it.
    pub rows: Vec<RowChange>,
    /// Its transitions so far.
    pub transitions: Vec<Moved>,
}

impl<M: Machine> Run<M> {
    /// Starts with a machine as it was loaded.
    pub fn new(machine: M) -> Self {
        Self { machine, rows: Vec::new(), transitions: Vec::new() }
    }

    /// Takes one step.
    pub fn step(&mut self, event: &M::Event, facts: &M::Facts) -> Handling {
        let from = self.machine.path();
        let Change { rows, handling } = self.machine.apply(event, facts);
        self.rows.extend(rows);
        let to = self.machine.path();
        if from != to {
            let at = facts.now();
            self.machine.note_since(at);
            self.transitions.push(Moved { from, to, cause: event.name(), at });
        }
        handling
    }
}
