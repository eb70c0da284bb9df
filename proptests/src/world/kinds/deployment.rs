//! The deployments of the world: what is shown to their machines, and what these require.

use crate::world::*;

impl Cluster {
    pub(in crate::world) fn observe(&mut self, uid: &DeploymentUid) {
        let exists = self.world.deployments.iter().any(|object| object.uid == *uid);
        let newest = self.history.get(uid).and_then(|versions| versions.last()).cloned();
        match newest {
            Some(snapshot) if exists => self.show(uid, snapshot),
            _ => self.tell(uid, &Event::Absent { as_of: self.revision }),
        }
    }

    pub(in crate::world) fn observe_stale(&mut self, uid: &DeploymentUid, back: u8) {
        let versions = self.history.get(uid).map(Vec::as_slice).unwrap_or_default();
        let index = versions.len().saturating_sub(1 + usize::from(back));
        if let Some(snapshot) = versions.get(index).cloned() {
            self.show(uid, snapshot);
        }
    }

    pub(in crate::world) fn show(&mut self, uid: &DeploymentUid, snapshot: Snapshot) {
        if !self.deployments.contains_key(uid) {
            let Some((tenant, namespace, name)) = self.places.get(uid).cloned() else {
                return;
            };
            self.need(&tenant);
            let machine = Deployment::new(uid.clone(), tenant, &namespace, &name);
            self.deployments.insert(uid.clone(), machine);
        }
        self.tell(uid, &Event::Observed(Box::new(snapshot)));
    }

    pub(in crate::world) fn tell(&mut self, uid: &DeploymentUid, event: &Event) {
        let Some(machine) = self.deployments.get(uid).cloned() else {
            return;
        };
        self.now = self.now.after(self.step);
        let facts = self.facts(&machine, event);
        let step = machine.clone().step(event, &facts);
        if step.machine.is_gone() {
            self.deployments.remove(uid);
        } else if step.machine != machine {
            self.deployments.insert(uid.clone(), resume(&persist(step.machine)));
        }
        self.write(step.rows);
    }

    pub(in crate::world) fn facts(&self, machine: &Deployment, event: &Event) -> Facts {
        let record = &machine.record;
        let namesake = |other: &&Deployment| {
            let other = &other.record;
            other.tenant == record.tenant && other.name == record.name && other.uid != record.uid
        };
        let namesakes = self.deployments.values().filter(namesake).map(Namesake::of);
        Facts {
            now: self.now,
            tenant: self.tenant_fact(&record.tenant),
            instance: self.world.settings.instance.clone(),
            argocd_namespace: self.world.settings.argocd_namespace.clone(),
            isolation: self.world.settings.isolation,
            namesakes: namesakes.collect(),
            existing_application: None,
            environments: self.environments_of(machine, event),
            conditions: self.world.settings.conditions,
        }
    }

    pub(in crate::world) fn observe_operation(&mut self, uid: &DeploymentUid) {
        let Some(open) = self.deployments.get(uid).and_then(|one| one.record.open.clone()) else {
            return;
        };
        let rows = &self.world.database.operations;
        let state = rows.iter().find(|row| row.id == open.id).map(|row| row.state.clone());
        self.tell(uid, &Event::OperationObserved { id: open.id, state });
    }

    pub(in crate::world) fn report(&mut self, uid: &DeploymentUid) {
        let name = machines::operation::application::application_name(uid);
        let applications = &self.world.argocd.applications;
        let Some(found) = applications.iter().find(|one| one.name == name) else {
            return;
        };
        if found.report == ArgoReport::default() {
            return;
        }
        let (source, destination) = (&found.spec.source, &found.spec.destination);
        let report = Report {
            mirrored: mirrored(&found.report),
            sync: found.report.sync.clone(),
            health: found.report.health.clone(),
            compared_to: compared_to_digest(
                &source.repo_url,
                &source.path,
                &source.target_revision,
                &self.reported_cluster(&destination.name),
                &destination.namespace,
            ),
            ..Report::default()
        };
        self.reports.insert(report.mirrored.clone(), found.report.clone());
        self.tell(uid, &Event::Reported(Box::new(report)));
    }

    /// Does one thing that a deployment requires and that is not done yet: the one with this
    /// number, or the next after it.
    pub(in crate::world) fn discharge(&mut self, uid: &DeploymentUid, choice: u8) {
        let Some(machine) = self.deployments.get(uid) else {
            return;
        };
        let mut obligations = machine.obligations(self.world.settings.conditions);
        let first = usize::from(choice).checked_rem(obligations.len()).unwrap_or_default();
        obligations.rotate_left(first);
        for obligation in obligations {
            if self.fulfil(uid, obligation) {
                return;
            }
        }
    }

    /// Does what is required; returns whether that changed anything.
    pub(in crate::world) fn fulfil(&mut self, uid: &DeploymentUid, obligation: Obligation) -> bool {
        let acted = match obligation {
            Obligation::OperationCreated(id) => self.resources.insert(id),
            Obligation::FinalizerRemoved => self.remove_finalizer(uid),
            Obligation::StatusWritten(view) => self.write_status(uid, &view),
        };
        self.world.writes.api_requests += u64::from(acted);
        acted
    }

    pub(in crate::world) fn remove_finalizer(&mut self, uid: &DeploymentUid) -> bool {
        let Some(object) = self.object(uid).filter(|object| object.finalizer) else {
            return false;
        };
        object.finalizer = false;
        if object.deleting {
            self.delete(uid);
        } else {
            self.remember(uid);
        }
        true
    }

    pub(in crate::world) fn write_status(
        &mut self,
        uid: &DeploymentUid,
        view: &StatusView,
    ) -> bool {
        let report = view.mirrored.as_ref().and_then(|digest| self.reports.get(digest)).cloned();
        let Some(object) = self.object(uid) else {
            return false;
        };
        let before = object.status.clone();
        object.status.observed_generation = view.observed_generation;
        object.status.conditions = view.conditions.clone();
        if let Some(report) = report {
            object.status.report = report;
        }
        let changed = object.status != before;
        if changed {
            self.remember(uid);
        }
        changed
    }
}
