//! What carries both roles of the program: machines do not know of it, and it does not know of
//! particular machines.
//!
//! * [`inbox`]: observations that wait for their machine: keyed, coalescing, fair to tenants;
//! * [`worker`]: takes batches from an inbox, and isolates what fails them;
//! * [`aside`]: machines that fail alone, each with a pause of its own;
//! * [`commits`]: whether a worker's batches are committed, for `/readyz` and `/livez`;
//! * [`timers`]: the moments for which machines asked to be woken;
//! * [`effects`]: what states require of the world, in the order in which users wait for it;
//! * [`watch`]: one stream for each kind of object, with a back-off and a gauge of its own;
//! * [`sightings`]: what a watch has shown, and what a complete list proves;
//! * [`verdict`]: what a failure of the store means for the next attempt;
//! * [`retry`]: what has to work before anything else can begin;
//! * [`supervisor`]: a role is its work and all of its tasks, or it ends;
//! * [`clock`]: the only place where the time comes from.

pub mod aside;
pub mod clock;
pub mod commits;
pub mod effects;
pub mod inbox;
pub mod retry;
pub mod sightings;
pub mod supervisor;
pub mod timers;
pub mod verdict;
pub mod watch;
pub mod worker;
