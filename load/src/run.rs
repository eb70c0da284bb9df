//! One run: create, wait, look at the program at rest, delete; see `provision` for environments.

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use crds::argocd::Application;
use crds::{GitOpsDeployment, GitOpsDeploymentSyncRun};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::figures::{Figures, Sources};
use crate::json::json;
use crate::observer::Observer;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::{Cost, EnvironmentReport, Report, Rest, SyncRunReport, human};
use crate::reporter;
use crate::target::Target;
use crate::{Output, Until};

/// Concurrent requests. With HTTP/1.1 that is as many connections: enough to keep an API server
/// busy on two cores, and what the existing system was measured with.
pub(crate) const CONNECTIONS: usize = 16;
/// How long the API server may take for the lists before the run.
const LIST_PATIENCE: Duration = Duration::from_secs(60);
/// How often to check whether something is gone.
pub(crate) const DELETION_INTERVAL: Duration = Duration::from_millis(250);

/// See the module.
pub(crate) struct Run {
    pub(crate) client: kube::Client,
    pub(crate) plan: Plan,
    pub(crate) sources: Sources,
    /// The cluster that environments name; absent if there are none.
    pub(crate) target: Option<Target>,
    pub(crate) argocd_namespace: String,
    pub(crate) rate: Option<f64>,
    pub(crate) one_at_a_time: bool,
    pub(crate) until: Until,
    pub(crate) as_argo_cd: bool,
    pub(crate) within: Duration,
    pub(crate) rest: Option<Duration>,
    pub(crate) output: Output,
    pub(crate) cleanup: bool,
}

impl Run {
    /// Does everything, unless interrupted; prints what it leaves behind.
    pub(crate) async fn perform(self, interrupt: CancellationToken) -> Result<(), Error> {
        self.check().await?;
        let (observer, mut tasks) =
            Observer::start(&self.client, &self.plan, &self.argocd_namespace, self.as_argo_cd);
        if self.as_argo_cd {
            let (client, namespace) = (self.client.clone(), self.argocd_namespace.clone());
            tasks.spawn(reporter::report(Arc::clone(&observer), client, namespace, CONNECTIONS));
        }
        let progress = Progress::new(self.plan.deployments);
        let work = async {
            let outcome = self.measure(&observer, &progress).await;
            if !self.cleanup {
                return (outcome, false);
            }
            let deleted = self.delete(&observer, &progress).await;
            let is_clean = deleted.is_ok();
            (outcome.and(deleted), is_clean)
        };
        let (outcome, is_clean) = tokio::select! {
            ended = work => ended,
            () = interrupt.cancelled() => (Err(Error::Running(anyhow!("interrupted"))), false),
        };
        progress.clear();
        let created = observer.ledger().counts().created;
        if !is_clean {
            let deletion = self.plan.deletion();
            eprintln!(
                "{created} of {} deployments were created; delete whatever is left of them with: \
                 {deletion}",
                self.plan.deployments
            );
        }
        outcome
    }

    /// Whether the cluster has what a run needs.
    async fn check(&self) -> Result<(), Error> {
        let one = ListParams::default().limit(1);
        let found = Api::<GitOpsDeployment>::all(self.client.clone()).list(&one).await.map(drop);
        found.map_err(|error| {
            refused(
                error,
                "GitOpsDeployments",
                "install them with `managed-gitops crds | kubectl apply -f -`",
            )
        })?;
        let applications =
            Api::<Application>::namespaced(self.client.clone(), &self.argocd_namespace);
        let found = applications.list(&one).await.map(drop);
        found.map_err(|error| refused(error, "Applications", "install Argo CD"))?;
        let namespaces = Api::<Namespace>::all(self.client.clone());
        match namespaces.get_opt(&self.argocd_namespace).await {
            Ok(None) => Err(Error::Input(anyhow!(
                "the cluster has no namespace {}; name the one that the program uses with \
                 --argo-cd-namespace",
                self.argocd_namespace
            ))),
            // A user who may not read it may still create deployments.
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }

    /// Creates everything, waits for it, and prints the results, even after a failure.
    async fn measure(&self, observer: &Arc<Observer>, progress: &Progress) -> Result<(), Error> {
        timeout(LIST_PATIENCE, observer.until_synced()).await.map_err(|_| {
            Error::Input(anyhow!(
                "the API server did not list GitOpsDeployments and Applications within {} s; \
                 --log debug says why",
                LIST_PATIENCE.as_secs()
            ))
        })?;
        progress.say("creating the namespaces");
        self.create_namespaces().await?;
        let (environments, before, mut in_time) = self.prepare(observer, progress).await?;
        if in_time {
            let work = self.create_and_wait(observer);
            in_time = self.is_in_time(work, observer, progress).await?;
        }
        let after = self.figures_at_rest(progress).await?;
        let mut synced = after.clone();
        if self.plan.sync_runs > 0 && in_time {
            let work = self.sync(observer);
            in_time = self.is_in_time(work, observer, progress).await?;
            synced = self.figures_at_rest(progress).await?;
        }
        let rest = match self.rest {
            Some(lasts) if in_time => Some(self.watch_rest(lasts, progress).await?),
            _ => None,
        };
        progress.clear();
        let cost = self.cost(before, after.clone());
        let sync_cost = self.cost(after, synced);
        let sync_runs = (self.plan.sync_runs > 0).then(|| self.sync_report(observer, sync_cost));
        let report = Report { cost, environments, sync_runs, rest, ..self.report(observer) };
        print(&match self.output {
            Output::Text => report.to_string(),
            Output::Json => format!("{:#}\n", json(&report)),
        })?;
        if in_time { Ok(()) } else { Err(self.not_in_time(observer)) }
    }

    /// Creates the environments, if there are any. Returns what was found of them, the figures from
    /// which the deployments count, and whether they were ready in time.
    async fn prepare(
        &self,
        observer: &Observer,
        progress: &Progress,
    ) -> Result<(Option<EnvironmentReport>, (Figures, bool), bool), Error> {
        let Some(target) = &self.target else {
            return Ok((None, self.figures_at_rest(progress).await?, true));
        };
        progress.say("making what opens the cluster of the environments");
        let kubeconfigs = self.kubeconfigs(target).await?;
        let before = self.figures_at_rest(progress).await?;
        let work = self.provide(target, &kubeconfigs, observer);
        let in_time = self.is_in_time(work, observer, progress).await?;
        let after = self.figures_at_rest(progress).await?;
        let cost = self.cost(before, after.clone());
        let ledger = observer.ledger();
        let report = EnvironmentReport {
            number: self.plan.environments,
            counts: ledger.environments.counts(),
            durations: ledger.environments.durations(),
            cost,
        };
        Ok((Some(report), after, in_time))
    }

    /// What was done between two readings; absent if there is nothing to read.
    fn cost(&self, before: (Figures, bool), after: (Figures, bool)) -> Option<Cost> {
        (!self.sources.is_empty()).then_some(Cost {
            before: before.0,
            after: after.0,
            is_complete: before.1 && after.1,
        })
    }

    fn sync_report(&self, observer: &Observer, cost: Option<Cost>) -> SyncRunReport {
        let ledger = observer.ledger();
        SyncRunReport {
            number: self.plan.sync_runs,
            counts: ledger.sync_runs.counts(),
            durations: ledger.sync_runs.durations(),
            cost,
        }
    }

    fn report(&self, observer: &Observer) -> Report {
        let Plan { run, deployments, namespaces, repositories, environments, sync_runs } =
            &self.plan;
        let each = match repositories {
            1 => String::new(),
            more => format!(" of {more} repositories each"),
        };
        let to = match environments {
            0 => String::new(),
            number => format!(" to {number} environments"),
        };
        let then = match sync_runs {
            0 => String::new(),
            number => format!(", then {number} sync runs"),
        };
        let how = match (self.one_at_a_time, self.rate) {
            (true, _) => "one at a time".to_owned(),
            (false, None) => format!("from {CONNECTIONS} connections"),
            (false, Some(rate)) => format!("{rate} a second from up to {CONNECTIONS} connections"),
        };
        let ledger = observer.ledger();
        Report {
            title: format!(
                "{deployments} deployments in {namespaces} namespaces{each}{to}{then}, {how}; run \
                 {run}"
            ),
            deployments: *deployments,
            counts: ledger.counts(),
            durations: ledger.durations(),
            watch_failures: observer.failures(),
            cost: None,
            environments: None,
            sync_runs: None,
            rest: None,
        }
    }

    fn not_in_time(&self, observer: &Observer) -> Error {
        let ledger = observer.ledger();
        let (counts, sync_runs) = (ledger.counts(), ledger.sync_runs.counts());
        let environments = ledger.environments.counts();
        if environments.ready < self.plan.environments as usize {
            return Error::NotInTime(format!(
                "within {} s only {} of {} environments were ready; does the program run, with \
                 sealing keys, and may it connect to their cluster? See `kubectl describe \
                 gitopsdeploymentmanagedenvironments -A -l {}`",
                self.within.as_secs(),
                environments.ready,
                self.plan.environments,
                self.plan.selector()
            ));
        }
        if sync_runs.created > 0 {
            return Error::NotInTime(format!(
                "within {} s only {} of {} sync runs ended; see `kubectl get \
                 gitopsdeploymentsyncruns -A -l {}`",
                self.within.as_secs(),
                sync_runs.ended,
                self.plan.sync_runs,
                self.plan.selector()
            ));
        }
        Error::NotInTime(format!(
            "within {} s only {} of {} had an Application and {} were ready; does the program run, \
             on this cluster? See `kubectl get gitopsdeployments -A -o wide -l {}`",
            self.within.as_secs(),
            counts.applications,
            self.plan.deployments,
            counts.ready,
            self.plan.selector()
        ))
    }

    async fn create_namespaces(&self) -> Result<(), Error> {
        let api = Api::<Namespace>::all(self.client.clone());
        let creations = stream::iter(0..self.plan.namespaces).map(|number| {
            let (api, namespace) = (&api, self.plan.namespace(number));
            async move { api.create(&PostParams::default(), &namespace).await.map(drop) }
        });
        let all = creations.buffer_unordered(CONNECTIONS).try_for_each(|()| async { Ok(()) });
        all.await.map_err(|error| not_created("a namespace", error))
    }

    /// Carries out so many creations, as the options say.
    pub(crate) async fn create_all<F>(
        &self,
        number: u32,
        create: impl Fn(u32) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let start = tokio::time::Instant::now();
        let connections = if self.one_at_a_time { 1 } else { CONNECTIONS };
        let create = &create;
        let creations = stream::iter(0..number)
            .map(|number| async move {
                if let Some(rate) = self.rate {
                    sleep_until(start + Duration::from_secs_f64(f64::from(number) / rate)).await;
                }
                create(number).await
            })
            .buffer_unordered(connections);
        creations.try_for_each(|()| async { Ok(()) }).await
    }

    /// Shows the progress of some work; returns whether it was done in time, unless it failed.
    async fn is_in_time(
        &self,
        work: impl Future<Output = Result<(), Error>>,
        observer: &Observer,
        progress: &Progress,
    ) -> Result<bool, Error> {
        let done = tokio::select! {
            never = progress.show(observer) => match never {},
            done = timeout(self.within, work) => done,
        };
        progress.draw(observer);
        match done {
            Ok(done) => done.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Creates the sync runs and waits for them.
    async fn sync(&self, observer: &Observer) -> Result<(), Error> {
        let total = self.plan.sync_runs;
        self.create_all(total, |number| self.create_sync_run(number, observer)).await?;
        observer.until(move |ledger| ledger.sync_runs.counts().ended == total as usize).await;
        Ok(())
    }

    async fn create_sync_run(&self, number: u32, observer: &Observer) -> Result<(), Error> {
        let (namespace, object) = self.plan.sync_run(number);
        let api = Api::<GitOpsDeploymentSyncRun>::namespaced(self.client.clone(), &namespace);
        let requested = Instant::now();
        let created = api.create(&PostParams::default(), &object).await;
        let created = created.map_err(|error| not_created("a GitOpsDeploymentSyncRun", error))?;
        let uid = created.uid().unwrap_or_default();
        observer.note(|ledger| ledger.sync_runs.created(&uid, requested));
        if self.one_at_a_time {
            observer.until(|ledger| ledger.sync_runs.has_ended(&uid)).await;
        }
        Ok(())
    }

    async fn create_and_wait(&self, observer: &Observer) -> Result<(), Error> {
        let number = self.plan.deployments;
        self.create_all(number, |number| self.create(number, observer)).await?;
        let total = self.plan.deployments as usize;
        let until = self.until;
        observer.until(move |ledger| ledger.have_come(until) == total).await;
        Ok(())
    }

    async fn create(&self, number: u32, observer: &Observer) -> Result<(), Error> {
        let (namespace, object) = self.plan.deployment(number);
        let api = Api::<GitOpsDeployment>::namespaced(self.client.clone(), &namespace);
        let requested = Instant::now();
        let created = api.create(&PostParams::default(), &object).await;
        let answered = Instant::now();
        let created = created.map_err(|error| not_created("a GitOpsDeployment", error))?;
        let uid = created.uid().unwrap_or_default();
        observer.note(|ledger| ledger.created(&uid, requested, answered));
        if self.one_at_a_time {
            observer.until(|ledger| ledger.has_come(&uid, self.until)).await;
        }
        Ok(())
    }

    /// The figures of the program once it is at rest, and whether it came to rest.
    async fn figures_at_rest(&self, progress: &Progress) -> Result<(Figures, bool), Error> {
        if self.sources.is_empty() {
            return Ok((Figures::default(), true));
        }
        progress.say("waiting until the program is at rest");
        self.sources.at_rest().await.map_err(Error::input)
    }

    async fn watch_rest(&self, lasts: Duration, progress: &Progress) -> Result<Rest, Error> {
        progress.say(&format!("watching the program at rest for {} s", lasts.as_secs()));
        let before = self.sources.read().await.map_err(Error::running)?;
        let began = Instant::now();
        sleep(lasts).await;
        let after = self.sources.read().await.map_err(Error::running)?;
        Ok(Rest { before, after, lasted: began.elapsed() })
    }

    /// Deletes the namespaces and waits until they, the Applications and the clusters of environments
    /// are gone.
    async fn delete(&self, observer: &Observer, progress: &Progress) -> Result<(), Error> {
        progress.say("deleting what was created");
        let began = Instant::now();
        let api = Api::<Namespace>::all(self.client.clone());
        let deletions = stream::iter(0..self.plan.namespaces).map(|number| {
            let (api, name) = (&api, self.plan.namespace_name(number));
            async move {
                match api.delete(&name, &DeleteParams::default()).await {
                    Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
                    other => other.map(drop),
                }
            }
        });
        let all = deletions.buffer_unordered(CONNECTIONS).try_for_each(|()| async { Ok(()) });
        all.await.map_err(Error::running)?;
        let gone = async {
            let ours = ListParams::default().labels(&self.plan.selector());
            while !api.list_metadata(&ours).await.map_err(Error::running)?.items.is_empty() {
                sleep(DELETION_INTERVAL).await;
            }
            observer.until(|ledger| ledger.existing_applications() == 0).await;
            let clusters = observer.ledger().clusters();
            self.until_gone(&clusters).await
        };
        match timeout(self.within, gone).await {
            Ok(gone) => gone?,
            Err(_) => {
                return Err(Error::NotInTime(format!(
                    "within {} s not everything that was created had gone; {} Applications are left",
                    self.within.as_secs(),
                    observer.ledger().existing_applications()
                )));
            }
        }
        progress.clear();
        if self.output == Output::Json {
            return Ok(());
        }
        print(&format!("\ndeleted, and gone after {}\n", human(Some(began.elapsed()))))
    }
}

fn print(text: &str) -> Result<(), Error> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // The reader has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(Error::running),
    }
}

/// Why a kind cannot be listed, and what to do.
fn refused(error: kube::Error, kind: &str, remedy: &str) -> Error {
    match error {
        kube::Error::Api(status) if status.is_not_found() => {
            Error::Input(anyhow!("the cluster knows no {kind}; {remedy}"))
        }
        kube::Error::Api(status) => Error::Input(anyhow!(
            "{kind} cannot be listed: {}; use an account that may",
            status.message
        )),
        other => Error::Unreachable(Box::new(other)),
    }
}

/// Why something cannot be created: if the server refuses it, the caller must act.
pub(crate) fn not_created(what: &str, error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if (400..500).contains(&status.code) => Error::Input(anyhow!(
            "the server refuses to create {what}: {}; give the account the right or the quota, or \
             ask for fewer",
            status.message
        )),
        other => Error::Running(anyhow!("{what} could not be created: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn api_error(code: u16, reason: &str, message: &str) -> kube::Error {
        kube::Error::Api(Status::failure(message, reason).with_code(code).boxed())
    }

    #[test]
    fn an_exceeded_quota_is_reported_in_the_servers_words() {
        let error = api_error(403, "Forbidden", "exceeded quota: count/gitopsdeployments=10");
        let error = not_created("a GitOpsDeployment", error);
        assert!(matches!(error, Error::Input(_)), "{error:?}");
        assert!(error.to_string().contains("exceeded quota"), "{error}");
    }

    #[test]
    fn a_server_that_fails_is_not_the_callers_fault() {
        let error = not_created("a namespace", api_error(500, "InternalError", "oh"));
        assert!(matches!(error, Error::Running(_)), "{error:?}");
    }

    #[test]
    fn missing_definitions_are_reported_with_their_remedy() {
        let error =
            refused(api_error(404, "NotFound", "page not found"), "Applications", "do this");
        assert!(matches!(error, Error::Input(_)), "{error:?}");
        assert_eq!(error.to_string(), "the cluster knows no Applications; do this");
    }
}
