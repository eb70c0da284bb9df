//! Databases for one test each: in memory, in a file, and on the PostgreSQL of `DATABASE_URL`.

#![allow(dead_code, unreachable_pub, reason = "no test uses all of it")]

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use schema::{ConnectOptions, Database, DatabaseKind, connect};
use sea_orm::ConnectionTrait as _;

/// Makes three tests, one per database, from each function that takes a [`Scratch`].
#[allow(unused_macros, reason = "no test uses all of it")]
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            use crate::harness::{self, Boxed};

            /// As data: otherwise the test would be compiled into each of the three, which takes the
            /// compiler minutes.
            const TEST: Boxed = |scratch| Box::pin(super::$test(scratch));

            #[tokio::test]
            async fn in_memory() {
                harness::in_memory(TEST).await;
            }

            #[tokio::test]
            async fn in_a_file() {
                harness::in_a_file(TEST).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                harness::on_postgres(TEST).await;
            }
        }
    )+ };
}
#[allow(unused_imports, reason = "no test uses all of it")]
pub(crate) use on_each_database;

/// A test that is called through a pointer.
pub type Boxed = fn(Scratch) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// An empty database that ends with its test.
#[derive(Clone)]
pub struct Scratch {
    pub url: String,
    /// Opening a database in memory again would create another one, so it is opened once.
    memory: Option<Database>,
}

impl Scratch {
    /// A database that already exists.
    pub fn at(url: String) -> Self {
        Self { url, memory: None }
    }

    /// A database that is already open.
    pub fn holding(database: Database) -> Self {
        Self { url: String::new(), memory: Some(database) }
    }

    /// Opens the database; each call acts as another process.
    pub async fn open(&self) -> Database {
        match &self.memory {
            Some(database) => database.clone(),
            None => connect(&self.url, &options()).await.unwrap(),
        }
    }
}

pub fn options() -> ConnectOptions {
    ConnectOptions { max_connections: 4, ..ConnectOptions::default() }
}

pub async fn in_memory<F: Future<Output = ()>>(test: impl FnOnce(Scratch) -> F) {
    let url = "sqlite::memory:".to_owned();
    let memory = Some(connect(&url, &options()).await.unwrap());
    test(Scratch { url, memory }).await;
}

pub async fn in_a_file<F: Future<Output = ()>>(test: impl FnOnce(Scratch) -> F) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("test.db").display());
    test(Scratch { url, memory: None }).await;
}

/// Runs the test on its own database, which is dropped even if the test fails.
pub async fn on_postgres<F>(test: impl FnOnce(Scratch) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(server) = std::env::var("DATABASE_URL") else {
        println!("skipping PostgreSQL: DATABASE_URL is not set");
        return;
    };
    let name = format!("gitops_test_{}", uuid::Uuid::new_v4().simple());
    let admin =
        connect(&server, &ConnectOptions { max_connections: 1, ..options() }).await.unwrap();
    assert_eq!(admin.kind(), DatabaseKind::Postgres, "DATABASE_URL must name a PostgreSQL server");
    admin.connection().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let scratch = Scratch { url: with_database(&server, &name), memory: None };
    let outcome = tokio::spawn(test(scratch)).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    admin.connection().execute_unprepared(&drop).await.unwrap();
    admin.close().await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// The URL of another database on the same server.
pub fn with_database(url: &str, name: &str) -> String {
    let (rest, query) = match url.split_once('?') {
        Some((rest, query)) => (rest, format!("?{query}")),
        None => (url, String::new()),
    };
    let (scheme, rest) = rest.split_once("://").unwrap();
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    format!("{scheme}://{host}/{name}{query}")
}

/// Long enough for a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(60);
