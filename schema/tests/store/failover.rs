//! What happens to open connections when another server takes over, and when tables change under
//! them.

use std::time::Duration;

use schema::connection::ConnectOptions;
use schema::notify::{Listener, notify};
use schema::{ConnectError, Database, ErrorClass, connect};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::driver::{Input, Object, World};
use crate::harness::{DEADLINE, Scratch, on_postgres, options};
use crate::servers::{Address, Server, url};

/// How often a worker retries at once.
const AT_ONCE: usize = 3;
/// After which a server that works cancels a statement.
const SOON: Duration = Duration::from_secs(1);

async fn text(database: &Database, query: &str) -> String {
    let statement = Statement::from_string(DbBackend::Postgres, query);
    let row = database.connection().query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// Waits until a server takes connections.
async fn open(server: &Server) -> Database {
    let wait = async {
        loop {
            match connect(&server.url(), &options()).await {
                Ok(database) => return database,
                Err(ConnectError::Refused { .. } | ConnectError::Unavailable { .. }) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect("the server starts")
}

async fn until(database: &Database, query: &str, answer: &str) {
    let wait = async {
        while text(database, query).await != answer {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("{query}: {answer}"));
}

/// Commits an edit as a worker does, with a few immediate retries; returns the errors on the way.
async fn commit(world: &World, object: &Object) -> Vec<&'static str> {
    let mut troubles = Vec::new();
    let edited = [Input::Seen(object.edited("https://h/new"))];
    for _ in 0..=AT_ONCE {
        match world.process(&edited).await {
            Ok(_) => return troubles,
            Err(error) => {
                assert_eq!(error.fault().class, ErrorClass::Connection, "{error}");
                troubles.push(error.fault().why);
            }
        }
    }
    panic!("not committed: {troubles:?}");
}

#[tokio::test]
async fn after_a_failover_that_keeps_connections_open_the_next_commit_reaches_the_new_server() {
    let Some(first) = Server::for_test() else { return };
    let admin = open(&first).await;
    let address = Address::of(&first).await;
    let world = World::start(&Scratch::at(url(address.port))).await;
    let object = Object::new("t1", "a");
    world.settle(std::slice::from_ref(&object)).await;
    let mut listener = Listener::connect(&world.database).await.unwrap();

    let second = first.standby().unwrap();
    let promoting = open(&second).await;
    // The first one keeps answering its existing connections, but rejects their writes.
    for statement in
        ["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"]
    {
        admin.connection().execute_unprepared(statement).await.unwrap();
    }
    until(&world.database, "SHOW transaction_read_only", "on").await;
    until(&promoting, "SELECT pg_promote()::text", "true").await;
    address.leads_to(&second);

    assert_eq!(commit(&world, &object).await, ["the database is read-only"]);
    let port = "SELECT inet_server_port()::text";
    assert_eq!(text(&world.database, port).await, second.port.to_string());
    assert_eq!(text(&promoting, "SELECT count(*)::text FROM application").await, "1");
    // The listener has moved as well, and knows that it may have missed something.
    let gap = tokio::time::timeout(DEADLINE, listener.next()).await.expect("a gap");
    assert_eq!(gap.unwrap(), None, "once");
    notify(&world.database, "news").await.unwrap();
    let news = tokio::time::timeout(DEADLINE, listener.next()).await.expect("a notification");
    assert_eq!(news.unwrap().as_deref(), Some("news"));
}

#[tokio::test]
async fn a_frozen_server_is_left_once_a_statement_is_overdue_even_with_its_last_connection() {
    let Some(first) = Server::for_test() else { return };
    drop(open(&first).await);
    let address = Address::of(&first).await;
    let overdue_soon = ConnectOptions { statement_timeout: SOON, max_connections: 1, ..options() };
    let database = connect(&url(address.port), &overdue_soon).await.unwrap();
    let world = World::start(&Scratch::holding(database)).await;
    let object = Object::new("t1", "a");
    world.settle(std::slice::from_ref(&object)).await;
    let mut listener = Listener::connect(&world.database).await.unwrap();

    let second = first.standby().unwrap();
    let promoting = open(&second).await;
    first.freeze();
    until(&promoting, "SELECT pg_promote()::text", "true").await;
    address.leads_to(&second);

    assert_eq!(commit(&world, &object).await, ["the connection to the database was lost"]);
    let port = "SELECT inet_server_port()::text";
    assert_eq!(text(&world.database, port).await, second.port.to_string());
    assert_eq!(text(&promoting, "SELECT count(*)::text FROM application").await, "1");
    let gap = tokio::time::timeout(DEADLINE, listener.next()).await.expect("a gap");
    assert_eq!(gap.unwrap(), None, "once");
    notify(&world.database, "news").await.unwrap();
    let news = tokio::time::timeout(DEADLINE, listener.next()).await.expect("a notification");
    assert_eq!(news.unwrap().as_deref(), Some("news"));
}

#[tokio::test]
async fn columns_widened_under_prepared_statements_delay_a_commit_by_one_attempt() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        let object = Object::new("t1", "a");
        world.settle(std::slice::from_ref(&object)).await;
        let newer = scratch.open().await;
        let widen = "ALTER TABLE machine ALTER COLUMN namespace TYPE varchar(1000), \
                     ALTER COLUMN name TYPE varchar(1000)";
        newer.connection().execute_unprepared(widen).await.unwrap();
        let troubles = commit(&world, &object).await;
        assert_eq!(troubles, ["tables have changed under prepared statements"]);
    })
    .await;
}

#[tokio::test]
async fn a_connection_closed_by_the_server_delays_a_commit_by_one_attempt() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        let object = Object::new("t1", "a");
        world.settle(std::slice::from_ref(&object)).await;
        let admin = scratch.open().await;
        let end = "SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert_ne!(text(&admin, end).await, "0");
        let troubles = commit(&world, &object).await;
        assert_eq!(troubles.len(), 1, "{troubles:?}");
    })
    .await;
}
