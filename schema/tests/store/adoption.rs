//! Rows of an earlier installation: they are found, taken over and finally removed.

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, InstanceId, TenantUid,
};
use machines::kinds::deployment::ExistingApplication;
use machines::kinds::deployment::destination::Destination;
use machines::kinds::tenant::TenantEvent;
use schema::migrate;
use schema::sealing::Keyring;

use crate::driver::{ARGOCD, BEGINNING, Input, Object, World};
use crate::fixture;
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    a_deployment_of_an_earlier_installation_keeps_its_rows,
    compatibility_7_a_remaining_credential_permits_nothing_on_its_own,
    a_mapping_to_an_instance_that_is_gone_is_recreated,
    a_deployment_that_waits_at_first_is_taken_over_later,
    a_rejected_deployment_is_taken_over_once_it_is_fixed,
    a_deployment_to_an_environment_keeps_its_rows_even_when_deleted,
    a_deployment_first_seen_during_its_deletion_is_removed,
    an_application_older_than_the_owner_table_belongs_to_its_namespaces_user,
    an_environment_that_is_gone_is_recreated,
    open_operations_of_an_earlier_installation_make_room,
    a_repository_of_an_earlier_installation_is_removed_with_its_last_user,
    the_end_of_a_tenant_removes_the_rows_of_an_earlier_installation,
);

/// A database of the existing system, in which the fixture's environment belongs to the tenant.
async fn adopted(scratch: &Scratch) -> World {
    let database = scratch.open().await;
    fixture::install(&database).await;
    fixture::execute(
        &database,
        "INSERT INTO kubernetestodbresourcemapping (kubernetes_resource_type, \
         kubernetes_resource_uid, db_relation_type, db_relation_key) \
         VALUES ('Namespace', 'namespace-uid', 'ManagedEnvironment', 'environment')",
    )
    .await;
    migrate(&database).await.unwrap();
    World::on(database).await
}

async fn engine(world: &World) -> Option<InstanceId> {
    let ensured = world.backend.ensure_instance(ARGOCD, "uid", "uid-system", BEGINNING);
    Some(ensured.await.unwrap())
}

/// The object that the fixture's rows belong to.
fn object() -> Object {
    let mut object = Object::new("namespace-uid", "shop").with_url("https://github.com/Acme/shop");
    object.uid = DeploymentUid::new("deployment");
    object
}

async fn keeps_its_rows(world: &World) {
    assert_eq!(world.texts("application_id", "application").await, ["application"]);
    let mapped = world.texts("application_id", "deploymenttoapplicationmapping").await;
    assert_eq!(mapped, ["application"]);
    let urls = world.texts("repo_url", "deploymenttoapplicationmapping").await;
    assert_eq!(urls, ["https://github.com/Acme/shop"]);
    let specs = world.texts("spec_field", "application").await;
    assert!(specs[0].contains("repourl: https://github.com/Acme/shop"), "{specs:?}");
    assert_eq!(world.texts("application_owner_user_id", "applicationowner").await, ["user"]);
}

async fn a_deployment_of_an_earlier_installation_keeps_its_rows(scratch: Scratch) {
    let mut world = adopted(&scratch).await;
    world.instance = engine(&world).await;
    assert_eq!(world.instance, Some(InstanceId::new("instance")));
    let object = object();
    let loaded = world.process(&[Input::Seen(object.clone())]).await.unwrap();
    let application = ApplicationId::new("application");
    let existing = ExistingApplication {
        id: application.clone(),
        user: ClusterUserId::new("user"),
        instance: InstanceId::new("instance"),
        destination: Destination::default(),
    };
    assert_eq!(loaded.existing_applications[&object.uid], existing);
    assert_eq!(loaded.existing_users[&object.tenant], ClusterUserId::new("user"));
    assert_eq!(loaded.existing_environments, 1);

    keeps_its_rows(&world).await;
    assert_eq!(world.texts("clusteruser_id", "clusteruser").await, ["user"]);
    let environments = world.texts("managedenvironment_id", "managedenvironment").await;
    assert_eq!(environments, ["environment"]);
    let credentials = world.texts("clustercredentials_cred_id", "clustercredentials").await;
    assert_eq!(credentials, ["credentials"]);
    assert_eq!(world.count("clusteraccess").await, 1);
    assert_eq!(world.count("kubernetestodbresourcemapping").await, 2);
    let machine = world.deployment(&object.uid).await.unwrap();
    assert_eq!(machine.record.application.unwrap().id, application);
    let loaded = world.process(&[Input::Seen(object)]).await.unwrap();
    assert_eq!((loaded.existing_users.len(), loaded.existing_applications.len()), (0, 0));
}

async fn compatibility_7_a_remaining_credential_permits_nothing_on_its_own(scratch: Scratch) {
    let mut world = adopted(&scratch).await;
    world.instance = engine(&world).await;
    let object = object();
    world.process(&[Input::Seen(object.clone())]).await.unwrap();
    world
        .execute(
            "INSERT INTO appprojectrepository \
             (appproject_repository_id, clusteruser_id, repo_url, repo_url_as_written) \
             VALUES ('of-a-credential', 'user', 'https://example.com/credential', '')",
        )
        .await;
    let user = ClusterUserId::new("user");
    let permitted = world.agent.permitted(&[user.clone()].into()).await.unwrap();
    let of_a_credential = "https://example.com/credential";
    assert!(permitted[&user].repositories.contains(of_a_credential), "{permitted:?}");
    world.process(&[Input::Absent(object.uid)]).await.unwrap();
    let permitted = world.agent.permitted(&[user.clone()].into()).await.unwrap();
    assert_eq!(permitted[&user].repositories, [].into());
    let left = world.texts("repo_url", "appprojectrepository").await;
    let of_the_fixture = "https://github.com/acme/shop";
    assert_eq!(left, [of_a_credential, of_the_fixture], "the rows of credentials stay");
}

async fn a_mapping_to_an_instance_that_is_gone_is_recreated(scratch: Scratch) {
    let world = adopted(&scratch).await;
    let gone = "UPDATE kubernetestodbresourcemapping SET db_relation_key = 'gone' \
                WHERE db_relation_type = 'GitopsEngineInstance'";
    world.execute(gone).await;
    let instance = engine(&world).await.unwrap();
    let known = world.texts("gitopsengineinstance_id", "gitopsengineinstance").await;
    assert!(known.contains(&instance.as_str().to_owned()), "{instance:?} has a row: {known:?}");
    assert_eq!(engine(&world).await, Some(instance));
}

async fn a_deployment_that_waits_at_first_is_taken_over_later(scratch: Scratch) {
    let mut world = adopted(&scratch).await;
    let object = object();
    let loaded = world.process(&[Input::Seen(object.clone())]).await.unwrap();
    assert_eq!(loaded.existing_applications.len(), 1);
    assert_eq!(world.path(&object).await, "Live/Awaiting/AwaitingEngine");
    world.instance = engine(&world).await;
    let needed = Input::Namespace(object.tenant.clone(), TenantEvent::Needed);
    world.process(&[needed, Input::Facts(object.uid.clone())]).await.unwrap();
    assert_eq!(world.path(&object).await, "Live/Dispatching");
    keeps_its_rows(&world).await;
}

async fn a_rejected_deployment_is_taken_over_once_it_is_fixed(scratch: Scratch) {
    let mut world = adopted(&scratch).await;
    let mut broken = object();
    broken.spec.path.clear();
    world.process(&[Input::Seen(broken.clone())]).await.unwrap();
    assert_eq!(world.path(&broken).await, "Live/Rejected");
    world.instance = engine(&world).await;
    let mut fixed = object();
    fixed.generation += 1;
    fixed.revision += 1;
    world.process(&[Input::Seen(fixed.clone())]).await.unwrap();
    assert_eq!(world.path(&fixed).await, "Live/Dispatching");
    keeps_its_rows(&world).await;
}

async fn a_deployment_to_an_environment_keeps_its_rows_even_when_deleted(scratch: Scratch) {
    let mut world = adopted(&scratch).await;
    world.instance = engine(&world).await;
    let mut object = object();
    object.spec.environment = "staging".to_owned();
    object.spec.destination_namespace = "jane".to_owned();
    let before = world.texts("spec_field", "application").await;
    world.process(&[Input::Seen(object.clone())]).await.unwrap();
    assert_eq!(world.path(&object).await, "Live/Frozen");
    world.process(&[Input::Absent(object.uid.clone())]).await.unwrap();
    assert_eq!(world.path(&object).await, "Terminating/RemovalFrozen");
    assert_eq!(world.texts("spec_field", "application").await, before);
    assert_eq!(world.texts("application_id", "application").await, ["application"]);
    assert_eq!(world.count("deploymenttoapplicationmapping").await, 1);
    // The fixture has one of the tenant's environments on record.
    let user = ClusterUserId::new("user");
    let permitted = world.agent.permitted(&[user.clone()].into()).await.unwrap();
    assert_eq!(permitted[&user].environments, [EnvironmentId::new("environment")]);
}

async fn a_deployment_first_seen_during_its_deletion_is_removed(scratch: Scratch) {
    // Neither the tenant nor Argo CD is known yet, and the tenant is not needed any more.
    let world = adopted(&scratch).await;
    let object = object();
    world.process(&[Input::Seen(object.deleted())]).await.unwrap();
    assert_eq!(world.path(&object).await, "Terminating/Removing");
    let machine = world.deployment(&object.uid).await.unwrap();
    assert!(machine.record.open.is_some(), "the agent must remove the Application");
    assert_eq!(world.count("deploymenttoapplicationmapping").await, 0);
    assert_eq!(world.count("application").await, 0);
}

async fn an_application_older_than_the_owner_table_belongs_to_its_namespaces_user(
    scratch: Scratch,
) {
    let world = adopted(&scratch).await;
    world.execute("DELETE FROM applicationowner").await;
    let object = object();
    let loaded = world.process(&[Input::Seen(object.clone())]).await.unwrap();
    assert_eq!(loaded.existing_applications[&object.uid].user, ClusterUserId::new("user"));
}

async fn an_environment_that_is_gone_is_recreated(scratch: Scratch) {
    let mut world = adopted(&scratch).await;
    world
        .execute(
            "UPDATE kubernetestodbresourcemapping SET db_relation_key = 'gone' \
             WHERE db_relation_key = 'environment'",
        )
        .await;
    world.instance = engine(&world).await;
    let loaded = world.process(&[Input::Seen(object())]).await.unwrap();
    assert_eq!(loaded.existing_environments, 0);
    keeps_its_rows(&world).await;
    assert_eq!(world.count("managedenvironment").await, 2);
}

async fn open_operations_of_an_earlier_installation_make_room(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    fixture::execute(
        &database,
        "INSERT INTO operation (operation_id, instance_id, resource_id, \
           operation_owner_user_id, resource_type, created_on, last_state_update, state) \
         VALUES ('deletion', 'instance', 'application-that-went', 'user', 'Application', \
                 '2026-11-22 10:26:25', '2026-11-22 10:26:25.5', 'Waiting')",
    )
    .await;
    migrate(&database).await.unwrap();
    let mut world = World::on(database).await;
    let state = |id: &str| format!("operation WHERE operation_id = '{id}'");
    assert_eq!(world.texts("state", &state("operation")).await, ["Failed"]);
    let text = world.texts("human_readable_state", &state("operation")).await;
    assert!(text[0].contains("asked for again"), "{text:?}");
    assert_eq!(world.texts("state", &state("deletion")).await, ["Waiting"]);

    world.instance = engine(&world).await;
    world.process(&[Input::Seen(object())]).await.unwrap();
    assert_eq!(world.path(&object()).await, "Live/Dispatching");
    // Operations of this program are not foreign after a restart.
    let world = World { instance: world.instance.clone(), ..World::on(world.database).await };
    let open = "operation WHERE state = 'Waiting'";
    assert_eq!(world.count(open).await, 2);
}

async fn a_repository_of_an_earlier_installation_is_removed_with_its_last_user(scratch: Scratch) {
    let mut world = adopted(&scratch).await;
    // A second deployment of the earlier installation, which is observed late. The credential would use
    // the repository, too.
    for statement in [
        "DELETE FROM repositorycredentials",
        "INSERT INTO application (application_id, name, spec_field, engine_instance_inst_id, \
         managed_environment_id, created_on) VALUES \
         ('late', 'gitopsdepl-late', 'spec: {}', 'instance', 'environment', '2026-11-22 10:26:25')",
        "INSERT INTO deploymenttoapplicationmapping (deploymenttoapplicationmapping_uid_id, name, \
         namespace, namespace_uid, application_id) \
         VALUES ('late', 'late', 'team', 'namespace-uid', 'late')",
    ] {
        world.execute(statement).await;
    }
    world.instance = engine(&world).await;
    let bystander = Object::new("namespace-uid", "bystander").with_url("https://elsewhere/x");
    let first = object();
    world.settle(&[first.clone(), bystander]).await;
    let shop = "appprojectrepository WHERE repo_url = 'https://github.com/acme/shop'";
    let written = || world.texts("repo_url_as_written", shop);
    assert_eq!(written().await, ["", "https://github.com/Acme/shop"]);
    world.remove(std::slice::from_ref(&first)).await;
    assert_eq!(written().await, [""], "the late one's URL is not known yet");
    let mut late = Object::new("namespace-uid", "late").with_url("https://github.com/acme/SHOP");
    late.uid = DeploymentUid::new("late");
    let new = Object::new("namespace-uid", "new").with_url("https://github.com/acme/shop.git");
    world.settle(&[late.clone(), new.clone()]).await;
    world.remove(&[late]).await;
    let used = ["", "https://github.com/acme/shop.git"];
    assert_eq!(written().await, used, "it is still used in another spelling");
    world.remove(&[new]).await;
    assert_eq!(written().await, Vec::<String>::new());
}

async fn the_end_of_a_tenant_removes_the_rows_of_an_earlier_installation(scratch: Scratch) {
    let mut world = adopted(&scratch).await;
    world.execute("UPDATE syncoperation SET application_id = 'application'").await;
    world
        .execute(
            "INSERT INTO apicrtodatabasemapping (api_resource_type, api_resource_uid, \
             api_resource_name, api_resource_namespace, api_resource_namespace_uid, \
             db_relation_type, db_relation_key) VALUES ('GitOpsDeploymentSyncRun', 'run', 'run', \
             'team', 'namespace-uid', 'SyncOperation', 'sync')",
        )
        .await;
    world.execute("UPDATE repositorycredentials SET repo_cred_pass = 'hunter2'").await;
    let key = format!("one={}=", "A".repeat(43)).into();
    world.backend.seal_clear_texts(&Keyring::parse(&key).unwrap()).await.unwrap();
    assert_eq!(world.count("sealed_value").await, 1);
    world.instance = engine(&world).await;
    // The deployment behind the existing application was deleted unobserved.
    let mut other = Object::new("namespace-uid", "other");
    world.settle(std::slice::from_ref(&other)).await;
    other.revision += 1;
    world.remove(&[other]).await;
    let tenant = TenantUid::new("namespace-uid");
    for event in [
        TenantEvent::NamespaceObserved { terminating: true },
        TenantEvent::NamespaceAbsent,
        TenantEvent::ChildrenCounted { children: 0 },
    ] {
        world.process(&[Input::Namespace(tenant.clone(), event)]).await.unwrap();
    }
    for table in [
        "apicrtodatabasemapping",
        "application",
        "applicationowner",
        "applicationstate",
        "appprojectmanagedenvironment",
        "appprojectrepository",
        "clusteraccess",
        "clusteruser",
        "deploymenttoapplicationmapping",
        "machine",
        "managedenvironment",
        "operation",
        "repositorycredentials",
        "sealed_value",
        "syncoperation",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    // Argo CD's own rows stay.
    let mapped = world.texts("db_relation_type", "kubernetestodbresourcemapping").await;
    assert_eq!(mapped, ["GitopsEngineInstance"]);
    assert_eq!(world.count("clustercredentials").await, 1);
}
