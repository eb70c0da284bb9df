//! Parallel runs.

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
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
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
