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
                Ok(None) => {}
                Ok(Some(sealed)) => {
                    let rows = sealed.rows;
                    if rows > 0 {
                        tracing::info!(rows, "credentials of an earlier installation were sealed");
                    }
                    self.tell_of_clear_texts(&sealed.left);
                }
                Err(error) => self.tell_of_clear_texts(&[error.to_string()]),
            }
        }
        // The other tasks go on.
        shutdown.cancelled().await;
    }

    fn tell_of_clear_texts(&self, why: &[String]) {
        let Some(first) = why.first() else { return };
        self.sealing.note(format!(
            "credentials of an earlier installation are still in the clear, and the next start tries \
             again: {first}{}",
            match why.len() {
                1 => String::new(),
                more => format!("; and {} more", more - 1),
            }
        ));
    }
}
