//! Checks of repositories on servers of every kind, all on this machine's loopback addresses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod https;
mod https_server;
mod logs;
mod ssh;
mod ssh_server;
mod stand_in;
mod support;
mod url;
