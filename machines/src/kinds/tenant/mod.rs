//! The machine of a tenant: one per namespace UID.
//!
//! A tenant comes into being with the first resource in its namespace, drains while the namespace
//! goes away and is reaped after the last of its resources is gone.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

pub(crate) mod rows;
pub(crate) mod samples;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use crate::drive::drive;
use crate::identity::{ClusterUserId, EnvironmentId, InstanceId, TenantUid, Timestamp};
use crate::machine::{Change, Machine, Moment, Observation};
use crate::rows::{RowChange, TenantRows};
use crate::waiting::{Party, Wait};

/// A tenant: its state and what it remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Where it is.
    pub state: TenantState,
    /// What it remembers.
    pub record: TenantRecord,
}

/// The states of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TenantState {
    /// No resource of ours has ever been seen in the namespace.
    Unknown {},
    /// Its rows exist; deployments are served.
    Active {},
    /// The namespace is being deleted: nothing new is created.
    Draining {},
    /// The namespace is gone; the rows stay until its last resource is gone.
    Emptying {},
    /// Nothing is left of it.
    Reaped {},
}

/// What a tenant remembers in every state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRecord {
    /// The namespace's UID.
    pub tenant: TenantUid,
    /// The namespace's name.
    pub namespace: String,
    /// When it entered its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Its rows, once they exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<TenantRows>,
}

/// The persisted form; a new version is a new variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum PersistedTenant {
    /// The first version.
    #[serde(rename = "1")]
    V1(Tenant),
}

impl From<Tenant> for PersistedTenant {
    fn from(tenant: Tenant) -> Self {
        Self::V1(tenant)
    }
}

impl From<PersistedTenant> for Tenant {
    fn from(persisted: PersistedTenant) -> Self {
        let PersistedTenant::V1(tenant) = persisted;
        tenant
    }
}

/// What is observed of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantEvent {
    /// A resource of ours is in the namespace.
    Needed,
    /// The namespace exists.
    NamespaceObserved {
        /// Whether it is being deleted.
        terminating: bool,
    },
    /// No namespace with this UID exists.
    NamespaceAbsent,
    /// The tenant's machines were counted.
    ChildrenCounted {
        /// Machines of any kind that are not gone.
        children: u64,
    },
}

impl Observation for TenantEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Needed => "Needed",
            Self::NamespaceObserved { .. } => "NamespaceObserved",
            Self::NamespaceAbsent => "NamespaceAbsent",
            Self::ChildrenCounted { .. } => "ChildrenCounted",
        }
    }
}

/// What a tenant's step may know besides the event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantFacts {
    /// The time of the step.
    pub now: Timestamp,
    /// The Argo CD instance; `None` while its namespace does not exist.
    pub instance: Option<InstanceId>,
    /// The cluster user that an earlier installation made for this namespace.
    pub existing_user: Option<ClusterUserId>,
    /// The in-cluster environment that it made.
    pub existing_environment: Option<EnvironmentId>,
}

impl Moment for TenantFacts {
    fn now(&self) -> Timestamp {
        self.now
    }
}

/// The tenant, as the machines of its objects see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantFact {
    /// It has no rows yet.
    Unknown,
    /// It is served.
    Active(TenantRows),
    /// Its namespace is going away.
    Draining,
}

/// What a tenant's step collects.
pub struct TenantContext<'a> {
    facts: &'a TenantFacts,
    rows: Vec<RowChange>,
}

impl Tenant {
    /// A tenant about which nothing is known yet.
    pub fn new(tenant: TenantUid, namespace: impl Into<String>) -> Self {
        let record = TenantRecord { tenant, namespace: namespace.into(), since: None, rows: None };
        Self { state: TenantState::Unknown {}, record }
    }

    /// Whether the machine waits for its children to be counted.
    pub fn counts_children(&self) -> bool {
        matches!(self.state, TenantState::Emptying {})
    }
}

impl Machine for Tenant {
    type Event = TenantEvent;
    type Facts = TenantFacts;

    fn apply(&mut self, event: &TenantEvent, facts: &TenantFacts) -> Change {
        let mut context = TenantContext { facts, rows: Vec::new() };
        let handling = drive(&mut self.state, &mut self.record, event, &mut context);
        Change { rows: context.rows, handling }
    }

    fn path(&self) -> String {
        let path = match self.state {
            TenantState::Unknown {} => "Unknown",
            TenantState::Active {} => "Present/Active",
            TenantState::Draining {} => "Present/Draining",
            TenantState::Emptying {} => "Emptying",
            TenantState::Reaped {} => "Reaped",
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
        let wait = match self.state {
            TenantState::Unknown {} | TenantState::Active {} | TenantState::Reaped {} => {
                return Vec::new();
            }
            TenantState::Draining {} => {
                let namespace = Party::Object(format!("Namespace {}", self.record.namespace));
                Wait::new(namespace, "the namespace is being deleted")
            }
            TenantState::Emptying {} => {
                let resources = Party::Object("the resources of the deleted namespace".to_owned());
                Wait::new(resources, "what was deployed from the namespace is being removed")
            }
        };
        vec![Wait { since: self.record.since, ..wait }]
    }

    /// Never: it waits for people and for its children, which have their own deadlines.
    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    /// One about which nothing is known yet is not worth a row.
    fn is_gone(&self) -> bool {
        matches!(self.state, TenantState::Unknown {} | TenantState::Reaped {})
    }
}

#[state_machine(
    initial = "TenantState::Unknown {}",
    state(name = "TenantState", custom),
    superstate(name = "TenantSuperstate", derive(Debug))
)]
impl TenantRecord {
    #[state]
    fn unknown(
        &mut self,
        context: &mut TenantContext<'_>,
        event: &TenantEvent,
    ) -> Outcome<TenantState> {
        match event {
            TenantEvent::Needed => {
                let Some(instance) = context.facts.instance.clone() else {
                    // Without Argo CD there is nothing to give access to; the deployment that
                    // needs the tenant waits, and needs it again when Argo CD is there.
                    return Handled;
                };
                let user = context.facts.existing_user.clone();
                let environment = context.facts.existing_environment.clone();
                let rows = TenantRows {
                    tenant: self.tenant.clone(),
                    namespace: self.namespace.clone(),
                    user: user.unwrap_or_else(|| ClusterUserId::of(&self.tenant)),
                    environment: environment
                        .unwrap_or_else(|| EnvironmentId::in_cluster_of(&self.tenant)),
                    instance,
                };
                context.rows.push(RowChange::EnsureTenant(rows.clone()));
                self.rows = Some(rows);
                Transition(TenantState::Active {})
            }
            TenantEvent::NamespaceObserved { .. } | TenantEvent::ChildrenCounted { .. } => Handled,
            TenantEvent::NamespaceAbsent => Transition(TenantState::Reaped {}),
        }
    }

    #[superstate]
    fn present(&mut self, event: &TenantEvent) -> Outcome<TenantState> {
        match event {
            TenantEvent::NamespaceAbsent => Transition(TenantState::Emptying {}),
            TenantEvent::Needed
            | TenantEvent::NamespaceObserved { .. }
            | TenantEvent::ChildrenCounted { .. } => Handled,
        }
    }

    #[state(superstate = "present")]
    fn active(
        &mut self,
        context: &mut TenantContext<'_>,
        event: &TenantEvent,
    ) -> Outcome<TenantState> {
        match event {
            TenantEvent::NamespaceObserved { terminating: true } => {
                Transition(TenantState::Draining {})
            }
            TenantEvent::Needed => self.follow_the_instance(context),
            TenantEvent::NamespaceObserved { terminating: false }
            | TenantEvent::NamespaceAbsent
            | TenantEvent::ChildrenCounted { .. } => Super,
        }
    }

    #[state(superstate = "present")]
    fn draining(&mut self, event: &TenantEvent) -> Outcome<TenantState> {
        // A namespace never stops terminating, so an observation that says otherwise is stale.
        let _ = event;
        Super
    }

    #[state]
    fn emptying(
        &mut self,
        context: &mut TenantContext<'_>,
        event: &TenantEvent,
    ) -> Outcome<TenantState> {
        match event {
            TenantEvent::ChildrenCounted { children: 0 } => {
                if let Some(rows) = self.rows.take() {
                    context.rows.push(RowChange::RemoveTenant(rows));
                }
                Transition(TenantState::Reaped {})
            }
            TenantEvent::ChildrenCounted { .. }
            | TenantEvent::Needed
            | TenantEvent::NamespaceObserved { .. }
            | TenantEvent::NamespaceAbsent => Handled,
        }
    }

    #[state]
    fn reaped(&mut self, event: &TenantEvent) -> Outcome<TenantState> {
        let _ = event;
        Handled
    }

    /// Argo CD's namespace was recreated: its instance is a new one, and so is the access.
    fn follow_the_instance(&mut self, context: &mut TenantContext<'_>) -> Outcome<TenantState> {
        let current = context.facts.instance.as_ref();
        if let (Some(instance), Some(rows)) = (current, self.rows.as_mut())
            && rows.instance != *instance
        {
            rows.instance = instance.clone();
            context.rows.push(RowChange::EnsureTenant(rows.clone()));
        }
        Handled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> TenantFacts {
        TenantFacts { instance: Some(InstanceId::new("instance-1")), ..TenantFacts::default() }
    }

    fn after(events: &[TenantEvent]) -> (Tenant, Vec<RowChange>) {
        let mut tenant = Tenant::new(TenantUid::new("ns-1"), "team-a");
        let mut rows = Vec::new();
        for event in events {
            let step = tenant.step(event, &facts());
            tenant = step.machine;
            rows.extend(step.rows);
        }
        (tenant, rows)
    }

    #[test]
    fn a_tenant_gets_its_rows_with_the_first_resource_and_only_then() {
        let (tenant, rows) = after(&[TenantEvent::NamespaceObserved { terminating: false }]);
        assert_eq!((tenant.path().as_str(), rows.len()), ("Unknown", 0));
        let (tenant, rows) = after(&[TenantEvent::Needed, TenantEvent::Needed]);
        assert_eq!((tenant.path().as_str(), rows.len()), ("Present/Active", 1));
    }

    #[test]
    fn compatibility_2_the_cluster_user_is_keyed_by_the_namespaces_uid() {
        let (tenant, _) = after(&[TenantEvent::Needed]);
        let rows = tenant.record.rows.unwrap();
        assert_eq!(rows.user, ClusterUserId::of(&TenantUid::new("ns-1")));
        assert_eq!(rows.tenant, TenantUid::new("ns-1"));
    }

    #[test]
    fn rows_of_an_earlier_installation_are_taken_over() {
        let facts =
            TenantFacts { existing_user: Some(ClusterUserId::new("user-of-old")), ..facts() };
        let tenant = Tenant::new(TenantUid::new("ns-1"), "team-a");
        let step = tenant.step(&TenantEvent::Needed, &facts);
        assert_eq!(step.machine.record.rows.unwrap().user, ClusterUserId::new("user-of-old"));
    }

    #[test]
    fn rows_go_after_the_last_deployment_and_never_before() {
        let draining = [
            TenantEvent::Needed,
            TenantEvent::NamespaceObserved { terminating: true },
            TenantEvent::ChildrenCounted { children: 0 },
        ];
        let (tenant, rows) = after(&draining);
        assert_eq!((tenant.path().as_str(), rows.len()), ("Present/Draining", 1));
        let mut emptied = draining.to_vec();
        emptied.push(TenantEvent::NamespaceAbsent);
        emptied.push(TenantEvent::ChildrenCounted { children: 2 });
        assert_eq!(after(&emptied).0.path(), "Emptying");
        emptied.push(TenantEvent::ChildrenCounted { children: 0 });
        let (tenant, rows) = after(&emptied);
        assert_eq!(tenant.path(), "Reaped");
        assert!(matches!(rows.last(), Some(RowChange::RemoveTenant(_))));
    }

    #[test]
    fn a_terminating_namespace_does_not_come_back() {
        let (tenant, _) = after(&[
            TenantEvent::Needed,
            TenantEvent::NamespaceObserved { terminating: true },
            TenantEvent::NamespaceObserved { terminating: false },
        ]);
        assert_eq!(tenant.path(), "Present/Draining");
    }
}
