//! A tenant with private repositories.

use std::collections::BTreeMap;

use crds::argocd::Application;
use crds::{
    GitOpsDeployment, GitOpsDeploymentRepositoryCredential,
    GitOpsDeploymentRepositoryCredentialSpec,
};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};

use crate::argo_cd::{self, REFRESH, request_refresh};
use crate::harness::{self, ARGO_CD, condition, eventually, is_ready};

/// The name of the user's Secret.
const SECRET: &str = "git";
/// The name of the credential.
const CREDENTIAL: &str = "repo";

/// What a user of one namespace does. Each tenant has one Secret and one credential.
#[derive(Clone)]
pub struct Tenant {
    pub namespace: String,
    client: kube::Client,
}

impl Tenant {
    /// The one of a namespace that exists.
    pub fn of(client: kube::Client, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), client }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Writes the Secret: what it holds from now on.
    async fn set_secret(&self, data: &[(&str, &str)]) {
        let value = |value: &str| ByteString(value.as_bytes().to_vec());
        let data = data.iter().map(|(key, text)| ((*key).to_owned(), value(text)));
        let secret = Secret {
            metadata: ObjectMeta { name: Some(SECRET.to_owned()), ..ObjectMeta::default() },
            type_: Some(crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE.to_owned()),
            data: Some(data.collect()),
            ..Secret::default()
        };
        let parameters = PatchParams::apply("e2e").force();
        self.api::<Secret>().patch(SECRET, &parameters, &Patch::Apply(&secret)).await.unwrap();
    }

    /// Has a user and a password in the Secret from now on.
    pub async fn set_account(&self, user: &str, password: &str) {
        self.set_secret(&[("username", user), ("password", password)]).await;
    }

    /// Has a private key in the Secret from now on.
    pub async fn set_key(&self, key: &str) {
        self.set_secret(&[("sshPrivateKey", key)]).await;
    }

    /// Creates the credential for a repository.
    pub async fn create_credential(&self, url: &str) {
        let spec = GitOpsDeploymentRepositoryCredentialSpec {
            repository: url.to_owned(),
            secret: SECRET.to_owned(),
        };
        let object = GitOpsDeploymentRepositoryCredential::new(CREDENTIAL, spec);
        self.api().create(&PostParams::default(), &object).await.unwrap();
    }

    /// Merges a patch into the credential.
    pub async fn edit_credential(&self, patch: serde_json::Value) {
        let api = self.api::<GitOpsDeploymentRepositoryCredential>();
        let patch = Patch::Merge(patch);
        api.patch(CREDENTIAL, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Deletes the credential, without waiting.
    pub async fn delete_credential(&self) {
        let api = self.api::<GitOpsDeploymentRepositoryCredential>();
        api.delete(CREDENTIAL, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until a condition of the credential is true for this reason.
    pub async fn wait_for_credential(&self, type_: &str, reason: &str) {
        let api = self.api::<GitOpsDeploymentRepositoryCredential>();
        eventually(&format!("the credential is {type_} because of {reason}"), || async {
            let mut conditions = api.get(CREDENTIAL).await.ok()?.status?.conditions.into_iter();
            conditions
                .find(|one| one.type_ == type_ && one.status == "True" && one.reason == reason)
        })
        .await;
    }

    /// Waits until the repository has accepted the credential and Argo CD has it.
    pub async fn wait_until_accepted(&self) {
        self.wait_for_credential("Ready", "Valid").await;
    }

    /// Creates an automated deployment of a revision's folder `shop`, without waiting.
    pub async fn deploy(&self, name: &str, url: &str, revision: &str) {
        let mut object = harness::automated(name);
        object.spec.source.repo_url = url.to_owned();
        object.spec.source.target_revision = revision.to_owned();
        object.spec.source.path = "shop".to_owned();
        self.api().create(&PostParams::default(), &object).await.unwrap();
    }

    /// Deletes a deployment, and waits until it is gone.
    pub async fn undeploy(&self, name: &str) {
        let api = self.api::<GitOpsDeployment>();
        api.delete(name, &DeleteParams::default()).await.unwrap();
        eventually("the deployment is gone", || async {
            api.get_opt(name).await.ok()?.is_none().then_some(())
        })
        .await;
    }

    /// Waits until a deployment is ready.
    pub async fn wait_until_deployed(&self, name: &str) {
        let api = self.api::<GitOpsDeployment>();
        eventually(&format!("{name} of {} is ready", self.namespace), || async {
            api.get(name).await.ok().filter(is_ready)
        })
        .await;
    }

    /// Waits until a deployment's Application is in a project of its tenant's own.
    pub async fn wait_until_isolated(&self, name: &str) {
        eventually("the Application is in a project of its own", || async {
            let (api, name) = self.application(name).await;
            (api.get(&name).await.ok()?.spec.project != "default").then_some(())
        })
        .await;
    }

    /// Waits until Argo CD complains about a deployment's repository in these words, although another
    /// tenant's credential for it is good. What Argo CD remembers of branches does not depend on who
    /// asks: its next ordinary comparison, maybe within milliseconds, takes the branch from what the
    /// other tenant's Application has just found, and the complaint is gone before anybody has read
    /// it. So whenever Argo CD has looked and nothing is said, it is asked to look again.
    pub async fn wait_for_refusal(&self, name: &str, text: &str) {
        self.refresh(name).await;
        let (applications, application) = self.application(name).await;
        let deployments = self.api::<GitOpsDeployment>();
        eventually(&format!("Argo CD says of {name}: {text}"), || async {
            let found = applications.get(&application).await.ok()?;
            if found.annotations().contains_key(REFRESH) {
                return None;
            }
            let object = deployments.get(name).await.ok()?;
            let complaint = condition(&object, "ComparisonError");
            if complaint.is_some_and(|one| one.status == "True" && one.message.contains(text)) {
                return Some(());
            }
            request_refresh(&applications, &application, "hard").await.ok()?;
            None
        })
        .await;
    }

    /// Waits until a deployed ConfigMap holds this word.
    pub async fn wait_for_word(&self, name: &str, word: &str) {
        let api = self.api::<ConfigMap>();
        eventually(&format!("{name} of {} says {word}", self.namespace), || async {
            let data = api.get(name).await.ok()?.data?;
            (data["word"] == word).then_some(())
        })
        .await;
    }

    /// Has Argo CD resolve a deployment's revision again, whatever it remembers, as a webhook of the
    /// git server would, as soon as it has the Application.
    pub async fn refresh(&self, name: &str) {
        let (api, name) = self.application(name).await;
        let ask = || async { request_refresh(&api, &name, "hard").await.ok() };
        eventually("Argo CD is asked to look again", ask).await;
    }

    /// Where a deployment's Application is.
    async fn application(&self, name: &str) -> (Api<Application>, String) {
        let uid = self.api::<GitOpsDeployment>().get(name).await.unwrap().uid().unwrap();
        let api = Api::namespaced(self.client.clone(), ARGO_CD);
        (api, crds::names::application_name(&uid))
    }
}

/// What Argo CD's repository Secrets for a URL hold; `None` if the server does not say.
pub async fn repository_secrets(
    client: &kube::Client,
    url: &str,
) -> Option<Vec<BTreeMap<String, String>>> {
    let mut found = argo_cd::secrets(client, crds::names::ARGO_CD_REPOSITORY_SECRET).await?;
    found.retain(|data| data["url"] == url);
    Some(found)
}

/// Waits until Argo CD's only repository Secret for a URL has a value for a key; returns all that it
/// holds.
pub async fn wait_until_argo_cd_has(
    client: &kube::Client,
    url: &str,
    key: &str,
    value: &str,
) -> BTreeMap<String, String> {
    eventually(&format!("Argo CD has the new {key}"), || async {
        let mut secrets = repository_secrets(client, url).await?;
        let secret = secrets.pop().filter(|_| secrets.is_empty())?;
        (secret.get(key).map(String::as_str) == Some(value)).then_some(secret)
    })
    .await
}

/// Waits until Argo CD has this many repository Secrets for a URL; returns what they hold.
pub async fn wait_until_argo_cd_has_secrets(
    client: &kube::Client,
    url: &str,
    number: usize,
) -> Vec<BTreeMap<String, String>> {
    eventually(&format!("Argo CD has {number} Secrets for {url}"), || async {
        let secrets = repository_secrets(client, url).await?;
        (secrets.len() == number).then_some(secrets)
    })
    .await
}
