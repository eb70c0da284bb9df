//! What users read about repository credentials. Texts that existing clients match are contract.

/// Contract: `spec.secret` is empty.
pub const SECRET_NOT_SPECIFIED: &str = "Secret field is missing value";
/// Contract: there is no Secret of the name.
pub const SECRET_NOT_FOUND: &str = "Secret specified not found";
/// Contract: the Secret has another type.
pub const SECRET_INVALID_TYPE: &str = "Secret has an invalid type, must be \
     managed-gitops.redhat.com/repository-credential";
/// Contract: the repository accepts the credential.
pub const VALID: &str = "RepositoryCredentials are Valid";
/// Contract: the URL has another scheme.
pub const URL_SCHEME: &str = "repository must begin with ssh:// or https://";

/// Contract: there is no such repository.
pub fn repository_missing(why: &str) -> String {
    format!("Repository does not exist: {why}")
}

/// Contract: the repository exists.
pub fn repository_exists(repository: &str) -> String {
    format!("Repository {repository} exists")
}

/// Contract: the repository does not accept the credential.
pub fn credentials_invalid(secret: &str, repository: &str) -> String {
    format!("Repository Credentials provided {secret} for Repository {repository} are invalid")
}

/// Contract: the repository accepts the credential.
pub fn credentials_valid(secret: &str, repository: &str) -> String {
    format!("Repository Credentials provided {secret} for Repository {repository} are valid")
}

/// No object can have the name.
pub const SECRET_NAME: &str = "spec.secret is not the name of a Secret, which has at most 253 \
     lower-case letters, digits, '-' and '.'";
/// The URL is too long.
pub const URL_LENGTH: &str = "spec.repository is longer than 512 bytes";
/// The URL has a password in it. It is not repeated.
pub const URL_PASSWORD: &str = "spec.repository has a password in it, which anyone who may read this \
     resource can read; remove it, change it where it is valid, and write the new one into the \
     Secret";

/// What to do about a Secret whose type cannot be changed.
pub const TYPE_ADVICE: &str = "Delete the Secret and create it again with this type; the type of a \
     Secret cannot be changed";
/// What to do about a repository that the server does not show.
pub const MISSING_ADVICE: &str = "Correct spec.repository, or give the user of the credential access \
     to it; it is checked again at least every ten minutes";
/// What to do about a refused check.
pub const REFUSED_ADVICE: &str = "Correct the Secret or what the message names; it is checked again \
     at least every ten minutes";

/// The check is under way.
pub const CHECKING: &str = "the repository is being asked with the credential";
/// The agent writes the Secret.
pub const DISPATCHING: &str = "Argo CD's repository Secret is being written";
/// The agent reported a failure without a text.
pub const OPERATION_FAILED: &str = "the cluster-agent could not write Argo CD's repository Secret";
/// The agent removes the Secret.
pub const REMOVING: &str = "Argo CD's repository Secret is being removed";
