//! What a machine waits for, in the terms users ask about: for what, since when, until when and
//! what happens then, and what a person can do. Plain data: what shows it adds nothing. The messages
//! of `Reconciling` and `Stalled` show a deployment's.

use std::borrow::Cow;

use crate::identity::Timestamp;
use crate::shared::text::{MESSAGE_LIMIT, cut};

/// Between what is awaited and what can be done.
const SEPARATOR: &str = ". ";
/// Where nothing is said of what is awaited.
const NO_REASON: &str = "no reason was given";

/// One thing that a machine waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Who or what ends the wait.
    pub whom: Party,
    /// What is awaited, or what is in the way.
    pub what: Cow<'static, str>,
    /// Since when; `None` if that is not known.
    pub since: Option<Timestamp>,
    /// When the machine acts by itself; `None` if it does not.
    pub until: Option<Timestamp>,
    /// What it does then; empty without [`Self::until`].
    pub then: &'static str,
    /// What a person can do; never empty if a person is awaited.
    pub advice: &'static str,
}

/// Who or what is awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A person who can change the resource, its repository or the cluster.
    User,
    /// Argo CD.
    ArgoCd,
    /// The cluster-agent.
    Agent,
    /// The database.
    Database,
    /// The Kubernetes API.
    ApiServer,
    /// The cluster that is deployed to.
    TargetCluster,
    /// Another object, by kind and name.
    Object(String),
    /// Nothing but time.
    Time,
}

impl Wait {
    /// A wait that a person ends by doing this.
    pub fn for_user(what: impl Into<Cow<'static, str>>, advice: &'static str) -> Self {
        Self { advice, ..Self::new(Party::User, what) }
    }

    /// A wait without an end of its own.
    pub fn new(whom: Party, what: impl Into<Cow<'static, str>>) -> Self {
        Self { whom, what: what.into(), since: None, until: None, then: "", advice: "" }
    }

    /// The same, with what the machine does by itself at a given time.
    pub fn until(self, moment: Timestamp, then: &'static str) -> Self {
        Self { until: Some(moment), then, ..self }
    }

    /// The same, with what a person can do.
    pub fn with_advice(self, advice: &'static str) -> Self {
        Self { advice, ..self }
    }

    /// What is awaited and what can be done, as a condition says it. Times are left out: they may
    /// move while the state stays, and each move would cost a status write.
    pub fn message(&self) -> String {
        // What is awaited may be another system's text: it leaves room for the advice, which is ours.
        let limit = MESSAGE_LIMIT.saturating_sub(self.advice.chars().count() + SEPARATOR.len());
        let what = cut(self.what.trim_end().trim_end_matches('.'), limit);
        let mut letters = self.advice.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        let advice: String = first.chain(letters).collect();
        match (what.as_str(), advice.as_str()) {
            // What another system says may be a full stop.
            ("", "") => NO_REASON.to_owned(),
            (_, "") => what,
            ("", _) => advice,
            _ => format!("{what}{SEPARATOR}{advice}"),
        }
    }
}
