//! Parallel runs.
//!
//! Each thread, with the processes that it starts, stays on one processor. A run consists of two threads
//! that take turns, SQLite's being the other one: across processors, half of the time goes into waking
//! them.

use parking_lot::Mutex;

/// Runs something for each item on several threads, and passes on the outcomes as they arrive.
pub fn fan_out<I, O>(
    threads: usize,
    items: impl IntoIterator<Item = I, IntoIter: Send>,
    run: impl Fn(&I) -> O + Sync,
    take: impl FnMut(I, O) + Send,
) where
    I: Send,
{
    let items = Mutex::new(items.into_iter());
    let take = Mutex::new(take);
    let mut processors = core_affinity::get_core_ids().unwrap_or_default().into_iter().cycle();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let processor = processors.next();
            let (items, take, run) = (&items, &take, &run);
            scope.spawn(move || {
                if let Some(processor) = processor {
                    // Without it the runs are the same, and slower.
                    let _ = core_affinity::set_for_current(processor);
                }
                loop {
                    let next = items.lock().next();
                    let Some(item) = next else { return };
                    let outcome = run(&item);
                    take.lock()(item, outcome);
                }
            });
        }
    });
}
