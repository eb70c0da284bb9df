//! What the states of the lifecycle do: ask for rows and operations, and choose where to go.

use std::time::Duration;

use statig::prelude::*;

use super::{
    AWAITING_DEADLINE, Context, DISPATCH_DEADLINE, FINALIZING_DEADLINE, Lifecycle, REMOVAL_DEADLINE,
};
use crate::identity::{ApplicationId, Digest, OperationId, Timestamp};
use crate::kinds::deployment::destination::Destination;
use crate::kinds::deployment::removal_report::RemovalReport;
use crate::kinds::deployment::render::render;
use crate::kinds::deployment::spec;
use crate::kinds::deployment::{ApplicationRecord, Record, Snapshot, TenantFact};
use crate::operation::application::{self, ApplicationDocument};
use crate::rows::{
    ApplicationKey, ApplicationRows, OperationRow, Requester, RowChange, Target, TenantRows,
};
use crate::shared::open_operation::{Finished, OpenOperation};
use crate::shared::retry;

impl Record {
    /// Whether another machine holds the name, or is ahead of this one in waiting for it.
    ///
    /// Two objects never have the same name at once, so one of the two is gone, and that will be
    /// seen: the one that holds the name, or, after a stale list, the one that asks for it. Which
    /// one does not matter here, and revisions do not show it if etcd was restored: waiting is
    /// right in each case, as two Applications would deploy to one place.
    fn is_preceded(&self, context: &Context<'_>) -> bool {
        let own = (self.first_seen, &self.uid);
        context
            .facts
            .namesakes
            .iter()
            .any(|other| !other.waits || (context.waits && (other.first_seen, &other.uid) < own))
    }

    /// Takes over the row of an earlier installation, so that the next edit or deletion finds it. A
    /// version that did not serve environments has not noted where it deploys to.
    pub(super) fn adopt(&mut self, context: &Context<'_>) {
        let Some(existing) = &context.facts.existing_application else { return };
        match &mut self.application {
            None => {
                self.application = Some(ApplicationRecord {
                    id: existing.id.clone(),
                    user: existing.user.clone(),
                    instance: existing.instance.clone(),
                    digest: Digest::default(),
                    applied: false,
                    destination: existing.destination.clone(),
                });
            }
            // What was asked for since then about one that has none is not forgotten.
            Some(known) if known.is_untouched() => {
                let said = known.destination.cluster_name();
                if said != existing.destination.cluster_name() {
                    known.destination.clone_from(&existing.destination);
                }
            }
            Some(_) => {}
        }
    }

    /// Whether an earlier installation created its Application, on an environment, and nothing
    /// about it has been written since: if no environment is served, it could not be created like
    /// that again.
    fn is_frozen(&self, context: &Context<'_>) -> bool {
        !context.facts.environments.are_served()
            && !self.spec.environment.is_empty()
            && self.application.as_ref().is_some_and(ApplicationRecord::is_untouched)
    }

    /// Where a live deployment goes by its spec and the facts.
    pub(super) fn resolve(&mut self, context: &mut Context<'_>) -> Lifecycle {
        self.adopt(context);
        if self.is_left(&context.facts.environments) {
            self.note_left();
        }
        let mut next = self.choose(context);
        self.request_emptied(&mut next, context);
        next
    }

    fn choose(&mut self, context: &mut Context<'_>) -> Lifecycle {
        let first = self.application.is_none();
        if let Err(text) = spec::validate_source(&self.spec) {
            context.raise(text);
            return Lifecycle::Rejected { deadline: None };
        }
        if self.is_frozen(context) {
            context.clear();
            return Lifecycle::Frozen {};
        }
        let destination = match self.find_destination(context) {
            Ok(destination) => destination,
            Err(elsewhere) => return elsewhere,
        };
        if let Err(text) = spec::validate_rest(&self.name, &self.spec, first) {
            context.raise(text);
            return Lifecycle::Rejected { deadline: None };
        }
        let deadline = context.facts.now.after(AWAITING_DEADLINE);
        if self.is_preceded(context) {
            return Lifecycle::AwaitingPredecessor { deadline, overdue: 0 };
        }
        let Some(instance) = context.facts.instance.clone() else {
            return Lifecycle::AwaitingEngine { deadline, overdue: 0 };
        };
        let rows = match &context.facts.tenant {
            TenantFact::Active(rows) if rows.instance == instance => rows.clone(),
            TenantFact::Active(_) | TenantFact::Unknown | TenantFact::Draining => {
                return Lifecycle::AwaitingTenant { deadline, overdue: 0 };
            }
        };
        let project = if context.facts.isolation {
            application::project_name(&rows.user)
        } else {
            application::DEFAULT_PROJECT.to_owned()
        };
        let argocd_namespace = &context.facts.argocd_namespace;
        let document = render(&self.uid, &self.namespace, &self.spec, argocd_namespace, project);
        self.intend(destination.of(document), destination, rows, context)
    }

    /// Records what is wanted from Argo CD and asks the agent for it, unless that is already the
    /// case.
    pub(super) fn intend(
        &mut self,
        document: ApplicationDocument,
        destination: Destination,
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
            let is_new = known.is_none();
            let id = known.unwrap_or_else(|| ApplicationId::of(&self.uid));
            let environment = destination.environment().cloned();
            self.application = Some(ApplicationRecord {
                id: id.clone(),
                user: tenant.user.clone(),
                instance: tenant.instance.clone(),
                digest,
                applied: false,
                destination,
            });
            context.rows.push(RowChange::PutApplication(Box::new(ApplicationRows {
                key: self.key(id, &tenant),
                environment: environment.unwrap_or(tenant.environment),
                instance: tenant.instance,
                document,
                deployment_name: self.name.clone(),
                namespace: self.namespace.clone(),
                is_new,
            })));
        }
        self.dispatch(context)
    }

    pub(super) fn key(&self, application: ApplicationId, tenant: &TenantRows) -> ApplicationKey {
        ApplicationKey {
            application,
            deployment: self.uid.clone(),
            tenant: self.tenant.clone(),
            user: tenant.user.clone(),
        }
    }

    pub(super) fn dispatch(&mut self, context: &mut Context<'_>) -> Lifecycle {
        let again = !self.request_operation(context);
        let deadline = context.facts.now.after(DISPATCH_DEADLINE);
        Lifecycle::Dispatching { deadline, again, overdue: 0 }
    }

    /// Asks the agent to write the Application as its row says; `false` if there is none, or if an
    /// operation that does so is open.
    pub(super) fn request_repair(&mut self, context: &mut Context<'_>) -> bool {
        let requested = self.request_operation(context);
        if requested {
            self.note_difference();
        }
        requested
    }

    /// Asks the agent to act on the application; `false` if an operation is already open.
    pub(super) fn request_operation(&mut self, context: &mut Context<'_>) -> bool {
        let Some(application) = self.application.as_ref().filter(|_| self.open.is_none()) else {
            return false;
        };
        self.operations = self.operations.saturating_add(1);
        let id = OperationId::of(application.id.as_str(), self.born, self.operations);
        context.rows.push(RowChange::RequestOperation(OperationRow {
            id: id.clone(),
            target: Target::Application(application.id.clone()),
            requester: Requester::Deployment(self.uid.clone()),
            owner: application.user.clone(),
            instance: application.instance.clone(),
        }));
        self.open = Some(OpenOperation { id, claimed: false });
        true
    }

    pub(super) fn settle(&mut self, context: &mut Context<'_>) -> Lifecycle {
        self.failures = 0;
        self.note_applied();
        context.clear();
        // The facts may have changed while the agent worked; there is no second notification.
        if self.can_follow(context) {
            return self.resolve(context);
        }
        Lifecycle::Settled {}
    }

    pub(super) fn back_off(&mut self, text: String, context: &mut Context<'_>) -> Lifecycle {
        self.failures = self.failures.saturating_add(1);
        context.raise(text);
        let until = retry::next_attempt(self.uid.as_str(), self.failures, context.facts.now);
        Lifecycle::BackingOff { until }
    }

    /// A settled deployment follows a change of the facts only where that is possible: neither a
    /// terminating namespace nor a missing Argo CD changes what was written.
    pub(super) fn can_follow(&self, context: &Context<'_>) -> bool {
        let facts = context.facts;
        matches!(&facts.tenant, TenantFact::Active(rows) if Some(&rows.instance) == facts.instance.as_ref())
    }

    pub(super) fn begin_removal(&mut self, context: &mut Context<'_>) -> Lifecycle {
        self.failures = 0;
        self.report = None;
        self.removal = RemovalReport::default();
        self.adopt(context);
        if self.is_frozen(context) {
            return Lifecycle::RemovalFrozen {};
        }
        if self.awaits_destination(&context.facts.environments) {
            let deadline = context.facts.now.after(AWAITING_DEADLINE);
            return Lifecycle::AwaitingDestination { deadline, overdue: 0 };
        }
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

    pub(super) fn request_removal(&mut self, context: &mut Context<'_>) -> Lifecycle {
        let again = !self.request_operation(context);
        let deadline = context.facts.now.after(REMOVAL_DEADLINE);
        Lifecycle::Removing { deadline, overdue: 0, again }
    }

    pub(super) fn back_off_removal(
        &mut self,
        text: String,
        context: &mut Context<'_>,
    ) -> Lifecycle {
        self.failures = self.failures.saturating_add(1);
        if self.present {
            context.raise(text);
        }
        let until = retry::next_attempt(self.uid.as_str(), self.failures, context.facts.now);
        Lifecycle::RemovalBackingOff { until }
    }

    pub(super) fn finalize(&mut self, context: &mut Context<'_>) -> Lifecycle {
        if self.present && self.finalizer {
            context.clear();
            let deadline = context.facts.now.after(FINALIZING_DEADLINE);
            return Lifecycle::Finalizing { deadline, overdue: 0 };
        }
        Lifecycle::Gone {}
    }
}

impl Record {
    /// Follows a newer spec.
    pub(super) fn follow_spec(
        &mut self,
        snapshot: &Snapshot,
        context: &mut Context<'_>,
    ) -> Outcome<Lifecycle> {
        let changed = snapshot.generation > self.generation;
        self.take(snapshot);
        if !changed {
            return Handled;
        }
        self.failures = 0;
        // What was wrong with the older one no longer matters.
        context.clear();
        Transition(self.resolve(context))
    }

    /// What the outcome of an operation means while the spec is rejected, or its environment awaited.
    pub(super) fn end_repair(
        &mut self,
        finished: &Finished,
        deadline: &mut Option<Timestamp>,
        context: &mut Context<'_>,
    ) {
        // One requested before the spec changed reflects older intent.
        if matches!(finished, Finished::Completed) && deadline.is_some() {
            self.note_applied();
        }
        if !matches!(finished, Finished::No) {
            // What failed is found again by the rescan.
            *deadline = None;
            // It may have been asked for before the environment left.
            if self.is_emptied_unrequested() && self.request_operation(context) {
                self.note_emptied_requested();
                *deadline = Some(context.facts.now.after(DISPATCH_DEADLINE));
            }
        }
    }

    /// What the outcome of an operation means while the Application is being written.
    pub(super) fn end_dispatch(
        &mut self,
        finished: Finished,
        again: bool,
        context: &mut Context<'_>,
    ) -> Outcome<Lifecycle> {
        match finished {
            Finished::No => Handled,
            // The outcome of an older intent says nothing about the newer one.
            Finished::Completed | Finished::Failed(_) if again => Transition(self.resolve(context)),
            Finished::Completed => Transition(self.settle(context)),
            Finished::Failed(text) => Transition(self.back_off(text, context)),
            Finished::Lost => Transition(self.resolve(context)),
        }
    }

    /// What the outcome of an operation means while the Application is being removed.
    pub(super) fn end_removal(
        &mut self,
        finished: Finished,
        again: bool,
        context: &mut Context<'_>,
    ) -> Outcome<Lifecycle> {
        match finished {
            Finished::No => Handled,
            // The outcome of an older intent says nothing about the newer one.
            Finished::Completed | Finished::Failed(_) if again => {
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

    /// A deadline has passed: the Operation is created again, and the next deadline is later.
    pub(super) fn insist(
        &mut self,
        first: Duration,
        overdue: &mut u32,
        context: &Context<'_>,
    ) -> Timestamp {
        self.expect_no_claim();
        context.postpone(first, overdue)
    }
}
