//! The functional core of managed-gitops: what is done about every resource, as pure state
//! machines. Nothing here knows that Kubernetes or a database exists; there is no clock, no
//! randomness and no I/O.
//!
//! * [`machine`]: what all machines have in common, and the loop that steps them;
//! * [`deployment`], [`tenant`], [`operation`]: one machine each;
//! * [`spec`] and [`application`]: what a deployment asks for, its rules, and the Argo CD
//!   Application that follows from it;
//! * [`repository_url`]: what is wrong with the URL of a repository, and how an AppProject permits it;
//! * [`rows`]: what a step asks the database to say;
//! * [`identity`]: newtypes, and the rules that derive row ids;
//! * [`messages`]: what users read; [`removal`]: what they read while an Application goes;
//! * [`esr`]: the predicates that every run must end in, the trusted specification;
//! * [`diagram`]: the machines' tables and diagrams, read off the running code.

#![warn(missing_docs)]

pub mod application;
pub mod deployment;
pub mod diagram;
mod drive;
pub mod esr;
pub mod identity;
pub mod machine;
pub mod messages;
pub mod operation;
pub mod redaction;
pub mod removal;
pub mod repository_url;
pub mod retry;
pub mod rows;
pub mod spec;
pub mod tenant;

pub use drive::Handling;
