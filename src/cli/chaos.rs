//! Whether calls fail on purpose. The settings are those of the existing system; here a flag that has
//! no variable has to permit them, so that no copied environment switches them on in production.

use std::sync::Arc;

use clap::{ArgAction, Args};
use schema::Database;

use crate::chaos::{FailureRate, unreliable};
use crate::cli::Failure;
use crate::kubernetes::CountedClient;

/// See the module.
#[derive(Clone, Debug, Args)]
pub struct ChaosArguments {
    /// Permit the settings by which calls fail on purpose. Never in production.
    #[arg(long)]
    allow_chaos: bool,
    /// Whether requests to the Kubernetes API fail on purpose; needs --allow-chaos.
    #[arg(
        long,
        env = "ENABLE_UNRELIABLE_CLIENT",
        default_value = "false",
        value_parser = clap::builder::BoolishValueParser::new(),
        action = ArgAction::Set
    )]
    enable_unreliable_client: bool,
    /// How many of a hundred requests then fail.
    #[arg(
        long,
        env = "UNRELIABLE_CLIENT_FAILURE_RATE",
        default_value = "0",
        value_parser = failure_rate
    )]
    unreliable_client_failure_rate: FailureRate,
    /// Whether calls to the database fail on purpose; needs --allow-chaos.
    #[arg(
        long,
        env = "ENABLE_UNRELIABLE_DB",
        default_value = "false",
        value_parser = clap::builder::BoolishValueParser::new(),
        action = ArgAction::Set
    )]
    enable_unreliable_db: bool,
    /// How many of a hundred calls then fail.
    #[arg(
        long,
        env = "UNRELIABLE_DB_FAILURE_RATE",
        default_value = "0",
        value_parser = failure_rate
    )]
    unreliable_db_failure_rate: FailureRate,
}

fn failure_rate(text: &str) -> Result<FailureRate, String> {
    let rate = text.parse().ok().and_then(FailureRate::percent);
    rate.ok_or_else(|| "give a whole number of percent, from 0 to 100".to_owned())
}

/// What fails on purpose, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chaos {
    client: Option<FailureRate>,
    database: Option<FailureRate>,
}

impl ChaosArguments {
    /// What they ask for, if that is permitted.
    pub(super) fn chaos(&self) -> Result<Chaos, Failure> {
        let client = self.enable_unreliable_client.then_some(self.unreliable_client_failure_rate);
        let database = self.enable_unreliable_db.then_some(self.unreliable_db_failure_rate);
        if (client.is_some() || database.is_some()) && !self.allow_chaos {
            return Err(Failure::Input(anyhow::anyhow!(
                "ENABLE_UNRELIABLE_CLIENT and ENABLE_UNRELIABLE_DB have calls fail on purpose: unset \
                 them, or give --allow-chaos where that is wanted"
            )));
        }
        Ok(Chaos { client, database })
    }
}

impl Chaos {
    /// The same client and the same database, as unreliable as they should be; says so in the log.
    pub(super) fn apply(
        self,
        client: CountedClient,
        database: Database,
    ) -> (CountedClient, Database) {
        if let Some(rate) = self.client {
            tracing::warn!(
                "chaos is on: {rate} of the requests to the Kubernetes API fail on purpose"
            );
        }
        if let Some(rate) = self.database {
            tracing::warn!("chaos is on: {rate} of the calls to the database fail on purpose");
        }
        let client = match self.client {
            Some(rate) => unreliable(client, rate),
            None => client,
        };
        let database = match self.database {
            Some(rate) => database.behind(Arc::new(rate)),
            None => database,
        };
        (client, database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Only {
        #[command(flatten)]
        chaos: ChaosArguments,
    }

    fn chaos(arguments: &[&str]) -> Result<Chaos, Failure> {
        let words = std::iter::once(&"program").chain(arguments);
        <Only as clap::Parser>::try_parse_from(words).map_err(Failure::input)?.chaos.chaos()
    }

    #[test]
    fn chaos_needs_its_permission() {
        for asked in ["--enable-unreliable-db=true", "--enable-unreliable-client=True"] {
            let refusal = chaos(&[asked]).unwrap_err();
            assert_eq!(refusal.code(), 2);
            assert!(refusal.to_string().contains("give --allow-chaos"), "{refusal}");
            assert!(chaos(&[asked, "--allow-chaos"]).is_ok());
        }
        let none = Chaos { client: None, database: None };
        assert_eq!(chaos(&["--allow-chaos"]).unwrap(), none);
        let off = ["--enable-unreliable-db=false", "--unreliable-db-failure-rate=20"];
        assert_eq!(chaos(&off).unwrap(), none);
    }

    #[test]
    fn a_rate_is_a_percentage_and_without_one_nothing_fails() {
        let asked = |rate: &str| {
            chaos(&["--allow-chaos", "--enable-unreliable-db=true", rate]).map(|it| it.database)
        };
        let rate = |percent| FailureRate::percent(percent);
        assert_eq!(asked("--unreliable-db-failure-rate=20").unwrap(), rate(20));
        assert_eq!(asked("--unreliable-client-failure-rate=20").unwrap(), rate(0));
        for unfit in ["101", "-1", "0.2", "20%", ""] {
            let refusal = asked(&format!("--unreliable-db-failure-rate={unfit}")).unwrap_err();
            assert!(refusal.to_string().contains("from 0 to 100"), "{unfit}: {refusal}");
        }
    }

    #[test]
    fn the_variables_are_those_of_the_existing_system() {
        let command = <Only as clap::CommandFactory>::command();
        let variables: Vec<_> = command.get_arguments().filter_map(|one| one.get_env()).collect();
        assert_eq!(
            variables,
            [
                "ENABLE_UNRELIABLE_CLIENT",
                "UNRELIABLE_CLIENT_FAILURE_RATE",
                "ENABLE_UNRELIABLE_DB",
                "UNRELIABLE_DB_FAILURE_RATE",
            ]
        );
    }
}
