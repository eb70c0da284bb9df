//! The connection between a process and its database.
//!
//! SQLite answers from a thread of its own, and the runtime's clock would run away meanwhile. So
//! the one thread of the simulation waits for it: a call of the store is one indivisible moment.
//! That hides no interleaving: there is one connection, so no two calls could overlap, and what the
//! rest of the program does during a call cannot be told from what it does before or after it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use schema::gate::{Cut, Gate, Work};
use tokio::runtime::{Builder, Runtime};

use crate::adversary::{Adversary, Fate};
use crate::journal::Journal;
use crate::process::Process;
use crate::properties::Witness;

/// What the journal says of a call of the store that failed without having been cut off.
pub const FAILS: &str = " fails";

/// See the module.
pub struct Wire {
    /// Who calls.
    pub process: Arc<Process>,
    /// Who decides what goes wrong.
    pub adversary: Arc<dyn Adversary>,
    /// Who looks at each commit.
    pub witness: Arc<Witness>,
    /// Where it is written down.
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

    fn work(&self, call: &'static str, work: Work<'_>) {
        let before = self.witness.changes();
        let succeeded = at_once(work);
        if !succeeded {
            self.journal.note(self.process.name(), format!("store: {call}{FAILS}"));
        }
        let changed = self.witness.changes() - before;
        if changed > 0 {
            self.journal.note(self.process.name(), format!("store: {call} writes {changed} rows"));
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

/// Lets the thread wait for the database, while the clock stands still.
///
/// The pool gives connections back in tasks of their own. Those belong to another runtime, whose
/// clock is the real one.
pub fn at_once<T>(work: impl Future<Output = T>) -> T {
    static POOLS: LazyLock<Option<Runtime>> =
        LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_time().build().ok());
    let _context = POOLS.as_ref().map(Runtime::enter);
    // Many calls in one turn would use up the turn, and what the thread waits for would never come.
    futures::executor::block_on(tokio::task::unconstrained(work))
}
