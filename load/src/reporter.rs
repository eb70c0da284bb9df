//! Reports on Applications and their syncs in place of Argo CD, if none is running.

use std::sync::Arc;

use crds::argocd::{Application, ApplicationSource, phase};
use futures::StreamExt;
use k8s_openapi::jiff::{Timestamp, Unit};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::observer::Observer;

/// The commit that everything is synced to.
const REVISION: &str = "1fc8c297004058f0bc6e63c5e23c2579ae934b66";

/// Reports each Application that appears, once, as Synced and Healthy, and the success of each sync
/// that is requested. Never ends.
pub(crate) async fn report(
    observer: Arc<Observer>,
    client: kube::Client,
    namespace: String,
    connections: usize,
) {
    let api = Api::<Application>::namespaced(client, &namespace);
    let appeared = futures::stream::unfold(observer, |observer| async move {
        let application = observer.unreported().await;
        Some((application, observer))
    });
    appeared
        .for_each_concurrent(connections, |application| {
            let api = &api;
            async move {
                let name = application.name_any();
                let patch = Patch::Merge(report_on(&application));
                let written = api.patch(&name, &PatchParams::default(), &patch).await.map(drop);
                // What is newer comes by the watch.
                if let Err(error) = written.or_else(superseded) {
                    tracing::warn!(application = name, %error, "it could not be reported on");
                }
            }
        })
        .await;
}

fn superseded(error: kube::Error) -> Result<(), kube::Error> {
    match error {
        kube::Error::Api(status) if status.is_conflict() => Ok(()),
        error => Err(error),
    }
}

/// What Argo CD would change about an Application.
fn report_on(application: &Application) -> Value {
    let Some(operation) = &application.operation else {
        return json!({"status": status(application)});
    };
    let now = Timestamp::now().round(Unit::Second).unwrap_or_default().to_string();
    let mut status = status(application);
    status["reconciledAt"] = json!(now);
    status["operationState"] = json!({
        "operation": operation,
        "phase": phase::SUCCEEDED,
        "message": "successfully synced",
        "startedAt": now,
        "finishedAt": now,
        "syncResult": {"revision": REVISION},
    });
    // Only this operation was asked for.
    let metadata = json!({"resourceVersion": application.resource_version()});
    json!({"metadata": metadata, "operation": null, "status": status})
}

fn status(application: &Application) -> Value {
    let spec = &application.spec;
    let ApplicationSource { repo_url, path, target_revision, .. } = &spec.source;
    let destination = &spec.destination;
    json!({
        "health": {"status": "Healthy"},
        "sync": {
            "status": "Synced",
            "revision": REVISION,
            "comparedTo": {
                "source": {"repoURL": repo_url, "path": path, "targetRevision": target_revision},
                "destination": {"name": destination.name, "namespace": destination.namespace},
            },
        },
    })
}
