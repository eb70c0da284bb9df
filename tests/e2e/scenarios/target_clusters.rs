//! Target clusters: the API server that Argo CD runs on, as a tenant would name it, with accounts of the
//! tenant's.

use crds::GitOpsDeploymentManagedEnvironmentSpec;
use crds::deployment::Destination;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::Role;
use serde_json::json;

use crate::harness::eventually;
use crate::repository::config_map;
use crate::ring::Ring;
use crate::scenarios::another_cluster::leave;
use crate::target::Environment;

/// The environment.
const NAME: &str = "here";

/// Commits a word that the ConfigMap `first` says, and waits until it has arrived.
async fn follows(ring: &Ring, application: &str, word: &str) {
    ring.commit(&[("shop/first.json", config_map("first", word))]);
    ring.wait_until_argocd_has_seen(application).await;
    ring.wait_for_word("first", Some(word)).await;
}

/// A deployment waits for its environment, goes there, and follows its repository while the token is
/// rotated, the account from before is deleted, and the program makes an account of its own; nothing of
/// that is left in the end.
pub async fn argo_cd_deploys_to_an_environment_while_its_tokens_rotate(ring: &mut Ring) {
    let namespace = ring.namespace.clone();
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let mut object = ring.deployment("shop", "automated", "shop");
    let destination = Destination { environment: NAME.to_owned(), namespace: namespace.clone() };
    object.spec.destination = Some(destination);
    let deployment = ring.create(&object).await;
    let here = ring.cluster().as_target().await;
    for account in ["first", "second"] {
        here.create_account(&namespace, account).await;
        here.allow(&namespace, account, &["*"]).await;
    }
    let environment = Environment::of(&ring.client, &namespace, NAME);
    let credentials = here.credentials_of(&namespace, "first").await;
    let url = credentials.url.clone();
    let spec = GitOpsDeploymentManagedEnvironmentSpec {
        namespaces: vec![namespace.clone()],
        ..GitOpsDeploymentManagedEnvironmentSpec::default()
    };
    let uid = environment.create(&credentials, spec).await;
    environment.wait_until_ready().await;
    let first = environment.told(&url, "").await;
    assert_eq!(first.data["namespaces"], namespace);
    assert!(first.data["project"].starts_with("app-project-"), "it is the tenant's alone");
    ring.wait_for_word("first", Some("one")).await;
    ring.wait_until_ready("shop").await;

    let credentials = here.credentials_of(&namespace, "second").await;
    environment.set_kubeconfig(&credentials.kubeconfig).await;
    let second = environment.told(&url, &first.token).await;
    here.delete_account(&namespace, "first").await;
    let application = ring.application_name(&deployment);
    follows(ring, &application, "two").await;

    environment.edit(json!({"createNewServiceAccount": true})).await;
    environment.told(&url, &second.token).await;
    ring.kill_program().await;
    follows(ring, &application, "three").await;
    let made = here.made_for::<ServiceAccount>(&namespace, &uid).await;
    assert_eq!(made.len(), 1, "the account is there");

    leave(ring, "shop", &environment).await;
    eventually("the account and its rights are gone", || async {
        let accounts = here.made_for::<ServiceAccount>(&namespace, &uid).await;
        let roles = here.made_for::<Role>(&namespace, &uid).await;
        (accounts.is_empty() && roles.is_empty()).then_some(())
    })
    .await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}
