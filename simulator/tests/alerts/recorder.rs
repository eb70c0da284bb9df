//! An installation whose metrics are read.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use simulator::environment::process::Process;
use simulator::environment::stage::{Running, Stage};
use simulator::faults::adversary::Adversary;
use simulator::faults::operators::Options;
use simulator::runs::script::{Actor, Step};

use crate::faults::Switch;
use crate::prometheus::Scrape;

/// How often metrics are read, as the ServiceMonitor says.
const INTERVAL: Duration = Duration::from_secs(30);
/// A moment in which a process gets as far as being seen.
const MOMENT: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Play {
    pub(crate) stage: Arc<Stage>,
    /// What goes wrong with processes that are launched here.
    pub(crate) switch: Arc<Switch>,
    /// Those that run.
    pub(crate) running: Vec<Running>,
    elects: bool,
    /// All that were launched, in the order of their endpoints.
    processes: Arc<Mutex<Vec<Arc<Process>>>>,
    scrapes: Arc<Mutex<Vec<Scrape>>>,
}

impl Play {
    /// An installation after these steps, with Argo CD; with `elects` its processes wait for a Lease.
    pub(crate) async fn begin(steps: &[Step], elects: bool) -> anyhow::Result<Self> {
        let mut play = Self {
            stage: Arc::new(Stage::set().await?),
            switch: Arc::default(),
            running: Vec::new(),
            elects,
            processes: Arc::default(),
            scrapes: Arc::default(),
        };
        play.launch(&Arc::clone(&play.switch)).await;
        let mut actor = Actor::new(&play.stage);
        for step in steps {
            actor.take(step).await;
        }
        actor.stay();
        play.record();
        Ok(play)
    }

    /// Starts a process with these faults.
    pub(crate) async fn launch(&mut self, switch: &Arc<Switch>) {
        let name = format!("pod-{}", self.processes.lock().len());
        let adversary: Arc<dyn Adversary> = Arc::clone(switch) as _;
        let running = self.stage.launch(&name, &adversary, 0, self.elects);
        self.processes.lock().push(Arc::clone(&running.process));
        self.running.push(running);
        // Until its endpoint exists.
        tokio::time::sleep(MOMENT).await;
    }

    /// Replaces all processes by one that is started like this.
    pub(crate) async fn run_with(&mut self, options: Options) {
        self.kill();
        self.stage.run_with(options);
        self.launch(&Arc::clone(&self.switch)).await;
    }

    /// Has the one that may act wait for a Lease from now on.
    pub(crate) fn elect(&mut self) {
        self.elects = true;
    }

    /// Kills all processes.
    pub(crate) fn kill(&mut self) {
        self.running.drain(..).for_each(|running| running.kill());
    }

    /// What a user does.
    pub(crate) async fn take(&self, step: &Step) {
        Actor::beside(&self.stage).take(step).await;
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// The time since the beginning.
    pub(crate) fn now(&self) -> Duration {
        self.stage.begun.elapsed()
    }

    /// What was read so far.
    pub(crate) fn scrapes(&self) -> Vec<Scrape> {
        self.scrapes.lock().clone()
    }

    fn record(&self) {
        let (stage, processes) = (Arc::clone(&self.stage), Arc::clone(&self.processes));
        let scrapes = Arc::clone(&self.scrapes);
        tokio::spawn(async move {
            loop {
                let at = stage.begun.elapsed().as_secs_f64();
                let processes = processes.lock().clone();
                for (process, health) in processes.iter().zip(stage.launched()) {
                    let text = process.is_alive().then(|| health.exposition());
                    let instance = process.name().to_owned();
                    scrapes.lock().push(Scrape { at, instance, text });
                }
                tokio::time::sleep(INTERVAL).await;
            }
        });
    }
}
