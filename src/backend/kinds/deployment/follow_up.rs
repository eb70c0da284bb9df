//! What follows from the commit of deployments.

use std::collections::HashMap;
use std::sync::Arc;

use crds::argocd::ApplicationStatus;
use machines::identity::ApplicationId;
use machines::kinds::deployment::Obligation;
use tokio::time::Instant;

use super::effects::{DeploymentEffect, Mirrored};
use super::observe::read_report;
use super::step::DeploymentFollowUp;
use crate::backend::Backend;
use crate::backend::effects::Effect;
use crate::backend::kinds::ObjectEffect;

impl Backend {
    pub(in crate::backend) async fn follow_up_deployments(
        &self,
        deployments: Vec<DeploymentFollowUp>,
        taken_at: Instant,
    ) {
        let reports = self.missing_reports(&deployments).await;
        for deployment in deployments {
            self.tell_of_deployment(&deployment);
            self.measure_deployment(&deployment, taken_at);
            self.follow_up_deployment(deployment, &reports, taken_at);
        }
    }

    fn measure_deployment(&self, deployment: &DeploymentFollowUp, taken_at: Instant) {
        let DeploymentFollowUp { uid, consequences, obligations, change, .. } = deployment;
        let seen = self.inbox.waited_since(&consequences.key).unwrap_or(taken_at);
        self.latencies.changed(uid, *change, seen, &self.metrics);
        let is_told = |one: &Obligation| matches!(one, Obligation::StatusWritten(_));
        if !obligations.iter().any(is_told) {
            self.latencies.nothing_to_publish(uid, taken_at);
        }
    }

    fn follow_up_deployment(
        &self,
        deployment: DeploymentFollowUp,
        reports: &HashMap<ApplicationId, Arc<ApplicationStatus>>,
        taken_at: Instant,
    ) {
        let DeploymentFollowUp { uid, consequences, obligations, application, .. } = deployment;
        let fresh = deployment.report.map(Arc::new);
        let known = application.as_ref().and_then(|id| reports.get(id)).cloned();
        let report = fresh.or(known).map(Mirrored::Read);
        let report = report.or(application.map(Mirrored::Unread));
        let effect = |obligation| match obligation {
            Obligation::OperationCreated(operation) => consequences.create(operation),
            Obligation::StatusWritten(view) => {
                let report = report.clone().filter(|_| view.mirrored.is_some());
                let write = DeploymentEffect::WriteStatus { uid: uid.clone(), view, report };
                Effect::Object(ObjectEffect::Deployment(write))
            }
            Obligation::FinalizerRemoved => {
                let write = DeploymentEffect::RemoveFinalizer { uid: uid.clone() };
                Effect::Object(ObjectEffect::Deployment(write))
            }
        };
        let effects = obligations.into_iter().map(effect).collect();
        self.follow_up_machine(consequences, effects, taken_at);
    }

    /// The reports to mirror that were not part of the batch, in one statement.
    async fn missing_reports(
        &self,
        deployments: &[DeploymentFollowUp],
    ) -> HashMap<ApplicationId, Arc<ApplicationStatus>> {
        let missing: Vec<&ApplicationId> = deployments
            .iter()
            .filter(|deployment| deployment.report.is_none())
            .filter(|deployment| {
                deployment.obligations.iter().any(|obligation| {
                    matches!(obligation, Obligation::StatusWritten(view) if view.mirrored.is_some())
                })
            })
            .filter_map(|deployment| deployment.application.as_ref())
            .collect();
        match self.store.reports(missing).await {
            Ok(blobs) => blobs
                .into_iter()
                .filter_map(|(id, blob)| {
                    let status = read_report(&blob, id.as_str())?;
                    Some((id, Arc::new(status)))
                })
                .collect(),
            Err(error) => {
                // Then each is read individually when its status is written.
                tracing::warn!(%error, "reports could not be read");
                HashMap::new()
            }
        }
    }
}
