//! What follows from the commit of a machine, whatever its kind: its timer, what is remembered of
//! it, effects, and notifications to others.

use std::sync::Weak;

use machines::identity::{OperationId, TenantUid, Timestamp};
use machines::machine::Moved;
use schema::store::machine_rows::Stepped;
use tokio::time::Instant;

use crate::backend::effects::{Effect, SUBJECTS, Subject};
use crate::backend::index::objects::{Noted, Place};
use crate::backend::kinds::Key;
use crate::backend::kinds::stepping::ObjectMachine;
use crate::backend::observations::Observations;
use crate::backend::{Backend, Transition};
use crate::runtime::effects::{QueuedEffect, Required};

/// What follows from the commit of a machine with an object.
#[derive(Debug)]
pub struct Consequences {
    /// Which one.
    pub key: Key,
    /// What is to be remembered of it; `None` if it is gone.
    pub noted: Option<Noted>,
    /// When it wants to be woken.
    pub wake_at: Option<Timestamp>,
    /// Whether a deadline has passed, which puts what was done before in doubt.
    pub insist: bool,
    /// The operation that it has just asked for.
    pub requested: Option<OperationId>,
    /// Where its object is or was, and its new path, if that has changed.
    pub moved: Option<(Place, Moved)>,
}

impl Consequences {
    /// What follows from the step of a machine.
    pub fn of<M: ObjectMachine>(stepped: &Stepped<M>, insist: bool) -> Self {
        let (before, machine) = (&stepped.before.machine, &stepped.after);
        let open = |one: &M| one.open().map(|open| open.id.clone());
        let (namespace, name) = (machine.namespace().to_owned(), machine.name().to_owned());
        let place = Place { namespace, name };
        let moved = stepped.transitions.last().cloned().map(|moved| (place.clone(), moved));
        let noted = Noted {
            tenant: TenantUid::new(machine.tenant()),
            place,
            refers_to: machine.refers_to().map(str::to_owned),
            rank: machine.rank(),
            shown: machine.shown(),
            awaits_users: machine.awaits_users(),
            standing: Some(machine.standing()),
        };
        Self {
            key: M::machine_key(machine.key()),
            noted: (!stepped.gone).then_some(noted),
            wake_at: if stepped.gone { None } else { machine.wake_at() },
            insist,
            requested: open(machine).filter(|id| open(before).as_ref() != Some(id)),
            moved,
        }
    }

    /// There is no such machine.
    pub fn gone(key: Key) -> Self {
        Self { key, noted: None, wake_at: None, insist: false, requested: None, moved: None }
    }

    /// The effect that the Operation resource of an operation that it has asked for exists.
    pub fn create(&self, operation: OperationId) -> Effect {
        Effect::CreateOperation { requester: self.key.clone(), tenant: self.tenant(), operation }
    }

    /// The machine's tenant.
    pub fn tenant(&self) -> TenantUid {
        self.noted.as_ref().map(|noted| noted.tenant.clone()).unwrap_or_default()
    }
}

impl Backend {
    /// What follows from a commit, with what the machine requires now.
    pub(super) fn follow_up_machine(
        &self,
        consequences: Consequences,
        effects: Vec<Effect>,
        taken_at: Instant,
    ) {
        let tenant = consequences.tenant();
        let Consequences { key, noted, wake_at, .. } = &consequences;
        self.tell(&consequences);
        self.timers.set(key, *wake_at);
        self.take_in(|index| match noted {
            Some(noted) => index.note_machine(key, noted),
            None => index.forget_machine(key),
        });
        self.trace_change(&consequences, taken_at);
        if let Some(id) = &consequences.requested
            && let Some(executor) = self.executor.get().and_then(Weak::upgrade)
        {
            executor.operation_requested(id, &tenant);
        }
        let mut settled: Vec<Subject> = SUBJECTS.to_vec();
        for effect in effects {
            let (_, subject) = effect.key();
            settled.retain(|other| *other != subject);
            if consequences.insist {
                self.effects.invalidate(&effect.key());
            }
            if self.effects.require(tenant.as_str(), effect, taken_at) == Required::InDoubt {
                self.poke(key, Observations::facts());
            }
        }
        for subject in settled {
            self.effects.withdraw(&(key.clone(), subject));
        }
    }

    /// The operation that a machine asks for begins a trace.
    fn trace_change(&self, consequences: &Consequences, taken_at: Instant) {
        let Consequences { key, noted, requested, .. } = consequences;
        let (Some(operation), Some(noted)) = (requested, noted) else { return };
        let trace = &self.settings.trace;
        let Some(span) = trace.span("change", operation) else { return };
        let Place { namespace, name } = &noted.place;
        span.root()
            .since(taken_at)
            .with("gitops.kind", key.kind())
            .with("gitops.uid", key.uid())
            .with("gitops.name", name.as_str())
            .with("k8s.namespace.name", namespace.as_str())
            .end(false);
        trace.follow(key.uid(), operation);
    }

    fn tell(&self, consequences: &Consequences) {
        let Some((Place { namespace, name }, moved)) = &consequences.moved else { return };
        let transition = Transition {
            kind: consequences.key.kind(),
            namespace: namespace.clone(),
            name: name.clone(),
            from: moved.from.clone(),
            to: moved.to.clone(),
            cause: moved.cause,
        };
        // There may be no onlookers.
        let _ = self.transitions.send(transition);
    }
}
