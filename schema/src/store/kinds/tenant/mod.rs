//! Tenants: their machines, and what a batch loads of them.

pub(in crate::store) mod rows;

use std::collections::{HashMap, HashSet};

use machines::identity::TenantUid;
use machines::kinds::tenant::{PersistedTenant, Tenant};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QuerySelect};

use crate::entity::machine;
use crate::store::StoreError;
use crate::store::adoption::load_existing_tenants;
use crate::store::backend::loaded::{BackendLoaded, BackendRequest};
use crate::store::machine_rows::{self, Persistent};

impl Persistent for Tenant {
    type Key = TenantUid;
    const KIND: &'static str = "Tenant";
    type Persisted = PersistedTenant;

    fn key(&self) -> TenantUid {
        self.record.tenant.clone()
    }
    fn parse_key(text: String) -> TenantUid {
        TenantUid::new(text)
    }
    fn key_text(key: &TenantUid) -> &str {
        key.as_str()
    }
    fn tenant(&self) -> &str {
        self.record.tenant.as_str()
    }
    fn namespace(&self) -> &str {
        &self.record.namespace
    }
    fn name(&self) -> &str {
        ""
    }
    fn has_obligations(&self) -> bool {
        false
    }
    fn generation(&self) -> i64 {
        0
    }
}

pub(in crate::store) async fn load(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let mut wanted: HashSet<&TenantUid> = request.tenants.iter().collect();
    wanted.extend(request.observed.iter().map(|one| &one.tenant));
    let known = loaded.deployments.known.values();
    wanted.extend(known.map(|versioned| &versioned.machine.record.tenant));
    let known = loaded.environments.known.values();
    wanted.extend(known.map(|versioned| &versioned.machine.record.tenant));
    let known = loaded.credentials.known.values();
    wanted.extend(known.map(|versioned| &versioned.machine.record.tenant));
    loaded.tenants = machine_rows::load::<Tenant>(tx, wanted.iter().copied()).await?;
    let unknown: Vec<String> = wanted
        .iter()
        .filter(|tenant| {
            let known = loaded.tenants.known.get(*tenant);
            known.is_none_or(|known| known.machine.record.rows.is_none())
        })
        .map(|tenant| tenant.as_str().to_owned())
        .collect();
    if !unknown.is_empty() {
        load_existing_tenants(tx, unknown, loaded).await?;
    }
    let emptying: Vec<&str> = loaded
        .tenants
        .known
        .iter()
        .filter(|(_, tenant)| tenant.machine.counts_children())
        .map(|(uid, _)| uid.as_str())
        .collect();
    if !emptying.is_empty() {
        loaded.children = count_children(tx, emptying).await?;
    }
    Ok(())
}

async fn count_children(
    tx: &impl ConnectionTrait,
    tenants: Vec<&str>,
) -> Result<HashMap<TenantUid, u64>, StoreError> {
    let mut counts: HashMap<TenantUid, u64> =
        tenants.iter().map(|tenant| (TenantUid::new(*tenant), 0)).collect();
    let rows: Vec<(String, i64)> = machine::Entity::find()
        .select_only()
        .column(machine::Column::TenantUid)
        .column_as(machine::Column::Key.count(), "children")
        .filter(machine::Column::Kind.ne(Tenant::KIND))
        .filter(machine::Column::TenantUid.is_in(tenants))
        .group_by(machine::Column::TenantUid)
        .into_tuple()
        .all(tx)
        .await?;
    for (tenant, count) in rows {
        counts.insert(TenantUid::new(tenant), u64::try_from(count).unwrap_or_default());
    }
    Ok(counts)
}
