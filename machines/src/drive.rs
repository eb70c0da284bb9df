//! One pure step of a statig machine.
//!
//! statig's own `StateMachine` wrapper runs all entry actions when a machine is restored, which is
//! wrong for a durable machine: restoring is not entering. So the state and its storage are plain
//! values here, and a step uses statig's dispatch and transition path on them directly.

use statig::Outcome;
use statig::blocking::{IntoStateMachine, State, StateExt, Superstate};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// No state on the path handles the event.
    Unhandled,
    /// The event was handled without leaving the state.
    Internal,
    /// The machine moved (possibly to the same state with other data).
    Transitioned,
}

/// Dispatches `event` to `state` and carries out the transition that its handler returns.
pub(crate) fn drive<M>(
    state: &mut M::State,
    storage: &mut M,
    event: &M::Event<'_>,
    context: &mut M::Context<'_>,
) -> Handling
where
    M: IntoStateMachine,
    M::State: State<M> + 'static,
    for<'b> M::Superstate<'b>: Superstate<M>,
{
    match StateExt::<M>::handle(state, storage, event, context) {
        Outcome::Super => Handling::Unhandled,
        Outcome::Handled => Handling::Internal,
        Outcome::Transition(mut target) => {
            let (up, down) = StateExt::<M>::transition_path(state, &mut target);
            StateExt::<M>::exit(state, storage, context, up);
            StateExt::<M>::enter(&mut target, storage, context, down);
            *state = target;
            Handling::Transitioned
        }
    }
}
