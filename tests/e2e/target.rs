//! Target clusters: what their administrators do there, and what a tenant has of them here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crds::{GitOpsDeploymentManagedEnvironment, GitOpsDeploymentManagedEnvironmentSpec};
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::{
    TokenRequest, TokenRequestSpec, TokenReview, TokenReviewSpec,
};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{
    ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::argo_cd;
use crate::harness::{self, all, eventually};

/// A cluster, with full rights on it.
pub struct Target {
    pub client: kube::Client,
    kubeconfig: PathBuf,
}

/// The kubeconfig of the second cluster, if there is one.
pub fn second_cluster() -> Option<PathBuf> {
    std::env::var_os("E2E_TARGET_KUBECONFIG").map(PathBuf::from)
}

/// A kubeconfig for the same cluster with a token in the place of the user.
pub fn with_token(kubeconfig: &Path, token: &str) -> Value {
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig);
    command.args(["config", "view", "--minify", "--flatten", "--raw", "-o", "json"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut config: Value = serde_json::from_slice(&output.stdout).unwrap();
    config["users"][0]["user"] = json!({"token": token});
    config
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

fn role_ref(kind: &str, name: &str) -> RoleRef {
    RoleRef {
        api_group: "rbac.authorization.k8s.io".to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

fn subject(namespace: &str, account: &str) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: account.to_owned(),
        namespace: Some(namespace.to_owned()),
        ..Subject::default()
    }
}

impl Target {
    /// The cluster of a kubeconfig.
    pub async fn of(kubeconfig: PathBuf) -> Self {
        Self { client: harness::client(&kubeconfig).await, kubeconfig }
    }

    /// The second cluster.
    pub async fn second() -> Self {
        Self::of(second_cluster().expect("the scenario says that it needs a target cluster")).await
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Creates a namespace with accounts that may do nothing yet.
    pub async fn create_namespace(&self, name: &str, accounts: &[&str]) {
        harness::create_namespace(&self.client, name).await;
        for account in accounts {
            self.create_account(name, account).await;
        }
    }

    /// Creates an account that may do nothing yet.
    pub async fn create_account(&self, namespace: &str, name: &str) {
        let account = ServiceAccount { metadata: named(name), ..ServiceAccount::default() };
        self.api(namespace).create(&PostParams::default(), &account).await.unwrap();
    }

    /// Deletes an account. Its tokens end with it.
    pub async fn delete_account(&self, namespace: &str, name: &str) {
        let api = self.api::<ServiceAccount>(namespace);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Has an account do this to everything in its namespace.
    pub async fn allow(&self, namespace: &str, account: &str, verbs: &[&str]) {
        let name = format!("{account}-{}", uuid::Uuid::new_v4().simple());
        let everything = || Some(vec!["*".to_owned()]);
        let rule = PolicyRule {
            api_groups: everything(),
            resources: everything(),
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
            ..PolicyRule::default()
        };
        let role = Role { metadata: named(&name), rules: Some(vec![rule]) };
        self.api(namespace).create(&PostParams::default(), &role).await.unwrap();
        let binding = RoleBinding {
            metadata: named(&name),
            role_ref: role_ref("Role", &name),
            subjects: Some(vec![subject(namespace, account)]),
        };
        self.api(namespace).create(&PostParams::default(), &binding).await.unwrap();
    }

    /// Has accounts of a namespace do everything everywhere.
    pub async fn make_administrators(&self, namespace: &str, accounts: &[&str]) {
        let binding = ClusterRoleBinding {
            metadata: named(namespace),
            role_ref: role_ref("ClusterRole", "cluster-admin"),
            subjects: Some(accounts.iter().map(|account| subject(namespace, account)).collect()),
        };
        Api::all(self.client.clone()).create(&PostParams::default(), &binding).await.unwrap();
    }

    /// Removes a namespace, without waiting, and what its accounts may do elsewhere.
    pub async fn clean_up(&self, namespace: &str) {
        harness::delete_namespace(&self.client, namespace).await;
        let bindings = Api::<ClusterRoleBinding>::all(self.client.clone());
        if bindings.get_opt(namespace).await.unwrap().is_some() {
            bindings.delete(namespace, &DeleteParams::default()).await.unwrap();
        }
    }

    /// A new token of an account, and a kubeconfig with it.
    pub async fn credentials_of(&self, namespace: &str, account: &str) -> Credentials {
        let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
        let api = self.api::<ServiceAccount>(namespace);
        let made = api.create_token_request(account, &PostParams::default(), &request).await;
        let token = made.unwrap().status.unwrap().token;
        let config = with_token(&self.kubeconfig, &token);
        let url = config["clusters"][0]["cluster"]["server"].as_str().unwrap().to_owned();
        Credentials { url, token, kubeconfig: config.to_string() }
    }

    /// Waits until the cluster knows a token no longer.
    pub async fn wait_until_revoked(&self, token: &str) {
        let spec = TokenReviewSpec { token: Some(token.to_owned()), ..TokenReviewSpec::default() };
        let review = TokenReview { spec, ..TokenReview::default() };
        let api = Api::<TokenReview>::all(self.client.clone());
        eventually("the cluster knows the token no longer", || async {
            let answer = api.create(&PostParams::default(), &review).await.ok()?.status?;
            (answer.authenticated != Some(true)).then_some(())
        })
        .await;
    }

    /// What a ConfigMap says; `None` if there is none.
    pub async fn word(&self, namespace: &str, name: &str) -> Option<String> {
        let map = self.api::<ConfigMap>(namespace).get_opt(name).await.ok()??;
        map.data?.remove("word")
    }

    /// Waits until a ConfigMap says this.
    pub async fn wait_for_word(&self, namespace: &str, name: &str, word: &str) {
        eventually(&format!("ConfigMap {name} on the target says {word}"), || async {
            (self.word(namespace, name).await? == word).then_some(())
        })
        .await;
    }

    /// The names of the objects of a kind in a namespace that the program has made for an environment.
    pub async fn made_for<K>(&self, namespace: &str, uid: &str) -> Vec<String>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let names = all(&self.api::<K>(namespace)).await.into_iter().map(|one| one.name_any());
        names.filter(|name| name.starts_with(&format!("argocd-manager-{uid}"))).collect()
    }
}

/// What an account shows to its cluster.
pub struct Credentials {
    /// The URL of the API server.
    pub url: String,
    pub token: String,
    pub kubeconfig: String,
}

/// A managed environment of a tenant and its Secret, which have the same name.
pub struct Environment {
    client: kube::Client,
    namespace: String,
    name: String,
}

impl Environment {
    /// The one of this name, which need not exist.
    pub fn of(client: &kube::Client, namespace: &str, name: &str) -> Self {
        Self { client: client.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn api(&self) -> Api<GitOpsDeploymentManagedEnvironment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Has a kubeconfig in the Secret from now on.
    pub async fn set_kubeconfig(&self, kubeconfig: &str) {
        let value = ByteString(kubeconfig.as_bytes().to_vec());
        let secret = Secret {
            metadata: named(&self.name),
            type_: Some(crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE.to_owned()),
            data: Some([("kubeconfig".to_owned(), value)].into()),
            ..Secret::default()
        };
        let parameters = PatchParams::apply("e2e").force();
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.namespace);
        api.patch(&self.name, &parameters, &Patch::Apply(&secret)).await.unwrap();
    }

    /// Creates it with its Secret; returns its UID.
    pub async fn create(
        &self,
        credentials: &Credentials,
        spec: GitOpsDeploymentManagedEnvironmentSpec,
    ) -> String {
        self.set_kubeconfig(&credentials.kubeconfig).await;
        let spec = GitOpsDeploymentManagedEnvironmentSpec {
            api_url: credentials.url.clone(),
            credentials_secret: self.name.clone(),
            ..spec
        };
        let object = GitOpsDeploymentManagedEnvironment::new(&self.name, spec);
        let made = self.api().create(&PostParams::default(), &object).await.unwrap();
        made.uid().unwrap()
    }

    /// Merges a patch into its spec.
    pub async fn edit(&self, spec: Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.api().patch(&self.name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Deletes it, without waiting.
    pub async fn delete(&self) {
        self.api().delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until it is gone.
    pub async fn wait_until_gone(&self) {
        let api = self.api();
        eventually("the environment is gone", || async {
            api.get_opt(&self.name).await.ok()?.is_none().then_some(())
        })
        .await;
    }

    /// Waits until a condition is true for this reason.
    pub async fn wait_for(&self, type_: &str, reason: &str) {
        let api = self.api();
        eventually(&format!("{} is {type_} because of {reason}", self.name), || async {
            let mut conditions = api.get(&self.name).await.ok()?.status?.conditions.into_iter();
            conditions
                .find(|one| one.type_ == type_ && one.status == "True" && one.reason == reason)
        })
        .await;
    }

    /// Waits until its cluster has accepted the credentials and Argo CD has them.
    pub async fn wait_until_ready(&self) {
        self.wait_for("Ready", "Succeeded").await;
    }

    /// What Argo CD's only Secret for the cluster at a URL says, once its token is another one than this.
    pub async fn told(&self, url: &str, before: &str) -> Told {
        eventually("Argo CD has another token", || async {
            let clusters = crds::names::ARGO_CD_CLUSTER_SECRET;
            let mut found = argo_cd::secrets(&self.client, clusters).await?;
            found.retain(|one| one["server"].starts_with(&format!("{url}?managedEnvironment=")));
            let data = found.pop().filter(|_| found.is_empty())?;
            let config: Value = serde_json::from_str(&data["config"]).unwrap();
            let token = config["bearerToken"].as_str().unwrap().to_owned();
            (token != before).then_some(Told { token, data })
        })
        .await
    }

    /// Waits until an Event says of it that this may remain.
    pub async fn wait_until_told_of(&self, what: &str) {
        let events = Api::<Event>::namespaced(self.client.clone(), &self.namespace);
        eventually(&format!("an Event says that {what} may remain"), || async {
            let found = events.list(&ListParams::default()).await.ok()?;
            let is_it = |one: &Event| {
                one.reason.as_deref() == Some("MayRemain")
                    && one.involved_object.name.as_deref() == Some(&self.name)
                    && one.message.as_ref().is_some_and(|message| message.contains(what))
            };
            found.iter().any(is_it).then_some(())
        })
        .await;
    }
}

/// What Argo CD has of a cluster.
pub struct Told {
    pub token: String,
    /// All that the Secret says.
    pub data: BTreeMap<String, String>,
}
