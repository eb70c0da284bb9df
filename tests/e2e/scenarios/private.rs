//! Private repositories.

use std::collections::BTreeMap;

use crds::{GitOpsDeploymentRepositoryCredential, GitOpsDeploymentRepositoryCredentialSpec};
use git_stand_in::{Account, HttpsServer};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::harness::{ARGO_CD, eventually};
use crate::ring::Ring;

const REPOSITORY: &str = "team/app.git";

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

/// A Secret of the tenant.
fn secret(password: &str) -> Secret {
    let data = [("username", "bob"), ("password", password)];
    let data = data.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec())));
    Secret {
        metadata: ObjectMeta { name: Some("git".to_owned()), ..ObjectMeta::default() },
        type_: Some(crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE.to_owned()),
        data: Some(data.into()),
        ..Secret::default()
    }
}

/// Argo CD's repository Secret for a URL: its name, and what it says.
async fn of_argo_cd(ring: &Ring, url: &str) -> Option<(String, BTreeMap<String, String>)> {
    let api: Api<Secret> = Api::namespaced(ring.client.clone(), ARGO_CD);
    let (label, value) =
        (crds::names::ARGO_CD_SECRET_TYPE_LABEL, crds::names::ARGO_CD_REPOSITORY_SECRET);
    let labelled = ListParams::default().labels(&format!("{label}={value}"));
    let found = api.list(&labelled).await.ok()?.items.into_iter().map(|secret| {
        let text = |(key, value): (String, ByteString)| (key, String::from_utf8(value.0).unwrap());
        let name = secret.name_any();
        (name, secret.data.unwrap_or_default().into_iter().map(text).collect())
    });
    found.into_iter().find(|(_, data): &(String, BTreeMap<_, _>)| data["url"] == url)
}

async fn wait_for_password(ring: &Ring, url: &str, password: &str) {
    eventually(&format!("Argo CD has the password {password}"), || async {
        let (_, data) = of_argo_cd(ring, url).await?;
        (data["password"] == password).then_some(())
    })
    .await;
}

/// A credential reaches Argo CD in a Secret of the tenant's project, is rotated, also while the
/// program is killed, and leaves nothing behind.
pub async fn a_credential_reaches_argo_cd_is_rotated_and_goes(ring: &mut Ring) {
    let server = HttpsServer::start();
    server.set_repository(REPOSITORY, Account::new("bob", "first"));
    let url = server.url(REPOSITORY);
    trust(ring, &server).await;
    let secrets: Api<Secret> = Api::namespaced(ring.client.clone(), &ring.namespace);
    secrets.create(&PostParams::default(), &secret("first")).await.unwrap();
    let credentials: Api<GitOpsDeploymentRepositoryCredential> =
        Api::namespaced(ring.client.clone(), &ring.namespace);
    let spec = GitOpsDeploymentRepositoryCredentialSpec {
        repository: url.clone(),
        secret: "git".to_owned(),
    };
    let object = GitOpsDeploymentRepositoryCredential::new("repo", spec);
    credentials.create(&PostParams::default(), &object).await.unwrap();
    eventually("the credential is ready", || async {
        let status = credentials.get("repo").await.ok()?.status?;
        let mut conditions = status.conditions.into_iter();
        conditions.find(|one| one.type_ == "Ready" && one.status == "True")
    })
    .await;
    let (_, data) = of_argo_cd(ring, &url).await.unwrap();
    assert_eq!((data["username"].as_str(), data["password"].as_str()), ("bob", "first"));
    assert!(data["project"].starts_with("app-project-"), "it is the tenant's alone");

    server.set_repository(REPOSITORY, Account::new("bob", "second"));
    let patch = serde_json::to_value(secret("second")).unwrap();
    secrets.patch("git", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    ring.kill_program().await;
    wait_for_password(ring, &url, "second").await;

    let credentials: Api<GitOpsDeploymentRepositoryCredential> =
        Api::namespaced(ring.client.clone(), &ring.namespace);
    let wrong = Patch::Merge(json!({"spec": {"secret": "missing"}}));
    credentials.patch("repo", &PatchParams::default(), &wrong).await.unwrap();
    eventually("a missing Secret is reported", || async {
        let status = credentials.get("repo").await.ok()?.status?;
        let mut conditions = status.conditions.into_iter();
        conditions.find(|one| one.type_ == "Stalled" && one.reason == "SecretNotFound")
    })
    .await;
    wait_for_password(ring, &url, "second").await;

    credentials.delete("repo", &DeleteParams::default()).await.unwrap();
    eventually("Argo CD's Secret is gone", || async {
        of_argo_cd(ring, &url).await.is_none().then_some(())
    })
    .await;
    ring.wait_until_counted("SELECT count(*) FROM repositorycredentials", 0).await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}
