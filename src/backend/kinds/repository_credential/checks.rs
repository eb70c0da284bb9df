//! Checks whether repositories accept the credentials of tenants.

use std::sync::Arc;
use std::time::Duration;

use crds::GitOpsDeploymentRepositoryCredential;
use git_access::url::{GitUrl, Transport};
use git_access::{Cause, Credentials, Failure};
use k8s_openapi::api::core::v1::Secret;
use machines::identity::Digest;
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{Checked, CredentialRecord, CredentialUid};
use schema::sealing::digests::Digester;
use schema::store::Credential;
use tokio::time::Instant;

use super::{observe, secret};
use crate::backend::Backend;
use crate::backend::checks::secret::{FoundSecret, SECRET_UNREADABLE, UNREADABLE, is_of_type};
use crate::backend::index::objects::Place;
use crate::backend::index::secrets::{SecretType, digest};
use crate::backend::observations::{CheckedRepository, Observations};
use crate::kubernetes::ApiError;
use crate::metrics::ServerOutcome;
use crate::runtime::effects::Outcome;

/// How often a repository is asked again, apart from the jitter.
const INTERVAL: Duration = Duration::from_secs(600);
/// How soon one is asked again that did not accept the credential, doubled each time up to the
/// interval: a server that was away is noticed soon.
const FIRST_INTERVAL: Duration = Duration::from_secs(30);
/// By how much the interval is shorter or longer, as a share of it: what was asked at the start of
/// the program is not asked all at once ever after.
const JITTER: f64 = 0.1;

/// Whether a repository accepts a credential.
#[derive(Clone, Debug, PartialEq)]
pub struct RepositoryCheck {
    /// Which credential.
    pub uid: CredentialUid,
    /// Where the credential and its Secret are.
    pub namespace: String,
    /// The credential's name.
    pub name: String,
    /// Which repository, and which Secret.
    pub spec: CredentialSpec,
    /// What the watch of Secrets showed when the check was asked for.
    pub shown: Option<Digest>,
}

impl RepositoryCheck {
    /// A check of this repository with what is in this Secret, which the watch shows like this.
    pub fn of(record: &CredentialRecord, spec: &CredentialSpec, shown: &Option<Digest>) -> Self {
        Self {
            uid: record.uid.clone(),
            namespace: record.namespace.clone(),
            name: record.name.clone(),
            spec: spec.clone(),
            shown: shown.clone(),
        }
    }

    /// The pause before the repository is asked again, after so many refusals in a row.
    pub fn pause(&self, refusals: u32, is_doubtful: bool) -> Duration {
        let doubled = FIRST_INTERVAL.saturating_mul(1 << refusals.min(8)).min(INTERVAL);
        let interval = if is_doubtful { doubled } else { INTERVAL };
        // Not random: a program that starts again does not ask all at once, either.
        let hash = Digest::of(&(&self.uid, refusals));
        let share = u8::from_str_radix(hash.as_str().get(..2).unwrap_or_default(), 16);
        let jitter = (f64::from(share.unwrap_or_default()) / 255.0 - 0.5) * 2.0 * JITTER;
        interval.mul_f64(1.0 + jitter)
    }
}

impl Backend {
    /// Carries out a check; without an answer, says how it ended.
    pub(in crate::backend) async fn check_repository(
        &self,
        check: RepositoryCheck,
    ) -> Result<Observations, Outcome> {
        // Without keys nothing is checked.
        let sealer = self.sealing.sealer().ok_or(Outcome::Pending)?;
        let trust = self.trust.known().ok_or(Outcome::Failed)?;
        let (judged, digest) = match self.secret_of_credential(&check).await {
            Ok(FoundSecret::Secret(secret)) => {
                judge(secret.as_deref(), &check.spec, &sealer.digests)
            }
            Ok(FoundSecret::Unreadable) => {
                let (cause, text) = (SECRET_UNREADABLE.to_owned(), UNREADABLE.to_owned());
                (Err(Verdict::Refused { cause, text }), None)
            }
            // The machine learns what became of the object.
            Ok(FoundSecret::Outdated) => return Err(Outcome::Pending),
            Err(error) => {
                tracing::warn!(uid = check.uid.as_str(), %error, "a Secret cannot be read yet");
                return Err(Outcome::Failed);
            }
        };
        let judged = match judged {
            Ok((url, credential)) => {
                let shown = shown(&url, &credential);
                let begun = Instant::now();
                let listed = self.settings.repositories.list(&url, &shown, &trust).await;
                let outcome = ServerOutcome::of_git(listed.as_ref().err().map(Failure::cause));
                self.metrics.note_server("git", outcome, begun.elapsed());
                if self.trust.known().is_none_or(|now| !Arc::ptr_eq(&now, &trust)) {
                    // It was judged by what is no longer trusted, or not yet.
                    return Err(Outcome::Failed);
                }
                listed.map_err(|failure| verdict(&failure)).map(|()| credential)
            }
            Err(verdict) => Err(verdict),
        };
        let (verdict, accepted) = match judged {
            Ok(credential) => (Verdict::Accepted {}, Some(Arc::new(credential))),
            Err(verdict) => (verdict, None),
        };
        let RepositoryCheck { spec, shown, .. } = check;
        let found = Checked { spec, secret: digest, verdict };
        Ok(Observations::checked(CheckedRepository { shown, found, accepted }))
    }

    async fn secret_of_credential(&self, check: &RepositoryCheck) -> Result<FoundSecret, ApiError> {
        let RepositoryCheck { uid, namespace, name, spec, .. } = check;
        let place = Place { namespace: namespace.clone(), name: name.clone() };
        let is_same = |object: &GitOpsDeploymentRepositoryCredential| {
            let snapshot = observe::snapshot(object);
            let is_it = object.metadata.uid.as_deref() == Some(uid.as_str());
            is_it && !snapshot.deleting && snapshot.spec == *spec
        };
        self.secret_of(&place, &spec.secret, is_same).await
    }
}

/// What is to be shown to which server, and the digest of the Secret if it has the right type.
fn judge(
    secret: Option<&Secret>,
    spec: &CredentialSpec,
    digests: &Digester,
) -> (Result<(GitUrl, Credential), Verdict>, Option<Digest>) {
    let Some(secret) = secret else { return (Err(Verdict::SecretMissing {}), None) };
    // The watch shows no other type, so none has a digest.
    if !is_of_type(secret, SecretType::RepositoryCredential) {
        return (Err(Verdict::SecretOfWrongType {}), None);
    }
    let judged = match GitUrl::parse(&spec.repository) {
        Ok(url) => secret::credential(secret, &url).map(|credential| (url, credential)),
        // The machine rejects what no server could be asked for; this is what is left.
        Err(error) => {
            Err(Verdict::Refused { cause: "InvalidURL".to_owned(), text: error.to_string() })
        }
    };
    (judged, Some(digest(secret, digests)))
}

/// What the server is shown.
fn shown(url: &GitUrl, credential: &Credential) -> Credentials {
    match url.transport() {
        Transport::Https => Credentials::Basic {
            username: credential.username.clone(),
            password: credential.password.clone(),
        },
        Transport::Ssh => Credentials::SshKey(credential.ssh_private_key.clone()),
    }
}

fn verdict(failure: &Failure) -> Verdict {
    let text = failure.sentence().to_owned();
    match failure.cause() {
        Cause::NotFound => Verdict::RepositoryMissing { text },
        Cause::KeyEncrypted | Cause::KeyUnreadable => Verdict::SecretUnusable { text },
        cause => Verdict::Refused { cause: format!("{cause:?}"), text },
    }
}

#[cfg(test)]
mod tests {
    use crds::GitOpsDeploymentRepositoryCredentialSpec;
    use kube::ResourceExt;
    use kube::api::{Api, ObjectMeta, PostParams};
    use schema::store::{Role, Store};

    use super::*;
    use crate::sealing::Sealing;
    use crate::settings::Settings;
    use crate::test_support;

    async fn backend(client: kube::Client) -> Arc<Backend> {
        let (database, settings) = (test_support::database().await, Settings::default());
        let now = settings.clock.now();
        let store = Store::take_over(database, Role::Backend, "test", now).await.expect("the role");
        Backend::new(client, store, Sealing::without_keys(), settings, Arc::default())
    }

    #[tokio::test]
    async fn a_secret_is_shown_to_a_server_for_the_credential_that_exists_only() {
        let client = test_support::api_server(crds::all(), "team").await;
        let backend = backend(client.clone()).await;
        let api: Api<GitOpsDeploymentRepositoryCredential> =
            Api::namespaced(client.clone(), "team");
        let spec = GitOpsDeploymentRepositoryCredentialSpec {
            repository: "https://git.example.com/a".to_owned(),
            secret: "git".to_owned(),
        };
        let object = GitOpsDeploymentRepositoryCredential::new("repo", spec);
        let object = api.create(&PostParams::default(), &object).await.expect("it is created");
        let check = RepositoryCheck {
            uid: CredentialUid::new(object.uid().expect("a UID")),
            namespace: "team".to_owned(),
            name: "repo".to_owned(),
            spec: observe::snapshot(&object).spec,
            shown: None,
        };
        let nothing = Ok(FoundSecret::Secret(None));
        assert_eq!(backend.secret_of_credential(&check).await, nothing, "there is no Secret yet");
        let metadata = ObjectMeta { name: Some("git".to_owned()), ..ObjectMeta::default() };
        let secrets: Api<Secret> = Api::namespaced(client, "team");
        let secret = Secret { metadata, ..Secret::default() };
        secrets.create(&PostParams::default(), &secret).await.expect("it is created");
        let found = backend.secret_of_credential(&check).await;
        assert!(matches!(found, Ok(FoundSecret::Secret(Some(_)))), "{found:?}");
        // Of another tenant, whose namespace has the name now; and of a URL that is there no longer.
        let uid = CredentialUid::new("another");
        let of_another = RepositoryCheck { uid, ..check.clone() };
        let mut elsewhere = check.clone();
        elsewhere.spec.repository = "https://git.example.com/b".to_owned();
        for outdated in [of_another, elsewhere] {
            assert_eq!(
                backend.secret_of_credential(&outdated).await,
                Ok(FoundSecret::Outdated),
                "{outdated:?}"
            );
        }
    }

    #[test]
    fn what_is_refused_is_asked_again_sooner_and_less_and_less_often() {
        let check = RepositoryCheck {
            uid: CredentialUid::new("one"),
            namespace: "team".to_owned(),
            name: "repo".to_owned(),
            spec: CredentialSpec::default(),
            shown: None,
        };
        let seconds = |is_doubtful, refusals| check.pause(refusals, is_doubtful).as_secs_f64();
        let pauses = [0, 1, 2, 5, 30].map(|refusals| seconds(true, refusals));
        for (pause, expected) in pauses.into_iter().zip([30.0, 60.0, 120.0, 600.0, 600.0]) {
            assert!((pause - expected).abs() <= expected / 10.0, "{pauses:?}");
        }
        assert!((seconds(false, 0) - 600.0).abs() <= 60.0);
    }
}
