//! The database: its tables, how they come about, how it is reached, and the forms that values
//! have in it.
//!
//! * [`connection`]: [`connect`] opens SQLite or PostgreSQL by a URL and says in a sentence why
//!   it could not.
//! * [`error_class`]: what to do about an error of the database.
//! * [`entity`]: one module per table.
//! * [`migration`]: [`migrate`] brings an empty database, or one of the existing system, to the
//!   tables of this build; [`check`] only looks.
//! * [`application_state`] and [`spec_field`]: the two values that the backend and the agent
//!   exchange as blobs, in the existing system's spelling.
//! * [`notify`]: how two processes on one PostgreSQL wake each other.
//! * [`store`]: loads machines in batches, and commits what their steps say.
//! * [`gate`]: where a simulator stands between the store and its database.
//! * [`embedded`]: backup, check and inspection of an SQLite file by other means than the pool.
//!
//! Everything but [`embedded`] behaves the same on both databases, and the tests in `tests/` run
//! on both.

pub mod application_state;
pub mod connection;
pub mod embedded;
pub mod entity;
pub mod error_class;
pub mod gate;
pub mod migration;
pub mod notify;
pub mod spec_field;
pub mod store;

use std::future::Future;
use std::pin::Pin;

/// What the functions of this crate return that wait for a database. They are called by a pointer:
/// each crate and each test that awaits a plain `async fn` compiles all that it does once more, down
/// to the driver, which took the compiler minutes.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub use connection::{ConnectError, ConnectOptions, Database, DatabaseKind, connect};
pub use error_class::{ErrorClass, Fault};
pub use migration::{MigrationError, MigrationReport, check, grant_use, migrate, role_of};
