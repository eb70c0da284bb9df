//! Exhaustive plans.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::exhaust::{judge, run};
use simulator::fan_out::fan_out;
use simulator::plan::{Strike, plans};
use simulator::workloads;

const THREADS: usize = 2;

/// The workloads whose plans have all been run. The others join them when theirs have.
const TRIED: [&str; 5] = [
    "create",
    "edit",
    "delete with the finalizer",
    "delete and create",
    "a hand deletes the Application",
];

/// One plan of so many is run, unless the environment says how many: `SIMULATOR_EVERY=1` is all.
const EVERY: usize = 16;

#[test]
fn one_fault_at_any_moment_changes_nothing_in_the_end() {
    let every = std::env::var("SIMULATOR_EVERY").ok().and_then(|number| number.parse().ok());
    let every = every.unwrap_or(EVERY);
    // Another share each time.
    let share = fastrand::usize(..every);
    let (mut total, mut tried) = (0, 0);
    for workload in workloads::all().into_iter().filter(|one| TRIED.contains(&one.name)) {
        let clean = run(&workload, Strike::Nothing).unwrap();
        assert!(clean.violations.is_empty(), "{}: {}", workload.name, clean.violations[0]);
        let all = plans(&clean.record);
        println!("{}: {} plans", workload.name, all.len());
        total += all.len();
        let chosen: Vec<Strike> = all.into_iter().skip(share).step_by(every).collect();
        tried += chosen.len();
        let perturbed = |strike: &Strike| run(&workload, *strike);
        fan_out(THREADS, chosen, perturbed, |strike, outcome| {
            let difference = judge(&workload, &clean, strike, outcome);
            if let Some(difference) = difference {
                panic!("{difference}");
            }
        });
    }
    println!("{tried} of {total} plans");
    assert!(tried > 0);
}
