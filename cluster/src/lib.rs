//! Whether a kubeconfig that a tenant has written opens the tenant's cluster, asked of the cluster;
//! and a ServiceAccount of this program's own there, where the tenant wants one.
//!
//! A kubeconfig can make a client run programs, read files and ask any server. So it is hostile
//! input: see [`kubeconfig`] for what is read of it. The cluster may be hostile as well: it may send
//! anything for any time, it may be at an address that only this program can reach, and it may
//! redirect there. See [`Policy`] and [`Limits`]. No redirect is followed, no proxy is used, and no
//! environment variable is looked at, except where the system's root certificates are.
//!
//! # What the program calls
//!
//! Without any IO, from the resource and its Secret to what is asked for:
//!
//! * [`ApiUrl::parse`] and [`Namespaces::parse`] for the spec,
//! * [`Target::of_kubeconfig`] for the Secret,
//! * [`Installation::new`] where `createNewServiceAccount` is set; [`Installation::objects`] are
//!   what to keep a record of before they are made.
//!
//! On the network, and so what a simulator has to stand in for:
//!
//! * [`ClusterClient::check`]: whether the cluster accepts the token,
//! * [`ClusterClient::install`]: makes the account, and returns its token,
//! * [`ClusterClient::revoke`]: deletes objects of it, and returns those that are left.
//!
//! Each of them ends within its limits and can be repeated. What goes wrong is a [`Failure`]: what
//! the condition `ConnectionInitializationSucceeded` says ([`Reason`], whose texts are contract), a
//! [`Cause`] for programs and a sentence for people. No part of a token is in any of them.

#![warn(missing_docs)]

pub mod api_url;
mod client;
mod failure;
pub mod kubeconfig;
mod limits;
pub mod namespaces;
mod reason;
mod request;
pub mod service_account;
pub mod target;

pub use api_url::ApiUrl;
pub use client::ClusterClient;
pub use failure::{Cause, Failure, MAX_SENTENCE};
pub use limits::Limits;
pub use namespaces::Namespaces;
pub use reason::{Part, Reason, Status, UnsupportedApiUrl};
pub use service_account::{Installation, RemoteKind, RemoteObject, Revocation};
pub use target::{Target, Trust};
pub use tenant_servers::{Policy, Resolve, Resolving, SystemResolver};
