//! Managed environments of an earlier installation, and what proves that a Secret is an orphan.

use std::collections::BTreeMap;

use machines::identity::{DeploymentUid, EnvironmentId, OperationId, TenantUid};
use machines::kinds::managed_environment::{ClusterCredentialsId, EnvironmentUid};
use machines::operation::Wanted;
use schema::migrate;
use schema::store::agent::AgentChanges;
use schema::store::sealed::adopted::SealedTexts;
use schema::store::{AdoptedEnvironment, ClusterOwner, Role, Store};
use secrecy::ExposeSecret as _;

use super::{
    CANARY, Object, accept, accesses, columns, deliver, environments, machine, mapped, permissions,
    read, request, step,
};
use crate::credentials::{sealer, stored, with_keys};
use crate::driver::{self, ARGOCD, BEGINNING, Input, World};
use crate::fixture;
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    an_environment_of_an_earlier_installation_keeps_its_row,
    its_token_is_sealed_before_it_is_taken_over,
    those_of_an_earlier_installation_are_listed_until_they_have_machines,
    one_without_an_access_belongs_to_its_namespace,
    a_mapping_to_a_row_that_is_gone_is_replaced,
    open_operations_of_an_earlier_installation_make_room,
    only_secrets_whose_rows_were_served_and_are_gone_are_orphans,
);

/// A database of the existing system with an environment that has an object, and whose token is still
/// in the clear.
pub(super) async fn adopted(scratch: &Scratch) -> World {
    let database = scratch.open().await;
    fixture::install(&database).await;
    let token = format!(
        "INSERT INTO clustercredentials (clustercredentials_cred_id, host, kube_config, \
         kube_config_context, serviceaccount_bearer_token, serviceaccount_ns, namespaces, \
         created_on) VALUES ('target', 'https://old', '', '', '{CANARY}-old', 'kube-system', 'a,b', \
         '2026-11-22 10:26:25')"
    );
    for statement in [
        token.as_str(),
        "INSERT INTO managedenvironment (managedenvironment_id, name, clustercredentials_id, \
         created_on) VALUES ('old', 'old', 'target', '2026-11-22 10:26:25')",
        "INSERT INTO clusteraccess (clusteraccess_user_id, clusteraccess_managed_environment_id, \
         clusteraccess_gitops_engine_instance_id) VALUES ('user', 'old', 'instance')",
        "INSERT INTO appprojectmanagedenvironment (appproject_managedenv_id, clusteruser_id, \
         managed_environment_id) VALUES ('old', 'user', 'old')",
        "UPDATE apicrtodatabasemapping SET api_resource_uid = 'environment-old', \
         api_resource_name = 'old', db_relation_key = 'old'",
    ] {
        fixture::execute(&database, statement).await;
    }
    // The fixture's environment is the tenant's own cluster.
    for statement in [
        "UPDATE clustercredentials SET serviceaccount_bearer_token = 'serviceaccount_bearer_token' \
         WHERE clustercredentials_cred_id = 'credentials'",
        "INSERT INTO kubernetestodbresourcemapping (kubernetes_resource_type, \
         kubernetes_resource_uid, db_relation_type, db_relation_key) \
         VALUES ('Namespace', 'namespace-uid', 'ManagedEnvironment', 'environment')",
        "DELETE FROM appprojectmanagedenvironment WHERE managed_environment_id = 'environment'",
    ] {
        fixture::execute(&database, statement).await;
    }
    migrate(&database).await.unwrap();
    let mut world = with_keys(World::on(database).await).await;
    let ensured = world.backend.ensure_instance(ARGOCD, "uid", "uid-system", BEGINNING);
    world.instance = Some(ensured.await.unwrap());
    world
}

/// The object of that environment.
pub(super) fn old() -> Object {
    let tenant = TenantUid::new("namespace-uid");
    let object = Object { tenant, ..Object::new("old") };
    object.edited(|spec| spec.api_url = "https://old".to_owned())
}

async fn an_environment_of_an_earlier_installation_keeps_its_row(scratch: Scratch) {
    let world = adopted(&scratch).await;
    let row = EnvironmentId::new("old");
    // What it says is known before it is sealed.
    let access = world.agent.environment_access(&row).await.unwrap().unwrap();
    let data = access.data(&row);
    let data: BTreeMap<&str, &str> =
        data.iter().map(|(key, value)| (*key, value.expose_secret())).collect();
    let config =
        format!(r#"{{"bearerToken":"{CANARY}-old","tlsClientConfig":{{"insecure":false}}}}"#);
    let expected = [
        ("config", config.as_str()),
        ("name", "managed-env-old"),
        ("namespaces", "a,b"),
        ("server", "https://old?managedEnvironment=old"),
    ];
    assert_eq!(data, expected.into());
    let owner = ClusterOwner {
        row: row.clone(),
        environment: Some(EnvironmentUid::new("environment-old")),
        owner: Some(machines::identity::ClusterUserId::new("user")),
    };
    let owners = world.agent.cluster_owners(&EnvironmentId::new(""), 10).await.unwrap();
    assert_eq!(owners, [owner], "the cluster of Argo CD has no Secret");

    let object = old();
    let loaded = read(&world, &request(&[&object])).await;
    let existing = &loaded.adopted_environments[&object.uid()];
    assert_eq!((&existing.row.id, existing.row.user.as_str()), (&row, "user"));
    assert_eq!(existing.row.credentials, ClusterCredentialsId::new("target"));
    assert_eq!(existing.row.instance.as_str(), "instance");
    assert_eq!(existing.object.uid, object.uid());
    accept(&world, &object).await;
    assert!(read(&world, &request(&[&object])).await.adopted_environments.is_empty());
    let credentials = ClusterCredentialsId::of_kubeconfig(&row, "https://old");
    let expected = format!("old old {credentials}");
    assert!(environments(&world).await.contains(&expected));
    assert_eq!(columns(&world).await.len(), 1, "those of before are gone with their token");
    assert_eq!(permissions(&world).await, ["user old"]);
    let kept = world.texts("appproject_managedenv_id", "appprojectmanagedenvironment").await;
    assert_eq!(kept, ["old"], "it keeps its place in the order of creation");
    deliver(&world, &object).await;
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    deliver(&world, &object).await;
    assert_eq!(columns(&world).await, Vec::<String>::new());
    assert_eq!(mapped(&world).await, Vec::<String>::new());
    assert_eq!(accesses(&world, &object).await, Vec::<String>::new());
    assert_eq!(stored(&world).await, BTreeMap::new());
    assert!(machine(&world, &object).await.is_none());
}

async fn its_token_is_sealed_before_it_is_taken_over(scratch: Scratch) {
    let world = adopted(&scratch).await;
    let keyring = sealer(&world).await.keyring;
    let sealed = world.backend.seal_clear_texts(&keyring).await.unwrap();
    assert_eq!(sealed, SealedTexts { rows: 1, left: Vec::new() });
    let everything = [world.everything().await, columns(&world).await].concat();
    assert!(everything.iter().all(|line| !line.contains(CANARY)), "{everything:?}");
    let row = EnvironmentId::new("old");
    let access = world.agent.environment_access(&row).await.unwrap().unwrap();
    assert_eq!(access.credential.token.expose_secret(), format!("{CANARY}-old"));
    accept(&world, &old()).await;
    let rows: Vec<String> = stored(&world).await.into_keys().map(|place| place.row).collect();
    assert!(!rows.contains(&"target".to_owned()), "{rows:?}");
    // What this program has written is not taken for something in the clear.
    let sealed = world.backend.seal_clear_texts(&keyring).await.unwrap();
    assert_eq!(sealed, SealedTexts::default());
}

async fn those_of_an_earlier_installation_are_listed_until_they_have_machines(scratch: Scratch) {
    let world = adopted(&scratch).await;
    let expected = AdoptedEnvironment {
        uid: EnvironmentUid::new("environment-old"),
        tenant: TenantUid::new("namespace-uid"),
        namespace: "team".to_owned(),
        name: "old".to_owned(),
    };
    assert_eq!(world.backend.adopted_environments().await.unwrap(), [expected]);
    // A machine of another kind is none.
    let deployment = driver::Object::new("namespace-uid", "shop");
    let deployment = driver::Object { uid: DeploymentUid::new("environment-old"), ..deployment };
    world.process(&[Input::Seen(deployment)]).await.unwrap();
    assert_eq!(world.backend.adopted_environments().await.unwrap().len(), 1);
    step(&world, &[(&old(), vec![old().seen()])]).await.unwrap();
    assert_eq!(world.backend.adopted_environments().await.unwrap(), []);
}

async fn one_without_an_access_belongs_to_its_namespace(scratch: Scratch) {
    let world = adopted(&scratch).await;
    let of_it = "clusteraccess_managed_environment_id = 'old'";
    world.execute(&format!("DELETE FROM clusteraccess WHERE {of_it}")).await;
    let existing = async || {
        let loaded = read(&world, &request(&[&old()])).await;
        let existing = loaded.adopted_environments.into_values().next()?.row;
        Some((existing.user.into_string(), existing.instance.into_string()))
    };
    assert_eq!(existing().await, Some(("user".to_owned(), "instance".to_owned())));
    world.execute("DELETE FROM clusteraccess").await;
    assert_eq!(existing().await, None, "no Argo CD is known that could use it");
}

async fn a_mapping_to_a_row_that_is_gone_is_replaced(scratch: Scratch) {
    let world = adopted(&scratch).await;
    for table in [
        "clusteraccess WHERE clusteraccess_managed_environment_id = 'old'",
        "appprojectmanagedenvironment",
        "managedenvironment WHERE managedenvironment_id = 'old'",
    ] {
        world.execute(&format!("DELETE FROM {table}")).await;
    }
    let object = old();
    assert!(read(&world, &request(&[&object])).await.adopted_environments.is_empty());
    accept(&world, &object).await;
    let row = object.row();
    assert!(mapped(&world).await[0].ends_with(row.as_str()));
    assert_eq!(mapped(&world).await.len(), 1);
}

async fn open_operations_of_an_earlier_installation_make_room(scratch: Scratch) {
    let world = adopted(&scratch).await;
    for (id, row) in [("of-old", "old"), ("of-gone", "gone")] {
        world
            .execute(&format!(
                "INSERT INTO operation (operation_id, instance_id, resource_id, resource_type, \
                 created_on, last_state_update, state) VALUES ('{id}', 'instance', '{row}', \
                 'ManagedEnvironment', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 'Waiting')"
            ))
            .await;
    }
    let database = world.database.clone();
    Store::take_over(database, Role::Backend, "next", world.now).await.unwrap();
    let states = async || {
        let of_clusters = "operation WHERE resource_type = 'ManagedEnvironment'";
        world.texts("operation_id || ' ' || state", of_clusters).await
    };
    assert_eq!(states().await, ["of-gone Waiting", "of-old Failed"]);
    let id = OperationId::new("of-gone");
    let nothing = |loaded| (AgentChanges::default(), loaded);
    let ids = std::slice::from_ref(&id);
    let loaded = world.agent.agent_batch(ids, world.now, nothing).await.unwrap();
    let removed = Wanted::Environment { row: EnvironmentId::new("gone"), secret: None };
    assert_eq!(loaded.rows[&id].wanted, removed, "the agent removes what is left of it");
}

async fn only_secrets_whose_rows_were_served_and_are_gone_are_orphans(scratch: Scratch) {
    let world = adopted(&scratch).await;
    let objects = ["removed", "removing", "served"].map(Object::new);
    let [removed, removing, served] = &objects;
    for object in objects.iter().chain([&old()]) {
        accept(&world, object).await;
        deliver(&world, object).await;
    }
    for object in [removed, removing, &old()] {
        step(&world, &[(object, vec![object.gone()])]).await.unwrap();
    }
    deliver(&world, removed).await;
    deliver(&world, &old()).await;
    let adopted = EnvironmentId::new("old");
    let stranger = Object::new("stranger").row();
    let asked = [removed.row(), removing.row(), served.row(), adopted.clone(), stranger];
    let orphans = async || world.agent.orphaned_clusters(asked.clone().into()).await.unwrap();
    assert_eq!(orphans().await, [removed.row(), adopted.clone()].into());
    // Operations are forgotten first, then transitions.
    world.execute("DELETE FROM operation WHERE state = 'Completed'").await;
    assert_eq!(orphans().await, [removed.row()].into(), "no transition names an old row");
    world.execute("DELETE FROM transition").await;
    assert_eq!(orphans().await, [].into());
}
