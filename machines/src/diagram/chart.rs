//! What a machine does, found by running it, as a table and a diagram.
//!
//! Each machine is explored breadth-first with its own `step`, from its initial state, over a fixed
//! set of sample events (in `samples` beside the machine). So a page says what the code does; a
//! test compares the pages with those committed under `diagrams/`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use crate::drive::Handling;
use crate::identity::Timestamp;

/// Most states that an exploration may distinguish. The largest machine has some hundred; a sample
/// set whose states multiply without end stops here and lacks states, which a test detects.
const EXPLORATION_LIMIT: usize = 20_000;

/// What a machine, or one region of it, was seen to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// Its name.
    pub name: &'static str,
    /// Paths of its states, outermost first, in the order in which they were reached; the first
    /// is the initial one.
    pub states: Vec<String>,
    /// Names of the events, in the order of the samples.
    pub events: Vec<&'static str>,
    /// Every step that was taken, including those that stay.
    pub steps: BTreeSet<Edge>,
    /// Those of them that no state on the path handled. There are none, unless a state has lost its
    /// handler: such a state compiles, and swallows every event.
    pub unhandled: BTreeSet<Edge>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Path of the state before.
    pub from: String,
    /// Name of the event.
    pub event: &'static str,
    /// What distinguishes the sample from others of that event; empty if it is the only one.
    pub when: &'static str,
    /// Path of the state after.
    pub to: String,
}

/// When the samples happen.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(0);
/// Later than any deadline that a step at [`NOW`] or at another such time sets.
pub(crate) const STRIDE_MS: i64 = 86_400_000;

/// A sample event with the state that it leads to.
pub(crate) struct Sample<S> {
    pub(crate) event: &'static str,
    pub(crate) when: &'static str,
    pub(crate) next: S,
    pub(crate) handling: Handling,
}

/// Explores from `initial`. States with the same `key` are explored once, so the key contains
/// everything that decides later paths and omits what grows without end.
pub(crate) fn explore<S>(
    name: &'static str,
    initial: S,
    path: impl Fn(&S) -> String,
    key: impl Fn(&S) -> String,
    samples: impl Fn(&S) -> Vec<Sample<S>>,
) -> Chart {
    let mut chart = Chart {
        name,
        states: vec![path(&initial)],
        events: Vec::new(),
        steps: BTreeSet::new(),
        unhandled: BTreeSet::new(),
    };
    let mut seen = BTreeSet::from([key(&initial)]);
    let mut waiting = VecDeque::from([initial]);
    while let Some(state) = waiting.pop_front() {
        let from = path(&state);
        for Sample { event, when, next, handling } in samples(&state) {
            let to = path(&next);
            if !chart.events.contains(&event) {
                chart.events.push(event);
            }
            if !chart.states.contains(&to) {
                chart.states.push(to.clone());
            }
            let edge = Edge { from: from.clone(), event, when, to };
            if handling == Handling::Unhandled {
                chart.unhandled.insert(edge.clone());
            }
            chart.steps.insert(edge);
            if seen.len() < EXPLORATION_LIMIT && seen.insert(key(&next)) {
                waiting.push_back(next);
            }
        }
    }
    chart
}

pub(crate) fn page(title: &str, charts: &[Chart]) -> String {
    let mut text = format!(
        "# {title}\n\nGenerated from the running machine by `machines::diagram`; don't edit. \
         Regenerate with `UPDATE=1 cargo test -p machines --test diagrams`.\n"
    );
    if charts.len() > 1 {
        let names: Vec<&str> = charts.iter().map(|chart| chart.name).collect();
        let _ = writeln!(text, "\nRegions side by side: {}.", names.join(", "));
    }
    for chart in charts {
        let _ = write!(
            text,
            "\n## {}\n\n```mermaid\n{}```\n\nEvery state and every event: the next states, or \
             *stays*. What an event needs in order to lead somewhere is in the second table.\n\n\
             {}\n{}",
            chart.name,
            chart.mermaid(),
            chart.matrix(),
            chart.list()
        );
    }
    text
}

fn leaf(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The paths that enclose a path, outermost first.
fn ancestors(path: &str) -> Vec<&str> {
    path.match_indices('/').map(|(end, _)| &path[..end]).collect()
}

fn encloses(outer: &str, path: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

impl Chart {
    /// The steps that leave their state.
    fn moves(&self) -> impl Iterator<Item = &Edge> {
        self.steps.iter().filter(|edge| edge.from != edge.to)
    }

    /// A Mermaid `stateDiagram-v2`, superstates nested.
    pub fn mermaid(&self) -> String {
        let mut text = "stateDiagram-v2\n    direction LR\n".to_owned();
        let _ = writeln!(text, "    [*] --> {}", leaf(&self.states[0]));
        let mut states = self.states.clone();
        states.sort();
        self.nest("", &states, 1, &mut text);
        for ((from, to), label) in self.arrows() {
            let _ = writeln!(text, "    {} --> {}: {label}", leaf(&from), leaf(to));
        }
        for state in &self.states {
            if self.moves().all(|edge| edge.from != *state) {
                let _ = writeln!(text, "    {} --> [*]", leaf(state));
            }
        }
        text
    }

    fn nest(&self, outer: &str, states: &[String], depth: usize, text: &mut String) {
        let indent = "    ".repeat(depth);
        let mut done = BTreeSet::new();
        for state in states {
            let Some(inner) = state.strip_prefix(outer) else {
                continue;
            };
            match inner.split_once('/') {
                None if depth > 1 => {
                    let _ = writeln!(text, "{indent}{inner}");
                }
                None => {}
                Some((superstate, _)) if done.insert(superstate) => {
                    let _ = writeln!(text, "{indent}state {superstate} {{");
                    self.nest(&format!("{outer}{superstate}/"), states, depth + 1, text);
                    let _ = writeln!(text, "{indent}}}");
                }
                Some(_) => {}
            }
        }
    }

    /// The steps that leave their state, as (from, event, to) with what they need. What all states
    /// of a superstate do is shown once, for the superstate.
    fn transitions(&self) -> BTreeMap<(String, &'static str, &str), BTreeSet<&'static str>> {
        let mut sources: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for edge in self.moves() {
            let key = (edge.to.as_str(), edge.event, edge.when);
            sources.entry(key).or_default().insert(&edge.from);
        }
        let mut transitions: BTreeMap<_, BTreeSet<&'static str>> = BTreeMap::new();
        for ((to, event, when), froms) in sources {
            for from in self.hoisted(&froms, to) {
                transitions.entry((from, event, to)).or_default().insert(when);
            }
        }
        transitions
    }

    /// The arrows of the diagram with their labels.
    fn arrows(&self) -> BTreeMap<(String, &str), String> {
        let mut arrows: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for ((from, event, to), whens) in self.transitions() {
            arrows.entry((from, to)).or_default().push(self.label(event, &whens));
        }
        arrows.into_iter().map(|(ends, labels)| (ends, labels.join("<br/>"))).collect()
    }

    fn hoisted(&self, froms: &BTreeSet<&str>, to: &str) -> BTreeSet<String> {
        let covers = |outer: &&str| {
            let mut inner = self.states.iter().filter(|state| encloses(outer, state));
            !encloses(outer, to) && inner.all(|state| froms.contains(state.as_str()))
        };
        let source = |from: &&str| {
            let outermost = ancestors(from).into_iter().find(covers);
            outermost.unwrap_or(from).to_owned()
        };
        froms.iter().map(source).collect()
    }

    /// An event with its conditions, unless all of them lead to the same.
    fn label(&self, event: &str, whens: &BTreeSet<&str>) -> String {
        let of_event = self.steps.iter().filter(|edge| edge.event == event);
        let all: BTreeSet<&str> = of_event.map(|edge| edge.when).collect();
        if *whens == all {
            return event.to_owned();
        }
        let whens: Vec<&str> = whens.iter().copied().collect();
        format!("{event} ({})", whens.join(" or "))
    }

    /// A Markdown table of every state and every event.
    pub fn matrix(&self) -> String {
        let mut text = format!("| State | {} |\n", self.events.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(self.events.len() + 1));
        for state in &self.states {
            let _ = write!(text, "| `{state}` |");
            for event in &self.events {
                let _ = write!(text, " {} |", self.next(state, event).join(", "));
            }
            text.push('\n');
        }
        text
    }

    /// Where an event leads from a state.
    fn next(&self, state: &str, event: &str) -> Vec<String> {
        let steps = self.steps.iter().filter(|edge| edge.from == state && edge.event == event);
        let targets: BTreeSet<&str> = steps.map(|edge| edge.to.as_str()).collect();
        let stays = targets.contains(state);
        let moves = targets.into_iter().filter(|to| *to != state).map(|to| leaf(to).to_owned());
        moves.chain(stays.then(|| "*stays*".to_owned())).collect()
    }

    /// A Markdown table of the steps that leave their state, with what they need.
    fn list(&self) -> String {
        let mut text = "| From | Event | When | To |\n|---|---|---|---|\n".to_owned();
        for ((from, event, to), whens) in self.transitions() {
            let whens: Vec<&str> = whens.into_iter().collect();
            let _ = writeln!(text, "| `{from}` | {event} | {} | `{to}` |", whens.join("; "));
        }
        text
    }
}
