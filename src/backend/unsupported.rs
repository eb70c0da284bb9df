//! The kinds that nothing acts on yet: an Event on each object says so, once.

use std::fmt::Debug;

use crds::{GitOpsDeploymentManagedEnvironment, GitOpsDeploymentRepositoryCredential};
use kube::Resource;
use kube::api::Api;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::backend::events::Events;
use crate::runtime::clock::Clock;
use crate::runtime::watch::{self, Progress, WatchEvent};

/// The reason of the Events.
const REASON: &str = "NotSupported";

/// Watches the kinds and reports for each object that nothing acts on it.
pub async fn run(client: kube::Client, clock: Clock, events: &Events, shutdown: CancellationToken) {
    let of = (&client, &clock, events, &shutdown);
    tokio::join!(
        tell_of::<GitOpsDeploymentManagedEnvironment>("managedenvironments", of),
        tell_of::<GitOpsDeploymentRepositoryCredential>("repositorycredentials", of),
    );
}

async fn tell_of<K>(
    name: &'static str,
    (client, clock, events, shutdown): (&kube::Client, &Clock, &Events, &CancellationToken),
) where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let message = format!(
        "nothing acts on a {} yet: this version of managed-gitops serves GitOpsDeployments and \
         GitOpsDeploymentSyncRuns",
        K::kind(&())
    );
    let (api, progress) = (Api::all(client.clone()), Progress::new(name, clock));
    watch::follow::<K>(api, progress, shutdown.clone(), |seen| {
        if let WatchEvent::Present(object) = seen
            && object.meta().deletion_timestamp.is_none()
        {
            events.tell_object(&object, REASON, &message);
        }
    })
    .await;
}
