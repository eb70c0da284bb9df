//! The Argo CD Application that a deployment asks for.

use std::collections::BTreeSet;

use super::spec::DeploymentSpec;
use crate::identity::DeploymentUid;
use crate::operation::application::{
    ApplicationDestination, ApplicationDocument, ApplicationSource, ApplicationSpec, Automated,
    Backoff, IN_CLUSTER, Retry, SyncPolicy, application_name,
};

/// Builds the document for a valid spec that deploys to the tenant's own namespace.
pub fn render(
    uid: &DeploymentUid,
    tenant_namespace: &str,
    spec: &DeploymentSpec,
    argocd_namespace: &str,
    project: String,
) -> ApplicationDocument {
    let namespace = match spec.destination_namespace.as_str() {
        "" => tenant_namespace,
        named => named,
    };
    ApplicationDocument {
        name: application_name(uid),
        namespace: argocd_namespace.to_owned(),
        spec: ApplicationSpec {
            source: ApplicationSource {
                repo_url: spec.repo_url.clone(),
                path: spec.path.clone(),
                target_revision: spec.target_revision.clone(),
            },
            destination: ApplicationDestination {
                name: IN_CLUSTER.to_owned(),
                namespace: namespace.to_owned(),
                server: String::new(),
            },
            project,
            sync_policy: sync_policy(spec),
            drift: BTreeSet::new(),
        },
    }
}

fn sync_policy(spec: &DeploymentSpec) -> Option<SyncPolicy> {
    if spec.is_automated() {
        let mut sync_options = vec!["PrunePropagationPolicy=background".to_owned()];
        sync_options.extend(spec.sync_options.iter().cloned());
        return Some(SyncPolicy {
            automated: Some(Automated { prune: true, self_heal: true, allow_empty: true }),
            sync_options,
            retry: Some(Retry {
                limit: -1,
                backoff: Some(Backoff {
                    duration: "5s".to_owned(),
                    factor: Some(2),
                    max_duration: "3m".to_owned(),
                }),
            }),
        });
    }
    let sync_options = spec.sync_options.clone();
    (!sync_options.is_empty()).then_some(SyncPolicy { automated: None, sync_options, retry: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(spec: &DeploymentSpec) -> ApplicationDocument {
        let uid = DeploymentUid::new("u-1");
        render(&uid, "team-a", spec, "gitops-service-argocd", "app-project-x".to_owned())
    }

    #[test]
    fn compatibility_7_an_automated_deployment_prunes_heals_and_retries() {
        let spec = DeploymentSpec {
            type_: "automated".to_owned(),
            sync_options: vec!["CreateNamespace=true".to_owned()],
            ..DeploymentSpec::default()
        };
        let policy = document(&spec).spec.sync_policy.unwrap();
        assert_eq!(
            policy.automated,
            Some(Automated { prune: true, self_heal: true, allow_empty: true })
        );
        assert_eq!(
            policy.sync_options,
            ["PrunePropagationPolicy=background", "CreateNamespace=true"]
        );
        let retry = policy.retry.unwrap();
        let backoff = retry.backoff.unwrap();
        assert_eq!((retry.limit, backoff.duration.as_str()), (-1, "5s"));
        assert_eq!((backoff.factor, backoff.max_duration.as_str()), (Some(2), "3m"));
    }

    #[test]
    fn compatibility_7_a_manual_deployment_has_no_policy_but_the_users_options() {
        let mut spec = DeploymentSpec { type_: "manual".to_owned(), ..DeploymentSpec::default() };
        assert_eq!(document(&spec).spec.sync_policy, None);
        spec.sync_options = vec!["CreateNamespace=false".to_owned()];
        let policy = document(&spec).spec.sync_policy.unwrap();
        assert_eq!(policy.automated, None);
        assert_eq!(policy.retry, None);
        assert_eq!(policy.sync_options, ["CreateNamespace=false"]);
    }

    #[test]
    fn compatibility_2_names_and_the_in_cluster_destination() {
        let document = document(&DeploymentSpec::default());
        assert_eq!(document.name, "gitopsdepl-u-1");
        assert_eq!(document.spec.destination.name, "in-cluster");
        assert_eq!(document.spec.destination.namespace, "team-a");
        assert_eq!(document.spec.destination.server, "");
    }
}
