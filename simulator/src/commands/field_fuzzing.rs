//! Every hostile text in every field.

use clap::Args;
use simulator::fuzz::field_fuzzing::number;
use simulator::fuzz::poison::Report;
use simulator::runs::subprocess::Subprocesses;
use simulator::runs::tally::tally;

/// See the command.
#[derive(Args)]
pub(crate) struct FieldFuzzing {
    /// The number of the only place to poison.
    #[arg(long)]
    place: Option<u64>,
}

impl FieldFuzzing {
    /// Poisons the places; returns whether a run failed.
    pub(crate) fn run(self, subprocesses: &Subprocesses, threads: usize) -> bool {
        let places = self.place.map_or(0..number(), |place| place..place + 1);
        let poison = |place| subprocesses.field(place);
        let told = |one: &_| println!("{one}");
        let tallied = tally(threads, places, "field-fuzzing --place", poison, told);
        let Report { taken, refused, rejected, served, .. } = tallied.totals;
        let (number, failed) = (tallied.number, tallied.failed);
        println!(
            "{number} places: {taken} texts taken, {refused} refused by the server; {rejected} \
             rejected by the program, {served} served; {failed} failed"
        );
        failed > 0
    }
}
