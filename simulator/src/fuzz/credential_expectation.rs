//! What a repository credential should say: see [`crate::fuzz::credential_campaign`]. The contract's
//! texts and limits are written out: the program's own constants would agree with any mistake.

use crds::{
    GitOpsDeploymentRepositoryCredential as Credential, GitOpsDeploymentRepositoryCredentialSpec,
};
use k8s_openapi::api::core::v1::Secret;

use crate::environment::git_servers::Behaviour;

/// The most bytes of a Secret, keys and values together.
pub(super) const SECRET_LIMIT: usize = 65_536;
/// The type of a Secret with a credential.
const SECRET_TYPE: &str = "managed-gitops.redhat.com/repository-credential";

/// What users write.
pub(super) type Text = GitOpsDeploymentRepositoryCredentialSpec;

/// What a URL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Url {
    /// A server has the repository; it is asked with a password.
    Https,
    /// The same with a private key.
    Ssh,
    /// No server has it.
    Unknown,
    /// It cannot be asked for, for this reason.
    Malformed(&'static str),
    /// Either of the last two, or one that is no URL by the check alone.
    Hostile,
}

/// The server of the repository.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) opened_by: String,
    pub(super) behaviour: Behaviour,
}

/// What may be said of a credential: each a status, a reason and the beginning of a message, of
/// `ErrorOccurred`, `ValidRepositoryURL` and `ValidRepositoryCredential`; and the reason of `Stalled`, if
/// it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    contract: [(&'static str, &'static str, String); 3],
    stalled: Option<&'static str>,
}

impl Said {
    fn alike(reason: &'static str, message: &str, stalled: &'static str) -> Self {
        let of = |status| (status, reason, message.to_owned());
        Self { contract: [of("True"), of("False"), of("False")], stalled: Some(stalled) }
    }

    fn refused(text: &Text, stalled: &'static str) -> Self {
        let Text { repository, secret } = text;
        let invalid = format!(
            "Repository Credentials provided {secret} for Repository {repository} are invalid"
        );
        let exists = format!("Repository {repository} exists");
        Self {
            contract: [
                ("True", "InvalidCredentials", invalid.clone()),
                ("True", "ValidRepositoryUrl", exists),
                ("False", "InvalidCredentials", invalid),
            ],
            stalled: Some(stalled),
        }
    }

    fn accepted(text: &Text) -> Self {
        let Text { repository, secret } = text;
        let valid = "RepositoryCredentials are Valid".to_owned();
        let of_both = format!(
            "Repository Credentials provided {secret} for Repository {repository} are valid"
        );
        let exists = format!("Repository {repository} exists");
        Self {
            contract: [
                ("False", "RepositoryCredentialUpToDate", valid),
                ("True", "ValidRepositoryUrl", exists),
                ("True", "RepositoryCredentialUpToDate", of_both),
            ],
            stalled: None,
        }
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.stalled.is_none()
    }

    /// Whether an object says this, of itself as it is.
    pub(super) fn is_said_by(&self, object: &Credential) -> bool {
        let conditions = || object.status.iter().flat_map(|status| &status.conditions);
        let find = |type_: &str| conditions().find(|one| one.type_ == type_);
        let types = ["ErrorOccurred", "ValidRepositoryURL", "ValidRepositoryCredential"];
        let is_contract = types.iter().zip(&self.contract).all(|(type_, said)| {
            let (status, reason, message) = said;
            find(type_).is_some_and(|one| {
                one.status == *status && one.reason == *reason && one.message.starts_with(message)
            })
        });
        let is = |type_: &str, status: &str| {
            find(type_).is_some_and(|one| {
                one.status == status && one.observed_generation == object.metadata.generation
            })
        };
        let is_conventional = match self.stalled {
            None => is("Ready", "True") && is("Stalled", "False"),
            Some(reason) => {
                is("Ready", "False")
                    && is("Stalled", "True")
                    && find("Stalled").is_some_and(|one| one.reason == reason)
            }
        };
        is_contract && is_conventional && is("Reconciling", "False")
    }
}

/// What may be said; more than one thing only of a hostile URL.
pub(super) fn expected(
    text: &Text,
    url: Url,
    secret: Option<&Secret>,
    server: &Server,
) -> Vec<Said> {
    let missing = |why: &str| format!("Repository does not exist: {why}");
    let malformed = |why: &str| Said::alike("InvalidRepositoryUrl", &missing(why), "Rejected");
    if text.secret.is_empty() {
        return vec![Said::alike(
            "SecretNotSpecified",
            "Secret field is missing value",
            "Rejected",
        )];
    }
    if !is_name(&text.secret) {
        return vec![Said::alike("SecretNotFound", "Secret specified not found", "Rejected")];
    }
    let unknown = "the server knows no such repository";
    let is_unknown =
        || Said::alike("InvalidRepositoryUrl", &missing(unknown), "RepositoryNotFound");
    match url {
        Url::Malformed(why) => vec![malformed(why)],
        Url::Https | Url::Ssh => vec![match shown(secret, url) {
            Err(said) => said.of(text),
            Ok(shown) => answer(text, &shown, server),
        }],
        Url::Unknown => vec![match shown(secret, Url::Https) {
            Err(said) => said.of(text),
            Ok(_) => is_unknown(),
        }],
        Url::Hostile => {
            let of_secret = [Url::Https, Url::Ssh].map(|url| shown(secret, url));
            let of_secret = of_secret.into_iter().filter_map(Result::err).map(|said| said.of(text));
            // What the machine cannot tell is found out by the check.
            let unparsable = Said::refused(text, "InvalidURL");
            [malformed(""), is_unknown(), unparsable].into_iter().chain(of_secret).collect()
        }
    }
}

/// What is wrong with a Secret.
enum Unusable {
    Missing,
    OfWrongType,
    Content,
}

impl Unusable {
    fn of(&self, text: &Text) -> Said {
        match self {
            Self::Missing => {
                Said::alike("SecretNotFound", "Secret specified not found", "SecretNotFound")
            }
            Self::OfWrongType => {
                let message = format!("Secret has an invalid type, must be {SECRET_TYPE}");
                Said::alike("SecretInvalidType", &message, "SecretInvalidType")
            }
            Self::Content => Said::refused(text, "SecretUnusable"),
        }
    }
}

/// The password, or the private key, that a server is shown.
fn shown(secret: Option<&Secret>, url: Url) -> Result<String, Unusable> {
    let secret = secret.ok_or(Unusable::Missing)?;
    if secret.type_.as_deref() != Some(SECRET_TYPE) {
        return Err(Unusable::OfWrongType);
    }
    let data = secret.data.clone().unwrap_or_default();
    let bytes: usize = data.iter().map(|(key, value)| key.len() + value.0.len()).sum();
    let text = |key: &str| {
        let bytes = data.get(key).map(|value| value.0.clone()).unwrap_or_default();
        String::from_utf8(bytes).map_err(|_| Unusable::Content)
    };
    let shown = match url {
        Url::Ssh => text("sshPrivateKey")?,
        _ => text("username").and_then(|_| text("password"))?,
    };
    let is_encrypted = url == Url::Ssh && shown.contains("ENCRYPTED");
    if bytes > SECRET_LIMIT || shown.is_empty() || is_encrypted {
        return Err(Unusable::Content);
    }
    Ok(shown)
}

fn answer(text: &Text, shown: &str, server: &Server) -> Said {
    let missing = "Repository does not exist: the server shows no such repository";
    match server.behaviour {
        Behaviour::Refuses => Said::refused(text, "AuthenticationRefused"),
        Behaviour::Hangs => Said::refused(text, "TimedOut"),
        Behaviour::Unreachable => Said::refused(text, "Unreachable"),
        // Nothing vouches for it in a campaign.
        Behaviour::Untrusted if text.repository.starts_with("https:") => {
            Said::refused(text, "CertificateRefused")
        }
        Behaviour::Untrusted => Said::refused(text, "HostUnknown"),
        Behaviour::Missing => Said::alike("InvalidRepositoryUrl", missing, "RepositoryNotFound"),
        Behaviour::Fails => Said::refused(text, "ServerError"),
        Behaviour::Endless(_) => Said::refused(text, "TooLarge"),
        Behaviour::Answers | Behaviour::Slow(_) if server.opened_by == shown => {
            Said::accepted(text)
        }
        Behaviour::Answers | Behaviour::Slow(_) => Said::refused(text, "AuthenticationRefused"),
    }
}

/// Whether an object can have this name.
fn is_name(name: &str) -> bool {
    let is_letter = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_letter)
            && part.ends_with(is_letter)
            && part.chars().all(|one| is_letter(one) || one == '-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}
