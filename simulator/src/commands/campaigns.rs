//! Sequences of edits.

use clap::Args;
use simulator::alone::Alone;
use simulator::campaign::Report;
use simulator::fan_out::fan_out;

/// See the command.
#[derive(Args)]
pub(crate) struct Campaigns {
    /// The only seed to run.
    #[arg(long, conflicts_with_all = ["number", "first"])]
    seed: Option<u64>,
    /// How many campaigns to run.
    #[arg(long, default_value_t = 1_000)]
    number: u64,
    /// The seed of the first; without it a new one each time.
    #[arg(long)]
    first: Option<u64>,
}

impl Campaigns {
    /// Runs campaigns; whether one failed.
    pub(crate) fn run(self, alone: &Alone, threads: usize) -> bool {
        let seeds = super::seeds(self.seed, self.first, self.number);
        let number = seeds.end - seeds.start;
        let mut totals = Report::default();
        let mut failed = 0;
        fan_out(
            threads,
            seeds,
            |seed| alone.campaign(*seed),
            |seed, outcome| {
                let report = outcome.unwrap_or_else(|error| Report {
                    violations: vec![format!("{error:#}")],
                    ..Report::default()
                });
                totals.add(&report);
                if let Some(violation) = report.violations.first() {
                    failed += 1;
                    println!("campaign {seed}: {violation}");
                    println!("  again: cargo run -p simulator -- campaigns --seed {seed}");
                }
            },
        );
        let Report { taken, refused, rejected, reverted, .. } = totals;
        println!(
            "{number} campaigns: {taken} edits taken (of which {rejected} rejected by the program), \
             {refused} refused by the server, {reverted} taken back; {failed} failed"
        );
        failed > 0
    }
}
