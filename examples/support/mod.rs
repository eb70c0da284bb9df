//! What the examples share: a deployment machine that receives events and shows what it does.

// Each example uses a different part of this.
#![allow(dead_code)]

use std::time::Duration;

use machines::identity::{
    ClusterUserId, DeploymentUid, Digest, EnvironmentId, Generation, InstanceId, OperationId,
    Revision, TenantUid, Timestamp,
};
use machines::kinds::deployment::conditions::{Condition, ConditionStyle, compared_to_digest};
use machines::kinds::deployment::destination::Environments;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{
    Deployment, Event, Facts, Namesake, Obligation, Report, Snapshot, TenantFact,
};
use machines::machine::Machine;
use machines::operation::application::IN_CLUSTER;
use machines::rows::{
    CredentialRows, EnvironmentRows, OperationState, RowChange, SyncRunRows, TenantRows,
};

/// The conditions that the examples print.
pub(crate) const STYLE: ConditionStyle = ConditionStyle::Conventional;
const REPO_URL: &str = "https://example.com/team/app.git";

/// A valid, automated spec for a folder of the repository; an empty folder makes it invalid.
pub(crate) fn spec(path: &str) -> DeploymentSpec {
    DeploymentSpec {
        repo_url: REPO_URL.to_owned(),
        path: path.to_owned(),
        type_: "automated".to_owned(),
        ..DeploymentSpec::default()
    }
}

/// The rows of a served tenant.
pub(crate) fn tenant_rows(namespace: &str) -> TenantRows {
    let tenant = TenantUid::new(format!("uid-of-{namespace}"));
    TenantRows {
        user: ClusterUserId::of(&tenant),
        environment: EnvironmentId::in_cluster_of(&tenant),
        namespace: namespace.to_owned(),
        instance: InstanceId::new("argocd"),
        tenant,
    }
}

/// A GitOpsDeployment, its machine, and the example's clock.
pub(crate) struct Story {
    /// The machine.
    pub(crate) machine: Deployment,
    /// The object as the Kubernetes API would show it.
    pub(crate) object: Snapshot,
    /// Namesakes that the machine can see.
    pub(crate) namesakes: Vec<Namesake>,
    /// The current time.
    pub(crate) now: Timestamp,
    /// Whether the steps are printed.
    pub(crate) told_aloud: bool,
}

impl Story {
    /// A deployment that a user has just created.
    pub(crate) fn new(namespace: &str, name: &str, uid: &str, revision: u64, path: &str) -> Self {
        let tenant = tenant_rows(namespace).tenant;
        Self {
            machine: Deployment::new(DeploymentUid::new(uid), tenant, namespace, name),
            object: Snapshot {
                revision: Revision(revision),
                generation: Generation(1),
                finalizer: true,
                spec: spec(path),
                ..Snapshot::default()
            },
            namesakes: Vec::new(),
            now: Timestamp::from_millis(0),
            told_aloud: true,
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            now: self.now,
            tenant: TenantFact::Active(tenant_rows(&self.machine.record.namespace)),
            instance: Some(InstanceId::new("argocd")),
            argocd_namespace: "argocd".to_owned(),
            isolation: true,
            namesakes: self.namesakes.clone(),
            existing_application: None,
            environments: Environments::default(),
            conditions: STYLE,
        }
    }

    /// Sends an event to the machine and prints the result.
    pub(crate) fn tell(&mut self, what: &str, event: &Event) {
        let before = (self.machine.path(), self.machine.mirror.path());
        let step = self.machine.clone().step(event, &self.facts());
        self.machine = step.machine;
        if !self.told_aloud {
            return;
        }
        let after = (self.machine.path(), self.machine.mirror.path());
        let uid = &self.machine.record.uid;
        println!("[{:>6} ms] {uid}: {what}", self.now.as_millis());
        let stays = if before == after { " (stays)" } else { "" };
        println!("    state   {} -> {}{stays}", before.0, after.0);
        println!("    status  {} -> {}", before.1, after.1);
        step.rows.iter().for_each(|row| println!("    row     {}", row_text(row)));
        let obligations = self.machine.obligations(STYLE);
        obligations.iter().for_each(|one| println!("    needs   {}", obligation_text(one)));
    }

    /// The machine observes the current object.
    pub(crate) fn observe(&mut self, what: &str) {
        let event = Event::Observed(Box::new(self.object.clone()));
        self.tell(what, &event);
    }

    /// The user changes the spec.
    pub(crate) fn edit(&mut self, path: &str) {
        self.object.spec = spec(path);
        self.object.generation.0 += 1;
        self.object.revision.0 += 1;
    }

    /// The user deletes the object; our finalizer keeps it.
    pub(crate) fn delete(&mut self) {
        self.object.deleting = true;
        self.object.generation.0 += 1;
        self.object.revision.0 += 1;
    }

    /// The object no longer exists.
    pub(crate) fn absent(&mut self, what: &str) {
        let as_of = Revision(self.object.revision.0 + 1);
        self.tell(what, &Event::Absent { as_of });
    }

    /// The open operation.
    pub(crate) fn open(&self) -> Option<OperationId> {
        self.machine.record.open.as_ref().map(|open| open.id.clone())
    }

    /// The row of the open operation gets this state; `false` if none is open.
    pub(crate) fn operation(&mut self, state: OperationState) -> bool {
        let Some(id) = self.open() else { return false };
        let what = match &state {
            OperationState::Waiting => "the operation waits".to_owned(),
            OperationState::InProgress => "the agent has started".to_owned(),
            OperationState::Completed => "the agent has completed".to_owned(),
            OperationState::Failed(text) => format!("the agent has failed: {text}"),
        };
        self.tell(&what, &Event::OperationObserved { id, state: Some(state) });
        true
    }

    /// Argo CD reports that the Application is synced and healthy.
    pub(crate) fn report(&mut self) {
        let (record, name) = (&self.machine.record, IN_CLUSTER);
        let compared_to =
            compared_to_digest(REPO_URL, &record.spec.path, "", name, &record.namespace);
        let report = Report {
            mirrored: Digest::of(&("Synced", "Healthy", &record.spec.path)),
            sync: "Synced".to_owned(),
            health: "Healthy".to_owned(),
            compared_to,
            ..Report::default()
        };
        self.tell("Argo CD reports Synced and Healthy", &Event::Reported(Box::new(report)));
    }

    /// Writes the status as the machine requires, and lets it observe the echo.
    pub(crate) fn write_status(&mut self) {
        for obligation in self.machine.obligations(STYLE) {
            let Obligation::StatusWritten(view) = obligation else {
                continue;
            };
            self.object.observed_generation = view.observed_generation;
            self.object.conditions = view.conditions;
            self.object.mirrored = view.mirrored.unwrap_or_default();
            self.object.revision.0 += 1;
            self.observe("the status was written");
        }
    }

    /// Time passes until the machine's deadline; `false` if it has none.
    pub(crate) fn wait_for_deadline(&mut self) -> bool {
        let Some(moment) = self.machine.wake_at() else {
            return false;
        };
        self.now = self.now.max(moment);
        self.tell("a deadline has passed", &Event::DeadlineReached);
        true
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }

    /// A condition in the object's status: its status and its message.
    pub(crate) fn condition(&self, type_: &str) -> Option<(&str, &str)> {
        let found = self.object.conditions.iter().find(|one| one.type_ == type_);
        found.map(|Condition { status, message, .. }| (status.as_str(), message.as_str()))
    }
}

/// The first digits of an id: enough to distinguish those of one example.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// A row change in a few words.
pub(crate) fn row_text(row: &RowChange) -> String {
    match row {
        RowChange::EnsureTenant(rows) => format!("tenant {} exists", rows.namespace),
        RowChange::RemoveTenant(rows) => format!("tenant {} is gone", rows.namespace),
        RowChange::PutApplication(rows) => {
            let id = short(rows.key.application.as_str());
            format!("application {id} asks for folder {:?}", rows.document.spec.source.path)
        }
        RowChange::RemoveApplication(key) => {
            format!("application {} is gone", short(key.application.as_str()))
        }
        RowChange::RequestOperation(row) => format!("operation {} waits", short(row.id.as_str())),
        RowChange::SetOperationState(id, state) => {
            format!("operation {} is {state:?}", short(id.as_str()))
        }
        RowChange::ReportProgress(id, text) => {
            format!("operation {} says {text:?}", short(id.as_str()))
        }
        RowChange::Environment(EnvironmentRows::Put(row)) => {
            format!("environment {} for {:?} exists", short(row.key.id.as_str()), row.spec.api_url)
        }
        RowChange::Environment(EnvironmentRows::Detach(id)) => {
            format!("nothing is deployed to environment {}", short(id.as_str()))
        }
        RowChange::Environment(EnvironmentRows::Remove(key)) => {
            format!("environment {} is gone", short(key.id.as_str()))
        }
        RowChange::Environment(EnvironmentRows::Forget(id)) => {
            format!("cluster credentials {} are gone", short(id.as_str()))
        }
        RowChange::Credential(CredentialRows::Put(row)) => {
            format!("credential {} for {:?} exists", short(row.key.id.as_str()), row.repository)
        }
        RowChange::Credential(CredentialRows::Remove(key)) => {
            format!("credential {} is gone", short(key.id.as_str()))
        }
        RowChange::SyncRun(SyncRunRows::Put(row)) => {
            format!("sync {} of {} at {:?} exists", row.sync, row.deployment_name, row.revision)
        }
        RowChange::SyncRun(SyncRunRows::Terminate(sync)) => format!("sync {sync} is to end"),
        RowChange::SyncRun(SyncRunRows::Remove { sync, .. }) => format!("sync {sync} is gone"),
    }
}

fn obligation_text(obligation: &Obligation) -> String {
    match obligation {
        Obligation::OperationCreated(id) => {
            format!("the Operation CR of {} exists", short(id.as_str()))
        }
        Obligation::FinalizerRemoved => "our finalizer is not on the object".to_owned(),
        Obligation::StatusWritten(view) => {
            let says = |one: &Condition| format!("{}={} {}", one.type_, one.status, one.reason);
            let conditions: Vec<String> = view.conditions.iter().map(says).collect();
            format!("the status says {}", conditions.join(", "))
        }
    }
}
