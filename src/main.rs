//! The one binary.

use std::process::ExitCode;

use clap::Parser;
use managed_gitops::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(cli::run(Cli::parse()).await)
}
