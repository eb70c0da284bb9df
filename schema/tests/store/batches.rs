//! Batches: all or nothing, only on unchanged rows, and with few statements.

use machines::identity::{InstanceId, OperationId};
use machines::rows::{OperationRow, RowChange};
use schema::ErrorClass;
use schema::store::StoreError;
use schema::store::backend::BackendChanges;

use crate::driver::{Input, Object, World, request};
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    the_number_of_statements_does_not_depend_on_the_size_of_a_batch,
    a_batch_in_which_nothing_changes_writes_nothing,
    a_machine_changed_by_another_process_fails_the_whole_batch,
    a_machine_removed_by_another_process_fails_the_whole_batch,
    a_machine_created_by_another_process_fails_the_whole_batch,
    a_value_that_does_not_fit_leaves_nothing_behind,
    a_database_error_leaves_nothing_behind,
    an_unreachable_database_is_a_transient_error,
    an_unreadable_machine_is_left_alone_and_all_others_continue,
    an_unreadable_operation_is_left_alone_and_all_others_continue,
);

/// This many deployments, each with its own URL, in up to four tenants.
fn objects(count: usize) -> Vec<Object> {
    objects_of("t", count)
}

fn objects_of(tenants: &str, count: usize) -> Vec<Object> {
    (0..count)
        .map(|which| {
            let tenant = format!("{tenants}{}", which % 4);
            let url = format!("https://example.com/{which}");
            Object::new(&tenant, &which.to_string()).with_url(&url)
        })
        .collect()
}

/// The number of statements of each part of the life of these deployments, all at once.
async fn life(world: &World, objects: &[Object]) -> Vec<(&'static str, u64)> {
    let each = |input: &dyn Fn(&Object) -> Input| objects.iter().map(input).collect::<Vec<Input>>();
    let outcomes = each(&|one| Input::Operation(one.uid.clone()));
    let edited = |one: &Object| one.edited(&format!("{}/new", one.spec.repo_url));
    let mut counts = Vec::new();

    let create = each(&|one| Input::Seen(one.clone()));
    counts.push(("create", world.statements(world.process(&create)).await.0));
    let open = world.open(objects).await;
    counts.push(("claim", world.statements(world.claim(&open)).await.0));
    let refuse = world.refuse(&open, |id| format!("{id} cannot be done"));
    counts.push(("refuse", world.statements(refuse).await.0));
    counts.push(("take in failures", world.statements(world.process(&outcomes)).await.0));
    counts.push(("see nothing new", world.statements(world.process(&create)).await.0));
    let edit = each(&|one| Input::Seen(edited(one)));
    counts.push(("change the URL", world.statements(world.process(&edit)).await.0));
    let open = world.open(objects).await;
    world.claim(&open).await;
    counts.push(("complete", world.statements(world.obey(&open)).await.0));
    counts.push(("take in successes", world.statements(world.process(&outcomes)).await.0));
    let delete = each(&|one| Input::Seen(edited(one).deleted()));
    counts.push(("delete", world.statements(world.process(&delete)).await.0));
    let open = world.open(objects).await;
    world.claim(&open).await;
    world.obey(&open).await;
    counts.push(("forget operations", world.statements(world.forget(&open)).await.0));
    world.process(&outcomes).await.unwrap();
    let absent = each(&|one| Input::Absent(one.uid.clone()));
    counts.push(("see them gone", world.statements(world.process(&absent)).await.0));
    assert_eq!(world.count("machine WHERE kind = 'Deployment'").await, 0);
    assert_eq!(world.count("application").await, 0);
    counts
}

async fn the_number_of_statements_does_not_depend_on_the_size_of_a_batch(scratch: Scratch) {
    const MANY: usize = 200;
    let world = World::start(&scratch).await;
    let few = life(&world, &objects_of("few", 1)).await;
    let many = life(&world, &objects_of("many", MANY)).await;
    for ((part, few), (_, many)) in few.iter().zip(&many) {
        println!("{part}: {few} statements for 1, {many} for {MANY}");
    }
    assert_eq!(few, many);
}

async fn a_batch_in_which_nothing_changes_writes_nothing(scratch: Scratch) {
    let mut world = World::start(&scratch).await;
    let objects = objects(3);
    let open = world.settle(&objects).await;
    world.pass(60);
    let mut inputs: Vec<Input> = objects.iter().cloned().map(Input::Seen).collect();
    inputs.extend(objects.iter().map(|object| Input::Facts(object.uid.clone())));
    // After this long a status is required, which is a change.
    world.process(&inputs).await.unwrap();
    let before = world.everything().await;
    world.pass(60);
    let (statements, outcome) = world.statements(world.process(&inputs)).await;
    outcome.unwrap();
    // The fence, the machines by name and the tenants; nothing is new or waits for anything.
    assert_eq!(statements, 3);
    let (statements, outcome) = world.statements(world.operate(&[], |_, _| Vec::new())).await;
    outcome.unwrap();
    assert_eq!(statements, 1);
    assert_eq!(world.everything().await, before);
    assert_eq!(open.len(), 3);
}

/// Commits changes to these deployments that were decided before something else happened.
async fn commit_late(
    world: &World,
    inputs: &[Input],
    meanwhile: impl Future<Output = ()>,
) -> (StoreError, Vec<String>) {
    let request = request(inputs);
    let decided = world
        .backend
        .backend_batch(&request, world.now, |loaded| {
            (BackendChanges::default(), world.decide(loaded, inputs))
        })
        .await
        .unwrap();
    meanwhile.await;
    let before = world.everything().await;
    let error =
        world.backend.backend_batch(&request, world.now, |_| (decided, ())).await.unwrap_err();
    (error, before)
}

async fn a_machine_changed_by_another_process_fails_the_whole_batch(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = objects(2);
    world.settle(&objects).await;
    let edited: Vec<Input> =
        objects.iter().map(|one| Input::Seen(one.edited("https://h/mine"))).collect();
    let theirs = [Input::Seen(objects[1].edited("https://h/theirs"))];
    let meanwhile = async { drop(world.process(&theirs).await.unwrap()) };
    let (error, before) = commit_late(&world, &edited, meanwhile).await;
    assert!(matches!(error, StoreError::Conflict { expected: 2, written: 1 }), "{error}");
    assert_eq!(error.fault().class, ErrorClass::Contention);
    assert_eq!(world.everything().await, before);
}

async fn a_machine_removed_by_another_process_fails_the_whole_batch(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = objects(2);
    world.settle(&objects).await;
    let deleted: Vec<Object> = objects.iter().map(Object::deleted).collect();
    world.settle(&deleted).await;
    let absent: Vec<Input> = objects.iter().map(|one| Input::Absent(one.uid.clone())).collect();
    let theirs = [Input::Absent(objects[1].uid.clone())];
    let meanwhile = async { drop(world.process(&theirs).await.unwrap()) };
    let (error, before) = commit_late(&world, &absent, meanwhile).await;
    assert!(matches!(error, StoreError::Conflict { expected: 2, written: 1 }), "{error}");
    assert_eq!(world.everything().await, before);
}

async fn a_machine_created_by_another_process_fails_the_whole_batch(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = objects(1);
    let seen = [Input::Seen(objects[0].clone())];
    let meanwhile = async { drop(world.settle(&objects).await) };
    let (error, before) = commit_late(&world, &seen, meanwhile).await;
    // The tenant and the deployment.
    assert!(matches!(error, StoreError::Conflict { expected: 2, written: 0 }), "{error}");
    assert_eq!(world.everything().await, before);
}

/// Commits a batch of two new deployments one of which has corrupted rows.
async fn commit_spoilt(world: &World, spoil: impl FnOnce(&mut RowChange) + Send) -> StoreError {
    let inputs: Vec<Input> = objects(2).into_iter().map(Input::Seen).collect();
    let decide = |loaded| {
        let mut changes = world.decide(loaded, &inputs);
        spoil(changes.rows.last_mut().unwrap());
        (changes, ())
    };
    world.backend.backend_batch(&request(&inputs), world.now, decide).await.unwrap_err()
}

async fn a_value_that_does_not_fit_leaves_nothing_behind(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let before = world.everything().await;
    let inputs: Vec<Input> = objects(2).into_iter().map(Input::Seen).collect();
    let decide = |loaded| {
        let mut changes = world.decide(loaded, &inputs);
        for change in &mut changes.rows {
            if let RowChange::PutApplication(rows) = change {
                rows.document.spec.source.path = "p".repeat(20_000);
            }
        }
        (changes, ())
    };
    let request = request(&inputs);
    let error = world.backend.backend_batch(&request, world.now, decide).await.unwrap_err();
    assert!(matches!(error, StoreError::Value { .. }), "{error}");
    assert_eq!(error.fault().class, ErrorClass::Defect);
    assert_eq!(world.everything().await, before);
    // The store itself is unaffected.
    world.process(&inputs).await.unwrap();
    assert_eq!(world.count("application").await, 2);
}

async fn a_database_error_leaves_nothing_behind(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let before = world.everything().await;
    let error = commit_spoilt(&world, |change| {
        let RowChange::RequestOperation(OperationRow { instance, .. }) = change else {
            panic!("a deployment requests its operation last: {change:?}");
        };
        *instance = InstanceId::new("nowhere");
    })
    .await;
    assert!(matches!(error, StoreError::Database(_)), "{error}");
    assert_eq!(error.fault().class, ErrorClass::Defect, "the same batch would fail again");
    assert_eq!(world.everything().await, before);
}

async fn an_unreachable_database_is_a_transient_error(scratch: Scratch) {
    let world = World::start(&scratch).await;
    world.database.close().await.unwrap();
    let error = world.process(&[]).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error}");
    assert_eq!(error.fault().class, ErrorClass::Unavailable);
}

async fn an_unreadable_machine_is_left_alone_and_all_others_continue(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = objects(3);
    world.settle(&objects).await;
    let spoil = |object: &Object, state: &str| {
        let key = &object.uid;
        format!("UPDATE machine SET state = '{state}' WHERE kind = 'Deployment' AND key = '{key}'")
    };
    world.execute(&spoil(&objects[0], "{\"version\":")).await;
    world.execute(&spoil(&objects[1], "{\"version\":\"99\"}")).await;
    let machines = "machine WHERE state NOT LIKE '%lifecycle%' AND kind = 'Deployment'";
    let before = world.texts("state || version", machines).await;
    assert_eq!(before.len(), 2);

    let mut inputs: Vec<Input> =
        objects.iter().map(|one| Input::Seen(one.edited("https://h/new"))).collect();
    let mut loaded = world.process(&inputs).await.unwrap();
    loaded.unreadable.sort();
    assert_eq!(loaded.unreadable, [objects[0].uid.clone(), objects[1].uid.clone()]);
    assert_eq!(loaded.known, std::slice::from_ref(&objects[2].uid));
    assert_eq!(world.path(&objects[2]).await, "Live/Dispatching");

    inputs = objects.iter().map(|one| Input::Facts(one.uid.clone())).collect();
    let loaded = world.process(&inputs).await.unwrap();
    assert_eq!(loaded.unreadable.len(), 2);
    assert_eq!(world.texts("state || version", machines).await, before);
}

async fn an_unreadable_operation_is_left_alone_and_all_others_continue(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = objects(2);
    let seen: Vec<Input> = objects.iter().cloned().map(Input::Seen).collect();
    world.process(&seen).await.unwrap();
    let open = world.open(&objects).await;
    world.claim(&open).await;
    let key = &open[0];
    world.execute(&format!("UPDATE machine SET state = 'x' WHERE key = '{key}'")).await;
    world.obey(&open).await;
    let state = |id: &OperationId| format!("operation WHERE operation_id = '{id}'");
    assert_eq!(world.texts("state", &state(&open[0])).await, ["In_Progress"]);
    assert_eq!(world.texts("state", &state(&open[1])).await, ["Completed"]);
    let loaded = world.operate(&open, |_, _| Vec::new()).await.unwrap();
    assert!(loaded.operations.unreadable.contains(&open[0]));
    assert!(!loaded.rows.contains_key(&open[0]), "its row does not count as unclaimed");
}
