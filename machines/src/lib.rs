//! The functional core of managed-gitops: what is done about every resource, as pure state
//! machines. Nothing here knows that Kubernetes or a database exists; there is no clock, no
//! randomness and no I/O.
//!
//! * [`machine`]: what all machines have in common, and the loop that steps them;
//! * [`kinds`]: the resources that the backend acts on, a folder and a machine each;
//! * [`waiting`]: what a machine waits for, until when, and what a person can do;
//! * [`operation`]: the agent's machine, one for each request of the backend, and what it is about;
//! * [`shared`]: messages, bounded text, retry, URLs of repositories, redaction;
//! * [`rows`]: what a step asks the database to say;
//! * [`identity`]: newtypes, and the rules that derive row ids;
//! * [`esr`]: the predicates that every run must end in, the trusted specification;
//! * [`diagram`]: the machines' tables and diagrams, derived from the running code.

#![warn(missing_docs)]

#[macro_use]
mod newtype;

pub mod diagram;
mod drive;
pub mod esr;
pub mod identity;
pub mod kinds;
pub mod machine;
pub mod operation;
pub mod rows;
pub mod shared;
pub mod waiting;

pub use drive::Handling;
