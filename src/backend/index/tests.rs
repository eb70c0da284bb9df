use crds::GitOpsDeploymentSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::ObjectMeta;

use crds::GitOpsDeployment;
use k8s_openapi::api::core::v1::Namespace;

use machines::identity::{DeploymentUid, Timestamp};
use machines::kinds::managed_environment::EnvironmentUid;
use machines::kinds::repository_credential::CredentialUid;
use machines::kinds::sync_run::SyncRunUid;

use super::*;
use crate::runtime::watch::{Gone, WatchEvent};

fn namespace(uid: &str, terminating: bool) -> WatchEvent<Namespace> {
    WatchEvent::Present(Namespace {
        metadata: ObjectMeta {
            name: Some("team-a".to_owned()),
            uid: Some(uid.to_owned()),
            deletion_timestamp: terminating.then(|| Time(Default::default())),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    })
}

fn object(uid: &str, revision: &str, deleting: bool) -> GitOpsDeployment {
    let mut object = GitOpsDeployment::new("app", GitOpsDeploymentSpec::default());
    object.metadata.namespace = Some("team-a".to_owned());
    object.metadata.uid = Some(uid.to_owned());
    object.metadata.resource_version = Some(revision.to_owned());
    object.metadata.deletion_timestamp = deleting.then(|| Time(Default::default()));
    object
}

fn key(uid: &str) -> Key {
    Key::Deployment(DeploymentUid::new(uid))
}

fn tenants(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries
        .iter()
        .filter(|(_, key, _)| matches!(key, Key::Deployment(_)))
        .map(|(tenant, ..)| tenant.as_str())
        .collect()
}

/// Answers every question, with the server saying this.
fn answered(index: &mut Index, uid: &str) -> Vec<Delivery> {
    let answer = TenantUid::new(uid);
    let questions = index.questions(8);
    let deliveries = questions.iter().flat_map(|one| index.question_answered(one, Some(&answer)));
    deliveries.collect()
}

#[test]
fn a_deployment_waits_until_its_namespace_is_known() {
    let mut index = Index::default();
    assert_eq!(index.object_seen(WatchEvent::Present(object("u-1", "5", false))), []);
    assert_eq!(index.questions(8), []);
    assert_eq!(index.namespace_seen(namespace("ns-1", false)), []);
    assert_eq!(tenants(&answered(&mut index, "ns-1")), ["ns-1"]);
    assert_eq!(index.questions(8), []);
}

#[test]
fn a_deployment_is_never_given_to_the_tenant_that_had_the_namespace_before() {
    let mut index = Index::default();
    index.namespace_seen(namespace("ns-1", false));
    index.object_seen(WatchEvent::Present(object("u-1", "5", false)));
    assert_eq!(tenants(&answered(&mut index, "ns-1")), ["ns-1"]);
    // Another object of the tenant exists: no question is needed.
    let deliveries = index.object_seen(WatchEvent::Present(object("u-2", "6", false)));
    assert_eq!(tenants(&deliveries), ["ns-1"]);
    index.object_seen::<GitOpsDeployment>(WatchEvent::Gone(Gone::of(
        &object("u-1", "7", false).metadata,
    )));
    index.object_seen::<GitOpsDeployment>(WatchEvent::Gone(Gone::of(
        &object("u-2", "8", false).metadata,
    )));
    // The watch of Namespaces has not shown the next one yet.
    assert_eq!(index.object_seen(WatchEvent::Present(object("u-3", "9", false))), []);
    assert_eq!(answered(&mut index, "ns-2"), []);
    assert_eq!(index.questions(8), [], "nothing was told since");
    index.namespace_seen(namespace("ns-2", false));
    assert_eq!(tenants(&answered(&mut index, "ns-2")), ["ns-2"]);
}

#[test]
fn a_deployment_that_is_only_being_released_proves_nothing() {
    let mut index = Index::default();
    index.namespace_seen(namespace("ns-1", false));
    // It belongs to the next namespace, which the watch of Namespaces has not shown yet.
    assert_eq!(index.object_seen(WatchEvent::Present(object("u-1", "5", false))), []);
    assert_eq!(answered(&mut index, "ns-2"), []);
    let deliveries = index.object_seen(WatchEvent::Present(object("u-1", "6", true)));
    assert_eq!(tenants(&deliveries), ["ns-1"]);
    assert_eq!(index.object_seen(WatchEvent::Present(object("u-2", "7", false))), []);
    index.namespace_seen(namespace("ns-2", false));
    assert_eq!(tenants(&answered(&mut index, "ns-2")), ["ns-2"]);
}

#[test]
fn a_list_proves_whose_its_objects_are_once_it_is_complete() {
    let mut index = Index::default();
    let place = Place { namespace: "team-a".to_owned(), name: "app".to_owned() };
    let noted = Noted {
        tenant: TenantUid::new("ns-1"),
        place,
        refers_to: None,
        rank: Timestamp::default(),
        shown: None,
        awaits_users: false,
        standing: None,
    };
    index.note_machine(&key("u-1"), &noted);
    index.namespace_seen(namespace("ns-1", false));
    index.object_seen::<GitOpsDeployment>(WatchEvent::Restarted);
    assert_eq!(index.object_seen(WatchEvent::Present(object("u-2", "6", false))), []);
    index.object_seen(WatchEvent::Present(object("u-1", "5", false)));
    assert_eq!(index.questions(8), []);
    assert_eq!(tenants(&index.object_seen::<GitOpsDeployment>(WatchEvent::Synced)), ["ns-1"]);
    assert_eq!(index.questions(8), []);
}

#[test]
fn compatibility_11_what_appears_in_a_terminating_namespace_belongs_to_the_next_one() {
    let mut index = Index::default();
    index.namespace_seen(namespace("ns-1", false));
    index.namespace_seen(namespace("ns-1", true));
    assert_eq!(index.object_seen(WatchEvent::Present(object("u-2", "9", false))), []);
    assert_eq!(index.questions(8), []);
    assert_eq!(index.namespace_seen(namespace("ns-2", false)), []);
    assert_eq!(tenants(&answered(&mut index, "ns-2")), ["ns-2"]);
}

#[test]
fn a_namespace_not_seen_yet_is_not_taken_for_gone() {
    let mut index = Index::default();
    let tenant = TenantUid::new("ns-1");
    assert_eq!(index.note_tenant(&tenant, "team-a"), None);
    index.namespace_seen(WatchEvent::Restarted);
    assert_eq!(index.namespace_phase(&tenant, "team-a"), NamespacePhase::Unknown);
    index.namespace_seen(namespace("ns-1", false));
    assert_eq!(index.namespace_phase(&tenant, "team-a"), NamespacePhase::Alive);
    index.namespace_seen(WatchEvent::Synced);
    assert_eq!(index.namespace_phase(&tenant, "team-a"), NamespacePhase::Alive);
    assert_eq!(index.namespace_phase(&TenantUid::new("ns-0"), "team-0"), NamespacePhase::Gone);
}

#[test]
fn a_namespace_that_cannot_be_decoded_exists() {
    let mut index = Index::default();
    let tenant = TenantUid::new("ns-1");
    index.note_tenant(&tenant, "team-a");
    let WatchEvent::Present(readable) = namespace("ns-1", false) else { panic!() };
    index.namespace_seen(WatchEvent::Restarted);
    index.namespace_seen(WatchEvent::Malformed(Box::new(readable.metadata)));
    assert_eq!(
        index.namespace_seen(WatchEvent::Synced),
        [],
        "the tenant is not told that it has gone"
    );
    assert_eq!(index.namespace_phase(&tenant, "team-a"), NamespacePhase::Alive);
}

#[test]
fn a_tenant_learns_what_became_of_its_namespace_before_it_was_known() {
    let mut index = Index::default();
    index.namespace_seen(namespace("ns-1", true));
    let told = index.note_tenant(&TenantUid::new("ns-1"), "team-a");
    let terminating = NamespaceObservation::Present { terminating: true };
    assert_eq!(told, Some(tenant_note(TenantUid::new("ns-1"), terminating)));
    index.namespace_seen(namespace("ns-3", false));
    let told = index.note_tenant(&TenantUid::new("ns-2"), "team-a");
    assert_eq!(told, Some(tenant_note(TenantUid::new("ns-2"), NamespaceObservation::Absent)));
    assert_eq!(index.note_tenant(&TenantUid::new("ns-2"), "team-a"), None);
}

#[test]
fn a_late_answer_does_not_bring_back_what_is_gone() {
    let mut index = Index::default();
    index.namespace_seen(namespace("ns-1", false));
    index.object_seen(WatchEvent::Present(object("u-1", "5", false)));
    answered(&mut index, "ns-1");
    let (.., asked) = index.object::<GitOpsDeployment>(&key("u-1")).expect("it is there");
    index.object_seen::<GitOpsDeployment>(WatchEvent::Gone(Gone::of(
        &object("u-1", "7", false).metadata,
    )));
    assert_eq!(index.object_written(object("u-1", "6", false), asked), []);
    assert!(index.object::<GitOpsDeployment>(&key("u-1")).is_none());
}

#[test]
fn a_deployment_deleted_with_its_namespace_is_taken_in() {
    let mut index = Index::default();
    index.namespace_seen(namespace("ns-1", true));
    assert_eq!(index.object_seen(WatchEvent::Present(object("u-1", "5", false))), []);
    let deliveries = index.object_seen(WatchEvent::Present(object("u-1", "6", true)));
    assert_eq!(tenants(&deliveries), ["ns-1"]);
    assert_eq!(index.namespace_seen(namespace("ns-2", false)), []);
}

fn sync_run(uid: &str) -> Key {
    Key::SyncRun(SyncRunUid::new(uid))
}

fn noted(name: &str, refers_to: Option<&str>, rank: i64, shown: Option<&str>) -> Noted {
    Noted {
        tenant: TenantUid::new("ns-1"),
        place: Place { namespace: "team-a".to_owned(), name: name.to_owned() },
        refers_to: refers_to.map(str::to_owned),
        rank: Timestamp::from_millis(rank),
        shown: shown.map(str::to_owned),
        awaits_users: false,
        standing: None,
    }
}

fn told(deliveries: &[Delivery]) -> Vec<&Key> {
    deliveries.iter().map(|(_, key, _)| key).filter(|key| !matches!(key, Key::Tenant(_))).collect()
}

#[test]
fn those_that_refer_to_an_object_learn_of_its_news_even_if_the_step_is_repeated() {
    let mut index = Index::default();
    index.note_machine(&sync_run("r-1"), &noted("first", Some("app"), 1, None));
    let new = index.note_machine(&key("u-1"), &noted("app", None, 0, Some("new")));
    assert_eq!(told(&new), [&sync_run("r-1")]);
    let same = index.note_machine(&key("u-1"), &noted("app", None, 0, Some("new")));
    assert_eq!(told(&same), [] as [&Key; 0]);
    let settled = index.note_machine(&key("u-1"), &noted("app", None, 0, Some("settled")));
    assert_eq!(told(&settled), [&sync_run("r-1")]);
    assert_eq!(told(&index.forget_machine(&key("u-1"))), [&sync_run("r-1")]);
}

#[test]
fn one_that_no_longer_refers_to_an_object_lets_the_next_one_go_on() {
    let mut index = Index::default();
    for (uid, rank) in [("r-3", 3), ("r-1", 1), ("r-2", 2)] {
        let before = index.note_machine(&sync_run(uid), &noted(uid, Some("app"), rank, None));
        assert_eq!(told(&before), [] as [&Key; 0]);
    }
    let ended = index.note_machine(&sync_run("r-1"), &noted("r-1", None, 1, None));
    assert_eq!(told(&ended), [&sync_run("r-2")]);
    assert_eq!(told(&index.forget_machine(&sync_run("r-2"))), [&sync_run("r-3")]);
    assert_eq!(told(&index.forget_machine(&sync_run("r-3"))), [] as [&Key; 0]);
}

fn environment(uid: &str) -> Key {
    Key::Environment(EnvironmentUid::new(uid))
}

#[test]
fn deployments_learn_of_their_environment_and_one_that_leaves_of_its_users() {
    let mut index = Index::default();
    let here = |shown, awaits_users| Noted { awaits_users, ..noted("env", None, 0, Some(shown)) };
    index.note_machine(&key("u-1"), &noted("app", Some("env"), 0, Some("settled")));
    index.note_machine(&key("u-2"), &noted("other", Some("another"), 0, Some("settled")));
    let ready = index.note_machine(&environment("e-1"), &here("ready", false));
    assert_eq!(told(&ready), [&key("u-1")]);
    let same = index.note_machine(&environment("e-1"), &here("ready", false));
    assert_eq!(told(&same), [] as [&Key; 0]);
    // As long as it stays, it does not look at those who use it.
    let edited = index.note_machine(&key("u-1"), &noted("app", Some("env"), 0, Some("edited")));
    assert_eq!(told(&edited), [] as [&Key; 0]);
    index.note_machine(&environment("e-1"), &here("leaving", true));
    let removing = index.note_machine(&key("u-1"), &noted("app", Some("env"), 0, Some("removing")));
    assert_eq!(told(&removing), [&environment("e-1")]);
    let gone = index.forget_machine(&key("u-1"));
    assert_eq!(told(&gone), [&environment("e-1")], "also of the end, with which the name goes");
    assert_eq!(told(&index.forget_machine(&key("u-2"))), [] as [&Key; 0]);
}

#[test]
fn a_secret_concerns_those_who_refer_to_it_by_its_type() {
    let mut index = Index::new(&SecretNamespaces::All);
    let credential = Key::Credential(CredentialUid::new("c-1"));
    index.note_machine(&credential, &noted("repo", Some("secret"), 0, None));
    index.note_machine(&environment("e-1"), &noted("env", Some("secret"), 0, None));
    let mut secret = Secret::default();
    secret.metadata.namespace = Some("team-a".to_owned());
    secret.metadata.name = Some("secret".to_owned());
    let digests = Digester::new("key".to_owned().into());
    let place = Place { namespace: "team-a".to_owned(), name: "secret".to_owned() };
    let users = [&credential, &environment("e-1")];
    for (type_, user) in SecretType::ALL.into_iter().zip(users) {
        let seen = WatchEvent::Present(secret.clone());
        assert_eq!(told(&index.secret_seen(type_, &None, &seen, &digests)), [user]);
        assert!(matches!(index.secret(type_, &place), ShownSecret::Present(_)));
    }
}
