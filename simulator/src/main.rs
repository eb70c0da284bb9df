//! `simulator sim`, `simulator plans`, `simulator campaigns`: see the library.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{campaigns, plans, sim};

/// Runs the whole program on a virtual clock, under every fault that we can name.
#[derive(Parser)]
struct Arguments {
    /// Runs at once.
    #[arg(long, global = true, default_value_t = 2)]
    threads: usize,
    /// Prints what the program logs.
    #[arg(long, global = true)]
    log: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Faults by chance, which follow from a seed.
    Sim(sim::Sim),
    /// One fault at one exact moment, for all moments of all workloads.
    Plans(plans::Plans),
    /// Sequences of edits, valid and invalid, as the definitions suggest them.
    Campaigns(campaigns::Campaigns),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.log {
        tracing_subscriber::fmt().with_writer(std::io::stderr).without_time().init();
    }
    let failed = match arguments.command {
        Command::Sim(sim) => sim.run(arguments.threads),
        Command::Plans(plans) => plans.run(arguments.threads),
        Command::Campaigns(campaigns) => campaigns.run(arguments.threads),
    };
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
