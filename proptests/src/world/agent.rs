//! The agent's part of the world: operations, and what they write to Argo CD.

use super::*;
use machines::machine::Machine;

impl Cluster {
    /// Operations that the agent knows from their CR or from their machine.
    pub(super) fn known_operations(&self) -> BTreeSet<OperationId> {
        self.resources.iter().chain(self.operations.keys()).cloned().collect()
    }

    pub(super) fn observe_row(&mut self, id: &OperationId) {
        if self.resources.contains(id) && !self.operations.contains_key(id) {
            self.operations.insert(id.clone(), Operation::new(id.clone()));
        }
        let database = &self.world.database;
        let event = match database.operations.iter().find(|row| row.id == *id) {
            None => OperationEvent::RowAbsent,
            Some(row) if self.is_locked(&row.target) => {
                OperationEvent::Refused { text: "there are no keys".to_owned() }
            }
            Some(row) => OperationEvent::RowObserved(Box::new(RowView {
                state: row.state.clone(),
                owner: self.owner(row.requester.as_ref()),
                requester: row.requester.clone(),
                wanted: self.wanted(&row.target),
            })),
        };
        self.tell_operation(id, &event);
        if !self.resources.contains(id) {
            self.tell_operation(id, &OperationEvent::ResourceAbsent);
        }
    }

    /// What the row of an operation's target asks for.
    fn wanted(&self, target: &Target) -> Wanted {
        match target {
            Target::Application(id) => {
                let rows = &self.world.database.applications;
                let application = rows.iter().find(|one| one.id == *id);
                let document = application.map(|one| one.document.clone());
                Wanted::Application { row: id.clone(), document }
            }
            Target::Environment(id) => {
                Wanted::Environment { row: id.clone(), secret: self.wanted_cluster(id) }
            }
            Target::Credential(id) => {
                Wanted::Credential { row: id.clone(), secret: self.wanted_secret(id) }
            }
            Target::Sync(id) => Wanted::Sync { row: id.clone(), sync: self.wanted_sync(id) },
        }
    }

    pub(super) fn owner(&self, requester: Option<&Requester>) -> ClusterUserId {
        let place = requester.and_then(|requester| match requester {
            Requester::Deployment(uid) => self.places.get(uid),
            Requester::Environment(uid) => self.environment_places.get(uid),
            Requester::Credential(uid) => self.credential_places.get(uid),
            Requester::SyncRun(uid) => self.run_places.get(uid),
        });
        place.map(|place| ClusterUserId::of(&place.0)).unwrap_or_default()
    }

    pub(super) fn observe_argo(&mut self, id: &OperationId) {
        let Some(record) = self.operations.get(id).map(|one| one.record.clone()) else {
            return;
        };
        let found = self.world.argocd.applications.iter();
        let found = found.clone().find(|one| Some(&one.application) == record.application());
        let application = found.map_or(ApplicationView::Absent, |one| ApplicationView::Present {
            spec: Box::new(one.spec.clone()),
            labelled: true,
            deleting: false,
            sync: None,
            syncs: Some(Box::new(self.syncs_of(&one.application))),
        });
        let name = project_name(&record.owner);
        let project = self.world.argocd.projects.iter().find(|one| one.name == name);
        let project_matches = project.cloned() == self.wanted_project(&record.owner);
        let secret = self.secret_view(&record);
        let view = ArgoView { project_matches, application, secret };
        self.tell_operation(id, &OperationEvent::ArgoObserved(Box::new(view)));
    }

    pub(super) fn tell_operation(&mut self, id: &OperationId, event: &OperationEvent) {
        let Some(machine) = self.operations.get(id).cloned() else {
            return;
        };
        let step = machine.step(event, &self.now);
        if step.machine.is_gone() {
            self.operations.remove(id);
        } else {
            self.operations.insert(id.clone(), step.machine);
        }
        self.write(step.rows);
    }

    pub(super) fn wanted_project(&self, owner: &ClusterUserId) -> Option<ArgoProject> {
        let rows = self.world.database.applications.iter().filter(|row| row.owner == *owner);
        let written: BTreeSet<_> = rows.map(|row| &row.document.spec.source.repo_url).collect();
        let credentials = &self.world.database.credentials;
        let credentials = credentials.iter().filter(|row| row.owner == *owner);
        let written: BTreeSet<_> =
            written.into_iter().chain(credentials.map(|row| &row.repository)).collect();
        let patterns = written.into_iter().map(|url| source_repo_pattern(url).into_owned());
        let source_repos: Vec<String> = patterns.collect();
        let name = project_name(owner);
        let environments = self.world.database.environments.iter();
        let environments = environments.filter(|row| row.owner == *owner);
        let names = environments.map(|row| cluster_name(&row.id)).chain([IN_CLUSTER.to_owned()]);
        let destinations = names.collect();
        (!source_repos.is_empty()).then_some(ArgoProject { name, source_repos, destinations })
    }

    pub(super) fn discharge_operation(&mut self, id: &OperationId) {
        let Some(machine) = self.operations.get(id) else { return };
        let (owner, obligations) = (machine.record.owner.clone(), machine.obligations());
        for obligation in obligations {
            let acted = match obligation {
                OperationObligation::ProjectWritten(owner) => self.write_project(&owner),
                OperationObligation::ApplicationWritten(application, document) => {
                    self.write_application(&application, &document)
                }
                OperationObligation::ApplicationRemoved(application) => {
                    let applications = &mut self.world.argocd.applications;
                    let before = applications.len();
                    applications.retain(|one| one.application != application);
                    let removed = applications.len() != before;
                    self.syncs.remove(&application);
                    self.touch(&application);
                    removed
                }
                OperationObligation::ResourceRemoved(id) => self.resources.remove(&id),
                OperationObligation::SyncRequested(row, request, document) => {
                    self.begin_sync(&row, &request, &document)
                }
                OperationObligation::SecretWritten(row, _) => self.write_secret(&row, &owner),
                OperationObligation::SecretRemoved(row) => self.remove_secret(&row),
                OperationObligation::ClusterWritten(row, _) => self.write_cluster(&row, &owner),
                OperationObligation::ClusterRemoved(row) => self.remove_cluster(&row),
                // What exists is always seen here.
                OperationObligation::ApplicationSought(_) => false,
                OperationObligation::SyncEnded(row, sync) => self.end_sync(&row, &sync),
            };
            self.world.writes.api_requests += u64::from(acted);
        }
    }

    pub(super) fn write_project(&mut self, owner: &ClusterUserId) -> bool {
        let wanted = self.wanted_project(owner);
        let before = self.world.argocd.projects.clone();
        let name = project_name(owner);
        self.world.argocd.projects.retain(|one| one.name != name);
        self.world.argocd.projects.extend(wanted);
        self.world.argocd.projects.sort_by(|one, other| one.name.cmp(&other.name));
        self.world.argocd.projects != before
    }

    pub(super) fn write_application(
        &mut self,
        id: &ApplicationId,
        document: &ApplicationDocument,
    ) -> bool {
        let applications = &mut self.world.argocd.applications;
        let same = |one: &ArgoApplication| {
            one.name == document.name && one.application == *id && one.spec == document.spec
        };
        if applications.iter().any(same) {
            return false;
        }
        applications.retain(|one| one.name != document.name);
        applications.push(ArgoApplication {
            name: document.name.clone(),
            application: id.clone(),
            spec: document.spec.clone(),
            report: ArgoReport::default(),
        });
        self.touch(id);
        true
    }

    /// Argo CD does its own work: an Application is deployed as specified.
    pub(super) fn sync(&mut self, which: u8) {
        let count = self.world.argocd.applications.len();
        let Some(index) = usize::from(which).checked_rem(count) else {
            return;
        };
        let synced = ArgoReport { sync: "Synced".to_owned(), health: "Healthy".to_owned() };
        self.world.argocd.applications[index].report = synced;
    }

    pub(super) fn wake(&mut self) {
        self.known_objects().iter().for_each(|object| self.wake_object(object));
        for id in self.operations.keys().cloned().collect::<Vec<_>>() {
            self.tell_operation(&id, &OperationEvent::DeadlineReached);
        }
    }

    // === the database ===

    /// The row of a finished operation has reached its retention time.
    pub(super) fn collect_operation(&mut self, which: u8) {
        let finished = |one: &&OperationEntry| one.state.is_terminal();
        let rows = self.world.database.operations.iter().filter(finished);
        if let Some(id) = pick(rows.map(|one| one.id.clone()), which) {
            self.world.database.operations.retain(|one| one.id != id);
        }
    }
}
