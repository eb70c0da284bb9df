//! Clusters of every kind, all on this machine's loopback addresses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api_server;
mod check;
mod install;
mod revoke;
mod support;
