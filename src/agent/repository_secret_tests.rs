//! Repository Secrets: what is written, what is noticed, and what counts as gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use machines::identity::{ClusterUserId, DeploymentUid, Digest, OperationId, Timestamp};
use machines::kinds::managed_environment::EnvironmentUid;
use machines::kinds::repository_credential::{CredentialId, CredentialUid};
use machines::machine::Machine;
use machines::operation::{Operation, OperationEvent, RowView, SecretView, Wanted};
use machines::rows::{OperationState, Requester};
use parking_lot::Mutex;
use schema::sealing::{Keyring, generate_key};
use schema::store::agent::AgentLoaded;
use schema::store::machine_rows::Versioned;
use schema::store::sealed::unlock::unlock;
use schema::store::{Credential, RepositoryAccess, Role, Store};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::agent::argo::{Argo, Changed};
use crate::agent::batch::{FollowUps, Observations, decide};
use crate::agent::rescan::secrets::{
    DifferingSecrets, SecretSuspects, Wanted as WantedSecret, secret_differs,
};
use crate::agent::resources::Effect;
use crate::agent::resources::secret::row::SecretRow;
use crate::agent::resources::secret::write::repository_data;
use crate::runtime::effects::Outcome;
use crate::runtime::watch::{Gone, WatchEvent};
use crate::settings::Settings;
use crate::signals::Listener;
use crate::test_support;

const PASSWORD: &str = "hunter2-hunter2";
const PRIVATE_KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const PROJECT: &str = "app-project-user";
const NAME: &str = "repo-cred-row";

fn row() -> SecretRow {
    SecretRow::Repository(credential())
}

fn credential() -> CredentialId {
    CredentialId::new("row")
}

fn access(credential: Credential) -> RepositoryAccess {
    let url = "https://example.com/team/app".to_owned();
    RepositoryAccess { name: "git-login".to_owned(), url, credential }
}

fn with_password() -> RepositoryAccess {
    let (username, password) = ("git".into(), PASSWORD.into());
    access(Credential { username, password, ..Credential::default() })
}

fn with_key() -> RepositoryAccess {
    access(Credential { ssh_private_key: PRIVATE_KEY.into(), ..Credential::default() })
}

/// The machines whose Secrets the backend was told of.
#[derive(Default)]
pub(super) struct Told(pub(super) Mutex<Vec<Requester>>);

impl Listener for Told {
    fn operation_changed(&self, _: &Requester) {}
    fn report_changed(&self, _: &DeploymentUid) {}
    fn application_differs(&self, _: &DeploymentUid) {}
    fn secret_differs(&self, uid: &CredentialUid) {
        self.0.lock().push(Requester::Credential(uid.clone()));
    }
    fn cluster_differs(&self, uid: &EnvironmentUid) {
        self.0.lock().push(Requester::Environment(uid.clone()));
    }
    fn is_behind(&self, _: &str) -> bool {
        false
    }
}

/// An agent with keys and one open operation. Nothing runs but what a test starts.
pub(super) struct World {
    pub(super) agent: Arc<Agent>,
    pub(super) secrets: Api<Secret>,
    pub(super) operation: OperationId,
    pub(super) told: Arc<Told>,
    ended: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let settings = Settings::default();
        let namespace = settings.argocd_namespace.clone();
        let client = test_support::api_server(argocd_stand_in::definitions(), &namespace).await;
        let database = test_support::database().await;
        let keys = format!("test={}", generate_key().expose_secret());
        let keyring = Keyring::parse(&keys.into()).expect("a keyring");
        let sealer = unlock(&database, keyring).await.expect("the keys");
        let now = settings.clock.now();
        let store = Store::take_over(database, Role::Agent, "test", now).await.expect("the role");
        let store = store.with_sealer(Some(sealer));
        let told = Arc::new(Told::default());
        let agent = Agent::new(client.clone(), store, settings, Arc::default(), told.clone());
        let operation = OperationId::new("operation");
        agent.open().note(&operation, "tenant");
        let ended = CancellationToken::new();
        Self { agent, secrets: Api::namespaced(client, &namespace), operation, told, ended }
    }

    /// Follows the Secrets. From here on time is virtual.
    pub(super) async fn watch(&self) {
        tokio::time::pause();
        tokio::spawn(Arc::clone(&self.agent).watch_secrets(self.ended.clone()));
        self.agent.watches.secrets.synced().await;
    }

    /// Waits until the watch has shown what is waited for.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Argo) -> bool) {
        for _ in 0..1_000 {
            if holds(&self.agent.argo()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the watch never shows that {what}");
    }

    fn digest(&self, access: &RepositoryAccess) -> Digest {
        access.digest(&self.agent.store.sealer().expect("keys").digests)
    }

    fn writing(&self, access: &RepositoryAccess) -> Effect {
        Effect::WriteSecret {
            row: row(),
            project: Some(PROJECT.to_owned()),
            secret: self.digest(access),
            operation: self.operation.clone(),
        }
    }

    async fn put(&self, access: &RepositoryAccess, project: Option<&str>) -> Outcome {
        let effect = self.writing(access);
        self.agent
            .put_secret(&effect, &row(), &repository_data(access), project)
            .await
            .expect("an answer")
    }

    async fn remove(&self) -> Outcome {
        let operation = Some(self.operation.clone());
        Arc::clone(&self.agent).execute(Effect::RemoveSecret { row: row(), operation }).await
    }

    /// What has been observed of the operation since.
    pub(super) fn observed(&self) -> Observations {
        self.agent.inbox.take_one(&self.operation).unwrap_or_default()
    }

    async fn get(&self) -> Secret {
        self.secrets.get(NAME).await.expect("it exists")
    }

    /// What somebody else changes.
    async fn merge(&self, patch: Value) -> Secret {
        let patched = self.secrets.patch(NAME, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.expect("a patch")
    }

    /// What the watch shows, if a test is its own.
    fn shows(&self, seen: WatchEvent<Secret>) {
        self.agent.take_in(|argo| argo.secret_seen(seen));
    }

    fn view(&self, project: Option<&str>) -> SecretView {
        self.agent.argo().secret_view(&row(), project)
    }

    fn says(&self, access: &RepositoryAccess) -> SecretView {
        SecretView::Present { digest: self.digest(access), in_project: true, deleting: false }
    }

    fn wanted(&self, access: &RepositoryAccess) -> WantedSecret {
        WantedSecret {
            row: row(),
            requester: Some(Requester::Credential(CredentialUid::new("uid"))),
            owner: Some(ClusterUserId::new("user")),
            digest: Some(self.digest(access)),
        }
    }
}

pub(super) fn data(secret: &Secret) -> BTreeMap<&str, &str> {
    let data = secret.data.iter().flatten();
    data.map(|(key, value)| (key.as_str(), std::str::from_utf8(&value.0).unwrap())).collect()
}

#[tokio::test]
async fn a_repository_secret_has_exactly_these_fields() {
    let world = World::new().await;
    assert_eq!(world.put(&with_password(), Some(PROJECT)).await, Outcome::Done);
    let secret = world.get().await;
    let expected = [
        ("name", "git-login"),
        ("password", PASSWORD),
        ("project", PROJECT),
        ("url", "https://example.com/team/app"),
        ("username", "git"),
    ];
    assert_eq!(data(&secret), expected.into());
    let labels = json!({"argocd.argoproj.io/secret-type": "repository", "databaseID": "row"});
    assert_eq!(json!(secret.labels()), labels);
    assert_eq!(json!(secret.annotations()), json!({"managed-by": "argocd.argoproj.io"}));
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));
    assert_eq!((&secret.immutable, &secret.metadata.finalizers), (&None, &None));
    assert_eq!(world.view(Some(PROJECT)), world.says(&with_password()), "the answer is taken in");
}

#[tokio::test]
async fn without_isolation_a_repository_secret_names_no_project() {
    let world = World::new().await;
    world.put(&with_key(), None).await;
    let expected = [
        ("name", "git-login"),
        ("sshPrivateKey", PRIVATE_KEY),
        ("url", "https://example.com/team/app"),
    ];
    assert_eq!(data(&world.get().await), expected.into());
    assert_eq!(world.view(None), world.says(&with_key()));
    assert_ne!(world.view(Some(PROJECT)), world.says(&with_key()), "Argo CD lets everybody use it");
    let SecretView::Present { digest, in_project: false, .. } = world.view(Some(PROJECT)) else {
        panic!("it is in no project");
    };
    assert_eq!(digest, world.digest(&with_key()), "the project is no part of what is compared");
}

#[tokio::test]
async fn a_rotation_replaces_all_data_and_leaves_the_labels_of_others() {
    let world = World::new().await;
    world.put(&with_password(), Some(PROJECT)).await;
    let uid = world.get().await.uid();
    world.merge(json!({"metadata": {"labels": {"team": "a"}}, "data": {"extra": "eA=="}})).await;
    assert_eq!(world.put(&with_key(), Some(PROJECT)).await, Outcome::Done);
    let secret = world.get().await;
    let keys: Vec<&str> = data(&secret).into_keys().collect();
    assert_eq!(keys, ["name", "project", "sshPrivateKey", "url"]);
    assert_eq!((secret.uid(), secret.labels()["team"].as_str()), (uid, "a"));
    assert_eq!(world.view(Some(PROJECT)), world.says(&with_key()));
}

#[tokio::test]
async fn every_manual_edit_is_noticed() {
    let world = World::new().await;
    world.watch().await;
    let wanted = world.wanted(&with_password());
    assert!(secret_differs(&world.agent, &wanted), "there is none");
    world.put(&with_password(), Some(PROJECT)).await;
    assert!(!secret_differs(&world.agent, &wanted));
    assert!(secret_differs(&world.agent, &world.wanted(&with_key())), "the row has changed");
    let edits = [
        json!({"data": {"password": "eA=="}}),
        json!({"data": {"username": null}}),
        json!({"data": {"insecure": "dHJ1ZQ=="}}),
        json!({"data": {"project": "eA=="}}),
        json!({"data": {"project": null}}),
        json!({"metadata": {"labels": {"databaseID": "another"}}}),
        json!({"metadata": {"labels": {"argocd.argoproj.io/secret-type": null}}}),
    ];
    for edit in edits {
        world.merge(edit.clone()).await;
        let differs = format!("{edit} makes a difference");
        world
            .until(&differs, |argo| {
                argo.secret_view(&row(), Some(PROJECT)) != world.says(&with_password())
            })
            .await;
        assert!(secret_differs(&world.agent, &wanted), "{edit}");
        assert_eq!(world.put(&with_password(), Some(PROJECT)).await, Outcome::Done);
        assert!(!secret_differs(&world.agent, &wanted), "{edit} is repaired");
    }
    world.secrets.delete(NAME, &Default::default()).await.expect("it is deleted");
    world.until("it is gone", |argo| argo.secret(&row()).is_none()).await;
    assert!(secret_differs(&world.agent, &wanted));
}

#[tokio::test]
async fn what_cannot_be_compared_or_is_about_to_be_written_is_no_difference() {
    let world = World::new().await;
    let wanted = world.wanted(&with_password());
    assert!(secret_differs(&world.agent, &wanted));
    let unopened = WantedSecret { digest: None, ..wanted.clone() };
    assert!(!secret_differs(&world.agent, &unopened));
    let ((_, follow_ups), _) = stepped(&world, Some("wanted"), Observations::default(), false);
    follow(&world, follow_ups);
    assert!(!secret_differs(&world.agent, &wanted), "an operation writes it");
}

#[tokio::test]
async fn what_differs_is_told_of_and_what_has_no_owner_removed_after_the_grace() {
    let world = World::new().await;
    let grace = Duration::from_secs(120);
    let found = || DifferingSecrets {
        requesters: [Requester::Credential(CredentialUid::new("uid"))].into(),
        orphans: [row()].into(),
    };
    let mut suspects = SecretSuspects::default();
    for (seconds, told, removals) in [(0, 0, 0), (119, 0, 0), (120, 1, 1)] {
        let now = Timestamp::from_millis(seconds * 1_000);
        suspects.judge(&world.agent, found(), now, grace);
        assert_eq!(world.told.0.lock().len(), told, "after {seconds} s");
        assert_eq!(world.agent.effects.len(), removals, "after {seconds} s");
    }
    assert_eq!(*world.told.0.lock(), [Requester::Credential(CredentialUid::new("uid"))]);
}

#[tokio::test]
async fn a_secret_of_others_with_our_labels_is_left_alone() {
    let world = World::new().await;
    world.put(&with_password(), Some(PROJECT)).await;
    let mut copy = world.get().await;
    copy.metadata = kube::api::ObjectMeta {
        name: Some("repo-4711".to_owned()),
        labels: copy.metadata.labels,
        ..Default::default()
    };
    world.secrets.create(&PostParams::default(), &copy).await.expect("a copy");
    world.watch().await;
    assert_eq!(world.agent.argo().secret_rows(), [row()].into());
    let remembered = world.agent.argo().secret(&row()).map(|entry| entry.uid.clone());
    assert_eq!(remembered, world.get().await.uid(), "not the copy");
    assert_eq!(world.remove().await, Outcome::Done);
    let left = world.secrets.list(&Default::default()).await.expect("a list");
    let names: Vec<String> = left.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["repo-4711"]);
}

#[tokio::test]
async fn a_secret_without_its_label_is_found_by_its_name_and_corrected() {
    let world = World::new().await;
    world.watch().await;
    world.put(&with_password(), Some(PROJECT)).await;
    let uid = world.get().await.uid();
    world.merge(json!({"metadata": {"labels": null, "annotations": null}})).await;
    world.until("it has lost its label", |argo| argo.secret(&row()).is_none()).await;
    assert_eq!(world.put(&with_key(), Some(PROJECT)).await, Outcome::Done);
    assert_eq!(world.view(Some(PROJECT)), world.says(&with_key()));
    let secret = world.get().await;
    assert_eq!((secret.uid(), secret.labels().len(), secret.annotations().len()), (uid, 2, 1));
    assert!(!data(&secret).contains_key("password"));
}

#[tokio::test]
async fn one_that_is_gone_although_the_watch_shows_it_is_created_again() {
    let world = World::new().await;
    world.put(&with_password(), Some(PROJECT)).await;
    let uid = world.get().await.uid();
    world.secrets.delete(NAME, &Default::default()).await.expect("it is deleted");
    assert_eq!(world.put(&with_password(), Some(PROJECT)).await, Outcome::Done);
    let created = world.get().await.uid();
    assert_ne!(created, uid);
    let remembered = world.agent.argo().secret(&row()).map(|entry| entry.uid.clone());
    assert_eq!(remembered, created);
}

#[tokio::test]
async fn a_secret_that_was_written_again_is_not_gone_because_it_had_lost_its_label() {
    let world = World::new().await;
    world.put(&with_password(), Some(PROJECT)).await;
    let unlabelled = world.merge(json!({"metadata": {"labels": null}})).await;
    world.put(&with_password(), Some(PROJECT)).await;
    world.shows(WatchEvent::Gone(Gone::of(&unlabelled.metadata)));
    assert_eq!(world.view(Some(PROJECT)), world.says(&with_password()));
    world.shows(WatchEvent::Gone(Gone::of(&world.get().await.metadata)));
    assert_eq!(world.view(Some(PROJECT)), SecretView::Unseen);
}

#[tokio::test]
async fn a_secret_that_is_being_deleted_is_created_again_once_it_is_gone() {
    let world = World::new().await;
    world.put(&with_password(), Some(PROJECT)).await;
    world.merge(json!({"metadata": {"finalizers": ["example.com/held"]}})).await;
    world.secrets.delete(NAME, &Default::default()).await.expect("it is deleted");
    assert_eq!(world.put(&with_key(), Some(PROJECT)).await, Outcome::Failed);
    assert!(data(&world.get().await).contains_key("password"), "it is not written any more");
    world.merge(json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(world.put(&with_key(), Some(PROJECT)).await, Outcome::Done);
    assert_eq!(world.view(Some(PROJECT)), world.says(&with_key()));
}

#[tokio::test]
async fn a_removal_finds_what_no_watch_shows_and_is_complete_when_the_server_lists_none() {
    let world = World::new().await;
    assert_eq!(world.remove().await, Outcome::Done, "there never was one");
    assert!(world.observed().secret_absent);
    // Another process has created it, and somebody has removed its labels.
    world.put(&with_password(), Some(PROJECT)).await;
    let labelled = world.merge(json!({"metadata": {"labels": null}})).await;
    world.shows(WatchEvent::Gone(Gone::of(&labelled.metadata)));
    assert_eq!(world.view(Some(PROJECT)), SecretView::Unseen);
    world.merge(json!({"metadata": {"finalizers": ["example.com/held"]}})).await;
    world.observed();
    assert_eq!(world.remove().await, Outcome::Failed, "its finalizer keeps it");
    assert!(world.get().await.metadata.deletion_timestamp.is_some());
    assert!(!world.observed().secret_absent);
    world.merge(json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(world.remove().await, Outcome::Done);
    assert!(world.observed().secret_absent);
    assert!(world.secrets.get_opt(NAME).await.expect("an answer").is_none());
}

#[tokio::test]
async fn a_removed_secret_that_the_watch_still_shows_counts_as_absent() {
    let world = World::new().await;
    world.put(&with_password(), Some(PROJECT)).await;
    assert_eq!(world.remove().await, Outcome::Done);
    assert_eq!(world.view(Some(PROJECT)), SecretView::Unseen);
    assert!(world.observed().secret_absent);
}

#[tokio::test]
async fn a_write_whose_row_is_gone_writes_nothing_and_wakes_its_operation() {
    let world = World::new().await;
    let effect = world.writing(&with_password());
    assert_eq!(Arc::clone(&world.agent).execute(effect).await, Outcome::Failed);
    assert!(world.agent.inbox.take_one(&world.operation).is_some());
    assert!(world.secrets.get_opt(NAME).await.expect("an answer").is_none());
}

#[tokio::test]
async fn nothing_secret_is_remembered_or_printed() {
    let world = World::new().await;
    for access in [with_password(), with_key()] {
        world.put(&access, Some(PROJECT)).await;
        let secret = world.get().await;
        world.shows(WatchEvent::Present(secret));
        let remembered = format!("{:?} {:?}", *world.agent.argo(), world.writing(&access));
        assert!(
            remembered.contains(PROJECT) && remembered.contains(world.digest(&access).as_str())
        );
        for text in [PASSWORD, PRIVATE_KEY] {
            let encoded = json!(ByteString(text.as_bytes().to_vec()));
            let encoded = encoded.as_str().expect("a text").to_owned();
            let bytes = format!("{:?}", text.as_bytes());
            let hidden = [text.to_owned(), encoded, bytes];
            assert!(hidden.iter().all(|form| !remembered.contains(form)), "{remembered}");
        }
    }
}

type Decided = (String, FollowUps);

/// Steps the world's operation on the Secret of the row, which is claimed first.
fn stepped(
    world: &World,
    wanted: Option<&str>,
    observations: Observations,
    isolation: bool,
) -> (Decided, Operation) {
    let now = Timestamp::from_millis(0);
    let id = world.operation.clone();
    let view = RowView {
        state: OperationState::Waiting,
        owner: ClusterUserId::new("user"),
        requester: Some(Requester::Credential(CredentialUid::new("uid"))),
        wanted: Wanted::Credential { row: credential(), secret: wanted.map(Digest::new) },
    };
    let claimed = Operation::new(id.clone()).step(&OperationEvent::RowObserved(view.into()), &now);
    let mut loaded = AgentLoaded::default();
    let machine = claimed.machine.clone();
    loaded.operations.known.insert(id.clone(), Versioned { machine, version: 1 });
    let items = [(id, observations)];
    let (changes, follow_ups) = decide(&mut loaded, &items, &world.agent.argo(), isolation, now);
    ((changes.operations[0].after.path(), follow_ups), claimed.machine)
}

fn follow(world: &World, follow_ups: FollowUps) {
    for one in follow_ups.operations {
        world.agent.follow_up(one, Instant::now());
    }
}

#[tokio::test]
async fn a_removal_is_complete_when_the_server_lists_no_secret_and_not_when_the_watch_shows_none() {
    let world = World::new().await;
    let after = |observations| stepped(&world, None, observations, false).0.0;
    assert_eq!(after(Observations::default()), "InProgress/RemovingSecret");
    let absent = Observations { secret_absent: true, ..Observations::default() };
    assert_eq!(after(absent.clone()), "Finished/Completed");
    let application = Observations { application_absent: true, ..Observations::default() };
    assert_eq!(after(application), "InProgress/RemovingSecret");
    world.put(&with_password(), None).await;
    assert_eq!(after(absent), "InProgress/RemovingSecret", "the watch shows another one");
}

#[tokio::test]
async fn an_operation_completes_when_the_secret_says_what_is_wanted_and_tidies_the_project() {
    let world = World::new().await;
    let digest = world.digest(&with_password());
    let after = |wanted: &Digest, isolation| {
        stepped(&world, Some(wanted.as_str()), Observations::default(), isolation).0.0
    };
    assert_eq!(after(&digest, true), "InProgress/WritingSecret");
    world.put(&with_password(), Some(PROJECT)).await;
    assert_eq!(after(&Digest::new("another"), true), "InProgress/WritingSecret");
    assert_eq!(after(&digest, false), "InProgress/WritingSecret", "it is in a project");
    // The AppProject was not seen, and nobody has proven that there is none.
    assert_eq!(after(&digest, true), "InProgress/TidyingProject");
    world.put(&with_password(), None).await;
    assert_eq!(after(&digest, false), "Finished/Completed");
}

#[tokio::test]
async fn a_secret_wakes_the_operations_on_it_even_between_decision_and_follow_up() {
    let world = World::new().await;
    let decide = || stepped(&world, Some("wanted"), Observations::default(), true).0.1;
    let is_woken = || world.agent.inbox.take_one(&world.operation).is_some();
    follow(&world, decide());
    assert!(!is_woken(), "nothing has changed");
    let named = |name: &str, revision: &str| {
        let metadata = json!({"name": name, "uid": "uid", "resourceVersion": revision});
        serde_json::from_value(json!({"metadata": metadata})).expect("a Secret")
    };
    world.shows(WatchEvent::Present(named(NAME, "1")));
    assert!(is_woken(), "it is told of changes");
    world.shows(WatchEvent::Present(named("repo-cred-another", "2")));
    assert!(!is_woken(), "of its own Secret only");
    world.agent.open().forget(&world.operation);
    assert_eq!(world.agent.open().concerned(&Changed::Secret(row())), []);

    world.agent.open().note(&world.operation, "tenant");
    let decided = decide();
    world.shows(WatchEvent::Present(named(NAME, "3")));
    assert!(!is_woken(), "it does not know its target yet");
    follow(&world, decided);
    assert!(is_woken(), "what has changed meanwhile is not lost");
}
