//! Private repositories.

use git_stand_in::{Account, HttpsServer};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, Patch, PatchParams};
use serde_json::json;

use crate::harness::{ARGO_CD, eventually};
use crate::repository::{KeyPair, PrivateGit, Repository, config_map};
use crate::ring::Ring;
use crate::tenant::{
    Tenant, repository_secrets, wait_until_argo_cd_has, wait_until_argo_cd_has_secrets,
};

const REPOSITORY: &str = "team/app.git";
/// What Argo CD says if the server refuses it.
const REFUSED: &str = "authentication required";

/// Has Argo CD trust a server.
async fn trust(ring: &Ring, server: &HttpsServer) {
    let certificate = (server.host().to_owned(), server.certificate_pem().to_owned());
    let name = "argocd-tls-certs-cm";
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let map = ConfigMap { metadata, data: Some([certificate].into()), ..ConfigMap::default() };
    let api: Api<ConfigMap> = Api::namespaced(ring.client.clone(), ARGO_CD);
    let parameters = PatchParams::apply("e2e").force();
    api.patch(name, &parameters, &Patch::Apply(&map)).await.unwrap();
}

fn private_git() -> PrivateGit {
    PrivateGit::from_environment().expect("the scenario says that it needs private repositories")
}

/// The tenant of the scenario's namespace.
fn tenant(ring: &Ring) -> Tenant {
    Tenant::of(ring.client.clone(), &ring.namespace)
}

/// A tenant of another namespace.
async fn another_tenant(ring: &mut Ring) -> Tenant {
    let namespace = ring.create_another_namespace().await;
    Tenant::of(ring.client.clone(), &namespace)
}

/// Commits a word that the ConfigMap `first` says; returns the commit hash.
fn commit_word(repository: &Repository, word: &str) -> String {
    repository.commit(&[("shop/first.json", config_map("first", word))])
}

/// Waits until a tenant's deployment has followed the repository to a new word.
async fn follows(tenant: &Tenant, word: &str) {
    tenant.refresh("shop").await;
    tenant.wait_for_word("first", word).await;
}

/// A credential reaches Argo CD in a Secret of the tenant's project, is rotated, also while the
/// program is killed, and leaves nothing behind.
pub async fn a_credential_reaches_argo_cd_is_rotated_and_goes(ring: &mut Ring) {
    let server = HttpsServer::start();
    server.set_repository(REPOSITORY, Account::new("bob", "first"));
    let url = server.url(REPOSITORY);
    trust(ring, &server).await;
    let user = tenant(ring);
    user.set_account("bob", "first").await;
    user.create_credential(&url).await;
    user.wait_until_accepted().await;
    let data = wait_until_argo_cd_has(&ring.client, &url, "password", "first").await;
    assert_eq!(data["username"], "bob");
    assert!(data["project"].starts_with("app-project-"), "it is the tenant's alone");

    server.set_repository(REPOSITORY, Account::new("bob", "second"));
    user.set_account("bob", "second").await;
    ring.kill_program().await;
    wait_until_argo_cd_has(&ring.client, &url, "password", "second").await;

    // The client of a new sandbox, where there is one.
    let user = tenant(ring);
    user.edit_credential(json!({"spec": {"secret": "missing"}})).await;
    user.wait_for_credential("Stalled", "SecretNotFound").await;
    wait_until_argo_cd_has(&ring.client, &url, "password", "second").await;

    user.delete_credential().await;
    wait_until_argo_cd_has_secrets(&ring.client, &url, 0).await;
    ring.wait_until_counted("SELECT count(*) FROM repositorycredentials", 0).await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// A deployment follows its repository while the password is rotated, then the sealing key, then both
/// at once.
pub async fn argo_cd_deploys_over_https_while_everything_rotates(ring: &mut Ring) {
    let repository = private_git().over_https(&ring.namespace);
    let (user, url) = (tenant(ring), repository.url.clone());
    repository.set_accounts(&[("bob", "first")]);
    commit_word(&repository, "one");
    user.set_account("bob", "first").await;
    user.create_credential(&url).await;
    user.deploy("shop", &url, "main").await;
    user.wait_for_word("first", "one").await;

    repository.set_accounts(&[("bob", "first"), ("bob", "second")]);
    user.set_account("bob", "second").await;
    wait_until_argo_cd_has(&ring.client, &url, "password", "second").await;
    repository.set_accounts(&[("bob", "second")]);
    commit_word(&repository, "two");
    follows(&user, "two").await;

    ring.cluster().add_sealing_key().await;
    commit_word(&repository, "three");
    follows(&user, "three").await;
    repository.set_accounts(&[("bob", "second"), ("bob", "third")]);
    user.set_account("bob", "third").await;
    ring.cluster().remove_old_sealing_key().await;
    wait_until_argo_cd_has(&ring.client, &url, "password", "third").await;
    let primary = ring.cluster().primary_key();
    let others = format!("SELECT count(*) FROM sealed_value WHERE key_id <> '{primary}'");
    ring.wait_until_counted(&others, 0).await;
    repository.set_accounts(&[("bob", "third")]);
    commit_word(&repository, "four");
    follows(&user, "four").await;
    user.wait_until_accepted().await;
    user.wait_until_deployed("shop").await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// The same with keys and a server that ends the connection after the first key that it refuses.
pub async fn argo_cd_deploys_over_ssh_while_keys_rotate(ring: &mut Ring) {
    let git = private_git();
    let repository = git.over_ssh(&ring.namespace);
    let (user, url) = (tenant(ring), repository.url.clone());
    let (first, second) = (KeyPair::generate("ed25519"), KeyPair::generate("rsa"));
    git.let_in(&[&first.public]);
    commit_word(&repository, "one");
    user.set_key(&second.private).await;
    user.create_credential(&url).await;
    user.wait_for_credential("Stalled", "AuthenticationRefused").await;
    user.deploy("shop", &url, "main").await;
    wait_until_argo_cd_has_secrets(&ring.client, &url, 0).await;
    user.set_key(&first.private).await;
    user.wait_for_word("first", "one").await;

    git.let_in(&[&first.public, &second.public]);
    user.set_key(&second.private).await;
    wait_until_argo_cd_has(&ring.client, &url, "sshPrivateKey", &second.private).await;
    git.let_in(&[&second.public]);
    commit_word(&repository, "two");
    follows(&user, "two").await;
    user.wait_until_accepted().await;
    user.wait_until_deployed("shop").await;
    git.let_in(&[]);
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// Each uses its own: one's wrong password fails although the other's is right, and the end of one
/// leaves the other. What they share is Argo CD's clone: a full commit id is deployed from it. So may a
/// branch be, as long as Argo CD remembers what the other has seen of it.
pub async fn two_tenants_of_a_repository_use_their_own_credentials(ring: &mut Ring) {
    let repository = private_git().over_https(&ring.namespace);
    let url = repository.url.clone();
    let (alice, bob) = (tenant(ring), another_tenant(ring).await);
    repository.set_accounts(&[("alice", "a"), ("bob", "b")]);
    commit_word(&repository, "one");
    for (user, name, password) in [(&alice, "alice", "a"), (&bob, "bob", "b")] {
        user.set_account(name, password).await;
        user.create_credential(&url).await;
        user.deploy("shop", &url, "main").await;
        user.wait_for_word("first", "one").await;
    }
    let secrets = wait_until_argo_cd_has_secrets(&ring.client, &url, 2).await;
    assert_ne!(secrets[0]["project"], secrets[1]["project"]);

    repository.set_accounts(&[("alice", "a")]);
    bob.wait_for_refusal("shop", REFUSED).await;
    let second = commit_word(&repository, "two");
    follows(&alice, "two").await;
    // No server is asked for it, and the clone of the URL has it.
    bob.deploy("pinned", &url, &second).await;
    bob.wait_for_word("first", "two").await;
    bob.undeploy("pinned").await;

    alice.undeploy("shop").await;
    alice.delete_credential().await;
    let secrets = wait_until_argo_cd_has_secrets(&ring.client, &url, 1).await;
    assert_eq!(secrets[0]["username"], "bob");
    repository.set_accounts(&[("bob", "c")]);
    bob.set_account("bob", "c").await;
    commit_word(&repository, "three");
    follows(&bob, "three").await;
    bob.wait_until_deployed("shop").await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// What isolation prevents: without it a tenant without a credential deploys with another's.
pub async fn without_isolation_tenants_use_each_others_credentials(ring: &mut Ring) {
    let repository = private_git().over_https(&ring.namespace);
    let url = repository.url.clone();
    repository.set_accounts(&[("alice", "a")]);
    commit_word(&repository, "one");
    let (alice, bob) = (tenant(ring), another_tenant(ring).await);
    alice.set_account("alice", "a").await;
    alice.create_credential(&url).await;
    alice.deploy("shop", &url, "main").await;
    alice.wait_for_word("first", "one").await;
    bob.deploy("shop", &url, "main").await;
    bob.wait_for_refusal("shop", REFUSED).await;

    ring.cluster().set_isolated(false).await;
    bob.wait_for_word("first", "one").await;
    let secrets = wait_until_argo_cd_has_secrets(&ring.client, &url, 1).await;
    assert!(!secrets[0].contains_key("project"), "it serves every project");

    ring.cluster().set_isolated(true).await;
    bob.wait_until_isolated("shop").await;
    eventually("the credential is isolated", || async {
        let secrets = repository_secrets(&ring.client, &url).await?;
        secrets.iter().all(|secret| secret.contains_key("project")).then_some(())
    })
    .await;
    bob.wait_for_refusal("shop", REFUSED).await;
    commit_word(&repository, "two");
    follows(&alice, "two").await;
    bob.undeploy("shop").await;
    alice.wait_until_deployed("shop").await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}
