//! Properties of the tenant machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::Handling;
use machines::identity::{InstanceId, TenantUid};
use machines::kinds::tenant::{PersistedTenant, Tenant, TenantEvent, TenantFacts, TenantState};
use machines::machine::{Machine, Step};
use machines::rows::RowChange;
use proptest::collection::vec;
use proptest::prelude::*;
use proptests::{arbitrary, config};

fn persisted(tenant: &Tenant) -> Tenant {
    let text = serde_json::to_string(&PersistedTenant::from(tenant.clone())).unwrap();
    serde_json::from_str::<PersistedTenant>(&text).unwrap().into()
}

type Moment = (Tenant, TenantEvent, TenantFacts, Step<Tenant>);

fn walk() -> impl Strategy<Value = Vec<Moment>> {
    let step = (arbitrary::tenant_event(), arbitrary::tenant_facts());
    vec(step, 1..40).prop_map(|events| {
        let mut tenant = Tenant::new(TenantUid::new("tenant-1"), "team-a");
        let mut moments = Vec::new();
        for (event, facts) in events {
            let step = tenant.clone().step(&event, &facts);
            moments.push((tenant, event, facts, step.clone()));
            tenant = persisted(&step.machine);
        }
        moments
    })
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn every_event_has_a_defined_result_in_every_state(
        tenant in arbitrary::tenant(),
        event in arbitrary::tenant_event(),
        facts in arbitrary::tenant_facts(),
    ) {
        let step = tenant.step(&event, &facts);
        prop_assert_ne!(step.handling, Handling::Unhandled);
        prop_assert_eq!(persisted(&step.machine), step.machine);
    }

    #[test]
    fn a_repeated_observation_changes_nothing(moments in walk()) {
        for (_, event, facts, step) in moments {
            let again = step.machine.clone().step(&event, &facts);
            prop_assert_eq!(again.machine, step.machine, "{:?}", event);
            prop_assert_eq!(again.rows, vec![], "{:?}", event);
        }
    }

    #[test]
    fn rows_exist_exactly_while_they_are_remembered(moments in walk()) {
        let mut there = None;
        for (_, _, _, step) in moments {
            for row in step.rows {
                match row {
                    RowChange::EnsureTenant(rows) => there = Some(rows),
                    RowChange::RemoveTenant(rows) => {
                        prop_assert_eq!(there.take(), Some(rows), "what was written is removed");
                    }
                    other => prop_assert!(false, "a tenant writes no {other:?}"),
                }
            }
            prop_assert_eq!(&there, &step.machine.record.rows);
            let served = matches!(step.machine.state, TenantState::Active {});
            prop_assert!(!served || there.is_some(), "an active tenant has rows");
        }
    }

    #[test]
    fn rows_are_removed_only_after_the_namespace_and_the_last_deployment(moments in walk()) {
        let mut absent = false;
        for (_, event, _, step) in moments {
            absent |= event == TenantEvent::NamespaceAbsent;
            if step.rows.iter().any(|row| matches!(row, RowChange::RemoveTenant(_))) {
                prop_assert!(absent);
                prop_assert_eq!(event, TenantEvent::ChildrenCounted { children: 0 });
            }
        }
    }

    #[test]
    fn a_tenant_never_goes_back(moments in walk()) {
        let rank = |state: &TenantState| match state {
            TenantState::Unknown {} => 0,
            TenantState::Active {} => 1,
            TenantState::Draining {} => 2,
            TenantState::Emptying {} => 3,
            TenantState::Reaped {} => 4,
        };
        for (before, event, _, step) in moments {
            prop_assert!(rank(&before.state) <= rank(&step.machine.state), "{:?}", event);
        }
    }

    #[test]
    fn every_tenant_without_a_namespace_and_without_deployments_is_reaped(moments in walk()) {
        let (_, _, facts, step) = moments.last().unwrap().clone();
        let gone = step.machine.step(&TenantEvent::NamespaceAbsent, &facts).machine;
        let counted = TenantEvent::ChildrenCounted { children: 0 };
        let reaped = gone.step(&counted, &facts).machine;
        prop_assert_eq!(reaped.path(), "Reaped");
        prop_assert_eq!(reaped.record.rows, None);
    }

    #[test]
    fn an_active_tenant_follows_argo_cd(moments in walk()) {
        let instance = Some(InstanceId::new("instance-2"));
        let facts = TenantFacts { instance: instance.clone(), ..TenantFacts::default() };
        for (tenant, ..) in moments {
            if matches!(tenant.state, TenantState::Unknown {} | TenantState::Active {}) {
                let followed = tenant.step(&TenantEvent::Needed, &facts).machine;
                let followed = followed.record.rows.map(|rows| rows.instance);
                prop_assert_eq!(&followed, &instance);
            }
        }
    }
}
