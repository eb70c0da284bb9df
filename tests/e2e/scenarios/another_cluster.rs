//! A second cluster as a target: it shares neither accounts nor authorities nor objects with the one that
//! Argo CD runs on, and may be gone while that one is there.

use std::time::Duration;

use crds::deployment::Destination;
use crds::{GitOpsDeployment, GitOpsDeploymentManagedEnvironmentSpec};
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::Api;
use serde_json::json;

use crate::harness::{eventually, with_finalizer};
use crate::repository::config_map;
use crate::ring::Ring;
use crate::target::{Environment, Target};
use crate::tenant::Tenant;

/// The environment that is the second cluster.
const THERE: &str = "there";
/// The one that is the cluster that Argo CD runs on.
const HERE: &str = "here";
/// An account on either.
const ACCOUNT: &str = "deployer";
/// More than the ten minutes for which the program is patient.
const LONG: Duration = Duration::from_secs(660);

fn environment(ring: &Ring, name: &str) -> Environment {
    Environment::of(&ring.client, &ring.namespace, name)
}

/// A deployment of a folder to an environment, with the finalizer that makes its deletion wait.
fn deployment(ring: &Ring, folder: &str, environment: &str) -> GitOpsDeployment {
    let mut object = with_finalizer(ring.deployment(folder, "automated", folder));
    object.spec.destination = Some(Destination {
        environment: environment.to_owned(),
        namespace: ring.namespace.clone(),
    });
    object
}

/// The spec of an environment that is one namespace of a cluster.
fn one_namespace(namespace: &str) -> GitOpsDeploymentManagedEnvironmentSpec {
    GitOpsDeploymentManagedEnvironmentSpec {
        namespaces: vec![namespace.to_owned()],
        ..GitOpsDeploymentManagedEnvironmentSpec::default()
    }
}

/// The spec of an environment that is a whole cluster.
fn whole_cluster() -> GitOpsDeploymentManagedEnvironmentSpec {
    GitOpsDeploymentManagedEnvironmentSpec {
        cluster_resources: true,
        ..GitOpsDeploymentManagedEnvironmentSpec::default()
    }
}

/// Waits until something in the status of a deployment says all of this.
async fn wait_until_said(ring: &Ring, name: &str, texts: &[&str]) {
    ring.wait_for(name, &format!("{name} says {texts:?}"), |object| {
        let Some(status) = &object.status else { return false };
        let conditions = status.conditions.iter().map(|one| one.message.as_str());
        let operation = status.operation_state.as_ref();
        let message = operation.map(|operation| operation.message.as_str());
        let result = operation.and_then(|operation| operation.sync_result.as_ref());
        let resources = result.iter().flat_map(|result| &result.resources);
        let mut said = conditions.chain(message).chain(resources.map(|one| one.message.as_str()));
        said.any(|said| texts.iter().all(|text| said.contains(text)))
    })
    .await;
}

/// Deletes a deployment and then its environment; waits until nothing is left here.
pub(super) async fn leave(ring: &Ring, deployment: &str, environment: &Environment) {
    ring.delete(deployment).await;
    ring.wait_until_gone(deployment).await;
    environment.delete().await;
    environment.wait_until_gone().await;
    let machines = "SELECT count(*) FROM machine WHERE kind = 'ManagedEnvironment'";
    ring.wait_until_counted(machines, 0).await;
    let sealed = "SELECT count(*) FROM sealed_value WHERE table_name = 'clustercredentials'";
    ring.wait_until_counted(sealed, 0).await;
}

/// Its objects are there and not here, and go when it goes.
pub async fn a_deployment_goes_to_a_namespace_of_another_cluster(ring: &mut Ring) {
    let (there, namespace) = (Target::second().await, ring.namespace.clone());
    there.create_namespace(&namespace, &[ACCOUNT]).await;
    there.allow(&namespace, ACCOUNT, &["*"]).await;
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let environment = environment(ring, THERE);
    let credentials = there.credentials_of(&namespace, ACCOUNT).await;
    environment.create(&credentials, one_namespace(&namespace)).await;
    ring.create(&deployment(ring, "shop", THERE)).await;
    there.wait_for_word(&namespace, "first", "one").await;
    let shop = ring.wait_until_ready("shop").await;
    let destination = shop.status.unwrap().reconciled_state.destination;
    assert_eq!((destination.name.as_str(), &destination.namespace), (THERE, &namespace));
    assert!(ring.config_maps().get_opt("first").await.unwrap().is_none(), "nothing of it is here");

    leave(ring, "shop", &environment).await;
    assert_eq!(there.word(&namespace, "first").await, None);
    there.clean_up(&namespace).await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// Objects of any namespace arrive. Those without one are refused as long as tenants are isolated: what an
/// AppProject permits, it would permit on the cluster that Argo CD runs on as well. Otherwise they arrive
/// too. All go when their deployment goes.
pub async fn a_whole_cluster_gets_objects_without_a_namespace_unless_isolated(ring: &mut Ring) {
    let (there, namespace) = (Target::second().await, ring.namespace.clone());
    there.create_namespace(&namespace, &[ACCOUNT]).await;
    there.make_administrators(&namespace, &[ACCOUNT]).await;
    let made = format!("{namespace}-made");
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made}});
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": made},
        "rules": [],
    });
    let first = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "first", "namespace": made},
        "data": {"word": "one"},
    });
    ring.commit(&[
        ("shop/namespace.json", object.to_string()),
        ("shop/role.json", role.to_string()),
        ("shop/first.json", first.to_string()),
    ]);
    let environment = environment(ring, THERE);
    let credentials = there.credentials_of(&namespace, ACCOUNT).await;
    environment.create(&credentials, whole_cluster()).await;
    ring.create(&deployment(ring, "shop", THERE)).await;
    let refused = "resource rbac.authorization.k8s.io:ClusterRole is not permitted in project";
    wait_until_said(ring, "shop", &[refused]).await;

    ring.cluster().set_isolated(false).await;
    ring.wait_until_ready("shop").await;
    let namespaces = Api::<Namespace>::all(there.client.clone());
    let roles = Api::<ClusterRole>::all(there.client.clone());
    namespaces.get(&made).await.unwrap();
    roles.get(&made).await.unwrap();
    assert_eq!(there.word(&made, "first").await.as_deref(), Some("one"));
    let here = Api::<Namespace>::all(ring.client.clone());
    assert!(here.get_opt(&made).await.unwrap().is_none(), "nothing of it is here");

    leave(ring, "shop", &environment).await;
    assert!(namespaces.get_opt(&made).await.unwrap().is_none());
    assert!(roles.get_opt(&made).await.unwrap().is_none());
    ring.cluster().set_isolated(true).await;
    there.clean_up(&namespace).await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// The cluster accepts the token, but not what is deployed with it. Argo CD's own words reach the tenant;
/// once the right is granted there, the deployment goes on by itself.
pub async fn what_another_cluster_forbids_is_said_and_goes_on_once_it_is_granted(ring: &mut Ring) {
    let (there, namespace) = (Target::second().await, ring.namespace.clone());
    there.create_namespace(&namespace, &[ACCOUNT]).await;
    there.allow(&namespace, ACCOUNT, &["get", "list", "watch"]).await;
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let environment = environment(ring, THERE);
    let credentials = there.credentials_of(&namespace, ACCOUNT).await;
    environment.create(&credentials, one_namespace(&namespace)).await;
    ring.create(&deployment(ring, "shop", THERE)).await;
    let account = format!("User \"system:serviceaccount:{namespace}:{ACCOUNT}\" cannot");
    wait_until_said(ring, "shop", &["configmaps", "is forbidden", &account]).await;
    environment.wait_until_ready().await;

    there.allow(&namespace, ACCOUNT, &["*"]).await;
    there.wait_for_word(&namespace, "first", "one").await;
    ring.wait_until_ready("shop").await;
    leave(ring, "shop", &environment).await;
    there.clean_up(&namespace).await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// Commits a word, and waits until it has arrived on the other cluster.
async fn follows(ring: &Ring, there: &Target, application: &str, word: &str) {
    ring.commit(&[("shop/first.json", config_map("first", word))]);
    ring.wait_until_argocd_has_seen(application).await;
    there.wait_for_word(&ring.namespace, "first", word).await;
}

/// A deployment follows its repository while the user's Secret gets another account's token, the program
/// makes an account with the rights of the whole cluster, that account gets another token and the sealing
/// key is rotated, each with `kill -9` of the program. In the end no token works that was used.
pub async fn everything_about_another_cluster_rotates_while_a_deployment_follows(ring: &mut Ring) {
    let (there, namespace) = (Target::second().await, ring.namespace.clone());
    let accounts = ["first", "second", "third"];
    there.create_namespace(&namespace, &accounts).await;
    there.make_administrators(&namespace, &accounts).await;
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let environment = environment(ring, THERE);
    let credentials = there.credentials_of(&namespace, "first").await;
    let url = credentials.url.clone();
    let uid = environment.create(&credentials, whole_cluster()).await;
    let shop = ring.create(&deployment(ring, "shop", THERE)).await;
    let application = ring.application_name(&shop);
    there.wait_for_word(&namespace, "first", "one").await;
    let first = environment.told(&url, "").await.token;

    let credentials = there.credentials_of(&namespace, "second").await;
    environment.set_kubeconfig(&credentials.kubeconfig).await;
    ring.kill_program().await;
    let second = environment.told(&url, &first).await.token;
    there.delete_account(&namespace, "first").await;
    follows(ring, &there, &application, "two").await;

    environment.edit(json!({"createNewServiceAccount": true})).await;
    ring.cluster().add_sealing_key().await;
    let made = environment.told(&url, &second).await.token;
    follows(ring, &there, &application, "three").await;

    let credentials = there.credentials_of(&namespace, "third").await;
    environment.set_kubeconfig(&credentials.kubeconfig).await;
    ring.cluster().remove_old_sealing_key().await;
    let last = environment.told(&url, &made).await.token;
    there.delete_account(&namespace, "second").await;
    follows(ring, &there, &application, "four").await;
    let primary = ring.cluster().primary_key();
    let others = format!("SELECT count(*) FROM sealed_value WHERE key_id <> '{primary}'");
    ring.wait_until_counted(&others, 0).await;
    for token in [&first, &second, &made] {
        there.wait_until_revoked(token).await;
    }
    let tokens = || there.made_for::<Secret>("kube-system", &uid);
    eventually("one token is left", || async { (tokens().await.len() == 1).then_some(()) }).await;
    environment.wait_until_ready().await;
    ring.wait_until_ready("shop").await;

    leave(ring, "shop", &environment).await;
    assert_eq!(there.made_for::<ServiceAccount>("kube-system", &uid).await, [""; 0]);
    assert_eq!(tokens().await, [""; 0]);
    there.wait_until_revoked(&last).await;
    there.clean_up(&namespace).await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// The environment says that its cluster is gone, and Argo CD's words reach the tenant. What goes
/// elsewhere goes on. What goes there can be deleted nevertheless, and Events list what may remain, which
/// is there indeed once the cluster is back.
pub async fn a_cluster_that_is_gone_for_good_holds_up_nobody(ring: &mut Ring) {
    let (there, here) = (Target::second().await, ring.cluster().as_target().await);
    let (namespace, client) = (ring.namespace.clone(), ring.client.clone());
    let bob = Tenant::of(client, &ring.create_another_namespace().await);
    there.create_namespace(&namespace, &[ACCOUNT]).await;
    here.create_account(&namespace, ACCOUNT).await;
    for cluster in [&there, &here] {
        cluster.allow(&namespace, ACCOUNT, &["*"]).await;
    }
    commit_word(ring, "one");
    let (gone, other) = (environment(ring, THERE), environment(ring, HERE));
    let spec = GitOpsDeploymentManagedEnvironmentSpec {
        create_new_service_account: true,
        ..one_namespace(&namespace)
    };
    let uid = gone.create(&there.credentials_of(&namespace, ACCOUNT).await, spec).await;
    let credentials = here.credentials_of(&namespace, ACCOUNT).await;
    other.create(&credentials, one_namespace(&namespace)).await;
    for (folder, environment) in [("shop", THERE), ("local", HERE)] {
        ring.create(&deployment(ring, folder, environment)).await;
        ring.wait_until_ready(folder).await;
    }
    bob.deploy("shop", &ring.repository().url, "main").await;
    bob.wait_for_word("first", "one").await;

    let next = there.credentials_of(&namespace, ACCOUNT).await;
    ring.cluster().kill_target().await;
    // Its cluster is asked every ten minutes, and at once when its Secret changes.
    gone.set_kubeconfig(&next.kubeconfig).await;
    gone.wait_for("Stalled", "Unreachable").await;
    commit_word(ring, "two");
    wait_until_said(ring, "shop", &["connection refused"]).await;
    ring.wait_for_word("local", Some("two")).await;
    bob.wait_for_word("first", "two").await;

    ring.delete("shop").await;
    gone.delete().await;
    wait_until_given_up(ring, &gone, &uid).await;
    commit_word(ring, "three");
    ring.wait_for_word("local", Some("three")).await;
    bob.wait_for_word("first", "three").await;

    ring.cluster().start_everything().await;
    assert_eq!(there.word(&namespace, "first").await.as_deref(), Some("one"));
    let accounts = there.made_for::<ServiceAccount>(&namespace, &uid).await;
    assert_eq!(accounts, [format!("argocd-manager-{uid}")]);
    there.clean_up(&namespace).await;
    leave(ring, "local", &other).await;
    bob.wait_until_deployed("shop").await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

/// Waits until an environment whose cluster is gone, and its deployment, are gone too: Argo CD has ten
/// minutes to remove what was deployed, and the program ten more to remove its account.
async fn wait_until_given_up(ring: &mut Ring, gone: &Environment, uid: &str) {
    let machines = "SELECT count(*) FROM machine WHERE kind = 'ManagedEnvironment'";
    let draining = format!("{machines} AND state LIKE '%\"is_detached\":true%'");
    ring.wait_until_counted(&draining, 1).await;
    assert!(ring.deployments().get_opt("shop").await.unwrap().is_some(), "Argo CD has its time");
    ring.cluster().let_pass_for_environments(LONG).await;
    ring.wait_until_gone("shop").await;
    gone.wait_until_told_of("shop").await;
    let clearing = "state_path LIKE '%Clearing' AND state LIKE '%\"limit\":%'";
    ring.wait_until_counted(&format!("{machines} AND {clearing}"), 1).await;
    ring.cluster().let_pass_for_environments(LONG).await;
    gone.wait_until_told_of(&format!("argocd-manager-{uid}")).await;
    gone.wait_until_gone().await;
    // The other one.
    ring.wait_until_counted(machines, 1).await;
}

/// Commits a word that the ConfigMaps of two folders say.
fn commit_word(ring: &Ring, word: &str) {
    ring.commit(&[
        ("shop/first.json", config_map("first", word)),
        ("local/local.json", config_map("local", word)),
    ]);
}
