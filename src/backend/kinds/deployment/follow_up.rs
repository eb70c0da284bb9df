//! What follows from the commit of deployments.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crds::argocd::ApplicationStatus;
use machines::identity::ApplicationId;
use machines::kinds::deployment::Obligation;
use machines::kinds::deployment::lifecycle::Lifecycle;
use machines::shared::messages;
use tokio::time::Instant;

use super::observe::read_report;
use super::step::DeploymentFollowUp;
use crate::backend::effects::{Effect, Mirrored, SUBJECTS, Subject};
use crate::backend::index::Place;
use crate::backend::observations::{Key, Observations};
use crate::backend::{Backend, Transition};
use crate::runtime::effects::{QueuedEffect, Required};

/// The reason of the Event about a deletion that waits for another version of the program.
const DELETION_WAITS: &str = "DeletionWaits";

impl Backend {
    pub(in crate::backend) async fn follow_up_deployments(
        &self,
        deployments: Vec<DeploymentFollowUp>,
        taken_at: Instant,
    ) {
        let reports = self.missing_reports(&deployments).await;
        for deployment in deployments {
            self.tell(&deployment);
            self.follow_up_deployment(deployment, &reports, taken_at);
        }
    }

    fn tell(&self, deployment: &DeploymentFollowUp) {
        if deployment.repairs {
            self.metrics.repairs.inc();
            let Place { namespace, name } = &deployment.place;
            tracing::info!(namespace, name, "an Application that was changed by hand is repaired");
        }
        let Some(moved) = &deployment.moved else { return };
        let place = &deployment.place;
        if moved.to == (Lifecycle::RemovalFrozen {}).path() {
            // Without our finalizer there is no longer an object whose status could say it.
            self.events.tell(place, &deployment.uid, DELETION_WAITS, messages::REMOVAL_FROZEN);
        }
        tracing::info!(
            namespace = place.namespace,
            name = place.name,
            from = moved.from,
            to = moved.to,
            cause = moved.cause,
            "a deployment moved",
        );
        let transition = Transition {
            namespace: place.namespace.clone(),
            name: place.name.clone(),
            from: moved.from.clone(),
            to: moved.to.clone(),
            cause: moved.cause,
        };
        // There may be no onlookers.
        let _ = self.transitions.send(transition);
    }

    fn follow_up_deployment(
        &self,
        deployment: DeploymentFollowUp,
        reports: &HashMap<ApplicationId, Arc<ApplicationStatus>>,
        taken_at: Instant,
    ) {
        let key = Key::Deployment(deployment.uid.clone());
        let DeploymentFollowUp {
            uid, tenant, place, gone, wake_at, requested, obligations, ..
        } = deployment;
        self.timers.set(&key, wake_at);
        if gone {
            self.take_in(|index| index.forget_deployment(&uid));
        } else {
            self.index().note_deployment(&uid, tenant.clone(), place);
        }
        let fresh = deployment.report.map(Arc::new);
        let known = deployment.application.as_ref().and_then(|id| reports.get(id)).cloned();
        let report = fresh.or(known).map(Mirrored::Read);
        let report = report.or(deployment.application.map(Mirrored::Unread));
        let mut settled: Vec<Subject> = SUBJECTS.to_vec();
        if let Some(id) = requested
            && let Some(executor) = self.executor.get().and_then(Weak::upgrade)
        {
            executor.operation_requested(&id, &tenant);
        }
        for obligation in obligations {
            let effect = match obligation {
                Obligation::OperationCreated(operation) => Effect::CreateOperation {
                    requester: key.clone(),
                    tenant: tenant.clone(),
                    operation,
                },
                Obligation::StatusWritten(view) => {
                    let report = report.clone().filter(|_| view.mirrored.is_some());
                    Effect::WriteStatus { uid: uid.clone(), view, report }
                }
                Obligation::FinalizerRemoved => Effect::RemoveFinalizer { uid: uid.clone() },
            };
            let (_, subject) = effect.key();
            settled.retain(|other| *other != subject);
            if deployment.insist {
                self.effects.invalidate(&effect.key());
            }
            if self.effects.require(tenant.as_str(), effect, taken_at) == Required::InDoubt {
                self.poke(&key, Observations::facts());
            }
        }
        for subject in settled {
            self.effects.withdraw(&(key.clone(), subject));
        }
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
