//! What is sealed with the rows of managed environments, and what Argo CD is told.

use std::collections::{BTreeMap, HashSet};

use machines::identity::{ClusterUserId, EnvironmentId, OperationId, TenantUid, Timestamp};
use machines::kinds::managed_environment::EnvironmentUid;
use machines::operation::Wanted;
use machines::rows::Requester;
use schema::entity::sealed_value;
use schema::store::agent::AgentChanges;
use schema::store::backend::{BackendChanges, BackendRequest};
use schema::store::sealed::unlock::Sealer;
use schema::store::{ClusterCredential, Permitted, StoreError, UnopenedCredential, WantedCluster};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use secrecy::ExposeSecret as _;

use super::{
    CANARY, Object, URL, accept, columns, deliver, machine, open, put, read, request, step,
    try_accept,
};
use crate::credentials::{sealer, start, stored};
use crate::driver::World;
use crate::harness::{Scratch, on_each_database};
use crate::sealing::of_owner;

on_each_database!(
    what_is_wanted_is_what_was_accepted,
    an_operation_on_an_environment_reads_what_its_row_says,
    environments_are_permitted_in_the_order_of_their_creation,
    nothing_is_in_the_clear,
    a_wrong_keyring_overwrites_and_empties_nothing,
    without_keys_or_the_text_nothing_is_written,
    what_does_not_open_says_what_to_do,
    what_was_lost_with_its_key_is_sealed_again_by_the_next_check,
);

/// What Argo CD is told, by key.
fn data(object: &Object) -> BTreeMap<&'static str, String> {
    let data = object.access().data(&EnvironmentId::new("id"));
    assert!(data.iter().map(|(key, _)| key).is_sorted(), "as they are compared");
    data.into_iter().map(|(key, value)| (key, value.expose_secret().to_owned())).collect()
}

#[test]
fn upstream_agent_1_7_the_data_of_a_cluster_secret() {
    let mut object = Object::new("a");
    object.token = "t\"1".to_owned();
    object.authority = "PEM".to_owned();
    let config = |tls: &str| format!(r#"{{"bearerToken":"t\"1","tlsClientConfig":{{{tls}}}}}"#);
    let told = |config: String| {
        let server = format!("{URL}?managedEnvironment=id");
        BTreeMap::from([
            ("config", config),
            ("name", "managed-env-id".to_owned()),
            ("server", server),
        ])
    };
    let trusting = r#""insecure":false,"serverName":"api.internal","caData":"UEVN""#;
    assert_eq!(data(&object), told(config(trusting)));
    // Argo CD refuses a cluster that has an authority and is not verified.
    object.spec.skips_tls_verification = true;
    let insecure = r#""insecure":true,"serverName":"api.internal""#;
    assert_eq!(data(&object), told(config(insecure)));
    object.spec.skips_tls_verification = false;
    object.authority.clear();
    object.server_name.clear();
    assert_eq!(data(&object), told(config(r#""insecure":false"#)));
    object.spec.cluster_resources = true;
    object.spec.namespaces = ["b", "a"].map(str::to_owned).to_vec();
    let told = data(&object);
    assert_eq!((told["clusterResources"].as_str(), told["namespaces"].as_str()), ("true", "a,b"));
}

async fn what_is_wanted_is_what_was_accepted(scratch: Scratch) {
    let world = start(&scratch).await;
    let sealer = sealer(&world).await;
    let objects = ["a", "b", "c"].map(Object::new);
    let objects = [
        objects[0].clone(),
        objects[1].rotated(),
        objects[2].edited(|spec| spec.namespaces = vec!["n".to_owned()]),
    ];
    for object in &objects {
        accept(&world, object).await;
        let access = world.agent.environment_access(&object.row()).await.unwrap().unwrap();
        assert_eq!(access.digest(&object.row(), &sealer.digests), object.told(&sealer));
        let credential = access.credential;
        assert_eq!(credential.token.expose_secret(), object.token);
        assert_eq!(credential.authority.expose_secret(), object.authority);
        let access = world.backend.cluster_access(&object.credentials()).await.unwrap().unwrap();
        assert_eq!(access.credential.token.expose_secret(), object.token);
    }
    let mut after = EnvironmentId::new("");
    let mut found: BTreeMap<EnvironmentId, WantedCluster> = BTreeMap::new();
    loop {
        let page = world.agent.wanted_clusters(&after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2 && page.iter().all(|one| one.owner.row > after), "{page:?}");
        let before = std::mem::replace(&mut after, last.owner.row.clone());
        let owners: Vec<_> = page.iter().map(|one| one.owner.clone()).collect();
        assert_eq!(world.agent.cluster_owners(&before, 2).await.unwrap(), owners);
        found.extend(page.into_iter().map(|one| (one.owner.row.clone(), one)));
    }
    assert_eq!(found.len(), 3, "the tenant's own cluster has no Secret");
    let users = world.texts("clusteruser_id", "clusteruser").await;
    for object in &objects {
        let wanted = &found[&object.row()];
        assert_eq!(wanted.owner.environment, Some(object.uid()));
        assert_eq!(wanted.digest, Some(object.told(&sealer)));
        assert_eq!(wanted.owner.owner.as_ref().map(|owner| owner.as_str()), Some(&*users[0]));
    }
    let own = world.texts("managedenvironment_id", "managedenvironment WHERE name LIKE '% for %'");
    let own = EnvironmentId::new(own.await.remove(0));
    assert!(world.agent.environment_access(&own).await.unwrap().is_none());
}

async fn an_operation_on_an_environment_reads_what_its_row_says(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    let row = object.row();
    let wanted = async |id: &OperationId| {
        let nothing = |loaded| (AgentChanges::default(), loaded);
        let ids = std::slice::from_ref(id);
        let loaded = world.agent.agent_batch(ids, world.now, nothing).await.unwrap();
        assert!(loaded.unknown.is_empty() && loaded.unusable.is_empty(), "{loaded:?}");
        let view = &loaded.rows[id];
        assert_eq!(view.requester, Some(Requester::Environment(object.uid())));
        assert_eq!(loaded.permitted[&view.owner].environments, std::slice::from_ref(&row));
        view.wanted.clone()
    };
    let id = open(&world, &object).await.unwrap();
    let secret = Some(object.told(&sealer(&world).await));
    assert_eq!(wanted(&id).await, Wanted::Environment { row: row.clone(), secret });
    deliver(&world, &object).await;
    accept(&world, &object.rotated()).await;
    let id = open(&world, &object).await.unwrap();
    let secret = Some(object.rotated().told(&sealer(&world).await));
    assert_eq!(wanted(&id).await, Wanted::Environment { row: row.clone(), secret });
    let lost = sealed_value::Entity::delete_many()
        .filter(sealed_value::Column::TableName.eq("clustercredentials"));
    lost.exec(world.database.connection()).await.unwrap();
    let nothing = |loaded| (AgentChanges::default(), loaded);
    let ids = std::slice::from_ref(&id);
    let loaded = world.agent.agent_batch(ids, world.now, nothing).await.unwrap();
    assert!(loaded.rows.is_empty(), "{loaded:?}");
    assert_eq!(loaded.unusable[&id].requester, Some(Requester::Environment(object.uid())));
}

async fn environments_are_permitted_in_the_order_of_their_creation(scratch: Scratch) {
    let mut world = start(&scratch).await;
    let objects = ["d", "a", "c", "b"].map(Object::new);
    let elsewhere = Object { tenant: TenantUid::new("t2"), ..Object::new("elsewhere") };
    accept(&world, &elsewhere).await;
    for object in &objects {
        accept(&world, object).await;
        // Clocks jump.
        world.now = Timestamp::from_millis(world.now.as_millis() - 1_000);
    }
    let user = ClusterUserId::of(&TenantUid::new("t1"));
    let permitted = async || {
        let nobody = ClusterUserId::new("nobody");
        let users = [user.clone(), nobody.clone()].into();
        let mut permitted = world.agent.permitted(&users).await.unwrap();
        assert_eq!(permitted.remove(&nobody), Some(Permitted::default()));
        permitted.remove(&user).unwrap().environments
    };
    let rows: Vec<EnvironmentId> = objects.iter().map(Object::row).collect();
    assert_eq!(permitted().await, rows);
    // What is written anew keeps its place, and what is created anew has the last one.
    accept(&world, &objects[2].rotated()).await;
    assert_eq!(permitted().await, rows);
    deliver(&world, &objects[1]).await;
    step(&world, &[(&objects[1], vec![objects[1].gone()])]).await.unwrap();
    deliver(&world, &objects[1]).await;
    accept(&world, &objects[1]).await;
    let rows = [0, 2, 3, 1].map(|which| objects[which].row());
    assert_eq!(permitted().await, rows);
}

async fn nothing_is_in_the_clear(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    accept(&world, &object.rotated()).await;
    deliver(&world, &object.rotated()).await;
    let mut everything = world.everything().await;
    everything.extend(columns(&world).await);
    assert!(everything.iter().any(|line| line.contains("ManagedEnvironment")));
    assert!(everything.iter().all(|line| !line.contains(CANARY)), "{everything:?}");
    let mut bytes: Vec<Vec<u8>> =
        stored(&world).await.into_values().map(|sealed| sealed.value).collect();
    if let Some(file) = scratch.url.strip_prefix("sqlite:///") {
        for suffix in ["", "-wal"] {
            bytes.extend(std::fs::read(format!("/{file}{suffix}")).ok());
        }
        assert!(bytes.len() > 1, "the file is looked at");
    }
    for bytes in bytes {
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    }
    let access = world.agent.environment_access(&object.row()).await.unwrap();
    let data = object.access().data(&object.row());
    let printed = format!("{object:?}").replace(CANARY, "") + &format!("{access:?} {data:?}");
    assert!(!printed.contains(CANARY), "{printed}");
}

/// Keys of the right names that are other ones.
async fn wrong_sealer(world: &World) -> Sealer {
    Sealer { keyring: of_owner(&["one"], "theirs"), ..sealer(world).await }
}

async fn a_wrong_keyring_overwrites_and_empties_nothing(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    let before = (stored(&world).await, world.everything().await, columns(&world).await);
    let right = world.backend.clone();
    let backend = right.clone().with_sealer(Some(wrong_sealer(&world).await));
    let world = World { backend, ..world };
    let another = Object { authority: object.authority.clone(), ..object.rotated() };
    // The last one would not replace the authority, but remove it.
    for changed in [another, object.rotated()] {
        let error = try_accept(&world, &changed).await.unwrap_err();
        assert!(matches!(error, StoreError::Sealed { .. }), "{error}");
        assert!(!error.to_string().contains(CANARY), "{error}");
        let after = (stored(&world).await, world.everything().await, columns(&world).await);
        assert_eq!(after, before);
    }
    // What goes needs no key.
    let backend = right.with_sealer(None);
    let world = World { backend, ..world };
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    deliver(&world, &object).await;
    assert_eq!(stored(&world).await, BTreeMap::new());
}

async fn without_keys_or_the_text_nothing_is_written(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    let row = put(&world, &object).await;
    let before = world.everything().await;
    let write = async |world: &World, texts: Vec<(EnvironmentUid, ClusterCredential)>| {
        let changes = BackendChanges {
            rows: vec![row.clone()],
            accepted_environments: texts.into_iter().collect(),
            ..BackendChanges::default()
        };
        let request = BackendRequest::default();
        world.backend.backend_batch(&request, world.now, |_| (changes, ())).await
    };
    let empty = ClusterCredential::default();
    for texts in [vec![], vec![(object.uid(), empty)]] {
        let error = write(&world, texts).await.unwrap_err().to_string();
        assert!(error.contains("team-t1/a cannot be stored: the batch does not bring"), "{error}");
    }
    let right = world.backend.clone();
    let world = World { backend: right.clone().with_sealer(None), ..world };
    let texts = || vec![(object.uid(), object.credential())];
    let error = write(&world, texts()).await.unwrap_err().to_string();
    assert!(error.contains("team-t1/a cannot be stored") && error.contains("SEALING_KEYS_DIR"));
    assert!(!error.contains(CANARY), "{error}");
    assert_eq!(world.everything().await, before);
    let world = World { backend: right, ..world };
    write(&world, texts()).await.unwrap();
    assert_eq!(columns(&world).await.len(), 1);
}

async fn what_does_not_open_says_what_to_do(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    let right = world.agent.clone();
    let wrong = wrong_sealer(&world).await;
    let mut world = world;
    for (sealer, advice) in [(None, "SEALING_KEYS_DIR"), (Some(wrong), "restore the key")] {
        world.agent = right.clone().with_sealer(sealer);
        let by_row = world.agent.environment_access(&object.row()).await.unwrap_err();
        let by_credentials = world.agent.cluster_access(&object.credentials()).await.unwrap_err();
        for error in [by_row, by_credentials] {
            let StoreError::Unopened(unopened) = &error else { panic!("{error}") };
            let text = unopened.to_string();
            assert!(text.contains(advice) && !text.contains(CANARY), "{text}");
        }
        let wanted = world.agent.wanted_clusters(&EnvironmentId::new(""), 10).await.unwrap();
        let digests: Vec<_> = wanted.into_iter().map(|one| (one.owner.row, one.digest)).collect();
        assert_eq!(digests, [(object.row(), None)]);
    }
    world.agent = right;
    for column in ["ca_data", "serviceaccount_bearer_token"] {
        world.execute(&format!("DELETE FROM sealed_value WHERE column_name = '{column}'")).await;
        let error = world.agent.environment_access(&object.row()).await.unwrap_err();
        let is_missing = matches!(&error, StoreError::Unopened(UnopenedCredential::Missing(_)));
        assert!(is_missing, "{error}");
    }
    world
        .execute(
            "UPDATE clustercredentials SET serviceaccount_bearer_token = '', ca_data = '' \
                   WHERE host <> 'host'",
        )
        .await;
    let error = world.agent.environment_access(&object.row()).await.unwrap_err();
    assert!(error.to_string().contains("serviceaccount_bearer_token"), "{error}");
}

async fn what_was_lost_with_its_key_is_sealed_again_by_the_next_check(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    deliver(&world, &object).await;
    let places = async || stored(&world).await.into_keys().collect::<Vec<_>>();
    let sealed = places().await;
    accept(&world, &object).await;
    assert!(machine(&world, &object).await.unwrap().record.open.is_none(), "nothing is new");
    for column in ["ca_data", "serviceaccount_bearer_token"] {
        let lost = sealed_value::Entity::delete_many()
            .filter(sealed_value::Column::TableName.eq("clustercredentials"))
            .filter(sealed_value::Column::ColumnName.eq(column));
        lost.exec(world.database.connection()).await.unwrap();
        let unchecked =
            BackendRequest { checked_environments: HashSet::new(), ..request(&[&object]) };
        let emptied = async |request| read(&world, &request).await.emptied_environments.len();
        assert_eq!(emptied(unchecked).await, 0, "no step looks at it");
        assert_eq!(emptied(request(&[&object])).await, 1, "{column}");
        step(&world, &[(&object, vec![object.accepted()])]).await.unwrap();
        assert_eq!(places().await, sealed);
        deliver(&world, &object).await;
    }
}
