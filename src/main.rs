//! The one binary.

use std::process::ExitCode;

use clap::Parser;
use managed_gitops::cli::version::Build;
use managed_gitops::cli::{self, Cli};

/// Here and not in the library, which is not compiled again for another commit.
const BUILD: Build = Build { commit: option_env!("MANAGED_GITOPS_COMMIT") };

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(cli::run(Cli::parse(), BUILD).await)
}
