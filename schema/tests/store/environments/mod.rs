//! Managed environments: their rows; in `secrets` what is sealed with them, in `adopted` those of an
//! earlier installation, in `leaving` who deploys to those that go, in `named` what deployments
//! see of them, in `many` more of one tenant than one page.

mod adopted;
mod leaving;
mod many;
mod named;
mod secrets;

use std::collections::BTreeMap;

use machines::identity::{Digest, EnvironmentId, Generation, OperationId, Revision, TenantUid};
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::kinds::managed_environment::verdict::Verdict;
use machines::kinds::managed_environment::{
    Checked, ClusterCredentialsId, EnvironmentEvent, EnvironmentFacts, EnvironmentSnapshot,
    EnvironmentUid, ManagedEnvironment,
};
use machines::kinds::tenant::{TenantEvent, TenantFact};
use machines::machine::{Machine as _, Run};
use machines::rows::{
    EnvironmentKey, EnvironmentRow, EnvironmentRows, OperationState, RowChange, TenantRows,
};
use machines::shared::condition::ConditionStyle;
use schema::sealing::{PLACEHOLDER, Place};
use schema::store::agent::AgentChanges;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest, EnvironmentUsers};
use schema::store::machine_rows::{Stepped, Versioned};
use schema::store::sealed::unlock::Sealer;
use schema::store::{ClusterCredential, EnvironmentAccess, StoreError};

use crate::credentials::{sealer, start, stored};
use crate::driver::{Input, World, namespace_of};
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    an_accepted_environment_has_the_rows_that_existing_clients_read,
    another_url_is_another_row_of_credentials,
    what_is_too_long_for_its_column_is_sealed_as_a_whole,
    only_its_tenant_and_the_installed_argo_cd_have_access,
    a_removal_leaves_nothing,
    of_several_changes_in_a_batch_the_last_counts,
    the_number_of_statements_does_not_depend_on_the_size_of_a_batch,
    the_end_of_a_tenant_leaves_nothing_of_its_environments,
);

/// What must be found nowhere.
const CANARY: &str = "hunter2-canary";
const URL: &str = "https://api.example.com:6443";

/// An environment's object, and what its Secret says.
#[derive(Clone, Debug)]
struct Object {
    name: String,
    tenant: TenantUid,
    spec: EnvironmentSpec,
    generation: i64,
    token: String,
    authority: String,
    server_name: String,
}

impl Object {
    fn new(name: &str) -> Self {
        let spec = EnvironmentSpec {
            api_url: URL.to_owned(),
            secret: "kubeconfig".to_owned(),
            ..EnvironmentSpec::default()
        };
        Self {
            name: name.to_owned(),
            tenant: TenantUid::new("t1"),
            spec,
            generation: 1,
            token: format!("{CANARY}-token"),
            authority: format!("{CANARY}-authority"),
            server_name: "api.internal".to_owned(),
        }
    }

    /// The same after its user has changed the spec.
    fn edited(&self, edit: impl FnOnce(&mut EnvironmentSpec)) -> Self {
        let mut edited = self.clone();
        edit(&mut edited.spec);
        edited.generation += 1;
        edited
    }

    /// The same with another token and without an authority.
    fn rotated(&self) -> Self {
        let token = format!("{CANARY}-rotated");
        Self { token, authority: String::new(), ..self.clone() }
    }

    fn uid(&self) -> EnvironmentUid {
        EnvironmentUid::new(format!("environment-{}", self.name))
    }

    fn row(&self) -> EnvironmentId {
        EnvironmentId::of(&self.uid())
    }

    fn credentials(&self) -> ClusterCredentialsId {
        ClusterCredentialsId::of_kubeconfig(&self.row(), &self.spec.api_url)
    }

    fn credential(&self) -> ClusterCredential {
        ClusterCredential {
            token: self.token.clone().into(),
            authority: self.authority.clone().into(),
            server_name: self.server_name.clone(),
        }
    }

    fn access(&self) -> EnvironmentAccess {
        EnvironmentAccess::accepted(&self.spec, self.credential())
    }

    fn told(&self, sealer: &Sealer) -> Digest {
        self.access().digest(&self.row(), &sealer.digests)
    }

    /// The digest of the Secret; the store does not look at it.
    fn shown(&self) -> Digest {
        Digest::of(&[&self.token, &self.authority])
    }

    fn seen(&self) -> EnvironmentEvent {
        EnvironmentEvent::Observed(Box::new(EnvironmentSnapshot {
            revision: Revision(u64::try_from(self.generation).unwrap()),
            generation: Generation(self.generation),
            spec: self.spec.clone(),
            ..EnvironmentSnapshot::default()
        }))
    }

    fn accepted(&self) -> EnvironmentEvent {
        // What Argo CD is told is the row's concern; the machine only compares it.
        let told = Digest::of(&(&self.spec.api_url, &self.token, &self.authority));
        let found = Checked {
            spec: self.spec.clone(),
            secret: Some(self.shown()),
            round: None,
            verdict: Verdict::Accepted { told },
        };
        EnvironmentEvent::Checked { shown: Some(self.shown()), found: Box::new(found) }
    }

    fn gone(&self) -> EnvironmentEvent {
        EnvironmentEvent::Absent { as_of: Revision(u64::MAX) }
    }
}

fn request(objects: &[&Object]) -> BackendRequest {
    BackendRequest {
        environments: objects.iter().map(|object| object.uid()).collect(),
        checked_environments: objects.iter().map(|object| object.uid()).collect(),
        leaving_environments: objects.iter().map(|object| object.uid()).collect(),
        tenants: objects.iter().map(|object| object.tenant.clone()).collect(),
        ..BackendRequest::default()
    }
}

/// Reads a batch and writes nothing.
async fn read(world: &World, request: &BackendRequest) -> BackendLoaded {
    let nothing = |loaded| (BackendChanges::default(), loaded);
    world.backend.backend_batch(request, world.now, nothing).await.unwrap()
}

/// Steps environments through events, as a batch of the backend does.
async fn step(world: &World, steps: &[(&Object, Vec<EnvironmentEvent>)]) -> Result<(), StoreError> {
    let objects: Vec<&Object> = steps.iter().map(|(object, _)| *object).collect();
    let needed = |object: &&Object| Input::Namespace(object.tenant.clone(), TenantEvent::Needed);
    let needed: Vec<Input> = objects.iter().map(needed).collect();
    let decide = |mut loaded: BackendLoaded| {
        let mut changes = BackendChanges::default();
        let tenants = world.step_tenants(&mut loaded, &needed, &mut changes);
        for (object, events) in steps {
            let new = || {
                let namespace = namespace_of(&object.tenant);
                let tenant = object.tenant.clone();
                let machine =
                    ManagedEnvironment::new(object.uid(), tenant, &namespace, &object.name);
                Versioned { machine, version: 0 }
            };
            let before = loaded.environments.known.remove(&object.uid()).unwrap_or_else(new);
            let users = loaded.environment_users.get(&object.uid());
            let facts = EnvironmentFacts {
                now: world.now,
                has_keys: true,
                tenant: tenants.get(&object.tenant).cloned().unwrap_or(TenantFact::Unknown),
                instance: world.instance.clone(),
                shown: Some(object.shown()),
                existing: loaded.adopted_environments.remove(&object.uid()).map(|one| one.row),
                is_row_empty: loaded.emptied_environments.contains(&object.uid()),
                usage: users.map(EnvironmentUsers::usage).unwrap_or_default(),
                conditions: ConditionStyle::Conventional,
            };
            let mut run = Run::new(before.machine.clone());
            for event in events {
                run.step(event, &facts);
            }
            let (stepped, rows) = Stepped::of(before, run);
            changes.environments.push(stepped);
            changes.rows.extend(rows);
            changes.accepted_environments.insert(object.uid(), object.credential());
        }
        (changes, ())
    };
    world.backend.backend_batch(&request(&objects), world.now, decide).await
}

/// The environment is seen as it is, checked and accepted.
async fn accept(world: &World, object: &Object) {
    try_accept(world, object).await.unwrap();
    assert_eq!(machine(world, object).await.unwrap().path(), "Live/Judged/Accepted");
}

async fn try_accept(world: &World, object: &Object) -> Result<(), StoreError> {
    let changed = EnvironmentEvent::FactsChanged;
    step(world, &[(object, vec![object.seen(), changed, object.accepted()])]).await
}

async fn machine(world: &World, object: &Object) -> Option<ManagedEnvironment> {
    let loaded = read(world, &request(&[object])).await;
    loaded.environments.known.get(&object.uid()).map(|known| known.machine.clone())
}

async fn open(world: &World, object: &Object) -> Option<OperationId> {
    machine(world, object).await?.record.open.map(|open| open.id)
}

/// The agent does what is asked for, and the environment learns of it, until nothing more is.
async fn deliver(world: &World, object: &Object) {
    while let Some(id) = open(world, object).await {
        let done = RowChange::SetOperationState(id.clone(), OperationState::Completed);
        let changes = AgentChanges { rows: vec![done], ..AgentChanges::default() };
        world.agent.agent_batch(&[], world.now, |_| (changes, ())).await.unwrap();
        let state = read(world, &request(&[object])).await.operations.get(&id).cloned();
        assert_eq!(state, Some(OperationState::Completed));
        let observed = EnvironmentEvent::OperationObserved { id, state };
        step(world, &[(object, vec![observed])]).await.unwrap();
    }
}

async fn columns(world: &World) -> Vec<String> {
    let said = "clustercredentials_cred_id || '|' || host || '|' || kube_config || '|' || \
                kube_config_context || '|' || serviceaccount_bearer_token || '|' || \
                serviceaccount_ns || '|' || namespaces || '|' || ca_data || '|' || tls_server_name";
    let of_targets = "clustercredentials WHERE host <> 'host'";
    world.texts(said, of_targets).await
}

async fn flags(world: &World) -> Vec<String> {
    let flag = |column: &str| format!("(CASE WHEN {column} THEN 'true' ELSE 'false' END)");
    let flags =
        [flag("allowinsecure_skiptlsverify"), flag("cluster_resources")].join(" || '|' || ");
    world.texts(&flags, "clustercredentials WHERE host <> 'host'").await
}

async fn environments(world: &World) -> Vec<String> {
    let row = "managedenvironment_id || ' ' || name || ' ' || clustercredentials_id";
    world.texts(row, "managedenvironment WHERE name NOT LIKE 'Managed Environment for %'").await
}

async fn accesses(world: &World, object: &Object) -> Vec<String> {
    let of_it =
        format!("clusteraccess WHERE clusteraccess_managed_environment_id = '{}'", object.row());
    let row = "clusteraccess_user_id || ' ' || clusteraccess_gitops_engine_instance_id";
    world.texts(row, &of_it).await
}

async fn permissions(world: &World) -> Vec<String> {
    let row = "clusteruser_id || ' ' || managed_environment_id";
    world.texts(row, "appprojectmanagedenvironment").await
}

async fn mapped(world: &World) -> Vec<String> {
    let mapping = "api_resource_type || ' ' || api_resource_uid || ' ' || api_resource_name || ' ' \
                   || api_resource_namespace || ' ' || api_resource_namespace_uid || ' ' || \
                   db_relation_type || ' ' || db_relation_key";
    world.texts(mapping, "apicrtodatabasemapping").await
}

async fn user(world: &World) -> String {
    world.texts("clusteruser_id", "clusteruser").await.remove(0)
}

async fn an_accepted_environment_has_the_rows_that_existing_clients_read(scratch: Scratch) {
    let mut world = start(&scratch).await;
    let object = Object::new("staging").edited(|spec| {
        spec.namespaces = ["c", "b", "a"].map(str::to_owned).to_vec();
        spec.cluster_resources = true;
    });
    accept(&world, &object).await;
    let (row, credentials) = (object.row(), object.credentials());
    let expected =
        format!("{credentials}|{URL}|||{PLACEHOLDER}|kube-system|a,b,c|{PLACEHOLDER}|api.internal");
    assert_eq!(columns(&world).await, [expected]);
    assert_eq!(flags(&world).await, ["false|true"]);
    assert_eq!(environments(&world).await, [format!("{row} staging {credentials}")]);
    let expected = format!(
        "GitOpsDeploymentManagedEnvironment environment-staging staging team-t1 t1 \
         ManagedEnvironment {row}"
    );
    assert_eq!(mapped(&world).await, std::slice::from_ref(&expected));
    let (user, instance) = (user(&world).await, world.instance.clone().unwrap());
    assert_eq!(accesses(&world, &object).await, [format!("{user} {instance}")]);
    assert_eq!(permissions(&world).await, [format!("{user} {row}")]);
    let operation = "resource_type || ' ' || resource_id || ' ' || requester || ' ' || state";
    let requested = format!("ManagedEnvironment {row} Environment/environment-staging Waiting");
    assert_eq!(world.texts(operation, "operation").await, [requested]);
    let refers_to = "machine WHERE kind = 'ManagedEnvironment'";
    assert_eq!(world.texts("refers_to", refers_to).await, ["kubeconfig"]);

    let created = async |table: &str| world.texts("cast(created_on AS text)", table).await;
    let tables = ["clustercredentials", "managedenvironment", "appprojectmanagedenvironment"];
    let mut before = Vec::new();
    for table in tables {
        before.push(created(table).await);
    }
    world.pass(60);
    accept(&world, &object.edited(|spec| spec.skips_tls_verification = true).rotated()).await;
    let created = async |table: &str| world.texts("cast(created_on AS text)", table).await;
    for (table, before) in tables.into_iter().zip(before) {
        assert_eq!(created(table).await, before, "{table}");
    }
    let expected_columns =
        format!("{credentials}|{URL}|||{PLACEHOLDER}|kube-system|a,b,c||api.internal");
    assert_eq!(columns(&world).await, [expected_columns]);
    assert_eq!(flags(&world).await, ["true|true"]);
    assert_eq!(mapped(&world).await, [expected]);
}

async fn another_url_is_another_row_of_credentials(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("staging");
    accept(&world, &object).await;
    let edited = object.edited(|spec| spec.api_url = "https://other".to_owned());
    accept(&world, &edited).await;
    assert_ne!(edited.credentials(), object.credentials());
    let row = format!("{} staging {}", object.row(), edited.credentials());
    assert_eq!(environments(&world).await, [row]);
    assert_eq!(columns(&world).await.len(), 1);
    let rows: Vec<String> = stored(&world).await.into_keys().map(|place| place.row).collect();
    assert!(rows.iter().all(|row| row == edited.credentials().as_str()), "{rows:?}");
    assert!(world.agent.cluster_access(&object.credentials()).await.unwrap().is_none());
}

async fn what_is_too_long_for_its_column_is_sealed_as_a_whole(scratch: Scratch) {
    let world = start(&scratch).await;
    let namespaces = |count: usize| (0..count).map(|number| format!("{number:063}")).collect();
    let just = Object::new("just").edited(|spec| {
        spec.api_url = format!("https://{}", "h".repeat(504));
        // 64 names of 63 characters, and the commas between them.
        spec.namespaces = namespaces(64);
    });
    let long = Object::new("long").edited(|spec| {
        spec.api_url = format!("https://{}", "h".repeat(2_040));
        spec.namespaces = namespaces(1_024);
    });
    let long = Object { token: "t".repeat(64 * 1_024), server_name: "n".repeat(253), ..long };
    for object in [&just, &long] {
        accept(&world, object).await;
        let access = world.agent.environment_access(&object.row()).await.unwrap().unwrap();
        assert_eq!(access.api_url, object.spec.api_url);
        assert_eq!(access.namespaces, object.spec.joined_namespaces());
        assert_eq!(access.credential.server_name, object.server_name);
        let told = access.digest(&object.row(), &sealer(&world).await.digests);
        assert_eq!(told, object.told(&sealer(&world).await));
    }
    let said = |object: &Object| {
        let of_it = format!(
            "clustercredentials WHERE clustercredentials_cred_id = '{}'",
            object.credentials()
        );
        let world = &world;
        async move { world.texts("host || '|' || namespaces", &of_it).await }
    };
    let fits = format!("{}|{}", just.spec.api_url, just.spec.joined_namespaces());
    assert_eq!(said(&just).await, [fits]);
    assert_eq!(said(&long).await, [format!("{PLACEHOLDER}|{PLACEHOLDER}")]);
    let sealed: Vec<(String, String)> =
        stored(&world).await.into_keys().map(|place| (place.row, place.column)).collect();
    let of_it = |object: &Object| {
        let of_it = sealed.iter().filter(|(row, _)| row == object.credentials().as_str());
        of_it.map(|(_, column)| column.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of_it(&just), ["ca_data", "serviceaccount_bearer_token"]);
    let all = ["ca_data", "host", "namespaces", "serviceaccount_bearer_token"];
    assert_eq!(of_it(&long), all);
    // Nothing of it is left behind when it fits again.
    let short = long.edited(|spec| spec.namespaces = vec!["a".to_owned()]);
    accept(&world, &short).await;
    let row = short.credentials().into_string();
    let place = Place::new("clustercredentials", row, "namespaces");
    assert!(!stored(&world).await.contains_key(&place));
}

async fn only_its_tenant_and_the_installed_argo_cd_have_access(scratch: Scratch) {
    let world = start(&scratch).await;
    let (object, other) = (Object::new("a"), Object::new("b"));
    let elsewhere = Object { tenant: TenantUid::new("t2"), ..Object::new("c") };
    for one in [&object, &other, &elsewhere] {
        accept(&world, one).await;
    }
    let before = (accesses(&world, &object).await, permissions(&world).await);
    assert_eq!((before.0.len(), before.1.len()), (1, 3));
    let others = world.texts("clusteruser_id", "clusteruser").await;
    let instance = world.instance.clone().unwrap();
    let access = |user: &str, instance: &str| {
        format!(
            "INSERT INTO clusteraccess (clusteraccess_user_id, \
             clusteraccess_managed_environment_id, clusteraccess_gitops_engine_instance_id) \
             VALUES ('{user}', '{}', '{instance}') ON CONFLICT DO NOTHING",
            object.row()
        )
    };
    for user in &others {
        // One of another instance, and those of a user that is not the tenant's.
        for statement in [
            "INSERT INTO gitopsengineinstance (gitopsengineinstance_id, namespace_name, \
             namespace_uid, enginecluster_id) SELECT 'old', 'old', 'old', enginecluster_id FROM \
             gitopsengineinstance WHERE namespace_name <> 'old' ON CONFLICT DO NOTHING"
                .to_owned(),
            access(user, "old"),
            access(user, instance.as_str()),
            format!(
                "INSERT INTO appprojectmanagedenvironment (appproject_managedenv_id, \
                 clusteruser_id, managed_environment_id) SELECT '{user}', '{user}', '{}' WHERE NOT \
                 EXISTS (SELECT 1 FROM appprojectmanagedenvironment WHERE clusteruser_id = \
                 '{user}' AND managed_environment_id = '{}')",
                object.row(),
                object.row()
            ),
        ] {
            world.execute(&statement).await;
        }
    }
    assert_eq!(accesses(&world, &object).await.len(), 4);
    assert_eq!(permissions(&world).await.len(), 4);
    accept(&world, &object.rotated()).await;
    assert_eq!((accesses(&world, &object).await, permissions(&world).await), before);
    assert_eq!(accesses(&world, &other).await, before.0);
}

async fn a_removal_leaves_nothing(scratch: Scratch) {
    let world = start(&scratch).await;
    let (object, other) = (Object::new("a"), Object::new("b"));
    accept(&world, &object).await;
    accept(&world, &other).await;
    deliver(&world, &object).await;
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    assert_eq!(environments(&world).await, [format!("{} b {}", other.row(), other.credentials())]);
    assert_eq!(mapped(&world).await.len(), 1);
    assert_eq!(permissions(&world).await.len(), 1);
    assert_eq!(accesses(&world, &object).await, Vec::<String>::new());
    // What opens the cluster stays until Argo CD's Secret is gone and what was made is revoked.
    assert!(world.backend.cluster_access(&object.credentials()).await.unwrap().is_some());
    assert!(world.agent.environment_access(&object.row()).await.unwrap().is_none());
    deliver(&world, &object).await;
    assert!(machine(&world, &object).await.is_none());
    assert_eq!(columns(&world).await.len(), 1);
    let rows: Vec<String> = stored(&world).await.into_keys().map(|place| place.row).collect();
    let credentials = other.credentials().into_string();
    assert_eq!(rows, [credentials.clone(), credentials]);
}

/// The change that writes the row of an environment, whose tenant gets its rows.
async fn put(world: &World, object: &Object) -> RowChange {
    let rows = tenant(world, object).await;
    RowChange::Environment(EnvironmentRows::Put(Box::new(EnvironmentRow {
        key: key(object, &rows),
        credentials: object.credentials(),
        instance: rows.instance,
        spec: object.spec.clone(),
        told: Digest::default(),
        name: object.name.clone(),
        namespace: namespace_of(&object.tenant),
        tenant: object.tenant.clone(),
    })))
}

async fn tenant(world: &World, object: &Object) -> TenantRows {
    let needed = Input::Namespace(object.tenant.clone(), TenantEvent::Needed);
    world.process(&[needed]).await.unwrap();
    let loaded = read(world, &request(&[object])).await;
    loaded.tenants.known[&object.tenant].machine.record.rows.clone().unwrap()
}

fn key(object: &Object, rows: &TenantRows) -> EnvironmentKey {
    EnvironmentKey { id: object.row(), uid: object.uid(), user: rows.user.clone() }
}

/// Writes rows in a batch of their own.
async fn write(world: &World, object: &Object, rows: Vec<RowChange>) -> Result<(), StoreError> {
    let changes = BackendChanges {
        rows,
        accepted_environments: [(object.uid(), object.credential())].into(),
        ..BackendChanges::default()
    };
    let request = BackendRequest::default();
    world.backend.backend_batch(&request, world.now, |_| (changes, ())).await
}

async fn of_several_changes_in_a_batch_the_last_counts(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    let put = put(&world, &object).await;
    let rows = tenant(&world, &object).await;
    let remove = EnvironmentRows::Remove(Box::new(key(&object, &rows)));
    let remove = RowChange::Environment(remove);
    let forget = RowChange::Environment(EnvironmentRows::Forget(object.credentials()));
    let write = async |rows: &[&RowChange]| {
        let rows = rows.iter().map(|row| (*row).clone()).collect();
        write(&world, &object, rows).await.unwrap();
        let counts = [environments(&world).await, columns(&world).await, mapped(&world).await];
        let mut counts = counts.map(|rows| rows.len()).to_vec();
        counts.push(stored(&world).await.len());
        counts
    };
    let (nothing, all) = ([0, 0, 0, 0], [1, 1, 1, 2]);
    assert_eq!(write(&[&put, &remove, &forget]).await, nothing);
    assert_eq!(write(&[&remove, &forget, &put]).await, all);
    assert_eq!(write(&[&put, &forget]).await, all, "what an environment names is not forgotten");
    assert_eq!(write(&[&remove]).await, [0, 1, 0, 2], "its credentials stay");
    assert_eq!(write(&[&put]).await, all);
    assert_eq!(write(&[&remove, &forget]).await, nothing);
    // The tenant ends in the batch that writes one of its environments.
    assert_eq!(write(&[&put, &RowChange::RemoveTenant(rows)]).await, nothing);
    assert_eq!(world.count("appprojectmanagedenvironment").await, 0);
    assert_eq!(world.count("clusteraccess").await, 0);
}

async fn the_number_of_statements_does_not_depend_on_the_size_of_a_batch(scratch: Scratch) {
    let world = start(&scratch).await;
    let mut counts: Vec<BTreeMap<&str, u64>> = Vec::new();
    for (batch, size) in [("few", 2), ("many", 60)] {
        let objects: Vec<Object> =
            (0..size).map(|which| Object::new(&format!("{batch}-{which}"))).collect();
        let all = async |events: &(dyn Fn(&Object) -> Vec<EnvironmentEvent> + Sync),
                         objects: &[Object]| {
            let steps: Vec<_> = objects.iter().map(|object| (object, events(object))).collect();
            let (statements, done) = world.statements(step(&world, &steps)).await;
            done.unwrap();
            statements
        };
        let accepted = |object: &Object| {
            vec![object.seen(), EnvironmentEvent::FactsChanged, object.accepted()]
        };
        let other = |spec: &mut EnvironmentSpec| spec.api_url = "https://other".to_owned();
        let edited: Vec<Object> =
            objects.iter().map(|object| object.edited(other).rotated()).collect();
        let created = all(&accepted, &objects).await;
        let replaced = all(&accepted, &edited).await;
        for object in &edited {
            deliver(&world, object).await;
        }
        let removed = all(&|object| vec![object.gone()], &edited).await;
        counts.push([("created", created), ("replaced", replaced), ("removed", removed)].into());
    }
    // The first batch has also made the tenant's rows.
    assert!(counts[1]["created"] <= counts[0]["created"], "{counts:?}");
    for part in ["replaced", "removed"] {
        assert_eq!(counts[0][part], counts[1][part], "{part}");
    }
    assert_eq!(environments(&world).await, Vec::<String>::new());
}

async fn the_end_of_a_tenant_leaves_nothing_of_its_environments(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    let other = Object { tenant: TenantUid::new("t2"), ..Object::new("b") };
    accept(&world, &object).await;
    accept(&world, &other).await;
    let end = async |events: Vec<TenantEvent>| {
        for event in events {
            let input = Input::Namespace(object.tenant.clone(), event);
            world.process(&[input]).await.unwrap();
        }
    };
    end(vec![TenantEvent::NamespaceObserved { terminating: true }, TenantEvent::NamespaceAbsent])
        .await;
    let alone = BackendRequest { environments: vec![object.uid()], ..BackendRequest::default() };
    let children = read(&world, &alone).await.children;
    assert_eq!(children[&object.tenant], 1, "its tenant is loaded with it, and waits for it");
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    deliver(&world, &object).await;
    let children = read(&world, &request(&[&object])).await.children[&object.tenant];
    assert_eq!(children, 0);
    end(vec![TenantEvent::ChildrenCounted { children }]).await;
    assert_eq!(world.count("clusteruser").await, 1);
    assert_eq!(environments(&world).await, [format!("{} b {}", other.row(), other.credentials())]);
    assert_eq!(columns(&world).await.len(), 1);
    assert!(stored(&world).await.keys().all(|place| place.row == other.credentials().as_str()));
}
