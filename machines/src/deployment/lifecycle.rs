//! The region that decides what is done about a deployment.
//!
//! A state that waits for machinery (the agent, Argo CD, the tenant) has a deadline; a state that
//! waits for a person (`Rejected`, `Settled`) has none.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use crate::application::{self, ApplicationDocument};
use crate::deployment::error_flag::ErrorEvent;
use crate::deployment::{
    ApplicationRecord, Event, Facts, OpenOperation, Record, Snapshot, TenantFact, conditions,
};
use crate::identity::{ApplicationId, OperationId, Timestamp};
use crate::messages;
use crate::retry;
use crate::rows::{
    ApplicationKey, ApplicationRows, OperationRow, OperationState, RowChange, TenantRows,
};
use crate::spec;

/// The agent answers within milliseconds; after this the user is told that it does not.
pub const DISPATCH_DEADLINE: Duration = Duration::from_secs(60);
/// Argo CD removes resources within seconds; after this the user is told that it does not. The
/// deadline doubles with each passing, up to [`LONGEST_REMOVAL_DEADLINE`].
pub const REMOVAL_DEADLINE: Duration = Duration::from_secs(120);
/// A removal that is blocked for good is looked at this often: rarely, because nothing waits on it.
pub const LONGEST_REMOVAL_DEADLINE: Duration = Duration::from_secs(3_600);
/// A change of the tenant, of Argo CD or of a predecessor is pushed; this is the safety net.
pub const AWAITING_DEADLINE: Duration = Duration::from_secs(60);
/// Removing a finalizer is one request; after this it is sent again.
pub const FINALIZING_DEADLINE: Duration = Duration::from_secs(30);

/// What is done about a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lifecycle {
    /// Nothing is known of the object.
    Unseen {},
    /// The spec cannot be acted on; the user must change it.
    Rejected {},
    /// The namespace is terminating, or its tenant has no rows yet.
    AwaitingTenant {
        /// When to look again.
        deadline: Timestamp,
    },
    /// Argo CD's namespace does not exist.
    AwaitingEngine {
        /// When to look again.
        deadline: Timestamp,
    },
    /// A deleted deployment of the same name is not gone yet.
    AwaitingPredecessor {
        /// When to look again.
        deadline: Timestamp,
    },
    /// The rows are written; the agent has been asked to make Argo CD match.
    Dispatching {
        /// When to complain.
        deadline: Timestamp,
        /// The spec changed since the open operation was asked for: ask again after it.
        again: bool,
    },
    /// The agent failed; it is asked again later.
    BackingOff {
        /// When.
        until: Timestamp,
    },
    /// Argo CD's Application says what this generation asks for.
    Settled {},
    /// The rows are gone; the agent has been asked to remove the Application.
    Removing {
        /// When to complain.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
        /// The open operation was asked for before the rows went: ask again after it.
        again: bool,
    },
    /// The agent failed to remove the Application; it is asked again later.
    RemovalBackingOff {
        /// When.
        until: Timestamp,
    },
    /// Nothing is left but our finalizer on the object.
    Finalizing {
        /// When to try again.
        deadline: Timestamp,
    },
    /// Nothing is left.
    Gone {},
}

/// What a step collects.
pub struct Context<'a> {
    facts: &'a Facts,
    /// Rows to write.
    pub(super) rows: Vec<RowChange>,
    /// What the error flag is told.
    pub(super) signal: Option<ErrorEvent>,
}

impl<'a> Context<'a> {
    pub(super) fn new(facts: &'a Facts) -> Self {
        Self { facts, rows: Vec::new(), signal: None }
    }

    fn raise(&mut self, message: impl Into<String>) {
        let message = conditions::bounded(&message.into());
        self.signal = Some(ErrorEvent::Raised(message));
    }

    fn clear(&mut self) {
        self.signal = Some(ErrorEvent::Cleared);
    }
}

#[state_machine(
    initial = "Lifecycle::Unseen {}",
    state(name = "Lifecycle", custom),
    superstate(name = "LifecycleSuperstate", derive(Debug))
)]
impl Record {
    #[state]
    fn unseen(&mut self, context: &mut Context<'_>, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::Observed(snapshot) => {
                self.first_seen = snapshot.revision;
                self.born = context.facts.now;
                self.take(snapshot);
                if snapshot.deleting {
                    return Transition(self.begin_removal(context));
                }
                Transition(self.resolve(context))
            }
            Event::Absent { .. } => Transition(Lifecycle::Gone {}),
            Event::OperationObserved { .. }
            | Event::Reported(_)
            | Event::ApplicationDiffers
            | Event::FactsChanged
            | Event::DeadlineReached => Handled,
        }
    }

    /// The object exists, as far as we know, and is not being deleted.
    #[superstate]
    fn live(&mut self, context: &mut Context<'_>, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::Observed(snapshot) if self.is_stale(snapshot) => Handled,
            Event::Observed(snapshot) if snapshot.deleting => {
                self.take(snapshot);
                Transition(self.begin_removal(context))
            }
            Event::Observed(snapshot) => {
                let changed = snapshot.generation > self.generation;
                self.take(snapshot);
                if !changed {
                    return Handled;
                }
                self.failures = 0;
                Transition(self.resolve(context))
            }
            Event::Absent { as_of } if *as_of < self.last_seen => Handled,
            Event::Absent { .. } => {
                self.present = false;
                self.finalizer = false;
                Transition(self.begin_removal(context))
            }
            Event::OperationObserved { id, state } => {
                self.note_operation(id, state.as_ref());
                Handled
            }
            Event::Reported(report) => {
                self.note_report(report);
                Handled
            }
            Event::ApplicationDiffers | Event::FactsChanged | Event::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "live")]
    fn rejected(&mut self, event: &Event) -> Outcome<Lifecycle> {
        let _ = event;
        Super
    }

    /// Waits for something that is not this deployment's own.
    #[superstate(superstate = "live")]
    fn awaiting(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::FactsChanged => Transition(self.resolve(context)),
            Event::DeadlineReached if context.facts.now >= *deadline => {
                Transition(self.resolve(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "awaiting")]
    fn awaiting_tenant(&mut self, event: &Event, deadline: &mut Timestamp) -> Outcome<Lifecycle> {
        let _ = (event, deadline);
        Super
    }

    #[state(superstate = "awaiting")]
    fn awaiting_engine(&mut self, event: &Event, deadline: &mut Timestamp) -> Outcome<Lifecycle> {
        let _ = (event, deadline);
        Super
    }

    #[state(superstate = "awaiting")]
    fn awaiting_predecessor(
        &mut self,
        event: &Event,
        deadline: &mut Timestamp,
    ) -> Outcome<Lifecycle> {
        let _ = (event, deadline);
        Super
    }

    #[state(superstate = "live")]
    fn dispatching(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
        again: &mut bool,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::OperationObserved { id, state } => {
                match self.note_operation(id, state.as_ref()) {
                    Finished::No => Handled,
                    // What became of older intent says nothing of the newer one.
                    Finished::Completed | Finished::Failed(_) if *again => {
                        Transition(self.resolve(context))
                    }
                    Finished::Completed => Transition(self.settle(context)),
                    Finished::Failed(text) => Transition(self.back_off(text, context)),
                    Finished::Lost => Transition(self.resolve(context)),
                }
            }
            Event::DeadlineReached if context.facts.now >= *deadline => {
                context.raise(messages::DISPATCH_SLOW);
                *deadline = context.facts.now.after(DISPATCH_DEADLINE);
                self.expect_no_claim();
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn backing_off(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        until: &mut Timestamp,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::DeadlineReached if context.facts.now >= *until => {
                Transition(self.resolve(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn settled(&mut self, context: &mut Context<'_>, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::FactsChanged if self.can_follow(context) => match self.resolve(context) {
                Lifecycle::Settled {} => Handled,
                elsewhere => Transition(elsewhere),
            },
            // In a namespace that goes away, or without Argo CD, nothing is made anew.
            Event::ApplicationDiffers if self.can_follow(context) => {
                if let Some(application) = self.application.as_mut() {
                    application.applied = false;
                }
                Transition(self.resolve(context))
            }
            _ => Super,
        }
    }

    /// The object is gone or going.
    #[superstate]
    fn terminating(&mut self, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::Observed(snapshot)
                if self.present && snapshot.deleting && !self.is_stale(snapshot) =>
            {
                self.take(snapshot);
                Handled
            }
            Event::Absent { as_of } if *as_of >= self.last_seen => {
                self.present = false;
                self.finalizer = false;
                Handled
            }
            Event::OperationObserved { id, state } => {
                self.note_operation(id, state.as_ref());
                Handled
            }
            // An object never stops being deleted, and what has gone never comes back under the
            // same UID: an observation that says otherwise is stale.
            Event::Observed(_)
            | Event::Absent { .. }
            | Event::Reported(_)
            | Event::ApplicationDiffers
            | Event::FactsChanged
            | Event::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "terminating")]
    fn removing(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
        overdue: &mut u32,
        again: &mut bool,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::OperationObserved { id, state } => {
                match self.note_operation(id, state.as_ref()) {
                    Finished::No => Handled,
                    // What became of older intent says nothing of the newer one.
                    Finished::Completed | Finished::Failed(_) if *again => {
                        Transition(self.request_removal(context))
                    }
                    Finished::Completed => {
                        self.application = None;
                        Transition(self.finalize(context))
                    }
                    Finished::Failed(text) => Transition(self.back_off_removal(text, context)),
                    Finished::Lost => Transition(self.request_removal(context)),
                }
            }
            Event::DeadlineReached if context.facts.now >= *deadline => {
                if self.present {
                    context.raise(messages::REMOVAL_SLOW);
                }
                *overdue = overdue.saturating_add(1);
                let pause = REMOVAL_DEADLINE.saturating_mul(1 << (*overdue).min(8));
                *deadline = context.facts.now.after(pause.min(LONGEST_REMOVAL_DEADLINE));
                self.expect_no_claim();
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "terminating")]
    fn removal_backing_off(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        until: &mut Timestamp,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::DeadlineReached if context.facts.now >= *until => {
                Transition(self.request_removal(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "terminating")]
    fn finalizing(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::Absent { as_of } if *as_of >= self.last_seen => {
                self.present = false;
                Transition(Lifecycle::Gone {})
            }
            Event::Observed(snapshot) if !snapshot.finalizer && !self.is_stale(snapshot) => {
                self.take(snapshot);
                Transition(Lifecycle::Gone {})
            }
            Event::DeadlineReached if context.facts.now >= *deadline => {
                *deadline = context.facts.now.after(FINALIZING_DEADLINE);
                Handled
            }
            _ => Super,
        }
    }

    #[state]
    fn gone(&mut self, event: &Event) -> Outcome<Lifecycle> {
        let _ = event;
        Handled
    }
}

/// What an observation of an operation means for the one that is open.
enum Finished {
    /// It is not the open one, or it is not finished.
    No,
    /// Argo CD matches.
    Completed,
    /// It does not, because of this.
    Failed(String),
    /// Its row has gone without an outcome.
    Lost,
}

impl Record {
    fn is_stale(&self, snapshot: &Snapshot) -> bool {
        snapshot.generation < self.generation || snapshot.revision < self.last_seen
    }

    /// Takes over what an observation says. The revision is remembered with what is worth
    /// remembering only, so that an echo of our own status write changes nothing.
    fn take(&mut self, snapshot: &Snapshot) {
        let before = self.clone();
        self.present = true;
        self.finalizer = snapshot.finalizer;
        self.generation = snapshot.generation;
        self.spec = snapshot.spec.clone();
        self.actual = conditions::actual(snapshot);
        if *self != before {
            self.last_seen = snapshot.revision;
        }
    }

    /// Takes over the row of an earlier installation, so that whatever comes first, an edit or a
    /// deletion, finds it.
    fn adopt(&mut self, context: &Context<'_>) {
        if let (None, Some(existing)) = (&self.application, &context.facts.existing_application) {
            self.application = Some(ApplicationRecord {
                id: existing.id.clone(),
                user: existing.user.clone(),
                instance: existing.instance.clone(),
                digest: crate::identity::Digest::default(),
                applied: false,
            });
        }
    }

    /// Where a live deployment goes by its spec and the facts.
    fn resolve(&mut self, context: &mut Context<'_>) -> Lifecycle {
        self.adopt(context);
        let first = self.application.is_none();
        if let Err(text) = spec::validate_source(&self.spec) {
            context.raise(text);
            return Lifecycle::Rejected {};
        }
        if !self.spec.environment.is_empty() {
            context.raise(if first { messages::ENVIRONMENT } else { messages::ENVIRONMENT_UPDATE });
            return Lifecycle::Rejected {};
        }
        if let Err(text) = spec::validate_rest(&self.name, &self.spec, first) {
            context.raise(text);
            return Lifecycle::Rejected {};
        }
        let deadline = context.facts.now.after(AWAITING_DEADLINE);
        if context.facts.namesakes.iter().any(|other| other.first_seen < self.first_seen) {
            return Lifecycle::AwaitingPredecessor { deadline };
        }
        let Some(instance) = context.facts.instance.clone() else {
            return Lifecycle::AwaitingEngine { deadline };
        };
        let rows = match &context.facts.tenant {
            TenantFact::Active(rows) if rows.instance == instance => rows.clone(),
            TenantFact::Active(_) | TenantFact::Unknown | TenantFact::Draining => {
                return Lifecycle::AwaitingTenant { deadline };
            }
        };
        let project = if context.facts.isolation {
            application::project_name(&rows.user)
        } else {
            application::DEFAULT_PROJECT.to_owned()
        };
        let argocd_namespace = &context.facts.argocd_namespace;
        let document =
            application::render(&self.uid, &self.namespace, &self.spec, argocd_namespace, project);
        self.intend(document, rows, context)
    }

    /// Records what is wanted of Argo CD and asks the agent for it, unless it is so already.
    fn intend(
        &mut self,
        document: ApplicationDocument,
        tenant: TenantRows,
        context: &mut Context<'_>,
    ) -> Lifecycle {
        let digest = document.digest();
        let same = self.application.as_ref().is_some_and(|application| {
            application.digest == digest && application.instance == tenant.instance
        });
        if same && self.application.as_ref().is_some_and(|application| application.applied) {
            context.clear();
            return Lifecycle::Settled {};
        }
        if !same {
            let known = self.application.as_ref().map(|application| application.id.clone());
            let id = known.unwrap_or_else(|| ApplicationId::of(&self.uid));
            self.application = Some(ApplicationRecord {
                id: id.clone(),
                user: tenant.user.clone(),
                instance: tenant.instance.clone(),
                digest,
                applied: false,
            });
            context.rows.push(RowChange::PutApplication(Box::new(ApplicationRows {
                key: self.key(id, &tenant),
                environment: tenant.environment,
                instance: tenant.instance,
                document,
                deployment_name: self.name.clone(),
                namespace: self.namespace.clone(),
            })));
        }
        self.dispatch(context)
    }

    fn key(&self, application: ApplicationId, tenant: &TenantRows) -> ApplicationKey {
        ApplicationKey {
            application,
            deployment: self.uid.clone(),
            tenant: self.tenant.clone(),
            user: tenant.user.clone(),
        }
    }

    fn dispatch(&mut self, context: &mut Context<'_>) -> Lifecycle {
        let again = !self.request_operation(context);
        Lifecycle::Dispatching { deadline: context.facts.now.after(DISPATCH_DEADLINE), again }
    }

    /// Asks the agent to act on the application; `false` where an operation is open already.
    fn request_operation(&mut self, context: &mut Context<'_>) -> bool {
        let Some(application) = self.application.as_ref().filter(|_| self.open.is_none()) else {
            return false;
        };
        self.operations = self.operations.saturating_add(1);
        let id = OperationId::of(&application.id, self.born, self.operations);
        context.rows.push(RowChange::RequestOperation(OperationRow {
            id: id.clone(),
            application: application.id.clone(),
            requester: self.uid.clone(),
            owner: application.user.clone(),
            instance: application.instance.clone(),
        }));
        self.open = Some(OpenOperation { id, claimed: false });
        true
    }

    fn note_operation(&mut self, id: &OperationId, state: Option<&OperationState>) -> Finished {
        let Some(open) = self.open.as_mut().filter(|open| open.id == *id) else {
            return Finished::No;
        };
        let finished = match state {
            Some(OperationState::Waiting) => return Finished::No,
            Some(OperationState::InProgress) => {
                open.claimed = true;
                return Finished::No;
            }
            Some(OperationState::Completed) => Finished::Completed,
            Some(OperationState::Failed(text)) if text.is_empty() => {
                Finished::Failed(messages::OPERATION_FAILED.to_owned())
            }
            Some(OperationState::Failed(text)) => Finished::Failed(text.clone()),
            None => Finished::Lost,
        };
        self.open = None;
        finished
    }

    /// After a deadline the signal is given again: a claim that led to nothing is not trusted.
    fn expect_no_claim(&mut self) {
        if let Some(open) = self.open.as_mut() {
            open.claimed = false;
        }
    }

    fn settle(&mut self, context: &mut Context<'_>) -> Lifecycle {
        self.failures = 0;
        if let Some(application) = self.application.as_mut() {
            application.applied = true;
        }
        context.clear();
        // The facts may have changed while the agent worked; nobody tells of that again.
        if self.can_follow(context) {
            return self.resolve(context);
        }
        Lifecycle::Settled {}
    }

    fn back_off(&mut self, text: String, context: &mut Context<'_>) -> Lifecycle {
        self.failures = self.failures.saturating_add(1);
        context.raise(text);
        let until = retry::next_attempt(self.uid.as_str(), self.failures, context.facts.now);
        Lifecycle::BackingOff { until }
    }

    /// A settled deployment follows a change of the facts only where it can be followed: neither a
    /// terminating namespace nor a missing Argo CD changes what was written.
    fn can_follow(&self, context: &Context<'_>) -> bool {
        let facts = context.facts;
        matches!(&facts.tenant, TenantFact::Active(rows) if Some(&rows.instance) == facts.instance.as_ref())
    }

    fn note_report(&mut self, report: &crate::deployment::Report) {
        conditions::mirror(&mut self.mirrored_conditions, &report.conditions);
        self.report = Some(report.clone());
    }

    fn begin_removal(&mut self, context: &mut Context<'_>) -> Lifecycle {
        self.failures = 0;
        self.report = None;
        self.adopt(context);
        let Some(application) = self.application.clone() else {
            return self.finalize(context);
        };
        context.rows.push(RowChange::RemoveApplication(ApplicationKey {
            application: application.id,
            deployment: self.uid.clone(),
            tenant: self.tenant.clone(),
            user: application.user,
        }));
        self.request_removal(context)
    }

    fn request_removal(&mut self, context: &mut Context<'_>) -> Lifecycle {
        let again = !self.request_operation(context);
        let deadline = context.facts.now.after(REMOVAL_DEADLINE);
        Lifecycle::Removing { deadline, overdue: 0, again }
    }

    fn back_off_removal(&mut self, text: String, context: &mut Context<'_>) -> Lifecycle {
        self.failures = self.failures.saturating_add(1);
        if self.present {
            context.raise(text);
        }
        let until = retry::next_attempt(self.uid.as_str(), self.failures, context.facts.now);
        Lifecycle::RemovalBackingOff { until }
    }

    fn finalize(&mut self, context: &mut Context<'_>) -> Lifecycle {
        if self.present && self.finalizer {
            context.clear();
            return Lifecycle::Finalizing {
                deadline: context.facts.now.after(FINALIZING_DEADLINE),
            };
        }
        Lifecycle::Gone {}
    }
}

impl Lifecycle {
    /// When the region wants to be woken.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::AwaitingTenant { deadline }
            | Self::AwaitingEngine { deadline }
            | Self::AwaitingPredecessor { deadline }
            | Self::Dispatching { deadline, .. }
            | Self::Removing { deadline, .. }
            | Self::Finalizing { deadline } => Some(*deadline),
            Self::BackingOff { until } | Self::RemovalBackingOff { until } => Some(*until),
            Self::Unseen {} | Self::Rejected {} | Self::Settled {} | Self::Gone {} => None,
        }
    }

    /// The state's path, outermost first.
    pub fn path(&self) -> String {
        let path = match self {
            Self::Unseen {} => "Unseen",
            Self::Rejected {} => "Live/Rejected",
            Self::AwaitingTenant { .. } => "Live/Awaiting/AwaitingTenant",
            Self::AwaitingEngine { .. } => "Live/Awaiting/AwaitingEngine",
            Self::AwaitingPredecessor { .. } => "Live/Awaiting/AwaitingPredecessor",
            Self::Dispatching { .. } => "Live/Dispatching",
            Self::BackingOff { .. } => "Live/BackingOff",
            Self::Settled {} => "Live/Settled",
            Self::Removing { .. } => "Terminating/Removing",
            Self::RemovalBackingOff { .. } => "Terminating/RemovalBackingOff",
            Self::Finalizing { .. } => "Terminating/Finalizing",
            Self::Gone {} => "Gone",
        };
        path.to_owned()
    }
}
