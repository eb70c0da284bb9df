//! Sync runs: their rows, what a batch loads of them, and those of an earlier installation.

use machines::identity::{Generation, OperationId, Revision, TenantUid};
use machines::kinds::sync_run::facts::{DeploymentFact, SyncRunFacts};
use machines::kinds::sync_run::{SyncRun, SyncRunEvent, SyncRunSnapshot, SyncRunSpec, SyncRunUid};
use machines::machine::{Machine as _, Run};
use machines::operation::{Operation, OperationEvent, RowView, Wanted};
use machines::rows::OperationState;
use machines::shared::condition::ConditionStyle;
use schema::migrate;
use schema::store::backend::loaded::SyncRunRequest;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest};
use schema::store::machine_rows::{Stepped, Versioned};

use crate::driver::{ARGOCD, BEGINNING, Object, World};
use crate::fixture;
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    a_run_has_the_rows_that_existing_clients_read_until_it_is_gone,
    a_run_finds_its_deployment_and_those_before_it_by_the_deployments_name,
    the_agent_reads_what_the_row_of_a_sync_says_each_time,
    what_the_agent_says_about_a_sync_reaches_its_run,
    a_run_that_has_begun_is_known_when_its_machine_is_gone,
    a_sync_loses_its_application_with_the_deployment,
    a_sync_of_an_earlier_installation_is_found_and_its_operation_makes_room,
    a_sync_that_had_ended_before_does_not_begin_again_because_its_operation_is_still_there,
);

fn uid(name: &str) -> SyncRunUid {
    SyncRunUid::new(format!("run-{name}"))
}

fn seen(name: &str, deployment: &str) -> SyncRunEvent {
    SyncRunEvent::Observed(Box::new(SyncRunSnapshot {
        revision: Revision(1),
        generation: Generation(1),
        created: BEGINNING,
        spec: SyncRunSpec { deployment_name: deployment.to_owned(), revision: name.to_owned() },
        ..SyncRunSnapshot::default()
    }))
}

fn request(names: &[&str], deployments: &[(&TenantUid, &str)]) -> BackendRequest {
    let deployments =
        deployments.iter().map(|(tenant, name)| ((*tenant).clone(), (*name).to_owned()));
    let sync_runs = SyncRunRequest {
        runs: names.iter().map(|name| uid(name)).collect(),
        deployments: deployments.collect(),
    };
    BackendRequest { sync_runs, ..BackendRequest::default() }
}

/// Reads a batch and writes nothing.
async fn read(world: &World, request: &BackendRequest) -> BackendLoaded {
    let nothing = |loaded| (BackendChanges::default(), loaded);
    world.backend.backend_batch(request, world.now, nothing).await.unwrap()
}

/// Steps a run of a deployment through events, as a batch of the backend does.
async fn step(
    world: &World,
    name: &str,
    deployment: &Object,
    events: Vec<SyncRunEvent>,
) -> SyncRun {
    let named = [(&deployment.tenant, deployment.name.as_str())];
    let request = request(&[name], &named);
    let decide = |mut loaded: BackendLoaded| {
        let runs = &mut loaded.sync_runs;
        let new = || {
            let tenant = deployment.tenant.clone();
            let machine = SyncRun::new(uid(name), tenant, &deployment.namespace(), name);
            Versioned { machine, version: 0 }
        };
        let before = runs.runs.known.remove(&uid(name)).unwrap_or_else(new);
        let key = (deployment.tenant.clone(), deployment.name.clone());
        let facts = SyncRunFacts {
            now: world.now,
            deployment: DeploymentFact::of(runs.deployments.get(&key).into_iter().flatten()),
            others: Vec::new(),
            existing: runs.existing.remove(&uid(name)),
            has_begun: runs.begun.contains(&uid(name)),
            conditions: ConditionStyle::Conventional,
        };
        let mut run = Run::new(before.machine.clone());
        for event in &events {
            run.step(event, &facts);
        }
        let machine = run.machine.clone();
        let (stepped, rows) = Stepped::of(before, run);
        let sync_runs = vec![stepped];
        (BackendChanges { sync_runs, rows, ..BackendChanges::default() }, Some(machine))
    };
    world.backend.backend_batch(&request, world.now, decide).await.unwrap().unwrap()
}

/// A manual deployment that is settled.
async fn settled(world: &World) -> Object {
    let mut object = Object::new("t1", "a");
    object.spec.type_ = "manual".to_owned();
    world.settle(&[object.clone()]).await;
    object
}

fn open(run: &SyncRun) -> OperationId {
    run.record.open.as_ref().expect("an open operation").id.clone()
}

fn finished(id: &OperationId, state: OperationState) -> SyncRunEvent {
    SyncRunEvent::OperationObserved { id: id.clone(), state: Some(state), message: String::new() }
}

async fn a_run_has_the_rows_that_existing_clients_read_until_it_is_gone(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let deployment = settled(&world).await;
    let run = step(&world, "v1", &deployment, vec![seen("v1", &deployment.name)]).await;
    assert_eq!(run.path(), "Live/Running");
    let row = "deployment_name || ' ' || revision || ' ' || desired_state";
    assert_eq!(world.texts(row, "syncoperation").await, ["name-a v1 Running"]);
    let application = deployment.application().into_string();
    assert_eq!(world.texts("application_id", "syncoperation").await, [application]);
    let mapping = "api_resource_type || ' ' || api_resource_uid || ' ' || api_resource_name || ' ' \
                   || api_resource_namespace || ' ' || api_resource_namespace_uid || ' ' || \
                   db_relation_type || ' ' || db_relation_key";
    let mapped = world.texts(mapping, "apicrtodatabasemapping").await;
    let expected = "GitOpsDeploymentSyncRun run-v1 v1 team-t1 t1 SyncOperation run-v1";
    assert_eq!(mapped, [expected]);
    let operations = "operation WHERE resource_type = 'SyncOperation'";
    let requested =
        world.texts("state || ' ' || resource_id || ' ' || requester", operations).await;
    assert_eq!(requested, ["Waiting run-v1 SyncRun/run-v1"]);
    assert_eq!(world.texts("refers_to", "machine WHERE kind = 'SyncRun'").await, ["name-a"]);

    step(&world, "v1", &deployment, vec![SyncRunEvent::Absent { as_of: Revision(2) }]).await;
    assert_eq!(world.texts("desired_state", "syncoperation").await, ["Terminated"]);
    let ended = finished(&open(&run), OperationState::Completed);
    step(&world, "v1", &deployment, vec![ended]).await;
    for table in ["syncoperation", "apicrtodatabasemapping", "machine WHERE kind = 'SyncRun'"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

async fn a_run_finds_its_deployment_and_those_before_it_by_the_deployments_name(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let deployment = settled(&world).await;
    let first = step(&world, "first", &deployment, vec![seen("first", &deployment.name)]).await;
    let missing = Object { name: "missing".to_owned(), ..deployment.clone() };
    step(&world, "parked", &missing, vec![seen("parked", "missing")]).await;
    let named = [(&deployment.tenant, deployment.name.as_str())];
    let loaded = read(&world, &request(&["second"], &named)).await.sync_runs;
    let key = (deployment.tenant.clone(), deployment.name.clone());
    assert_eq!(loaded.deployments[&key].len(), 1);
    let queue: Vec<_> = loaded.queues[&key].iter().map(|one| (&one.uid, one.has_turn)).collect();
    assert_eq!(queue, [(&uid("first"), true)]);
    // What has ended is in no queue.
    let ended = finished(&open(&first), OperationState::Completed);
    step(&world, "first", &deployment, vec![ended]).await;
    let loaded = read(&world, &request(&["second"], &named)).await.sync_runs;
    assert!(loaded.queues.is_empty(), "{:?}", loaded.queues);
    let names = world.texts("refers_to", "machine WHERE refers_to IS NOT NULL").await;
    assert_eq!(names, ["missing"]);
}

async fn the_agent_reads_what_the_row_of_a_sync_says_each_time(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let deployment = settled(&world).await;
    let run = step(&world, "v1", &deployment, vec![seen("v1", &deployment.name)]).await;
    let id = [open(&run)];
    let is_terminated = |row: Option<&RowView>| match row.map(|row| &row.wanted) {
        Some(Wanted::Sync { sync: Some(sync), .. }) => {
            assert_eq!(sync.revision, "v1");
            let synced = sync.application.as_ref().expect("an application");
            assert_eq!(synced.row, deployment.application());
            sync.is_terminated
        }
        other => panic!("{other:?}"),
    };
    let loaded = world.claim(&id).await;
    assert!(!is_terminated(loaded.rows.get(&id[0])));
    step(&world, "v1", &deployment, vec![SyncRunEvent::Absent { as_of: Revision(2) }]).await;
    let loaded = world.claim(&id).await;
    assert!(is_terminated(loaded.rows.get(&id[0])), "it is read again");
    let paths = world.texts("state_path", "machine WHERE kind = 'Operation'").await;
    assert!(paths.contains(&"InProgress/EndingSync".to_owned()), "{paths:?}");
}

async fn what_the_agent_says_about_a_sync_reaches_its_run(scratch: Scratch) {
    let mut world = World::start(&scratch).await;
    let deployment = settled(&world).await;
    let run = step(&world, "v1", &deployment, vec![seen("v1", &deployment.name)]).await;
    let id = [open(&run)];
    world.claim(&id).await;
    world.pass(60);
    let late = |_: &Operation, _: Option<&RowView>| vec![OperationEvent::DeadlineReached];
    world.operate(&id, late).await.unwrap();
    let loaded = read(&world, &request(&["v1"], &[])).await;
    assert_eq!(loaded.operations[&id[0]], OperationState::InProgress);
    let said = &loaded.sync_runs.messages[&id[0]];
    assert!(said.starts_with("waiting until Argo CD's Application"), "{said}");
}

async fn a_run_that_has_begun_is_known_when_its_machine_is_gone(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let deployment = settled(&world).await;
    let run = step(&world, "v1", &deployment, vec![seen("v1", &deployment.name)]).await;
    let ended = finished(&open(&run), OperationState::Completed);
    let gone = vec![ended, SyncRunEvent::Absent { as_of: Revision(2) }];
    assert_eq!(step(&world, "v1", &deployment, gone).await.path(), "Gone");
    let missing = Object { name: "missing".to_owned(), ..deployment.clone() };
    let parked = vec![seen("w", "missing"), SyncRunEvent::Absent { as_of: Revision(2) }];
    assert_eq!(step(&world, "w", &missing, parked).await.path(), "Gone");
    let loaded = read(&world, &request(&["v1", "w"], &[])).await.sync_runs;
    assert_eq!(loaded.begun, [uid("v1")].into());
    let again = step(&world, "v1", &deployment, vec![seen("v1", &deployment.name)]).await;
    assert_eq!(again.path(), "Live/Finished/Failed", "it does not begin again");
    assert_eq!(world.count("syncoperation").await, 0);
}

async fn a_sync_loses_its_application_with_the_deployment(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let deployment = settled(&world).await;
    let run = step(&world, "v1", &deployment, vec![seen("v1", &deployment.name)]).await;
    world.claim(&[open(&run)]).await;
    world.remove(std::slice::from_ref(&deployment)).await;
    assert_eq!(world.count("syncoperation WHERE application_id IS NULL").await, 1);
    let run = step(&world, "v1", &deployment, vec![SyncRunEvent::FactsChanged]).await;
    assert_eq!(run.path(), "Live/Finished/Failed");
    world.claim(&[open(&run)]).await;
    let operations = "operation WHERE resource_type = 'SyncOperation'";
    assert_eq!(world.texts("state", operations).await, ["Failed"]);
}

/// A database of the existing system with a sync that its operation had begun.
async fn adopted(scratch: &Scratch) -> World {
    let database = scratch.open().await;
    fixture::install(&database).await;
    for statement in [
        "DELETE FROM operation",
        "DELETE FROM apicrtodatabasemapping",
        "DELETE FROM syncoperation",
        "INSERT INTO syncoperation (syncoperation_id, application_id, deployment_name, revision, \
         desired_state, created_on) VALUES ('old-sync', 'application', 'shop', 'v1', 'Running', \
         '2026-11-22 10:26:25')",
        "INSERT INTO apicrtodatabasemapping (api_resource_type, api_resource_uid, \
         api_resource_name, api_resource_namespace, api_resource_namespace_uid, db_relation_type, \
         db_relation_key) VALUES ('GitOpsDeploymentSyncRun', 'run-old', 'old', 'team', \
         'namespace-uid', 'SyncOperation', 'old-sync')",
    ] {
        fixture::execute(&database, statement).await;
    }
    let instance = "SELECT engine_instance_inst_id FROM application LIMIT 1";
    let insert = format!(
        "INSERT INTO operation (operation_id, instance_id, resource_id, operation_owner_user_id, \
         resource_type, created_on, last_state_update, state) VALUES ('old-operation', \
         ({instance}), 'old-sync', NULL, 'SyncOperation', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, \
         'In_Progress')"
    );
    fixture::execute(&database, &insert).await;
    migrate(&database).await.unwrap();
    World::on(database).await
}

async fn a_sync_of_an_earlier_installation_is_found_and_its_operation_makes_room(scratch: Scratch) {
    let world = adopted(&scratch).await;
    world.backend.ensure_instance(ARGOCD, "uid", "uid-system", BEGINNING).await.unwrap();
    assert_eq!(world.texts("state", "operation").await, ["Failed"]);
    let deployment = Object::new("namespace-uid", "shop");
    let run = step(&world, "old", &deployment, vec![seen("v1", "shop")]).await;
    assert_eq!(run.path(), "Live/Running", "it goes on");
    assert_eq!(run.record.sync.as_ref().unwrap().id.as_str(), "old-sync");
    let requested = world.texts("resource_id", "operation WHERE state = 'Waiting'").await;
    assert_eq!(requested, ["old-sync"]);
    let ended = finished(&open(&run), OperationState::Completed);
    let gone = vec![ended, SyncRunEvent::Absent { as_of: Revision(2) }];
    step(&world, "old", &deployment, gone).await;
    assert_eq!(world.count("syncoperation").await, 0);
    assert_eq!(world.count("apicrtodatabasemapping").await, 0);
}

async fn a_sync_that_had_ended_before_does_not_begin_again_because_its_operation_is_still_there(
    scratch: Scratch,
) {
    let world = adopted(&scratch).await;
    world.execute("UPDATE operation SET state = 'Completed', human_readable_state = NULL").await;
    world.backend.ensure_instance(ARGOCD, "uid", "uid-system", BEGINNING).await.unwrap();
    let deployment = Object::new("namespace-uid", "shop");
    let run = step(&world, "old", &deployment, vec![seen("v1", "shop")]).await;
    assert_eq!(run.path(), "Live/Finished/Failed", "nobody recorded how it ended");
    assert_eq!(world.count("operation WHERE state = 'Waiting'").await, 0);
}
