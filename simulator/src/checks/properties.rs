//! What must hold at every moment of a run, whatever goes wrong; checked when it could break: at
//! each write of the program.
//!
//! | property | excludes |
//! |---|---|
//! | `ESR-FIN` | a finalizer that is removed before the Application and the rows |
//! | `ESR-SR` | a sync run that has ended and says something else later |
//! | `SYNC` | a request for a sync in the place of another operation |
//! | `CAUSE` | an Application that is deleted while its deployment is wanted |
//! | `LEADER` | a commit by a process whose role another has taken over |
//! | `ALIVE` | a process that ends on its own without having been replaced |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crds::GitOpsDeployment;
use crds::argocd::Application;
use http::StatusCode;
use kube::ResourceExt;
use machines::esr::{self, World, Writes};
use machines::identity::DeploymentUid;
use machines::kinds::deployment::esr::finalizer_kept;
use machines::kinds::sync_run::SyncRunUid;
use machines::kinds::sync_run::status::SUCCEEDED;
use parking_lot::{Mutex, MutexGuard};
use sandbox::{ApiServer, Reply};
use schema::connection::Database;
use schema::entity::{machine, sealed_value};
use schema::sealing::{self, KeyId, Keyring, Place, Sealed};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::checks::observe::{APPLICATIONS, ARGO_CD, DEPLOYMENTS, Observed, list, observe};
use crate::environment::clusters::TargetClusters;
use crate::environment::git_servers::GitServers;
use crate::environment::storage::at_once;
use crate::faults::adversary::Request;
use crate::faults::operators::Options;

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Its name.
    pub property: String,
    /// What is, and what should be the case.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.property, self.what)
    }
}

impl From<esr::Violation> for Violation {
    fn from(violation: esr::Violation) -> Self {
        Self {
            property: violation.predicate.0.to_owned(),
            what: format!("{}: {}", violation.object, violation.difference),
        }
    }
}

/// Sees everything that the program writes.
pub struct Witness {
    server: Arc<ApiServer>,
    database: Database,
    servers: GitServers,
    clusters: TargetClusters,
    /// What opens everything that was ever sealed.
    keyring: Keyring,
    /// What new processes are started with.
    options: watch::Receiver<Options>,
    seen: Mutex<Seen>,
}

/// Sealed values, by table, row and column.
pub type SealedValues = BTreeMap<(String, String, String), (String, Vec<u8>)>;

#[derive(Default)]
struct Seen {
    violations: Vec<Violation>,
    writes: u64,
    /// Rows that were collected because of their age.
    collected: u64,
    /// Which process took over each role last.
    holders: BTreeMap<&'static str, String>,
    /// The names of Applications that came to be after the program had given up on the request. It
    /// cannot know of them: the rescan removes them.
    belated: BTreeSet<String>,
    creations: BTreeMap<String, u64>,
    deletions: BTreeMap<String, u64>,
}

/// The state before a write.
pub enum Before {
    /// Nothing to compare.
    Nothing,
    /// Everything.
    World(Box<World>),
    /// The operation of an Application.
    Operation(Value),
    /// The names of all Applications, and whether the one to be created is still awaited.
    Applications(BTreeSet<String>, bool),
}

impl Witness {
    /// A witness for an API server, a database with its keys, and the servers of tenants.
    pub fn new(
        server: Arc<ApiServer>,
        database: Database,
        (servers, clusters): (GitServers, TargetClusters),
        keyring: Keyring,
        options: watch::Receiver<Options>,
    ) -> Self {
        Self { server, database, servers, clusters, keyring, options, seen: Mutex::default() }
    }

    /// Must be called before a request is done, with whether its sender still waits for the answer.
    pub fn before(&self, request: &Request, is_awaited: bool) -> Before {
        match (request.verb, request.resource.as_str()) {
            ("patch", "gitopsdeploymentsyncruns/status")
            | ("patch" | "update", "gitopsdeployments") => match self.world() {
                Ok(world) => Before::World(Box::new(world)),
                Err(error) => {
                    self.violated("SIMULATOR", format!("{error:#}"));
                    Before::Nothing
                }
            },
            ("create", "applications") => Before::Applications(self.applications(), is_awaited),
            ("patch", "applications") => Before::Operation(self.operation(request)),
            ("delete", "applications") => {
                self.check_cause(request);
                Before::Nothing
            }
            _ => Before::Nothing,
        }
    }

    /// Must be called after a request is done.
    pub fn after(&self, before: Before, request: &Request, status: StatusCode) {
        if !request.writes() || request.is_about_leases() {
            return;
        }
        {
            let mut seen = self.seen();
            seen.writes += 1;
            let key = format!("{} {}", request.resource, request.object);
            if status.is_success() && request.verb == "create" {
                *seen.creations.entry(key).or_default() += 1;
            } else if status.is_success() && request.verb == "delete" {
                *seen.deletions.entry(key).or_default() += 1;
            }
        }
        match before {
            Before::Nothing => {}
            Before::Operation(before) => self.check_operation(request, &before),
            Before::Applications(before, is_awaited) => {
                for name in self.applications().difference(&before).cloned() {
                    let belated = &mut self.seen().belated;
                    _ = if is_awaited { belated.remove(&name) } else { belated.insert(name) };
                }
            }
            Before::World(before) => match self.world() {
                Ok(after) => {
                    self.check_finalizers(&before, &after);
                    self.check_results(&before, &after);
                }
                Err(error) => self.violated("SIMULATOR", format!("{error:#}")),
            },
        }
    }

    fn applications(&self) -> BTreeSet<String> {
        let applications = list::<Application>(&self.server, APPLICATIONS).unwrap_or_default();
        applications.iter().map(ResourceExt::name_any).collect()
    }

    /// The operation of an Application that a request is about.
    fn operation(&self, request: &Request) -> Value {
        let path = request.object.split_once('/').map(|(namespace, name)| {
            format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications/{name}")
        });
        let reply = self.server.handle(&sandbox::Request::get(&path.unwrap_or_default()));
        let Reply::Full(response) = reply else { return Value::Null };
        let object: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        object["operation"].clone()
    }

    fn check_operation(&self, request: &Request, before: &Value) {
        let after = self.operation(request);
        if *before != Value::Null && after != Value::Null && after != *before {
            self.violated("SYNC", format!("{request} puts {after} in the place of {before}"));
        }
    }

    /// What has ended says the same for ever.
    fn check_results(&self, before: &World, after: &World) {
        let result = |world: &World, uid: &SyncRunUid| {
            let run = world.sync_runs.iter().find(|run| run.uid == *uid)?;
            let mut conditions = run.conditions.iter();
            conditions.find(|one| one.type_ == SUCCEEDED && one.status != "Unknown").cloned()
        };
        for run in &before.sync_runs {
            let Some(was) = result(before, &run.uid) else { continue };
            let is = result(after, &run.uid);
            if is.as_ref() != Some(&was) && after.sync_runs.iter().any(|one| one.uid == run.uid) {
                self.violated("ESR-SR", format!("{}: {was:?} became {is:?}", run.uid));
            }
        }
    }

    fn check_finalizers(&self, before: &World, after: &World) {
        let mut before = before.clone();
        let belated = self.seen().belated.clone();
        before.argocd.applications.retain(|one| !belated.contains(&one.name));
        for object in &before.deployments {
            if let Err(violation) = finalizer_kept(&before, after, &object.uid) {
                self.seen().violations.push(violation.into());
            }
        }
    }

    fn check_cause(&self, request: &Request) {
        let Ok(deployments) = list::<GitOpsDeployment>(&self.server, DEPLOYMENTS) else { return };
        let wanted = deployments.iter().find(|one| {
            let uid = DeploymentUid::new(one.uid().unwrap_or_default());
            let name = machines::operation::application::application_name(&uid);
            one.metadata.deletion_timestamp.is_none()
                && request.object.rsplit('/').next() == Some(name.as_str())
        });
        if let Some(wanted) = wanted {
            let (namespace, name) = (wanted.namespace().unwrap_or_default(), wanted.name_any());
            self.violated(
                "CAUSE",
                format!("{request}, although {namespace}/{name} exists and wants it"),
            );
        }
    }

    /// Must be called after a store call is done.
    pub fn committed(&self, process: &str, call: &'static str, changed: u64) {
        if call == "collect_page" {
            self.seen().collected += changed;
        }
        let wrote = changed > 0;
        let role = match call {
            "take_over_backend" | "backend_batch" | "ensure_instance" | "collect_page" => "backend",
            _ => "agent",
        };
        if call.starts_with("take_over") {
            self.seen().holders.insert(role, process.to_owned());
            return;
        }
        let holder = self.seen().holders.get(role).cloned().unwrap_or_default();
        if wrote && holder != process {
            self.violated("LEADER", format!("{process} commits {call} although {holder} acts"));
        }
    }

    /// The sealed values that a keyring does not open.
    pub fn locked(&self, keyring: Option<&Keyring>) -> SealedValues {
        let mut locked = self.sealed();
        locked.retain(|(table, row, column), (key, value)| {
            let place = Place::new(table.as_str(), row.as_str(), column.as_str());
            let Ok(key) = KeyId::parse(key) else { return true };
            let sealed = Sealed { key, value: value.clone() };
            keyring.is_none_or(|keyring| sealing::open(keyring, &place, &sealed).is_err())
        });
        locked
    }

    fn sealed(&self) -> SealedValues {
        let rows = at_once(sealed_value::Entity::find().all(self.database.reader()));
        let rows = rows.unwrap_or_default().into_iter();
        rows.map(|row| ((row.table_name, row.row_key, row.column_name), (row.key_id, row.value)))
            .collect()
    }

    /// Checks that none of the values was overwritten that a process cannot open; they may go with their
    /// rows.
    pub fn check_sealed(&self, process: &str, call: &'static str, locked: &SealedValues) {
        if locked.is_empty() {
            return;
        }
        let after = self.sealed();
        for (place, value) in locked {
            if after.get(place).is_some_and(|now| now != value) {
                let what = format!("{process} overwrites {place:?}, which it cannot open: {call}");
                self.violated("SEAL", what);
            }
        }
    }

    /// Checks that a process whose keys are wrong writes no repository Secret.
    pub fn check_without_keys(&self, request: &Request) {
        let is_argo_cds = request.object.split('/').next() == Some(ARGO_CD);
        let writes = request.writes() && request.verb != "delete";
        if is_argo_cds && request.resource == "secrets" && writes {
            self.violated("SEAL", format!("{request} by {} without keys", request.process));
        }
    }

    /// Records a request that the program has no right to make.
    pub fn check_forbidden(&self, request: &Request) {
        self.violated("RIGHTS", format!("{request} by {}, which no rule permits", request.process));
    }

    /// Records a violated property.
    pub fn violated(&self, property: &str, what: String) {
        self.seen().violations.push(Violation { property: property.to_owned(), what });
    }

    /// The violations so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.seen().violations.clone()
    }

    /// How often each object was created and deleted by the program.
    pub fn summary(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        let seen = self.seen();
        (seen.creations.clone(), seen.deletions.clone())
    }

    /// The number of rows ever inserted, updated or deleted.
    pub fn changes(&self) -> u64 {
        let connection = self.database.reader();
        let backend = connection.get_database_backend();
        let query = Statement::from_string(backend, "SELECT total_changes()");
        let row = at_once(connection.query_one_raw(query)).ok().flatten();
        let changes = row.and_then(|row| row.try_get_by_index::<i64>(0).ok());
        changes.and_then(|changes| u64::try_from(changes).ok()).unwrap_or_default()
    }

    /// The persisted states of the machines that are about a UID; of all, about an empty one.
    pub fn states(&self, uid: &str) -> Vec<String> {
        let machines = machine::Entity::find()
            .filter(machine::Column::Key.eq(uid).or(machine::Column::State.contains(uid)));
        let rows = at_once(machines.all(self.database.reader())).unwrap_or_default();
        rows.into_iter().map(|row| format!("{} {}: {}", row.kind, row.key, row.state)).collect()
    }

    /// While this is unchanged, so is [`Self::world`].
    pub fn mark(&self) -> [u64; 4] {
        let servers = self.servers.revision() + self.clusters.revision();
        [self.server.resource_version(), self.changes(), self.seen().writes, servers]
    }

    /// Everything that exists.
    pub fn world(&self) -> anyhow::Result<World> {
        let (api_requests, collected) = {
            let seen = self.seen();
            (seen.writes, seen.collected)
        };
        let writes = Writes { api_requests, row_changes: self.changes() - collected };
        let Self { server, database, servers, clusters, keyring, .. } = self;
        let isolation = self.options.borrow().isolation;
        observe(&Observed { server, database, servers, clusters, keyring, isolation }, writes)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock()
    }
}
