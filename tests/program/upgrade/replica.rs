//! Replicas of any version, on a world's cluster and database.

use std::path::{Path, PathBuf};

use crate::harness::{World, eventually};
use crate::process::{self, Running};
use crate::site::{self, Site};

/// The one before it, which `tests/upgrade/previous` builds, if the environment names it.
pub(super) fn previous_program() -> Option<PathBuf> {
    let path = std::env::var_os("E2E_PREVIOUS_PROGRAM").map(PathBuf::from);
    if path.is_none() {
        println!("skipping the previous version: E2E_PREVIOUS_PROGRAM is not set");
    }
    path
}

/// One process that runs.
pub(super) struct Replica {
    running: Running,
    address: String,
    _site: Site,
}

impl Replica {
    /// Starts it, and returns once it has started, whether it acts or not.
    pub(super) async fn start(world: &World, program: &Path, role: &str, name: &str) -> Self {
        let site = Site::of(world);
        let command = site.command(program, role, name);
        tokio::task::spawn_blocking(move || {
            let running = Running::begin(command);
            let address = site::address_of(&running);
            Self { running, address, _site: site }
        })
        .await
        .unwrap()
    }

    /// Starts it in vain; returns its exit code and its last sentence.
    pub(super) async fn refused(
        world: &World,
        program: &Path,
        role: &str,
        name: &str,
    ) -> (Option<i32>, String) {
        let site = Site::of(world);
        let command = site.command(program, role, name);
        tokio::task::spawn_blocking(move || {
            let (status, said) = Running::begin(command).wait();
            (status.code(), process::sentence(&said))
        })
        .await
        .unwrap()
    }

    /// Waits until it acts.
    pub(super) async fn wait_until_it_acts(&self) {
        self.wait_until_it_leads("gitops_leader 1").await;
    }

    /// Waits until it stands by.
    pub(super) async fn wait_until_it_stands_by(&self) {
        self.wait_until_it_leads("gitops_leader 0").await;
    }

    async fn wait_until_it_leads(&self, gauge: &str) {
        eventually(gauge, || async {
            let (head, _) = process::page(&self.address, "/readyz");
            let (_, metrics) = process::page(&self.address, "/metrics");
            (head.contains("200") && metrics.contains(gauge)).then_some(())
        })
        .await;
    }

    /// Asks it to stop, as a rolling update does, and waits until it has.
    pub(super) async fn stop(self) {
        self.running.terminate();
        let (status, said) = site::ended(self.running).await;
        assert!(status.success(), "{said}");
        assert!(!said.contains("panicked at"), "{said}");
    }
}
