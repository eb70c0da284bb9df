//! The tenants whose servers do not work.

use std::time::Duration;

use fastrand::Rng;
use kube::api::{Api, Patch, PatchParams};
use machines::esr;
use managed_gitops::runtime::effects::Pool;
use serde_json::json;
use simulator::environment::clusters::Behaviour as ClusterBehaviour;
use simulator::environment::git_servers::Behaviour;
use simulator::environment::stage::Stage;
use simulator::faults::credentials::{credential, trust};
use simulator::faults::{credentials, environments};
use tokio::time::Instant;

use super::{
    DEAD, FEW, LOOK, MOMENT, SOON, create, longest_check, longest_wait, turns_of_a_tenant,
};

/// What does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    /// Git servers.
    Repositories,
    /// Target clusters.
    Clusters,
}

/// The tenants.
pub(crate) struct Others {
    servers: Servers,
    /// How many servers each has.
    number_of: Vec<usize>,
    /// How often all of them were asked.
    rounds: usize,
}

impl Others {
    /// Creates them: one has many servers, and the others share the rest unevenly.
    pub(crate) async fn settle(
        stage: &Stage,
        servers: Servers,
        mut random: Rng,
        tenants: usize,
    ) -> anyhow::Result<Self> {
        let mut number_of = vec![1; tenants];
        if tenants > 0 {
            number_of[0] += (DEAD - tenants) / 4;
            for _ in number_of.iter().sum()..DEAD {
                // Squared: the first have more.
                let place = random.f64().powi(2) * tenants as f64;
                number_of[place as usize] += 1;
            }
        }
        let others = Self { servers, number_of, rounds: 0 };
        for (tenant, number) in others.number_of.iter().enumerate() {
            let namespace = namespace(tenant);
            stage.create_namespace(&namespace).await?;
            if servers == Servers::Repositories {
                create(stage, &namespace, &credentials::secret("git", "password")).await?;
            }
            for number in 0..*number {
                others.create(stage, &namespace, number, &mut random).await?;
            }
        }
        Ok(others)
    }

    async fn create(
        &self,
        stage: &Stage,
        namespace: &str,
        number: usize,
        random: &mut Rng,
    ) -> anyhow::Result<()> {
        match self.servers {
            Servers::Repositories => {
                let url = format!("https://{namespace}.example.com/{number}.git");
                stage.servers.opened_by(&url, "password");
                stage.servers.behaves(&url, server_does_not_work(random));
                let name = format!("repo-{number}");
                create(stage, namespace, &credential(&name, &url, "git")).await?;
            }
            Servers::Clusters => {
                let (url, name) = (cluster(namespace, number), environment(number));
                stage.clusters.opened_by(&url, "token");
                stage.clusters.behaves(&url, cluster_does_not_work(random));
                let kubeconfig = environments::kubeconfig(&url, "token");
                create(stage, namespace, &environments::secret(&name, &kubeconfig)).await?;
                let object = environments::environment(&name, &url, &name);
                create(stage, namespace, &object).await?;
            }
        }
        Ok(())
    }

    /// Has all of their servers asked again, and checks that they use their shares and no more.
    pub(crate) async fn are_all_asked(&mut self, stage: &Stage) -> anyhow::Result<()> {
        self.rounds += 1;
        match self.servers {
            // Argo CD trusts another server.
            Servers::Repositories => trust(stage, &[&format!("{}.example.org", self.rounds)]).await,
            Servers::Clusters => self.change_all_kubeconfigs(stage).await?,
        }
        tokio::time::sleep(2 * MOMENT).await;
        let asking = self.asking(stage);
        let Pool { size, per_tenant } = Pool::TENANTS_SERVERS;
        assert!(asking.len() <= size, "{asking:?}");
        for tenant in &asking {
            let number = asking.iter().filter(|one| *one == tenant).count();
            assert!(number <= per_tenant, "{number} of {tenant}");
        }
        if self.number_of.len() > FEW {
            self.fill_the_pool(stage, size).await;
        } else if let Some(first) = self.number_of.first() {
            let of_first = asking.iter().filter(|one| **one == namespace(0)).count();
            assert_eq!(of_first, per_tenant.min(*first), "the first tenant uses its share");
        }
        Ok(())
    }

    async fn change_all_kubeconfigs(&self, stage: &Stage) -> anyhow::Result<()> {
        for (tenant, number) in self.number_of.iter().enumerate() {
            let namespace = namespace(tenant);
            let secrets = Api::<k8s_openapi::api::core::v1::Secret>::namespaced(
                stage.client.clone(),
                &namespace,
            );
            for number in 0..*number {
                let token = format!("token-{}", self.rounds);
                let kubeconfig = environments::kubeconfig(&cluster(&namespace, number), &token);
                let name = environment(number);
                let data = environments::secret(&name, &kubeconfig).data;
                let patch = Patch::Merge(json!({"data": data}));
                secrets.patch(&name, &PatchParams::default(), &patch).await?;
            }
        }
        Ok(())
    }

    /// Whose servers are asked now, once for each question; not the healthy tenant's.
    fn asking(&self, stage: &Stage) -> Vec<String> {
        let asking = match self.servers {
            Servers::Repositories => stage.servers.asking(),
            Servers::Clusters => stage.clusters.asking(),
        };
        let tenant = |server: &String| {
            let host = server.trim_start_matches("https://");
            host.split('.').next().unwrap_or_default().to_owned()
        };
        asking.iter().map(tenant).filter(|tenant| tenant.starts_with("dead-")).collect()
    }

    /// Waits until as many questions are under way as the pool allows: a check that has just got its
    /// turn reads its Secret before it asks.
    async fn fill_the_pool(&self, stage: &Stage, size: usize) {
        let deadline = Instant::now() + MOMENT;
        loop {
            let asking = self.asking(stage);
            if asking.len() == size {
                return;
            }
            assert!(Instant::now() < deadline, "the pool is not full: {asking:?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Checks that everything says what is so, as soon as each of their servers had its turn.
    pub(crate) async fn come_right(&self, stage: &Stage) -> anyhow::Result<()> {
        let most = self.number_of.iter().max().copied().unwrap_or_default();
        let turns = match self.number_of.len() {
            1 => turns_of_a_tenant(most),
            tenants => (longest_check() + longest_wait(tenants)) * u32::try_from(most)?,
        };
        let deadline = Instant::now() + turns + SOON;
        loop {
            let broken = esr::all(&stage.witness.world()?);
            if broken.is_empty() {
                return Ok(());
            }
            assert!(Instant::now() < deadline, "{} of: {}", broken.len(), broken[0]);
            tokio::time::sleep(longest_check()).await;
        }
    }
}

/// The namespace of a tenant, which is also the first part of its servers' names.
pub(crate) fn namespace(tenant: usize) -> String {
    format!("dead-{tenant}")
}

/// The name of an environment, and of the Secret with its kubeconfig.
pub(crate) fn environment(number: usize) -> String {
    format!("env-{number}")
}

/// The URL of its cluster.
pub(crate) fn cluster(namespace: &str, number: usize) -> String {
    format!("https://{namespace}.example.com:6443/{number}")
}

/// Mostly in such a way that a check takes as long as it can.
fn server_does_not_work(random: &mut Rng) -> Behaviour {
    match random.u8(..10) {
        0..=4 => Behaviour::Hangs,
        // Bytes without end, slowly, and so fast that a limit is reached.
        5 | 6 => Behaviour::Endless(Duration::from_millis(1)),
        7 => Behaviour::Endless(Duration::from_micros(random.u64(1..20))),
        8 => Behaviour::Slow(Duration::from_secs(random.u64(5..40))),
        _ => [Behaviour::Unreachable, Behaviour::Refuses, Behaviour::Fails][random.usize(..3)],
    }
}

/// The same for a cluster.
fn cluster_does_not_work(random: &mut Rng) -> ClusterBehaviour {
    match random.u8(..10) {
        0..=7 => ClusterBehaviour::Hangs,
        8 => ClusterBehaviour::Slow(Duration::from_secs(random.u64(5..40))),
        _ => [ClusterBehaviour::Unreachable, ClusterBehaviour::Refuses, ClusterBehaviour::Fails]
            [random.usize(..3)],
    }
}
