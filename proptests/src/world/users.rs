//! The users and the Kubernetes API.

use machines::kinds::managed_environment;
use machines::kinds::repository_credential::verdict::Verdict;

use super::clusters::environment_spec;
use super::repositories::credential_spec;
use super::*;

impl Cluster {
    /// The namespace of this name, which is created if missing; `None` while it is terminating.
    fn namespace(&mut self, namespace: &str) -> Option<TenantUid> {
        self.revision.0 += 1;
        let spaces = &mut self.world.namespaces;
        if let Some(existing) = spaces.iter().find(|one| one.name == namespace) {
            return (!existing.terminating).then(|| existing.uid.clone());
        }
        let places = self.places.len() + self.run_places.len() + self.credential_places.len();
        let number = places + self.environment_places.len() + 1;
        let uid = TenantUid::new(format!("{namespace}-{number}"));
        let name = namespace.to_owned();
        spaces.push(NamespaceObject { uid: uid.clone(), name, terminating: false });
        Some(uid)
    }

    pub(super) fn create(&mut self, namespace: u8, name: u8, number: u8, finalizer: bool) {
        let namespace = NAMESPACES[usize::from(namespace) % NAMESPACES.len()];
        let name = NAMES[usize::from(name) % NAMES.len()];
        let taken = |one: &DeploymentObject| one.namespace == namespace && one.name == name;
        if self.world.deployments.iter().any(taken) {
            return;
        }
        let Some(tenant) = self.namespace(namespace) else { return };
        let uid = DeploymentUid::new(format!("uid-{:04}", self.places.len() + 1));
        let place = (tenant.clone(), namespace.to_owned(), name.to_owned());
        self.places.insert(uid.clone(), place);
        self.world.deployments.push(DeploymentObject {
            uid: uid.clone(),
            tenant,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            generation: Generation(1),
            finalizer,
            spec: spec(number),
            ..DeploymentObject::default()
        });
        self.remember(&uid);
    }

    pub(super) fn create_run(&mut self, namespace: u8, name: u8, number: u8, kept: bool) {
        let namespace = NAMESPACES[usize::from(namespace) % NAMESPACES.len()];
        let name = RUN_NAMES[usize::from(name) % RUN_NAMES.len()];
        let spaces = &self.world.namespaces;
        let space = spaces.iter().find(|one| one.name == namespace).map(|one| one.uid.clone());
        let taken = |one: &SyncRunObject| Some(&one.tenant) == space.as_ref() && one.name == name;
        if self.world.sync_runs.iter().any(taken) {
            return;
        }
        let Some(tenant) = self.namespace(namespace) else { return };
        let uid = SyncRunUid::new(format!("run-{:04}", self.run_places.len() + 1));
        let place = (tenant.clone(), namespace.to_owned(), name.to_owned());
        self.run_places.insert(uid.clone(), place);
        if kept {
            self.kept.insert(uid.clone());
        }
        self.world.sync_runs.push(SyncRunObject {
            uid: uid.clone(),
            tenant,
            name: name.to_owned(),
            spec: run_spec(number),
            ..SyncRunObject::default()
        });
        self.remember_run(&uid);
    }

    pub(super) fn create_credential(&mut self, namespace: u8, name: u8, number: u8, kept: bool) {
        let namespace = NAMESPACES[usize::from(namespace) % NAMESPACES.len()];
        let name = CREDENTIAL_NAMES[usize::from(name) % CREDENTIAL_NAMES.len()];
        let spaces = &self.world.namespaces;
        let space = spaces.iter().find(|one| one.name == namespace).map(|one| one.uid.clone());
        let taken =
            |one: &CredentialObject| Some(&one.tenant) == space.as_ref() && one.name == name;
        if self.world.credentials.iter().any(taken) {
            return;
        }
        let Some(tenant) = self.namespace(namespace) else { return };
        let number_of_all = self.credential_places.len() + 1;
        let uid = CredentialUid::new(format!("credential-{number_of_all:04}"));
        let place = (tenant.clone(), namespace.to_owned(), name.to_owned());
        self.credential_places.insert(uid.clone(), place);
        if kept {
            self.kept_credentials.insert(uid.clone());
        }
        self.world.credentials.push(CredentialObject {
            uid: uid.clone(),
            tenant,
            name: name.to_owned(),
            generation: Generation(1),
            deleting: false,
            spec: credential_spec(number),
            conditions: Vec::new(),
            verdict: Verdict::SecretMissing {},
            content: Digest::default(),
        });
        self.judge_all();
        self.remember_credential(&uid);
    }

    pub(super) fn create_environment(&mut self, namespace: u8, name: u8, number: u8, kept: bool) {
        let namespace = NAMESPACES[usize::from(namespace) % NAMESPACES.len()];
        let name = ENVIRONMENT_NAMES[usize::from(name) % ENVIRONMENT_NAMES.len()];
        let taken = |one: &EnvironmentObject| one.namespace == namespace && one.name == name;
        if self.world.environments.iter().any(taken) {
            return;
        }
        let Some(tenant) = self.namespace(namespace) else { return };
        let number_of_all = self.environment_places.len() + 1;
        let uid = EnvironmentUid::new(format!("environment-{number_of_all:04}"));
        let place = (tenant.clone(), namespace.to_owned(), name.to_owned());
        self.environment_places.insert(uid.clone(), place);
        if kept {
            self.kept_environments.insert(uid.clone());
        }
        self.world.environments.push(EnvironmentObject {
            uid: uid.clone(),
            tenant,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            generation: Generation(1),
            deleting: false,
            spec: environment_spec(number),
            conditions: Vec::new(),
            verdict: managed_environment::verdict::Verdict::SecretMissing {},
        });
        self.remember_environment(&uid);
    }

    pub(super) fn object(&mut self, uid: &DeploymentUid) -> Option<&mut DeploymentObject> {
        self.world.deployments.iter_mut().find(|object| object.uid == *uid)
    }

    fn run_object(&mut self, uid: &SyncRunUid) -> Option<&mut SyncRunObject> {
        self.world.sync_runs.iter_mut().find(|object| object.uid == *uid)
    }

    pub(super) fn credential_object(
        &mut self,
        uid: &CredentialUid,
    ) -> Option<&mut CredentialObject> {
        self.world.credentials.iter_mut().find(|object| object.uid == *uid)
    }

    pub(super) fn environment_object(
        &mut self,
        uid: &EnvironmentUid,
    ) -> Option<&mut EnvironmentObject> {
        self.world.environments.iter_mut().find(|object| object.uid == *uid)
    }

    /// Gives the object a new revision and records this version.
    pub(super) fn remember(&mut self, uid: &DeploymentUid) {
        self.revision.0 += 1;
        let revision = self.revision;
        let Some(object) = self.object(uid) else {
            return;
        };
        let snapshot = Snapshot {
            revision,
            generation: object.generation,
            deleting: object.deleting,
            finalizer: object.finalizer,
            spec: object.spec.clone(),
            observed_generation: object.status.observed_generation,
            conditions: object.status.conditions.clone(),
            mirrored: mirrored(&object.status.report),
        };
        self.history.entry(uid.clone()).or_default().push(snapshot);
    }

    pub(super) fn edit(&mut self, uid: &DeploymentUid, number: u8) {
        let Some(object) = self.object(uid) else {
            return;
        };
        if object.spec != spec(number) {
            object.spec = spec(number);
            object.generation.0 += 1;
            self.remember(uid);
        }
    }

    pub(super) fn edit_run(&mut self, uid: &SyncRunUid, number: u8) {
        let Some(object) = self.run_object(uid) else { return };
        if object.spec != run_spec(number) {
            object.spec = run_spec(number);
            self.remember_run(uid);
        }
    }

    pub(super) fn edit_credential(&mut self, uid: &CredentialUid, number: u8) {
        let Some(object) = self.credential_object(uid) else { return };
        if object.spec != credential_spec(number) {
            object.spec = credential_spec(number);
            object.generation.0 += 1;
            self.judge_all();
            self.remember_credential(uid);
        }
    }

    pub(super) fn edit_environment(&mut self, uid: &EnvironmentUid, number: u8) {
        let Some(object) = self.environment_object(uid) else { return };
        if object.spec != environment_spec(number) {
            object.spec = environment_spec(number);
            object.generation.0 += 1;
            self.remember_environment(uid);
        }
    }

    pub(super) fn delete(&mut self, uid: &DeploymentUid) {
        let Some(object) = self.object(uid) else {
            return;
        };
        if object.finalizer && !object.deleting {
            object.deleting = true;
            object.generation.0 += 1;
            self.remember(uid);
        } else if !object.finalizer {
            self.revision.0 += 1;
            self.world.deployments.retain(|object| object.uid != *uid);
            self.collect_namespaces();
        }
    }

    /// Another client's finalizer may keep a run until it is deleted once more.
    pub(super) fn delete_run(&mut self, uid: &SyncRunUid) {
        let is_kept = self.kept.remove(uid);
        let Some(object) = self.run_object(uid) else { return };
        if is_kept {
            object.deleting = true;
            self.remember_run(uid);
        } else {
            self.revision.0 += 1;
            self.world.sync_runs.retain(|object| object.uid != *uid);
            self.collect_namespaces();
        }
    }

    /// Another client's finalizer may keep a credential until it is deleted once more.
    pub(super) fn delete_credential(&mut self, uid: &CredentialUid) {
        let is_kept = self.kept_credentials.remove(uid);
        let Some(object) = self.credential_object(uid) else { return };
        if is_kept {
            object.deleting = true;
            object.generation.0 += 1;
            self.remember_credential(uid);
        } else {
            self.revision.0 += 1;
            self.world.credentials.retain(|object| object.uid != *uid);
            self.collect_namespaces();
        }
    }

    /// Another client's finalizer may keep an environment until it is deleted once more.
    pub(super) fn delete_environment(&mut self, uid: &EnvironmentUid) {
        let is_kept = self.kept_environments.remove(uid);
        let Some(object) = self.environment_object(uid) else { return };
        if is_kept {
            object.deleting = true;
            object.generation.0 += 1;
            self.remember_environment(uid);
        } else {
            self.revision.0 += 1;
            self.world.environments.retain(|object| object.uid != *uid);
            self.collect_namespaces();
        }
    }

    /// Argo CD's namespace disappears or comes back.
    pub(super) fn toggle_engine(&mut self) {
        let there = self.world.settings.instance.is_some();
        self.world.settings.instance = (!there).then(|| InstanceId::new("instance"));
    }

    pub(super) fn delete_namespace(&mut self, which: u8) {
        let Some(NamespaceObject { uid: tenant, name, .. }) =
            pick(self.world.namespaces.iter().cloned(), which)
        else {
            return;
        };
        let spaces = self.world.namespaces.iter_mut();
        spaces.filter(|one| one.uid == tenant).for_each(|one| one.terminating = true);
        self.remove_secrets(&name);
        let inside = self.world.deployments.iter().filter(|one| one.tenant == tenant);
        for uid in inside.map(|one| one.uid.clone()).collect::<Vec<_>>() {
            self.delete(&uid);
        }
        let inside = self.world.sync_runs.iter().filter(|one| one.tenant == tenant);
        for uid in inside.map(|one| one.uid.clone()).collect::<Vec<_>>() {
            self.delete_run(&uid);
        }
        let inside = self.world.credentials.iter().filter(|one| one.tenant == tenant);
        for uid in inside.map(|one| one.uid.clone()).collect::<Vec<_>>() {
            self.delete_credential(&uid);
        }
        let inside = self.world.environments.iter().filter(|one| one.tenant == tenant);
        for uid in inside.map(|one| one.uid.clone()).collect::<Vec<_>>() {
            self.delete_environment(&uid);
        }
        self.collect_namespaces();
    }

    /// A terminating namespace is removed with the last object in it.
    fn collect_namespaces(&mut self) {
        let (deployments, runs) = (&self.world.deployments, &self.world.sync_runs);
        let credentials = &self.world.credentials;
        let environments = &self.world.environments;
        let used = |space: &NamespaceObject| {
            deployments.iter().any(|one| one.tenant == space.uid)
                || runs.iter().any(|one| one.tenant == space.uid)
                || credentials.iter().any(|one| one.tenant == space.uid)
                || environments.iter().any(|one| one.tenant == space.uid)
        };
        self.world.namespaces.retain(|space| !space.terminating || used(space));
    }
}
