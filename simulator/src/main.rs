//! `simulator sim`, `simulator plans`, `simulator campaigns`: see the library.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{campaigns, field_fuzzing, plans, poison, sim};
use simulator::checks::search::Listener;
use simulator::runs::subprocess::{self, COMMAND, Subprocesses};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Runs the whole program on a virtual clock, under every fault that we know.
#[derive(Parser)]
struct Arguments {
    /// Parallel runs.
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
    /// Random faults, derived from a seed.
    Sim(sim::Sim),
    /// One fault at one exact moment, for all moments of all workloads.
    Plans(plans::Plans),
    /// Sequences of edits, valid and invalid, derived from the definitions.
    Campaigns(campaigns::Campaigns),
    /// Hostile texts and planted objects next to healthy deployments.
    Poison(poison::Poison),
    /// Every hostile text in every field
    FieldFuzzing(field_fuzzing::FieldFuzzing),
    /// Performs one task for another process and prints its report as JSON.
    #[command(name = COMMAND, hide = true)]
    Subprocesses {
        /// The task, as JSON.
        task: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printed = arguments.log.then(|| {
        let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time();
        layer.with_filter(LevelFilter::INFO)
    });
    let heard = tracing_subscriber::fmt::layer().with_writer(Listener).without_time();
    let heard = heard.with_filter(LevelFilter::DEBUG);
    tracing_subscriber::registry().with(printed).with(heard).init();
    match run(arguments) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command; returns whether something failed.
fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let subprocesses = Subprocesses::new(std::env::current_exe()?).with_log(arguments.log);
    let threads = arguments.threads;
    Ok(match arguments.command {
        Command::Sim(sim) => sim.run(&subprocesses, threads),
        Command::Plans(plans) => plans.run(&subprocesses, threads),
        Command::Campaigns(campaigns) => campaigns.run(&subprocesses, threads),
        Command::Poison(poison) => poison.run(&subprocesses, threads),
        Command::FieldFuzzing(fuzzing) => fuzzing.run(&subprocesses, threads),
        Command::Subprocesses { task } => {
            subprocess::perform(&task)?;
            false
        }
    })
}
