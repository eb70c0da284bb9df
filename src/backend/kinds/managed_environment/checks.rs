//! Checks whether clusters accept the credentials of tenants.

use std::sync::Arc;
use std::time::Duration;

use cluster_access::{ApiUrl, Cause, Failure, Installation, Namespaces, Target, Trust};
use crds::GitOpsDeploymentManagedEnvironment;
use k8s_openapi::api::core::v1::Secret;
use machines::identity::{Digest, EnvironmentId};
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::kinds::managed_environment::verdict::Verdict;
use machines::kinds::managed_environment::{
    Checked, ClusterCredentialsId, EnvironmentRecord, EnvironmentUid, Inquiry, recheck,
};
use schema::sealing::digests::Digester;
use schema::store::{ClusterCredential, EnvironmentAccess, StoreError};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::{observe, secret, verdict};
use crate::backend::Backend;
use crate::backend::checks::secret::{FoundSecret, is_of_type};
use crate::backend::index::objects::Place;
use crate::backend::index::secrets::{SecretType, digest};
use crate::backend::observations::{CheckedCluster, Observations};
use crate::kubernetes::ApiError;
use crate::metrics::ServerOutcome;
use crate::runtime::effects::Outcome;

/// How often a token is shown that was just made: a cluster of several servers may need a moment until
/// each of them knows it.
const NEW_TOKEN_ATTEMPTS: u32 = 4;
/// The pause before it is shown again.
const NEW_TOKEN_PAUSE: Duration = Duration::from_secs(1);

/// Whether a cluster accepts credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterCheck {
    /// Of which environment.
    pub uid: EnvironmentUid,
    /// Where the environment and its Secret are.
    pub namespace: String,
    /// The environment's name.
    pub name: String,
    /// The environment's row, which may not exist yet.
    pub row: EnvironmentId,
    /// What is asked.
    pub inquiry: Inquiry,
}

/// The token that a cluster is shown, and where it comes from.
enum Source {
    /// The kubeconfig's.
    Kubeconfig,
    /// One of an account that is made first.
    Account(u32),
    /// The one in the environment's row, of an account that was made before.
    Row(u32, Box<EnvironmentAccess>),
}

impl Source {
    fn round(&self) -> Option<u32> {
        match self {
            Self::Kubeconfig => None,
            Self::Account(round) | Self::Row(round, _) => Some(*round),
        }
    }
}

impl ClusterCheck {
    /// A check for an environment.
    pub fn of(record: &EnvironmentRecord, inquiry: Inquiry) -> Self {
        let row = record.row.as_ref().map(|row| row.id.clone());
        Self {
            uid: record.uid.clone(),
            namespace: record.namespace.clone(),
            name: record.name.clone(),
            row: row.unwrap_or_else(|| EnvironmentId::of(&record.uid)),
            inquiry,
        }
    }

    /// The pause before the cluster is asked again, after so many refusals in a row.
    pub fn pause(&self, refusals: u32, is_doubtful: bool) -> Duration {
        recheck::pause(&self.uid, refusals, is_doubtful)
    }

    /// What was found.
    fn found(
        self,
        secret: Option<Digest>,
        round: Option<u32>,
        asked: Result<ClusterCredential, Verdict>,
        digests: &Digester,
    ) -> Observations {
        let Self { row, inquiry: Inquiry { spec, shown, .. }, .. } = self;
        let (verdict, accepted) = match asked {
            Ok(credential) => {
                let access = EnvironmentAccess::accepted(&spec, credential);
                let told = access.digest(&row, digests);
                (Verdict::Accepted { told }, Some(Arc::new(access.credential)))
            }
            Err(verdict) => (verdict, None),
        };
        let found = Checked { spec, secret, round, verdict };
        Observations::cluster(CheckedCluster { shown, found, accepted })
    }
}

impl Backend {
    /// Carries out a check; without an answer, says how it ended.
    pub(in crate::backend) async fn check_cluster(
        &self,
        check: ClusterCheck,
    ) -> Result<Observations, Outcome> {
        // Without keys nothing is checked.
        let digests = &self.sealing.sealer().ok_or(Outcome::Pending)?.digests;
        let secret = match self.secret_of_environment(&check).await {
            Ok(FoundSecret::Secret(secret)) => secret,
            Ok(FoundSecret::Unreadable) => {
                return Ok(check.found(None, None, Err(verdict::unreadable()), digests));
            }
            // The machine learns what became of the object.
            Ok(FoundSecret::Outdated) => return Err(Outcome::Pending),
            Err(error) => {
                tracing::warn!(uid = check.uid.as_str(), %error, "a Secret cannot be read yet");
                return Err(Outcome::Failed);
            }
        };
        let (kubeconfig, read) = judge(secret.as_deref(), digests);
        let Inquiry { spec, shown, .. } = &check.inquiry;
        if spec.creates_account && read.is_some() && read != *shown {
            // An account belongs to the Secret that it was made with. The watch will show this one.
            return Err(Outcome::Pending);
        }
        let source = match &kubeconfig {
            Ok(_) => self.source(&check.inquiry).await?,
            Err(_) => Source::Kubeconfig,
        };
        let round = source.round();
        let asked = match kubeconfig {
            Ok(kubeconfig) => {
                let begun = Instant::now();
                let asked = self.ask_cluster(&check.uid, spec, kubeconfig, source).await;
                let outcome = ServerOutcome::of_cluster(asked.as_ref().err().map(Failure::cause));
                self.metrics.note_server("cluster", outcome, begun.elapsed());
                asked.map_err(|failure| verdict::refused(&failure))
            }
            Err(verdict) => Err(verdict),
        };
        Ok(check.found(read, round, asked, digests))
    }

    async fn secret_of_environment(&self, check: &ClusterCheck) -> Result<FoundSecret, ApiError> {
        let ClusterCheck { uid, namespace, name, inquiry, .. } = check;
        let place = Place { namespace: namespace.clone(), name: name.clone() };
        let is_same = |object: &GitOpsDeploymentManagedEnvironment| {
            let snapshot = observe::snapshot(object);
            let is_it = object.metadata.uid.as_deref() == Some(uid.as_str());
            is_it && !snapshot.deleting && snapshot.spec == inquiry.spec
        };
        self.secret_of(&place, &inquiry.spec.secret, is_same).await
    }

    /// Which token the cluster is shown. One that can no longer be read is made again.
    async fn source(&self, inquiry: &Inquiry) -> Result<Source, Outcome> {
        let Inquiry { spec, account, stored, .. } = inquiry;
        if let Some((credentials, round)) = stored {
            let access = self.stored_access(credentials).await?;
            return Ok(match access {
                Some(access) => Source::Row(*round, Box::new(access)),
                None => Source::Account(*round),
            });
        }
        match account {
            Some(account) => Ok(Source::Account(account.round)),
            None if spec.creates_account => Err(Outcome::Pending),
            None => Ok(Source::Kubeconfig),
        }
    }

    /// What a row opens; `None` if it is gone, or what was sealed with it.
    pub(super) async fn stored_access(
        &self,
        credentials: &ClusterCredentialsId,
    ) -> Result<Option<EnvironmentAccess>, Outcome> {
        match self.store.cluster_access(credentials).await {
            Ok(access) => Ok(access),
            Err(StoreError::Unopened(why)) => {
                tracing::warn!(%why, "a credential of a cluster cannot be read");
                Ok(None)
            }
            Err(error) => {
                tracing::warn!(%error, "a credential of a cluster cannot be read yet");
                Err(Outcome::Failed)
            }
        }
    }

    /// Asks a cluster; returns what it accepts.
    async fn ask_cluster(
        &self,
        uid: &EnvironmentUid,
        spec: &EnvironmentSpec,
        kubeconfig: &[u8],
        source: Source,
    ) -> Result<ClusterCredential, Failure> {
        // The machine rejects most of what is wrong with these; this is what is left.
        let url = ApiUrl::parse(&spec.api_url)?;
        let namespaces = Namespaces::parse(&spec.namespaces, false)?;
        let clusters = &self.settings.clusters;
        let (target, is_new) = match source {
            Source::Row(_, access) => (target_of(&access)?, false),
            Source::Kubeconfig | Source::Account(_) => {
                let skips = spec.skips_tls_verification;
                let target = Target::of_kubeconfig(kubeconfig, &url, skips)?;
                match source.round() {
                    None => (target, false),
                    Some(round) => {
                        let resources = spec.cluster_resources;
                        let account =
                            Installation::new(uid.as_str(), &namespaces, resources, round);
                        let token = clusters.install(&target, &account).await?;
                        (target.with_token(token), true)
                    }
                }
            }
        };
        self.show_token(&target, &namespaces, is_new).await?;
        Ok(credential_of(target))
    }

    /// Shows a cluster a token.
    async fn show_token(
        &self,
        target: &Target,
        namespaces: &Namespaces,
        is_new: bool,
    ) -> Result<(), Failure> {
        let mut attempts = if is_new { NEW_TOKEN_ATTEMPTS } else { 1 };
        loop {
            let checked = self.settings.clusters.check(target, namespaces).await;
            attempts -= 1;
            match checked {
                Err(failure) if failure.cause() == Cause::TokenRefused && attempts > 0 => {
                    tokio::time::sleep(NEW_TOKEN_PAUSE).await;
                }
                checked => return checked,
            }
        }
    }
}

/// The kubeconfig in a Secret, and the Secret's digest if it has the right type.
fn judge<'a>(
    secret: Option<&'a Secret>,
    digests: &Digester,
) -> (Result<&'a [u8], Verdict>, Option<Digest>) {
    let Some(found) = secret else { return (Err(Verdict::SecretMissing {}), None) };
    // The watch shows no other type, so none has a digest.
    let is_one = is_of_type(found, SecretType::ManagedEnvironment);
    (secret::kubeconfig(found), is_one.then(|| digest(found, digests)))
}

/// The cluster that a row is about.
///
/// # Errors
///
/// Its URL is none that this version connects to.
pub(super) fn target_of(access: &EnvironmentAccess) -> Result<Target, Failure> {
    let ClusterCredential { token, authority, server_name } = &access.credential;
    let trust = match authority.expose_secret() {
        _ if access.skips_tls_verification => Trust::Anyone,
        "" => Trust::System,
        authority => Trust::Authority(authority.to_owned()),
    };
    Ok(Target {
        url: ApiUrl::parse(&access.api_url)?,
        token: token.clone(),
        trust,
        server_name: (!server_name.is_empty()).then(|| server_name.clone()),
    })
}

fn credential_of(target: Target) -> ClusterCredential {
    let Target { token, trust, server_name, .. } = target;
    let authority = match trust {
        Trust::Authority(authority) => SecretString::from(authority),
        Trust::System | Trust::Anyone => SecretString::default(),
    };
    ClusterCredential { token, authority, server_name: server_name.unwrap_or_default() }
}
