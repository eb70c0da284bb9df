//! What the steps of all kinds with an object have in common: which machine is stepped, which tenant
//! it needs, and how it goes through what was observed of it. What follows from the step is made by
//! [`Consequences::of`](crate::backend::follow_up::Consequences::of).

use std::panic::{AssertUnwindSafe, catch_unwind};

use machines::identity::{TenantUid, Timestamp};
use machines::machine::Run;
use machines::rows::RowChange;
use machines::shared::open_operation::OpenOperation;
use machines::shared::standing::Standing;
use schema::store::machine_rows::{Machines, Persistent, Stepped, Versioned};

use crate::backend::kinds::Key;
use crate::backend::observations::{ObjectObservation, Observations};

/// A kind of machine with an object of a tenant, that may ask for operations.
pub trait ObjectMachine: Persistent {
    /// Which one it is among the machines of all kinds.
    fn machine_key(key: Self::Key) -> Key;
    /// The operation that the agent has not finished.
    fn open(&self) -> Option<&OpenOperation>;
    /// Its order among those that refer to the same object.
    fn rank(&self) -> Timestamp;
    /// What others see of it; `None` if none looks at it.
    fn shown(&self) -> Option<String> {
        None
    }
    /// How far it is.
    fn standing(&self) -> Standing;
    /// Whether it looks at those that look at it.
    fn awaits_users(&self) -> bool {
        false
    }
}

/// The machine as it was loaded, or a new one for an object that was never seen.
pub fn before<M: Persistent>(
    machines: &mut Machines<M>,
    key: &M::Key,
    observations: &Observations,
    new: impl FnOnce(M::Key, TenantUid, &str, &str) -> M,
) -> Option<Versioned<M>> {
    if let Some(known) = machines.known.remove(key) {
        return Some(known);
    }
    match &observations.object {
        Some(ObjectObservation::Present { tenant, namespace, name, .. })
            if !machines.unreadable.contains(key) =>
        {
            let machine = new(key.clone(), tenant.clone(), namespace, name);
            Some(Versioned { machine, version: 0 })
        }
        _ => None,
    }
}

/// The tenant that a machine needs, and its namespace; `None` if it needs none now. One whose object
/// was not observed says whether it does.
pub fn needed_tenant<M: Persistent>(
    machines: &Machines<M>,
    key: &M::Key,
    observations: &Observations,
    needs: impl FnOnce(&M) -> bool,
) -> Option<(TenantUid, String)> {
    match &observations.object {
        Some(ObjectObservation::Present { tenant, namespace, .. }) => {
            Some((tenant.clone(), namespace.clone()))
        }
        Some(ObjectObservation::Absent { .. }) => None,
        None => {
            let machine = &machines.known.get(key)?.machine;
            needs(machine)
                .then(|| (TenantUid::new(machine.tenant()), machine.namespace().to_owned()))
        }
    }
}

/// Takes one machine through what was observed of it, and says what to write with it. A panic is
/// caught here: that machine is left as it was, and all others go on.
pub fn step<M: Persistent>(
    before: Versioned<M>,
    go_through: impl FnOnce(&mut Run<M>),
) -> Option<(Stepped<M>, Vec<RowChange>)> {
    let stepped = catch_unwind(AssertUnwindSafe(|| {
        let mut run = Run::new(before.machine.clone());
        go_through(&mut run);
        run
    }));
    let Ok(run) = stepped else {
        let uid = before.machine.key();
        tracing::error!(uid = M::key_text(&uid), "a step ended unexpectedly; it is left out");
        return None;
    };
    Some(Stepped::of(before, run))
}
