//! Making the objects on a tenant's cluster, and deleting them.
//!
//! Each object is made by a server-side apply: one request that makes it, or makes it what it should
//! be, and says the same however often it is repeated. So the program may be killed between any two
//! requests, and what somebody has changed on the cluster is repaired on the way. The token is waited
//! for in the same way, since the answer to an apply is the object: a Secret that has gone in between
//! is made again, and no right to read Secrets is needed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::{Installation, RemoteKind, RemoteObject};
use crate::client::{ClusterClient, failure, no_such_host};
use crate::failure::{Cause, Failure, Problem};
use crate::reason::{Part, Reason};
use crate::request::{Answer, Ask, Missing, not_kubernetes};
use crate::target::{self, Target};

/// Of a server-side apply. What another manager has set is overridden: nobody else has a reason to
/// change what is in these objects.
const APPLY: &str = "fieldManager=managed-gitops&force=true";

/// What has become of objects that were to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Those that are still there, or may be.
    pub left: Vec<RemoteObject>,
    /// Why, if any are left.
    pub failure: Option<Failure>,
}

impl ClusterClient {
    /// Makes an installation what it should be, and returns the token of its round. The token may be
    /// used as soon as [`ClusterClient::check`] accepts it.
    ///
    /// # Errors
    ///
    /// What could not be made, or why. All of it can be repeated.
    pub async fn install(
        &self,
        target: &Target,
        installation: &Installation,
    ) -> Result<SecretString, Failure> {
        let failed = |part: Part| {
            move |problem: Problem| {
                let account = installation.account().name;
                let error = problem.sentence.clone();
                let reason = match problem.cause {
                    Cause::NoSuchHost => no_such_host(target),
                    _ => Reason::UnableToInstallServiceAccount { part, account, error },
                };
                problem.because(reason)
            }
        };
        let applying = async {
            let account = installation.account();
            for object in [account].into_iter().chain(installation.rights()) {
                let applied = self.apply(target, installation, &object).await;
                applied.map_err(failed(object.kind.part()))?;
            }
            Ok(())
        };
        let limit = self.limits.install;
        timeout(limit, applying).await.unwrap_or_else(|_| {
            Err(failed(Part::Rights)(Problem::new(
                Cause::TimedOut,
                format!(
                    "the ServiceAccount and its rights could not be made on {} within {} seconds; \
                     it will be tried again",
                    target.url.label(),
                    limit.as_secs_f32()
                ),
            )))
        })?;
        self.token(target, installation).await.map_err(failed(Part::Token))
    }

    async fn apply(
        &self,
        target: &Target,
        installation: &Installation,
        object: &RemoteObject,
    ) -> Result<Answer, Problem> {
        let path = format!("{}?{APPLY}", object.path());
        let ask = Ask::apply(path, &installation.manifest(object));
        let answer = match self.ask(target, ask).await {
            Err(problem) if problem.cause == Cause::Forbidden => {
                return Err(may_not(target, object));
            }
            answer => answer?,
        };
        if answer.is(object.kind.as_str()) {
            return Ok(answer);
        }
        Err(match (answer.status, answer.missing()) {
            (_, Some(Missing::Namespace)) => Problem::new(
                Cause::NamespaceNotFound,
                format!(
                    "{} has no namespace for the {object}; create it, or correct spec.namespaces",
                    target.url.label()
                ),
            ),
            (StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY, _) => Problem::new(
                Cause::Conflict,
                format!(
                    "{} does not accept the {object}, probably because there is one that is \
                     otherwise; delete that",
                    target.url.label()
                ),
            ),
            _ => not_kubernetes(target),
        })
    }

    /// The token, as soon as the cluster has written it into its Secret.
    async fn token(
        &self,
        target: &Target,
        installation: &Installation,
    ) -> Result<SecretString, Problem> {
        let secret = installation.token_secret();
        let waiting = async {
            let mut pause = self.limits.pause;
            loop {
                let answer = self.apply(target, installation, &secret).await?;
                if let Some(token) = token_in(&answer)? {
                    return Ok(token);
                }
                sleep(pause).await;
                pause = (pause * 2).min(self.limits.longest_pause);
            }
        };
        let limit = self.limits.token;
        timeout(limit, waiting).await.unwrap_or_else(|_| {
            Err(Problem::new(
                Cause::TokenNotMade,
                format!(
                    "{} has not written a token into the {secret} within {} seconds; check that \
                     its controllers work",
                    target.url.label(),
                    limit.as_secs_f32()
                ),
            ))
        })
    }

    /// Deletes objects: of an installation that has ended, or what a newer one does not have any
    /// more. What is not there counts as deleted. The token that is shown may be one that is deleted
    /// with the objects; then the rest is left.
    pub async fn revoke(&self, target: &Target, objects: &[RemoteObject]) -> Revocation {
        let mut left = objects.to_vec();
        left.sort();
        left.dedup();
        let mut failed = None;
        let deleting = async {
            for object in left.clone() {
                match self.delete(target, &object).await {
                    Ok(()) => left.retain(|one| *one != object),
                    // The next may be allowed.
                    Err(problem) if problem.cause == Cause::Forbidden => failed = Some(problem),
                    Err(problem) => {
                        failed = Some(problem);
                        return;
                    }
                }
            }
        };
        let limit = self.limits.revoke;
        if timeout(limit, deleting).await.is_err() {
            failed = Some(Problem::new(
                Cause::TimedOut,
                format!(
                    "not everything could be deleted on {} within {} seconds",
                    target.url.label(),
                    limit.as_secs_f32()
                ),
            ));
        }
        Revocation { left, failure: failed.map(|problem| failure(problem, target)) }
    }

    async fn delete(&self, target: &Target, object: &RemoteObject) -> Result<(), Problem> {
        let answer = match self.ask(target, Ask::delete(object.path())).await {
            Err(problem) if problem.cause == Cause::Forbidden => {
                return Err(may_not(target, object));
            }
            answer => answer?,
        };
        // Some kinds are answered with the object, some with a Status.
        let is_gone =
            answer.is(object.kind.as_str()) || answer.is("Status") || answer.missing().is_some();
        match (is_gone, answer.status) {
            (true, _) => Ok(()),
            (false, StatusCode::CONFLICT) => Err(Problem::new(
                Cause::Conflict,
                format!("{} does not delete the {object}", target.url.label()),
            )),
            (false, _) => Err(not_kubernetes(target)),
        }
    }
}

fn may_not(target: &Target, object: &RemoteObject) -> Problem {
    let RemoteObject { kind, .. } = object;
    let rights = match kind {
        RemoteKind::ServiceAccount | RemoteKind::Secret => "",
        RemoteKind::ClusterRoleBinding
        | RemoteKind::RoleBinding
        | RemoteKind::ClusterRole
        | RemoteKind::Role => ", which takes all the rights that it gives",
    };
    Problem::new(
        Cause::Forbidden,
        format!(
            "the token of the kubeconfig may not make, change or delete the {object} on \
             {}{rights}; give it that right, or set spec.createNewServiceAccount to false",
            target.url.label()
        ),
    )
}

/// The token in a Secret, if it has one yet.
fn token_in(answer: &Answer) -> Result<Option<SecretString>, Problem> {
    #[derive(Deserialize)]
    struct Secret {
        data: Option<Data>,
    }
    #[derive(Deserialize)]
    struct Data {
        token: Option<SecretText>,
    }
    let unusable =
        || Problem::new(Cause::TokenUnusable, "the token that the cluster has made cannot be used");
    let secret: Secret = serde_json::from_slice(&answer.body).map_err(|_| unusable())?;
    let Some(SecretText(encoded)) = secret.data.and_then(|data| data.token) else {
        return Ok(None);
    };
    let decoded = STANDARD.decode(encoded.expose_secret()).map_err(|_| unusable())?;
    let decoded = Zeroizing::new(decoded);
    let text = std::str::from_utf8(&decoded).map_err(|_| unusable())?;
    let token = target::token(text).map_err(|_| unusable())?;
    Ok((!token.expose_secret().is_empty()).then_some(token))
}

/// A text that is wiped from memory.
struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}
