//! `load`: creates deployments in a cluster and measures how they fare.

use clap::Args;

use crate::cli::{ClusterArguments, Failure};

/// Options of `load`.
#[derive(Clone, Debug, Args)]
pub struct Load {
    #[command(flatten)]
    cluster: ClusterArguments,
}

impl Load {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let _config = self.cluster.config().await?;
        Ok(())
    }
}
