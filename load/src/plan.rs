//! What a run creates.

use crds::deployment::{Source, TYPE_AUTOMATED, TYPE_MANUAL};
use crds::sync_run::GitOpsDeploymentSyncRunSpec;
use crds::{GitOpsDeployment, GitOpsDeploymentSpec, GitOpsDeploymentSyncRun};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ObjectMeta;

/// The label of everything that a run creates; its value is the run's id.
pub(crate) const RUN_LABEL: &str = "managed-gitops.redhat.com/load-run";
/// Characters of a run's id: enough for runs in one cluster to differ, short enough to type.
const RUN_ID_LENGTH: usize = 8;
/// Namespaces, unless the caller says otherwise.
const DEFAULT_NAMESPACES: u32 = 10;

/// A repository that Argo CD can read, for runs in which it should.
const REPOSITORY: &str = "https://github.com/argoproj/argocd-example-apps";

/// More of something than there are deployments for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooFewDeployments {
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
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) run: String,
    pub(crate) deployments: u32,
    pub(crate) namespaces: u32,
    /// The repositories used by the deployments of a namespace.
    pub(crate) repositories: u32,
    /// How many sync runs follow the deployments.
    pub(crate) sync_runs: u32,
}

impl Plan {
    pub(crate) fn new(
        deployments: u32,
        namespaces: Option<u32>,
        repositories: u32,
    ) -> Result<Self, TooFewDeployments> {
        let namespaces = namespaces.unwrap_or(DEFAULT_NAMESPACES.min(deployments));
        if namespaces > deployments {
            return Err(TooFewDeployments::Namespaces { deployments, namespaces });
        }
        let each = deployments / namespaces;
        if repositories > each {
            return Err(TooFewDeployments::Repositories { each, repositories });
        }
        let mut run = uuid::Uuid::new_v4().simple().to_string();
        run.truncate(RUN_ID_LENGTH);
        Ok(Self { run, deployments, namespaces, repositories, sync_runs: 0 })
    }

    /// The selector for everything in the run.
    pub(crate) fn selector(&self) -> String {
        format!("{RUN_LABEL}={}", self.run)
    }

    fn metadata(&self, name: String) -> ObjectMeta {
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
            destination: None,
            sync_policy: None,
            type_: if self.sync_runs > 0 { TYPE_MANUAL } else { TYPE_AUTOMATED }.to_owned(),
        };
        let metadata = self.metadata(format!("load-{number}"));
        (self.namespace_name(number), GitOpsDeployment { metadata, spec, status: None })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn deployments_are_spread_evenly_over_the_namespaces() {
        let plan = Plan::new(10, Some(3), 1).unwrap();
        let mut in_namespace = BTreeMap::<String, usize>::new();
        for number in 0..10 {
            *in_namespace.entry(plan.deployment(number).0).or_default() += 1;
        }
        assert_eq!(in_namespace.into_values().collect::<Vec<_>>(), [4, 3, 3]);
    }

    #[test]
    fn few_deployments_have_few_namespaces() {
        assert_eq!(Plan::new(3, None, 1).unwrap().namespaces, 3);
        assert_eq!(Plan::new(3000, None, 1).unwrap().namespaces, 10);
    }

    #[test]
    fn more_namespaces_than_deployments_are_refused() {
        let error = Plan::new(3, Some(4), 1).unwrap_err();
        assert!(error.to_string().contains("give --namespaces at most 3"), "{error}");
    }

    #[test]
    fn the_deployments_of_each_namespace_are_spread_evenly_over_the_repositories() {
        let plan = Plan::new(12, Some(2), 3).unwrap();
        let mut in_namespace = BTreeMap::<(String, String), usize>::new();
        for number in 0..12 {
            let (namespace, object) = plan.deployment(number);
            *in_namespace.entry((namespace, object.spec.source.repo_url)).or_default() += 1;
        }
        assert_eq!(in_namespace.into_values().collect::<Vec<_>>(), [2; 6]);
        let one = Plan::new(12, Some(2), 1).unwrap();
        assert_eq!(one.deployment(7).1.spec.source.repo_url, REPOSITORY);
    }

    #[test]
    fn more_repositories_than_a_namespace_has_deployments_are_refused() {
        let error = Plan::new(11, Some(3), 4).unwrap_err();
        assert!(error.to_string().contains("give --repositories at most 3"), "{error}");
    }

    #[test]
    fn all_that_is_created_carries_the_label_that_selects_it() {
        let plan = Plan::new(2, Some(1), 1).unwrap();
        let expected = Some(plan.run.as_str());
        let label = |metadata: &ObjectMeta| metadata.labels.as_ref()?.get(RUN_LABEL).cloned();
        assert_eq!(label(&plan.namespace(0).metadata).as_deref(), expected);
        assert_eq!(label(&plan.deployment(1).1.metadata).as_deref(), expected);
    }

    #[test]
    fn the_deployments_take_turns_with_the_sync_runs_and_are_manual_then() {
        let plan = Plan { sync_runs: 5, ..Plan::new(3, Some(2), 1).unwrap() };
        let (namespace, run) = plan.sync_run(4);
        let (deployed, deployment) = plan.deployment(1);
        assert_eq!((namespace, run.spec.gitops_deployment_name.as_str()), (deployed, "load-1"));
        assert_eq!(deployment.spec.type_, TYPE_MANUAL);
        assert_eq!(run.metadata.name.as_deref(), Some("load-4"));
        run.validate_cel().unwrap();
    }

    #[test]
    fn two_runs_do_not_share_a_namespace() {
        let (one, other) = (Plan::new(1, None, 1).unwrap(), Plan::new(1, None, 1).unwrap());
        assert_ne!(one.namespace_name(0), other.namespace_name(0));
    }

    #[test]
    fn what_is_created_obeys_the_rules_of_its_kind() {
        let (_, object) = Plan::new(1, None, 1).unwrap().deployment(0);
        object.validate_cel().unwrap();
    }
}
