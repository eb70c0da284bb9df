//! Persisted states stay readable: one golden file for each state of each machine.
//!
//! A golden file is what an existing database holds, so it is written once and never changed: a
//! change of a persisted form is a new version with its own files. `UPDATE=1` writes files that are
//! missing, and only those.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "golden/environments.rs"]
mod environments;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, EnvironmentId, Generation, InstanceId,
    OperationId, Revision, TenantUid, Timestamp,
};
use machines::kinds::deployment::destination::Destination;
use machines::kinds::deployment::error_flag::ErrorFlag;
use machines::kinds::deployment::lifecycle::Lifecycle;
use machines::kinds::deployment::removal_report::RemovalReport;
use machines::kinds::deployment::render::render;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{
    ActualStatus, ApplicationRecord, Deployment, MirroredCondition, PersistedDeployment, Record,
    Report,
};
use machines::kinds::repository_credential::lifecycle::CredentialState;
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{
    Checked, CredentialId, CredentialRecord, CredentialUid, PersistedCredential,
    RepositoryCredential, RowRecord, Written,
};
use machines::kinds::sync_run::lifecycle::SyncRunState;
use machines::kinds::sync_run::{
    PersistedSyncRun, SyncRecord, SyncRun, SyncRunRecord, SyncRunSpec, SyncRunUid,
};
use machines::kinds::tenant::{PersistedTenant, Tenant, TenantRecord, TenantState};
use machines::operation::application::ApplicationDocument;
use machines::operation::sync::{
    ApplicationUid, AwaitedSync, FollowedSync, SyncOperationId, SyncRequest, SyncedApplication,
};
use machines::operation::{Operation, OperationPhase, OperationRecord, PersistedOperation};
use machines::rows::{Requester, Target, TenantRows};
use machines::shared::delivery::Delivery;
use machines::shared::mirror::Mirror;
use machines::shared::open_operation::OpenOperation;
use serde::Serialize;
use serde::de::DeserializeOwned;

const MOMENT: Timestamp = Timestamp::from_millis(1_750_000_000_000);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Checks that the file parses to the value and the value serialises to the file, byte by byte.
fn compare<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let file = folder().join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() && !file.exists() {
        std::fs::write(&file, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("{name}.json: {error}; `UPDATE=1 cargo test -p machines --test golden` writes it")
    });
    let parsed: T = serde_json::from_str(&golden).unwrap();
    assert_eq!(parsed, *value, "{name}.json reads as something else");
    assert_eq!(golden, text, "{name}.json would be written differently");
}

/// Reads what an earlier version has written.
fn read<T: DeserializeOwned>(name: &str) -> T {
    let golden = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&golden).unwrap()
}

fn spec() -> DeploymentSpec {
    DeploymentSpec {
        repo_url: "https://example.com/team/app.git".to_owned(),
        path: "deploy/production".to_owned(),
        target_revision: "main".to_owned(),
        environment: String::new(),
        destination_namespace: String::new(),
        sync_options: vec!["CreateNamespace=true".to_owned()],
        type_: "automated".to_owned(),
    }
}

/// A record in which every field is set.
fn full_record() -> Record {
    let uid = DeploymentUid::new("4f1c9a3e-0000-4000-8000-000000000001");
    let tenant = TenantUid::new("4f1c9a3e-0000-4000-8000-0000000000aa");
    let application = ApplicationId::of(&uid);
    let condition = MirroredCondition {
        type_: "SyncError".to_owned(),
        message: Some("cannot reach the repository".to_owned()),
    };
    let resolved = MirroredCondition { type_: "ComparisonError".to_owned(), message: None };
    Record {
        namespace: "team-a".to_owned(),
        name: "app".to_owned(),
        first_seen: Revision(1_001),
        last_seen: Revision(1_042),
        generation: Generation(3),
        spec: spec(),
        present: true,
        finalizer: true,
        open: Some(OpenOperation {
            id: OperationId::of(application.as_str(), MOMENT, 4),
            claimed: true,
        }),
        application: Some(ApplicationRecord {
            id: application,
            user: ClusterUserId::of(&tenant),
            instance: InstanceId::new("instance"),
            digest: Digest::of(&"document"),
            applied: true,
            destination: Destination::default(),
        }),
        since: None,
        born: MOMENT,
        operations: 4,
        failures: 2,
        report: Some(Report {
            mirrored: Digest::of(&"mirrored"),
            sync: "OutOfSync".to_owned(),
            health: "Degraded".to_owned(),
            revision: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            phase: "Failed".to_owned(),
            phase_message: "one or more objects failed to apply".to_owned(),
            is_sync_outdated: false,
            compared_to: Digest::of(&"source"),
            conditions: vec![condition.clone()],
        }),
        mirrored_conditions: vec![resolved, condition],
        removal: RemovalReport::default(),
        mirror_budget: 0,
        actual: ActualStatus {
            conditions: Digest::of(&"conditions"),
            mirrored: Digest::of(&"mirrored"),
        },
        uid,
        tenant,
    }
}

/// A record in which everything optional is absent.
fn empty_record() -> Record {
    let full = full_record();
    Deployment::new(full.uid, full.tenant, "team-a", "app").record
}

/// The file's name; a new state cannot be forgotten here, because this does not compile then.
fn lifecycle_name(lifecycle: &Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Unseen {} => "unseen",
        Lifecycle::Rejected { .. } => "rejected",
        Lifecycle::Frozen {} => "frozen",
        Lifecycle::RemovalFrozen {} => "removal-frozen",
        Lifecycle::AwaitingEnvironment { complaint: Some(_), .. } => "awaiting-environment",
        Lifecycle::AwaitingEnvironment { .. } => "awaiting-environment-said",
        Lifecycle::AwaitingTenant { .. } => "awaiting-tenant",
        Lifecycle::AwaitingEngine { .. } => "awaiting-engine",
        Lifecycle::AwaitingPredecessor { .. } => "awaiting-predecessor",
        Lifecycle::Dispatching { .. } => "dispatching",
        Lifecycle::BackingOff { .. } => "backing-off",
        Lifecycle::Settled {} => "settled",
        Lifecycle::AwaitingDestination { .. } => "awaiting-destination",
        Lifecycle::Removing { .. } => "removing",
        Lifecycle::RemovalBackingOff { .. } => "removal-backing-off",
        Lifecycle::Finalizing { .. } => "finalizing",
        Lifecycle::Gone {} => "gone",
    }
}

fn lifecycles() -> [Lifecycle; 17] {
    [
        Lifecycle::Unseen {},
        Lifecycle::Rejected { deadline: None },
        Lifecycle::Frozen {},
        Lifecycle::RemovalFrozen {},
        Lifecycle::AwaitingEnvironment { complaint: Some(MOMENT), repair: Some(MOMENT) },
        Lifecycle::AwaitingEnvironment { complaint: None, repair: None },
        Lifecycle::AwaitingDestination { deadline: MOMENT, overdue: 0 },
        Lifecycle::AwaitingTenant { deadline: MOMENT, overdue: 0 },
        Lifecycle::AwaitingEngine { deadline: MOMENT, overdue: 0 },
        Lifecycle::AwaitingPredecessor { deadline: MOMENT, overdue: 0 },
        Lifecycle::Dispatching { deadline: MOMENT, again: true, overdue: 0 },
        Lifecycle::BackingOff { until: MOMENT },
        Lifecycle::Settled {},
        Lifecycle::Removing { deadline: MOMENT, overdue: 2, again: false },
        Lifecycle::RemovalBackingOff { until: MOMENT },
        Lifecycle::Finalizing { deadline: MOMENT, overdue: 0 },
        Lifecycle::Gone {},
    ]
}

#[test]
fn every_state_of_a_deployments_lifecycle_keeps_its_format() {
    let mut names = BTreeSet::new();
    for lifecycle in lifecycles() {
        let name = lifecycle_name(&lifecycle);
        let record = match lifecycle {
            Lifecycle::Unseen {} => empty_record(),
            _ => full_record(),
        };
        let deployment = Deployment {
            lifecycle,
            error_flag: ErrorFlag::Never {},
            mirror: Mirror::Clean {},
            record,
        };
        compare(&format!("deployment-{name}"), &PersistedDeployment::from(deployment));
        names.insert(name);
    }
    assert_eq!(names.len(), 17);
}

/// What later releases added, with values set.
#[test]
fn later_additions_to_a_deployment_keep_their_format() {
    let remaining = ["apps/Deployment web (Degraded)".to_owned()];
    let mut record = full_record();
    record.removal = RemovalReport::new("no permission to delete", 1, remaining.into_iter());
    record.mirror_budget = 2;
    if let Some(report) = record.report.as_mut() {
        report.is_sync_outdated = true;
    }
    let lifecycles = [
        ("rejected-repairing", Lifecycle::Rejected { deadline: Some(MOMENT) }),
        ("awaiting-tenant-overdue", Lifecycle::AwaitingTenant { deadline: MOMENT, overdue: 3 }),
        (
            "dispatching-overdue",
            Lifecycle::Dispatching { deadline: MOMENT, again: false, overdue: 3 },
        ),
        ("finalizing-overdue", Lifecycle::Finalizing { deadline: MOMENT, overdue: 3 }),
    ];
    for (name, lifecycle) in lifecycles {
        let (error_flag, mirror) = (ErrorFlag::Never {}, Mirror::Dirty {});
        let record = record.clone();
        let deployment = Deployment { lifecycle, error_flag, mirror, record };
        compare(&format!("deployment-{name}"), &PersistedDeployment::from(deployment));
    }
}

#[test]
fn every_state_of_the_error_flag_and_of_the_mirror_keeps_its_format() {
    let flags = [
        ErrorFlag::Never {},
        ErrorFlag::Raised { message: "spec type must be manual or automated".to_owned() },
        ErrorFlag::Resolved {},
    ];
    let mirrors =
        [Mirror::Silent {}, Mirror::Holding { until: MOMENT }, Mirror::Clean {}, Mirror::Dirty {}];
    let settled = |error_flag, mirror| {
        let record = full_record();
        PersistedDeployment::from(Deployment {
            lifecycle: Lifecycle::Settled {},
            error_flag,
            mirror,
            record,
        })
    };
    for flag in flags {
        let name = match flag {
            ErrorFlag::Never {} => "never",
            ErrorFlag::Raised { .. } => "raised",
            ErrorFlag::Resolved {} => "resolved",
        };
        compare(&format!("deployment-error-flag-{name}"), &settled(flag, Mirror::Clean {}));
    }
    for mirror in mirrors {
        let name = match mirror {
            Mirror::Silent {} => "silent",
            Mirror::Holding { .. } => "holding",
            Mirror::Clean {} => "clean",
            Mirror::Dirty {} => "dirty",
        };
        compare(&format!("deployment-mirror-{name}"), &settled(ErrorFlag::Never {}, mirror));
    }
}

#[test]
fn every_state_of_a_tenant_keeps_its_format() {
    let tenant = TenantUid::new("4f1c9a3e-0000-4000-8000-0000000000aa");
    let rows = TenantRows {
        namespace: "team-a".to_owned(),
        user: ClusterUserId::of(&tenant),
        environment: EnvironmentId::in_cluster_of(&tenant),
        instance: InstanceId::new("instance"),
        tenant: tenant.clone(),
    };
    let states = [
        TenantState::Unknown {},
        TenantState::Active {},
        TenantState::Draining {},
        TenantState::Emptying {},
        TenantState::Reaped {},
    ];
    for state in states {
        let (name, rows) = match state {
            TenantState::Unknown {} => ("unknown", None),
            TenantState::Active {} => ("active", Some(rows.clone())),
            TenantState::Draining {} => ("draining", Some(rows.clone())),
            TenantState::Emptying {} => ("emptying", Some(rows.clone())),
            TenantState::Reaped {} => ("reaped", None),
        };
        let record = TenantRecord {
            tenant: tenant.clone(),
            namespace: "team-a".to_owned(),
            since: None,
            rows,
        };
        compare(&format!("tenant-{name}"), &PersistedTenant::from(Tenant { state, record }));
    }
}

fn document() -> Box<ApplicationDocument> {
    let uid = DeploymentUid::new("4f1c9a3e-0000-4000-8000-000000000001");
    let project = "app-project-team-a".to_owned();
    Box::new(render(&uid, "team-a", &spec(), "argocd", project))
}

#[test]
fn every_state_of_an_operation_keeps_its_format() {
    let phases = [
        OperationPhase::Unclaimed {},
        OperationPhase::PreparingProject { document: document(), deadline: MOMENT },
        OperationPhase::Writing { document: document(), deadline: MOMENT },
        OperationPhase::Deleting { deadline: MOMENT, overdue: 1 },
        OperationPhase::TidyingProject { deadline: MOMENT },
        OperationPhase::Completed { deadline: MOMENT },
        OperationPhase::Failed { deadline: MOMENT },
        OperationPhase::Collected {},
    ];
    for state in phases {
        let name = match state {
            OperationPhase::Unclaimed {} => "unclaimed",
            OperationPhase::PreparingProject { .. } => "preparing-project",
            OperationPhase::Writing { .. } => "writing",
            OperationPhase::Deleting { .. } => "deleting",
            OperationPhase::TidyingProject { .. } => "tidying-project",
            OperationPhase::Completed { .. } => "completed",
            OperationPhase::Failed { .. } => "failed",
            OperationPhase::Collected {} => "collected",
            other => panic!("{other:?} is a sync's"),
        };
        let full = full_record();
        let application = ApplicationId::of(&full.uid);
        let known = name != "unclaimed";
        let mut record = if known {
            OperationRecord {
                id: OperationId::of(application.as_str(), MOMENT, 4),
                target: Some(Target::Application(application)),
                synced: None,
                owner: ClusterUserId::of(&full.tenant),
                requester: Some(Requester::Deployment(full.uid)),
                since: None,
            }
        } else {
            Operation::new(OperationId::of(application.as_str(), MOMENT, 4)).record
        };
        let first: PersistedOperation = read(&format!("operation-{name}"));
        let same = Operation { state: state.clone(), record: record.clone() };
        assert_eq!(Operation::from(first), same, "the first version of {name}");
        record.since = known.then_some(MOMENT);
        compare(
            &format!("operation-2-{name}"),
            &PersistedOperation::from(Operation { state, record }),
        );
    }
}

#[test]
fn every_state_of_an_operation_on_a_sync_keeps_its_format() {
    let (deadline, overdue) = (MOMENT, 2);
    let sync = SyncOperationId::new("4f1c9a3e-0000-4000-8000-000000000002");
    let revision = "v1".to_owned();
    let application = ApplicationUid::new("4f1c9a3e-0000-4000-8000-000000000003");
    let request = SyncRequest {
        sync: sync.clone(),
        application: application.clone(),
        revision: revision.clone(),
    };
    let document = document();
    let awaited = Box::new(AwaitedSync {
        document: (*document).clone(),
        revision,
        reported: true,
        asked: Some(application),
        unseen: true,
    });
    let followed = FollowedSync {
        message: "waiting for a hook".to_owned(),
        succeeded: Some("abc".to_owned()),
        to_prune: 2,
        unseen: true,
    };
    let phases = [
        (
            "awaiting-application",
            OperationPhase::AwaitingApplication { sync: awaited, deadline, overdue },
        ),
        (
            "requesting-sync",
            OperationPhase::RequestingSync { request, document, deadline, overdue },
        ),
        ("syncing", OperationPhase::Syncing { sync: followed, deadline, overdue }),
        ("ending-sync", OperationPhase::EndingSync { deadline, overdue }),
    ];
    let run = full_run();
    let name = "gitopsdepl-4f1c9a3e-0000-4000-8000-000000000001".to_owned();
    let application = ApplicationId::of(&full_record().uid);
    for (file, state) in phases {
        let record = OperationRecord {
            id: OperationId::of(sync.as_str(), MOMENT, 1),
            target: Some(Target::Sync(sync.clone())),
            synced: Some(SyncedApplication { row: application.clone(), name: name.clone() }),
            owner: ClusterUserId::of(&run.tenant),
            requester: Some(Requester::SyncRun(run.uid.clone())),
            since: Some(MOMENT),
        };
        let persisted = PersistedOperation::from(Operation { state, record });
        compare(&format!("operation-2-{file}"), &persisted);
    }
}

/// A record of a sync run in which every field is set.
fn full_run() -> SyncRunRecord {
    let uid = SyncRunUid::new("4f1c9a3e-0000-4000-8000-000000000002");
    let sync = SyncOperationId::new(uid.as_str());
    let deployment = full_record();
    let spec = SyncRunSpec { deployment_name: deployment.name.clone(), revision: "v1".to_owned() };
    SyncRunRecord {
        uid,
        tenant: deployment.tenant.clone(),
        namespace: deployment.namespace,
        name: "first".to_owned(),
        created: MOMENT,
        last_seen: Revision(1_050),
        generation: Generation(2),
        accepted: Some(SyncRunSpec { revision: String::new(), ..spec.clone() }),
        spec,
        present: true,
        open: Some(OpenOperation { id: OperationId::of(sync.as_str(), MOMENT, 1), claimed: true }),
        sync: Some(SyncRecord {
            id: sync,
            deployment: Some(deployment.uid),
            user: ClusterUserId::of(&deployment.tenant),
            instance: InstanceId::new("instance"),
        }),
        message: "waiting for a hook".to_owned(),
        ended: Some(Generation(1)),
        complained: true,
        since: Some(MOMENT),
        born: MOMENT,
        operations: 1,
        actual: Digest::of(&"actual"),
    }
}

#[test]
fn every_state_of_a_sync_run_keeps_its_format() {
    let (deadline, overdue) = (MOMENT, 2);
    let states = [
        ("unseen", SyncRunState::Unseen {}),
        ("awaiting-deployment", SyncRunState::AwaitingDeployment {}),
        ("awaiting-settled", SyncRunState::AwaitingSettled {}),
        ("awaiting-turn", SyncRunState::AwaitingTurn {}),
        ("running", SyncRunState::Running { deadline, overdue }),
        ("succeeded", SyncRunState::Succeeded {}),
        ("failed", SyncRunState::Failed {}),
        ("rejected", SyncRunState::Rejected {}),
        ("terminating", SyncRunState::Terminating { deadline, overdue }),
        ("gone", SyncRunState::Gone {}),
    ];
    for (file, lifecycle) in states {
        let SyncRunRecord { uid, tenant, namespace, name, .. } = full_run();
        let run = SyncRun { lifecycle, ..SyncRun::new(uid, tenant, &namespace, &name) };
        compare(&format!("sync-run-{file}"), &PersistedSyncRun::from(run));
    }
    let mirror = Mirror::Holding { until: MOMENT };
    let lifecycle = SyncRunState::Running { deadline, overdue };
    let run = SyncRun { lifecycle, mirror, record: full_run() };
    compare("sync-run-full", &PersistedSyncRun::from(run));
}

#[test]
fn every_state_of_an_operation_on_a_credential_keeps_its_format() {
    let phases = [
        (
            "writing-secret",
            OperationPhase::WritingSecret { secret: Digest::of(&"secret"), deadline: MOMENT },
        ),
        ("removing-secret", OperationPhase::RemovingSecret { deadline: MOMENT, overdue: 0 }),
    ];
    let credential = full_credential();
    let id = CredentialId::of(&credential.uid);
    for (file, state) in phases {
        let record = OperationRecord {
            id: OperationId::of(id.as_str(), MOMENT, 1),
            target: Some(Target::Credential(id.clone())),
            synced: None,
            owner: ClusterUserId::of(&credential.tenant),
            requester: Some(Requester::Credential(credential.uid.clone())),
            since: Some(MOMENT),
        };
        let persisted = PersistedOperation::from(Operation { state, record });
        compare(&format!("operation-2-{file}"), &persisted);
    }
}

/// A record of a repository credential in which every field is set.
fn full_credential() -> CredentialRecord {
    let uid = CredentialUid::new("4f1c9a3e-0000-4000-8000-000000000004");
    let id = CredentialId::of(&uid);
    let spec = CredentialSpec {
        repository: "https://example.com/team/app.git".to_owned(),
        secret: "git".to_owned(),
    };
    let deployment = full_record();
    let secret = Digest::of(&"secret");
    CredentialRecord {
        uid,
        namespace: deployment.namespace,
        name: "repo".to_owned(),
        last_seen: Revision(1_050),
        generation: Generation(2),
        present: true,
        shown: Some(secret.clone()),
        checked: Some(Checked {
            spec: spec.clone(),
            secret: Some(secret.clone()),
            verdict: Verdict::Accepted {},
        }),
        open: Some(OpenOperation { id: OperationId::of(id.as_str(), MOMENT, 1), claimed: true }),
        row: Some(RowRecord {
            id,
            user: ClusterUserId::of(&deployment.tenant),
            instance: InstanceId::new("instance"),
            written: Some(Written { spec: spec.clone(), secret }),
        }),
        tenant: deployment.tenant,
        spec,
        since: Some(MOMENT),
        born: MOMENT,
        operations: 1,
        failures: 2,
        failure: "denied".to_owned(),
        actual: Digest::of(&"actual"),
    }
}

#[test]
fn every_state_of_a_repository_credential_keeps_its_format() {
    let (deadline, until, overdue, again) = (MOMENT, MOMENT, 2, true);
    let states = [
        ("unseen", CredentialState::Unseen {}),
        ("awaiting-keys", CredentialState::AwaitingKeys {}),
        ("rejected", CredentialState::Rejected {}),
        ("checking", CredentialState::Checking { deadline, overdue }),
        ("refused", CredentialState::Refused {}),
        ("awaiting-engine", CredentialState::AwaitingEngine { deadline, overdue }),
        ("awaiting-tenant", CredentialState::AwaitingTenant { deadline, overdue }),
        ("accepted", CredentialState::Accepted {}),
        ("removing", CredentialState::Removing {}),
        ("gone", CredentialState::Gone {}),
    ];
    let CredentialRecord { uid, tenant, namespace, name, .. } = full_credential();
    let new = RepositoryCredential::new(uid, tenant, &namespace, &name);
    for (file, lifecycle) in states {
        let credential = RepositoryCredential { lifecycle, ..new.clone() };
        compare(&format!("repository-credential-{file}"), &PersistedCredential::from(credential));
    }
    let deliveries = [
        ("idle", Delivery::Idle {}),
        ("dispatching", Delivery::Dispatching { again, deadline, overdue }),
        ("backing-off", Delivery::BackingOff { until }),
    ];
    for (file, delivery) in deliveries {
        let credential = RepositoryCredential { delivery, ..new.clone() };
        let persisted = PersistedCredential::from(credential);
        compare(&format!("repository-credential-delivery-{file}"), &persisted);
    }
    let texts = |text: &str| text.to_owned();
    let verdicts = [
        ("accepted", Verdict::Accepted {}),
        ("secret-missing", Verdict::SecretMissing {}),
        ("secret-of-wrong-type", Verdict::SecretOfWrongType {}),
        ("secret-unusable", Verdict::SecretUnusable { text: texts("it is empty") }),
        ("repository-missing", Verdict::RepositoryMissing { text: texts("not found") }),
        ("refused", Verdict::Refused { cause: texts("TimedOut"), text: texts("no answer") }),
    ];
    for (file, verdict) in verdicts {
        let mut record = full_credential();
        record.checked = record.checked.map(|checked| Checked { verdict, ..checked });
        let (lifecycle, mirror) = (CredentialState::Accepted {}, Mirror::Dirty {});
        let delivery = Delivery::Idle {};
        let credential = RepositoryCredential { lifecycle, delivery, mirror, record };
        let persisted = PersistedCredential::from(credential);
        compare(&format!("repository-credential-verdict-{file}"), &persisted);
    }
}

#[test]
fn where_an_application_deploys_to_keeps_its_format() {
    let id = EnvironmentId::new("environment");
    let destinations = [
        ("environment", Destination::Environment { id, name: "staging".to_owned() }),
        ("nowhere", Destination::Nowhere { is_requested: true }),
    ];
    for (file, destination) in destinations {
        let mut record = full_record();
        record.application = record.application.map(|one| ApplicationRecord { destination, ..one });
        let deployment = Deployment {
            lifecycle: Lifecycle::Settled {},
            error_flag: ErrorFlag::Never {},
            mirror: Mirror::Clean {},
            record,
        };
        let persisted = PersistedDeployment::from(deployment);
        compare(&format!("deployment-destination-{file}"), &persisted);
    }
}

#[test]
fn the_moment_at_which_a_state_was_entered_is_read_and_written() {
    let since = Some(MOMENT);
    let deployment = Deployment {
        lifecycle: Lifecycle::Settled {},
        error_flag: ErrorFlag::Never {},
        mirror: Mirror::Clean {},
        record: Record { since, ..empty_record() },
    };
    compare("deployment-settled-since", &PersistedDeployment::from(deployment));
    let tenant = TenantUid::new("4f1c9a3e-0000-4000-8000-0000000000aa");
    let record = TenantRecord { tenant, namespace: "team-a".to_owned(), since, rows: None };
    let tenant = Tenant { state: TenantState::Reaped {}, record };
    compare("tenant-reaped-since", &PersistedTenant::from(tenant));
}

fn refusal<T: DeserializeOwned + Debug>(name: &str) -> String {
    let golden = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let newer = golden.replace("\"version\": \"1\"", "\"version\": \"9\"");
    assert_ne!(golden, newer, "{name}.json names its version");
    serde_json::from_str::<T>(&newer).unwrap_err().to_string()
}

#[test]
fn an_unknown_version_is_rejected_by_its_number() {
    let expected = "unknown variant `9`, expected ";
    let refusals = [
        refusal::<PersistedDeployment>("deployment-settled"),
        refusal::<PersistedTenant>("tenant-active"),
        refusal::<PersistedOperation>("operation-completed"),
    ];
    for text in refusals {
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn every_golden_file_is_read_by_a_test() {
    let files = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(
        files,
        14 + 4 + 3 + 4 + 5 + 2 * 8 + 2 + 4 + 11 + 2 + 10 + 3 + 6 + 1 + 12 + 3 + 3 + 3 + 2
    );
}
