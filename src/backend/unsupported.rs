//! A kind that nothing acts on yet: an Event on each object says so, once.

use std::fmt::Debug;
use std::sync::Arc;

use kube::Resource;
use kube::api::Api;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::backend::{Backend, kinds};
use crate::runtime::watch::{self, Progress, WatchEvent};

/// The reason of the Events.
const REASON: &str = "NotSupported";

impl Backend {
    /// Watches a kind and reports for each object that nothing acts on it.
    pub(super) async fn watch_unsupported<K>(
        self: Arc<Self>,
        name: &'static str,
        shutdown: CancellationToken,
    ) where
        K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
    {
        let message = format!(
            "nothing acts on a {} yet: this version of managed-gitops serves {}",
            K::kind(&()),
            kinds::SERVED
        );
        let progress = Progress::new(name, &self.settings.clock);
        watch::follow::<K>(Api::all(self.client.clone()), progress, shutdown, |seen| {
            if let WatchEvent::Present(object) = seen
                && object.meta().deletion_timestamp.is_none()
            {
                self.events.tell_object(&object, REASON, &message);
            }
        })
        .await;
    }
}
