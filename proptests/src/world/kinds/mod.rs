//! The kinds of machines of the backend, in the world.

mod deployment;
mod tenant;
