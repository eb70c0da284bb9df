//! `load`: creates deployments in a cluster and measures how they fare.

use anyhow::anyhow;
use clap::Args;
use load::Error;

use crate::cli::{ClusterArguments, Failure};
use crate::kubernetes;

/// Options of `load`.
#[derive(Clone, Debug, Args)]
pub struct Load {
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    options: load::Options,
}

impl Load {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { cluster, options } = self;
        let prepared = options.prepare()?;
        let config = cluster.config().await?;
        let prepared = prepared.on(&config)?;
        let client = kube::Client::try_from(config).map_err(Failure::client)?;
        Ok(prepared.run(client, super::shutdown_on_signal()).await?)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Running(error) => Self::Running(error),
            Error::Input(error) => Self::Input(error),
            Error::Unreachable(error) => Self::Input(anyhow!(
                "the Kubernetes API does not answer ({}); check the kubeconfig and that the server \
                 runs",
                kubernetes::cause(&error)
            )),
            Error::NotInTime(text) => Self::NotInTime(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_who_has_to_act() {
        let code = |error: Error| Failure::from(error).code();
        assert_eq!(code(Error::Running(anyhow!("interrupted"))), 1);
        assert_eq!(code(Error::Input(anyhow!("too few"))), 2);
        assert_eq!(code(Error::NotInTime("too late".to_owned())), 3);
    }

    #[test]
    fn a_server_that_does_not_answer_is_reported_with_the_innermost_cause() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = kube::Error::Service(Box::new(refused));
        let failure = Failure::from(Error::Unreachable(Box::new(error)));
        assert_eq!(failure.code(), 2);
        assert_eq!(
            failure.to_string(),
            "the Kubernetes API does not answer (connection refused); check the kubeconfig and \
             that the server runs"
        );
    }
}
