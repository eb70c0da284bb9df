//! The kinds on which nothing acts yet: an Event on each object says so, once.

use std::collections::HashSet;
use std::fmt::Debug;

use crds::{
    GitOpsDeploymentManagedEnvironment, GitOpsDeploymentRepositoryCredential,
    GitOpsDeploymentSyncRun,
};
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::kubernetes::{self, Trouble};
use crate::runtime::clock::Clock;
use crate::runtime::watch::{self, Progress, Seen};

/// Events that wait to be written. An object beyond them is told of with the next list or change.
const QUEUE: usize = 1_024;
/// The reason of the Events.
const REASON: &str = "NotSupported";

/// Watches the three kinds and tells of each object that nothing acts on it.
pub async fn run(client: kube::Client, clock: Clock, shutdown: CancellationToken) {
    let of = (&client, &clock, &shutdown);
    tokio::join!(
        tell_of::<GitOpsDeploymentSyncRun>("syncruns", of),
        tell_of::<GitOpsDeploymentManagedEnvironment>("managedenvironments", of),
        tell_of::<GitOpsDeploymentRepositoryCredential>("repositorycredentials", of),
    );
}

async fn tell_of<K>(
    name: &'static str,
    (client, clock, shutdown): (&kube::Client, &Clock, &CancellationToken),
) where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let (sender, mut receiver) = tokio::sync::mpsc::channel(QUEUE);
    let mut told = HashSet::new();
    let follow = watch::follow::<K>(
        Api::all(client.clone()),
        Progress::new(name, clock),
        shutdown.clone(),
        move |seen| {
            let object = match seen {
                Seen::Present(object) => object,
                Seen::Gone(gone) => {
                    told.remove(&gone.uid);
                    return;
                }
                Seen::Restarted | Seen::Malformed { .. } | Seen::Synced => return,
            };
            let Some(uid) = object.uid() else { return };
            if object.meta().deletion_timestamp.is_none()
                && !told.contains(&uid)
                && sender.try_send(event_for(&object, clock)).is_ok()
            {
                told.insert(uid);
            }
        },
    );
    let write = async {
        while let Some(event) = receiver.recv().await {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = write_event(client, event) => {}
            }
        }
    };
    tokio::join!(follow, write);
}

fn event_for<K: Resource<DynamicType = ()>>(object: &K, clock: &Clock) -> Event {
    let now = clock.kubernetes_now();
    let namespace = object.namespace();
    let uid = object.uid().unwrap_or_default();
    let kind = K::kind(&());
    Event {
        metadata: ObjectMeta {
            // The same name for the same object, so that a restart does not tell it again.
            name: Some(format!("not-supported.{uid}")),
            namespace: namespace.clone(),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(K::api_version(&()).into_owned()),
            kind: Some(kind.clone().into_owned()),
            name: object.meta().name.clone(),
            namespace,
            uid: Some(uid),
            ..ObjectReference::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some(REASON.to_owned()),
        message: Some(format!(
            "nothing acts on a {kind} yet: this version of managed-gitops serves GitOpsDeployments"
        )),
        count: Some(1),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now),
        reporting_component: Some("managed-gitops".to_owned()),
        ..Event::default()
    }
}

pub(super) async fn write_event(client: &kube::Client, event: Event) {
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    match api.create(&PostParams::default(), &event).await.map_err(kubernetes::trouble) {
        Ok(_) | Err(Trouble::Outdated(_) | Trouble::Missing) => {}
        Err(error) => tracing::warn!(%error, "an Event could not be written"),
    }
}
