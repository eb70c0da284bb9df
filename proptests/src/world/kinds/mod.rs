//! The kinds of machines of the backend, in the world.

mod deployment;
mod managed_environment;
mod repository_credential;
mod sync_run;
mod tenant;
