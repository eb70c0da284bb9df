//! Target clusters: the API server that Argo CD runs on, as a tenant would name it, with accounts of the
//! tenant's.

use std::collections::BTreeMap;

use crds::deployment::Destination;
use crds::{GitOpsDeploymentManagedEnvironment, GitOpsDeploymentManagedEnvironmentSpec};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::harness::{ARGO_CD, eventually};
use crate::repository::config_map;
use crate::ring::Ring;

/// The environment, and its Secret.
const NAME: &str = "here";

fn api<K>(ring: &Ring) -> Api<K>
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
{
    Api::namespaced(ring.client.clone(), &ring.namespace)
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

/// Creates an account that may do everything in the scenario's namespace, and nothing elsewhere.
async fn create_account(ring: &Ring, name: &str) {
    let parameters = PostParams::default();
    let account = ServiceAccount { metadata: named(name), ..ServiceAccount::default() };
    api(ring).create(&parameters, &account).await.unwrap();
    let everything = || Some(vec!["*".to_owned()]);
    let rule = PolicyRule {
        api_groups: everything(),
        resources: everything(),
        verbs: vec!["*".to_owned()],
        ..PolicyRule::default()
    };
    let role = Role { metadata: named(name), rules: Some(vec![rule]) };
    api(ring).create(&parameters, &role).await.unwrap();
    let binding = RoleBinding {
        metadata: named(name),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: name.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: name.to_owned(),
            namespace: Some(ring.namespace.clone()),
            ..Subject::default()
        }]),
    };
    api(ring).create(&parameters, &binding).await.unwrap();
}

/// Has a kubeconfig of an account in the Secret from now on; returns the URL of the API server.
async fn use_account(ring: &mut Ring, name: &str) -> String {
    let namespace = ring.namespace.clone();
    let (url, kubeconfig) = ring.cluster().kubeconfig_of(&namespace, name);
    let secret = Secret {
        metadata: named(NAME),
        type_: Some(crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE.to_owned()),
        data: Some([("kubeconfig".to_owned(), ByteString(kubeconfig.into_bytes()))].into()),
        ..Secret::default()
    };
    let parameters = PatchParams::apply("e2e").force();
    api::<Secret>(ring).patch(NAME, &parameters, &Patch::Apply(&secret)).await.unwrap();
    url
}

async fn wait_for_environment(ring: &Ring, type_: &str, reason: &str) {
    let api = api::<GitOpsDeploymentManagedEnvironment>(ring);
    eventually(&format!("the environment is {type_} because of {reason}"), || async {
        let mut conditions = api.get(NAME).await.ok()?.status?.conditions.into_iter();
        conditions.find(|one| one.type_ == type_ && one.status == "True" && one.reason == reason)
    })
    .await;
}

/// What Argo CD's only cluster Secret says, once its token is another one than this; empty without one.
async fn told(ring: &Ring, before: &str) -> BTreeMap<String, String> {
    let secrets: Api<Secret> = Api::namespaced(ring.client.clone(), ARGO_CD);
    let (label, value) =
        (crds::names::ARGO_CD_SECRET_TYPE_LABEL, crds::names::ARGO_CD_CLUSTER_SECRET);
    let ours = ListParams::default().labels(&format!("{label}={value}"));
    eventually("Argo CD has another token", || async {
        let mut found = secrets.list(&ours).await.ok()?.items;
        let secret = found.pop().filter(|_| found.is_empty())?;
        let data = secret.data.unwrap_or_default().into_iter();
        let data: BTreeMap<String, String> =
            data.map(|(key, value)| (key, String::from_utf8(value.0).unwrap())).collect();
        (data["config"] != before).then_some(data)
    })
    .await
}

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
    create_account(ring, "first").await;
    let url = use_account(ring, "first").await;
    let spec = GitOpsDeploymentManagedEnvironmentSpec {
        api_url: url.clone(),
        credentials_secret: NAME.to_owned(),
        namespaces: vec![namespace.clone()],
        ..GitOpsDeploymentManagedEnvironmentSpec::default()
    };
    let environment = GitOpsDeploymentManagedEnvironment::new(NAME, spec);
    let environments = api::<GitOpsDeploymentManagedEnvironment>(ring);
    let environment = environments.create(&PostParams::default(), &environment).await.unwrap();
    wait_for_environment(ring, "Ready", "Succeeded").await;
    let first = told(ring, "").await;
    assert!(first["server"].starts_with(&format!("{url}?managedEnvironment=")));
    assert_eq!(first["namespaces"], namespace);
    assert!(first["project"].starts_with("app-project-"), "it is the tenant's alone");
    ring.wait_for_word("first", Some("one")).await;
    ring.wait_until_ready("shop").await;

    create_account(ring, "second").await;
    use_account(ring, "second").await;
    let second = told(ring, &first["config"]).await;
    let accounts = api::<ServiceAccount>(ring);
    accounts.delete("first", &DeleteParams::default()).await.unwrap();
    let application = ring.application_name(&deployment);
    follows(ring, &application, "two").await;

    let patch = Patch::Merge(json!({"spec": {"createNewServiceAccount": true}}));
    environments.patch(NAME, &PatchParams::default(), &patch).await.unwrap();
    told(ring, &second["config"]).await;
    ring.kill_program().await;
    follows(ring, &application, "three").await;
    let made = format!("argocd-manager-{}", environment.uid().unwrap());
    assert!(accounts.get_opt(&made).await.unwrap().is_some(), "the account is there");

    ring.delete("shop").await;
    ring.wait_until_gone("shop").await;
    environments.delete(NAME, &DeleteParams::default()).await.unwrap();
    let roles = api::<Role>(ring);
    eventually("the account and its rights are gone", || async {
        let account = accounts.get_opt(&made).await.ok()?;
        let roles = roles.list(&ListParams::default()).await.ok()?;
        let ours = roles.iter().find(|role| role.name_any().starts_with("argocd-manager"));
        (account.is_none() && ours.is_none()).then_some(())
    })
    .await;
    let sealed = "SELECT count(*) FROM sealed_value WHERE table_name = 'clustercredentials'";
    ring.wait_until_counted(sealed, 0).await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}
