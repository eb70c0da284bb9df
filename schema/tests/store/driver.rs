//! A minimal backend and agent around the store: they load, step real machines, and commit.

#![allow(unreachable_pub, reason = "only the tests in this binary use it")]

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Generation, InstanceId, OperationId, Revision,
    TenantUid, Timestamp,
};
use machines::kinds::deployment::conditions::ConditionStyle;
use machines::kinds::deployment::destination::Environments;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{
    Deployment, Event, ExistingApplication, Facts, Namesake, Snapshot, TenantFact,
};
use machines::kinds::tenant::{Tenant, TenantEvent, TenantFacts, TenantState};
use machines::machine::{Machine, Run};
use machines::operation::application::ApplicationDocument;
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationPhase, RowView, SecretView,
};
use schema::store::agent::{AgentChanges, AgentLoaded};
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest, DeploymentName};
use schema::store::machine_rows::{Stepped, Versioned};
use schema::store::{Role, Store, StoreError};
use schema::{Database, migrate};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::harness::{DEADLINE, Scratch};

/// The start of the tests' time; it moves only when a test moves it.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_795_343_185_917);
pub const ARGOCD: &str = "gitops-service-argocd";

/// A GitOpsDeployment's object.
#[derive(Clone, Debug)]
pub struct Object {
    pub uid: DeploymentUid,
    pub tenant: TenantUid,
    pub name: String,
    pub revision: u64,
    pub generation: i64,
    pub deleting: bool,
    pub finalizer: bool,
    pub spec: DeploymentSpec,
}

impl Object {
    /// A valid object; `which` becomes part of its UID and of its name.
    pub fn new(tenant: &str, which: &str) -> Self {
        Self {
            uid: DeploymentUid::new(format!("uid-{tenant}-{which}")),
            tenant: TenantUid::new(tenant),
            name: format!("name-{which}"),
            revision: 10,
            generation: 1,
            deleting: false,
            finalizer: true,
            spec: DeploymentSpec {
                repo_url: "https://example.com/Team/App.git".to_owned(),
                path: "deploy".to_owned(),
                type_: "automated".to_owned(),
                ..DeploymentSpec::default()
            },
        }
    }

    pub fn with_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.spec.repo_url);
        self
    }

    /// The same object after its user changed the URL.
    pub fn edited(&self, url: &str) -> Self {
        let mut edited = self.clone().with_url(url);
        edited.generation += 1;
        edited.revision += 1;
        edited
    }

    /// The same object after its user deleted it.
    pub fn deleted(&self) -> Self {
        let revision = self.revision + 1;
        Self { deleting: true, revision, ..self.clone() }
    }

    pub fn application(&self) -> ApplicationId {
        ApplicationId::of(&self.uid)
    }

    pub fn namespace(&self) -> String {
        namespace_of(&self.tenant)
    }

    fn snapshot(&self) -> Box<Snapshot> {
        Box::new(Snapshot {
            revision: Revision(self.revision),
            generation: Generation(self.generation),
            deleting: self.deleting,
            finalizer: self.finalizer,
            spec: self.spec.clone(),
            ..Snapshot::default()
        })
    }
}

pub fn namespace_of(tenant: &TenantUid) -> String {
    format!("team-{tenant}")
}

/// An event for the backend.
#[allow(clippy::large_enum_variant, reason = "tests hold few of them")]
#[derive(Clone, Debug)]
pub enum Input {
    Seen(Object),
    Absent(DeploymentUid),
    Operation(DeploymentUid),
    Reported(DeploymentUid),
    Facts(DeploymentUid),
    Deadline(DeploymentUid),
    Namespace(TenantUid, TenantEvent),
}

/// A backend and an agent on one database.
pub struct World {
    pub database: Database,
    pub backend: Store,
    pub agent: Store,
    pub instance: Option<InstanceId>,
    pub now: Timestamp,
    /// Whether deployments may name environments.
    pub serves_environments: bool,
}

impl World {
    /// Both roles on an empty database, with an Argo CD.
    pub async fn start(scratch: &Scratch) -> Self {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        let mut world = Self::on(database).await;
        let instance = world.backend.ensure_instance(ARGOCD, "uid-argocd", "uid-system", BEGINNING);
        world.instance = Some(instance.await.unwrap());
        world
    }

    /// Both roles on a migrated database with any content.
    pub async fn on(database: Database) -> Self {
        let take = |role| Store::take_over(database.clone(), role, "test", BEGINNING);
        let backend = take(Role::Backend).await.unwrap();
        let agent = take(Role::Agent).await.unwrap();
        Self {
            database,
            backend,
            agent,
            instance: None,
            now: BEGINNING,
            serves_environments: false,
        }
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    /// One batch of the backend; returns what it loaded.
    pub async fn process(&self, inputs: &[Input]) -> Result<Loaded, StoreError> {
        self.backend
            .backend_batch(&request(inputs), self.now, |loaded| {
                let seen = Loaded::of(&loaded);
                (self.decide(loaded, inputs), seen)
            })
            .await
    }

    /// What a batch with these events would write. For tests that commit something else.
    pub fn decide(&self, mut loaded: BackendLoaded, inputs: &[Input]) -> BackendChanges {
        let mut changes = BackendChanges::default();
        let facts = self.step_tenants(&mut loaded, inputs, &mut changes);
        for (uid, inputs) in by_deployment(inputs) {
            let before = match (loaded.deployments.known.remove(&uid), &inputs[0]) {
                (Some(known), _) => known,
                (None, Input::Seen(object)) if !loaded.deployments.unreadable.contains(&uid) => {
                    let namespace = object.namespace();
                    let tenant = object.tenant.clone();
                    let machine = Deployment::new(uid, tenant, &namespace, &object.name);
                    Versioned { machine, version: 0 }
                }
                (None, _) => continue,
            };
            let events: Vec<Event> =
                inputs.iter().filter_map(|input| event(&loaded, &before.machine, input)).collect();
            let seen = inputs.iter().rev().find_map(|input| match input {
                Input::Seen(object) => Some(object.spec.environment_name()),
                _ => None,
            });
            let named = seen.unwrap_or_else(|| before.machine.record.spec.environment_name());
            let facts = self.facts(&loaded, &before.machine, named, &facts);
            if inputs.iter().any(|input| matches!(input, Input::Reported(_))) {
                let application = before.machine.record.application.as_ref();
                changes.read.extend(application.map(|application| application.id.clone()));
            }
            let (stepped, rows) = step(before, &events, &facts);
            changes.rows.extend(rows);
            changes.deployments.push(stepped);
        }
        changes
    }

    fn facts(
        &self,
        loaded: &BackendLoaded,
        machine: &Deployment,
        named_environment: Option<&str>,
        tenants: &HashMap<TenantUid, TenantFact>,
    ) -> Facts {
        let record = &machine.record;
        let named = loaded.named.get(&(record.tenant.clone(), record.name.clone()));
        let others = named.into_iter().flatten().filter(|other| other.uid != record.uid);
        let existing = loaded.existing_applications.get(&record.uid);
        let environments = |named| {
            let destination = machine.destination_with(existing);
            loaded.named_environments.facts(&record.tenant, named, &destination)
        };
        Facts {
            now: self.now,
            tenant: tenants.get(&record.tenant).cloned().unwrap_or(TenantFact::Unknown),
            instance: self.instance.clone(),
            argocd_namespace: ARGOCD.to_owned(),
            isolation: true,
            namesakes: others.cloned().collect::<Vec<Namesake>>(),
            existing_application: existing.cloned(),
            environments: if self.serves_environments {
                environments(named_environment)
            } else {
                Environments::default()
            },
            conditions: ConditionStyle::default(),
        }
    }

    /// Steps the tenants that these events concern, and returns what is known of all that are loaded.
    pub fn step_tenants(
        &self,
        loaded: &mut BackendLoaded,
        inputs: &[Input],
        changes: &mut BackendChanges,
    ) -> HashMap<TenantUid, TenantFact> {
        let mut events: BTreeMap<TenantUid, Vec<TenantEvent>> = BTreeMap::new();
        for input in inputs {
            match input {
                Input::Seen(object) => {
                    events.entry(object.tenant.clone()).or_insert(vec![TenantEvent::Needed]);
                }
                Input::Namespace(tenant, event) => {
                    events.entry(tenant.clone()).or_default().push(event.clone());
                }
                _ => {}
            }
        }
        for (uid, events) in events {
            let facts = TenantFacts {
                now: self.now,
                instance: self.instance.clone(),
                existing_user: loaded.existing_users.get(&uid).cloned(),
                existing_environment: loaded.existing_environments.get(&uid).cloned(),
            };
            let machine = Tenant::new(uid.clone(), namespace_of(&uid));
            let known = loaded.tenants.known.remove(&uid);
            let before = known.unwrap_or(Versioned { machine, version: 0 });
            let mut run = Run::new(before.machine.clone());
            for event in events {
                run.step(&event, &facts);
            }
            let (stepped, rows) = Stepped::of(before, run);
            changes.rows.extend(rows);
            changes.tenants.push(stepped);
        }
        let unchanged = loaded.tenants.known.values().map(|versioned| &versioned.machine);
        let stepped = changes.tenants.iter().map(|stepped| &stepped.after);
        unchanged.chain(stepped).map(|one| (one.record.tenant.clone(), tenant_fact(one))).collect()
    }

    /// One batch of the agent.
    pub async fn operate(
        &self,
        ids: &[OperationId],
        events: impl Fn(&Operation, Option<&RowView>) -> Vec<OperationEvent> + Sync,
    ) -> Result<AgentLoaded, StoreError> {
        self.agent
            .agent_batch(ids, self.now, |loaded| {
                let mut changes = AgentChanges::default();
                for id in ids.iter().filter(|id| !loaded.operations.unreadable.contains(id)) {
                    let known = loaded.operations.known.get(id).cloned();
                    let machine = Operation::new(id.clone());
                    let before = known.unwrap_or(Versioned { machine, version: 0 });
                    let events = events(&before.machine, loaded.rows.get(id));
                    let (stepped, rows) = step_operation(before, events, self.now);
                    changes.rows.extend(rows);
                    changes.operations.push(stepped);
                }
                (changes, loaded)
            })
            .await
    }

    /// The agent starts operations.
    pub async fn claim(&self, ids: &[OperationId]) -> AgentLoaded {
        let read = |_: &Operation, row: Option<&RowView>| match row {
            Some(row) => vec![OperationEvent::RowObserved(Box::new(row.clone()))],
            None => vec![OperationEvent::RowAbsent],
        };
        self.operate(ids, read).await.unwrap()
    }

    /// The agent observes that Argo CD did as requested.
    pub async fn obey(&self, ids: &[OperationId]) {
        let seen = |machine: &Operation, _: Option<&RowView>| {
            let application = match &machine.state {
                OperationPhase::PreparingProject { document, .. }
                | OperationPhase::Writing { document, .. } => as_wanted(document),
                _ => ApplicationView::Absent,
            };
            let view = ArgoView { project_matches: true, application, secret: SecretView::Unseen };
            vec![OperationEvent::ArgoObserved(Box::new(view)); 2]
        };
        self.operate(ids, seen).await.unwrap();
    }

    /// The API rejects the agent's writes.
    pub async fn refuse(&self, ids: &[OperationId], text: impl Fn(&OperationId) -> String + Sync) {
        let refused = |machine: &Operation, _: Option<&RowView>| {
            vec![OperationEvent::Refused { text: text(&machine.record.id) }]
        };
        self.operate(ids, refused).await.unwrap();
    }

    /// The Operation CRs are gone.
    pub async fn forget(&self, ids: &[OperationId]) {
        self.operate(ids, |_, _| vec![OperationEvent::ResourceAbsent]).await.unwrap();
    }

    /// The machine of a deployment.
    pub async fn deployment(&self, uid: &DeploymentUid) -> Option<Deployment> {
        let request = BackendRequest { poked: vec![uid.clone()], ..BackendRequest::default() };
        let read = |mut loaded: BackendLoaded| {
            (BackendChanges::default(), loaded.deployments.known.remove(uid))
        };
        let found = self.backend.backend_batch(&request, self.now, read).await.unwrap();
        found.map(|versioned| versioned.machine)
    }

    /// The operations that these deployments wait for.
    pub async fn open(&self, objects: &[Object]) -> Vec<OperationId> {
        let mut open = Vec::new();
        for object in objects {
            let machine = self.deployment(&object.uid).await.unwrap();
            open.extend(machine.record.open.map(|open| open.id));
        }
        open
    }

    /// Everything from the observation of these objects to the end of its consequences.
    pub async fn settle(&self, objects: &[Object]) -> Vec<OperationId> {
        let seen: Vec<Input> = objects.iter().cloned().map(Input::Seen).collect();
        self.process(&seen).await.unwrap();
        let open = self.open(objects).await;
        self.claim(&open).await;
        self.obey(&open).await;
        self.forget(&open).await;
        let outcomes: Vec<Input> =
            objects.iter().map(|object| Input::Operation(object.uid.clone())).collect();
        self.process(&outcomes).await.unwrap();
        open
    }

    /// The objects are deleted by their user, and are gone.
    pub async fn remove(&self, objects: &[Object]) {
        let deleted: Vec<Object> = objects.iter().map(Object::deleted).collect();
        self.settle(&deleted).await;
        let gone: Vec<Input> =
            objects.iter().map(|object| Input::Absent(object.uid.clone())).collect();
        self.process(&gone).await.unwrap();
    }

    pub async fn path(&self, object: &Object) -> String {
        self.deployment(&object.uid).await.unwrap().path()
    }

    /// How many rows there are; `of` is a table and optionally a condition.
    pub async fn count(&self, of: &str) -> i64 {
        count(&self.database, of).await
    }

    /// The values of a column of text, in order; a NULL reads `NULL`.
    pub async fn texts(&self, column: &str, of: &str) -> Vec<String> {
        let backend = self.database.reads().get_database_backend();
        let query = format!("SELECT coalesce({column}, 'NULL') AS value FROM {of} ORDER BY 1");
        let rows = self.database.reads();
        let rows = rows.query_all_raw(Statement::from_string(backend, query)).await.unwrap();
        rows.iter().map(|row| row.try_get("", "value").unwrap()).collect()
    }

    pub async fn execute(&self, statement: &str) {
        crate::fixture::execute(&self.database, statement).await;
    }

    /// How many statements a future sends.
    pub async fn statements<T>(&self, work: impl Future<Output = T>) -> (u64, T) {
        let before = self.database.statements();
        let result = work.await;
        (self.database.statements() - before, result)
    }

    /// One line for each row that a commit could touch.
    pub async fn everything(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (table, columns) in COLUMNS {
            let all: Vec<String> = columns
                .iter()
                .map(|column| format!("coalesce(cast({column} AS text), '')"))
                .collect();
            for line in self.texts(&all.join(" || '|' || "), table).await {
                lines.push(format!("{table}: {line}"));
            }
        }
        lines
    }
}

/// The columns of each table that distinguish states of the database.
const COLUMNS: [(&str, &[&str]); 17] = [
    ("machine", &["kind", "key", "state", "version", "updated_at"]),
    ("transition", &["id", "kind", "key", "to_path"]),
    ("operation", &["operation_id", "state", "human_readable_state", "last_state_update"]),
    ("application", &["application_id", "spec_field", "managed_environment_id"]),
    ("applicationowner", &["application_owner_application_id", "application_owner_user_id"]),
    ("applicationstate", &["applicationstate_application_id", "digest", "unread"]),
    ("appprojectrepository", &["clusteruser_id", "repo_url", "repo_url_as_written"]),
    (
        "deploymenttoapplicationmapping",
        &["deploymenttoapplicationmapping_uid_id", "application_id", "repo_url"],
    ),
    ("apicrtodatabasemapping", &["api_resource_uid", "db_relation_key"]),
    (
        "repositorycredentials",
        &["repositorycredentials_id", "repo_cred_url", "repo_cred_user", "repo_cred_pass"],
    ),
    ("sealed_value", &["row_key", "column_name", "key_id"]),
    ("clusteruser", &["clusteruser_id", "user_name"]),
    ("managedenvironment", &["managedenvironment_id", "clustercredentials_id"]),
    (
        "clustercredentials",
        &["clustercredentials_cred_id", "host", "serviceaccount_bearer_token", "ca_data"],
    ),
    ("clusteraccess", &["clusteraccess_user_id", "clusteraccess_gitops_engine_instance_id"]),
    ("appprojectmanagedenvironment", &["clusteruser_id", "managed_environment_id"]),
    ("kubernetestodbresourcemapping", &["kubernetes_resource_uid", "db_relation_key"]),
];

pub async fn count(database: &Database, of: &str) -> i64 {
    let backend = database.reads().get_database_backend();
    let query = Statement::from_string(backend, format!("SELECT count(*) AS rows FROM {of}"));
    let row = database.reads().query_one_raw(query).await.unwrap().unwrap();
    row.try_get("", "rows").unwrap()
}

/// Waits until this many other connections of this database wait for a lock.
pub async fn wait_for_locks(database: &Database, connections: i64) {
    let begin = Instant::now();
    let waiting = "pg_stat_activity WHERE datname = current_database() \
        AND wait_event_type = 'Lock'";
    while count(database, waiting).await < connections {
        assert!(begin.elapsed() < DEADLINE, "fewer than expected wait");
        tokio::task::yield_now().await;
    }
}

/// What a test checks of a loaded batch.
#[derive(Debug, Default)]
pub struct Loaded {
    pub known: Vec<DeploymentUid>,
    pub unreadable: Vec<DeploymentUid>,
    pub named: HashMap<(TenantUid, String), Vec<Namesake>>,
    pub reports: HashMap<DeploymentUid, Vec<u8>>,
    pub existing_applications: HashMap<DeploymentUid, ExistingApplication>,
    pub existing_users: HashMap<TenantUid, ClusterUserId>,
    pub existing_environments: usize,
    pub children: HashMap<TenantUid, u64>,
}

impl Loaded {
    fn of(loaded: &BackendLoaded) -> Self {
        Self {
            known: loaded.deployments.known.keys().cloned().collect(),
            unreadable: loaded.deployments.unreadable.iter().cloned().collect(),
            named: loaded.named.clone(),
            reports: loaded.reports.clone(),
            existing_applications: loaded.existing_applications.clone(),
            existing_users: loaded.existing_users.clone(),
            existing_environments: loaded.existing_environments.len(),
            children: loaded.children.clone(),
        }
    }
}

pub fn request(inputs: &[Input]) -> BackendRequest {
    let mut request = BackendRequest::default();
    for input in inputs {
        match input {
            Input::Seen(object) => {
                request.observed.push(DeploymentName {
                    uid: object.uid.clone(),
                    tenant: object.tenant.clone(),
                    name: object.name.clone(),
                });
                let named = object.spec.environment_name();
                let named = named.map(|name| (object.tenant.clone(), name.to_owned()));
                request.named_environments.extend(named);
            }
            Input::Reported(uid) => {
                request.reported.insert(uid.clone());
                request.poked.push(uid.clone());
            }
            Input::Absent(uid)
            | Input::Operation(uid)
            | Input::Facts(uid)
            | Input::Deadline(uid) => {
                request.poked.push(uid.clone());
            }
            Input::Namespace(tenant, _) => request.tenants.push(tenant.clone()),
        }
    }
    request
}

fn by_deployment(inputs: &[Input]) -> Vec<(DeploymentUid, Vec<Input>)> {
    let mut groups: Vec<(DeploymentUid, Vec<Input>)> = Vec::new();
    for input in inputs {
        let uid = match input {
            Input::Seen(object) => &object.uid,
            Input::Absent(uid)
            | Input::Operation(uid)
            | Input::Reported(uid)
            | Input::Facts(uid)
            | Input::Deadline(uid) => uid,
            Input::Namespace(..) => continue,
        };
        match groups.iter_mut().find(|(known, _)| known == uid) {
            Some((_, inputs)) => inputs.push(input.clone()),
            None => groups.push((uid.clone(), vec![input.clone()])),
        }
    }
    groups
}

fn event(loaded: &BackendLoaded, machine: &Deployment, input: &Input) -> Option<Event> {
    match input {
        Input::Seen(object) => Some(Event::Observed(object.snapshot())),
        Input::Absent(_) => Some(Event::Absent { as_of: Revision(u64::MAX) }),
        Input::Operation(_) => {
            let id = machine.record.open.as_ref()?.id.clone();
            let state = loaded.operations.get(&id).cloned();
            Some(Event::OperationObserved { id, state })
        }
        Input::Reported(_) => Some(Event::Reported(Box::default())),
        Input::Facts(_) => Some(Event::FactsChanged),
        Input::Deadline(_) => Some(Event::DeadlineReached),
        Input::Namespace(..) => None,
    }
}

fn step(
    before: Versioned<Deployment>,
    events: &[Event],
    facts: &Facts,
) -> (Stepped<Deployment>, Vec<machines::rows::RowChange>) {
    let mut run = Run::new(before.machine.clone());
    for event in events {
        run.step(event, facts);
    }
    Stepped::of(before, run)
}

fn step_operation(
    before: Versioned<Operation>,
    events: Vec<OperationEvent>,
    now: Timestamp,
) -> (Stepped<Operation>, Vec<machines::rows::RowChange>) {
    let mut run = Run::new(before.machine.clone());
    for event in events {
        run.step(&event, &now);
    }
    Stepped::of(before, run)
}

fn as_wanted(document: &ApplicationDocument) -> ApplicationView {
    let spec = Box::new(document.spec.clone());
    ApplicationView::Present {
        spec,
        labelled: true,
        deleting: false,
        sync: None,
        syncs: Some(Box::default()),
    }
}

fn tenant_fact(tenant: &Tenant) -> TenantFact {
    match (&tenant.state, &tenant.record.rows) {
        (TenantState::Active {}, Some(rows)) => TenantFact::Active(rows.clone()),
        (TenantState::Unknown {}, _) | (_, None) => TenantFact::Unknown,
        _ => TenantFact::Draining,
    }
}
