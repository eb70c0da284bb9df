//! What a tenant's kubeconfig says of one cluster.
//!
//! A kubeconfig is made for the machine of the person who has written it: it can name programs to
//! run, files to read and servers to go through, and can make requests in somebody else's name.
//! Here it is written by one party and read by another, so nothing of that is done. Only the cluster's
//! address, the name and the authority of its certificate, and a token are read, into types of this
//! module that have no place for more. A field that asks for something else is refused where it would
//! count, so that nobody believes it did: in the cluster and the user that are used. Of other clusters,
//! contexts and users only the names are looked at.
//!
//! `insecure-skip-tls-verify` is ignored: whether a certificate is checked is for the environment to
//! say, where everybody can see it. `tls-server-name` is honoured: it weakens nothing, since the
//! certificate is still checked, and without it a cluster behind a tunnel could only be used without
//! a check.

mod document;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tenant_servers::Host;
use tenant_servers::tls::Anchors;
use zeroize::Zeroizing;

use crate::api_url::ApiUrl;
use crate::failure::{Cause, Failure, Problem};
use crate::reason::Reason;
use crate::target::{self, Target, Trust};
use document::{Cluster, Context, Document, NamedCluster, NamedContext, Presence, User};

/// The most bytes of a kubeconfig. One with a dozen clusters has some thousand.
pub const MAX_LENGTH: usize = 64 * 1024;

impl Target {
    /// The cluster with a URL, as a kubeconfig has it. Its certificate is checked unless the
    /// environment says that it is not (`allowInsecureSkipTLSVerify`).
    ///
    /// Of several clusters with the URL, and several contexts for them, the `current-context` is
    /// used, or else the first context by name.
    ///
    /// # Errors
    ///
    /// What is wrong with the kubeconfig.
    pub fn of_kubeconfig(
        kubeconfig: &[u8],
        url: &ApiUrl,
        skips_verification: bool,
    ) -> Result<Self, Failure> {
        let document = document::read(kubeconfig).map_err(unreadable)?;
        let (cluster, context, context_name) = choose(&document, url)?;
        let user = user(&document, context, context_name)?;
        refuse_fields(cluster, user).map_err(unreadable)?;
        let token = token(user, context_name)?;
        let trust = match &cluster.certificate_authority_data {
            _ if skips_verification => Trust::Anyone,
            Some(data) if !data.is_empty() => Trust::Authority(authority(data)?),
            _ => Trust::System,
        };
        let server_name = cluster.tls_server_name.as_deref().filter(|name| !name.is_empty());
        let server_name = server_name.map(server_name_of).transpose()?;
        Ok(Self { url: url.clone(), token, trust, server_name })
    }
}

fn unreadable(problem: Problem) -> Failure {
    let error = problem.sentence.clone();
    problem.because(Reason::UnreadableKubeconfig { error })
}

fn unusable(problem: Problem) -> Failure {
    let error = problem.sentence.clone();
    problem.because(Reason::UnusableKubeconfig { error })
}

/// The cluster with a URL, and the context to use it in.
fn choose<'a>(
    document: &'a Document,
    url: &ApiUrl,
) -> Result<(&'a Cluster, &'a Context, &'a str), Failure> {
    let of_url = |named: &&NamedCluster| url.is(&named.cluster.server);
    let mut clusters: Vec<_> = document.clusters.iter().filter(of_url).collect();
    clusters.sort_by_key(|cluster| &cluster.name);
    let Some(first) = clusters.first() else {
        return Err(Failure::new(
            Reason::NoMatchingCluster { url: url.to_string() },
            Cause::ClusterMissing,
            "the kubeconfig in the Secret has no cluster whose server is spec.apiURL; make them \
             the same, to the last slash",
        ));
    };
    let candidates = document.contexts.iter().filter_map(|context| {
        let is_named = |cluster: &&&NamedCluster| cluster.name == context.context.cluster;
        clusters.iter().find(is_named).map(|cluster| (*cluster, context))
    });
    // The current one before all others.
    let current = document.current_context.as_deref();
    let order = |(_, context): &(&NamedCluster, &'a NamedContext)| {
        (current != Some(&context.name), &context.name)
    };
    let Some((cluster, context)) = candidates.min_by_key(order) else {
        return Err(Failure::new(
            Reason::NoMatchingContext { cluster: first.name.clone() },
            Cause::ContextMissing,
            "the kubeconfig in the Secret has no context for the cluster whose server is \
             spec.apiURL; add one that names the cluster and a user",
        ));
    };
    Ok((&cluster.cluster, &context.context, &context.name))
}

fn user<'a>(
    document: &'a Document,
    context: &Context,
    context_name: &str,
) -> Result<&'a User, Failure> {
    let found = document.users.iter().find(|user| user.name == context.user);
    found.map(|named| &named.user).ok_or_else(|| {
        Failure::new(
            Reason::MissingAuthInfo { context: context_name.to_owned() },
            Cause::UserMissing,
            "the kubeconfig in the Secret has no user of the name that its context has; add one \
             with a token",
        )
    })
}

/// A field that is not used, what using it would take, and what to do instead.
type Unused = (Presence, &'static str, &'static str, &'static str);

/// Fields that ask for what is not done.
fn refuse_fields(cluster: &Cluster, user: &User) -> Result<(), Problem> {
    let fields = fields_of_cluster(cluster).into_iter().chain(fields_of_user(user));
    // A user with nothing but a client certificate has no token, which has a text of its own.
    let has_token = !user.token.expose_secret().trim_ascii().is_empty();
    let certificates = client_certificate(user).into_iter().filter(|_| has_token);
    match fields.chain(certificates).find(|(presence, ..)| presence.0) {
        Some((_, field, what, instead)) => Err(Problem::new(
            Cause::FieldRefused,
            format!("{field} is not supported: {what} is not used for tenants; {instead}"),
        )),
        None => Ok(()),
    }
}

fn fields_of_cluster(cluster: &Cluster) -> [Unused; 2] {
    [
        (
            cluster.certificate_authority,
            "clusters[].cluster.certificate-authority",
            "a file of this program's machine",
            "store its content in clusters[].cluster.certificate-authority-data",
        ),
        (
            cluster.proxy_url,
            "clusters[].cluster.proxy-url",
            "a proxy",
            "remove it, and make the cluster reachable without one",
        ),
    ]
}

fn fields_of_user(user: &User) -> [Unused; 9] {
    const TOKEN: &str = "store the token of a ServiceAccount in users[].user.token";
    const NAME: &str = "another name than the token's";
    const REMOVE: &str = "remove it, and store the token of the user that is meant";
    [
        (user.exec, "users[].user.exec", "a program", TOKEN),
        (user.auth_provider, "users[].user.auth-provider", "a program", TOKEN),
        (user.token_file, "users[].user.tokenFile", "a file of this program's machine", TOKEN),
        (user.username, "users[].user.username", "a password", TOKEN),
        (user.password, "users[].user.password", "a password", TOKEN),
        (user.impersonated, "users[].user.as", NAME, REMOVE),
        (user.impersonated_uid, "users[].user.as-uid", NAME, REMOVE),
        (user.impersonated_groups, "users[].user.as-groups", NAME, REMOVE),
        (user.impersonated_extra, "users[].user.as-user-extra", NAME, REMOVE),
    ]
}

fn client_certificate(user: &User) -> [Unused; 4] {
    const CERTIFICATE: &str = "a client certificate";
    const REMOVE: &str = "remove it; the token is enough";
    [
        (user.client_certificate, "users[].user.client-certificate", CERTIFICATE, REMOVE),
        (user.client_certificate_data, "users[].user.client-certificate-data", CERTIFICATE, REMOVE),
        (user.client_key, "users[].user.client-key", CERTIFICATE, REMOVE),
        (user.client_key_data, "users[].user.client-key-data", CERTIFICATE, REMOVE),
    ]
}

fn token(user: &User, context_name: &str) -> Result<SecretString, Failure> {
    let token = target::token(user.token.expose_secret()).map_err(unusable)?;
    if !token.expose_secret().is_empty() {
        return Ok(token);
    }
    let field = client_certificate(user).into_iter().find(|(presence, ..)| presence.0);
    let instead =
        field.map_or_else(String::new, |(_, field, ..)| format!(", and {field} is not supported"));
    Err(Failure::new(
        Reason::MissingToken { context: context_name.to_owned() },
        Cause::TokenMissing,
        format!(
            "the user in the kubeconfig has no token{instead}; store the token of a \
             ServiceAccount in users[].user.token"
        ),
    ))
}

/// The certificates of an authority, in PEM.
fn authority(data: &str) -> Result<String, Failure> {
    let failed = |sentence: &str| Problem::new(Cause::AuthorityUnreadable, sentence);
    let data: Zeroizing<Vec<u8>> =
        Zeroizing::new(data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    let pem = STANDARD.decode(data.as_slice()).ok().and_then(|pem| String::from_utf8(pem).ok());
    let pem = pem.ok_or_else(|| {
        unreadable(failed(
            "clusters[].cluster.certificate-authority-data is not base64 of text; store the file \
             of the authority's certificate in base64",
        ))
    })?;
    if Anchors::of_pem(&pem).is_empty() {
        let problem = failed(
            "clusters[].cluster.certificate-authority-data has no certificate in PEM; store the \
             file of the authority's certificate in base64",
        );
        let error = problem.sentence.clone();
        return Err(problem.because(Reason::UnableToCreateClient { error }));
    }
    Ok(pem)
}

fn server_name_of(text: &str) -> Result<String, Failure> {
    match Host::parse_server(text) {
        Ok((host, None)) => Ok(host.name()),
        Ok((_, Some(_))) | Err(_) => Err(unusable(Problem::new(
            Cause::ServerNameInvalid,
            "clusters[].cluster.tls-server-name is not the name of a server; correct it",
        ))),
    }
}

#[cfg(test)]
mod tests;
