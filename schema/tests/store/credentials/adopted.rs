//! Repository credentials of an earlier installation, and what proves that a Secret is an orphan.

use std::collections::BTreeMap;

use machines::identity::{DeploymentUid, OperationId, TenantUid};
use machines::kinds::repository_credential::{CredentialId, CredentialUid};
use machines::operation::Wanted;
use schema::migrate;
use schema::sealing::PLACEHOLDER;
use schema::store::AdoptedCredential;

use super::{
    CANARY, Object, accept, columns, deliver, machine, read, repositories, request, step, stored,
    with_keys,
};
use crate::driver::{self, ARGOCD, BEGINNING, Input, World};
use crate::fixture;
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    a_credential_of_an_earlier_installation_keeps_its_row,
    those_of_an_earlier_installation_are_listed_until_they_have_machines,
    a_mapping_to_a_row_that_is_gone_is_replaced,
    an_old_row_of_a_repository_stays_while_a_credential_needs_it,
    open_operations_of_an_earlier_installation_make_room,
    only_secrets_whose_rows_were_served_and_are_gone_are_orphans,
);

/// A database of the existing system whose credential has an object, which is still in the clear.
async fn adopted(scratch: &Scratch) -> World {
    let database = scratch.open().await;
    fixture::install(&database).await;
    let password = format!("UPDATE repositorycredentials SET repo_cred_pass = '{CANARY}-old'");
    for statement in [
        password.as_str(),
        "INSERT INTO apicrtodatabasemapping (api_resource_type, api_resource_uid, \
         api_resource_name, api_resource_namespace, api_resource_namespace_uid, db_relation_type, \
         db_relation_key) VALUES ('GitOpsDeploymentRepositoryCredential', 'credential-old', 'old', \
         'team', 'namespace-uid', 'RepositoryCredential', 'repository')",
    ] {
        fixture::execute(&database, statement).await;
    }
    migrate(&database).await.unwrap();
    let mut world = with_keys(World::on(database).await).await;
    let ensured = world.backend.ensure_instance(ARGOCD, "uid", "uid-system", BEGINNING);
    world.instance = Some(ensured.await.unwrap());
    world
}

/// The object of that credential.
fn old() -> Object {
    let tenant = TenantUid::new("namespace-uid");
    Object { tenant, ..Object::new("old").edited("https://github.com/acme/shop") }
}

async fn a_credential_of_an_earlier_installation_keeps_its_row(scratch: Scratch) {
    let world = adopted(&scratch).await;
    let row = CredentialId::new("repository");
    // What it says is known before it is sealed.
    let access = world.agent.repository_access(&row).await.unwrap().unwrap();
    let clear = format!("{CANARY}-old");
    let data: BTreeMap<&str, &str> = access.data().collect();
    let expected =
        [("name", "repo-cred-1"), ("password", &clear), ("url", "https://github.com/acme/shop")];
    assert_eq!(data, expected.into());
    let created = world.texts("cast(created_on AS text)", "repositorycredentials").await;

    let object = old();
    let loaded = read(&world, &request(&[&object])).await;
    let existing = &loaded.existing_credentials[&object.uid()];
    assert_eq!((&existing.row.id, existing.row.user.as_str()), (&row, "user"));
    assert_eq!(existing.row.instance.as_str(), "instance");
    assert_eq!(existing.object.uid, object.uid());
    accept(&world, &object).await;
    assert!(read(&world, &request(&[&object])).await.existing_credentials.is_empty());
    let ids = world.texts("repositorycredentials_id", "repositorycredentials").await;
    assert_eq!(ids, ["repository"]);
    assert_eq!(world.texts("cast(created_on AS text)", "repositorycredentials").await, created);
    assert_eq!(columns(&world).await, [format!("{PLACEHOLDER}|{PLACEHOLDER}|")]);
    let on_it = "operation WHERE state = 'Waiting' AND resource_type = 'RepositoryCredentials'";
    assert_eq!(world.texts("resource_id", on_it).await, ["repository"]);
    deliver(&world, &object).await;
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    deliver(&world, &object).await;
    assert_eq!(world.count("repositorycredentials").await, 0);
    let mapped = "apicrtodatabasemapping WHERE db_relation_type = 'RepositoryCredential'";
    assert_eq!(world.count(mapped).await, 0);
    assert_eq!(stored(&world).await, BTreeMap::new());
    assert!(machine(&world, &object).await.is_none());
}

async fn those_of_an_earlier_installation_are_listed_until_they_have_machines(scratch: Scratch) {
    let world = adopted(&scratch).await;
    let expected = AdoptedCredential {
        uid: CredentialUid::new("credential-old"),
        tenant: TenantUid::new("namespace-uid"),
        namespace: "team".to_owned(),
        name: "old".to_owned(),
    };
    assert_eq!(world.backend.adopted_credentials().await.unwrap(), [expected]);
    // A machine of another kind is none.
    let deployment = driver::Object::new("namespace-uid", "shop");
    let deployment = driver::Object { uid: DeploymentUid::new("credential-old"), ..deployment };
    world.process(&[Input::Seen(deployment)]).await.unwrap();
    assert_eq!(world.backend.adopted_credentials().await.unwrap().len(), 1);
    step(&world, &[(&old(), vec![old().seen()])]).await.unwrap();
    assert_eq!(world.backend.adopted_credentials().await.unwrap(), []);
}

async fn a_mapping_to_a_row_that_is_gone_is_replaced(scratch: Scratch) {
    let world = adopted(&scratch).await;
    world.execute("DELETE FROM repositorycredentials").await;
    let object = old();
    assert!(read(&world, &request(&[&object])).await.existing_credentials.is_empty());
    accept(&world, &object).await;
    let mapped = "apicrtodatabasemapping WHERE db_relation_type = 'RepositoryCredential'";
    assert_eq!(world.texts("db_relation_key", mapped).await, [object.row().as_str()]);
}

async fn an_old_row_of_a_repository_stays_while_a_credential_needs_it(scratch: Scratch) {
    let world = adopted(&scratch).await;
    // The deployment is known to use another repository.
    world.execute("UPDATE deploymenttoapplicationmapping SET repo_url = 'https://h/x'").await;
    // A credential that is not seen yet, in a spelling of its own.
    world
        .execute(
            "INSERT INTO repositorycredentials (repositorycredentials_id, repo_cred_user_id, \
             repo_cred_url, repo_cred_secret, repo_cred_engine_id, created_on) VALUES ('late', \
             'user', 'https://github.com/Acme/Shop.git', 's', 'instance', '2026-11-22 10:26:25')",
        )
        .await;
    let object = old();
    accept(&world, &object).await;
    let both = ["", "https://github.com/acme/shop"];
    assert_eq!(repositories(&world).await, both);
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    assert_eq!(repositories(&world).await, [""], "the late one has no other");
    deliver(&world, &object).await;
    world
        .execute("DELETE FROM repositorycredentials WHERE repositorycredentials_id = 'late'")
        .await;
    let again = Object { name: "again".to_owned(), ..object };
    accept(&world, &again).await;
    assert_eq!(repositories(&world).await, both);
    step(&world, &[(&again, vec![again.gone()])]).await.unwrap();
    assert_eq!(repositories(&world).await, Vec::<String>::new());
}

async fn open_operations_of_an_earlier_installation_make_room(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    for (id, row) in [("wanted", "repository"), ("removal", "gone")] {
        let insert = format!(
            "INSERT INTO operation (operation_id, instance_id, resource_id, \
             operation_owner_user_id, resource_type, created_on, last_state_update, state) VALUES \
             ('{id}', 'instance', '{row}', 'user', 'RepositoryCredentials', '2026-11-22 10:26:25', \
              '2026-11-22 10:26:25', 'Waiting')"
        );
        fixture::execute(&database, &insert).await;
    }
    migrate(&database).await.unwrap();
    let world = with_keys(World::on(database).await).await;
    let state = |id: &str| format!("operation WHERE operation_id = '{id}'");
    assert_eq!(world.texts("state", &state("wanted")).await, ["Failed"]);
    assert_eq!(world.texts("state", &state("removal")).await, ["Waiting"]);
    let removal = OperationId::new("removal");
    let loaded = world.claim(std::slice::from_ref(&removal)).await;
    let row = CredentialId::new("gone");
    assert_eq!(loaded.rows[&removal].wanted, Wanted::Credential { row, secret: None });
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
    let adopted = CredentialId::new("repository");
    let stranger = Object::new("stranger").row();
    let asked = [removed.row(), removing.row(), served.row(), adopted.clone(), stranger];
    let orphans = async || world.agent.orphaned_secrets(asked.clone().into()).await.unwrap();
    assert_eq!(orphans().await, [removed.row(), adopted.clone()].into());
    // Operations are forgotten first, then transitions.
    world.execute("DELETE FROM operation").await;
    assert_eq!(orphans().await, [removed.row()].into(), "no transition names an old row");
    world.execute("DELETE FROM transition").await;
    assert_eq!(orphans().await, [].into());
    // What is about to be removed anyway is left to its operation.
    let open = format!(
        "INSERT INTO operation (operation_id, instance_id, resource_id, resource_type, \
         created_on, last_state_update, state, requester) SELECT state, 'instance', 'repository', \
         'RepositoryCredentials', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, state, \
         'Credential/{}' FROM (SELECT 'Completed' AS state UNION SELECT 'Waiting') AS s",
        old().uid()
    );
    world.execute(&open).await;
    assert_eq!(orphans().await, [].into());
    world.execute("DELETE FROM operation WHERE state = 'Waiting'").await;
    assert_eq!(orphans().await, [adopted].into());
}
