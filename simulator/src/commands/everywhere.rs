//! Every hostile text in every field.

use clap::Args;
use simulator::alone::Alone;
use simulator::everywhere::number;
use simulator::poison::Report;
use simulator::tally::tally;

/// See the command.
#[derive(Args)]
pub(crate) struct Everywhere {
    /// The only place to poison, by its number.
    #[arg(long)]
    place: Option<u64>,
}

impl Everywhere {
    /// Poisons the places; whether a run failed.
    pub(crate) fn run(self, alone: &Alone, threads: usize) -> bool {
        let places = self.place.map_or(0..number(), |place| place..place + 1);
        let poison = |place| alone.everywhere(place);
        let told = |one: &_| println!("{one}");
        let tallied = tally(threads, places, "everywhere --place", poison, told);
        let Report { taken, refused, rejected, served, .. } = tallied.totals;
        let (number, failed) = (tallied.number, tallied.failed);
        println!(
            "{number} places: {taken} texts taken, {refused} refused by the server; {rejected} \
             rejected by the program, {served} served; {failed} failed"
        );
        failed > 0
    }
}
