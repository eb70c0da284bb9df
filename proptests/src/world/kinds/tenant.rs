//! The events of tenants' machines.

use crate::world::*;
use machines::machine::Machine;

impl Cluster {
    pub(in crate::world) fn need(&mut self, tenant: &TenantUid) {
        let places = self.places.values().chain(self.credential_places.values());
        let mut places = places.chain(self.environment_places.values());
        let namespace = places.find(|place| place.0 == *tenant);
        let Some((_, namespace, _)) = namespace.cloned() else {
            return;
        };
        let machine = self.tenants.entry(tenant.clone());
        machine.or_insert_with(|| Tenant::new(tenant.clone(), namespace));
        self.tell_tenant(tenant, &TenantEvent::Needed);
    }

    pub(in crate::world) fn observe_tenant(&mut self, tenant: &TenantUid) {
        let spaces = &self.world.namespaces;
        let space = spaces.iter().find(|space| space.uid == *tenant);
        let event = match space.map(|space| space.terminating) {
            Some(terminating) => TenantEvent::NamespaceObserved { terminating },
            None => TenantEvent::NamespaceAbsent,
        };
        if self.world.deployments.iter().any(|object| object.tenant == *tenant)
            || self.world.credentials.iter().any(|object| object.tenant == *tenant)
            || self.world.environments.iter().any(|object| object.tenant == *tenant)
        {
            self.need(tenant);
        }
        self.tell_tenant(tenant, &event);
        let deployments = self.deployments.values().map(|one| &one.record.tenant);
        let runs = self.sync_runs.values().map(|one| &one.record.tenant);
        let credentials = self.credentials.values().map(|one| &one.record.tenant);
        let environments = self.environments.values().map(|one| &one.record.tenant);
        let children = deployments.chain(runs).chain(credentials).chain(environments);
        let children = children.filter(|one| *one == tenant).count();
        if self.tenants.get(tenant).is_some_and(Tenant::counts_children) {
            let children = u64::try_from(children).unwrap_or(u64::MAX);
            self.tell_tenant(tenant, &TenantEvent::ChildrenCounted { children });
        }
    }

    /// A tenant, as the machines of its objects see it.
    pub(in crate::world) fn tenant_fact(&self, tenant: &TenantUid) -> TenantFact {
        let tenant = self.tenants.get(tenant);
        match tenant.map(|tenant| (&tenant.state, &tenant.record.rows)) {
            None | Some((TenantState::Unknown {}, _)) => TenantFact::Unknown,
            Some((TenantState::Active {}, Some(rows))) => TenantFact::Active(rows.clone()),
            Some(_) => TenantFact::Draining,
        }
    }

    pub(in crate::world) fn tell_tenant(&mut self, tenant: &TenantUid, event: &TenantEvent) {
        let Some(machine) = self.tenants.get(tenant).cloned() else {
            return;
        };
        let instance = self.world.settings.instance.clone();
        let step =
            machine.step(event, &TenantFacts { now: self.now, instance, ..TenantFacts::default() });
        self.tenants.insert(tenant.clone(), step.machine);
        self.write(step.rows);
    }
}
