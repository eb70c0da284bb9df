//! The progress of an object that holds credentials, in the words of the conventional conditions.

use std::borrow::Cow;

use crate::identity::Generation;
use crate::shared::condition::{Condition, READY, RECONCILING, STALLED};
use crate::shared::standing::{Readiness, Standing};
use crate::waiting::Wait;

/// See the module.
pub(crate) struct Progress {
    readiness: Readiness,
    reason: String,
    /// What the lifecycle waits for.
    pub(crate) wait: Option<Wait>,
}

impl Progress {
    /// Nothing is left to do.
    pub(crate) fn done(reason: &str) -> Self {
        Self { readiness: Readiness::Ready, reason: reason.to_owned(), wait: None }
    }

    /// Work goes on by itself.
    pub(crate) fn working(reason: &str, wait: Wait) -> Self {
        Self { readiness: Readiness::Reconciling, reason: reason.to_owned(), wait: Some(wait) }
    }

    /// Nothing goes on until a user acts.
    pub(crate) fn stuck(
        reason: &str,
        what: impl Into<Cow<'static, str>>,
        advice: &'static str,
    ) -> Self {
        let wait = Some(Wait::for_user(what, advice));
        Self { readiness: Readiness::Stalled, reason: reason.to_owned(), wait }
    }

    /// How far it is: with its reason, if that is listed, or else with another one.
    pub(crate) fn standing(self, listed: &[&'static str], other: &'static str) -> Standing {
        let reason = listed.iter().copied().find(|one| *one == self.reason).unwrap_or(other);
        Standing { readiness: self.readiness, reason, waits_since: None }
    }

    /// Why a person is awaited, as a reason and a message; `None` if none is.
    pub(crate) fn complaint(self) -> Option<(String, String)> {
        let wait = self.wait.filter(|_| self.readiness == Readiness::Stalled)?;
        Some((self.reason, wait.message()))
    }

    /// The conventional conditions of a generation; `done` is what they say if nothing is awaited.
    pub(crate) fn conditions(
        &self,
        generation: Generation,
        done: impl FnOnce() -> String,
    ) -> [Condition; 3] {
        let message = self.wait.as_ref().map_or_else(done, Wait::message);
        [
            (READY, Readiness::Ready),
            (RECONCILING, Readiness::Reconciling),
            (STALLED, Readiness::Stalled),
        ]
        .map(|(type_, readiness)| {
            let is_so = readiness == self.readiness;
            let status = if is_so { "True" } else { "False" };
            let message =
                if is_so || readiness == Readiness::Ready { message.as_str() } else { "" };
            let condition = Condition::new(type_, status, &self.reason, message);
            Condition { observed_generation: Some(generation), ..condition }
        })
    }
}
