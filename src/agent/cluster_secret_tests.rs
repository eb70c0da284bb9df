//! Cluster Secrets: what is written, what is noticed, and what becomes of those that Argo CD cannot tell
//! apart. What they have in common with repository Secrets is tested there.

use std::sync::Arc;
use std::time::Duration;

use crds::argocd::Application;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, EnvironmentId, Timestamp,
};
use machines::kinds::managed_environment::EnvironmentUid;
use machines::machine::Machine;
use machines::operation::application::{
    ApplicationDestination, ApplicationDocument, ApplicationSource, ApplicationSpec,
    application_name, cluster_name,
};
use machines::operation::{Operation, OperationEvent, RowView, SecretView, Wanted};
use machines::rows::{OperationState, Requester, RowChange};
use schema::store::agent::AgentLoaded;
use schema::store::machine_rows::Versioned;
use schema::store::{ClusterCredential, EnvironmentAccess, Permitted};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::repository_secret_tests::{World, data};
use crate::agent::batch::{Observations, decide};
use crate::agent::rescan::secrets::{
    DifferingSecrets, SecretSuspects, Wanted as WantedSecret, secret_differs,
};
use crate::agent::resources::Effect;
use crate::agent::resources::application::requests;
use crate::agent::resources::project::seen::ENVIRONMENTS_LIMIT;
use crate::agent::resources::secret::row::SecretRow;
use crate::runtime::effects::Outcome;
use crate::runtime::watch::WatchEvent;

const TOKEN: &str = "hunter2-token";
const PROJECT: &str = "app-project-user";
const NAME: &str = "managed-env-row";
const SERVER: &str = "https://api.example.com:6443?managedEnvironment=row";

fn environment() -> EnvironmentId {
    EnvironmentId::new("row")
}

fn row() -> SecretRow {
    SecretRow::Cluster(environment())
}

fn access() -> EnvironmentAccess {
    EnvironmentAccess {
        api_url: "https://api.example.com:6443".to_owned(),
        namespaces: "a,b".to_owned(),
        cluster_resources: true,
        skips_tls_verification: false,
        credential: ClusterCredential {
            token: TOKEN.into(),
            authority: "PEM".into(),
            server_name: "api.internal".to_owned(),
        },
    }
}

fn digest(world: &World, access: &EnvironmentAccess) -> Digest {
    access.digest(&environment(), &world.agent.store.sealer().expect("keys").digests)
}

async fn put(world: &World, access: &EnvironmentAccess, project: Option<&str>) -> Outcome {
    let effect = Effect::WriteSecret {
        row: row(),
        project: project.map(str::to_owned),
        secret: digest(world, access),
        operation: world.operation.clone(),
    };
    let said = access.data(&environment());
    world.agent.put_secret(&effect, &row(), &said, project).await.expect("an answer")
}

async fn get(world: &World) -> Secret {
    world.secrets.get(NAME).await.expect("it exists")
}

async fn merge(world: &World, patch: Value) {
    let parameters = PatchParams::default();
    world.secrets.patch(NAME, &parameters, &Patch::Merge(patch)).await.expect("a patch");
}

fn wanted(world: &World) -> WantedSecret {
    WantedSecret {
        row: row(),
        requester: Some(Requester::Environment(EnvironmentUid::new("uid"))),
        owner: Some(ClusterUserId::new("user")),
        digest: Some(digest(world, &access())),
    }
}

/// Another client makes a cluster Secret.
async fn create_foreign(world: &World, name: &str, cluster: &str, server: &str) -> Secret {
    let secret = json!({
        "metadata": {
            "name": name,
            "labels": {"argocd.argoproj.io/secret-type": "cluster"},
        },
        "stringData": {"name": cluster, "server": server, "config": "{}"},
    });
    let mut secret: Secret = serde_json::from_value(secret).expect("a Secret");
    let texts = secret.string_data.take().unwrap_or_default();
    let bytes = |text: String| k8s_openapi::ByteString(text.into_bytes());
    secret.data = Some(texts.into_iter().map(|(key, text)| (key, bytes(text))).collect());
    world.secrets.create(&PostParams::default(), &secret).await.expect("it is created")
}

#[tokio::test]
async fn compatibility_2_a_cluster_secret_has_exactly_these_fields() {
    let world = World::new().await;
    assert_eq!(put(&world, &access(), Some(PROJECT)).await, Outcome::Done);
    let secret = get(&world).await;
    let config = format!(
        r#"{{"bearerToken":"{TOKEN}","tlsClientConfig":{{"insecure":false,"serverName":"api.internal","caData":"UEVN"}}}}"#
    );
    let expected = [
        ("clusterResources", "true"),
        ("config", config.as_str()),
        ("name", NAME),
        ("namespaces", "a,b"),
        ("project", PROJECT),
        ("server", SERVER),
    ];
    assert_eq!(data(&secret), expected.into());
    let labels = json!({"argocd.argoproj.io/secret-type": "cluster", "databaseID": "row"});
    assert_eq!(json!(secret.labels()), labels);
    assert_eq!(json!(secret.annotations()), json!({"managed-by": "argocd.argoproj.io"}));
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));
    let digest = digest(&world, &access());
    let says = SecretView::Present { digest, in_project: true, deleting: false };
    assert_eq!(world.agent.argo().secret_view(&row(), Some(PROJECT)), says);

    let insecure = EnvironmentAccess {
        namespaces: String::new(),
        cluster_resources: false,
        skips_tls_verification: true,
        ..access()
    };
    put(&world, &insecure, None).await;
    let secret = get(&world).await;
    let config = format!(
        r#"{{"bearerToken":"{TOKEN}","tlsClientConfig":{{"insecure":true,"serverName":"api.internal"}}}}"#
    );
    let expected = [("config", config.as_str()), ("name", NAME), ("server", SERVER)];
    assert_eq!(data(&secret), expected.into(), "nothing is left over");
}

#[tokio::test]
async fn every_manual_edit_of_a_cluster_secret_is_noticed() {
    let world = World::new().await;
    world.watch().await;
    assert!(secret_differs(&world.agent, &wanted(&world)), "there is none");
    put(&world, &access(), Some(PROJECT)).await;
    assert!(!secret_differs(&world.agent, &wanted(&world)));
    let edits = [
        json!({"data": {"config": "e30="}}),
        json!({"data": {"namespaces": null}}),
        json!({"data": {"shard": "MQ=="}}),
        json!({"data": {"project": null}}),
        json!({"metadata": {"labels": {"databaseID": "another"}}}),
        json!({"metadata": {"labels": {"argocd.argoproj.io/secret-type": "repository"}}}),
        json!({"metadata": {"labels": {"argocd.argoproj.io/secret-type": null}}}),
    ];
    for edit in edits {
        merge(&world, edit.clone()).await;
        let before = SecretView::Present {
            digest: digest(&world, &access()),
            in_project: true,
            deleting: false,
        };
        let differs = format!("{edit} makes a difference");
        world.until(&differs, |argo| argo.secret_view(&row(), Some(PROJECT)) != before).await;
        assert!(secret_differs(&world.agent, &wanted(&world)), "{edit}");
        assert_eq!(put(&world, &access(), Some(PROJECT)).await, Outcome::Done);
        assert!(!secret_differs(&world.agent, &wanted(&world)), "{edit} is repaired");
    }
    let unowned = WantedSecret { owner: None, ..wanted(&world) };
    put(&world, &access(), None).await;
    assert!(!secret_differs(&world.agent, &unowned), "nobody knows its AppProject");
}

#[tokio::test]
async fn compatibility_4_what_differs_is_told_of_and_what_has_no_owner_removed_after_the_grace() {
    let world = World::new().await;
    let grace = Duration::from_secs(120);
    let uid = || Requester::Environment(EnvironmentUid::new("uid"));
    let found = || DifferingSecrets { requesters: [uid()].into(), orphans: [row()].into() };
    let mut suspects = SecretSuspects::default();
    for (seconds, told, removals) in [(0, 0, 0), (119, 0, 0), (120, 1, 1)] {
        let now = Timestamp::from_millis(seconds * 1_000);
        suspects.judge(&world.agent, found(), now, grace);
        assert_eq!(world.told.0.lock().len(), told, "after {seconds} s");
        assert_eq!(world.agent.effects.len(), removals, "after {seconds} s");
    }
    assert_eq!(*world.told.0.lock(), [uid()]);
}

/// The path of the world's operation once it has looked at the Secret, and what its row says.
fn stepped(world: &World, secret: Option<Digest>, observations: Observations) -> (String, String) {
    decided(world, secret, observations, None)
}

/// The same; with isolation, the tenant's AppProject is to permit these environments.
fn decided(
    world: &World,
    secret: Option<Digest>,
    observations: Observations,
    environments: Option<Vec<EnvironmentId>>,
) -> (String, String) {
    let now = Timestamp::from_millis(0);
    let (id, owner) = (world.operation.clone(), ClusterUserId::new("user"));
    let view = RowView {
        state: OperationState::Waiting,
        owner: owner.clone(),
        requester: Some(Requester::Environment(EnvironmentUid::new("uid"))),
        wanted: Wanted::Environment { row: environment(), secret },
    };
    let claimed = Operation::new(id.clone()).step(&OperationEvent::RowObserved(view.into()), &now);
    let mut loaded = AgentLoaded::default();
    let known = Versioned { machine: claimed.machine, version: 1 };
    loaded.operations.known.insert(id.clone(), known);
    let isolation = environments.is_some();
    let repositories = ["https://example.com/team/app".to_owned()].into();
    let environments = environments.unwrap_or_default();
    loaded.permitted.insert(owner, Permitted { repositories, environments });
    let items = [(id, observations)];
    let (changes, _) = decide(&mut loaded, &items, &world.agent.argo(), isolation, now);
    let said = changes.rows.into_iter().find_map(|row| match row {
        RowChange::SetOperationState(_, OperationState::Failed(text)) => Some(text),
        _ => None,
    });
    (changes.operations[0].after.path(), said.unwrap_or_default())
}

#[tokio::test]
async fn an_environment_that_an_app_project_has_no_room_for_says_so_until_there_is_room() {
    let world = World::new().await;
    let said = digest(&world, &access());
    let after = |others: usize| {
        let others = (0..others).map(|number| EnvironmentId::new(number.to_string()));
        Some(others.chain([environment()]).collect::<Vec<_>>())
    };
    let step =
        |environments| decided(&world, Some(said.clone()), Observations::default(), environments);
    let (path, text) = step(after(ENVIRONMENTS_LIMIT));
    assert_eq!(path, "Finished/Failed");
    assert!(text.contains("no room for another environment"), "{text}");
    let has_room = step(after(ENVIRONMENTS_LIMIT - 1));
    assert_eq!(has_room, ("InProgress/WritingSecret".to_owned(), String::new()));
    // Without isolation there is no AppProject to be full.
    assert_eq!(step(None).0, "InProgress/WritingSecret");
    // What goes needs no room.
    let removal = decided(&world, None, Observations::default(), after(ENVIRONMENTS_LIMIT));
    assert_eq!(removal.0, "InProgress/RemovingSecret");
}

#[tokio::test]
async fn a_removal_is_complete_when_the_server_lists_no_cluster_secret() {
    let world = World::new().await;
    put(&world, &access(), None).await;
    assert_eq!(stepped(&world, None, Observations::default()).0, "InProgress/RemovingSecret");
    let operation = Some(world.operation.clone());
    let removal = Effect::RemoveSecret { row: row(), operation };
    assert_eq!(Arc::clone(&world.agent).execute(removal).await, Outcome::Done);
    assert!(world.secrets.get_opt(NAME).await.expect("an answer").is_none());
    let observed = world.observed();
    assert!(observed.secret_absent);
    assert_eq!(stepped(&world, None, Observations::default()).0, "InProgress/RemovingSecret");
    assert_eq!(stepped(&world, None, observed).0, "Finished/Completed");
}

#[tokio::test]
async fn secrets_of_others_that_claim_to_be_the_cluster_are_reported_and_left_alone() {
    let world = World::new().await;
    world.watch().await;
    put(&world, &access(), Some(PROJECT)).await;
    // Without isolation there is no AppProject to look at.
    put(&world, &access(), None).await;
    let said = digest(&world, &access());
    let path = || stepped(&world, Some(said.clone()), Observations::default());
    assert_eq!(path().0, "Finished/Completed");
    let elsewhere = "https://elsewhere";
    create_foreign(&world, "harmless", "harmless", elsewhere).await;
    let slash = format!("{SERVER}/");
    for (cluster, server) in [(NAME, elsewhere), ("another", SERVER), ("another", slash.as_str())] {
        let foreign = create_foreign(&world, "foreign", cluster, server).await;
        world.until("there are two", |argo| !argo.rivals(&environment()).is_empty()).await;
        assert_eq!(world.agent.argo().rivals(&environment()), ["foreign"].into());
        let (path, text) = path();
        assert_eq!(path, "Finished/Failed", "{cluster} {server}");
        assert!(text.contains("another cluster Secret") && !text.contains("foreign"), "{text}");
        let other = stepped(&world, Some(Digest::new("another")), Observations::default());
        assert_eq!(other.0, "InProgress/WritingSecret", "ours is written first");
        put(&world, &access(), Some(PROJECT)).await;
        assert!(secret_differs(&world.agent, &wanted(&world)));
        put(&world, &access(), None).await;
        let left = world.secrets.get("foreign").await.expect("it is still there");
        assert_eq!(left.resource_version(), foreign.resource_version());
        world.secrets.delete("foreign", &Default::default()).await.expect("it is deleted");
        world.until("there is one", |argo| argo.rivals(&environment()).is_empty()).await;
    }
    assert_eq!(path().0, "Finished/Completed");
}

#[tokio::test]
async fn one_that_a_list_no_longer_shows_claims_nothing() {
    let world = World::new().await;
    let foreign = create_foreign(&world, "foreign", NAME, "https://elsewhere").await;
    world.agent.take_in(|argo| argo.secret_seen(WatchEvent::Present(foreign)));
    assert_eq!(world.agent.argo().rivals(&environment()).len(), 1);
    world.agent.take_in(|argo| argo.secret_seen(WatchEvent::Restarted));
    assert_eq!(world.agent.argo().rivals(&environment()).len(), 1);
    world.agent.take_in(|argo| argo.secret_seen(WatchEvent::Synced));
    assert_eq!(world.agent.argo().rivals(&environment()).len(), 0);
}

/// An Application on the environment, which the agent has seen.
async fn create_application(world: &World) -> String {
    let namespace = world.agent.settings.argocd_namespace.clone();
    let document = ApplicationDocument {
        name: application_name(&DeploymentUid::new("uid")),
        namespace,
        spec: ApplicationSpec {
            source: ApplicationSource {
                repo_url: "https://example.com/team/app".to_owned(),
                path: "deploy".to_owned(),
                target_revision: String::new(),
            },
            destination: ApplicationDestination {
                name: cluster_name(&environment()),
                namespace: "jane".to_owned(),
                ..ApplicationDestination::default()
            },
            project: "default".to_owned(),
            ..ApplicationSpec::default()
        },
    };
    let client = &world.agent.client;
    let row = ApplicationId::new("application");
    let created = requests::write_application(client, &row, &document, None, false).await;
    let created = created.expect("it is created");
    world.agent.take_in(|argo| argo.application_seen(WatchEvent::Present(created)));
    document.name
}

async fn execute(world: &World, statement: &str) {
    let database = world.agent.store.database().connection();
    database.execute_unprepared(statement).await.expect("it is executed");
}

#[tokio::test]
async fn an_application_is_not_deleted_while_its_environment_exists_and_cannot_be_resolved() {
    let world = World::new().await;
    let name = create_application(&world).await;
    let removal = || Effect::RemoveApplication {
        row: ApplicationId::new("application"),
        name: Some(name.clone()),
        operation: Some(world.operation.clone()),
        is_seen: true,
    };
    let remove = async || Arc::clone(&world.agent).execute(removal()).await;
    let namespace = &world.agent.settings.argocd_namespace;
    let applications: Api<Application> = Api::namespaced(world.agent.client.clone(), namespace);
    let is_deleted = async || {
        let application = applications.get(&name).await.expect("its finalizer keeps it");
        application.metadata.deletion_timestamp.is_some()
    };
    execute(
        &world,
        "INSERT INTO clustercredentials (clustercredentials_cred_id, serviceaccount_bearer_token, \
         created_on) VALUES ('credentials', 'sealed', '2026-11-22 10:26:25')",
    )
    .await;
    execute(
        &world,
        "INSERT INTO managedenvironment (managedenvironment_id, name, clustercredentials_id, \
         created_on) VALUES ('row', 'staging', 'credentials', '2026-11-22 10:26:25')",
    )
    .await;
    assert_eq!(remove().await, Outcome::Failed, "there is no Secret");
    world.watch().await;
    assert_eq!(remove().await, Outcome::Failed, "the watch shows none");
    put(&world, &access(), None).await;
    create_foreign(&world, "foreign", NAME, "https://elsewhere").await;
    world.until("there are two", |argo| !argo.rivals(&environment()).is_empty()).await;
    assert_eq!(remove().await, Outcome::Failed, "Argo CD cannot tell them apart");
    assert!(!is_deleted().await);
    world.secrets.delete("foreign", &Default::default()).await.expect("it is deleted");
    world.until("there is one", |argo| argo.rivals(&environment()).is_empty()).await;
    assert_eq!(remove().await, Outcome::Done);
    assert!(is_deleted().await);
}

#[tokio::test]
async fn an_application_whose_environment_is_gone_waits_for_nothing() {
    let world = World::new().await;
    let name = create_application(&world).await;
    let removal = Effect::RemoveApplication {
        row: ApplicationId::new("application"),
        name: Some(name),
        operation: Some(world.operation.clone()),
        is_seen: true,
    };
    assert_eq!(Arc::clone(&world.agent).execute(removal).await, Outcome::Done);
}
