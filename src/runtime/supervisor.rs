//! Runs a role's work alongside the tasks that it depends on.

use std::future::Future;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Why a role ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Stopped<E> {
    /// Its work cannot go on.
    #[error("{0}")]
    Work(E),
    /// A task has ended unexpectedly.
    #[error("a part of the program ended unexpectedly, which is a defect; start it again")]
    Task,
}

/// Runs until it should stop, until the work ends, or until a task ends, which none does by itself:
/// a role without one of its tasks only looks alive. In the end all of them are stopped and waited
/// for.
pub async fn supervise<E>(
    work: impl Future<Output = Result<(), E>>,
    mut tasks: JoinSet<()>,
    shutdown: CancellationToken,
) -> Result<(), Stopped<E>> {
    let outcome = tokio::select! {
        outcome = work => outcome.map_err(Stopped::Work),
        () = unexpected_end(&mut tasks, &shutdown) => Err(Stopped::Task),
    };
    shutdown.cancel();
    while tasks.join_next().await.is_some() {}
    outcome
}

/// Waits until a task has ended unasked.
async fn unexpected_end(tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
    while let Some(ended) = tasks.join_next().await {
        if shutdown.is_cancelled() {
            continue;
        }
        if let Err(error) = ended {
            tracing::error!(%error, "a task ended unexpectedly");
        }
        return;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn until_told(shutdown: CancellationToken) -> Result<(), &'static str> {
        shutdown.cancelled().await;
        Ok(())
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_ends_the_role_and_the_other_tasks() {
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let stop = shutdown.clone();
        tasks.spawn(async move { stop.cancelled().await });
        tasks.spawn(async { panic!("a defect") });
        let outcome = supervise(until_told(shutdown.clone()), tasks, shutdown.clone()).await;
        assert!(matches!(outcome, Err(Stopped::Task)));
        assert!(shutdown.is_cancelled());
    }

    #[tokio::test]
    async fn a_role_that_is_stopped_waits_for_its_work_and_its_tasks() {
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let stop = shutdown.clone();
        tasks.spawn(async move { stop.cancelled().await });
        shutdown.cancel();
        let outcome = supervise(until_told(shutdown.clone()), tasks, shutdown).await;
        assert!(outcome.is_ok());
    }
}
