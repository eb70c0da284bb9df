//! The log: what goes into it, in which form, and how that is changed while the program runs.

use std::fmt;
use std::io::IsTerminal;

use clap::ValueEnum;
use parking_lot::Mutex;
use schema::store::transition_log;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, reload};

use crate::cli::Failure;
use crate::kubernetes;

/// What is logged of targets that are not named.
const DEFAULT: LevelFilter = LevelFilter::INFO;
/// What must never be logged in more detail than this: what servers of tenants say, or what is in a
/// Secret.
const SILENCED: [&str; 2] = [git_access::SILENCED, kubernetes::SILENCED];
/// The crates that log, by the names that their targets begin with. `kube` and `sqlx` stand for all
/// crates whose names begin so.
const CRATES: [&str; 20] = [
    "argocd_stand_in",
    "h2",
    "hyper_rustls",
    "hyper_util",
    "kube",
    "kube_client",
    "kube_runtime",
    "load",
    "managed_gitops",
    "rustls",
    "sandbox",
    "schema",
    "sea_orm",
    "sea_orm_migration",
    "sqlx",
    "sqlx_core",
    "sqlx_postgres",
    "sqlx_sqlite",
    "tower",
    "tower_http",
];
/// Declares the modules of this crate, which can be named: a list of them could become outdated.
const MODULES: &str = include_str!("../lib.rs");

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Why a level is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LevelError {
    #[error("no level is given; {HELP}")]
    Empty,
    #[error("two levels are given, {0:?} and {1:?}; {HELP}")]
    Two(String, String),
    #[error("{0:?} is not a level; {HELP}")]
    Level(String),
    #[error("{0:?} is neither a level nor a part of this program that logs; {HELP}")]
    Target(String),
    #[error(
        "the level of {0:?} cannot be set: it would log what servers say, which may be a secret; \
         leave it out"
    )]
    Silenced(String),
}

/// What may be given instead.
const HELP: &str = "give off, error, warn, info, debug or trace, and for parts TARGET=LEVEL, \
                    separated by commas, such as info,managed_gitops::backend=debug,kube_client=debug";

/// What to log: a level for everything, others for some targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Levels {
    text: String,
    default: LevelFilter,
    targets: Vec<(String, LevelFilter)>,
}

impl Levels {
    /// Reads `LEVEL`, `TARGET=LEVEL` or several of them, separated by commas.
    pub(super) fn parse(text: &str) -> Result<Self, LevelError> {
        let mut default: Option<(&str, LevelFilter)> = None;
        let mut targets = Vec::new();
        for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            if let Some((target, level)) = one.split_once('=') {
                let level = parse_level(level).ok_or_else(|| LevelError::Level(one.to_owned()))?;
                targets.push((target_of(target)?, level));
            } else if let Some(level) = parse_level(one) {
                if let Some((earlier, _)) = default {
                    return Err(LevelError::Two(earlier.to_owned(), one.to_owned()));
                }
                default = Some((one, level));
            } else {
                targets.push((target_of(one)?, LevelFilter::TRACE));
            }
        }
        if default.is_none() && targets.is_empty() {
            return Err(LevelError::Empty);
        }
        let default = default.map_or(DEFAULT, |(_, level)| level);
        Ok(Self { text: text.trim().to_owned(), default, targets })
    }

    /// The filter: what is asked for, but nothing of what is silenced.
    fn filter(&self) -> Targets {
        let asked = Targets::new().with_default(self.default).with_targets(self.targets.clone());
        SILENCED.into_iter().filter_map(silenced).fold(asked, |filter, (target, limit)| {
            let level = asked_for(self, target).min(limit);
            filter.with_target(target, level)
        })
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The level that was asked for a target that cannot be named itself: that of the longest prefix.
fn asked_for(levels: &Levels, target: &str) -> LevelFilter {
    let prefixes = levels.targets.iter().filter(|(prefix, _)| target.starts_with(prefix.as_str()));
    prefixes.max_by_key(|(prefix, _)| prefix.len()).map_or(levels.default, |(_, level)| *level)
}

/// A number would do as well for tracing, and an empty text, but say nothing to people.
fn parse_level(text: &str) -> Option<LevelFilter> {
    let is_word = !text.is_empty() && text.chars().all(|one| one.is_ascii_alphabetic());
    if is_word { text.parse().ok() } else { None }
}

fn target_of(text: &str) -> Result<String, LevelError> {
    if SILENCED.into_iter().filter_map(silenced).any(|(name, _)| text.starts_with(name)) {
        return Err(LevelError::Silenced(text.to_owned()));
    }
    let mut segments = text.split("::");
    let is_crate = segments.next().is_some_and(|first| CRATES.contains(&first));
    let is_ours = text.starts_with("managed_gitops");
    let is_part = segments.next().is_none_or(|second| !is_ours || is_module(second));
    if is_crate && is_part { Ok(text.to_owned()) } else { Err(LevelError::Target(text.to_owned())) }
}

fn is_module(name: &str) -> bool {
    let declaration = format!("pub mod {name};");
    transition_log::TARGET.ends_with(&format!("::{name}"))
        || MODULES.lines().any(|line| line == declaration)
}

/// A target and the most that is logged of it.
fn silenced(directive: &'static str) -> Option<(&'static str, LevelFilter)> {
    let (target, level) = directive.split_once('=')?;
    Some((target, level.parse().ok()?))
}

type Reload = dyn Fn(Targets) -> Result<(), reload::Error> + Send + Sync;

/// The running log, whose levels can be changed.
pub(super) struct Log {
    levels: Mutex<Levels>,
    reload: Box<Reload>,
}

impl Log {
    /// Starts to log on standard error.
    pub(super) fn start(text: &str, format: LogFormat) -> Result<Self, Failure> {
        let levels = Levels::parse(text)
            .map_err(|error| Failure::Input(anyhow::anyhow!("--log {text:?}: {error}")))?;
        let (filter, handle) = reload::Layer::new(levels.filter());
        let layer = lines(format).with_filter(filter);
        tracing_subscriber::registry().with(layer).try_init().map_err(Failure::running)?;
        let reload = Box::new(move |filter| handle.reload(filter));
        Ok(Self { levels: Mutex::new(levels), reload })
    }

    /// What is logged.
    pub(super) fn levels(&self) -> Levels {
        self.levels.lock().clone()
    }

    /// Logs this from now on; returns what was logged before.
    pub(super) fn set(&self, levels: Levels) -> anyhow::Result<Levels> {
        let mut current = self.levels.lock();
        (self.reload)(levels.filter())?;
        log::set_max_level(max_level());
        Ok(std::mem::replace(&mut *current, levels))
    }
}

/// What crates may log that use `log` and not `tracing`: the bridge between both keeps the limit
/// that was in force at the start.
fn max_level() -> log::LevelFilter {
    match LevelFilter::current() {
        LevelFilter::OFF => log::LevelFilter::Off,
        LevelFilter::ERROR => log::LevelFilter::Error,
        LevelFilter::WARN => log::LevelFilter::Warn,
        LevelFilter::INFO => log::LevelFilter::Info,
        LevelFilter::DEBUG => log::LevelFilter::Debug,
        _ => log::LevelFilter::Trace,
    }
}

/// Lines on standard error. Colours are for a terminal; in a file or a pod's log they are noise.
fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => layer.with_target(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_that_means_nothing_is_refused() {
        for (text, part) in [
            ("", "no level is given"),
            (" , ", "no level is given"),
            ("inof", "\"inof\" is neither"),
            ("info,inof", "\"inof\" is neither"),
            ("backend=debug", "\"backend\" is neither"),
            ("managed_gitops::bakend=debug", "\"managed_gitops::bakend\" is neither"),
            ("managed_gitopsy=debug", "\"managed_gitopsy\" is neither"),
            ("managed-gitops=debug", "\"managed-gitops\" is neither"),
            ("kube_clinet=debug", "\"kube_clinet\" is neither"),
            ("=debug", "\"\" is neither"),
            ("managed_gitops=loud", "\"managed_gitops=loud\" is not a level"),
            ("managed_gitops=", "\"managed_gitops=\" is not a level"),
            ("managed_gitops[span]=debug", "is neither"),
            ("6", "\"6\" is neither"),
            ("4", "\"4\" is neither"),
            ("info,debug", "two levels are given"),
            ("russh=trace", "\"russh\" cannot be set"),
            ("russh::client=trace", "\"russh::client\" cannot be set"),
            ("kube_client::client=trace", "cannot be set"),
            ("kube_client::client::builder=trace", "cannot be set"),
        ] {
            let said = Levels::parse(text).expect_err(text).to_string();
            assert!(said.contains(part), "{text:?}: {said}");
        }
    }

    /// What a filter lets through: of a target, up to which level.
    fn most(filter: &Targets, target: &str) -> LevelFilter {
        let levels = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
        let most = levels.into_iter().find(|level| filter.would_enable(target, level));
        most.map_or(LevelFilter::OFF, LevelFilter::from_level)
    }

    #[test]
    fn a_level_is_for_what_it_names() {
        let (backend, client) = ("managed_gitops::backend::follow_up", "kube_client::client");
        for (text, of_backend, of_agent) in [
            ("info", LevelFilter::INFO, LevelFilter::INFO),
            ("DEBUG", LevelFilter::DEBUG, LevelFilter::DEBUG),
            ("off", LevelFilter::OFF, LevelFilter::OFF),
            ("managed_gitops::backend=debug", LevelFilter::DEBUG, LevelFilter::INFO),
            ("warn, managed_gitops::backend=trace", LevelFilter::TRACE, LevelFilter::WARN),
            ("warn,managed_gitops::backend,", LevelFilter::TRACE, LevelFilter::WARN),
            ("off,kube_client=trace", LevelFilter::OFF, LevelFilter::OFF),
            ("sqlx=debug,schema=trace,kube=debug", LevelFilter::INFO, LevelFilter::INFO),
        ] {
            let levels = Levels::parse(text).expect(text);
            let filter = levels.filter();
            assert_eq!(most(&filter, backend), of_backend, "{text}");
            assert_eq!(most(&filter, "managed_gitops::agent"), of_agent, "{text}");
            assert!(most(&filter, client) <= LevelFilter::ERROR, "{text}");
            assert_eq!(levels.to_string(), text.trim());
        }
    }

    #[test]
    fn what_servers_of_tenants_say_is_never_logged() {
        let accepted = ["debug", "trace", "kube_client=trace", "kube=trace", "trace,kube=trace"];
        for text in accepted {
            let filter = Levels::parse(text).expect(text).filter();
            for target in ["russh", "russh::client", "russh_cryptovec"] {
                assert_eq!(most(&filter, target), LevelFilter::OFF, "{text}: {target}");
            }
            for target in ["kube_client::client", "kube_client::client::builder"] {
                assert_eq!(most(&filter, target), LevelFilter::ERROR, "{text}: {target}");
            }
        }
        for one in SILENCED {
            let (target, _) = silenced(one).expect("it can be read");
            let deeper = format!("{target}::deeper");
            for text in [target, &deeper] {
                assert!(Levels::parse(&format!("{text}=trace")).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn what_can_be_named_exists() {
        let lock = include_str!("../../Cargo.lock");
        let logs =
            |part: &str| part.lines().any(|line| [" \"tracing\",", " \"log\","].contains(&line));
        for name in CRATES {
            let begins = format!("\nname = \"{}", name.replace('_', "-"));
            let mut packages = lock.split("[[package]]").filter(|part| part.starts_with(&begins));
            assert!(packages.any(logs), "{name} does not log");
        }
    }
}
