//! Creates the environments of a run, and what opens the cluster that they name.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use crds::GitOpsDeploymentManagedEnvironment;
use crds::names::{ARGO_CD_CLUSTER_SECRET, ARGO_CD_SECRET_TYPE_LABEL};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec, TokenRequestStatus};
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::api::{Api, ListParams, PostParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::observer::Observer;
use crate::plan::Plan;
use crate::run::{CONNECTIONS, DELETION_INTERVAL, Run, not_created};
use crate::target::{OwnCluster, Target};

/// The account of each namespace, its role, and what binds them.
const ACCOUNT: &str = "load";
/// How long a token is good for: longer than any sensible run, and a server may grant less.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;
/// How long a server may take to know a right that it was told of.
const RIGHT_PATIENCE: Duration = Duration::from_secs(30);
/// How often to try whether it does.
const RIGHT_INTERVAL: Duration = Duration::from_millis(50);

/// The kubeconfigs of the environments: one for each namespace, or the same for all.
pub(crate) struct Kubeconfigs(Vec<String>);

impl Kubeconfigs {
    /// That of an environment; neighbours in number are in different namespaces.
    fn of(&self, number: u32) -> &str {
        &self.0[number as usize % self.0.len()]
    }
}

impl Run {
    /// Makes an account in each namespace that has what a check needs, and no more: the right to get
    /// that namespace. Not if the environments name another cluster.
    pub(crate) async fn kubeconfigs(&self, target: &Target) -> Result<Kubeconfigs, Error> {
        let own = match target {
            Target::Own(own) => own,
            Target::Other(other) => return Ok(Kubeconfigs(vec![other.kubeconfig.clone()])),
        };
        let made = stream::iter(0..self.plan.namespaces)
            .map(|number| self.make_account(number, own))
            .buffered(CONNECTIONS);
        made.try_collect().await.map(Kubeconfigs)
    }

    async fn make_account(&self, number: u32, cluster: &OwnCluster) -> Result<String, Error> {
        let namespace = self.plan.namespace_name(number);
        let (account, role, binding) = account(&self.plan, &namespace);
        self.create_in(&namespace, "a ServiceAccount", &account).await?;
        self.create_in(&namespace, "a Role", &role).await?;
        self.create_in(&namespace, "a RoleBinding", &binding).await?;
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), &namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let answer = accounts.create_token_request(ACCOUNT, &PostParams::default(), &request).await;
        let answer = answer.map_err(|error| not_created("a token", error))?;
        let Some(TokenRequestStatus { token, .. }) = answer.status else {
            return Err(Error::Running(anyhow!("the cluster has answered without a token")));
        };
        await_right(cluster.client(&token).map_err(Error::running)?, &namespace).await?;
        Ok(cluster.kubeconfig(&token))
    }

    async fn create_in<K>(&self, namespace: &str, what: &str, object: &K) -> Result<K, Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        let created = api.create(&PostParams::default(), object).await;
        created.map_err(|error| not_created(what, error))
    }

    /// Creates the environments and waits for them.
    pub(crate) async fn provide(
        &self,
        target: &Target,
        kubeconfigs: &Kubeconfigs,
        observer: &Observer,
    ) -> Result<(), Error> {
        let total = self.plan.environments;
        self.create_all(total, |number| {
            self.create_environment(number, target, kubeconfigs.of(number), observer)
        })
        .await?;
        observer.until(move |ledger| ledger.environments.counts().ready == total as usize).await;
        Ok(())
    }

    /// The Secret first: the clock runs from the creation of what needs it.
    async fn create_environment(
        &self,
        number: u32,
        target: &Target,
        kubeconfig: &str,
        observer: &Observer,
    ) -> Result<(), Error> {
        let (namespace, object) = self.plan.environment(number, target);
        let secret = self.plan.secret(number, kubeconfig);
        self.create_in(&namespace, "a Secret", &secret).await?;
        let requested = Instant::now();
        let what = "a GitOpsDeploymentManagedEnvironment";
        let created: GitOpsDeploymentManagedEnvironment =
            self.create_in(&namespace, what, &object).await?;
        let uid = created.uid().unwrap_or_default();
        observer.note(|ledger| ledger.environments.created(&uid, requested));
        if self.one_at_a_time {
            observer.until(|ledger| ledger.environments.is_ready(&uid)).await;
        }
        Ok(())
    }

    /// Waits until Argo CD has none of these clusters any more, as far as it may be seen.
    pub(crate) async fn until_gone(&self, clusters: &BTreeSet<String>) -> Result<(), Error> {
        if clusters.is_empty() {
            return Ok(());
        }
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.argocd_namespace);
        let all = format!("{ARGO_CD_SECRET_TYPE_LABEL}={ARGO_CD_CLUSTER_SECRET}");
        let all = ListParams::default().labels(&all);
        loop {
            let found = match api.list_metadata(&all).await {
                // Whoever runs this need not have the right to see Secrets there.
                Err(kube::Error::Api(status)) if status.is_forbidden() => return Ok(()),
                found => found.map_err(Error::running)?,
            };
            if !found.items.iter().any(|secret| clusters.contains(&secret.name_any())) {
                return Ok(());
            }
            sleep(DELETION_INTERVAL).await;
        }
    }
}

/// An account that may get its namespace, and nothing else.
fn account(plan: &Plan, namespace: &str) -> (ServiceAccount, Role, RoleBinding) {
    let metadata = || plan.metadata(ACCOUNT.to_owned());
    let words = |word: &str| Some(vec![word.to_owned()]);
    let rule = PolicyRule {
        api_groups: words(""),
        resources: words("namespaces"),
        resource_names: words(namespace),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    };
    let binding = RoleBinding {
        metadata: metadata(),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: ACCOUNT.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: ACCOUNT.to_owned(),
            namespace: Some(namespace.to_owned()),
            ..Subject::default()
        }]),
    };
    let account = ServiceAccount { metadata: metadata(), ..ServiceAccount::default() };
    (account, Role { metadata: metadata(), rules: Some(vec![rule]) }, binding)
}

/// Waits until the server lets a client get the namespace: an environment that it refuses at first
/// would be asked again only after a while, and that is not what is measured.
async fn await_right(client: kube::Client, namespace: &str) -> Result<(), Error> {
    let api = Api::<Namespace>::all(client);
    let permitted = async {
        loop {
            match api.get(namespace).await {
                Err(kube::Error::Api(status)) if [401, 403].contains(&status.code) => {
                    sleep(RIGHT_INTERVAL).await;
                }
                other => return other.map(drop).map_err(Error::running),
            }
        }
    };
    timeout(RIGHT_PATIENCE, permitted).await.unwrap_or_else(|_| {
        Err(Error::Input(anyhow!(
            "within {} s the cluster did not let the ServiceAccount {ACCOUNT} get its namespace \
             {namespace}, although a Role says so; does the cluster use RBAC? Otherwise name a \
             kubeconfig with --environment-kubeconfig",
            RIGHT_PATIENCE.as_secs()
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RUN_LABEL;

    #[test]
    fn an_account_may_get_its_namespace_and_carries_the_label_of_the_run() {
        let plan = Plan::new(2, Some(2), 1, 2).unwrap();
        let namespace = plan.namespace_name(1);
        let (account, role, binding) = account(&plan, &namespace);
        for metadata in [&account.metadata, &role.metadata, &binding.metadata] {
            assert_eq!(metadata.labels.as_ref().unwrap()[RUN_LABEL], plan.run);
        }
        let [rule] = &role.rules.unwrap()[..] else { panic!("one rule") };
        let granted = (rule.verbs.join(","), rule.resources.clone(), rule.resource_names.clone());
        let expected =
            ("get".to_owned(), Some(vec!["namespaces".to_owned()]), Some(vec![namespace.clone()]));
        assert_eq!(granted, expected);
        assert_eq!(Some(binding.role_ref.name), role.metadata.name);
        let subject = &binding.subjects.unwrap()[0];
        assert_eq!(Some(&subject.name), account.metadata.name.as_ref());
        assert_eq!(subject.namespace, Some(namespace));
    }

    #[test]
    fn each_environment_has_the_kubeconfig_of_its_namespace() {
        let of = |texts: &[&str], number| {
            let texts = texts.iter().map(|&text| text.to_owned()).collect();
            Kubeconfigs(texts).of(number).to_owned()
        };
        assert_eq!([0, 1, 2, 3].map(|number| of(&["a", "b"], number)), ["a", "b", "a", "b"]);
        assert_eq!([0, 5].map(|number| of(&["a"], number)), ["a", "a"]);
    }
}
