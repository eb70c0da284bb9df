//! The kinds of machines of the backend, in the world.

mod deployment;
mod sync_run;
mod tenant;
