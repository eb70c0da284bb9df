//! What both roles of the program run on: machines do not know of it, and it knows no particular
//! machine.
//!
//! * [`inbox`]: observations waiting for their machine: keyed, coalescing, fair to tenants;
//! * [`worker`]: takes batches from an inbox, and isolates what fails them;
//! * [`aside`]: machines that fail alone, each with its own pause;
//! * [`commits`]: whether a worker's batches are committed, for `/readyz` and `/livez`;
//! * [`timers`]: the times at which machines asked to be woken;
//! * [`effects`]: what states require from the world, in the order in which users wait for it;
//! * [`watch`]: one stream per kind of object, with its own back-off and gauge;
//! * [`sightings`]: what a watch has shown, and what a complete list proves;
//! * [`store_failure`]: what a failure of the store means for the next attempt;
//! * [`retry`]: what has to work before anything else can start;
//! * [`supervisor`]: a role is its work and all of its tasks, or it ends;
//! * [`clock`]: the only source of the time of day.

pub mod aside;
pub mod clock;
pub mod commits;
pub mod effects;
pub mod inbox;
pub mod retry;
pub mod sightings;
pub mod store_failure;
pub mod supervisor;
pub mod timers;
pub mod watch;
pub mod worker;
