//! What happens to the objects of users, whatever their kind.

use machines::kinds::managed_environment::EnvironmentEvent;
use machines::kinds::repository_credential::CredentialEvent;
use machines::kinds::sync_run::SyncRunEvent;

use super::*;

/// An object of a user; the deployments come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// A deployment.
    Deployment(DeploymentUid),
    /// A sync run.
    SyncRun(SyncRunUid),
    /// A repository credential.
    Credential(CredentialUid),
    /// A managed environment.
    Environment(EnvironmentUid),
}

fn objects(
    deployments: impl Iterator<Item = DeploymentUid>,
    runs: impl Iterator<Item = SyncRunUid>,
    credentials: impl Iterator<Item = CredentialUid>,
    environments: impl Iterator<Item = EnvironmentUid>,
) -> Vec<Object> {
    let runs = runs.map(Object::SyncRun);
    let credentials = credentials.map(Object::Credential);
    let environments = environments.map(Object::Environment);
    let deployments = deployments.map(Object::Deployment);
    deployments.chain(runs).chain(credentials).chain(environments).collect()
}

impl Cluster {
    /// All objects that ever existed.
    pub(super) fn all_objects(&self) -> Vec<Object> {
        objects(
            self.places.keys().cloned(),
            self.run_places.keys().cloned(),
            self.credential_places.keys().cloned(),
            self.environment_places.keys().cloned(),
        )
    }

    /// The objects that exist.
    pub(super) fn existing_objects(&self) -> Vec<Object> {
        let (deployments, runs) = (&self.world.deployments, &self.world.sync_runs);
        objects(
            deployments.iter().map(|object| object.uid.clone()),
            runs.iter().map(|object| object.uid.clone()),
            self.world.credentials.iter().map(|object| object.uid.clone()),
            self.world.environments.iter().map(|object| object.uid.clone()),
        )
    }

    /// The objects that have a machine.
    pub(super) fn known_objects(&self) -> Vec<Object> {
        objects(
            self.deployments.keys().cloned(),
            self.sync_runs.keys().cloned(),
            self.credentials.keys().cloned(),
            self.environments.keys().cloned(),
        )
    }

    pub(super) fn edit_object(&mut self, object: &Object, number: u8) {
        match object {
            Object::Deployment(uid) => self.edit(uid, number),
            Object::SyncRun(uid) => self.edit_run(uid, number),
            Object::Credential(uid) => self.edit_credential(uid, number),
            Object::Environment(uid) => self.edit_environment(uid, number),
        }
    }

    pub(super) fn delete_object(&mut self, object: &Object) {
        match object {
            Object::Deployment(uid) => self.delete(uid),
            Object::SyncRun(uid) => self.delete_run(uid),
            Object::Credential(uid) => self.delete_credential(uid),
            Object::Environment(uid) => self.delete_environment(uid),
        }
    }

    pub(super) fn observe_object(&mut self, object: &Object) {
        match object {
            Object::Deployment(uid) => self.observe(uid),
            Object::SyncRun(uid) => self.observe_run(uid),
            Object::Credential(uid) => self.observe_credential(uid),
            Object::Environment(uid) => self.observe_environment(uid),
        }
    }

    pub(super) fn observe_stale_object(&mut self, object: &Object, back: u8) {
        match object {
            Object::Deployment(uid) => self.observe_stale(uid, back),
            Object::SyncRun(uid) => self.observe_stale_run(uid, back),
            Object::Credential(uid) => self.observe_stale_credential(uid, back),
            Object::Environment(uid) => self.observe_stale_environment(uid, back),
        }
    }

    pub(super) fn check_facts(&mut self, object: &Object) {
        match object {
            Object::Deployment(uid) => self.tell(uid, &Event::FactsChanged),
            Object::SyncRun(uid) => self.tell_run(uid, &SyncRunEvent::FactsChanged),
            Object::Credential(uid) => self.tell_credential(uid, &CredentialEvent::FactsChanged),
            Object::Environment(uid) => {
                self.tell_environment(uid, &EnvironmentEvent::FactsChanged);
            }
        }
    }

    pub(super) fn wake_object(&mut self, object: &Object) {
        match object {
            Object::Deployment(uid) => self.tell(uid, &Event::DeadlineReached),
            Object::SyncRun(uid) => self.tell_run(uid, &SyncRunEvent::DeadlineReached),
            Object::Credential(uid) => {
                self.tell_credential(uid, &CredentialEvent::DeadlineReached);
            }
            Object::Environment(uid) => {
                self.tell_environment(uid, &EnvironmentEvent::DeadlineReached);
            }
        }
    }

    /// When an object's machine wants to be woken.
    pub(super) fn wake_at(&self, object: &Object) -> Option<Timestamp> {
        match object {
            Object::Deployment(uid) => self.deployments.get(uid)?.wake_at(),
            Object::SyncRun(uid) => self.sync_runs.get(uid)?.wake_at(),
            Object::Credential(uid) => self.credentials.get(uid)?.wake_at(),
            Object::Environment(uid) => self.environments.get(uid)?.wake_at(),
        }
    }

    pub(super) fn observe_operation_of(&mut self, object: &Object) {
        match object {
            Object::Deployment(uid) => self.observe_operation(uid),
            Object::SyncRun(uid) => self.observe_operation_of_run(uid),
            Object::Credential(uid) => self.observe_operation_of_credential(uid),
            Object::Environment(uid) => self.observe_operation_of_environment(uid),
        }
    }

    /// A machine is notified of an operation that is not its open one.
    pub(super) fn observe_former_operation(&mut self, object: &Object, failed: bool) {
        let id = OperationId::new("a-former-operation");
        let state = Some(match failed {
            true => OperationState::Failed("denied".to_owned()),
            false => OperationState::Completed,
        });
        match object {
            Object::Deployment(uid) => self.tell(uid, &Event::OperationObserved { id, state }),
            Object::SyncRun(uid) => {
                let message = String::new();
                self.tell_run(uid, &SyncRunEvent::OperationObserved { id, state, message });
            }
            Object::Credential(uid) => {
                self.tell_credential(uid, &CredentialEvent::OperationObserved { id, state });
            }
            Object::Environment(uid) => {
                self.tell_environment(uid, &EnvironmentEvent::OperationObserved { id, state });
            }
        }
    }

    /// How many things a machine requires.
    pub(super) fn count_obligations(&self, object: &Object) -> usize {
        let style = self.world.settings.conditions;
        match object {
            Object::Deployment(uid) => {
                self.deployments.get(uid).map_or(0, |one| one.obligations(style).len())
            }
            Object::SyncRun(uid) => {
                self.sync_runs.get(uid).map_or(0, |one| one.obligations(style).len())
            }
            Object::Credential(uid) => {
                self.credentials.get(uid).map_or(0, |one| one.obligations(style).len())
            }
            Object::Environment(uid) => {
                self.environments.get(uid).map_or(0, |one| one.obligations(style).len())
            }
        }
    }

    pub(super) fn discharge_for(&mut self, object: &Object, choice: u8) {
        match object {
            Object::Deployment(uid) => self.discharge(uid, choice),
            Object::SyncRun(uid) => self.discharge_run(uid, choice),
            Object::Credential(uid) => self.discharge_credential(uid, choice),
            Object::Environment(uid) => self.discharge_environment(uid, choice),
        }
    }
}
