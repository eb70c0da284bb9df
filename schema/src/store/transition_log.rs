//! The log of transitions: one line for each, once it is committed.
//!
//! A commit that succeeds although it is reported as failed leaves its lines out: its repetition
//! changes nothing. The table `transition` has them.

use machines::machine::Moved;
use tracing::Level;

use crate::store::machine_rows::{Persistent, Stepped};

/// The lines' target, by which a filter tells them from others.
pub const TARGET: &str = "managed_gitops::transition";

/// Most characters of what a machine waits for: the status has the whole text.
const AWAITED: usize = 256;

/// What to log once the batch is committed; empty if nobody listens.
#[derive(Default)]
pub(super) struct Lines(Vec<Line>);

struct Line {
    kind: &'static str,
    key: String,
    tenant: String,
    namespace: String,
    name: String,
    requester: Option<String>,
    generation: i64,
    moved: Moved,
    /// What the machine then waits for. It is known of the last move only.
    awaits: Option<String>,
}

impl Lines {
    /// Adds the transitions of these machines.
    pub(super) fn add<M: Persistent>(&mut self, stepped: &[Stepped<M>]) {
        if tracing::enabled!(target: TARGET, Level::INFO) {
            self.0.extend(stepped.iter().flat_map(lines));
        }
    }

    /// Writes them: their batch is committed.
    pub(super) fn write(self) {
        for line in self.0 {
            let Line { kind, key, tenant, namespace, name, requester, generation, moved, awaits } =
                line;
            let Moved { from, to, cause, .. } = moved;
            tracing::info!(
                target: TARGET,
                kind,
                namespace,
                name,
                key,
                tenant,
                requester,
                generation,
                from,
                to,
                cause,
                awaits,
                "a machine moved",
            );
        }
    }
}

fn lines<M: Persistent>(stepped: &Stepped<M>) -> impl Iterator<Item = Line> {
    let Stepped { after, gone, transitions, .. } = stepped;
    let last = transitions.len().saturating_sub(1);
    transitions.iter().enumerate().map(move |(number, moved)| Line {
        kind: M::KIND,
        key: M::key_text(&after.key()).to_owned(),
        tenant: after.tenant().to_owned(),
        namespace: after.namespace().to_owned(),
        name: after.name().to_owned(),
        requester: after.requester(),
        generation: after.generation(),
        moved: moved.clone(),
        awaits: if number == last && !gone { awaited(after) } else { None },
    })
}

fn awaited<M: Persistent>(machine: &M) -> Option<String> {
    let first = machine.waits_for().into_iter().next()?;
    Some(first.what.chars().take(AWAITED).collect())
}
