//! What the agent follows: Applications, AppProjects, its Secrets and Operation CRs.

use std::sync::Arc;

use crds::Operation;
use kube::ResourceExt;
use kube::api::{Api, ObjectMeta};
use machines::identity::{OPERATION_ID_LIMIT, OperationId};
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::agent::batch::Observations;
use crate::runtime::sightings::{Listed, Sightings};
use crate::runtime::watch::{self, Progress, Selector, WatchEvent};

/// How each watch is doing.
pub(super) struct Watches {
    pub(super) operations: Arc<Progress>,
    pub(super) applications: Arc<Progress>,
    pub(super) projects: Arc<Progress>,
    /// Of cluster Secrets and repository Secrets.
    pub(super) secrets: Arc<Progress>,
}

impl Watches {
    /// None has started.
    pub(super) fn new() -> Self {
        Self {
            operations: Progress::new("operations"),
            applications: Progress::new("applications"),
            projects: Progress::new("appprojects"),
            secrets: Progress::new("argocdsecrets"),
        }
    }
}

impl Agent {
    pub(super) async fn watch_applications(self: Arc<Self>, shutdown: CancellationToken) {
        let progress = Arc::clone(&self.watches.applications);
        let client = progress.listening(&self.client);
        let api = Api::namespaced(client, &self.settings.argocd_namespace);
        let agent = Arc::clone(&self);
        watch::follow(api, progress, shutdown, move |seen| {
            agent.take_in(|argo| argo.application_seen(seen));
        })
        .await;
    }

    pub(super) async fn watch_projects(self: Arc<Self>, shutdown: CancellationToken) {
        let progress = Arc::clone(&self.watches.projects);
        let client = progress.listening(&self.client);
        let api = Api::namespaced(client, &self.settings.argocd_namespace);
        let agent = Arc::clone(&self);
        watch::follow(api, progress, shutdown, move |seen| {
            agent.take_in(|argo| argo.project_seen(seen));
        })
        .await;
    }

    /// Argo CD acts on no Secret without the label, so one that has lost it counts as gone. One watch
    /// shows both kinds, so that one whose label changes from one to the other is never missed.
    pub(super) async fn watch_secrets(self: Arc<Self>, shutdown: CancellationToken) {
        let label = crds::names::ARGO_CD_SECRET_TYPE_LABEL;
        let kinds = [crds::names::ARGO_CD_CLUSTER_SECRET, crds::names::ARGO_CD_REPOSITORY_SECRET];
        let selected = format!("{label} in ({})", kinds.join(","));
        let progress = Arc::clone(&self.watches.secrets);
        let client = progress.listening(&self.client);
        let api = Api::namespaced(client, &self.settings.argocd_namespace);
        let agent = Arc::clone(&self);
        let selector = Selector::Labels(selected);
        watch::follow_selected(api, selector, progress, shutdown, move |seen| {
            agent.take_in(|argo| argo.secret_seen(seen));
        })
        .await;
    }

    pub(super) async fn watch_operations(self: Arc<Self>, shutdown: CancellationToken) {
        let progress = Arc::clone(&self.watches.operations);
        let client = progress.listening(&self.client);
        let api = Api::namespaced(client, &self.settings.argocd_namespace);
        let agent = Arc::clone(&self);
        let mut sightings = Sightings::default();
        watch::follow::<Operation>(api, progress, shutdown, move |seen| {
            let listed = sightings.note(&seen, operation_id);
            agent.operation_seen(seen, listed);
        })
        .await;
    }

    fn operation_seen(&self, seen: WatchEvent<Operation>, listed: Option<Listed<OperationId>>) {
        let absent = Observations { resource_absent: true, ..Observations::default() };
        match seen {
            WatchEvent::Restarted => {}
            WatchEvent::Present(operation) => {
                let id = OperationId::new(operation.spec.operation_id.clone());
                self.operation_present(&operation, id);
            }
            WatchEvent::Gone(gone) => {
                let id = crds::names::operation_id(&gone.name).unwrap_or_default();
                let id = OperationId::new(id);
                self.open().resources.remove(&id);
                self.poke(&id, absent);
            }
            // It exists, and its name says which operation it belongs to.
            WatchEvent::Malformed(metadata) => {
                let open = |id: &OperationId| self.open().by_id.contains_key(id);
                if let Some(id) = operation_id(&metadata).filter(open) {
                    self.open().sighted(&id);
                }
            }
            WatchEvent::Synced => {
                let Some(listed) = listed else { return };
                self.open().resources.retain(|id, _| !listed.lacks(id));
                let open: Vec<OperationId> = self.open().by_id.keys().cloned().collect();
                for id in open.into_iter().filter(|id| listed.lacks(id)) {
                    self.poke(&id, absent.clone());
                }
            }
        }
    }

    fn operation_present(&self, operation: &Operation, id: OperationId) {
        // The name follows from the id; anything else was not made by a backend. An id longer than
        // the database's column names no row, and PostgreSQL would reject it as a machine's key.
        if id.as_str().is_empty()
            || id.as_str().len() > OPERATION_ID_LIMIT
            || operation.name_any() != crds::names::operation_name(id.as_str())
        {
            tracing::warn!(name = operation.name_any(), "an Operation names no row; left alone");
            return;
        }
        let tenant = operation.labels().get(crds::names::TENANT_LABEL).cloned().unwrap_or_default();
        self.open().sighted(&id);
        if operation.annotations().contains_key(crds::names::CHANGED_ANNOTATION) {
            self.poke(&id, Observations::default());
        }
        self.take_up(id, &tenant);
    }

    /// Makes sure that an operation is open.
    pub(super) fn take_up(&self, id: OperationId, tenant: &str) {
        let news = self.open().note(&id, tenant);
        if news {
            self.inbox.offer(tenant, id, Observations::default());
        }
    }
}

/// The operation that an Operation CR belongs to, by the CR's name.
fn operation_id(metadata: &ObjectMeta) -> Option<OperationId> {
    crds::names::operation_id(metadata.name.as_deref()?).map(OperationId::new)
}
