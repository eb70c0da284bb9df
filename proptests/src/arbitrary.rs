//! Arbitrary states, events and facts; reachable or not.

mod managed_environment;
mod repository_credential;
mod sync_run;

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, EnvironmentId, Generation, InstanceId,
    OperationId, Revision, TenantUid, Timestamp,
};
use machines::kinds::deployment::conditions::{Condition, ConditionStyle};
use machines::kinds::deployment::destination::{Destination, Environments};
use machines::kinds::deployment::error_flag::ErrorFlag;
use machines::kinds::deployment::lifecycle::Lifecycle;
use machines::kinds::deployment::removal_report::RemovalReport;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{
    ActualStatus, ApplicationRecord, Deployment, Event, ExistingApplication, Facts,
    MirroredCondition, Namesake, Record, Report, Snapshot, TenantFact,
};
use machines::kinds::repository_credential::CredentialId;
use machines::kinds::tenant::{Tenant, TenantEvent, TenantFacts, TenantRecord, TenantState};
use machines::operation::application::{ApplicationDocument, ApplicationSpec, RunningSync};
use machines::operation::sync::{
    ApplicationUid, AwaitedSync, FollowedSync, LastSync, SyncOperationId, SyncRequest,
    SyncedApplication, SyncsSeen, WantedSync,
};
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationPhase, OperationRecord, RowView,
    SecretView, Wanted,
};
use machines::rows::{OperationState, Target, TenantRows};
use machines::shared::mirror::Mirror;
use machines::shared::open_operation::OpenOperation;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub use managed_environment::{
    environment_event, environment_facts, environment_spec, found_of_environment,
    managed_environment, new_environment,
};
pub use repository_credential::{
    checked, credential_event, credential_facts, credential_spec, new_credential,
    repository_credential,
};
pub use sync_run::{
    deployment_fact, ended_sync_run, new_run, other_runs, run_spec, sync_run, sync_run_event,
    sync_run_facts, waiting_sync_run,
};

/// A moment: usual ones, and both extremes.
pub fn moment() -> BoxedStrategy<Timestamp> {
    let millis = prop_oneof![8 => 0..10_000_000_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    millis.prop_map(Timestamp::from_millis).boxed()
}

fn revision() -> BoxedStrategy<Revision> {
    prop_oneof![8 => 0..40_u64, 1 => Just(u64::MAX)].prop_map(Revision).boxed()
}

fn generation() -> BoxedStrategy<Generation> {
    prop_oneof![8 => 0..8_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
        .prop_map(Generation)
        .boxed()
}

fn count() -> BoxedStrategy<u32> {
    prop_oneof![6 => 0..12_u32, 1 => Just(u32::MAX)].boxed()
}

/// One of a few texts, so that equal ones meet; one is longer than any limit.
fn text() -> BoxedStrategy<String> {
    let usual = prop_oneof![Just(""), Just("one"), Just("two"), Just("a\nb")];
    prop_oneof![6 => usual.prop_map(str::to_owned), 1 => Just("ü".repeat(3_000)), 1 => ".{0,12}"]
        .boxed()
}

fn digest() -> BoxedStrategy<Digest> {
    text().prop_map(|text| Digest::of(&text)).boxed()
}

/// A spec: valid ones, and some that break each rule.
pub fn spec() -> BoxedStrategy<DeploymentSpec> {
    let repo_url = prop_oneof![
        6 => Just("https://example.com/team/app.git".to_owned()),
        1 => text(),
    ];
    let path = prop_oneof![6 => Just("deploy".to_owned()), 1 => Just("/".to_owned()), 1 => text()];
    let type_ = prop_oneof![
        4 => Just("automated".to_owned()),
        2 => Just("manual".to_owned()),
        1 => text(),
    ];
    let target = (prop_oneof![6 => Just(String::new()), 1 => text()], text());
    let option = prop_oneof![
        4 => Just("CreateNamespace=true".to_owned()),
        1 => Just("Validate=false".to_owned()),
    ];
    (repo_url, path, type_, target, text(), vec(option, 0..3))
        .prop_map(
            |(repo_url, path, type_, (environment, namespace), target_revision, sync_options)| {
                let destination_namespace =
                    if environment.is_empty() { String::new() } else { namespace };
                DeploymentSpec {
                    repo_url,
                    path,
                    target_revision,
                    environment,
                    destination_namespace,
                    sync_options,
                    type_,
                }
            },
        )
        .boxed()
}

fn application_id() -> BoxedStrategy<ApplicationId> {
    prop_oneof![Just("application-1"), Just("application-2")].prop_map(ApplicationId::new).boxed()
}

fn operation_id() -> BoxedStrategy<OperationId> {
    prop_oneof![Just("operation-1"), Just("operation-2")].prop_map(OperationId::new).boxed()
}

fn instance() -> BoxedStrategy<InstanceId> {
    prop_oneof![4 => Just("instance-1"), 1 => Just("instance-2")].prop_map(InstanceId::new).boxed()
}

/// The rows that a tenant usually has.
pub fn usual_tenant() -> TenantRows {
    TenantRows {
        tenant: TenantUid::new("tenant-1"),
        namespace: "team-a".to_owned(),
        user: ClusterUserId::new("user-1"),
        environment: EnvironmentId::new("environment"),
        instance: InstanceId::new("instance-1"),
    }
}

fn tenant_rows() -> BoxedStrategy<TenantRows> {
    instance()
        .prop_map(|instance| {
            let tenant = TenantUid::new("tenant-1");
            TenantRows {
                namespace: "team-a".to_owned(),
                user: ClusterUserId::of(&tenant),
                environment: EnvironmentId::in_cluster_of(&tenant),
                instance,
                tenant,
            }
        })
        .boxed()
}

fn mirrored_condition() -> BoxedStrategy<MirroredCondition> {
    let type_ = prop_oneof![4 => Just("SyncError".to_owned()), 1 => text(), 2 => "[a-z]{3}"];
    (type_, option::of(text()))
        .prop_map(|(type_, message)| MirroredCondition { type_, message })
        .boxed()
}

fn report() -> BoxedStrategy<Report> {
    let texts = (text(), text(), text(), text(), text());
    (digest(), digest(), texts, any::<bool>(), vec(mirrored_condition(), 0..50))
        .prop_map(
            |(
                mirrored,
                compared_to,
                (sync, health, revision, phase, phase_message),
                is_sync_outdated,
                conditions,
            )| {
                Report {
                    mirrored,
                    sync,
                    health,
                    revision,
                    phase,
                    phase_message,
                    is_sync_outdated,
                    compared_to,
                    conditions,
                }
            },
        )
        .boxed()
}

fn removal() -> BoxedStrategy<RemovalReport> {
    let resources = vec(text(), 0..12);
    (text(), resources)
        .prop_map(|(error, resources)| {
            RemovalReport::new(&error, resources.len(), resources.into_iter())
        })
        .boxed()
}

fn application_record() -> BoxedStrategy<ApplicationRecord> {
    (application_id(), instance(), digest(), any::<bool>())
        .prop_map(|(id, instance, digest, applied)| {
            let user = ClusterUserId::of(&TenantUid::new("tenant-1"));
            let destination = Destination::default();
            ApplicationRecord { id, user, instance, digest, applied, destination }
        })
        .boxed()
}

fn record() -> BoxedStrategy<Record> {
    let seen = (revision(), revision(), generation(), spec(), any::<bool>(), any::<bool>());
    let open =
        (operation_id(), any::<bool>()).prop_map(|(id, claimed)| OpenOperation { id, claimed });
    let work = (option::of(application_record()), count(), option::of(open), count());
    let told = (option::of(report()), vec(mirrored_condition(), 0..40), digest(), digest());
    let told = (told, removal(), any::<u8>());
    (seen, work, told)
        .prop_map(|(seen, work, told)| {
            let (first_seen, last_seen, generation, spec, present, finalizer) = seen;
            let (application, operations, open, failures) = work;
            let (told, removal, mirror_budget) = told;
            let (report, mirrored_conditions, conditions, mirrored) = told;
            Record {
                first_seen,
                last_seen,
                generation,
                spec,
                present,
                finalizer,
                application,
                operations,
                open,
                failures,
                report,
                mirrored_conditions,
                removal,
                mirror_budget,
                actual: ActualStatus { conditions, mirrored },
                ..blank().record
            }
        })
        .boxed()
}

fn blank() -> Deployment {
    Deployment::new(DeploymentUid::new("uid-1"), TenantUid::new("tenant-1"), "team-a", "app")
}

fn lifecycle() -> BoxedStrategy<Lifecycle> {
    (moment(), any::<bool>(), count(), 0..14_u8)
        .prop_map(|(deadline, again, overdue, index)| match index {
            0 => Lifecycle::Unseen {},
            1 => Lifecycle::Rejected { deadline: again.then_some(deadline) },
            2 => Lifecycle::AwaitingTenant { deadline, overdue },
            3 => Lifecycle::AwaitingEngine { deadline, overdue },
            4 => Lifecycle::AwaitingPredecessor { deadline, overdue },
            5 => Lifecycle::Dispatching { deadline, again, overdue },
            6 => Lifecycle::BackingOff { until: deadline },
            7 => Lifecycle::Settled {},
            8 => Lifecycle::Removing { deadline, overdue, again },
            9 => Lifecycle::RemovalBackingOff { until: deadline },
            10 => Lifecycle::Finalizing { deadline, overdue },
            11 => Lifecycle::Frozen {},
            12 => Lifecycle::RemovalFrozen {},
            _ => Lifecycle::Gone {},
        })
        .boxed()
}

fn mirror() -> BoxedStrategy<Mirror> {
    prop_oneof![
        Just(Mirror::Silent {}),
        Just(Mirror::Clean {}),
        Just(Mirror::Dirty {}),
        moment().prop_map(|until| Mirror::Holding { until }),
    ]
    .boxed()
}

fn style() -> BoxedStrategy<ConditionStyle> {
    prop_oneof![Just(ConditionStyle::Conventional), Just(ConditionStyle::Legacy)].boxed()
}

/// Any deployment that the types permit.
pub fn deployment() -> BoxedStrategy<Deployment> {
    let error_flag = prop_oneof![
        Just(ErrorFlag::Never {}),
        Just(ErrorFlag::Resolved {}),
        text().prop_map(|message| ErrorFlag::Raised { message }),
    ];
    (lifecycle(), error_flag, mirror(), record())
        .prop_map(|(lifecycle, error_flag, mirror, record)| Deployment {
            lifecycle,
            error_flag,
            mirror,
            record,
        })
        .boxed()
}

fn condition() -> BoxedStrategy<Condition> {
    let type_ = prop_oneof![
        Just("ErrorOccurred".to_owned()),
        Just("Ready".to_owned()),
        Just("SyncError".to_owned()),
        text(),
    ];
    let status = prop_oneof![Just("True"), Just("False"), Just("Unknown")].prop_map(str::to_owned);
    (type_, status, text(), text(), option::of(generation()))
        .prop_map(|(type_, status, reason, message, observed_generation)| Condition {
            type_,
            status,
            reason,
            message,
            observed_generation,
        })
        .boxed()
}

fn snapshot() -> BoxedStrategy<Snapshot> {
    let metadata = (revision(), generation(), any::<bool>(), any::<bool>());
    (metadata, spec(), generation(), vec(condition(), 0..4), digest())
        .prop_map(
            |(
                (revision, generation, deleting, finalizer),
                spec,
                observed,
                conditions,
                mirrored,
            )| {
                Snapshot {
                    revision,
                    generation,
                    deleting,
                    finalizer,
                    spec,
                    observed_generation: observed,
                    conditions,
                    mirrored,
                }
            },
        )
        .boxed()
}

fn operation_state() -> BoxedStrategy<OperationState> {
    prop_oneof![
        Just(OperationState::Waiting),
        Just(OperationState::InProgress),
        Just(OperationState::Completed),
        text().prop_map(OperationState::Failed),
    ]
    .boxed()
}

/// Any event of a deployment.
pub fn event() -> BoxedStrategy<Event> {
    prop_oneof![
        3 => snapshot().prop_map(|snapshot| Event::Observed(Box::new(snapshot))),
        1 => revision().prop_map(|as_of| Event::Absent { as_of }),
        2 => (operation_id(), option::of(operation_state()))
            .prop_map(|(id, state)| Event::OperationObserved { id, state }),
        1 => report().prop_map(|report| Event::Reported(Box::new(report))),
        1 => removal().prop_map(Event::RemovalReported),
        1 => (0..5_u8).prop_map(|mirror_budget| Event::StatusTooLarge { mirror_budget }),
        1 => Just(Event::ApplicationDiffers),
        1 => Just(Event::FactsChanged),
        2 => Just(Event::DeadlineReached),
    ]
    .boxed()
}

fn existing_application() -> impl Strategy<Value = ExistingApplication> {
    (application_id(), instance()).prop_map(|(id, instance)| ExistingApplication {
        id,
        user: ClusterUserId::new("user-of-old"),
        instance,
        destination: Destination::default(),
    })
}

/// Any facts.
pub fn facts() -> BoxedStrategy<Facts> {
    let tenant = prop_oneof![
        Just(TenantFact::Unknown),
        Just(TenantFact::Draining),
        tenant_rows().prop_map(TenantFact::Active),
    ];
    let namesake = (revision(), any::<bool>()).prop_map(|(first_seen, waits)| {
        let uid = DeploymentUid::new("older");
        Namesake { uid, first_seen, waits }
    });
    let around = (option::of(instance()), vec(namesake, 0..2), option::of(existing_application()));
    (moment(), tenant, around, any::<bool>(), style())
        .prop_map(
            |(now, tenant, (instance, namesakes, existing_application), isolation, conditions)| {
                Facts {
                    now,
                    tenant,
                    instance,
                    argocd_namespace: "argocd".to_owned(),
                    isolation,
                    namesakes,
                    existing_application,
                    environments: Environments::default(),
                    conditions,
                }
            },
        )
        .boxed()
}

fn document() -> BoxedStrategy<ApplicationDocument> {
    spec()
        .prop_map(|spec| {
            let uid = DeploymentUid::new("uid-1");
            machines::kinds::deployment::render::render(
                &uid,
                "team-a",
                &spec,
                "argocd",
                "default".to_owned(),
            )
        })
        .boxed()
}

/// Any operation that the types permit.
pub fn operation() -> BoxedStrategy<Operation> {
    let phase = (document(), moment(), count(), 0..14_u8).prop_map(
        |(document, deadline, overdue, index)| {
            let document = Box::new(document);
            let revision = "v1".to_owned();
            let application = ApplicationUid::default();
            let request = SyncRequest { sync: sync_id(), application, revision: revision.clone() };
            match index {
                0 => OperationPhase::Unclaimed {},
                1 => OperationPhase::PreparingProject { document, deadline },
                2 => OperationPhase::Writing { document, deadline },
                3 => OperationPhase::Deleting { deadline, overdue },
                4 => OperationPhase::TidyingProject { deadline },
                5 => OperationPhase::Completed { deadline },
                6 => OperationPhase::Failed { deadline },
                7 => {
                    let (document, reported) = (*document, overdue % 2 == 1);
                    let asked = (overdue % 3 == 1).then(ApplicationUid::default);
                    let sync = Box::new(AwaitedSync {
                        document,
                        revision,
                        reported,
                        asked,
                        unseen: reported,
                    });
                    OperationPhase::AwaitingApplication { sync, deadline, overdue }
                }
                8 => OperationPhase::RequestingSync { request, document, deadline, overdue },
                9 => {
                    let succeeded = (overdue % 3 == 1).then(|| revision.clone());
                    let unseen = overdue % 2 == 1;
                    let sync = FollowedSync {
                        message: revision,
                        succeeded,
                        to_prune: overdue as usize % 2,
                        unseen,
                    };
                    OperationPhase::Syncing { sync, deadline, overdue }
                }
                10 => OperationPhase::EndingSync { deadline, overdue },
                11 => OperationPhase::WritingSecret { secret: Digest::new("one"), deadline },
                12 => OperationPhase::RemovingSecret { deadline, overdue },
                _ => OperationPhase::Collected {},
            }
        },
    );
    let secret = prop_oneof![
        Just(Target::Credential(CredentialId::new("credential-1"))),
        Just(Target::Environment(EnvironmentId::new("environment-1"))),
    ];
    (phase, operation_id(), application_id(), secret)
        .prop_map(|(state, id, application, secret)| {
            let owner = ClusterUserId::new("user-1");
            let name = "gitopsdepl-uid-1".to_owned();
            let on_a_sync = matches!(
                state,
                OperationPhase::AwaitingApplication { .. }
                    | OperationPhase::RequestingSync { .. }
                    | OperationPhase::Syncing { .. }
                    | OperationPhase::EndingSync { .. }
            );
            let on_a_secret = matches!(
                state,
                OperationPhase::WritingSecret { .. } | OperationPhase::RemovingSecret { .. }
            );
            let (target, synced) = if on_a_secret {
                (secret, None)
            } else if on_a_sync {
                let synced = SyncedApplication { row: application, name };
                (Target::Sync(sync_id()), Some(synced))
            } else {
                (Target::Application(application), None)
            };
            Operation {
                state,
                record: OperationRecord {
                    id,
                    target: Some(target),
                    synced,
                    owner,
                    requester: None,
                    since: None,
                },
            }
        })
        .boxed()
}

fn sync_id() -> SyncOperationId {
    SyncOperationId::new("sync-1")
}

fn syncs_seen() -> BoxedStrategy<SyncsSeen> {
    let sync = || option::of(prop_oneof![Just(sync_id()), Just(SyncOperationId::new("sync-2"))]);
    let phase = prop_oneof![
        Just("Running"),
        Just("Terminating"),
        Just("Succeeded"),
        Just("Failed"),
        Just("Error"),
        Just(""),
    ];
    let last = (sync(), phase, any::<[bool; 3]>(), 0..3_usize).prop_map(
        |(sync, phase, [is_finished, is_compared, is_synced], to_prune)| LastSync {
            sync,
            phase: phase.to_owned(),
            message: phase.to_lowercase(),
            revision: "abc".to_owned(),
            is_finished,
            is_compared,
            is_synced,
            to_prune,
        },
    );
    let application = prop_oneof![4 => Just(""), 1 => Just("another")];
    (application, sync(), any::<bool>(), sync(), option::of(last))
        .prop_map(|(application, noted, is_requested, requested, last)| {
            let application = ApplicationUid::new(application);
            let requested = requested.filter(|_| is_requested);
            SyncsSeen { application, noted, is_requested, requested, last }
        })
        .boxed()
}

fn argo_view() -> BoxedStrategy<ArgoView> {
    let sync = (any::<bool>(), option::of(document())).prop_map(|(automated, document)| {
        let source = document.map(|document| document.spec.source);
        Box::new(RunningSync { automated, source })
    });
    let drift = prop_oneof![3 => Just(None), 1 => Just(Some("/sources".to_owned()))];
    let flags = any::<[bool; 2]>();
    let present = (document(), drift, flags, option::of(sync), option::weighted(0.9, syncs_seen()))
        .prop_map(|(document, drift, [labelled, deleting], sync, syncs)| {
            let spec = ApplicationSpec { drift: drift.into_iter().collect(), ..document.spec };
            let (spec, syncs) = (Box::new(spec), syncs.map(Box::new));
            ApplicationView::Present { spec, labelled, deleting, sync, syncs }
        });
    let application = prop_oneof![
        1 => Just(ApplicationView::Unseen),
        1 => Just(ApplicationView::Absent),
        6 => present,
    ];
    let says = (digest(), any::<[bool; 2]>()).prop_map(|(digest, [in_project, deleting])| {
        SecretView::Present { digest, in_project, deleting }
    });
    let secret = prop_oneof![Just(SecretView::Unseen), Just(SecretView::Absent), says];
    (any::<bool>(), application, secret)
        .prop_map(|(project_matches, application, secret)| ArgoView {
            project_matches,
            application,
            secret,
        })
        .boxed()
}

/// Any event of an operation.
pub fn operation_event() -> BoxedStrategy<OperationEvent> {
    let application = (application_id(), option::of(document()))
        .prop_map(|(row, document)| Wanted::Application { row, document });
    let sync = (application_id(), document(), any::<[bool; 3]>()).prop_map(
        |(row, document, [exists, is_deployed, is_terminated])| {
            let name = document.name.clone();
            let application = is_deployed.then_some(SyncedApplication { row, name });
            let revision = String::new();
            let sync = WantedSync { application, document, revision, is_terminated };
            Wanted::Sync { row: sync_id(), sync: exists.then(|| Box::new(sync)) }
        },
    );
    let secret = option::of(digest()).prop_map(|secret| {
        let row = CredentialId::new("credential-1");
        Wanted::Credential { row, secret }
    });
    let cluster = option::of(digest()).prop_map(|secret| {
        let row = EnvironmentId::new("environment-1");
        Wanted::Environment { row, secret }
    });
    let wanted = prop_oneof![2 => application, 2 => sync, 1 => secret, 1 => cluster];
    let row = (operation_state(), wanted).prop_map(|(state, wanted)| RowView {
        state,
        owner: ClusterUserId::new("user-1"),
        requester: None,
        wanted,
    });
    prop_oneof![
        2 => row.prop_map(|row| OperationEvent::RowObserved(Box::new(row))),
        1 => Just(OperationEvent::RowAbsent),
        3 => argo_view().prop_map(|argo| OperationEvent::ArgoObserved(Box::new(argo))),
        1 => text().prop_map(|text| OperationEvent::Refused { text }),
        1 => Just(OperationEvent::ResourceAbsent),
        2 => Just(OperationEvent::DeadlineReached),
    ]
    .boxed()
}

/// Any tenant that the types permit.
pub fn tenant() -> BoxedStrategy<Tenant> {
    let state = prop_oneof![
        Just(TenantState::Unknown {}),
        Just(TenantState::Active {}),
        Just(TenantState::Draining {}),
        Just(TenantState::Emptying {}),
        Just(TenantState::Reaped {}),
    ];
    (state, option::of(tenant_rows()))
        .prop_map(|(state, rows)| {
            let (tenant, namespace) = (TenantUid::new("tenant-1"), "team-a".to_owned());
            Tenant { state, record: TenantRecord { tenant, namespace, since: None, rows } }
        })
        .boxed()
}

/// Any event of a tenant.
pub fn tenant_event() -> BoxedStrategy<TenantEvent> {
    prop_oneof![
        Just(TenantEvent::Needed),
        any::<bool>().prop_map(|terminating| TenantEvent::NamespaceObserved { terminating }),
        Just(TenantEvent::NamespaceAbsent),
        (0..3_u64).prop_map(|children| TenantEvent::ChildrenCounted { children }),
    ]
    .boxed()
}

/// Any facts of a tenant.
pub fn tenant_facts() -> BoxedStrategy<TenantFacts> {
    let existing = option::of(Just(ClusterUserId::new("user-of-old")));
    (option::of(instance()), existing)
        .prop_map(|(instance, existing_user)| TenantFacts {
            now: Timestamp::default(),
            instance,
            existing_user,
            existing_environment: None,
        })
        .boxed()
}
