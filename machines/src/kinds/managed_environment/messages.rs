//! What users read about managed environments. Texts that existing clients match are contract.

use crate::shared::text::{MESSAGE_LIMIT, bounded, cut};

/// How much of a URL stands before a list: names have to fit in behind it.
const URL_SHOWN: usize = 256;

/// Contract: the URL has a query.
pub const URL_QUERY: &str = "the API URL must not have ? or & values";
/// Contract: the URL has another scheme.
pub const URL_SCHEME: &str = "cluster api url must start with https://";
/// The URL has a user or a password in it. It is not repeated.
pub const URL_USER: &str = "the API URL must not have a user or a password";
/// The URL has a fragment.
pub const URL_FRAGMENT: &str = "the API URL must not have a fragment";
/// The URL is too long.
pub const URL_TOO_LONG: &str = "the API URL is longer than 2048 characters";
/// Contract: what clients read of the trouble of this installation.
pub const UNKNOWN_ERROR: &str = "an unknown error occurred";
/// In the place of a namespace's name: the list is too long.
pub const TOO_MANY_NAMESPACES: &str = "there are too many";

/// Contract: a namespace cannot have this name. An environment that has been valid says more.
pub fn invalid_namespace(namespace: &str, is_known: bool) -> String {
    let prefix = if is_known { "user specified an invalid namespace: " } else { "" };
    format!(
        "{prefix}ManagedEnvironment contains an invalid namespace in namespaces list: {namespace}"
    )
}

/// Contract: `spec.credentialsSecret` is empty.
pub fn secret_not_specified(environment: &str, namespace: &str) -> String {
    format!("no secret specified by managed environment '{environment}' in '{namespace}'")
}

/// Contract: there is no such Secret.
pub fn secret_not_found(secret: &str, environment: &str, namespace: &str) -> String {
    format!(
        "secret '{secret}' referenced by managed environment '{environment}' in '{namespace}', \
         could not be retrieved: not found"
    )
}

/// The cluster accepts the credentials, and Argo CD has them.
pub fn connected(api_url: &str) -> String {
    format!("the cluster {api_url} accepts the credentials, and Argo CD has them")
}

/// What was made on a cluster and may remain there: as many texts as it takes to name all of it.
pub fn remains(api_url: &str, objects: &[String]) -> Vec<String> {
    let api_url = cut(api_url, URL_SHOWN);
    listed(&format!("these objects may remain on {api_url}; delete them there: "), objects)
}

/// Something was made on a cluster, and is not known in detail.
pub fn untracked(api_url: &str) -> String {
    let api_url = cut(api_url, URL_SHOWN);
    format!(
        "ServiceAccounts, roles, bindings and Secrets whose names begin with argocd-manager- may \
         remain on {api_url}; delete those that are no longer in use"
    )
}

/// Of all of this, on clusters that are too many to name.
pub const REMAIN_ANYWHERE: &str = "resources, and ServiceAccounts, roles, bindings and Secrets whose \
     names begin with argocd-manager-, may remain on clusters that this environment named before; \
     delete those that are no longer in use";

/// What deployments have deployed may remain on a cluster: as many texts as it takes to name them.
pub fn resources_remain(api_url: &str, deployments: &[String]) -> Vec<String> {
    let api_url = cut(api_url, URL_SHOWN);
    let start = format!(
        "resources may remain on {api_url} that Argo CD did not remove in time; these \
         GitOpsDeployments deployed them: "
    );
    listed(&start, deployments)
}

/// The same of deployments that are too many to name.
pub fn resources_remain_in_general(api_url: &str) -> String {
    let api_url = cut(api_url, URL_SHOWN);
    format!("resources may remain on {api_url} that Argo CD did not remove in time")
}

/// Texts that begin alike and together have all names.
fn listed(start: &str, names: &[String]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for name in names {
        if let Some(text) = texts.last_mut()
            && text.chars().count() + ", ".len() + name.chars().count() <= MESSAGE_LIMIT
        {
            text.push_str(", ");
            text.push_str(name);
        } else {
            texts.push(bounded(&format!("{start}{name}")));
        }
    }
    texts
}

/// No object can have the name.
pub const SECRET_NAME: &str = "spec.credentialsSecret is not the name of a Secret, which has at most \
     253 lower-case letters, digits, '-' and '.'";
/// What to do about a URL that has a user in it.
pub const URL_USER_ADVICE: &str = "Anyone who may read this resource can read it; remove it, and \
     change it where it is valid";
/// What to do about a refused check.
pub const REFUSED_ADVICE: &str = "Correct what the message names; the cluster is asked again at least \
     every ten minutes";

/// The check is under way.
pub const CHECKING: &str = "the cluster is being asked with the credentials";
/// The agent writes the Secret.
pub const DISPATCHING: &str = "Argo CD's cluster Secret is being written";
/// The agent reported a failure without a text.
pub const OPERATION_FAILED: &str = "the cluster-agent could not write Argo CD's cluster Secret";
/// The agent removes the Secret.
pub const REMOVING: &str = "Argo CD's cluster Secret is being removed";
/// Its end waits for those who use it.
pub const DRAINING: &str = "Applications that deploy to the cluster are still being deleted";
/// It has just been deleted.
pub const LEAVING: &str = "GitOpsDeployments that use the environment may be deleted along with it";
/// What was made on the cluster is revoked.
pub const REVOKING: &str = "accounts and tokens that are no longer needed on the cluster are being \
     revoked";
/// What may remain on the cluster is told.
pub const TELLING: &str = "an Event is to be written that lists what may remain on the cluster";
