//! The connection between a process and its database.
//!
//! SQLite answers from its own thread, and the runtime's clock would advance meanwhile. So the only
//! thread of the simulation waits for it: a store call is one indivisible moment. That hides no
//! interleaving: there is one connection, so calls cannot overlap, and what the rest of the program
//! does during a call is indistinguishable from what it does before or after it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use schema::gate::{Cut, Gate, Work};
use schema::sealing::Keyring;
use tokio::runtime::{Builder, Runtime};

use crate::checks::properties::{SealedValues, Witness};
use crate::environment::journal::Journal;
use crate::environment::process::Process;
use crate::faults::adversary::{Adversary, Fate};

/// The journal's text for a store call that failed without being cut off.
pub const FAILS: &str = " fails";

/// See the module.
pub struct Wire {
    /// The caller.
    pub process: Arc<Process>,
    /// Decides what goes wrong.
    pub adversary: Arc<dyn Adversary>,
    /// Checks each commit.
    pub witness: Arc<Witness>,
    /// The keys of a process that lacks some.
    pub keyring: Option<Option<Keyring>>,
    /// Records what happens.
    pub journal: Journal,
}

impl Wire {
    async fn send(&self, call: &'static str, work: Work<'_>) -> Result<(), Cut> {
        let process = &self.process;
        process.connected().await;
        let fate = self.adversary.store(process.name(), call);
        let note = |what: &str| self.journal.note(process.name(), format!("store: {call}{what}"));
        match fate {
            Fate::Done { before, after } => {
                tokio::time::sleep(before).await;
                process.connected().await;
                self.work(call, work);
                tokio::time::sleep(after).await;
                process.connected().await;
                Ok(())
            }
            Fate::Refused(_) => {
                note(" is cut off and not done");
                Err(Cut)
            }
            Fate::Unknown => {
                note(" is cut off and done");
                self.work(call, work);
                Err(Cut)
            }
            Fate::KilledBefore => {
                note(" is not done: the process is killed");
                process.kill();
                std::future::pending().await
            }
            Fate::KilledAfter => {
                note(" is done and the process killed");
                self.work(call, work);
                process.kill();
                std::future::pending().await
            }
        }
    }

    /// What the process cannot open.
    fn locked(&self) -> SealedValues {
        match &self.keyring {
            Some(keyring) => self.witness.locked(keyring.as_ref()),
            None => SealedValues::new(),
        }
    }

    fn work(&self, call: &'static str, work: Work<'_>) {
        let before = self.witness.changes();
        let locked = self.locked();
        let succeeded = at_once(work);
        if !succeeded {
            self.journal.note(self.process.name(), format!("store: {call}{FAILS}"));
        }
        let changed = self.witness.changes() - before;
        if changed > 0 {
            self.journal.note(self.process.name(), format!("store: {call} writes {changed} rows"));
        }
        if changed > 0 {
            self.witness.check_sealed(self.process.name(), call, &locked);
        }
        self.witness.committed(self.process.name(), call, if succeeded { changed } else { 0 });
    }
}

impl Gate for Wire {
    fn pass<'a>(
        &'a self,
        call: &'static str,
        work: Work<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Cut>> + Send + 'a>> {
        Box::pin(self.send(call, work))
    }
}

/// Blocks the thread on the database, while the clock stands still.
///
/// The pool returns connections in separate tasks. Those run on another runtime, with the real
/// clock: what happens here must not ask for the time.
pub fn at_once<T>(work: impl Future<Output = T>) -> T {
    static POOLS: LazyLock<Option<Runtime>> =
        LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_time().build().ok());
    let _context = POOLS.as_ref().map(Runtime::enter);
    // Many calls in one turn would exhaust tokio's task budget, and the awaited result would never
    // come.
    futures::executor::block_on(tokio::task::unconstrained(work))
}
