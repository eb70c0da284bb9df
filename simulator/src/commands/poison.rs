//! Hostile texts and planted objects.

use clap::Args;
use simulator::alone::Alone;
use simulator::fan_out::fan_out;
use simulator::poison::Report;

/// See the command.
#[derive(Args)]
pub(crate) struct Poison {
    /// The only seed to run.
    #[arg(long, conflicts_with_all = ["number", "first"])]
    seed: Option<u64>,
    /// How many runs.
    #[arg(long, default_value_t = 64)]
    number: u64,
    /// The seed of the first; without it a new one each time.
    #[arg(long)]
    first: Option<u64>,
}

impl Poison {
    /// Runs poison; whether a run failed.
    pub(crate) fn run(self, alone: &Alone, threads: usize) -> bool {
        let seeds = super::seeds(self.seed, self.first, self.number);
        let number = seeds.end - seeds.start;
        let mut totals = Report::default();
        let mut failed = 0;
        fan_out(
            threads,
            seeds,
            |seed| alone.poison(*seed),
            |seed, outcome| {
                let report = outcome.unwrap_or_else(|error| Report {
                    violations: vec![format!("{error:#}")],
                    ..Report::default()
                });
                totals.add(&report);
                if let Some(violation) = report.violations.first() {
                    failed += 1;
                    println!("poison {seed}: {violation}");
                    println!("  again: cargo run -p simulator -- poison --seed {seed}");
                }
            },
        );
        let Report { taken, refused, rejected, served, .. } = totals;
        println!(
            "{number} runs: {taken} writes of poison taken, {refused} refused by the server; \
             {rejected} times rejected by the program, {served} times served; {failed} failed"
        );
        failed > 0
    }
}
