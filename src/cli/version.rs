//! `version`: which build this is.

use clap::{Args, ValueEnum};
use schema::migration;
use serde_json::json;

use crate::cli::{Failure, tools};

/// What is printed in place of a commit that nobody has named.
const UNKNOWN: &str = "unknown";

/// Where this build comes from.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The commit, if the build was given one.
    pub commit: Option<&'static str>,
}

impl Build {
    /// The version of the program.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// The commit that it was built from.
    pub fn commit(&self) -> &'static str {
        self.commit.unwrap_or(UNKNOWN)
    }
}

/// Options of `version`.
#[derive(Clone, Debug, Args)]
pub struct Version {
    /// How to print it.
    #[arg(short, long, default_value = "text")]
    output: Output,
}

/// How to print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line each.
    Text,
    /// One JSON object.
    Json,
}

impl Version {
    pub(super) fn run(self, build: Build) -> Result<(), Failure> {
        let (version, commit, schema) = (build.version(), build.commit(), migration::newest());
        tools::print(&match self.output {
            Output::Text => format!("version: {version}\ncommit: {commit}\nschema: {schema}\n"),
            Output::Json => {
                format!("{}\n", json!({"version": version, "commit": commit, "schema": schema}))
            }
        })
    }
}
