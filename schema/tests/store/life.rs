//! A deployment's rows, from the first observation to the end of its tenant.

use std::time::Duration;

use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, TenantUid};
use machines::kinds::tenant::TenantEvent;
use machines::machine::Machine;
use machines::operation::Wanted;
use machines::rows::{OperationState, Requester};
use schema::entity::clear_text::ClearText;
use schema::entity::{
    app_project_repository, application, application_owner, cluster_access, cluster_credentials,
    cluster_user, deployment_to_application_mapping as mapping, managed_environment, operation,
};
use schema::spec_field;
use sea_orm::{EntityTrait, QueryOrder as _};

use crate::driver::{Input, Object, World, namespace_of};
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    the_first_observation_creates_every_row_that_existing_clients_read,
    an_operation_is_claimed_and_completed,
    an_operation_fails_with_its_own_text,
    a_new_url_replaces_the_old_one,
    a_url_stays_while_another_deployment_of_the_tenant_uses_it,
    tenants_with_one_url_do_not_disturb_each_other,
    each_spelling_of_a_url_is_permitted_separately,
    a_removal_leaves_no_row_of_an_application,
    the_end_of_a_tenant_leaves_no_row_of_it,
    a_deployment_written_and_removed_in_one_batch_leaves_no_row,
    deployments_of_one_name_are_found_together,
    only_remembered_deployments_that_are_gone_are_orphans,
    without_an_argo_cd_a_deployment_writes_its_row_less_and_less_often,
);

async fn only<E: EntityTrait>(world: &World) -> E::Model {
    let mut rows = E::find().all(world.database.connection()).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

async fn the_first_observation_creates_every_row_that_existing_clients_read(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    let user = ClusterUserId::of(&object.tenant);
    world.process(&[Input::Seen(object.clone())]).await.unwrap();

    let row = only::<cluster_user::Entity>(&world).await;
    assert_eq!((row.clusteruser_id.as_str(), row.user_name.as_str()), (user.as_str(), "t1"));
    assert_eq!(row.display_name.as_deref(), Some("team-t1"));

    let environment = only::<managed_environment::Entity>(&world).await;
    assert_eq!(environment.name, "Managed Environment for team-t1");
    let credentials = cluster_credentials::Entity::find_by_id(&environment.clustercredentials_id);
    let credentials = credentials.one(world.database.connection()).await.unwrap().unwrap();
    assert_eq!(credentials.host.as_deref(), Some("host"));
    let token = credentials.serviceaccount_bearer_token;
    assert_eq!(token, Some(ClearText::placeholder("serviceaccount_bearer_token")));

    let of_namespace = "kubernetestodbresourcemapping WHERE kubernetes_resource_type = \
        'Namespace' AND kubernetes_resource_uid = 't1' AND db_relation_type = \
        'ManagedEnvironment'";
    let mapped = world.texts("db_relation_key", of_namespace).await;
    assert_eq!(mapped, std::slice::from_ref(&environment.managedenvironment_id));

    let access = only::<cluster_access::Entity>(&world).await;
    assert_eq!(access.clusteraccess_user_id, user.as_str());
    assert_eq!(access.clusteraccess_managed_environment_id, environment.managedenvironment_id);
    let instance = world.instance.clone().unwrap().into_string();
    assert_eq!(access.clusteraccess_gitops_engine_instance_id, instance);
    application_rows(&world, &object, &environment.managedenvironment_id).await;
}

async fn application_rows(world: &World, object: &Object, environment: &str) {
    let user = ClusterUserId::of(&object.tenant);
    let instance = world.instance.clone().unwrap().into_string();
    let row = only::<application::Entity>(world).await;
    assert_eq!(row.application_id, object.application().as_str());
    assert_eq!(row.name, format!("gitopsdepl-{}", object.uid));
    assert_eq!(row.engine_instance_inst_id, instance);
    assert_eq!(row.managed_environment_id.as_deref(), Some(environment));
    let document = spec_field::decode(&row.spec_field).unwrap();
    let machine = world.deployment(&object.uid).await.unwrap();
    assert_eq!(document.digest(), machine.record.application.unwrap().digest);
    assert_eq!(document.spec.source.repo_url, "https://example.com/Team/App.git");

    let owner = only::<application_owner::Entity>(world).await;
    assert_eq!(owner.application_owner_application_id, row.application_id);
    assert_eq!(owner.application_owner_user_id, user.as_str());

    let mapping = only::<mapping::Entity>(world).await;
    assert_eq!(mapping.deploymenttoapplicationmapping_uid_id, object.uid.as_str());
    assert_eq!(mapping.application_id, row.application_id);
    assert_eq!(mapping.name.as_deref(), Some("name-a"));
    assert_eq!(mapping.namespace.as_deref(), Some("team-t1"));
    assert_eq!(mapping.namespace_uid.as_deref(), Some("t1"));

    let repository = only::<app_project_repository::Entity>(world).await;
    assert_eq!(repository.clusteruser_id, user.as_str());
    assert_eq!(repository.repo_url, "https://example.com/team/app");
    assert_eq!(repository.repo_url_as_written, "https://example.com/Team/App.git");

    let operation = only::<operation::Entity>(world).await;
    assert_eq!(operation.operation_id, machine.record.open.unwrap().id.as_str());
    assert_eq!(
        (operation.state.as_str(), operation.resource_type.as_str()),
        ("Waiting", "Application")
    );
    assert_eq!(operation.resource_id, row.application_id);
    assert_eq!(operation.operation_owner_user_id.as_deref(), Some(user.as_str()));
    assert_eq!(operation.instance_id, instance);
    assert_eq!(operation.requester.as_deref(), Some(object.uid.as_str()));
    assert_eq!(operation.created_on.and_utc().timestamp_millis(), world.now.as_millis());
}

async fn an_operation_is_claimed_and_completed(scratch: Scratch) {
    let mut world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    let user = ClusterUserId::of(&object.tenant);
    world.process(&[Input::Seen(object.clone())]).await.unwrap();
    let open = world.open(std::slice::from_ref(&object)).await;

    let loaded = world.claim(&open).await;
    let row = &loaded.rows[&open[0]];
    assert_eq!((&row.state, &row.owner), (&OperationState::Waiting, &user));
    assert_eq!(row.requester.as_ref(), Some(&Requester::Deployment(object.uid.clone())));
    let Wanted::Application { document, .. } = &row.wanted else { panic!("{row:?}") };
    assert_eq!(document.as_ref().unwrap().spec.source.path, "deploy");
    let urls: Vec<&String> = loaded.permitted[&user].repositories.iter().collect();
    assert_eq!(urls, ["https://example.com/Team/App.git"]);
    assert_eq!(world.texts("state", "operation").await, ["In_Progress"]);

    world.process(&[Input::Operation(object.uid.clone())]).await.unwrap();
    let machine = world.deployment(&object.uid).await.unwrap();
    assert!(machine.record.open.unwrap().claimed);

    world.pass(5);
    world.obey(&open).await;
    let row = only::<operation::Entity>(&world).await;
    assert_eq!((row.state.as_str(), row.human_readable_state), ("Completed", None));
    let age = row.last_state_update - row.created_on;
    assert_eq!(age.num_seconds(), 5);

    world.forget(&open).await;
    assert_eq!(world.count("machine WHERE kind = 'Operation'").await, 0);
    world.process(&[Input::Operation(object.uid.clone())]).await.unwrap();
    assert_eq!(world.path(&object).await, "Live/Settled");
    let moves = format!("transition WHERE kind = 'Deployment' AND key = '{}'", object.uid);
    assert_eq!(world.count(&moves).await, 2);
}

async fn an_operation_fails_with_its_own_text(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = ["a", "b", "c"].map(|which| Object::new("t1", which));
    let seen = objects.clone().map(Input::Seen);
    world.process(&seen).await.unwrap();
    let open = world.open(&objects).await;
    world.claim(&open).await;
    world.obey(&open[2..]).await;
    world.refuse(&open[..2], |id| format!("no\0 {id}")).await;

    let rows = operation::Entity::find().order_by_asc(operation::Column::OperationId);
    for row in rows.all(world.database.connection()).await.unwrap() {
        let completed = row.operation_id == open[2].as_str();
        let expected = if completed { "Completed" } else { "Failed" };
        assert_eq!(row.state, expected);
        // A text with a NUL in it cannot be stored everywhere.
        let text = (!completed).then(|| format!("no\u{fffd} {}", row.operation_id));
        assert_eq!(row.human_readable_state, text);
    }
    world.process(&objects.clone().map(|object| Input::Operation(object.uid))).await.unwrap();
    assert_eq!(world.path(&objects[0]).await, "Live/BackingOff");
    assert_eq!(world.path(&objects[2]).await, "Live/Settled");
}

async fn a_new_url_replaces_the_old_one(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a").with_url("https://example.com/old");
    world.settle(std::slice::from_ref(&object)).await;
    world.settle(&[object.edited("https://example.com/new")]).await;
    assert_eq!(
        world.texts("repo_url_as_written", "appprojectrepository").await,
        ["https://example.com/new"]
    );
    assert_eq!(
        world.texts("repo_url", "deploymenttoapplicationmapping").await,
        ["https://example.com/new"]
    );
    let row = only::<application::Entity>(&world).await;
    let document = spec_field::decode(&row.spec_field).unwrap();
    assert_eq!(document.spec.source.repo_url, "https://example.com/new");
}

async fn a_url_stays_while_another_deployment_of_the_tenant_uses_it(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = ["a", "b"].map(|which| Object::new("t1", which).with_url("https://h/old"));
    world.settle(&objects).await;
    world.settle(&[objects[0].edited("https://h/new")]).await;
    let urls = world.texts("repo_url_as_written", "appprojectrepository").await;
    assert_eq!(urls, ["https://h/new", "https://h/old"]);
    world.remove(&objects[1..]).await;
    let urls = world.texts("repo_url_as_written", "appprojectrepository").await;
    assert_eq!(urls, ["https://h/new"]);
}

async fn tenants_with_one_url_do_not_disturb_each_other(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = ["t1", "t2"].map(|tenant| Object::new(tenant, "a").with_url("https://h/x"));
    world.settle(&objects).await;
    assert_eq!(world.count("appprojectrepository").await, 2);
    world.settle(&[objects[0].edited("https://h/y")]).await;
    let users = objects.clone().map(|object| ClusterUserId::of(&object.tenant));
    let permitted = world.agent.permitted(&users.iter().cloned().collect()).await.unwrap();
    assert_eq!(Vec::from_iter(&permitted[&users[0]].repositories), ["https://h/y"]);
    assert_eq!(Vec::from_iter(&permitted[&users[1]].repositories), ["https://h/x"]);
    world.remove(&objects[1..]).await;
    let permitted = world.agent.permitted(&users.iter().cloned().collect()).await.unwrap();
    assert_eq!(permitted[&users[1]].repositories.len(), 0);
    assert_eq!(Vec::from_iter(&permitted[&users[0]].repositories), ["https://h/y"]);
}

async fn each_spelling_of_a_url_is_permitted_separately(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let spellings = ["https://h/Shop", "https://h/Shop/", "https://h/shop.git", "https://h/shop"];
    let objects: Vec<Object> = spellings
        .iter()
        .enumerate()
        .map(|(which, url)| Object::new("t1", &which.to_string()).with_url(url))
        .collect();
    world.settle(&objects).await;
    assert_eq!(world.texts("repo_url_as_written", "appprojectrepository").await.len(), 4);
    world.remove(&objects[1..3]).await;
    let mut left = world.texts("repo_url_as_written", "appprojectrepository").await;
    left.sort();
    assert_eq!(left, ["https://h/Shop", "https://h/shop"]);
}

async fn a_removal_leaves_no_row_of_an_application(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    world.settle(std::slice::from_ref(&object)).await;
    let id = object.application();
    world
        .execute(&format!(
            "INSERT INTO syncoperation (syncoperation_id, application_id, deployment_name, \
             revision, desired_state, created_on) \
             VALUES ('sync', '{id}', 'name-a', 'HEAD', 'Running', '2026-11-22 10:26:25')"
        ))
        .await;
    world
        .execute(&format!(
            "INSERT INTO applicationstate (applicationstate_application_id) VALUES ('{id}')"
        ))
        .await;
    world.process(&[Input::Seen(object.deleted())]).await.unwrap();
    for table in [
        "application",
        "applicationowner",
        "applicationstate",
        "deploymenttoapplicationmapping",
        "appprojectrepository",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert_eq!(world.texts("application_id", "syncoperation").await, ["NULL"]);
    let open = world.open(std::slice::from_ref(&object)).await;
    let loaded = world.claim(&open).await;
    let Wanted::Application { document, .. } = &loaded.rows[&open[0]].wanted else { panic!() };
    assert_eq!(*document, None, "the agent must remove the Application");
    world.obey(&open).await;
    world.process(&[Input::Operation(object.uid.clone())]).await.unwrap();
    assert_eq!(world.path(&object).await, "Terminating/Finalizing");
    world.process(&[Input::Absent(object.uid.clone())]).await.unwrap();
    assert_eq!(world.count("machine WHERE kind = 'Deployment'").await, 0);
}

async fn the_end_of_a_tenant_leaves_no_row_of_it(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let before = world.everything().await;
    let objects = ["a", "b"].map(|which| Object::new("t1", which));
    let neighbour = Object::new("t2", "a");
    world.settle(&[objects[0].clone(), objects[1].clone(), neighbour.clone()]).await;
    let tenant = objects[0].tenant.clone();
    let namespace = |event| Input::Namespace(tenant.clone(), event);
    let terminating = namespace(TenantEvent::NamespaceObserved { terminating: true });
    world.process(&[terminating]).await.unwrap();
    world.remove(&objects[..1]).await;
    let loaded = world.process(&[namespace(TenantEvent::NamespaceAbsent)]).await.unwrap();
    assert_eq!(loaded.children.get(&tenant), None, "no deployment counts yet");
    let counted = namespace(TenantEvent::ChildrenCounted { children: 1 });
    let loaded = world.process(&[counted]).await.unwrap();
    assert_eq!(loaded.children[&tenant], 1);
    world.remove(&objects[1..]).await;
    // A machine of a later version's kind is a child as well.
    let other = "INSERT INTO machine (kind, key, tenant_uid, namespace, name, state, state_path, \
         version, owes, updated_at) \
         VALUES ('Another', 'one', 't1', '', '', '{}', '', 1, false, 0)";
    world.execute(other).await;
    let counted = namespace(TenantEvent::ChildrenCounted { children: 1 });
    let loaded = world.process(&[counted]).await.unwrap();
    assert_eq!(loaded.children[&tenant], 1, "a machine of any kind counts");
    world.execute("DELETE FROM machine WHERE kind = 'Another'").await;
    let counted = namespace(TenantEvent::ChildrenCounted { children: 0 });
    let loaded = world.process(&[counted]).await.unwrap();
    assert_eq!(loaded.children[&tenant], 0);

    assert_eq!(world.texts("user_name", "clusteruser").await, ["t2"]);
    assert_eq!(world.texts("tenant_uid", "machine").await, ["t2", "t2"]);
    let environment = format!("Managed Environment for {}", namespace_of(&TenantUid::new("t2")));
    assert_eq!(world.texts("name", "managedenvironment").await, [environment]);
    for table in ["application", "appprojectrepository", "clusteraccess", "operation"] {
        assert_eq!(world.count(table).await, 1, "{table}: the neighbour's");
    }
    let tenant = neighbour.tenant.clone();
    world.remove(&[neighbour]).await;
    let ended = [TenantEvent::NamespaceAbsent, TenantEvent::ChildrenCounted { children: 0 }];
    for event in ended {
        world.process(&[Input::Namespace(tenant.clone(), event)]).await.unwrap();
    }
    world.execute("DELETE FROM transition").await;
    assert_eq!(world.everything().await, before);
}

async fn a_deployment_written_and_removed_in_one_batch_leaves_no_row(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    let inputs = [Input::Seen(object.clone()), Input::Seen(object.deleted())];
    world.process(&inputs).await.unwrap();
    assert_eq!(world.count("application").await, 0);
    assert_eq!(world.count("appprojectrepository").await, 0);
    assert_eq!(world.path(&object).await, "Terminating/Removing");
    assert_eq!(world.count("operation").await, 1);
}

async fn deployments_of_one_name_are_found_together(scratch: Scratch) {
    let mut world = World::start(&scratch).await;
    let old = Object::new("t1", "a");
    world.settle(std::slice::from_ref(&old)).await;
    world.process(&[Input::Seen(old.deleted())]).await.unwrap();
    let mut new = Object::new("t1", "a");
    new.uid = DeploymentUid::new("uid-new");
    new.revision = 20;
    // The same name in another namespace is not a namesake.
    world.settle(&[Object::new("t2", "a")]).await;
    let loaded = world.process(&[Input::Seen(new.clone())]).await.unwrap();
    assert_eq!(loaded.known, std::slice::from_ref(&old.uid));
    assert_eq!(world.path(&new).await, "Live/Awaiting/AwaitingPredecessor");

    let name = (new.tenant.clone(), new.name.clone());
    let uids = |named: &[machines::kinds::deployment::Namesake]| {
        let mut uids: Vec<DeploymentUid> = named.iter().map(|one| one.uid.clone()).collect();
        uids.sort();
        uids
    };
    for input in [Input::Seen(new.clone()), Input::Facts(new.uid.clone())] {
        let loaded = world.process(&[input]).await.unwrap();
        assert_eq!(uids(&loaded.named[&name]), [new.uid.clone(), old.uid.clone()]);
        assert_eq!(loaded.named.len(), 1);
    }
    world.pass(1);
    world.remove(&[old]).await;
    let loaded = world.process(&[Input::Facts(new.uid.clone())]).await.unwrap();
    assert_eq!(uids(&loaded.named[&name]), [new.uid.clone()]);
    assert_eq!(world.path(&new).await, "Live/Dispatching");
    assert_ne!(new.application(), ApplicationId::of(&DeploymentUid::new("uid-t1-a")));
}

async fn only_remembered_deployments_that_are_gone_are_orphans(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let [deployed, gone, rejected, foreign] =
        ["deployed", "gone", "rejected", "foreign"].map(|which| Object::new("t1", which));
    world.settle(&[deployed.clone(), gone.clone()]).await;
    world.remove(std::slice::from_ref(&gone)).await;
    world.process(&[Input::Seen(rejected.clone().with_url(""))]).await.unwrap();
    assert_eq!(world.path(&rejected).await, "Live/Rejected");

    let all = [&deployed, &gone, &rejected, &foreign];
    let all = all.map(|object| (object.uid.clone(), object.application())).into();
    let orphans = world.agent.orphans(all).await.unwrap();
    assert_eq!(orphans, [gone.uid].into());
}

async fn without_an_argo_cd_a_deployment_writes_its_row_less_and_less_often(scratch: Scratch) {
    let mut world = World::start(&scratch).await;
    world.instance = None;
    let object = Object::new("t1", "a");
    world.process(&[Input::Seen(object.clone())]).await.unwrap();
    let written = "machine WHERE kind = 'Deployment' AND version =";
    assert_eq!(world.count(&format!("{written} 1")).await, 1);
    let end = world.now.after(Duration::from_secs(24 * 3_600));
    let mut deadlines = 0;
    while let Some(wake_at) = world.deployment(&object.uid).await.unwrap().wake_at()
        && wake_at < end
    {
        world.now = wake_at;
        world.process(&[Input::Deadline(object.uid.clone())]).await.unwrap();
        deadlines += 1;
    }
    assert_eq!(world.path(&object).await, "Live/Awaiting/AwaitingEngine");
    // After 1, 2, 4, 8, 16 and 32 minutes, and then once an hour.
    assert!(deadlines <= 5 + 24, "{deadlines} deadlines in 24 h");
    assert_eq!(world.count(&format!("{written} {}", 1 + deadlines)).await, 1);
}
