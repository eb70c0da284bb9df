//! `check`: whether an installation works, from where it runs.

use clap::Args;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use schema::connection::{Database, connect};
use schema::sealing::Keyring;
use schema::store::sealed::unlock::faults;

use crate::cli::sealing::SealingArguments;
use crate::cli::{ClusterArguments, DatabaseArguments, Failure, LeaseArguments};
use crate::kubernetes::{self, CountedClient};
use crate::lease;
use crate::program;
use crate::tenure::Tenure;

/// Options of `check`: those with which the program runs.
#[derive(Clone, Debug, Args)]
pub struct Check {
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    sealing: SealingArguments,
    #[command(flatten)]
    lease: LeaseArguments,
}

/// How many of the checks have failed.
#[derive(Default)]
struct Report {
    failed: usize,
}

impl Report {
    /// Prints how a check ended, and returns what it found.
    fn note<T>(&mut self, name: &str, outcome: anyhow::Result<(T, String)>) -> Option<T> {
        match outcome {
            Ok((found, what)) => {
                println!("ok      {name}: {what}");
                Some(found)
            }
            Err(error) => {
                println!("failed  {name}: {error:#}");
                self.failed += 1;
                None
            }
        }
    }
}

impl Check {
    /// Makes every check that is possible, and changes nothing.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut report = Report::default();
        let database = report.note("database", self.database().await);
        let cluster = report.note("cluster", self.cluster().await);
        if let (Some(database), Some(cluster)) = (&database, &cluster) {
            report.note("database and cluster", belong_together(database, &cluster.client).await);
        }
        if let Some(database) = &database {
            report.note("sealing keys", self.keys(database).await);
        }
        if let Some(Cluster { client, namespace }) = &cluster {
            report.note("leader", leader(client, namespace).await);
        }
        if report.failed == 0 {
            return Ok(());
        }
        Err(Failure::Input(anyhow::anyhow!("{} of the checks failed; see above", report.failed)))
    }

    async fn database(&self) -> anyhow::Result<(Database, String)> {
        let database = connect(&self.database.url(), &self.database.options()).await?;
        schema::check(&database).await?;
        let what = format!("{} has the tables of this version", database.location());
        Ok((database, what))
    }

    async fn cluster(&self) -> anyhow::Result<(Cluster, String)> {
        let config = self.cluster.config().await?;
        let server = config.cluster_url.host().unwrap_or_default().to_owned();
        let namespace = self.lease.namespace(&config);
        // It only reads.
        let client =
            CountedClient::new(config, Tenure::unlimited()).map_err(Failure::client)?.client;
        check_definitions(&client, &server).await?;
        let version = client.apiserver_version().await;
        let version = version.map_err(|error| anyhow::anyhow!(kubernetes::cause(&error)))?;
        let what = format!("{server}, Kubernetes {}, has the definitions", version.git_version);
        Ok((Cluster { client, namespace }, what))
    }

    async fn keys(&self, database: &Database) -> anyhow::Result<((), String)> {
        let Some(keyring) = self.sealing.keyring()? else {
            return Ok(((), "none; no credentials are served".to_owned()));
        };
        open_everything(database, &keyring).await?;
        Ok(((), format!("they open what is sealed; {} seals", keyring.primary())))
    }
}

/// A cluster, and where the Leases are.
struct Cluster {
    client: kube::Client,
    namespace: String,
}

async fn belong_together(
    database: &Database,
    client: &kube::Client,
) -> anyhow::Result<((), String)> {
    program::check_cluster(client, database).await?;
    Ok(((), "the database is not that of another cluster".to_owned()))
}

async fn open_everything(database: &Database, keyring: &Keyring) -> anyhow::Result<()> {
    let faults = faults(database, keyring).await?;
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    anyhow::ensure!(faults.is_empty(), "{}", faults.join("; "));
    Ok(())
}

/// Who acts. A Lease is given up within seconds by a replica that ends, and taken by another.
async fn leader(client: &kube::Client, namespace: &str) -> anyhow::Result<((), String)> {
    let holders = lease::holders(client, namespace).await;
    let holders = holders.map_err(|error| anyhow::anyhow!(kubernetes::cause(&error)))?;
    let mut held = Vec::new();
    for (name, holder) in holders {
        let holder = holder.ok_or_else(|| {
            anyhow::anyhow!(
                "nobody holds the Lease {name} in the namespace {namespace}; does the program run, \
                 and is it ready?"
            )
        })?;
        held.push(format!("{holder} holds {name}"));
    }
    Ok(((), held.join(", ")))
}

/// Without the definitions every watch would fail forever; better to say so at once.
pub(super) async fn check_definitions(client: &kube::Client, server: &str) -> anyhow::Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut missing = Vec::new();
    let wanted = crds::all();
    let wanted = wanted.iter().filter_map(|crd| crd.metadata.name.as_deref());
    for name in wanted.chain(["applications.argoproj.io", "appprojects.argoproj.io"]) {
        match api.get_opt(name).await {
            Ok(Some(_)) => {}
            Ok(None) => missing.push(name.to_owned()),
            // The definitions may exist even if this account cannot read them.
            Err(kube::Error::Api(status)) if status.is_forbidden() => return Ok(()),
            Err(error) => {
                anyhow::bail!(
                    "the Kubernetes API at {server} does not answer ({}); check the kubeconfig \
                     and that the server runs",
                    kubernetes::cause(&error)
                );
            }
        }
    }
    anyhow::ensure!(
        missing.is_empty(),
        "the cluster lacks these CustomResourceDefinitions: {}; install ours with `managed-gitops \
         crds | kubectl apply -f -` and Argo CD's with Argo CD",
        missing.join(", ")
    );
    Ok(())
}
