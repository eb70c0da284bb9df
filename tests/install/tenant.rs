//! A tenant of the installation: a namespace, a repository, and a deployment of it.

use std::path::Path;

use crds::GitOpsDeployment;
use kube::Client;
use kube::api::{Api, PostParams};

use crate::harness::{self, automated, eventually, is_ready};
use crate::repository::{Repository, config_map};

/// See the module.
pub struct Tenant {
    client: Client,
    namespace: String,
    repository: Repository,
}

impl Tenant {
    /// One with a namespace of its own and a repository with one object.
    pub async fn create(client: &Client) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let namespace = format!("install-{}", &id[..6]);
        harness::create_namespace(client, &namespace).await;
        let variable = |name| std::env::var(name).unwrap();
        let (folder, url) = (variable("E2E_GIT_FOLDER"), variable("E2E_GIT_URL"));
        let repository = Repository::create(Path::new(&folder), &url, &namespace);
        let file = || config_map("first", "one");
        repository.commit(&[("app/first.json", file()), ("guestbook/first.json", file())]);
        Self { client: client.clone(), namespace, repository }
    }

    /// Where Argo CD reads the repository.
    pub fn repository(&self) -> &str {
        &self.repository.url
    }

    fn deployments(&self) -> Api<GitOpsDeployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// One that deploys, waits until it is ready, and leaves.
    pub async fn deploys_and_leaves(client: &Client) {
        let tenant = Self::create(client).await;
        tenant.deploy("first").await;
        tenant.wait_until_ready("first").await;
        tenant.leave().await;
    }

    /// Creates a deployment.
    pub async fn deploy(&self, name: &str) {
        let mut deployment = automated(name);
        deployment.spec.source.repo_url.clone_from(&self.repository.url);
        "app".clone_into(&mut deployment.spec.source.path);
        self.deployments().create(&PostParams::default(), &deployment).await.unwrap();
    }

    /// Waits until one is deployed.
    pub async fn wait_until_ready(&self, name: &str) {
        eventually("the deployment is ready", || async {
            is_ready(&self.deployments().get(name).await.ok()?).then_some(())
        })
        .await;
    }

    /// Removes the namespace with its deployments.
    pub async fn leave(self) {
        harness::delete_namespace(&self.client, &self.namespace).await;
        harness::wait_until_namespace_gone(&self.client, &self.namespace).await;
    }
}
