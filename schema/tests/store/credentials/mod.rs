//! Repository credentials: their rows; in `secrets` what is sealed with them, in `adopted` those of an
//! earlier installation.

mod adopted;
mod secrets;

use std::collections::BTreeMap;

use machines::identity::{Digest, Generation, OperationId, Revision, TenantUid};
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{
    Checked, CredentialEvent, CredentialFacts, CredentialId, CredentialSnapshot, CredentialUid,
    RepositoryCredential,
};
use machines::kinds::tenant::{TenantEvent, TenantFact};
use machines::machine::{Machine as _, Run};
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, RowView, SecretView, Wanted,
};
use machines::rows::{CredentialKey, CredentialRows, OperationState, RowChange, TenantRows};
use machines::shared::condition::ConditionStyle;
use schema::entity::sealed_value;
use schema::sealing::{KeyId, PLACEHOLDER, Place, Sealed};
use schema::store::agent::{AgentChanges, AgentLoaded};
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest};
use schema::store::machine_rows::{Stepped, Versioned};
use schema::store::sealed::unlock::{Sealer, unlock};
use schema::store::{Credential, RepositoryAccess, SecretOwner, StoreError, WantedSecret};
use sea_orm::EntityTrait as _;

use crate::driver::{Input, World, namespace_of};
use crate::harness::{Scratch, on_each_database};
use crate::sealing::keyring;

on_each_database!(
    an_accepted_credential_has_the_rows_that_existing_clients_read,
    what_is_wanted_has_the_digest_of_what_was_accepted,
    a_removal_leaves_nothing,
    a_url_is_released_with_its_last_user,
    a_url_that_a_credential_gives_up_is_released,
    a_url_that_no_deployment_can_name_is_kept_and_not_permitted,
    operations_of_unknown_types_are_left_alone,
    of_several_changes_in_a_batch_the_last_counts,
    the_number_of_statements_does_not_depend_on_the_size_of_a_batch,
    the_end_of_a_tenant_leaves_nothing_of_its_credentials,
);

/// What must be found nowhere.
const CANARY: &str = "hunter2-canary";
const URL: &str = "https://example.com/Team/App.git";

/// A credential's object, and what its Secret says.
#[derive(Clone, Debug)]
struct Object {
    name: String,
    tenant: TenantUid,
    spec: CredentialSpec,
    generation: i64,
    /// The name of the user, the password and the key.
    texts: [String; 3],
}

impl Object {
    /// With a password.
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tenant: TenantUid::new("t1"),
            spec: CredentialSpec { repository: URL.to_owned(), secret: "secret".to_owned() },
            generation: 1,
            texts: ["bob".to_owned(), format!("{CANARY}-password"), String::new()],
        }
    }

    /// The same with another URL.
    fn edited(&self, url: &str) -> Self {
        let mut edited = self.clone();
        url.clone_into(&mut edited.spec.repository);
        edited.generation += 1;
        edited
    }

    /// The same with a key instead of a password.
    fn with_key(&self) -> Self {
        let texts = [String::new(), String::new(), format!("{CANARY}-key")];
        Self { texts, ..self.clone() }
    }

    fn uid(&self) -> CredentialUid {
        CredentialUid::new(format!("credential-{}", self.name))
    }

    fn row(&self) -> CredentialId {
        CredentialId::of(&self.uid())
    }

    fn credential(&self) -> Credential {
        let [username, password, key] = self.texts.clone();
        Credential {
            username: username.into(),
            password: password.into(),
            ssh_private_key: key.into(),
        }
    }

    fn access(&self) -> RepositoryAccess {
        RepositoryAccess {
            name: self.spec.secret.clone(),
            url: self.spec.repository.clone(),
            credential: self.credential(),
        }
    }

    /// The digest of the Secret; the store does not look at it.
    fn shown(&self) -> Digest {
        Digest::of(&self.texts.concat())
    }

    fn seen(&self) -> CredentialEvent {
        CredentialEvent::Observed(Box::new(CredentialSnapshot {
            revision: Revision(u64::try_from(self.generation).unwrap()),
            generation: Generation(self.generation),
            spec: self.spec.clone(),
            ..CredentialSnapshot::default()
        }))
    }

    fn accepted(&self) -> CredentialEvent {
        let found = Checked {
            spec: self.spec.clone(),
            secret: Some(self.shown()),
            verdict: Verdict::Accepted {},
        };
        CredentialEvent::Checked { shown: Some(self.shown()), found: Box::new(found) }
    }

    fn gone(&self) -> CredentialEvent {
        CredentialEvent::Absent { as_of: Revision(u64::MAX) }
    }
}

/// A world whose processes have keys.
pub(crate) async fn start(scratch: &Scratch) -> World {
    with_keys(World::start(scratch).await).await
}

pub(crate) async fn with_keys(world: World) -> World {
    let sealer = Some(sealer(&world).await);
    let backend = world.backend.clone().with_sealer(sealer.clone());
    let agent = world.agent.clone().with_sealer(sealer);
    World { backend, agent, ..world }
}

pub(crate) async fn sealer(world: &World) -> Sealer {
    unlock(&world.database, keyring(&["one"])).await.unwrap()
}

fn request(objects: &[&Object]) -> BackendRequest {
    BackendRequest {
        credentials: objects.iter().map(|object| object.uid()).collect(),
        checked: objects.iter().map(|object| object.uid()).collect(),
        tenants: objects.iter().map(|object| object.tenant.clone()).collect(),
        ..BackendRequest::default()
    }
}

/// Reads a batch and writes nothing.
async fn read(world: &World, request: &BackendRequest) -> BackendLoaded {
    let nothing = |loaded| (BackendChanges::default(), loaded);
    world.backend.backend_batch(request, world.now, nothing).await.unwrap()
}

/// Steps credentials through events, as a batch of the backend does.
async fn step(world: &World, steps: &[(&Object, Vec<CredentialEvent>)]) -> Result<(), StoreError> {
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
                    RepositoryCredential::new(object.uid(), tenant, &namespace, &object.name);
                Versioned { machine, version: 0 }
            };
            let before = loaded.credentials.known.remove(&object.uid()).unwrap_or_else(new);
            let facts = CredentialFacts {
                now: world.now,
                has_keys: true,
                tenant: tenants.get(&object.tenant).cloned().unwrap_or(TenantFact::Unknown),
                instance: world.instance.clone(),
                shown: Some(object.shown()),
                existing: loaded.existing_credentials.remove(&object.uid()).map(|one| one.row),
                is_row_empty: loaded.emptied_credentials.contains(&object.uid()),
                conditions: ConditionStyle::Conventional,
            };
            let mut run = Run::new(before.machine.clone());
            for event in events {
                run.step(event, &facts);
            }
            let (stepped, rows) = Stepped::of(before, run);
            changes.credentials.push(stepped);
            changes.rows.extend(rows);
            changes.accepted.insert(object.uid(), object.credential());
        }
        (changes, ())
    };
    world.backend.backend_batch(&request(&objects), world.now, decide).await
}

/// The credential is seen as it is, checked and accepted.
async fn accept(world: &World, object: &Object) {
    try_accept(world, object).await.unwrap();
    assert_eq!(machine(world, object).await.unwrap().path(), "Live/Judged/Accepted");
}

async fn try_accept(world: &World, object: &Object) -> Result<(), StoreError> {
    step(world, &[(object, vec![object.seen(), object.accepted()])]).await
}

async fn machine(world: &World, object: &Object) -> Option<RepositoryCredential> {
    let loaded = read(world, &request(&[object])).await;
    loaded.credentials.known.get(&object.uid()).map(|known| known.machine.clone())
}

async fn open(world: &World, object: &Object) -> OperationId {
    machine(world, object).await.unwrap().record.open.expect("an open operation").id
}

/// What the agent reads of an operation, before it does anything.
async fn looked_at(world: &World, id: &OperationId) -> AgentLoaded {
    let nothing = |loaded| (AgentChanges::default(), loaded);
    world.agent.agent_batch(std::slice::from_ref(id), world.now, nothing).await.unwrap()
}

/// The agent makes Argo CD's Secret say what the row says, and the credential learns of it, until
/// nothing more is asked for.
async fn deliver(world: &World, object: &Object) {
    let open = async || machine(world, object).await.and_then(|machine| machine.record.open);
    while let Some(id) = open().await.map(|open| open.id) {
        let id = std::slice::from_ref(&id);
        let loaded = world.claim(id).await;
        let secret = match loaded.rows.get(&id[0]).map(|row| &row.wanted) {
            Some(Wanted::Credential { secret: Some(digest), .. }) => {
                SecretView::Present { digest: digest.clone(), in_project: true, deleting: false }
            }
            Some(Wanted::Credential { secret: None, .. }) => SecretView::Absent,
            other => panic!("{other:?}"),
        };
        let view = ArgoView { project_matches: true, application: ApplicationView::Absent, secret };
        let seen = |_: &Operation, _: Option<&RowView>| {
            vec![OperationEvent::ArgoObserved(Box::new(view.clone())); 2]
        };
        world.operate(id, seen).await.unwrap();
        world.forget(id).await;
        let state = read(world, &request(&[object])).await.operations.get(&id[0]).cloned();
        assert_eq!(state, Some(OperationState::Completed));
        let observed = CredentialEvent::OperationObserved { id: id[0].clone(), state };
        step(world, &[(object, vec![observed])]).await.unwrap();
    }
}

/// What is sealed, but for the key of the digests.
pub(crate) async fn stored(world: &World) -> BTreeMap<Place, Sealed> {
    let rows = sealed_value::Entity::find().all(&world.database.reads()).await.unwrap();
    let entry = |row: sealed_value::Model| {
        let place = Place::new(row.table_name, row.row_key, row.column_name);
        (place, Sealed { key: KeyId::parse(&row.key_id).unwrap(), value: row.value })
    };
    let of_rows = |(place, _): &(Place, Sealed)| place.table != "sealed_value";
    rows.into_iter().map(entry).filter(of_rows).collect()
}

async fn columns(world: &World) -> Vec<String> {
    let said = "coalesce(repo_cred_user, 'NULL') || '|' || coalesce(repo_cred_pass, 'NULL') || '|' \
                || coalesce(repo_cred_ssh, 'NULL')";
    world.texts(said, "repositorycredentials").await
}

async fn repositories(world: &World) -> Vec<String> {
    world.texts("repo_url_as_written", "appprojectrepository").await
}

async fn an_accepted_credential_has_the_rows_that_existing_clients_read(scratch: Scratch) {
    let mut world = start(&scratch).await;
    let mut object = Object::new("a");
    let long = "s".repeat(60);
    object.spec.secret.clone_from(&long);
    accept(&world, &object).await;
    let row = "repositorycredentials_id || ' ' || repo_cred_url || ' ' || repo_cred_secret || ' ' \
               || secret_name";
    let expected = format!("{} {URL} {} {long}", object.row(), &long[..48]);
    assert_eq!(world.texts(row, "repositorycredentials").await, [expected]);
    assert_eq!(columns(&world).await, [format!("{PLACEHOLDER}|{PLACEHOLDER}|")]);
    let users = world.texts("clusteruser_id", "clusteruser").await;
    assert_eq!(world.texts("repo_cred_user_id", "repositorycredentials").await, users);
    let instance = world.instance.clone().unwrap().into_string();
    assert_eq!(world.texts("repo_cred_engine_id", "repositorycredentials").await, [instance]);
    let mapping = "api_resource_type || ' ' || api_resource_uid || ' ' || api_resource_name || ' ' \
                   || api_resource_namespace || ' ' || api_resource_namespace_uid || ' ' || \
                   db_relation_type || ' ' || db_relation_key";
    let expected = format!(
        "GitOpsDeploymentRepositoryCredential credential-a a team-t1 t1 RepositoryCredential {}",
        object.row()
    );
    let mapped = || world.texts(mapping, "apicrtodatabasemapping");
    assert_eq!(mapped().await, std::slice::from_ref(&expected));
    assert_eq!(repositories(&world).await, [URL]);
    let normal = world.texts("repo_url", "appprojectrepository").await;
    assert_eq!(normal, ["https://example.com/team/app"]);
    let operation = "resource_type || ' ' || resource_id || ' ' || requester || ' ' || state";
    let requested =
        format!("RepositoryCredentials {} Credential/credential-a Waiting", object.row());
    assert_eq!(world.texts(operation, "operation").await, [requested]);
    let refers_to = "machine WHERE kind = 'RepositoryCredential'";
    assert_eq!(world.texts("refers_to", refers_to).await, [long]);

    let created = "cast(created_on AS text)";
    let before = world.texts(created, "repositorycredentials").await;
    world.pass(60);
    accept(&world, &object.edited("https://example.com/other")).await;
    assert_eq!(world.texts(created, "repositorycredentials").await, before);
    let urls = world.texts("repo_cred_url", "repositorycredentials").await;
    assert_eq!(urls, ["https://example.com/other"]);
    let mapped = world.texts(mapping, "apicrtodatabasemapping").await;
    assert_eq!(mapped, [expected]);
}

async fn what_is_wanted_has_the_digest_of_what_was_accepted(scratch: Scratch) {
    let world = start(&scratch).await;
    let digests = sealer(&world).await.digests;
    let objects = ["a", "b", "c"].map(Object::new);
    let objects = [objects[0].clone(), objects[1].with_key(), objects[2].edited("ssh://h/x")];
    for object in &objects {
        accept(&world, object).await;
        let id = open(&world, object).await;
        let loaded = world.claim(std::slice::from_ref(&id)).await;
        let secret = Some(object.access().digest(&digests));
        assert_eq!(loaded.rows[&id].wanted, Wanted::Credential { row: object.row(), secret });
        let access = world.agent.repository_access(&object.row()).await.unwrap().unwrap();
        assert!(access.data().eq(object.access().data()));
    }
    // What has changed meanwhile is read again.
    let id = open(&world, &objects[0]).await;
    let rotated = objects[0].with_key();
    accept(&world, &rotated).await;
    let loaded = world.claim(std::slice::from_ref(&id)).await;
    let secret = Some(rotated.access().digest(&digests));
    assert_eq!(loaded.rows[&id].wanted, Wanted::Credential { row: rotated.row(), secret });

    let objects = [rotated, objects[1].clone(), objects[2].clone()];
    let mut after = CredentialId::new("");
    let mut found = BTreeMap::new();
    loop {
        let page = world.agent.wanted_secrets(&after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2 && page.iter().all(|one| one.row > after), "{page:?}");
        let before = std::mem::replace(&mut after, last.row.clone());
        let owner = |one: &WantedSecret| {
            let WantedSecret { row, credential, owner, digest: _ } = one.clone();
            SecretOwner { row, credential, owner }
        };
        let owners: Vec<SecretOwner> = page.iter().map(owner).collect();
        assert_eq!(world.agent.secret_owners(&before, 2).await.unwrap(), owners);
        found.extend(page.into_iter().map(|one| (one.row.clone(), one)));
    }
    assert_eq!(found.len(), 3);
    for object in &objects {
        let wanted = &found[&object.row()];
        assert_eq!(wanted.credential, Some(object.uid()));
        assert_eq!(wanted.digest, Some(object.access().digest(&digests)));
        let users = world.texts("clusteruser_id", "clusteruser").await;
        assert_eq!([wanted.owner.as_str()], users[..]);
    }
    let none = CredentialId::new("none");
    assert!(world.agent.repository_access(&none).await.unwrap().is_none());
}

async fn a_removal_leaves_nothing(scratch: Scratch) {
    let world = start(&scratch).await;
    let (object, other) = (Object::new("a"), Object::new("b").edited("https://example.com/b"));
    accept(&world, &object).await;
    accept(&world, &other).await;
    deliver(&world, &object).await;
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    assert_eq!(
        world.texts("repo_cred_url", "repositorycredentials").await,
        ["https://example.com/b"]
    );
    let mapped = world.texts("api_resource_uid", "apicrtodatabasemapping").await;
    assert_eq!(mapped, ["credential-b"]);
    let rows: Vec<String> = stored(&world).await.into_keys().map(|place| place.row).collect();
    assert_eq!(rows, [other.row().as_str(), other.row().as_str()]);
    assert_eq!(repositories(&world).await, ["https://example.com/b"]);
    // What is gone needs no keys.
    let agent = world.agent.clone().with_sealer(None);
    let world = World { agent, ..world };
    let id = open(&world, &object).await;
    let loaded = looked_at(&world, &id).await;
    assert_eq!(loaded.rows[&id].wanted, Wanted::Credential { row: object.row(), secret: None });
    deliver(&world, &object).await;
    assert!(machine(&world, &object).await.is_none());
}

async fn a_url_is_released_with_its_last_user(scratch: Scratch) {
    for credential_goes_first in [true, false] {
        let world = start(&scratch).await;
        let credential = Object::new("a");
        let deployment = crate::driver::Object::new("t1", "a");
        // Another tenant's use of the URL is no use of this one's.
        let elsewhere = Object { tenant: TenantUid::new("t2"), ..Object::new("elsewhere") };
        accept(&world, &elsewhere).await;
        accept(&world, &credential).await;
        world.settle(std::slice::from_ref(&deployment)).await;
        assert_eq!(repositories(&world).await, [URL, URL]);
        let remove_credential =
            async || step(&world, &[(&credential, vec![credential.gone()])]).await.unwrap();
        if credential_goes_first {
            remove_credential().await;
            assert_eq!(repositories(&world).await, [URL, URL], "the deployment uses it");
            world.remove(std::slice::from_ref(&deployment)).await;
        } else {
            world.remove(std::slice::from_ref(&deployment)).await;
            assert_eq!(repositories(&world).await, [URL, URL], "the credential uses it");
            remove_credential().await;
        }
        assert_eq!(repositories(&world).await, [URL], "the other tenant's");
        step(&world, &[(&elsewhere, vec![elsewhere.gone()])]).await.unwrap();
        assert_eq!(repositories(&world).await, Vec::<String>::new());
        for object in [&credential, &elsewhere] {
            deliver(&world, object).await;
        }
    }
}

async fn a_url_that_a_credential_gives_up_is_released(scratch: Scratch) {
    let world = start(&scratch).await;
    let objects = ["a", "b"].map(Object::new);
    for object in &objects {
        accept(&world, object).await;
    }
    let edited = objects[0].edited("https://example.com/other");
    accept(&world, &edited).await;
    assert_eq!(repositories(&world).await, [URL, "https://example.com/other"]);
    accept(&world, &objects[1].edited("https://example.com/other")).await;
    assert_eq!(repositories(&world).await, ["https://example.com/other"]);
    // It stays while the other one uses it.
    step(&world, &[(&edited, vec![edited.gone()])]).await.unwrap();
    assert_eq!(repositories(&world).await, ["https://example.com/other"]);
}

async fn a_url_that_no_deployment_can_name_is_kept_and_not_permitted(scratch: Scratch) {
    let world = start(&scratch).await;
    let url = format!("https://example.com/{}", "a".repeat(492));
    let object = Object::new("a").edited(&url);
    accept(&world, &object).await;
    assert_eq!(world.texts("repo_cred_url", "repositorycredentials").await, [url]);
    assert_eq!(repositories(&world).await, Vec::<String>::new());
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    assert_eq!(world.count("repositorycredentials").await, 0);
}

/// The change that writes the row of a credential, whose tenant gets its rows.
async fn put(world: &World, object: &Object, url: &str) -> RowChange {
    let needed = Input::Namespace(object.tenant.clone(), TenantEvent::Needed);
    world.process(&[needed]).await.unwrap();
    let loaded = read(world, &request(&[object])).await;
    let rows = loaded.tenants.known[&object.tenant].machine.record.rows.clone().unwrap();
    RowChange::Credential(CredentialRows::Put(Box::new(machines::rows::CredentialRow {
        key: key(object, &rows),
        instance: rows.instance,
        repository: url.to_owned(),
        secret_name: object.spec.secret.clone(),
        secret: object.shown(),
        name: object.name.clone(),
        namespace: namespace_of(&object.tenant),
        tenant: object.tenant.clone(),
    })))
}

fn key(object: &Object, rows: &TenantRows) -> CredentialKey {
    CredentialKey { id: object.row(), uid: object.uid(), user: rows.user.clone() }
}

async fn operations_of_unknown_types_are_left_alone(scratch: Scratch) {
    let world = start(&scratch).await;
    let instance = world.instance.clone().unwrap();
    for resource_type in ["GitOpsEngineInstance", "OfALaterVersion"] {
        world
            .execute(&format!(
                "INSERT INTO operation (operation_id, instance_id, resource_id, resource_type, \
                 created_on, last_state_update, state) VALUES ('{resource_type}', '{instance}', \
                 'row', '{resource_type}', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 'Waiting')"
            ))
            .await;
    }
    let ids = ["GitOpsEngineInstance", "OfALaterVersion", "none"].map(OperationId::new);
    let nothing = |loaded| (AgentChanges::default(), loaded);
    let loaded = world.agent.agent_batch(&ids, world.now, nothing).await.unwrap();
    assert_eq!(loaded.unknown, ids[..2].iter().cloned().collect());
    assert!(loaded.rows.is_empty() && loaded.unusable.is_empty(), "{loaded:?}");
}

async fn of_several_changes_in_a_batch_the_last_counts(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    let first = put(&world, &object, "https://example.com/first").await;
    let second = put(&world, &object, "https://example.com/second").await;
    let loaded = read(&world, &request(&[&object])).await;
    let rows = loaded.tenants.known[&object.tenant].machine.record.rows.clone().unwrap();
    let remove = RowChange::Credential(CredentialRows::Remove(Box::new(key(&object, &rows))));
    let write = async |rows: &[&RowChange]| {
        let changes = BackendChanges {
            rows: rows.iter().map(|row| (*row).clone()).collect(),
            accepted: [(object.uid(), object.credential())].into(),
            ..BackendChanges::default()
        };
        let request = BackendRequest::default();
        world.backend.backend_batch(&request, world.now, |_| (changes, ())).await.unwrap();
        (stored(&world).await.len(), repositories(&world).await)
    };
    assert_eq!(write(&[&first, &remove]).await, (0, vec![]));
    assert_eq!(world.count("repositorycredentials").await, 0);
    let there = (2, vec!["https://example.com/second".to_owned()]);
    assert_eq!(write(&[&first, &second]).await, there);
    assert_eq!(write(&[&remove, &second]).await, there);
    assert_eq!(world.count("apicrtodatabasemapping").await, 1);
    assert_eq!(write(&[&second, &remove]).await, (0, vec![]));
    assert_eq!(world.count("apicrtodatabasemapping").await, 0);
    // The tenant ends in the batch that writes one of its credentials.
    let end = RowChange::RemoveTenant(rows);
    assert_eq!(write(&[&first, &end]).await, (0, vec![]));
    assert_eq!(world.count("repositorycredentials").await, 0);
}

async fn the_number_of_statements_does_not_depend_on_the_size_of_a_batch(scratch: Scratch) {
    let world = start(&scratch).await;
    let mut counts = Vec::new();
    for (batch, size) in [("few", 2), ("many", 60)] {
        let of = |url: &str, which: usize| {
            Object::new(&format!("{batch}-{which}")).edited(&format!("https://{url}/{which}"))
        };
        let all = async |steps: Vec<(Object, Vec<CredentialEvent>)>| {
            let steps: Vec<_> =
                steps.iter().map(|(object, events)| (object, events.clone())).collect();
            world.statements(step(&world, &steps)).await.0
        };
        let put = |object: Object| {
            let events = vec![object.seen(), object.accepted()];
            (object, events)
        };
        let gone = |object: Object| {
            let events = vec![object.gone()];
            (object, events)
        };
        let each = || (0..size).map(|which| of(batch, which));
        let created = all(each().map(put).collect()).await;
        let rotated = each().map(|one| one.edited("https://h/x").with_key());
        let edited = all(rotated.map(put).collect()).await;
        let removed = all(each().map(gone).collect()).await;
        counts.push((created, edited, removed));
    }
    // The first batch has also made the tenant's rows.
    let (few, many) = (counts[0], counts[1]);
    assert_eq!((few.1, few.2), (many.1, many.2));
    assert!(many.0 <= few.0, "{counts:?}");
    assert_eq!(world.count("repositorycredentials").await, 0);
}

async fn the_end_of_a_tenant_leaves_nothing_of_its_credentials(scratch: Scratch) {
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
    let by_credential =
        BackendRequest { credentials: vec![object.uid()], ..BackendRequest::default() };
    let loaded = read(&world, &by_credential).await;
    assert_eq!(
        loaded.children[&object.tenant], 1,
        "its tenant is loaded with it, and waits for it"
    );
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    deliver(&world, &object).await;
    let loaded = read(&world, &request(&[&object])).await;
    let children = loaded.children[&object.tenant];
    assert_eq!(children, 0);
    end(vec![TenantEvent::ChildrenCounted { children }]).await;
    let urls = world.texts("clusteruser_id || repo_url_as_written", "appprojectrepository").await;
    let users = world.texts("clusteruser_id", "clusteruser").await;
    assert_eq!(urls, [format!("{}{URL}", users[0])], "the other tenant's");
    assert_eq!(world.count("repositorycredentials").await, 1);
    assert_eq!(world.count("apicrtodatabasemapping").await, 1);
    assert!(stored(&world).await.keys().all(|place| place.row == other.row().as_str()));
}
