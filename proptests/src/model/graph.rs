//! The graph of spontaneous moves, and its terminal components.
//!
//! A terminal component is a maximal set of states that can all reach each other and nothing else:
//! where a run ends up without further interference. In it everything that `machines::esr` promises
//! must hold, no machine may outlive its object, and nothing may be written.

use std::collections::BTreeMap;

use machines::esr;

use super::{Kind, Situation, Step};

/// The graph, as far as explored.
#[derive(Default)]
pub struct Graph {
    nodes: BTreeMap<u64, Node>,
}

/// A state.
struct Node {
    /// The first promise that is broken if the world stays so.
    wrong: Option<String>,
    /// Its spontaneous successors, and whether something is written on the way.
    edges: Vec<(u64, bool)>,
}

/// States that are never left.
pub struct TerminalComponent {
    /// How many there are.
    pub size: usize,
    /// What is wrong in which of these states.
    pub wrong: Vec<(u64, String)>,
}

impl Graph {
    /// Adds a state with all its successors.
    pub(super) fn insert(&mut self, situation: &Situation, steps: &[Step]) {
        let helpful = steps.iter().filter(|step| step.kind == Kind::Help);
        let edges = helpful.map(|step| (step.next.key, step.wrote)).collect();
        let world = &situation.cluster.world;
        let broken = esr::all(world).first().map(ToString::to_string);
        let (_, deployments, operations) = situation.cluster.machines();
        let outlives = || {
            let runs = situation.cluster.sync_runs();
            let present = world.sync_runs.iter().filter(|one| !one.deleting).count();
            let credentials = situation.cluster.credentials();
            let wanted = world.credentials.iter().filter(|one| !one.deleting).count();
            let environments = situation.cluster.environments();
            let served = world.environments.iter().filter(|one| !one.deleting).count();
            let all_remembered = deployments == world.deployments.len()
                && runs == present
                && credentials == wanted
                && environments == served;
            (!all_remembered || operations != 0).then(|| {
                format!(
                    "{deployments} deployments, {runs} sync runs, {credentials} credentials, \
                     {environments} environments and {operations} operations are remembered"
                )
            })
        };
        self.nodes.insert(situation.key, Node { wrong: broken.or_else(outlives), edges });
    }

    /// The terminal components. A state that was not explored counts as a way out.
    pub fn terminal_components(&self) -> Vec<TerminalComponent> {
        let component_of = self.components();
        let mut components: BTreeMap<usize, Option<TerminalComponent>> = BTreeMap::new();
        for (key, node) in &self.nodes {
            let own = component_of[key];
            let inside = |(to, _): &(u64, bool)| component_of.get(to) == Some(&own);
            let component = components
                .entry(own)
                .or_insert(Some(TerminalComponent { size: 0, wrong: Vec::new() }));
            if !node.edges.iter().all(inside) {
                *component = None;
            }
            if let Some(component) = component {
                let writes = node.edges.iter().any(|(_, wrote)| *wrote);
                let unquiet = writes.then(|| "QUIET: writes never stop".to_owned());
                component.size += 1;
                let wrong = node.wrong.clone().or(unquiet);
                component.wrong.extend(wrong.map(|wrong| (*key, wrong)));
            }
        }
        components.into_values().flatten().collect()
    }

    /// Numbers the strongly connected components, by Tarjan's algorithm without recursion.
    fn components(&self) -> BTreeMap<u64, usize> {
        let mut search = Search::default();
        for key in self.nodes.keys() {
            search.visit(self, *key);
        }
        search.component_of
    }
}

/// The state of a search for strongly connected components.
#[derive(Default)]
struct Search {
    /// In which order states were found.
    found: BTreeMap<u64, usize>,
    /// The earliest state that is known to be reachable and whose component is open.
    earliest: BTreeMap<u64, usize>,
    open: Vec<u64>,
    component_of: BTreeMap<u64, usize>,
    count: usize,
}

impl Search {
    fn visit(&mut self, graph: &Graph, root: u64) {
        let mut way = vec![(root, 0)];
        while let Some((key, next)) = way.pop() {
            let Some(node) = graph.nodes.get(&key) else { continue };
            if next == 0 {
                if self.found.contains_key(&key) {
                    continue;
                }
                let number = self.found.len();
                self.found.insert(key, number);
                self.earliest.insert(key, number);
                self.open.push(key);
            } else {
                self.lower(key, node.edges[next - 1].0);
            }
            match node.edges.get(next) {
                Some((to, _)) => way.extend([(key, next + 1), (*to, 0)]),
                None => self.close(key),
            }
        }
    }

    /// What an open neighbour reaches is reached from here.
    fn lower(&mut self, key: u64, to: u64) {
        if self.component_of.contains_key(&to) {
            return;
        }
        if let (Some(theirs), Some(own)) =
            (self.earliest.get(&to).copied(), self.earliest.get_mut(&key))
        {
            *own = theirs.min(*own);
        }
    }

    /// Everything reachable from here is known.
    fn close(&mut self, key: u64) {
        if self.earliest.get(&key) != self.found.get(&key) {
            return;
        }
        while let Some(member) = self.open.pop() {
            self.component_of.insert(member, self.count);
            if member == key {
                break;
            }
        }
        self.count += 1;
    }
}
