//! Locks on PostgreSQL: transactions of the two roles overlap and never deadlock, because each
//! locks its rows in key order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use machines::identity::{ClusterUserId, Digest, EnvironmentId, TenantUid};
use machines::kinds::deployment::removal_report::RemovalReport;
use machines::rows::{OperationState, RowChange, TenantRows};
use schema::store::agent::AgentChanges;
use schema::store::backend::{BackendChanges, BackendRequest};
use schema::store::collect::OPERATION_RETENTION;
use schema::store::reports::ApplicationReport;
use schema::store::{Role, Store, StoreError};
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, DbErr, RuntimeErr, TransactionTrait as _,
};

use crate::driver::{BEGINNING, Input, Object, World, namespace_of, wait_for_locks};
use crate::harness::on_postgres;

/// Tables that both roles write, with their keys.
const APPLICATIONS: (&str, &str) = ("application", "application_id");
const STATES: (&str, &str) = ("applicationstate", "applicationstate_application_id");
const OPERATIONS: (&str, &str) = ("operation", "operation_id");

fn report(object: &Object, text: &str) -> ApplicationReport {
    ApplicationReport {
        application: object.application(),
        deployment: object.uid.clone(),
        status: text.as_bytes().to_vec(),
        digest: Digest::of(&text),
        removal: RemovalReport::default(),
    }
}

fn objects(count: usize) -> Vec<Object> {
    (0..count).map(|which| Object::new("t1", &which.to_string())).collect()
}

/// The SQLSTATE of an error of PostgreSQL.
fn sqlstate(error: &StoreError) -> Option<String> {
    let StoreError::Database(DbErr::Exec(error) | DbErr::Query(error)) = error else { return None };
    let RuntimeErr::SqlxError(error) = error else { return None };
    error.as_database_error()?.code().map(|code| code.into_owned())
}

/// Repeats it until it succeeds, and counts PostgreSQL's errors by SQLSTATE.
async fn until_done<T, F>(refused: &mut BTreeMap<String, usize>, work: impl Fn() -> F)
where
    F: Future<Output = Result<T, StoreError>>,
{
    while let Err(error) = work().await {
        let Some(code) = sqlstate(&error) else { panic!("{error}") };
        *refused.entry(code).or_default() += 1;
    }
}

#[tokio::test]
async fn removals_and_reports_on_the_same_deployments_never_deadlock() {
    on_postgres(async |scratch| {
        const BATCHES: usize = 6;
        let world = World::start(&scratch).await;
        let objects = objects(300);
        let size = objects.len() / BATCHES;
        // Derived ids have no order, so the rows of several batches have none either.
        for batch in objects.chunks(size) {
            world.settle(batch).await;
            world.agent.write_reports(reports(batch, "first")).await.unwrap();
        }
        let removed = AtomicBool::new(false);
        let agent = async {
            let (mut refused, mut round) = (BTreeMap::new(), 0);
            while !removed.load(Ordering::Relaxed) {
                round += 1;
                let text = round.to_string();
                let write = || world.agent.write_reports(reports(&objects, &text));
                until_done(&mut refused, write).await;
            }
            refused
        };
        let backend = async {
            let mut refused = BTreeMap::new();
            for (number, batch) in objects.chunks(size).enumerate() {
                let mut inputs: Vec<Input> =
                    batch.iter().map(|one| Input::Seen(one.deleted())).collect();
                if number % 2 == 1 {
                    // The same batch takes in a report and marks it as read.
                    inputs.extend(batch.iter().map(|one| Input::Reported(one.uid.clone())));
                }
                until_done(&mut refused, || world.process(&inputs)).await;
            }
            removed.store(true, Ordering::Relaxed);
            refused
        };
        // Deadlocks are 40P01; 23503 is a report on an application that is gone by now.
        let (reports, removals) = tokio::join!(agent, backend);
        println!("refused: {reports:?} of the reports, {removals:?} of the removals");
        assert_eq!((reports, removals), (BTreeMap::new(), BTreeMap::new()));
        assert_eq!(world.count("application").await, 0);
        assert_eq!(world.count("applicationstate").await, 0);
    })
    .await;
}

/// A tenant's deployments, with a row each in every table that both roles write.
async fn reported_on(world: &World) -> Vec<Object> {
    let objects = objects(20);
    world.process(&objects.iter().cloned().map(Input::Seen).collect::<Vec<_>>()).await.unwrap();
    world.agent.write_reports(reports(&objects, "first")).await.unwrap();
    objects
}

pub(crate) fn reports(objects: &[Object], text: &str) -> Vec<ApplicationReport> {
    objects.iter().map(|one| report(one, text)).collect()
}

async fn remove_tenant(world: &World) -> Result<(), StoreError> {
    let tenant = TenantUid::new("t1");
    let rows = RowChange::RemoveTenant(TenantRows {
        namespace: namespace_of(&tenant),
        user: ClusterUserId::of(&tenant),
        environment: EnvironmentId::in_cluster_of(&tenant),
        instance: world.instance.clone().unwrap(),
        tenant,
    });
    let changes = BackendChanges { rows: vec![rows], ..BackendChanges::default() };
    let request = BackendRequest::default();
    world.backend.backend_batch(&request, world.now, |_| (changes, ())).await
}

/// Rewrites the rows of a table, from the last key to the first, and returns the keys.
async fn written_backwards(world: &World, (table, column): (&str, &str)) -> Vec<String> {
    let key = format!("cast({column} AS text)");
    let keys = world.texts(&key, &format!("{table} ORDER BY {column} --")).await;
    for key in keys.iter().rev() {
        let rewrite = format!("UPDATE {table} SET {column} = {column} WHERE {column} = '{key}'");
        world.execute(&rewrite).await;
    }
    keys
}

/// A transaction that has locked one row.
pub(crate) async fn block(
    world: &World,
    (table, column): (&str, &str),
    key: &str,
) -> DatabaseTransaction {
    let blocker = world.database.connection().begin().await.unwrap();
    let block = format!("SELECT 1 FROM {table} WHERE {column} = '{key}' FOR UPDATE");
    blocker.execute_unprepared(&block).await.unwrap();
    blocker
}

#[tokio::test]
async fn a_removal_and_reports_that_meet_halfway_do_not_deadlock() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        let objects = reported_on(&world).await;
        let keys = written_backwards(&world, STATES).await;
        let blocker = block(&world, STATES, &keys[keys.len() / 2]).await;
        let deleted: Vec<Input> = objects.iter().map(|one| Input::Seen(one.deleted())).collect();
        let release = async {
            wait_for_locks(&world.database, 2).await;
            blocker.rollback().await.unwrap();
        };
        let write = world.agent.write_reports(reports(&objects, "second"));
        let (written, removed, ()) = tokio::join!(write, world.process(&deleted), release);
        let refused = [written.map(drop), removed.map(drop)]
            .map(|one| one.err().map(|error| sqlstate(&error).unwrap_or_default()));
        assert_eq!(refused, [None, None], "40P01 is a deadlock");
        assert_eq!(world.count("applicationstate").await, 0);
    })
    .await;
}

/// Locks the row in the middle and lets `work` run into it: by then it must have locked exactly the
/// rows with lower keys, although the table holds them in the opposite order.
async fn locks_in_order(
    world: &World,
    (table, column): (&str, &str),
    work: impl Future<Output = Result<(), StoreError>>,
) {
    let keys = written_backwards(world, (table, column)).await;
    let (lower, upper) = keys.split_at(keys.len() / 2);
    let blocker = block(world, (table, column), &upper[0]).await;
    let observe = async {
        wait_for_locks(&world.database, 1).await;
        let key = format!("cast({column} AS text)");
        let free = world.texts(&key, &format!("{table} FOR UPDATE SKIP LOCKED --")).await;
        blocker.rollback().await.unwrap();
        free
    };
    let (outcome, free) = tokio::join!(work, observe);
    outcome.unwrap();
    let locked: Vec<&String> = keys.iter().filter(|key| !free.contains(key)).collect();
    assert_eq!(locked, lower.iter().chain(&upper[..1]).collect::<Vec<_>>(), "{table}");
}

#[tokio::test]
async fn reports_lock_their_rows_in_key_order() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        let objects = reported_on(&world).await;
        for table in [APPLICATIONS, STATES] {
            let write = world.agent.write_reports(reports(&objects, table.0));
            locks_in_order(&world, table, async { write.await.map(drop) }).await;
        }
        let inputs: Vec<Input> =
            objects.iter().map(|one| Input::Reported(one.uid.clone())).collect();
        let take_in = async { world.process(&inputs).await.map(drop) };
        locks_in_order(&world, STATES, take_in).await;
        assert_eq!(world.backend.unread().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_removal_locks_its_rows_in_key_order() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        let objects = reported_on(&world).await;
        let deleted: Vec<Input> = objects.iter().map(|one| Input::Seen(one.deleted())).collect();
        let delete = async { world.process(&deleted).await.map(drop) };
        locks_in_order(&world, APPLICATIONS, delete).await;
        assert_eq!(world.count("application").await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_tenant_locks_its_rows_in_key_order() {
    for table in [APPLICATIONS, OPERATIONS] {
        on_postgres(async move |scratch| {
            let world = World::start(&scratch).await;
            reported_on(&world).await;
            locks_in_order(&world, table, remove_tenant(&world)).await;
            assert_eq!(world.count(table.0).await, 0);
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_sealed_is_removed_in_key_order() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        reported_on(&world).await;
        let user = ClusterUserId::of(&TenantUid::new("t1"));
        let instance = world.instance.clone().unwrap();
        let rows = format!(
            "INSERT INTO repositorycredentials (repositorycredentials_id, repo_cred_user_id, \
             repo_cred_url, repo_cred_secret, repo_cred_engine_id) \
             SELECT 'row-' || (10 + n), '{user}', 'https://h/x', 's', '{instance}' \
             FROM generate_series(1, 20) AS n"
        );
        world.execute(&rows).await;
        let sealed = "INSERT INTO sealed_value SELECT 'repositorycredentials', \
                      repositorycredentials_id, 'repo_cred_pass', 'one', 'unopened' \
                      FROM repositorycredentials";
        world.execute(sealed).await;
        locks_in_order(&world, ("sealed_value", "row_key"), remove_tenant(&world)).await;
        assert_eq!(world.count("sealed_value").await, 0);
    })
    .await;
}

#[tokio::test]
async fn outcomes_lock_their_rows_in_key_order() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        let objects = reported_on(&world).await;
        let claimed = world.open(&objects).await.into_iter();
        let claimed =
            claimed.map(|id| RowChange::SetOperationState(id, OperationState::InProgress));
        let changes = AgentChanges { rows: claimed.collect(), ..AgentChanges::default() };
        let claim = world.agent.agent_batch(&[], world.now, |_| (changes, ()));
        locks_in_order(&world, OPERATIONS, claim).await;
        assert_eq!(world.count("operation WHERE state = 'In_Progress'").await, 20);

        world.execute("UPDATE operation SET requester = NULL").await;
        let take = Store::take_over(world.database.clone(), Role::Backend, "next", BEGINNING);
        let take = async { take.await.map(drop) };
        locks_in_order(&world, OPERATIONS, take).await;
        assert_eq!(world.count("operation WHERE state = 'Failed'").await, 20);
    })
    .await;
}

#[tokio::test]
async fn a_collection_locks_its_rows_in_key_order() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        reported_on(&world).await;
        world.execute("UPDATE transition SET at = 0").await;
        world
            .execute("UPDATE operation SET state = 'Failed', last_state_update = created_on")
            .await;
        let due = BEGINNING.after(OPERATION_RETENTION * 2);
        let collect = async { world.backend.collect(due).await.map(drop) };
        locks_in_order(&world, OPERATIONS, collect).await;
        assert_eq!(world.count("operation").await, 0);

        let others = Object::new("t2", "a");
        world.process(&[Input::Seen(others), Input::Seen(Object::new("t2", "b"))]).await.unwrap();
        world.execute("UPDATE transition SET at = 0").await;
        let collect = async { world.agent.collect(due).await.map(drop) };
        locks_in_order(&world, ("transition", "id"), collect).await;
        assert_eq!(world.count("transition").await, 0);
    })
    .await;
}
