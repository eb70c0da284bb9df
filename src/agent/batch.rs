//! Steps a batch of operations: from what was loaded and observed to what to write and what
//! follows. Pure.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use machines::identity::{ApplicationId, ClusterUserId, OperationId, Revision, Timestamp};
use machines::machine::{Machine, Run};
use machines::operation::application::project_name;
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationObligation, OperationPhase,
    RowView, SecretView,
};
use machines::rows::{Requester, RowChange, Target};
use machines::shared::messages;
use schema::store::Permitted;
use schema::store::agent::{AgentChanges, AgentLoaded, Unusable};
use schema::store::machine_rows::{Stepped, Versioned};

use crate::agent::argo::Argo;
use crate::agent::open::Stage;
use crate::agent::resources::project::entry::{ProjectDocument, WantedProject};
use crate::agent::resources::secret::row::SecretRow;
use crate::runtime::inbox::Coalesce;

/// An operation looks at Argo CD again after each move; it moves at most this often, from preparing
/// its project through writing and tidying to its end.
const MOVES: usize = 4;

/// Why an operation on a cluster Secret fails that Argo CD cannot use. What the other Secret is called
/// is for the operators alone.
const AMBIGUOUS_CLUSTER: &str = "another cluster Secret in Argo CD's namespace has the name or the URL \
                                 of this environment's, so that Argo CD cannot use either; an \
                                 operator of the service has to remove the other one. It is tried \
                                 again";
/// Why an operation on a cluster Secret fails that its AppProject cannot permit.
const TOO_MANY_ENVIRONMENTS: &str = "the AppProject of this namespace has no room for another \
                                     environment; remove environments from this namespace, or use \
                                     another namespace. It is tried again";

/// What was observed of an operation since it was last stepped. Argo CD's resources are checked
/// whatever woke it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations {
    /// The server refuses what the operation wants to write.
    pub refused: Option<String>,
    /// The Operation CR does not exist.
    pub resource_absent: bool,
    /// The server has listed no Application with the name.
    pub application_absent: bool,
    /// The server has listed no Secret with the name.
    pub secret_absent: bool,
    /// The machine's time has come.
    pub deadline: bool,
}

impl Coalesce for Observations {
    fn absorb(&mut self, newer: Self) {
        let Self { refused, resource_absent, application_absent, secret_absent, deadline } = newer;
        if refused.is_some() {
            self.refused = refused;
        }
        self.resource_absent |= resource_absent;
        self.application_absent |= application_absent;
        self.secret_absent |= secret_absent;
        self.deadline |= deadline;
    }
}

/// What follows for an operation once its batch is committed.
#[derive(Debug)]
pub struct FollowUp {
    /// Which one.
    pub id: OperationId,
    /// What it is about, once its row was read.
    pub target: Option<Target>,
    /// The row whose Application it looks at.
    pub application: Option<ApplicationId>,
    /// The name of its Application, if known.
    pub application_name: Option<String>,
    /// Its owner.
    pub owner: ClusterUserId,
    /// What waits for it.
    pub requester: Option<Requester>,
    /// Whether its machine is gone.
    pub gone: bool,
    /// What it is doing; `None` if it has ended.
    pub stage: Option<Stage>,
    /// Whether it has just completed.
    pub completed: bool,
    /// Whether it has just failed.
    pub failed: bool,
    /// Whether its requester is to look at its row.
    pub concerns_requester: bool,
    /// Whether it waits for the AppProject.
    pub awaits_project: bool,
    /// The revisions of its Application or Secret, and of its AppProject, at the time of the decision.
    pub revisions: [Option<Revision>; 2],
    /// When it wants to be woken.
    pub wake_at: Option<Timestamp>,
    /// What it requires from the world.
    pub obligations: Vec<OperationObligation>,
    /// Whether a deadline has passed, which puts what was done before in doubt.
    pub insist: bool,
}

/// What follows once a batch is committed.
#[derive(Debug, Default)]
pub struct FollowUps {
    /// Of each operation.
    pub operations: Vec<FollowUp>,
    /// What the AppProjects that operations require say; `None` where there should be none.
    pub projects: HashMap<ClusterUserId, Option<ProjectDocument>>,
    /// Operations of kinds that this version does not know, whose CRs are gone.
    pub left: Vec<OperationId>,
}

/// Steps the operations of a batch.
pub fn decide(
    loaded: &mut AgentLoaded,
    items: &[(OperationId, Observations)],
    argo: &Argo,
    isolation: bool,
    now: Timestamp,
) -> (AgentChanges, FollowUps) {
    let mut changes = AgentChanges::default();
    let (mut operations, mut left) = (Vec::new(), Vec::new());
    let mut projects = Projects { argo, permitted: &loaded.permitted, known: HashMap::new() };
    for (id, observations) in items {
        // What this version does not know is left to one that does.
        if loaded.unknown.contains(id) {
            left.extend(observations.resource_absent.then(|| id.clone()));
            continue;
        }
        if loaded.operations.unreadable.contains(id) {
            continue;
        }
        let before = loaded
            .operations
            .known
            .remove(id)
            .unwrap_or_else(|| Versioned { machine: Operation::new(id.clone()), version: 0 });
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            let mut run = OperationRun { run: Run::new(before.machine.clone()), now };
            run.observe(&loaded.rows, &loaded.unusable, observations, &mut projects, isolation);
            run
        }));
        let Ok(run) = stepped else {
            tracing::error!(operation = id.as_str(), "a step ended unexpectedly; it is left out");
            continue;
        };
        let mut follow_up = run.follow_up(argo, observations.deadline);
        // One that fails before its row could be used is still somebody's.
        let unusable = loaded.unusable.get(id).and_then(|one| one.requester.clone());
        follow_up.requester = follow_up.requester.or(unusable);
        operations.push(follow_up);
        let (stepped, rows) = Stepped::of(before, run.run);
        changes.rows.extend(rows);
        changes.operations.push(stepped);
    }
    let obligations = operations.iter().flat_map(|one| &one.obligations);
    let owners: BTreeSet<&ClusterUserId> = obligations
        .filter_map(|obligation| match obligation {
            OperationObligation::ProjectWritten(owner) => Some(owner),
            _ => None,
        })
        .collect();
    let mut wanted = |owner: &ClusterUserId| projects.of(owner).wanted.document.clone();
    let projects = owners.into_iter().map(|owner| (owner.clone(), wanted(owner))).collect();
    (changes, FollowUps { operations, projects, left })
}

/// The AppProjects of a batch: each is computed once, however many operations look at it.
struct Projects<'a> {
    argo: &'a Argo,
    permitted: &'a HashMap<ClusterUserId, Permitted>,
    known: HashMap<ClusterUserId, Project>,
}

struct Project {
    wanted: WantedProject,
    matches: bool,
}

impl Projects<'_> {
    fn of(&mut self, owner: &ClusterUserId) -> &Project {
        let Self { argo, permitted, known } = self;
        known.entry(owner.clone()).or_insert_with(|| {
            let none = Permitted::default();
            let wanted = argo.wanted_project(owner, permitted.get(owner).unwrap_or(&none));
            Project { matches: argo.project_matches(owner, &wanted), wanted }
        })
    }
}

/// Why an operation fails whose AppProject has no room for what it is about.
fn left_out(operation: &Operation, project: &WantedProject) -> Option<&'static str> {
    let is_left_out = match &operation.state {
        OperationPhase::PreparingProject { document, .. } => {
            project.left_out.contains(&document.spec.source.repo_url)
        }
        OperationPhase::WritingSecret { .. } => {
            let row = operation.record.environment();
            return row
                .filter(|row| project.left_out_environments.contains(*row))
                .map(|_| TOO_MANY_ENVIRONMENTS);
        }
        _ => false,
    };
    is_left_out.then_some(messages::PROJECT_FULL)
}

/// Whether Argo CD cannot tell the cluster of an environment from one of others.
fn collides(argo: &Argo, row: &SecretRow) -> bool {
    let SecretRow::Cluster(row) = row else { return false };
    let rivals = argo.rivals(row);
    if !rivals.is_empty() {
        let row = row.as_str();
        tracing::warn!(row, ?rivals, "Secrets of others claim to be the cluster of an environment");
    }
    !rivals.is_empty()
}

/// An operation on its way through what was observed of it.
struct OperationRun {
    run: Run<Operation>,
    now: Timestamp,
}

impl OperationRun {
    fn observe(
        &mut self,
        rows: &HashMap<OperationId, RowView>,
        unusable: &HashMap<OperationId, Unusable>,
        observations: &Observations,
        projects: &mut Projects<'_>,
        isolation: bool,
    ) {
        let id = &self.run.machine.record.id;
        let is_unclaimed = matches!(self.run.machine.state, OperationPhase::Unclaimed {});
        let row = match (rows.get(id), unusable.get(id)) {
            (Some(row), _) => Some(OperationEvent::RowObserved(Box::new(row.clone()))),
            (None, Some(Unusable { text, .. })) => {
                Some(OperationEvent::Refused { text: text.clone() })
            }
            (None, None) => is_unclaimed.then_some(OperationEvent::RowAbsent),
        };
        if let Some(event) = row {
            self.step(&event);
        }
        if let Some(text) = &observations.refused {
            self.step(&OperationEvent::Refused { text: text.clone() });
        }
        if observations.resource_absent {
            self.step(&OperationEvent::ResourceAbsent);
        }
        for _ in 0..MOVES {
            if !self.run.machine.watches_argo() || !self.look(observations, projects, isolation) {
                break;
            }
        }
        if observations.deadline {
            self.step(&OperationEvent::DeadlineReached);
        }
    }

    /// Looks at Argo CD's resources; returns whether that moved the machine.
    fn look(
        &mut self,
        observations: &Observations,
        projects: &mut Projects<'_>,
        isolation: bool,
    ) -> bool {
        let record = &self.run.machine.record;
        let mut project_matches = true;
        if isolation {
            let project = projects.of(&record.owner);
            project_matches = project.matches;
            if let Some(text) = left_out(&self.run.machine, &project.wanted) {
                return self.step(&OperationEvent::Refused { text: text.to_owned() });
            }
        }
        let mut view = ArgoView {
            project_matches,
            application: ApplicationView::Unseen,
            secret: SecretView::Unseen,
        };
        if let Some(row) = record.target.as_ref().and_then(SecretRow::of) {
            let project = isolation.then(|| project_name(&record.owner));
            view.secret = projects.argo.secret_view(&row, project.as_deref());
            if view.secret == SecretView::Unseen && observations.secret_absent {
                view.secret = SecretView::Absent;
            }
            if self.run.machine.would_complete(&view.secret) && collides(projects.argo, &row) {
                return self.step(&OperationEvent::Refused { text: AMBIGUOUS_CLUSTER.to_owned() });
            }
        } else if let Some(row) = record.application() {
            let name = record.application_name();
            view.application = projects.argo.view(row, name.as_deref());
            if view.application == ApplicationView::Unseen && observations.application_absent {
                view.application = ApplicationView::Absent;
            }
        } else {
            return false;
        }
        self.step(&OperationEvent::ArgoObserved(Box::new(view)))
    }

    fn step(&mut self, event: &OperationEvent) -> bool {
        let moves = self.run.transitions.len();
        self.run.step(event, &self.now);
        self.run.transitions.len() > moves
    }

    fn follow_up(&self, argo: &Argo, insist: bool) -> FollowUp {
        let record = &self.run.machine.record;
        let application_name = record.application_name();
        let arrived = |path: &str| {
            self.run.transitions.iter().any(|moved| moved.to == path) && self.row_changed()
        };
        let gone = self.run.machine.is_gone();
        FollowUp {
            id: record.id.clone(),
            target: record.target.clone(),
            application: record.application().cloned(),
            revisions: argo.revisions(
                record.target.as_ref(),
                record.application(),
                application_name.as_deref(),
                &record.owner,
            ),
            application_name,
            owner: record.owner.clone(),
            requester: record.requester.clone(),
            gone,
            stage: Stage::of(&self.run.machine.state),
            completed: arrived("Finished/Completed"),
            failed: arrived("Finished/Failed"),
            concerns_requester: self.run.rows.iter().any(RowChange::concerns_requester),
            awaits_project: matches!(
                self.run.machine.state,
                OperationPhase::PreparingProject { .. } | OperationPhase::TidyingProject { .. }
            ),
            wake_at: if gone { None } else { self.run.machine.wake_at() },
            obligations: self.run.machine.obligations(),
            insist,
        }
    }

    fn row_changed(&self) -> bool {
        self.run.rows.iter().any(|row| matches!(row, RowChange::SetOperationState(..)))
    }
}
