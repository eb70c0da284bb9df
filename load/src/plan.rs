//! What a run creates.

use crds::deployment::{Destination, Source, TYPE_AUTOMATED, TYPE_MANUAL};
use crds::managed_environment::KUBECONFIG_KEY;
use crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE;
use crds::sync_run::GitOpsDeploymentSyncRunSpec;
use crds::{
    GitOpsDeployment, GitOpsDeploymentManagedEnvironment, GitOpsDeploymentManagedEnvironmentSpec,
    GitOpsDeploymentSpec, GitOpsDeploymentSyncRun,
};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::ObjectMeta;

use crate::target::Target;

/// The label of everything that a run creates; its value is the run's id.
pub(crate) const RUN_LABEL: &str = "managed-gitops.redhat.com/load-run";
/// Characters of a run's id: enough for runs in one cluster to differ, short enough to type.
const RUN_ID_LENGTH: usize = 8;
/// Namespaces, unless the caller says otherwise.
const DEFAULT_NAMESPACES: u32 = 10;

/// A repository that Argo CD can read, for runs in which it should.
const REPOSITORY: &str = "https://github.com/argoproj/argocd-example-apps";

/// Numbers that do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// More namespaces than deployments.
    #[error(
        "{deployments} deployments cannot fill {namespaces} namespaces; give --namespaces at most \
         {deployments}"
    )]
    Namespaces { deployments: u32, namespaces: u32 },
    /// More repositories than deployments of a namespace.
    #[error(
        "{each} deployments of a namespace cannot use {repositories} repositories; give \
         --repositories at most {each}, or more deployments, or fewer namespaces"
    )]
    Repositories { each: u32, repositories: u32 },
    /// More environments than deployments.
    #[error(
        "{deployments} deployments cannot use {environments} environments; give --environments at \
         most {deployments}"
    )]
    Environments { deployments: u32, environments: u32 },
    /// Environments that no even number of deployments could use: each is in one namespace.
    #[error(
        "{environments} environments cannot be spread evenly over {namespaces} namespaces; give \
         --environments a multiple of {namespaces}, or another number of --namespaces"
    )]
    Uneven { environments: u32, namespaces: u32 },
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) run: String,
    pub(crate) deployments: u32,
    pub(crate) namespaces: u32,
    /// The repositories used by the deployments of a namespace.
    pub(crate) repositories: u32,
    /// How many environments there are in all; none: the deployments have no destination.
    pub(crate) environments: u32,
    /// How many sync runs follow the deployments.
    pub(crate) sync_runs: u32,
}

/// As many as usual, or as the deployments and the environments require.
fn default_namespaces(deployments: u32, environments: u32) -> u32 {
    let most = DEFAULT_NAMESPACES.min(deployments);
    (1..=most).rev().find(|number| environments.is_multiple_of(*number)).unwrap_or(1)
}

impl Plan {
    pub(crate) fn new(
        deployments: u32,
        namespaces: Option<u32>,
        repositories: u32,
        environments: u32,
    ) -> Result<Self, Unfit> {
        if environments > deployments {
            return Err(Unfit::Environments { deployments, environments });
        }
        let namespaces =
            namespaces.unwrap_or_else(|| default_namespaces(deployments, environments));
        if namespaces > deployments {
            return Err(Unfit::Namespaces { deployments, namespaces });
        }
        if !environments.is_multiple_of(namespaces) {
            return Err(Unfit::Uneven { environments, namespaces });
        }
        let each = deployments / namespaces;
        if repositories > each {
            return Err(Unfit::Repositories { each, repositories });
        }
        let mut run = uuid::Uuid::new_v4().simple().to_string();
        run.truncate(RUN_ID_LENGTH);
        Ok(Self { run, deployments, namespaces, repositories, environments, sync_runs: 0 })
    }

    /// The selector for everything in the run.
    pub(crate) fn selector(&self) -> String {
        format!("{RUN_LABEL}={}", self.run)
    }

    /// The metadata of an object of the run.
    pub(crate) fn metadata(&self, name: String) -> ObjectMeta {
        let labels = [(RUN_LABEL.to_owned(), self.run.clone())].into();
        ObjectMeta { name: Some(name), labels: Some(labels), ..ObjectMeta::default() }
    }

    pub(crate) fn namespace_name(&self, number: u32) -> String {
        format!("load-{}-{}", self.run, number % self.namespaces)
    }

    pub(crate) fn namespace(&self, number: u32) -> Namespace {
        let metadata = self.metadata(self.namespace_name(number));
        Namespace { metadata, ..Namespace::default() }
    }

    /// The URL of a deployment's repository: the deployments of a namespace take turns.
    fn repository(&self, number: u32) -> String {
        if self.repositories == 1 {
            return REPOSITORY.to_owned();
        }
        let repository = number / self.namespaces % self.repositories;
        format!("https://git.example.com/load/{repository}")
    }

    /// A deployment and its namespace; neighbours in number are in different namespaces.
    pub(crate) fn deployment(&self, number: u32) -> (String, GitOpsDeployment) {
        let spec = GitOpsDeploymentSpec {
            source: Source {
                repo_url: self.repository(number),
                path: "guestbook".to_owned(),
                target_revision: "HEAD".to_owned(),
            },
            destination: self.destination(number),
            sync_policy: None,
            type_: if self.sync_runs > 0 { TYPE_MANUAL } else { TYPE_AUTOMATED }.to_owned(),
        };
        let metadata = self.metadata(format!("load-{number}"));
        (self.namespace_name(number), GitOpsDeployment { metadata, spec, status: None })
    }

    /// Where a deployment goes: the deployments take turns with the environments, whose number is a
    /// multiple of the namespaces', so that a deployment and its environment are in one namespace.
    fn destination(&self, number: u32) -> Option<Destination> {
        let environment = number.checked_rem(self.environments)?;
        let namespace = self.namespace_name(number);
        Some(Destination { environment: environment_name(environment), namespace })
    }

    /// An environment and its namespace; neighbours in number are in different namespaces.
    pub(crate) fn environment(
        &self,
        number: u32,
        target: &Target,
    ) -> (String, GitOpsDeploymentManagedEnvironment) {
        let namespace = self.namespace_name(number);
        // Another cluster need not have it.
        let namespaces = match target {
            Target::Own(_) => vec![namespace.clone()],
            Target::Other(_) => Vec::new(),
        };
        let spec = GitOpsDeploymentManagedEnvironmentSpec {
            api_url: target.url(),
            credentials_secret: environment_name(number),
            allow_insecure_skip_tls_verify: target.skips_verification(),
            namespaces,
            ..GitOpsDeploymentManagedEnvironmentSpec::default()
        };
        let metadata = self.metadata(environment_name(number));
        (namespace, GitOpsDeploymentManagedEnvironment { metadata, spec, status: None })
    }

    /// The Secret of an environment.
    pub(crate) fn secret(&self, number: u32, kubeconfig: &str) -> Secret {
        let kubeconfig = ByteString(kubeconfig.as_bytes().to_vec());
        Secret {
            metadata: self.metadata(environment_name(number)),
            type_: Some(MANAGED_ENVIRONMENT_SECRET_TYPE.to_owned()),
            data: Some([(KUBECONFIG_KEY.to_owned(), kubeconfig)].into()),
            ..Secret::default()
        }
    }

    /// A sync run and its namespace; neighbours in number sync different deployments.
    pub(crate) fn sync_run(&self, number: u32) -> (String, GitOpsDeploymentSyncRun) {
        let deployment = number % self.deployments;
        let spec = GitOpsDeploymentSyncRunSpec {
            gitops_deployment_name: format!("load-{deployment}"),
            revision_id: String::new(),
        };
        let metadata = self.metadata(format!("load-{number}"));
        let object = GitOpsDeploymentSyncRun { metadata, spec, status: None };
        (self.namespace_name(deployment), object)
    }

    /// The command that deletes everything in the run.
    pub(crate) fn deletion(&self) -> String {
        format!("kubectl delete namespaces -l {}", self.selector())
    }
}

/// The name of an environment and of its Secret.
fn environment_name(number: u32) -> String {
    format!("load-{number}")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn config(url: &str) -> kube::Config {
        kube::Config::new(url.parse().unwrap())
    }

    #[test]
    fn deployments_are_spread_evenly_over_the_namespaces() {
        let plan = Plan::new(10, Some(3), 1, 0).unwrap();
        let mut in_namespace = BTreeMap::<String, usize>::new();
        for number in 0..10 {
            *in_namespace.entry(plan.deployment(number).0).or_default() += 1;
        }
        assert_eq!(in_namespace.into_values().collect::<Vec<_>>(), [4, 3, 3]);
    }

    #[test]
    fn few_deployments_have_few_namespaces() {
        assert_eq!(Plan::new(3, None, 1, 0).unwrap().namespaces, 3);
        assert_eq!(Plan::new(3000, None, 1, 0).unwrap().namespaces, 10);
    }

    #[test]
    fn more_namespaces_than_deployments_are_refused() {
        let error = Plan::new(3, Some(4), 1, 0).unwrap_err();
        assert!(error.to_string().contains("give --namespaces at most 3"), "{error}");
    }

    #[test]
    fn the_deployments_of_each_namespace_are_spread_evenly_over_the_repositories() {
        let plan = Plan::new(12, Some(2), 3, 0).unwrap();
        let mut in_namespace = BTreeMap::<(String, String), usize>::new();
        for number in 0..12 {
            let (namespace, object) = plan.deployment(number);
            *in_namespace.entry((namespace, object.spec.source.repo_url)).or_default() += 1;
        }
        assert_eq!(in_namespace.into_values().collect::<Vec<_>>(), [2; 6]);
        let one = Plan::new(12, Some(2), 1, 0).unwrap();
        assert_eq!(one.deployment(7).1.spec.source.repo_url, REPOSITORY);
    }

    #[test]
    fn more_repositories_than_a_namespace_has_deployments_are_refused() {
        let error = Plan::new(11, Some(3), 4, 0).unwrap_err();
        assert!(error.to_string().contains("give --repositories at most 3"), "{error}");
    }

    #[test]
    fn the_deployments_are_spread_evenly_over_environments_of_their_namespaces() {
        let plan = Plan::new(12, Some(3), 1, 6).unwrap();
        let target = Target::own(&config("https://192.0.2.1:6443")).unwrap();
        let there: BTreeSet<(String, String)> = (0..6)
            .map(|number| plan.environment(number, &target))
            .map(|(namespace, object)| (namespace, object.metadata.name.unwrap()))
            .collect();
        assert_eq!(there.len(), 6);
        let mut used = BTreeMap::<(String, String), usize>::new();
        for number in 0..12 {
            let (namespace, object) = plan.deployment(number);
            let destination = object.spec.destination.unwrap();
            assert_eq!(destination.namespace, namespace);
            *used.entry((namespace, destination.environment)).or_default() += 1;
        }
        assert!(used.keys().all(|one| there.contains(one)), "{used:?} {there:?}");
        assert_eq!(used.into_values().collect::<Vec<_>>(), [2; 6]);
        let none = Plan::new(12, Some(3), 1, 0).unwrap();
        assert_eq!(none.deployment(7).1.spec.destination, None);
    }

    #[test]
    fn environments_that_cannot_be_used_evenly_are_refused() {
        let refused = |deployments, namespaces, environments| {
            Plan::new(deployments, namespaces, 1, environments).unwrap_err().to_string()
        };
        let more = refused(3, None, 4);
        assert!(more.contains("give --environments at most 3"), "{more}");
        for number in [2, 4] {
            let uneven = refused(10, Some(3), number);
            assert!(uneven.contains("give --environments a multiple of 3"), "{uneven}");
        }
    }

    #[test]
    fn without_a_number_of_namespaces_it_goes_with_that_of_the_environments() {
        let namespaces = |environments| Plan::new(100, None, 1, environments).unwrap().namespaces;
        assert_eq!([0, 4, 10, 12, 50, 77].map(namespaces), [10, 4, 10, 6, 10, 7]);
    }

    #[test]
    fn an_environment_is_given_its_secret_and_nothing_but_its_namespace() {
        let plan = Plan::new(4, Some(2), 1, 4).unwrap();
        let target = Target::own(&config("https://192.0.2.1:6443")).unwrap();
        let (namespace, object) = plan.environment(3, &target);
        object.validate_cel().unwrap();
        assert_eq!(object.spec.api_url, "https://192.0.2.1:6443");
        assert_eq!(object.spec.namespaces, [namespace]);
        let secret = plan.secret(3, "a kubeconfig");
        assert_eq!(secret.metadata.name, Some(object.spec.credentials_secret));
        let type_ = "managed-gitops.redhat.com/managed-environment";
        assert_eq!(secret.type_.as_deref(), Some(type_));
        assert_eq!(secret.data.unwrap()["kubeconfig"].0, b"a kubeconfig");
    }

    #[test]
    fn all_that_is_created_carries_the_label_that_selects_it() {
        let plan = Plan::new(2, Some(1), 1, 0).unwrap();
        let expected = Some(plan.run.as_str());
        let label = |metadata: &ObjectMeta| metadata.labels.as_ref()?.get(RUN_LABEL).cloned();
        assert_eq!(label(&plan.namespace(0).metadata).as_deref(), expected);
        assert_eq!(label(&plan.deployment(1).1.metadata).as_deref(), expected);
        let target = Target::own(&config("https://192.0.2.1:6443")).unwrap();
        assert_eq!(label(&plan.environment(0, &target).1.metadata).as_deref(), expected);
        assert_eq!(label(&plan.secret(0, "").metadata).as_deref(), expected);
    }

    #[test]
    fn the_deployments_take_turns_with_the_sync_runs_and_are_manual_then() {
        let plan = Plan { sync_runs: 5, ..Plan::new(3, Some(2), 1, 0).unwrap() };
        let (namespace, run) = plan.sync_run(4);
        let (deployed, deployment) = plan.deployment(1);
        assert_eq!((namespace, run.spec.gitops_deployment_name.as_str()), (deployed, "load-1"));
        assert_eq!(deployment.spec.type_, TYPE_MANUAL);
        assert_eq!(run.metadata.name.as_deref(), Some("load-4"));
        run.validate_cel().unwrap();
    }

    #[test]
    fn two_runs_do_not_share_a_namespace() {
        let (one, other) = (Plan::new(1, None, 1, 0).unwrap(), Plan::new(1, None, 1, 0).unwrap());
        assert_ne!(one.namespace_name(0), other.namespace_name(0));
    }

    #[test]
    fn what_is_created_obeys_the_rules_of_its_kind() {
        let (_, object) = Plan::new(1, None, 1, 0).unwrap().deployment(0);
        object.validate_cel().unwrap();
    }
}
