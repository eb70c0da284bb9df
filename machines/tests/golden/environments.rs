//! The persisted states of managed environments, and of operations on them.

use machines::identity::{
    ClusterUserId, Digest, EnvironmentId, Generation, InstanceId, OperationId, Revision,
};
use machines::kinds::managed_environment::lifecycle::EnvironmentState;
use machines::kinds::managed_environment::revocation::Revocation;
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::kinds::managed_environment::verdict::{Refusal, Verdict};
use machines::kinds::managed_environment::{
    Account, Checked, ClusterCredentialsId, EnvironmentRecord, EnvironmentUid, Installation,
    ManagedEnvironment, PersistedEnvironment, RowRecord, Written,
};
use machines::operation::{Operation, OperationPhase, OperationRecord, PersistedOperation};
use machines::rows::{Requester, Target};
use machines::shared::open_operation::OpenOperation;

use crate::{MOMENT, compare, full_record};

#[test]
fn every_state_of_an_operation_on_an_environment_keeps_its_format() {
    let record = full_environment();
    let id = EnvironmentId::of(&record.uid);
    let record = OperationRecord {
        id: OperationId::of(id.as_str(), MOMENT, 1),
        target: Some(Target::Environment(id)),
        synced: None,
        owner: ClusterUserId::of(&record.tenant),
        requester: Some(Requester::Environment(record.uid)),
        since: Some(MOMENT),
    };
    let state = OperationPhase::WritingSecret { secret: Digest::of(&"secret"), deadline: MOMENT };
    let persisted = PersistedOperation::from(Operation { state, record });
    compare("operation-2-writing-cluster-secret", &persisted);
}

/// A record of a managed environment in which every field is set.
fn full_environment() -> EnvironmentRecord {
    let uid = EnvironmentUid::new("4f1c9a3e-0000-4000-8000-000000000005");
    let id = EnvironmentId::of(&uid);
    let spec = EnvironmentSpec {
        api_url: "https://api.example.com:6443".to_owned(),
        secret: "kubeconfig".to_owned(),
        skips_tls_verification: true,
        creates_account: true,
        namespaces: vec!["b".to_owned(), "a".to_owned()],
        cluster_resources: false,
    };
    let installation = Installation { namespaces: vec!["a".to_owned(), "b".to_owned()], round: 1 };
    let credentials = ClusterCredentialsId::of_account(&id, &spec.api_url);
    let (secret, told) = (Digest::of(&"secret"), Digest::of(&"told"));
    let deployment = full_record();
    EnvironmentRecord {
        uid,
        namespace: deployment.namespace,
        name: "staging".to_owned(),
        last_seen: Revision(1_050),
        generation: Generation(2),
        present: true,
        shown: Some(secret.clone()),
        checked: Some(Checked {
            spec: spec.clone(),
            secret: Some(secret.clone()),
            round: Some(1),
            verdict: Verdict::Accepted { told: told.clone() },
        }),
        open: Some(OpenOperation { id: OperationId::of(id.as_str(), MOMENT, 1), claimed: true }),
        row: Some(RowRecord {
            id,
            credentials: credentials.clone(),
            user: ClusterUserId::of(&deployment.tenant),
            instance: InstanceId::new("instance"),
            written: Some(Written {
                spec: spec.clone(),
                secret: secret.clone(),
                told,
                installation: Some(installation.clone()),
            }),
            is_delivered: true,
        }),
        accounts: vec![Account {
            api_url: spec.api_url.clone(),
            skips_tls_verification: true,
            credentials,
            secret,
            installations: vec![Installation { namespaces: Vec::new(), round: 0 }, installation],
            next_round: 2,
            is_renewed: true,
        }],
        remains: vec!["something may remain".to_owned()],
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
fn every_state_of_a_managed_environment_keeps_its_format() {
    let (deadline, until, limit, overdue, failures) = (MOMENT, MOMENT, MOMENT, 2, 3);
    let states = [
        ("unseen", EnvironmentState::Unseen {}),
        ("awaiting-keys", EnvironmentState::AwaitingKeys {}),
        ("rejected", EnvironmentState::Rejected {}),
        ("checking", EnvironmentState::Checking { deadline, overdue }),
        ("refused", EnvironmentState::Refused {}),
        ("awaiting-engine", EnvironmentState::AwaitingEngine { deadline, overdue }),
        ("awaiting-tenant", EnvironmentState::AwaitingTenant { deadline, overdue }),
        ("accepted", EnvironmentState::Accepted {}),
        ("draining", EnvironmentState::Draining { until, is_detached: true }),
        ("removing", EnvironmentState::Removing {}),
        ("clearing", EnvironmentState::Clearing {}),
        ("gone", EnvironmentState::Gone {}),
    ];
    let EnvironmentRecord { uid, tenant, namespace, name, .. } = full_environment();
    let new = ManagedEnvironment::new(uid, tenant, &namespace, &name);
    let compare = |file: &str, environment: ManagedEnvironment| {
        compare(&format!("managed-environment-{file}"), &PersistedEnvironment::from(environment));
    };
    for (file, lifecycle) in states {
        compare(file, ManagedEnvironment { lifecycle, ..new.clone() });
    }
    let revocations = [
        ("revoking", Revocation::Revoking { limit, failures, deadline }),
        ("backing-off", Revocation::BackingOff { limit, failures, until }),
        ("telling", Revocation::Telling { deadline, overdue }),
    ];
    for (file, revocation) in revocations {
        compare(&format!("revocation-{file}"), ManagedEnvironment { revocation, ..new.clone() });
    }
    let text = |text: &str| text.to_owned();
    let refusal = Refusal {
        status: text("Unknown"),
        reason: text("UnableToValidateClusterCredentials"),
        message: text("Unable to validate the credentials"),
        cause: text("TimedOut"),
        text: text("no answer"),
    };
    let verdicts = [
        ("accepted", Verdict::Accepted { told: Digest::of(&"told") }),
        ("secret-missing", Verdict::SecretMissing {}),
        ("refused", Verdict::Refused(refusal)),
    ];
    for (file, verdict) in verdicts {
        let mut record = full_environment();
        record.checked = record.checked.map(|checked| Checked { verdict, ..checked });
        let environment = ManagedEnvironment { record, ..new.clone() };
        compare(&format!("verdict-{file}"), environment);
    }
}
