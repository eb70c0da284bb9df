//! What goes wrong with the Kubernetes API, by who must act.

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The object does not exist.
    #[error("the object does not exist")]
    Missing,
    /// Somebody else has written in between, or the object is another one.
    #[error("the object was changed by somebody else: {0}")]
    Outdated(String),
    /// The server refuses it, and will refuse it again.
    #[error("{0}")]
    Refused(String),
    /// The server does not answer, or not now.
    #[error("the Kubernetes API is not available: {0}")]
    Unavailable(String),
}

/// Longest text of a server's refusal that is kept, in characters.
const TEXT_LIMIT: usize = 512;

/// How the API server words a JSON patch that does not apply.
const PATCH_FAILED: &str = "error in our request";

/// Classifies a client's error.
pub fn trouble(error: kube::Error) -> Trouble {
    let kube::Error::Api(status) = &error else {
        return Trouble::Unavailable(bounded(&error.to_string()));
    };
    let text = bounded(&status.message);
    match status.code {
        404 => Trouble::Missing,
        409 => Trouble::Outdated(text),
        // So a server answers when the `test` of a JSON patch fails: the object has changed.
        422 if text.contains(PATCH_FAILED) => Trouble::Outdated(text),
        429 | 500..=599 => Trouble::Unavailable(text),
        400..=499 => Trouble::Refused(text),
        _ => Trouble::Unavailable(text),
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}
