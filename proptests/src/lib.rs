//! What the property tests in `tests/` share.
//!
//! * [`arbitrary`]: values that need not be reachable, for the properties that hold for every state
//!   and every event;
//! * [`walk`]: one deployment in an adversarial environment, so that every state on the way is
//!   reachable; and a helpful environment that brings any such state to rest;
//! * [`world`]: tenants, deployments and operations around an in-memory database, Kubernetes API
//!   and Argo CD, under any interleaving, for the specification in `machines::esr`;
//! * [`model`]: small worlds of this kind under every interleaving, for the model checker.
//!
//! Machines are kept as JSON between their steps: every step of every test is also a restart.

pub mod arbitrary;
pub mod model;
pub mod walk;
pub mod world;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::FileFailurePersistence;

/// The configuration of a property: its number of cases, and counterexamples kept next to the
/// test's source, as `tests/NAME.proptest-regressions`.
pub fn config(cases: u32) -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("proptest-regressions");
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(persistence)),
        ..ProptestConfig::default()
    }
}
