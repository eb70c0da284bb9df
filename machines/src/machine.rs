//! What all kinds of machines have in common, and the one loop that steps them.

use crate::Handling;
use crate::identity::Timestamp;
use crate::rows::RowChange;

/// A kind of machine: a state that is persisted, and what moves it. A step is total and pure.
pub trait Machine: Clone {
    /// What is observed.
    type Event: Observation;
    /// What a step may know besides the event.
    type Facts;

    /// Takes one step.
    fn apply(&mut self, event: &Self::Event, facts: &Self::Facts) -> Change;
    /// The state's path, outermost first.
    fn path(&self) -> String;
    /// When the machine wants to be woken if nothing happens before.
    fn wake_at(&self) -> Option<Timestamp>;
    /// Whether there is nothing to remember, so that its row goes.
    fn is_gone(&self) -> bool;

    /// The machine after one step.
    fn step(mut self, event: &Self::Event, facts: &Self::Facts) -> Step<Self> {
        let Change { rows, handling } = self.apply(event, facts);
        Step { machine: self, rows, handling }
    }
}

/// What a machine is told: what is, never what has changed.
pub trait Observation {
    /// Its name, for transition records.
    fn name(&self) -> &'static str;
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
    now: Timestamp,
}

impl<M: Machine> Run<M> {
    /// Begins with a machine as it was loaded.
    pub fn new(machine: M, now: Timestamp) -> Self {
        Self { machine, rows: Vec::new(), transitions: Vec::new(), now }
    }

    /// Takes one step; says whether the state's path changed.
    pub fn step(&mut self, event: &M::Event, facts: &M::Facts) -> bool {
        let from = self.machine.path();
        let change = self.machine.apply(event, facts);
        self.rows.extend(change.rows);
        let to = self.machine.path();
        let moved = from != to;
        if moved {
            self.transitions.push(Moved { from, to, cause: event.name(), at: self.now });
        }
        moved
    }
}
