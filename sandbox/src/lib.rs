//! An in-process Kubernetes API server.
//!
//! Map, from the inside out:
//!
//! * `store`: objects, resource versions, the bounded history, and their copy on disk;
//! * `registry`: what is served: built-in kinds, custom resources, discovery;
//! * `admission`: pruning, defaults, structural validation, CEL rules, metadata;
//! * `patch`: JSON, merge and strategic patches and server-side apply;
//! * `json`, `selectors`, `jsonpath`, `table`, `openapi`, `events`, `protobuf`: what requests and
//!   answers need;
//! * [`api`]: the synchronous core, [`ApiServer::handle`], which needs neither network nor runtime;
//! * [`Watch`]: a cursor into the history, which is also a stream;
//! * `edge`: the same core over HTTP and, by [`client`], inside the process; `tls`: over HTTPS;
//! * [`ControlPlane`]: a server on loopback with its kubeconfig.
//!
//! `tests/conformance` compares it with a real API server; the differences are listed there, with
//! reasons.
//!
//! Not included: the core never reads a clock or generates a random number itself, has no
//! authentication (hence loopback only), and runs no controllers except those that empty namespaces
//! and definitions and delete dependents without an owner.

#![warn(missing_docs)]

mod admission;
pub mod api;
mod clock;
mod control_plane;
mod edge;
mod events;
mod json;
mod jsonpath;
mod openapi;
mod patch;
mod protobuf;
mod registry;
mod selectors;
mod store;
mod table;
mod tls;
mod watch;

pub use api::{ApiServer, InstallError, Reply, Request, RequestCounts, Response, Settings};
pub use clock::Clock;
pub use control_plane::{ControlPlane, Error, Options};
pub use edge::{Body, answer, client};
pub use store::PersistError;
pub use tls::CertificateError;
pub use watch::{Watch, events_of};
