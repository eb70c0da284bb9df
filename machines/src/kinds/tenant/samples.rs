//! The sample events of a tenant, and the exploration over them.

use crate::diagram::chart::{Chart, Sample, explore};
use crate::identity::{InstanceId, TenantUid};
use crate::kinds::tenant::{Tenant, TenantEvent, TenantFacts};
use crate::machine::{Machine, Observation};

/// Explores a tenant.
pub(crate) fn tenant() -> Chart {
    let initial = Tenant::new(TenantUid::new("namespace-uid"), "team-a");
    let samples = |tenant: &Tenant| {
        let facts = |instance| TenantFacts { instance, ..TenantFacts::default() };
        let there = facts(Some(InstanceId::new("instance")));
        let observed = |terminating| TenantEvent::NamespaceObserved { terminating };
        let counted = |children| TenantEvent::ChildrenCounted { children };
        let events = [
            ("Argo CD is there", TenantEvent::Needed, there.clone()),
            ("Argo CD missing", TenantEvent::Needed, facts(None)),
            ("it lives", observed(false), there.clone()),
            ("it is terminating", observed(true), there.clone()),
            ("", TenantEvent::NamespaceAbsent, there.clone()),
            ("none is left", counted(0), there.clone()),
            ("some are left", counted(2), there),
        ];
        let step = |(when, event, facts): (_, TenantEvent, TenantFacts)| {
            let step = tenant.clone().step(&event, &facts);
            let (next, handling) = (step.machine, step.handling);
            Sample { event: event.name(), when, next, handling }
        };
        events.into_iter().map(step).collect()
    };
    let path = |tenant: &Tenant| tenant.path();
    explore("Tenant", initial, path, path, samples)
}
