//! The API server's limit: for each GitOpsDeployment it makes the four writes of the contract
//! (Operation, Application, Operation deleted, status), stores nothing, checks nothing and survives
//! nothing. Compared with the program, it shows the API server's share of a figure.

use std::pin::pin;

use crds::argocd::Application;
use crds::{GitOpsDeployment, Operation, OperationSpec, names};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Client, ResourceExt};
use serde_json::json;

/// Concurrent deployments: as many requests as the program has.
const CONCURRENCY: usize = 16;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let client = Client::try_default().await?;
    let stream = watcher(Api::<GitOpsDeployment>::all(client.clone()), Config::default());
    // Already existing ones are left alone; an event of one with a status is its own echo.
    let new = stream.try_filter_map(|event| async move {
        Ok(match event {
            Event::Apply(one) if one.status.is_none() => Some(one),
            _ => None,
        })
    });
    let relayed = new.map(|one| {
        let client = client.clone();
        async move { relay(&client, &one?).await }
    });
    let mut relayed = pin!(relayed.buffer_unordered(CONCURRENCY));
    println!("relaying");
    while let Some(outcome) = relayed.next().await {
        if let Err(error) = outcome {
            eprintln!("relay: {error:#}");
        }
    }
    Ok(())
}

async fn relay(client: &Client, deployment: &GitOpsDeployment) -> anyhow::Result<()> {
    let namespace = names::DEFAULT_ARGO_CD_NAMESPACE;
    let uid = deployment.uid().unwrap_or_default();
    let operation = names::operation_name(&uid);
    let operations: Api<Operation> = Api::namespaced(client.clone(), namespace);
    let spec = OperationSpec { operation_id: uid.clone() };
    operations.create(&PostParams::default(), &Operation::new(&operation, spec)).await?;

    let applications: Api<Application> = Api::namespaced(client.clone(), namespace);
    let source = &deployment.spec.source;
    let application: Application = serde_json::from_value(json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": names::application_name(&uid), "labels": {names::DATABASE_ID_LABEL: uid}},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": source.repo_url,
                "path": source.path,
                "targetRevision": source.target_revision,
            },
            "destination": {"name": "in-cluster", "namespace": deployment.namespace()},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true, "allowEmpty": true}},
        },
    }))?;
    applications.create(&PostParams::default(), &application).await?;

    operations.delete(&operation, &DeleteParams::default()).await?;
    let deployments: Api<GitOpsDeployment> =
        Api::namespaced(client.clone(), &deployment.namespace().unwrap_or_default());
    let status = json!({"status": {
        "conditions": [],
        "health": {"status": "Healthy"},
        "sync": {"status": "Synced"},
    }});
    let parameters = PatchParams::default();
    deployments.patch_status(&deployment.name_any(), &parameters, &Patch::Merge(status)).await?;
    Ok(())
}
