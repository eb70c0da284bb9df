//! What a deployment does about the environment that its spec names, and about one that leaves.

use statig::prelude::*;

use super::{Context, DISPATCH_DEADLINE, ENVIRONMENT_DELAY, Lifecycle, MISSING_ENVIRONMENT_DELAY};
use crate::identity::Timestamp;
use crate::kinds::deployment::Record;
use crate::kinds::deployment::destination::Destination;
use crate::kinds::managed_environment::EnvironmentFact;
use crate::shared::messages;
use crate::shared::retry::LONGEST_DEADLINE;

impl Record {
    /// Where the Application should deploy to, or where the deployment goes if that cannot be said.
    pub(super) fn find_destination(
        &self,
        context: &mut Context<'_>,
    ) -> Result<Destination, Lifecycle> {
        if self.spec.environment.is_empty() {
            return Ok(Destination::InCluster {});
        }
        let named = context.facts.environments.named.clone();
        let delay = match named {
            EnvironmentFact::NotServed => {
                self.complain_of_environment(context);
                return Err(Lifecycle::Rejected { deadline: None });
            }
            EnvironmentFact::Ready(id) => {
                return Ok(Destination::Environment { id, name: self.spec.environment.clone() });
            }
            EnvironmentFact::Unknown | EnvironmentFact::UnderWay => {
                if let Some(kept) = self.kept_destination() {
                    return Ok(kept);
                }
                Some(ENVIRONMENT_DELAY)
            }
            EnvironmentFact::Missing => {
                (!self.was_on_environment()).then_some(MISSING_ENVIRONMENT_DELAY)
            }
            EnvironmentFact::Invalid => None,
        };
        let complaint = delay.map(|delay| context.facts.now.after(delay));
        if complaint.is_none() {
            self.complain_of_environment(context);
        }
        Err(Lifecycle::AwaitingEnvironment { complaint, repair: None })
    }

    fn complain_of_environment(&self, context: &mut Context<'_>) {
        let is_first = self.application.is_none();
        let text = if is_first { messages::ENVIRONMENT } else { messages::ENVIRONMENT_UPDATE };
        context.raise(text);
    }

    /// Looks at the environment again that is awaited.
    pub(super) fn look_at_environment(
        &mut self,
        complaint: &mut Option<Timestamp>,
        repair: &mut Option<Timestamp>,
        context: &mut Context<'_>,
    ) -> Outcome<Lifecycle> {
        match self.resolve(context) {
            Lifecycle::AwaitingEnvironment { complaint: next, repair: asked } => {
                // What was said is not taken back, and no patience becomes longer.
                *complaint = complaint.and_then(|known| next.map(|next| next.min(known)));
                *repair = asked.or(*repair);
                Handled
            }
            elsewhere => Transition(elsewhere),
        }
    }

    /// A time has come that the state had asked for.
    pub(super) fn end_patience(
        &mut self,
        complaint: &mut Option<Timestamp>,
        repair: &mut Option<Timestamp>,
        context: &mut Context<'_>,
    ) -> Outcome<Lifecycle> {
        let now = context.facts.now;
        let is_due = |moment: &Option<Timestamp>| moment.is_some_and(|moment| now >= moment);
        if is_due(repair) {
            *repair = Some(now.after(LONGEST_DEADLINE));
            self.expect_no_claim();
        }
        if is_due(complaint) {
            // A notification may have been lost.
            let outcome = self.look_at_environment(complaint, repair, context);
            if matches!(outcome, Handled) {
                *complaint = None;
                self.complain_of_environment(context);
            }
            return outcome;
        }
        Handled
    }

    /// Asks the agent to write the Application without the destination that has left, unless the
    /// deployment goes to where that happens anyway.
    pub(super) fn request_emptied(&mut self, next: &mut Lifecycle, context: &mut Context<'_>) {
        if matches!(next, Lifecycle::Dispatching { .. }) || !self.is_emptied_unrequested() {
            return;
        }
        // If one is open, it is asked for after that.
        if self.request_operation(context) {
            self.note_emptied_requested();
        }
        let deadline = Some(context.facts.now.after(DISPATCH_DEADLINE));
        match next {
            Lifecycle::Rejected { deadline: repair }
            | Lifecycle::AwaitingEnvironment { repair, .. } => *repair = deadline,
            _ => {}
        }
    }

    /// Whether the row says nowhere, and the agent has not been asked to write that.
    pub(super) fn is_emptied_unrequested(&self) -> bool {
        self.destination() == Destination::Nowhere { is_requested: false }
    }

    pub(super) fn note_emptied_requested(&mut self) {
        if let Some(application) = &mut self.application {
            application.destination = Destination::Nowhere { is_requested: true };
            application.applied = false;
        }
    }
}
