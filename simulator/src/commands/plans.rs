//! Exhaustive plans.

use clap::Args;
use simulator::runs::exhaust::{self, Difference, Outcome};
use simulator::runs::fan_out::fan_out;
use simulator::runs::plan::Strike;
use simulator::runs::subprocess::Subprocesses;
use simulator::runs::workloads::{self, Workload};

/// See the command.
#[derive(Args)]
pub(crate) struct Plans {
    /// Only this workload.
    #[arg(long)]
    workload: Option<String>,
    /// Only this plan, as a failure names it; everything that happened is printed.
    #[arg(long, requires = "workload")]
    plan: Option<String>,
}

impl Plans {
    /// Runs plans; returns whether one failed.
    pub(crate) fn run(self, subprocesses: &Subprocesses, threads: usize) -> bool {
        let mut failed = 0;
        let mut total = 0;
        for workload in workloads::all() {
            if self.workload.as_ref().is_some_and(|wanted| wanted != workload.name) {
                continue;
            }
            let (plans, differences) = self.run_workload(&workload, subprocesses, threads);
            println!("{}: {plans} plans, {} failed", workload.name, differences.len());
            for difference in &differences {
                println!("{difference}");
            }
            failed += differences.len();
            total += plans;
        }
        println!("{total} plans, {failed} failed");
        failed > 0 || total == 0
    }

    fn run_workload(
        &self,
        workload: &Workload,
        subprocesses: &Subprocesses,
        threads: usize,
    ) -> (usize, Vec<Difference>) {
        let failure = |what: String| Difference {
            workload: workload.name,
            strike: Strike::Nothing,
            what,
            entries: Vec::new(),
        };
        let clean = match subprocesses.plan(workload.name, Strike::Nothing) {
            Ok(clean) => clean,
            Err(error) => return (1, vec![failure(format!("{error:#}"))]),
        };
        if self.plan.as_deref() == Some("nothing") {
            print(&clean);
        }
        if let Some(violation) = clean.violations.first() {
            return (1, vec![failure(violation.to_string())]);
        }
        let mut plans = clean.plans.clone();
        if let Some(wanted) = &self.plan {
            plans.retain(|one| one.to_string() == *wanted);
        }
        let mut differences = Vec::new();
        let number = plans.len();
        let run = |strike: &Strike| subprocesses.plan(workload.name, *strike);
        fan_out(threads, plans, run, |strike, outcome| {
            if self.plan.is_some()
                && let Ok(outcome) = &outcome
            {
                print(outcome);
            }
            differences.extend(exhaust::judge(workload, &clean, strike, outcome));
        });
        (number, differences)
    }
}

fn print(outcome: &Outcome) {
    for entry in &outcome.entries {
        println!("{entry}");
    }
}
