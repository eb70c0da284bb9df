//! The region that takes a run through its turn and its sync.
//!
//! A run waits as long as it takes; it has ended when its sync has, or when it is clear that there
//! will be none, and stays so. A state that waits for machinery has a deadline.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use super::facts::{DeploymentFact, ExistingSync, SettledApplication, SyncRunFacts, SyncTarget};
use super::rows::{SyncOperationRow, SyncRunRows};
use super::{
    SyncRecord, SyncRunEvent, SyncRunRecord, SyncRunSnapshot, is_revision, messages, status,
};
use crate::identity::{DeploymentUid, OperationId, Timestamp};
use crate::operation::sync::SyncOperationId;
use crate::rows::{OperationRow, Requester, RowChange, Target};
use crate::shared::condition::ERROR_OCCURRED;
use crate::shared::open_operation::{Finished, OpenOperation};
use crate::shared::retry::postpone;
use crate::shared::text::bounded;

/// The agent answers; this is the safety net. It doubles each time, up to an hour.
pub const SYNC_RUN_DEADLINE: Duration = Duration::from_secs(60);

/// How far a sync run has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncRunState {
    /// Nothing is known about the object.
    Unseen {},
    /// There is no deployment of the name.
    AwaitingDeployment {},
    /// The deployment is not deployed as its spec says. That may be for its user to change.
    AwaitingSettled {},
    /// An earlier run of the same deployment has not ended. That may be for its user to change, too.
    AwaitingTurn {},
    /// The rows are written; the agent has been asked for the sync.
    Running {
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// The sync was successful.
    Succeeded {},
    /// The sync was not successful, or is not known to have been.
    Failed {},
    /// There will be no sync.
    Rejected {},
    /// The object is gone or going; the agent has been asked to end the sync.
    Terminating {
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// Nothing is left.
    Gone {},
}

/// What a step collects.
pub struct Context<'a> {
    facts: &'a SyncRunFacts,
    /// The state before the step.
    before: Discriminant<SyncRunState>,
    /// Rows to write.
    pub(super) rows: Vec<RowChange>,
}

impl<'a> Context<'a> {
    pub(super) fn new(facts: &'a SyncRunFacts, before: &SyncRunState) -> Self {
        Self { facts, before: discriminant(before), rows: Vec::new() }
    }

    fn deadline(&self) -> Timestamp {
        self.facts.now.after(SYNC_RUN_DEADLINE)
    }
}

#[state_machine(
    initial = "SyncRunState::Unseen {}",
    state(name = "SyncRunState", custom),
    superstate(name = "SyncRunSuperstate", derive(Debug))
)]
impl SyncRunRecord {
    #[state]
    fn unseen(&mut self, context: &mut Context<'_>, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        match event {
            SyncRunEvent::Observed(snapshot) => {
                self.born = context.facts.now;
                self.created = snapshot.created;
                self.take(snapshot);
                if let Some(existing) = &context.facts.existing {
                    return Transition(self.adopt(existing, snapshot, context));
                }
                if snapshot.deleting {
                    return Transition(SyncRunState::Gone {});
                }
                if let Some(ended) = self.told_end(snapshot) {
                    return Transition(ended);
                }
                if context.facts.has_begun {
                    return Transition(self.end_before_beginning());
                }
                Transition(self.resolve(context))
            }
            SyncRunEvent::Absent { .. } => Transition(SyncRunState::Gone {}),
            SyncRunEvent::OperationObserved { .. }
            | SyncRunEvent::FactsChanged
            | SyncRunEvent::DeadlineReached => Handled,
        }
    }

    /// The object exists, as far as we know, and is not being deleted.
    #[superstate]
    fn live(&mut self, context: &mut Context<'_>, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        match event {
            SyncRunEvent::Observed(snapshot) if self.is_stale(snapshot) => Handled,
            SyncRunEvent::Observed(snapshot) if snapshot.deleting => {
                self.take(snapshot);
                Transition(self.withdraw(context))
            }
            SyncRunEvent::Observed(snapshot) => {
                self.take(snapshot);
                Handled
            }
            SyncRunEvent::Absent { as_of } if *as_of < self.last_seen => Handled,
            SyncRunEvent::Absent { .. } => {
                self.present = false;
                Transition(self.withdraw(context))
            }
            SyncRunEvent::OperationObserved { id, state, .. } => {
                OpenOperation::note(&mut self.open, id, state.as_ref());
                Handled
            }
            SyncRunEvent::FactsChanged | SyncRunEvent::DeadlineReached => Handled,
        }
    }

    /// Its turn has not come; edits count. What it waits for is pushed when it changes, and may take a
    /// person as long as they like: no deadline passes, or runs that wait would write each hour.
    #[superstate(superstate = "live")]
    fn waiting(
        &mut self,
        context: &mut Context<'_>,
        event: &SyncRunEvent,
    ) -> Outcome<SyncRunState> {
        match event {
            SyncRunEvent::Observed(snapshot) if !snapshot.deleting && !self.is_stale(snapshot) => {
                self.take(snapshot);
                self.look_again(context)
            }
            SyncRunEvent::FactsChanged => self.look_again(context),
            _ => Super,
        }
    }

    #[state(superstate = "waiting")]
    fn awaiting_deployment(&mut self, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        let _ = event;
        Super
    }

    #[state(superstate = "waiting")]
    fn awaiting_settled(&mut self, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        let _ = event;
        Super
    }

    #[state(superstate = "waiting")]
    fn awaiting_turn(&mut self, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        let _ = event;
        Super
    }

    #[state(superstate = "live")]
    fn running(
        &mut self,
        context: &mut Context<'_>,
        event: &SyncRunEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<SyncRunState> {
        match event {
            SyncRunEvent::OperationObserved { id, state, message } => {
                if self.open.as_ref().is_some_and(|open| open.id == *id) {
                    self.message = bounded(message);
                }
                match OpenOperation::note(&mut self.open, id, state.as_ref()) {
                    Finished::No => Handled,
                    Finished::Completed => Transition(self.succeed()),
                    Finished::Failed(text) => Transition(self.fail(text)),
                    Finished::Lost => {
                        self.request_operation(context);
                        Handled
                    }
                }
            }
            SyncRunEvent::FactsChanged => match self.lost_deployment(context) {
                Some(text) => Transition(self.fail(text)),
                None => Handled,
            },
            SyncRunEvent::DeadlineReached if context.facts.now >= *deadline => {
                if let Some(text) = self.lost_deployment(context) {
                    return Transition(self.fail(text));
                }
                *deadline = self.insist(overdue, context);
                Handled
            }
            _ => Super,
        }
    }

    /// What has ended never begins again.
    #[superstate(superstate = "live")]
    fn finished(&mut self, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        let _ = event;
        Super
    }

    #[state(superstate = "finished")]
    fn succeeded(&mut self, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        let _ = event;
        Super
    }

    #[state(superstate = "finished")]
    fn failed(&mut self, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        let _ = event;
        Super
    }

    #[state(superstate = "finished")]
    fn rejected(&mut self, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        let _ = event;
        Super
    }

    #[state]
    fn terminating(
        &mut self,
        context: &mut Context<'_>,
        event: &SyncRunEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<SyncRunState> {
        match event {
            SyncRunEvent::OperationObserved { id, state, .. } => {
                match OpenOperation::note(&mut self.open, id, state.as_ref()) {
                    Finished::No => Handled,
                    // Whatever came of it, nothing of it runs any more.
                    Finished::Completed | Finished::Failed(_) | Finished::Lost => {
                        Transition(self.remove(context))
                    }
                }
            }
            SyncRunEvent::DeadlineReached if context.facts.now >= *deadline => {
                *deadline = self.insist(overdue, context);
                Handled
            }
            // What is gone never comes back under the same UID.
            SyncRunEvent::Observed(_)
            | SyncRunEvent::Absent { .. }
            | SyncRunEvent::FactsChanged
            | SyncRunEvent::DeadlineReached => Handled,
        }
    }

    #[state]
    fn gone(&mut self, event: &SyncRunEvent) -> Outcome<SyncRunState> {
        let _ = event;
        Handled
    }
}

/// What a run takes over from observations.
impl SyncRunRecord {
    fn is_stale(&self, snapshot: &SyncRunSnapshot) -> bool {
        snapshot.generation < self.generation || snapshot.revision < self.last_seen
    }

    /// Takes over what an observation says. The revision is remembered only along with something
    /// worth remembering, so that an echo of our own status write changes nothing.
    fn take(&mut self, snapshot: &SyncRunSnapshot) {
        let before = self.clone();
        self.present = !snapshot.deleting;
        self.generation = snapshot.generation;
        self.spec = snapshot.spec.clone();
        self.actual = status::actual(&snapshot.conditions);
        if *self != before {
            self.last_seen = snapshot.revision;
        }
    }

    /// Remembers that an edit is complained of: the condition then stays, as False.
    pub(super) fn note_edit(&mut self) {
        if self.ended.is_none() && self.edit().is_some() {
            self.complained = true;
        }
    }

    /// What is wrong with edits of what the run was taken up with.
    pub(super) fn edit(&self) -> Option<&'static str> {
        let accepted = self.accepted.as_ref()?;
        if accepted.deployment_name != self.spec.deployment_name {
            return Some(messages::NAME_CHANGED);
        }
        (accepted.revision != self.spec.revision).then_some(messages::REVISION_CHANGED)
    }
}

/// What the states do.
impl SyncRunRecord {
    fn look_again(&mut self, context: &mut Context<'_>) -> Outcome<SyncRunState> {
        match self.resolve(context) {
            same if discriminant(&same) == context.before => Handled,
            elsewhere => Transition(elsewhere),
        }
    }

    /// Where a run that has not begun goes by its spec and the facts.
    fn resolve(&mut self, context: &mut Context<'_>) -> SyncRunState {
        if self.name == messages::RESERVED_NAME {
            return self.reject(messages::name_reserved());
        }
        if !is_revision(&self.spec.revision) {
            return self.reject(messages::REVISION_FORM.to_owned());
        }
        let target = match &context.facts.deployment {
            DeploymentFact::Unknown => return SyncRunState::AwaitingSettled {},
            DeploymentFact::Missing => return SyncRunState::AwaitingDeployment {},
            DeploymentFact::Present(target) => target,
        };
        if !target.is_manual {
            return self.reject(messages::automated(&self.name));
        }
        if self.is_preceded(context) {
            return SyncRunState::AwaitingTurn {};
        }
        match &target.settled {
            None => SyncRunState::AwaitingSettled {},
            Some(application) => self.begin(target, application, context),
        }
    }

    /// Whether another run of the deployment goes first.
    fn is_preceded(&self, context: &Context<'_>) -> bool {
        let own = (self.created, &self.uid);
        let others = &context.facts.others;
        others.iter().any(|other| other.has_turn || (other.created, &other.uid) < own)
    }

    fn begin(
        &mut self,
        target: &SyncTarget,
        application: &SettledApplication,
        context: &mut Context<'_>,
    ) -> SyncRunState {
        // The id outlives this machine: a later one of the same object asks for the same sync.
        let sync = SyncOperationId::new(self.uid.as_str());
        context.rows.push(RowChange::SyncRun(SyncRunRows::Put(Box::new(SyncOperationRow {
            sync: sync.clone(),
            application: application.id.clone(),
            deployment_name: self.spec.deployment_name.clone(),
            revision: self.spec.revision.clone(),
            run: self.uid.clone(),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            tenant: self.tenant.clone(),
        }))));
        self.run(sync, Some(target.uid.clone()), application, context)
    }

    fn run(
        &mut self,
        sync: SyncOperationId,
        deployment: Option<DeploymentUid>,
        application: &SettledApplication,
        context: &mut Context<'_>,
    ) -> SyncRunState {
        self.accepted.get_or_insert_with(|| self.spec.clone());
        self.sync = Some(SyncRecord {
            id: sync,
            deployment,
            user: application.user.clone(),
            instance: application.instance.clone(),
        });
        self.request_operation(context);
        SyncRunState::Running { deadline: context.deadline(), overdue: 0 }
    }

    fn request_operation(&mut self, context: &mut Context<'_>) {
        let Some(sync) = &self.sync else { return };
        self.operations = self.operations.saturating_add(1);
        let id = OperationId::of(sync.id.as_str(), self.born, self.operations);
        context.rows.push(RowChange::RequestOperation(OperationRow {
            id: id.clone(),
            target: Target::Sync(sync.id.clone()),
            requester: Requester::SyncRun(self.uid.clone()),
            owner: sync.user.clone(),
            instance: sync.instance.clone(),
        }));
        self.open = Some(OpenOperation { id, claimed: false });
    }

    /// Why there is nothing left to sync, if so.
    fn lost_deployment(&self, context: &Context<'_>) -> Option<String> {
        let synced = self.sync.as_ref()?.deployment.as_ref()?;
        let name = &self.accepted.as_ref()?.deployment_name;
        match &context.facts.deployment {
            DeploymentFact::Missing => Some(messages::deployment_missing(name)),
            DeploymentFact::Present(target) if target.uid != *synced => {
                Some(messages::deployment_replaced(name))
            }
            DeploymentFact::Present(_) | DeploymentFact::Unknown => None,
        }
    }

    fn succeed(&mut self) -> SyncRunState {
        self.ended = Some(self.generation);
        SyncRunState::Succeeded {}
    }

    fn fail(&mut self, text: String) -> SyncRunState {
        self.ended = Some(self.generation);
        self.message = bounded(&text);
        SyncRunState::Failed {}
    }

    /// How the object says that the run has ended. Its rows may be gone: a stale list lacked the
    /// object, or the database was restored from a backup.
    fn told_end(&mut self, snapshot: &SyncRunSnapshot) -> Option<SyncRunState> {
        let find = |type_: &str| snapshot.conditions.iter().find(|one| one.type_ == type_);
        let result = find(status::SUCCEEDED)?;
        let ended = match result.status.as_str() {
            status::TRUE => {
                let revision = result.message.strip_prefix(messages::SYNCED_TO);
                self.message = bounded(revision.unwrap_or_default());
                self.succeed()
            }
            status::FALSE if result.reason == status::REJECTED => {
                self.reject(messages::rejection_in(&self.name, &result.message))
            }
            status::FALSE => self.fail(result.message.clone()),
            _ => return None,
        };
        self.accepted = Some(self.spec.clone());
        self.ended = result.observed_generation.or(self.ended);
        Some(ended)
    }

    /// It was ended when its object seemed to be deleted, and does not begin again.
    fn end_before_beginning(&mut self) -> SyncRunState {
        self.accepted = Some(self.spec.clone());
        self.fail(messages::SEEMED_DELETED.to_owned())
    }

    fn reject(&mut self, text: String) -> SyncRunState {
        self.accepted = Some(self.spec.clone());
        self.ended = Some(self.generation);
        self.message = bounded(&text);
        SyncRunState::Rejected {}
    }

    /// A deadline has passed: the agent is asked again, and the next deadline is later.
    fn insist(&mut self, overdue: &mut u32, context: &Context<'_>) -> Timestamp {
        if let Some(open) = &mut self.open {
            open.claimed = false;
        }
        postpone(SYNC_RUN_DEADLINE, overdue, context.facts.now)
    }

    /// The object is gone or going.
    fn withdraw(&mut self, context: &mut Context<'_>) -> SyncRunState {
        let Some(sync) = &self.sync else { return SyncRunState::Gone {} };
        if self.open.is_none() {
            return self.remove(context);
        }
        context.rows.push(RowChange::SyncRun(SyncRunRows::Terminate(sync.id.clone())));
        SyncRunState::Terminating { deadline: context.deadline(), overdue: 0 }
    }

    fn remove(&mut self, context: &mut Context<'_>) -> SyncRunState {
        if let Some(sync) = self.sync.take() {
            let remove = SyncRunRows::Remove { sync: sync.id, run: self.uid.clone() };
            context.rows.push(RowChange::SyncRun(remove));
        }
        SyncRunState::Gone {}
    }

    /// Takes over the rows of an earlier installation: one that had not ended goes on, and of any
    /// other the object says how it ended.
    fn adopt(
        &mut self,
        existing: &ExistingSync,
        snapshot: &SyncRunSnapshot,
        context: &mut Context<'_>,
    ) -> SyncRunState {
        self.accepted = Some(super::SyncRunSpec {
            deployment_name: existing.deployment_name.clone(),
            revision: existing.revision.clone(),
        });
        let application = existing.application.clone().unwrap_or_default();
        let is_open = existing.is_open && existing.application.is_some();
        if is_open {
            let running = self.run(existing.sync.clone(), None, &application, context);
            return if snapshot.deleting { self.withdraw(context) } else { running };
        }
        self.sync = Some(SyncRecord {
            id: existing.sync.clone(),
            deployment: None,
            user: application.user,
            instance: application.instance,
        });
        if snapshot.deleting {
            return self.remove(context);
        }
        let told = snapshot.conditions.iter().find(|one| one.type_ == ERROR_OCCURRED);
        match told {
            Some(condition) if condition.status == status::FALSE => self.succeed(),
            Some(condition) if self.edit().is_none_or(|edit| edit != condition.message) => {
                self.fail(condition.message.clone())
            }
            _ if existing.application.is_none() => {
                self.fail(messages::deployment_missing(&existing.deployment_name))
            }
            _ => self.fail(messages::UNKNOWN_OUTCOME.to_owned()),
        }
    }
}

impl SyncRunState {
    /// When the region wants to be woken.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Running { deadline, .. } | Self::Terminating { deadline, .. } => Some(*deadline),
            Self::Unseen {}
            | Self::AwaitingDeployment {}
            | Self::AwaitingSettled {}
            | Self::AwaitingTurn {}
            | Self::Succeeded {}
            | Self::Failed {}
            | Self::Rejected {}
            | Self::Gone {} => None,
        }
    }

    /// The state's path, outermost first.
    pub fn path(&self) -> String {
        let path = match self {
            Self::Unseen {} => "Unseen",
            Self::AwaitingDeployment {} => "Live/Waiting/AwaitingDeployment",
            Self::AwaitingSettled {} => "Live/Waiting/AwaitingSettled",
            Self::AwaitingTurn {} => "Live/Waiting/AwaitingTurn",
            Self::Running { .. } => "Live/Running",
            Self::Succeeded {} => "Live/Finished/Succeeded",
            Self::Failed {} => "Live/Finished/Failed",
            Self::Rejected {} => "Live/Finished/Rejected",
            Self::Terminating { .. } => "Terminating",
            Self::Gone {} => "Gone",
        };
        path.to_owned()
    }
}
