//! Reports on Applications in place of Argo CD, if none is running.

use std::sync::Arc;

use crds::argocd::{Application, ApplicationSource};
use futures::StreamExt;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::observer::Observer;

/// Reports each Application that appears, once, as Synced and Healthy. Never ends.
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
                let patch = Patch::Merge(json!({"status": status(&application)}));
                let written = api.patch(&name, &PatchParams::default(), &patch).await;
                if let Err(error) = written {
                    tracing::warn!(application = name, %error, "it could not be reported on");
                }
            }
        })
        .await;
}

fn status(application: &Application) -> Value {
    let spec = &application.spec;
    let ApplicationSource { repo_url, path, target_revision, .. } = &spec.source;
    let destination = &spec.destination;
    json!({
        "health": {"status": "Healthy"},
        "sync": {
            "status": "Synced",
            "revision": "1fc8c297004058f0bc6e63c5e23c2579ae934b66",
            "comparedTo": {
                "source": {"repoURL": repo_url, "path": path, "targetRevision": target_revision},
                "destination": {"name": destination.name, "namespace": destination.namespace},
            },
        },
    })
}
