//! Small worlds in which everything possible happens, in every order.
//!
//! A [`Scenario`] says how a world starts, what its users may do and how much may go wrong.
//! [`explore`] has stateright visit everything reachable from it, breadth first. The
//! [`Move`](crate::world::Move)s that the property tests draw at random are all taken here, each
//! from every state. A state is a cluster in its normal form (`world/normal.rs`), so that equal
//! ones are visited once.
//!
//! What is checked:
//!
//! * *always*: no safety promise is broken between two moments;
//! * *always*: every terminal component satisfies the predicates. Once users and faults stop,
//!   progress continues: observations arrive, required work is done, and if nothing else is left to
//!   do time passes. In the end the world is caught in a set of states that it never leaves: a
//!   terminal component of the graph of these moves. If no move is postponed forever, it visits
//!   every state of that component infinitely often. So what the specification promises
//!   "eventually, and permanently" holds exactly if it holds in all of them; see [`graph`];
//! * *sometimes*: the faults do happen, where it matters.
//!
//! Terminal components are known when the graph is complete. If one is wrong the scenario is
//! explored once more with the faulty states, so that stateright finds the shortest path to one.

pub mod graph;
mod scenarios;
mod situation;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use stateright::{Checker, Model, Path, Property};

use graph::Graph;

pub use scenarios::Scenario;
pub use situation::{Kind, Situation, Step};

/// The name of the property that is about safety.
pub const SAFE: &str = "no safety promise is broken";
/// The name of the property that is about the end.
pub const KEPT: &str = "every terminal component satisfies the predicates";

/// Far more than any scenario has; a machine with an unbounded counter would be explored forever.
const STATES_LIMIT: usize = 20_000_000;

/// What an exploration found.
pub struct Exploration {
    /// How many states were generated, counting repetitions.
    pub states: usize,
    /// How many distinct states there are.
    pub unique_states: usize,
    /// The largest number of moves from a start to any state.
    pub depth: usize,
    /// How many terminal components there are.
    pub terminal_components: usize,
    /// What is wrong, with the shortest path to it.
    pub failures: Vec<String>,
    /// What should happen sometimes and never does.
    pub unseen: Vec<&'static str>,
}

impl fmt::Display for Exploration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, unique_states, depth, terminal_components, .. } = self;
        write!(
            formatter,
            "{states} states, {unique_states} different, depth {depth}, \
             {terminal_components} terminal components"
        )
    }
}

/// A scenario and what is known about its graph.
#[derive(Clone)]
pub(crate) struct Explored {
    scenario: Scenario,
    graph: Arc<Mutex<Graph>>,
    /// States of terminal components in which a promise is broken.
    condemned: BTreeSet<u64>,
}

impl Model for Explored {
    type State = Situation;
    type Action = Step;

    fn init_states(&self) -> Vec<Situation> {
        self.scenario.beginnings()
    }

    fn actions(&self, situation: &Situation, actions: &mut Vec<Step>) {
        if situation.is_an_end() {
            return;
        }
        let steps = self.scenario.steps(situation);
        if let Ok(mut graph) = self.graph.lock() {
            graph.insert(situation, &steps);
        }
        actions.extend(steps);
    }

    fn next_state(&self, _: &Situation, step: Step) -> Option<Situation> {
        Some(step.next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::<Self>::always(SAFE, |_, situation| situation.cluster.broken.is_empty()),
            Property::<Self>::always(KEPT, |model, situation| {
                !model.condemned.contains(&situation.key)
            }),
        ];
        let sights = self.scenario.sights.iter();
        properties.extend(sights.map(|sight| Property::<Self>::sometimes(sight.name, sight.seen)));
        properties
    }
}

/// Explores everything reachable from a scenario.
pub fn explore(scenario: Scenario) -> Exploration {
    let graph = Arc::new(Mutex::new(Graph::default()));
    let mut explored = Explored { scenario, graph, condemned: BTreeSet::new() };
    let mut checker = run(explored.clone());
    let terminal = explored.graph.lock().map(|graph| graph.terminal_components());
    let terminal = terminal.unwrap_or_default();
    let wrong: BTreeMap<u64, String> =
        terminal.iter().flat_map(|component| component.wrong.clone()).collect();
    if !wrong.is_empty() {
        explored.condemned = wrong.keys().copied().collect();
        checker = run(explored.clone());
    }
    let discoveries = checker.discoveries();
    let failures = [SAFE, KEPT].into_iter().filter_map(|name| {
        let path = discoveries.get(name)?;
        let end = path.last_state();
        let why = match end.cluster.broken.first() {
            Some(broken) => broken.to_string(),
            None => wrong.get(&end.key).cloned().unwrap_or_default(),
        };
        Some(format!("violated: {name}: {why}\n{}", readable(path)))
    });
    let sights = explored.scenario.sights.iter().map(|sight| sight.name);
    Exploration {
        states: checker.state_count(),
        unique_states: checker.unique_state_count(),
        depth: checker.max_depth(),
        terminal_components: terminal.len(),
        failures: failures.collect(),
        unseen: sights.filter(|name| !discoveries.contains_key(name)).collect(),
    }
}

/// One thread, so that the order of visits, and with it every number, is always the same.
fn run(explored: Explored) -> impl Checker<Explored> {
    explored.checker().threads(1).target_state_count(STATES_LIMIT).spawn_bfs().join()
}

/// A readable path through the states.
fn readable(path: &Path<Situation, Step>) -> String {
    let mut text = String::new();
    for (number, (situation, step)) in path.clone().into_vec().into_iter().enumerate() {
        text.push_str(&format!("{number:4}. {situation:?}\n"));
        if let Some(step) = step {
            text.push_str(&format!("      {step:?}\n"));
        }
    }
    text
}
