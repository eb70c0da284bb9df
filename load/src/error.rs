//! Why a run did not do what it should.

/// Why a run did not do what it should, by who has to act.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It failed while running.
    #[error("{0:#}")]
    Running(anyhow::Error),
    /// The options or the cluster are unsuitable.
    #[error("{0:#}")]
    Input(anyhow::Error),
    /// The Kubernetes API does not answer. The caller reports why: it knows what may be revealed of
    /// a kubeconfig.
    #[error("the Kubernetes API does not answer; check the kubeconfig and that the server runs")]
    Unreachable(#[source] Box<kube::Error>),
    /// What was waited for did not come in time.
    #[error("{0}")]
    NotInTime(String),
}

impl Error {
    pub(crate) fn running(error: impl Into<anyhow::Error>) -> Self {
        Self::Running(error.into())
    }

    pub(crate) fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::Input(error.into())
    }
}
