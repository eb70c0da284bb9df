//! The database: its tables, how they are created, how it is reached, and the forms of its values.
//!
//! * [`connection`]: [`connect`] opens SQLite or PostgreSQL by URL, or says in one sentence why it
//!   could not.
//! * [`error_class`]: what to do about a database error.
//! * [`entity`]: one module per table.
//! * [`migration`]: [`migrate`] brings an empty database, or one of the existing system, to the
//!   tables of this build; [`check`] only looks.
//! * [`application_state`] and [`spec_field`]: the two values that the backend and the agent
//!   exchange as blobs, in the existing system's spelling.
//! * [`sealing`]: how credentials are encrypted.
//! * [`notify`]: how two processes on one PostgreSQL wake each other.
//! * [`store`]: loads machines in batches, and commits what their steps say.
//! * [`gate`]: where a simulator, or chaos, sits between the store and its database.
//! * [`embedded`]: backup, check and inspection of an SQLite file without the pool.
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
pub mod sealing;
pub mod spec_field;
pub mod store;

use std::future::Future;
use std::pin::Pin;

/// What this crate's functions that wait for a database return. They are called through a pointer:
/// each crate and each test that awaits a plain `async fn` compiles everything in it again, down to
/// the driver, which took the compiler minutes.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub use connection::{ConnectError, ConnectOptions, Database, DatabaseKind, connect};
pub use error_class::{ErrorClass, Fault};
pub use migration::{MigrationError, MigrationReport, check, grant_use, migrate, role_of};
