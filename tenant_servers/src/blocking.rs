//! Work on threads: what asks the machine's resolver, and what takes long.
//!
//! All of the program shares the threads of tokio's pool, of which there are 512, and work on one
//! goes on after the check it was for has ended. Tenants choose how long it takes, so each kind has
//! a bound that holds until the work itself has ended.

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Names being looked up: a tenant's name server may let the resolver wait for half a minute. A
/// quarter of the threads: the others are for the rest of the program.
pub(crate) static LOOK_UPS: Semaphore = Semaphore::const_new(128);
/// Root certificates being read. All who wait for them wait for the same.
pub(crate) static ROOTS: Semaphore = Semaphore::const_new(1);

/// Does work on a thread, once no more of its kind is being done than the bound permits. None if it
/// panics, or if the program ends.
pub async fn run<T: Send + 'static>(
    bound: &'static Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let permit = bound.acquire().await.ok()?;
    let task = spawn_blocking(move || {
        // Until the work has ended, even if nobody waits for it any longer.
        let _permit = permit;
        work()
    });
    task.await.ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_still_counts() {
        static BOUND: Semaphore = Semaphore::const_new(2);
        let (end, ending) = mpsc::channel::<()>();
        let ending = Arc::new(Mutex::new(ending));
        let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..2 {
            let (begin, ending) = (begin.clone(), Arc::clone(&ending));
            let task = tokio::spawn(run(&BOUND, move || {
                let _ = begin.send(());
                ending.lock().map(|end| end.recv()).is_ok()
            }));
            begun.recv().await.unwrap();
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
        let more = timeout(Duration::from_millis(50), run(&BOUND, || ())).await;
        // Before anything can fail: the runtime waits for the work.
        drop(end);
        assert!(more.is_err());
        assert_eq!(run(&BOUND, || 1).await, Some(1));
    }

    #[tokio::test]
    async fn a_panic_is_no_result_and_ends_the_work() {
        static BOUND: Semaphore = Semaphore::const_new(1);
        assert_eq!(run(&BOUND, || std::panic::resume_unwind(Box::new(()))).await, None::<()>);
        assert_eq!(run(&BOUND, || 1).await, Some(1));
    }
}
