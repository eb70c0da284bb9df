//! The machine of an Operation: the agent's side, one per operation row.
//!
//! An operation says "make Argo CD match the row of this application"; what the row says is read
//! when the operation is claimed. The order of the states is the contract's: a project permits an
//! Application before it exists, and no longer than it does.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

pub mod application;
mod observations;
mod persisted;
pub(crate) mod samples;
pub mod target;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use crate::drive::drive;
use crate::identity::{ApplicationId, ClusterUserId, OperationId, Timestamp};
use crate::machine::{Change, Machine};
use crate::operation::application::{ApplicationDocument, application_name};
use crate::rows::{OperationState, Requester, RowChange, Target};
use crate::shared::retry::postpone;
use crate::waiting::{Party, Wait};

pub use observations::{ApplicationView, ArgoView, OperationEvent, RowView};
pub use persisted::PersistedOperation;
pub use target::Wanted;

/// The Kubernetes API takes a write within milliseconds. An operation that cannot write for this
/// long fails, and its deployment says so and asks again.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(120);
/// Argo CD removes an Application once its resources are gone, which may take any time; the request
/// is repeated after this, then after twice this, up to an hour.
pub const DELETION_DEADLINE: Duration = Duration::from_secs(120);
/// The removal of a finished Operation CR is repeated after this.
pub const COLLECTION_DEADLINE: Duration = Duration::from_secs(60);

/// An operation: its state and what it remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Where it is.
    pub state: OperationPhase,
    /// What it remembers.
    pub record: OperationRecord,
}

/// The states of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationPhase {
    /// Its row has not been read yet.
    Unclaimed {},
    /// The tenant's AppProject should permit the Application.
    PreparingProject {
        /// What the Application should say.
        document: Box<ApplicationDocument>,
        /// When the operation fails.
        deadline: Timestamp,
    },
    /// The Application should be written.
    Writing {
        /// What it should say.
        document: Box<ApplicationDocument>,
        /// When the operation fails.
        deadline: Timestamp,
    },
    /// The Application should go.
    Deleting {
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// The AppProject permits more than is needed, or is itself no longer needed.
    TidyingProject {
        /// When the operation fails.
        deadline: Timestamp,
    },
    /// Argo CD matches; the Operation CR should go.
    Completed {
        /// When to ask again.
        deadline: Timestamp,
    },
    /// Argo CD cannot be made to match; the Operation CR should go.
    Failed {
        /// When to ask again.
        deadline: Timestamp,
    },
    /// Nothing is left to do.
    Collected {},
}

/// What an operation remembers in every state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Its id.
    pub id: OperationId,
    /// What it is about; known once its row has been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
    /// What waits for its outcome; unknown for operations of an earlier installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Requester>,
    /// When it entered its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl OperationRecord {
    /// The application row that it is about.
    pub fn application(&self) -> Option<&ApplicationId> {
        match self.target.as_ref()? {
            Target::Application(id) => Some(id),
        }
    }

    /// The name of the Application that it is about; unknown for operations of an earlier
    /// installation.
    pub fn application_name(&self) -> Option<String> {
        match (self.target.as_ref()?, self.requester.as_ref()?) {
            (Target::Application(_), Requester::Deployment(uid)) => Some(application_name(uid)),
        }
    }
}

/// What an operation requires from the world outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationObligation {
    /// The tenant's AppProject says what it should.
    ProjectWritten(ClusterUserId),
    /// The Application says this, and carries the id of its row.
    ApplicationWritten(ApplicationId, Box<ApplicationDocument>),
    /// No Application represents this row.
    ApplicationRemoved(ApplicationId),
    /// The Operation CR does not exist.
    ResourceRemoved(OperationId),
}

/// What a step collects.
pub struct OperationContext {
    now: Timestamp,
    rows: Vec<RowChange>,
}

impl Operation {
    /// An operation about which only the id is known.
    pub fn new(id: OperationId) -> Self {
        let record = OperationRecord {
            id,
            target: None,
            owner: ClusterUserId::default(),
            requester: None,
            since: None,
        };
        Self { state: OperationPhase::Unclaimed {}, record }
    }

    fn wait(&self) -> Option<Wait> {
        const FAILS: &str = "the operation fails, and its requester asks again";
        let wait = match &self.state {
            OperationPhase::Collected {} => return None,
            OperationPhase::Unclaimed {} => {
                Wait::new(Party::Database, "the row of the operation is to be read")
            }
            OperationPhase::PreparingProject { deadline, .. } => {
                Wait::new(Party::ApiServer, "the AppProject is to permit the Application")
                    .until(*deadline, FAILS)
            }
            OperationPhase::Writing { deadline, .. } => {
                Wait::new(Party::ApiServer, "the Application is to be written")
                    .until(*deadline, FAILS)
            }
            OperationPhase::Deleting { deadline, .. } => {
                Wait::new(Party::ArgoCd, "the deployed resources are to be removed")
                    .until(*deadline, "the removal is requested again")
            }
            OperationPhase::TidyingProject { deadline } => {
                Wait::new(Party::ApiServer, "the AppProject is to permit no more than is needed")
                    .until(*deadline, FAILS)
            }
            OperationPhase::Completed { deadline } | OperationPhase::Failed { deadline } => {
                Wait::new(Party::ApiServer, "the Operation resource is to be deleted")
                    .until(*deadline, "the deletion is sent again")
            }
        };
        Some(Wait { since: self.record.since, ..wait })
    }

    /// What the machine requires from the world.
    pub fn obligations(&self) -> Vec<OperationObligation> {
        self.obligation().into_iter().collect()
    }

    fn obligation(&self) -> Option<OperationObligation> {
        let record = &self.record;
        let required = match &self.state {
            OperationPhase::Unclaimed {} | OperationPhase::Collected {} => return None,
            OperationPhase::PreparingProject { .. } | OperationPhase::TidyingProject { .. } => {
                OperationObligation::ProjectWritten(record.owner.clone())
            }
            OperationPhase::Writing { document, .. } => OperationObligation::ApplicationWritten(
                record.application()?.clone(),
                document.clone(),
            ),
            OperationPhase::Deleting { .. } => {
                OperationObligation::ApplicationRemoved(record.application()?.clone())
            }
            OperationPhase::Completed { .. } | OperationPhase::Failed { .. } => {
                OperationObligation::ResourceRemoved(record.id.clone())
            }
        };
        Some(required)
    }

    /// Whether the machine looks at Argo CD's resources.
    pub fn watches_argo(&self) -> bool {
        matches!(
            self.state,
            OperationPhase::PreparingProject { .. }
                | OperationPhase::Writing { .. }
                | OperationPhase::Deleting { .. }
                | OperationPhase::TidyingProject { .. }
        )
    }
}

impl Machine for Operation {
    type Event = OperationEvent;
    type Facts = Timestamp;

    fn apply(&mut self, event: &OperationEvent, now: &Timestamp) -> Change {
        let mut context = OperationContext { now: *now, rows: Vec::new() };
        let handling = drive(&mut self.state, &mut self.record, event, &mut context);
        Change { rows: context.rows, handling }
    }

    fn path(&self) -> String {
        let path = match &self.state {
            OperationPhase::Unclaimed {} => "Unclaimed",
            OperationPhase::PreparingProject { .. } => "InProgress/PreparingProject",
            OperationPhase::Writing { .. } => "InProgress/Writing",
            OperationPhase::Deleting { .. } => "InProgress/Deleting",
            OperationPhase::TidyingProject { .. } => "InProgress/TidyingProject",
            OperationPhase::Completed { .. } => "Finished/Completed",
            OperationPhase::Failed { .. } => "Finished/Failed",
            OperationPhase::Collected {} => "Collected",
        };
        path.to_owned()
    }

    fn since(&self) -> Option<Timestamp> {
        self.record.since
    }

    fn note_since(&mut self, now: Timestamp) {
        self.record.since = Some(now);
    }

    fn waits_for(&self) -> Vec<Wait> {
        self.wait().into_iter().collect()
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match &self.state {
            OperationPhase::Unclaimed {} | OperationPhase::Collected {} => None,
            OperationPhase::PreparingProject { deadline, .. }
            | OperationPhase::Writing { deadline, .. }
            | OperationPhase::Deleting { deadline, .. }
            | OperationPhase::TidyingProject { deadline }
            | OperationPhase::Completed { deadline }
            | OperationPhase::Failed { deadline } => Some(*deadline),
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self.state, OperationPhase::Collected {})
    }
}

#[state_machine(
    initial = "OperationPhase::Unclaimed {}",
    state(name = "OperationPhase", custom),
    superstate(name = "OperationSuperstate", derive(Debug))
)]
impl OperationRecord {
    #[state]
    fn unclaimed(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::RowObserved(row) => Transition(self.claim(row, context)),
            // The backend commits the row before it creates the CR, so a CR without a row is left
            // over from a collected operation.
            OperationEvent::RowAbsent => {
                let deadline = context.now.after(COLLECTION_DEADLINE);
                Transition(OperationPhase::Completed { deadline })
            }
            OperationEvent::ResourceAbsent => Transition(OperationPhase::Collected {}),
            // What its row asks for cannot be done at all.
            OperationEvent::Refused { text } => Transition(self.fail(text, context)),
            OperationEvent::ArgoObserved(_) | OperationEvent::DeadlineReached => Handled,
        }
    }

    #[superstate]
    fn in_progress(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::Refused { text } => Transition(self.fail(text, context)),
            // A CR deleted manually does not undo the request: the row remains.
            OperationEvent::ResourceAbsent
            | OperationEvent::RowObserved(_)
            | OperationEvent::RowAbsent
            | OperationEvent::ArgoObserved(_)
            | OperationEvent::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "in_progress")]
    fn preparing_project(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        document: &mut Box<ApplicationDocument>,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::ArgoObserved(argo) if argo.project_matches => {
                Transition(self.write(document, argo, context))
            }
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                Transition(self.time_out(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "in_progress")]
    fn writing(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        document: &mut Box<ApplicationDocument>,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::ArgoObserved(argo) if argo.application.says(document) => {
                Transition(self.tidy(argo, context))
            }
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                Transition(self.time_out(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "in_progress")]
    fn deleting(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::ArgoObserved(argo) if argo.application == ApplicationView::Absent => {
                Transition(self.tidy(argo, context))
            }
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                *deadline = postpone(DELETION_DEADLINE, overdue, context.now);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "in_progress")]
    fn tidying_project(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::ArgoObserved(argo) if argo.project_matches => {
                Transition(self.complete(context))
            }
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                Transition(self.time_out(context))
            }
            _ => Super,
        }
    }

    #[superstate]
    fn finished(
        &mut self,
        context: &mut OperationContext,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        match event {
            OperationEvent::ResourceAbsent => Transition(OperationPhase::Collected {}),
            OperationEvent::DeadlineReached if context.now >= *deadline => {
                *deadline = context.now.after(COLLECTION_DEADLINE);
                Handled
            }
            OperationEvent::RowObserved(_)
            | OperationEvent::RowAbsent
            | OperationEvent::ArgoObserved(_)
            | OperationEvent::Refused { .. }
            | OperationEvent::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "finished")]
    fn completed(
        &mut self,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        let _ = (event, deadline);
        Super
    }

    #[state(superstate = "finished")]
    fn failed(
        &mut self,
        event: &OperationEvent,
        deadline: &mut Timestamp,
    ) -> Outcome<OperationPhase> {
        let _ = (event, deadline);
        Super
    }

    #[state]
    fn collected(&mut self, event: &OperationEvent) -> Outcome<OperationPhase> {
        let _ = event;
        Handled
    }

    fn claim(&mut self, row: &RowView, context: &mut OperationContext) -> OperationPhase {
        self.target = Some(row.wanted.target());
        self.owner = row.owner.clone();
        self.requester = row.requester.clone();
        match &row.state {
            OperationState::Completed => {
                OperationPhase::Completed { deadline: context.now.after(COLLECTION_DEADLINE) }
            }
            OperationState::Failed(_) => {
                OperationPhase::Failed { deadline: context.now.after(COLLECTION_DEADLINE) }
            }
            OperationState::Waiting | OperationState::InProgress => {
                self.set_state(OperationState::InProgress, context);
                match &row.wanted {
                    Wanted::Application { document: Some(document), .. } => {
                        OperationPhase::PreparingProject {
                            document: Box::new(document.clone()),
                            deadline: context.now.after(WRITE_DEADLINE),
                        }
                    }
                    Wanted::Application { document: None, .. } => OperationPhase::Deleting {
                        deadline: context.now.after(DELETION_DEADLINE),
                        overdue: 0,
                    },
                }
            }
        }
    }

    fn write(
        &self,
        document: &ApplicationDocument,
        argo: &ArgoView,
        context: &mut OperationContext,
    ) -> OperationPhase {
        if argo.application.says(document) {
            return self.complete(context);
        }
        OperationPhase::Writing {
            document: Box::new(document.clone()),
            deadline: context.now.after(WRITE_DEADLINE),
        }
    }

    fn tidy(&self, argo: &ArgoView, context: &mut OperationContext) -> OperationPhase {
        if argo.project_matches {
            return self.complete(context);
        }
        OperationPhase::TidyingProject { deadline: context.now.after(WRITE_DEADLINE) }
    }

    fn complete(&self, context: &mut OperationContext) -> OperationPhase {
        self.set_state(OperationState::Completed, context);
        OperationPhase::Completed { deadline: context.now.after(COLLECTION_DEADLINE) }
    }

    fn fail(&self, text: &str, context: &mut OperationContext) -> OperationPhase {
        let text = crate::shared::text::bounded(text);
        self.set_state(OperationState::Failed(text), context);
        OperationPhase::Failed { deadline: context.now.after(COLLECTION_DEADLINE) }
    }

    fn time_out(&self, context: &mut OperationContext) -> OperationPhase {
        self.fail(crate::shared::messages::WRITE_TIMED_OUT, context)
    }

    fn set_state(&self, state: OperationState, context: &mut OperationContext) {
        context.rows.push(RowChange::SetOperationState(self.id.clone(), state));
    }
}
