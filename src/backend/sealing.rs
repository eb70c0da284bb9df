//! Seals what an earlier installation has left in the clear, beside everything else.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::runtime::retry::patiently;
use crate::runtime::store_failure::retry_decision;

impl Backend {
    /// Seals it once, if there are keys.
    pub(super) async fn seal_clear_texts(self: Arc<Self>, shutdown: CancellationToken) {
        if let Some(sealer) = self.sealing.sealer() {
            let seal = || self.store.seal_clear_texts(&sealer.keyring);
            match patiently("sealing credentials", &shutdown, retry_decision, seal).await {
                Ok(None | Some(0)) => {}
                Ok(Some(rows)) => {
                    tracing::info!(rows, "credentials of an earlier installation were sealed");
                }
                Err(error) => tracing::error!(
                    %error,
                    "credentials of an earlier installation are still in the clear; the next start \
                     tries again"
                ),
            }
        }
        // The other tasks go on.
        shutdown.cancelled().await;
    }
}
