//! Checks and removals, against an API server and clusters that say what a test wants.

use std::collections::VecDeque;
use std::sync::Arc;

use cluster_access::{
    Cause, Failure, Installation, Namespaces, Reason, RemoteObject, Revocation, Target,
};
use crds::{GitOpsDeploymentManagedEnvironment, GitOpsDeploymentManagedEnvironmentSpec};
use futures::future::BoxFuture;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use machines::identity::{Digest, EnvironmentId, TenantUid};
use machines::kinds::managed_environment::verdict::Verdict;
use machines::kinds::managed_environment::{
    self as machine, ClusterCredentialsId, EnvironmentUid, Inquiry, Revocable,
};
use parking_lot::Mutex;
use schema::sealing::{Keyring, generate_key};
use schema::store::{EnvironmentAccess, Role, Store};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::checks::ClusterCheck;
use super::observe;
use super::removals::AccountRemoval;
use crate::backend::Backend;
use crate::backend::index::secrets::digest;
use crate::backend::observations::{AttemptedRemoval, CheckedCluster, Observations};
use crate::clusters::Clusters;
use crate::runtime::effects::Outcome;
use crate::sealing::Sealing;
use crate::settings::Settings;
use crate::test_support;

const URL: &str = "https://api.example.com:6443";
const TOKEN: &str = "kubeconfig-token";

/// A cluster that says what a test wants, and remembers which tokens it was shown.
#[derive(Debug, Default)]
struct Scripted {
    /// What the next checks end with; the others succeed.
    refusals: Mutex<VecDeque<Cause>>,
    shown: Mutex<Vec<String>>,
    /// What the next removals leave.
    left: Mutex<VecDeque<Vec<RemoteObject>>>,
}

impl Scripted {
    fn note(&self, what: &str, target: &Target) {
        self.shown.lock().push(format!("{what} {}", target.token.expose_secret()));
    }

    fn take_shown(&self) -> Vec<String> {
        std::mem::take(&mut self.shown.lock())
    }
}

impl Clusters for Scripted {
    fn check<'a>(
        &'a self,
        target: &'a Target,
        _: &'a Namespaces,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        self.note("check", target);
        let refusal = self.refusals.lock().pop_front();
        let failure = |cause| Failure::new(Reason::CredentialsNotValidated, cause, "it says no");
        Box::pin(async move { refusal.map_or(Ok(()), |cause| Err(failure(cause))) })
    }

    fn install<'a>(
        &'a self,
        target: &'a Target,
        installation: &'a Installation,
    ) -> BoxFuture<'a, Result<SecretString, Failure>> {
        self.note("install", target);
        let secret = installation.objects().pop().map(|object| object.name);
        Box::pin(async move { Ok(secret.unwrap_or_default().into()) })
    }

    fn revoke<'a>(
        &'a self,
        target: &'a Target,
        _: &'a [RemoteObject],
    ) -> BoxFuture<'a, Revocation> {
        self.note("revoke", target);
        let left = self.left.lock().pop_front().unwrap_or_default();
        Box::pin(async move { Revocation { left, failure: None } })
    }
}

struct World {
    client: kube::Client,
    backend: Arc<Backend>,
    cluster: Arc<Scripted>,
}

impl World {
    async fn new() -> Self {
        let client = test_support::api_server(crds::all(), "team").await;
        let cluster = Arc::new(Scripted::default());
        let settings = Settings { clusters: cluster.clone(), ..Settings::default() };
        let database = test_support::database().await;
        let key = format!("one={}", generate_key().expose_secret());
        let keyring = Keyring::parse(&key.into()).expect("a key");
        let sealing = Sealing::start(&database, Some(keyring), &CancellationToken::new())
            .await
            .ok()
            .flatten();
        let sealing = sealing.expect("it opens the database");
        let now = settings.clock.now();
        let store = Store::take_over(database, Role::Backend, "test", now).await.expect("the role");
        let backend = Backend::new(client.clone(), store, sealing, settings, Arc::default());
        Self { client, backend, cluster }
    }

    async fn create(&self, creates_account: bool) -> ClusterCheck {
        let spec = GitOpsDeploymentManagedEnvironmentSpec {
            api_url: URL.to_owned(),
            credentials_secret: "kubeconfig".to_owned(),
            create_new_service_account: creates_account,
            ..GitOpsDeploymentManagedEnvironmentSpec::default()
        };
        let object = GitOpsDeploymentManagedEnvironment::new("env", spec);
        let api: Api<GitOpsDeploymentManagedEnvironment> =
            Api::namespaced(self.client.clone(), "team");
        let object = api.create(&PostParams::default(), &object).await.expect("it is created");
        let uid = EnvironmentUid::new(object.uid().expect("a UID"));
        ClusterCheck {
            row: EnvironmentId::of(&uid),
            uid,
            namespace: "team".to_owned(),
            name: "env".to_owned(),
            inquiry: Inquiry {
                spec: observe::snapshot(&object).spec,
                shown: None,
                account: None,
                stored: None,
            },
        }
    }

    /// Creates the Secret; returns its digest.
    async fn put_secret(&self, type_: &str, kubeconfig: &str) -> Digest {
        let data = ByteString(kubeconfig.as_bytes().to_vec());
        let metadata = ObjectMeta { name: Some("kubeconfig".to_owned()), ..ObjectMeta::default() };
        let secret = Secret {
            metadata,
            type_: Some(type_.to_owned()),
            data: Some([("kubeconfig".to_owned(), data)].into()),
            ..Secret::default()
        };
        let api: Api<Secret> = Api::namespaced(self.client.clone(), "team");
        api.create(&PostParams::default(), &secret).await.expect("it is created");
        let sealer = self.backend.sealing.sealer().expect("keys");
        digest(&secret, &sealer.digests)
    }

    async fn put_kubeconfig(&self) -> Digest {
        let text = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": URL}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
        });
        self.put_secret(crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE, &text.to_string()).await
    }

    async fn tenant(&self) -> TenantUid {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let namespace = api.get("team").await.expect("it is there");
        TenantUid::new(namespace.uid().expect("a UID"))
    }

    async fn checked(&self, check: &ClusterCheck) -> CheckedCluster {
        let found = self.backend.check_cluster(check.clone()).await;
        found.expect("an answer").cluster.expect("of a cluster")
    }
}

fn reason(checked: &CheckedCluster) -> &str {
    match &checked.found.verdict {
        Verdict::Accepted { .. } => "",
        Verdict::SecretMissing {} => "SecretMissing",
        Verdict::Refused(refusal) => &refusal.reason,
    }
}

#[tokio::test]
async fn what_is_accepted_comes_with_its_credential_and_the_digest_of_what_argo_cd_is_told() {
    let world = World::new().await;
    let mut check = world.create(false).await;
    let missing = world.checked(&check).await;
    assert_eq!((reason(&missing), &missing.found.secret), ("SecretMissing", &None));
    let secret = world.put_kubeconfig().await;
    let checked = world.checked(&check).await;
    assert_eq!(world.cluster.take_shown(), [format!("check {TOKEN}")]);
    assert_eq!((&checked.found.secret, checked.found.round), (&Some(secret), None));
    let accepted = checked.accepted.expect("a credential");
    assert_eq!(accepted.token.expose_secret(), TOKEN);
    let access = EnvironmentAccess::accepted(&check.inquiry.spec, (*accepted).clone());
    let digests = &world.backend.sealing.sealer().expect("keys").digests;
    let told = access.digest(&check.row, digests);
    assert_eq!(checked.found.verdict, Verdict::Accepted { told });
    world.cluster.refusals.lock().push_back(Cause::Unreachable);
    let refused = world.checked(&check).await;
    assert_eq!(reason(&refused), "UnableToValidateClusterCredentials");
    assert!(refused.accepted.is_none());
    // Of another object, or of a spec that is there no longer.
    check.inquiry.spec.api_url = "https://elsewhere.example.com".to_owned();
    assert_eq!(world.backend.check_cluster(check).await, Err(Outcome::Pending));
}

#[tokio::test]
async fn what_is_wrong_with_a_secret_is_said_and_no_cluster_is_asked() {
    let world = World::new().await;
    let check = world.create(false).await;
    for (type_, kubeconfig, expected) in [
        ("Opaque", "kind: Config", "InvalidSecretType"),
        (crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE, "", "MissingKubeConfigField"),
        (crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE, "kind: [", "UnableToParseKubeconfigData"),
        (crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE, "kind: Config", "UnableToLocateContext"),
    ] {
        let digest = world.put_secret(type_, kubeconfig).await;
        let checked = world.checked(&check).await;
        assert_eq!(reason(&checked), expected);
        // The watch shows one of the type alone.
        let expected = (type_ != "Opaque").then_some(digest);
        assert_eq!(checked.found.secret, expected);
        let api: Api<Secret> = Api::namespaced(world.client.clone(), "team");
        api.delete("kubeconfig", &DeleteParams::default()).await.expect("it is deleted");
    }
    assert_eq!(world.cluster.take_shown(), [] as [&str; 0]);
}

#[tokio::test]
async fn an_account_is_made_with_the_secret_that_the_watch_shows_and_its_token_may_take_a_moment() {
    let world = World::new().await;
    let mut check = world.create(true).await;
    let secret = world.put_kubeconfig().await;
    let outdated = world.backend.check_cluster(check.clone()).await;
    assert_eq!(outdated, Err(Outcome::Pending), "the watch does not show it yet");
    check.inquiry.shown = Some(secret);
    check.inquiry.account = Some(machine::Installation { namespaces: Vec::new(), round: 2 });
    world.cluster.refusals.lock().extend([Cause::TokenRefused, Cause::TokenRefused]);
    // The database is asked outside of this clock.
    tokio::time::pause();
    let checked = world.checked(&check).await;
    tokio::time::resume();
    assert_eq!((reason(&checked), checked.found.round), ("", Some(2)));
    let token = format!("argocd-manager-{}-2", check.uid);
    let shown = format!("check {token}");
    let expected = [&format!("install {TOKEN}"), &shown, &shown, &shown];
    assert_eq!(world.cluster.take_shown().iter().collect::<Vec<_>>(), expected);
    let accepted = checked.accepted.expect("a credential");
    assert_eq!(accepted.token.expose_secret(), token, "the account's");
    // A token that no row has any longer is made again.
    check.inquiry.account = None;
    check.inquiry.stored = Some((ClusterCredentialsId::new("lost"), 2));
    let checked = world.checked(&check).await;
    assert_eq!((reason(&checked), checked.found.round), ("", Some(2)));
    let expected = [format!("install {TOKEN}"), shown];
    assert_eq!(world.cluster.take_shown(), expected);
}

fn installation(namespaces: &[&str], round: u32) -> machine::Installation {
    let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
    machine::Installation { namespaces, round }
}

async fn removal(world: &World, uid: &EnvironmentUid) -> AccountRemoval {
    AccountRemoval {
        uid: uid.clone(),
        tenant: world.tenant().await,
        namespace: "team".to_owned(),
        secret: Some("kubeconfig".to_owned()),
        what: Revocable {
            api_url: URL.to_owned(),
            skips_tls_verification: false,
            credentials: ClusterCredentialsId::new("credentials"),
            revoked: vec![installation(&[], 0), installation(&["a"], 1)],
            kept: Some(installation(&[], 2)),
        },
    }
}

async fn attempt(world: &World, removal: &AccountRemoval) -> AttemptedRemoval {
    let attempted = world.backend.remove_account(removal.clone()).await;
    let Ok(Observations { removal: Some(attempted), .. }) = attempted else {
        panic!("{attempted:?}")
    };
    assert_eq!(attempted.what, removal.what);
    attempted
}

#[tokio::test]
async fn what_was_made_is_removed_but_for_what_stays_and_the_rest_is_named() {
    let world = World::new().await;
    let uid = world.create(true).await.uid;
    let removal = removal(&world, &uid).await;
    let named = attempt(&world, &removal).await.remains;
    assert_eq!(world.cluster.take_shown(), [] as [&str; 0], "nothing opens the cluster");
    let mut expected = vec![
        format!("ServiceAccount a/argocd-manager-{uid}"),
        format!("Secret a/argocd-manager-{uid}-1"),
        format!("Secret kube-system/argocd-manager-{uid}-0"),
        format!("RoleBinding a/argocd-manager-role-binding-{uid}"),
        format!("Role a/argocd-manager-role-{uid}"),
    ];
    assert_eq!(named, expected);
    world.put_kubeconfig().await;
    assert_eq!(attempt(&world, &removal).await.remains, [] as [&str; 0]);
    assert_eq!(world.cluster.take_shown(), [format!("revoke {TOKEN}")]);
    // What is no name would be part of a path, as of another resource.
    let of_no_name = AccountRemoval { secret: None, ..removal.clone() };
    assert_eq!(attempt(&world, &of_no_name).await.remains, expected);
    // The namespace of another tenant has the name now.
    let of_another = AccountRemoval { tenant: TenantUid::new("another"), ..removal.clone() };
    assert_eq!(attempt(&world, &of_another).await.remains, expected);
    assert_eq!(world.cluster.take_shown(), [] as [&str; 0], "its Secret is shown to nobody");
    let mut elsewhere = removal;
    elsewhere.what.api_url = "https://elsewhere.example.com".to_owned();
    elsewhere.what.kept = None;
    expected.truncate(0);
    assert_ne!(attempt(&world, &elsewhere).await.remains, expected);
    assert_eq!(world.cluster.take_shown(), [] as [&str; 0], "it is for another cluster");
}
