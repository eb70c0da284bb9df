//! `crds`, `migrate` and `backup`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use schema::connection::connect;
use schema::embedded;

use crate::cli::{DatabaseArguments, Failure, MigrationArguments};

/// Prints the CustomResourceDefinitions.
pub(super) fn crds() -> Result<(), Failure> {
    let yaml = crds::yaml().map_err(Failure::running)?;
    print(&yaml)
}

/// Prints a text, to a reader that may have read enough of it.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(Failure::running),
    }
}

/// Options of `migrate`.
#[derive(Clone, Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    migration: MigrationArguments,
}

impl Migrate {
    /// Brings the database to the tables of this version.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { database, migration } = self;
        let options = database.options();
        let database = connect(&database.url(), &options).await.map_err(Failure::input)?;
        let report = migration.migrate(&database, &options).await?;
        for warning in &report.warnings {
            eprintln!("warning: {warning}");
        }
        if report.applied.is_empty() {
            println!("the database is up to date");
        }
        for name in &report.newer {
            println!("a newer version has applied {name}, and this one does without");
        }
        for name in &report.applied {
            println!("applied {name}");
        }
        Ok(())
    }
}

/// Options of `backup`.
#[derive(Clone, Debug, Args)]
pub struct Backup {
    /// The directory of `dev` whose database is copied.
    #[arg(long, env = "MANAGED_GITOPS_DIR", default_value = ".managed-gitops")]
    dir: PathBuf,
    /// The file to write; it must not exist.
    to: PathBuf,
}

impl Backup {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { dir, to } = self;
        let from = dir.join(super::dev::DATABASE_FILE);
        let target = to.clone();
        let backup = move || embedded::backup(&from, &target, |_| {});
        let bytes = tokio::task::spawn_blocking(backup)
            .await
            .map_err(Failure::running)?
            .map_err(Failure::input)?;
        println!("{}: {bytes} bytes, checked", to.display());
        Ok(())
    }
}
