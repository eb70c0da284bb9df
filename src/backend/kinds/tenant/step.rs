//! Steps the tenants of a batch.

use std::collections::HashMap;

use machines::identity::{TenantUid, Timestamp};
use machines::kinds::deployment::TenantFact;
use machines::kinds::tenant::{Tenant, TenantEvent, TenantFacts, TenantState};
use machines::machine::{Machine, Run};
use schema::store::backend::{BackendChanges, BackendLoaded};
use schema::store::machine_rows::{Stepped, Versioned};

use crate::backend::environment::Environment;
use crate::backend::index::NamespacePhase;
use crate::backend::kinds::{self, Key};
use crate::backend::observations::{Item, NamespaceObservation, Observations};

/// What follows for a tenant.
#[derive(Debug)]
pub struct TenantFollowUp {
    /// Which one.
    pub tenant: TenantUid,
    /// The name of its namespace.
    pub namespace: String,
    /// Whether its machine is gone.
    pub gone: bool,
    /// Whether to count its children.
    pub count: bool,
    /// When it wants to be woken.
    pub wake_at: Option<Timestamp>,
}

impl TenantFollowUp {
    fn of(stepped: &Stepped<Tenant>) -> Self {
        let tenant = &stepped.after;
        Self {
            tenant: tenant.record.tenant.clone(),
            namespace: tenant.record.namespace.clone(),
            gone: stepped.gone,
            count: tenant.counts_children() && !stepped.transitions.is_empty(),
            wake_at: if stepped.gone { None } else { tenant.wake_at() },
        }
    }
}

/// Steps the tenants of a batch before the machines that look at them.
pub fn step_all(
    loaded: &mut BackendLoaded,
    items: &[Item],
    namespace_phase: &dyn Fn(&TenantUid, &str) -> NamespacePhase,
    environment: &Environment,
    changes: &mut BackendChanges,
) -> (HashMap<TenantUid, TenantFact>, Vec<TenantFollowUp>) {
    let mut wanted: Vec<(TenantUid, String, Vec<TenantEvent>)> = Vec::new();
    let mut index: HashMap<TenantUid, usize> = HashMap::new();
    for (key, observations) in items {
        let (tenant, namespace, events) = match key {
            Key::Tenant(tenant) => {
                (tenant.clone(), String::new(), tenant_events(loaded, tenant, observations))
            }
            key => {
                let needed = kinds::needed_tenant(loaded, key, observations, environment);
                let Some((tenant, namespace)) = needed else { continue };
                let event = match namespace_phase(&tenant, &namespace) {
                    NamespacePhase::Alive => TenantEvent::Needed,
                    // Nothing new starts in a namespace that is going away.
                    NamespacePhase::Terminating | NamespacePhase::Gone => {
                        TenantEvent::NamespaceObserved { terminating: true }
                    }
                    // All machines are notified when it is known.
                    NamespacePhase::Unknown => continue,
                };
                (tenant, namespace, vec![event])
            }
        };
        match index.get(&tenant) {
            Some(position) => {
                let (_, known, waiting) = &mut wanted[*position];
                if known.is_empty() {
                    *known = namespace;
                }
                let news = events.into_iter().filter(|event| !waiting.contains(event));
                let news: Vec<TenantEvent> = news.collect();
                waiting.extend(news);
            }
            None => {
                index.insert(tenant.clone(), wanted.len());
                wanted.push((tenant, namespace, events));
            }
        }
    }
    for (tenant, namespace, events) in wanted {
        step_tenant(loaded, tenant, namespace, &events, environment, changes);
    }
    let fact = |tenant: &Tenant| match (&tenant.state, &tenant.record.rows) {
        (TenantState::Active {}, Some(rows)) => TenantFact::Active(rows.clone()),
        (TenantState::Draining {} | TenantState::Emptying {} | TenantState::Reaped {}, _) => {
            TenantFact::Draining
        }
        _ => TenantFact::Unknown,
    };
    let unchanged = loaded.tenants.known.values().map(|versioned| &versioned.machine);
    let stepped = changes.tenants.iter().map(|stepped| &stepped.after);
    let tenants = unchanged.chain(stepped);
    let facts = tenants.map(|tenant| (tenant.record.tenant.clone(), fact(tenant))).collect();
    (facts, changes.tenants.iter().map(TenantFollowUp::of).collect())
}

fn tenant_events(
    loaded: &BackendLoaded,
    tenant: &TenantUid,
    observations: &Observations,
) -> Vec<TenantEvent> {
    let mut events = Vec::new();
    match observations.namespace {
        Some(NamespaceObservation::Present { terminating }) => {
            events.push(TenantEvent::NamespaceObserved { terminating });
        }
        Some(NamespaceObservation::Absent) => events.push(TenantEvent::NamespaceAbsent),
        None => {}
    }
    if let Some(children) = loaded.children.get(tenant).copied() {
        events.push(TenantEvent::ChildrenCounted { children });
    }
    events
}

fn step_tenant(
    loaded: &mut BackendLoaded,
    uid: TenantUid,
    namespace: String,
    events: &[TenantEvent],
    environment: &Environment,
    changes: &mut BackendChanges,
) {
    if loaded.tenants.unreadable.contains(&uid) {
        return;
    }
    let before = match loaded.tenants.known.remove(&uid) {
        Some(known) => known,
        // A namespace in which nothing of ours was ever seen is not a tenant.
        None if namespace.is_empty() => return,
        None => Versioned { machine: Tenant::new(uid.clone(), namespace), version: 0 },
    };
    let facts = TenantFacts {
        now: environment.now,
        instance: environment.instance.clone(),
        existing_user: loaded.existing_users.get(&uid).cloned(),
        existing_environment: loaded.existing_environments.get(&uid).cloned(),
    };
    let mut run = Run::new(before.machine.clone());
    for event in events {
        run.step(event, &facts);
    }
    let (stepped, rows) = Stepped::of(before, run);
    changes.rows.extend(rows);
    changes.tenants.push(stepped);
}
