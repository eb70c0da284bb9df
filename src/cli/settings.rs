//! Settings that every way to run shares.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, ValueEnum};
use machines::kinds::deployment::conditions::ConditionStyle;

use crate::cli::namespace;
use crate::settings::{REPAIR_GRACE, SecretNamespaces, Settings};

/// The most namespaces that can be named: each has a watch of its own.
const SECRET_NAMESPACES_LIMIT: usize = 100;

/// See the module.
#[derive(Clone, Debug, Args)]
pub struct SettingsArguments {
    /// Namespace of Argo CD.
    #[arg(
        long,
        env = "ARGO_CD_NAMESPACE",
        value_parser = namespace,
        default_value = crds::names::DEFAULT_ARGO_CD_NAMESPACE
    )]
    argo_cd_namespace: String,
    /// Whether each tenant has an AppProject of its own.
    #[arg(
        long,
        env = "ENABLE_APPPROJECT_ISOLATION",
        default_value = "true",
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::Set
    )]
    enable_appproject_isolation: bool,
    /// Which conditions a status has: also the conventional ones, or exactly the old ones.
    #[arg(long, env = "STATUS_CONDITIONS", default_value = "conventional")]
    status_conditions: StatusConditions,
    /// Minutes between two comparisons of everything, which undo manual changes to our
    /// resources in Argo CD's namespace; 0 for never.
    #[arg(long, env = "SELF_HEAL_INTERVAL", default_value_t = 30)]
    self_heal_interval: u32,
    /// Seconds for which a difference must last before it is undone: what is being changed differs
    /// for a moment too.
    #[arg(long, env = "SELF_HEAL_GRACE", default_value_t = REPAIR_GRACE.as_secs())]
    self_heal_grace: u64,
    /// Namespaces, separated by commas, in which Secrets of tenants are read, for installations that
    /// may not read those of the whole cluster; without it all.
    #[arg(long, env = "SECRET_NAMESPACES", default_value = "", value_parser = secret_namespaces)]
    secret_namespaces: SecretNamespaces,
}

fn secret_namespaces(text: &str) -> Result<SecretNamespaces, String> {
    if text.is_empty() {
        return Ok(SecretNamespaces::All);
    }
    let names = text.split(',').map(|name| namespace(name.trim()));
    let names = names.collect::<Result<BTreeSet<_>, _>>()?;
    if names.len() > SECRET_NAMESPACES_LIMIT {
        return Err(format!(
            "give at most {SECRET_NAMESPACES_LIMIT} namespaces, or grant the right to read all Secrets \
             and leave this out: each namespace takes a watch"
        ));
    }
    Ok(SecretNamespaces::These(names))
}

/// Which conditions a status has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusConditions {
    /// Those of the existing system, and Ready, Reconciling and Stalled.
    Conventional,
    /// Exactly those of the existing system.
    Legacy,
}

impl SettingsArguments {
    /// The settings that follow from them.
    pub fn settings(&self) -> Settings {
        let Self {
            argo_cd_namespace,
            enable_appproject_isolation,
            status_conditions,
            self_heal_interval,
            self_heal_grace,
            secret_namespaces,
        } = self;
        let minutes = u64::from(*self_heal_interval);
        Settings {
            rescan: (minutes > 0).then(|| Duration::from_secs(minutes * 60)),
            repair_grace: Duration::from_secs(*self_heal_grace),
            argocd_namespace: argo_cd_namespace.clone(),
            isolation: *enable_appproject_isolation,
            secret_namespaces: secret_namespaces.clone(),
            conditions: match status_conditions {
                StatusConditions::Conventional => ConditionStyle::Conventional,
                StatusConditions::Legacy => ConditionStyle::Legacy,
            },
            ..Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Only {
        #[command(flatten)]
        settings: SettingsArguments,
    }

    #[test]
    fn secrets_are_read_everywhere_unless_namespaces_are_named() {
        let parse = |text: &str| {
            let words = ["program", "--secret-namespaces", text];
            let parsed = <Only as clap::Parser>::try_parse_from(words);
            parsed.map(|parsed| parsed.settings.settings().secret_namespaces)
        };
        assert_eq!(parse("").unwrap(), SecretNamespaces::All);
        let named = parse("team-b, team-a,team-b").unwrap();
        assert_eq!(named.watches(), ["team-a", "team-b"].map(|name| Some(name.to_owned())));
        assert!(named.include("team-a") && !named.include("team"));
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert!(error("team-a,").contains("the name of a namespace"), "{}", error("team-a,"));
        let many = (0..=100).map(|one| format!("team-{one}")).collect::<Vec<_>>().join(",");
        assert!(error(&many).contains("at most 100 namespaces"), "{}", error(&many));
    }

    fn settings(arguments: &[&str]) -> Settings {
        let words = std::iter::once(&"program").chain(arguments);
        <Only as clap::Parser>::try_parse_from(words).unwrap().settings.settings()
    }

    #[test]
    fn compatibility_2_5_and_7_settings_and_their_variables() {
        let of_old = ["--status-conditions=legacy", "--enable-appproject-isolation=False"];
        let found = settings(&[&of_old[..], &["--argo-cd-namespace=argocd"]].concat());
        assert_eq!(found.conditions, ConditionStyle::Legacy);
        assert!(!found.isolation);
        assert_eq!(found.argocd_namespace, "argocd");
        assert!(settings(&["--enable-appproject-isolation=TRUE"]).isolation);
        let command = <Only as clap::CommandFactory>::command();
        let variables: Vec<_> = command.get_arguments().filter_map(|one| one.get_env()).collect();
        for name in ["STATUS_CONDITIONS", "ENABLE_APPPROJECT_ISOLATION", "ARGO_CD_NAMESPACE"] {
            assert!(variables.contains(&std::ffi::OsStr::new(name)), "{name}");
        }
    }
}
