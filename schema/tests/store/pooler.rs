//! PgBouncer in transaction mode: each transaction may get another session, so nothing may rely on
//! one.

#![allow(clippy::unwrap_in_result, reason = "`None` means not installed")]

use std::time::Duration;

use schema::connection::ConnectOptions;
use schema::notify::{Listener, notify};
use schema::{ConnectError, Database, check, connect, migrate};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement, TransactionTrait as _};

use crate::driver::{Input, Object, World};
use crate::harness::{DEADLINE, Scratch, on_postgres, options};
use crate::servers::Server;

/// Makes PgBouncer accept settings that it does not know, as its manual suggests.
const IGNORING: &str = "ignore_startup_parameters = extra_float_digits,options";

fn pooled() -> ConnectOptions {
    ConnectOptions { pooled: true, ..options() }
}

/// Opens a database, waiting for its server to take connections.
async fn opened(url: &str, options: &ConnectOptions) -> Result<Database, ConnectError> {
    let wait = async {
        loop {
            match connect(url, options).await {
                Err(ConnectError::Refused { .. }) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                outcome => return outcome,
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect("the pooler starts")
}

#[tokio::test]
async fn an_unannounced_pooler_is_reported_with_advice() {
    on_postgres(async |scratch| {
        for settings in ["", IGNORING] {
            let Some((_pooler, url)) = Server::pgbouncer_before(&scratch.url, settings) else {
                return;
            };
            let error = opened(&url, &options()).await.unwrap_err();
            assert!(matches!(error, ConnectError::Pooler { .. }), "{error}");
            assert!(!error.is_transient());
            let error = error.to_string();
            assert!(error.contains("set DATABASE_POOLER=transaction"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn everything_works_through_an_announced_pooler() {
    on_postgres(async |scratch| {
        for settings in ["", IGNORING] {
            let Some((_pooler, url)) = Server::pgbouncer_before(&scratch.url, settings) else {
                return;
            };
            let database = opened(&url, &pooled()).await.unwrap();
            migrate(&database).await.unwrap();
            // Another process, which gets the sessions of the first.
            let other = opened(&url, &pooled()).await.unwrap();
            migrate(&other).await.unwrap();
            check(&other).await.unwrap();
            assert!(database.is_pooled());
            let role = schema::role_of(&other).await.unwrap();
            assert!(!role.is_empty());
        }
    })
    .await;
}

/// The names that the driver gives to statements, as another client of the pooler may have used them.
async fn take_names(database: &Database) {
    let begin = || async { database.connection().begin().await.unwrap() };
    // At once, so that they are all of the pooler's sessions.
    let sessions = [begin().await, begin().await];
    for session in sessions {
        session.execute_unprepared("DEALLOCATE ALL").await.unwrap();
        for number in 1..=30 {
            let take = format!("PREPARE sqlx_s_{number} AS SELECT {number}");
            session.execute_unprepared(&take).await.unwrap();
        }
        session.commit().await.unwrap();
    }
}

#[tokio::test]
async fn statements_that_another_client_has_prepared_are_not_taken_for_ours() {
    on_postgres(async |scratch| {
        // Without this setting no index can be built through the pooler.
        let pooler = Server::pgbouncer_before(&scratch.url, IGNORING);
        let Some((_pooler, url)) = pooler else { return };
        let database = opened(&url, &pooled()).await.unwrap();
        for _ in 0..2 {
            take_names(&opened(&url, &pooled()).await.unwrap()).await;
            let report = migrate(&database).await.unwrap();
            assert_eq!(report.warnings, Vec::<String>::new());
        }
        take_names(&opened(&url, &pooled()).await.unwrap()).await;
        check(&database).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn deployments_work_through_a_pooler() {
    on_postgres(async |scratch| {
        let Some((_pooler, url)) = Server::pgbouncer_before(&scratch.url, "") else { return };
        let world = World::start(&Scratch::holding(opened(&url, &pooled()).await.unwrap())).await;
        let objects: Vec<Object> =
            (0..20).map(|number| Object::new("t1", &number.to_string())).collect();
        world.settle(&objects).await;
        // More concurrency than the pooler has sessions.
        let edits =
            objects.iter().map(|object| {
                let world = &world;
                async move {
                    world.process(&[Input::Seen(object.edited("https://h/new"))]).await.map(drop)
                }
            });
        let edits = edits.map(|edit| async { edit.await.map_err(|error| error.to_string()) });
        for edited in join(edits.collect()).await {
            edited.unwrap();
        }
        assert_eq!(world.count("application").await, 20);
        world.remove(&objects).await;
        assert_eq!(world.count("application").await, 0);
    })
    .await;
}

async fn join<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    while !futures.is_empty() {
        let first = std::future::poll_fn(|context| {
            let ready = futures.iter_mut().enumerate().find_map(|(index, one)| {
                match one.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => Some((index, value)),
                    std::task::Poll::Pending => None,
                }
            });
            ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        });
        let (index, value) = first.await;
        drop(futures.swap_remove(index));
        done.push(value);
    }
    done
}

#[tokio::test]
async fn limits_hold_in_each_transaction_and_nothing_is_left_in_a_session() {
    on_postgres(async |scratch| {
        let Some((_pooler, url)) = Server::pgbouncer_before(&scratch.url, "") else { return };
        let database = opened(&url, &pooled()).await.unwrap();
        let ask = async |query: &str| -> String {
            let statement = Statement::from_string(DbBackend::Postgres, query);
            let row = database.reads().query_one_raw(statement).await.unwrap().unwrap();
            row.try_get_by_index(0).unwrap()
        };
        assert_eq!(ask("SHOW statement_timeout").await, "30s");
        assert_eq!(ask("SHOW idle_in_transaction_session_timeout").await, "10s");
        assert_eq!(
            ask("SELECT count(*)::text FROM pg_prepared_statements WHERE name <> ''").await,
            "0"
        );
        let admin = scratch.open().await;
        let row = Statement::from_string(DbBackend::Postgres, "SHOW statement_timeout");
        assert!(admin.connection().query_one_raw(row).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn signals_are_sent_through_a_pooler_and_received_without_it() {
    on_postgres(async |scratch| {
        let Some((_pooler, url)) = Server::pgbouncer_before(&scratch.url, "") else { return };
        let direct = scratch.open().await;
        let database = opened(&url, &pooled()).await.unwrap().listening_on(direct);
        let mut listener = Listener::connect(&database).await.unwrap();
        notify(&database, "news").await.unwrap();
        let heard = tokio::time::timeout(DEADLINE, listener.next()).await.expect("a notification");
        assert_eq!(heard.unwrap().as_deref(), Some("news"));
    })
    .await;
}
