//! A silent cache proves nothing: removals and creates ask the server.

use std::sync::Arc;

use crds::argocd::{AppProject, Application};
use kube::api::{Api, PostParams};
use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, OperationId, Timestamp};
use machines::machine::Machine;
use machines::operation::application::{
    ApplicationDestination, ApplicationDocument, ApplicationSource, ApplicationSpec,
    application_name, project_name,
};
use machines::operation::{Operation, OperationEvent, RowView, Wanted};
use machines::rows::{OperationState, Requester};
use schema::store::agent::AgentLoaded;
use schema::store::machine_rows::Versioned;
use schema::store::{Role, Store};

use crate::agent::Agent;
use crate::agent::argo::Argo;
use crate::agent::batch::{Observations, decide};
use crate::agent::resources::Effect;
use crate::agent::resources::application::requests;
use crate::agent::resources::project::entry::{ProjectDocument, WantedProject};
use crate::runtime::effects::Outcome;
use crate::settings::Settings;
use crate::test_support::{self, Nobody};

/// An agent whose watches are silent, with one open operation.
struct Silent {
    agent: Arc<Agent>,
    client: kube::Client,
    operation: OperationId,
}

impl Silent {
    async fn new() -> Self {
        let settings = Settings::default();
        let definitions = argocd_stand_in::definitions();
        let client = test_support::api_server(definitions, &settings.argocd_namespace).await;
        let database = test_support::database().await;
        let now = settings.clock.now();
        let store = Store::take_over(database, Role::Agent, "test", now).await.expect("the role");
        let agent = Agent::new(client.clone(), store, settings, Arc::default(), Arc::new(Nobody));
        let operation = OperationId::new("operation");
        agent.open().note(&operation, "tenant");
        Self { agent, client, operation }
    }

    fn namespace(&self) -> String {
        self.agent.settings.argocd_namespace.clone()
    }

    fn document(&self, path: &str) -> ApplicationDocument {
        ApplicationDocument {
            name: application_name(&DeploymentUid::new("uid")),
            namespace: self.namespace(),
            spec: ApplicationSpec {
                source: ApplicationSource {
                    repo_url: "https://example.com/team/app".to_owned(),
                    path: path.to_owned(),
                    target_revision: String::new(),
                },
                destination: ApplicationDestination::default(),
                project: "default".to_owned(),
                ..ApplicationSpec::default()
            },
        }
    }

    /// Another client creates an Application, which the watch does not show.
    async fn create(&self, path: &str) -> Application {
        let (row, document) = (ApplicationId::new("row"), self.document(path));
        let created = requests::write_application(&self.client, &row, &document, None, false);
        created.await.expect("it is created")
    }

    async fn execute(&self, effect: Effect) -> Outcome {
        Arc::clone(&self.agent).execute(effect).await
    }

    fn removal(&self, is_seen: bool) -> Effect {
        Effect::RemoveApplication {
            row: ApplicationId::new("row"),
            name: Some(application_name(&DeploymentUid::new("uid"))),
            operation: Some(self.operation.clone()),
            is_seen,
        }
    }

    /// What has been observed of the operation since.
    fn observed(&self) -> Observations {
        self.agent.inbox.take_one(&self.operation).unwrap_or_default()
    }
}

#[tokio::test]
async fn an_application_that_the_watch_has_not_shown_is_found_before_its_removal_is_complete() {
    let silent = Silent::new().await;
    silent.create("one").await;
    assert_eq!(silent.execute(silent.removal(false)).await, Outcome::Pending);
    assert!(!silent.observed().application_absent);
    let name = silent.document("one").name;
    assert!(
        silent.agent.argo().application(&name).is_some(),
        "the removal has something to delete"
    );
    assert_eq!(silent.execute(silent.removal(true)).await, Outcome::Done);
    assert!(!silent.observed().application_absent, "Argo CD's finalizer holds it");
}

#[tokio::test]
async fn an_application_is_absent_once_the_server_lists_none_of_its_name() {
    let silent = Silent::new().await;
    assert_eq!(silent.execute(silent.removal(false)).await, Outcome::Done);
    assert!(silent.observed().application_absent);
}

#[tokio::test]
async fn a_create_that_is_answered_with_already_exists_is_done_once_what_exists_is_wanted() {
    let silent = Silent::new().await;
    let before = silent.create("one").await;
    let write = || Effect::WriteApplication {
        row: ApplicationId::new("row"),
        document: Box::new(silent.document("two")),
        operation: silent.operation.clone(),
    };
    assert_eq!(silent.execute(write()).await, Outcome::Pending);
    let api: Api<Application> = Api::namespaced(silent.client.clone(), &silent.namespace());
    let name = silent.document("one").name;
    assert_eq!(api.get(&name).await.expect("it exists").spec, before.spec, "not written blindly");
    assert_eq!(silent.execute(write()).await, Outcome::Done);
    assert_eq!(api.get(&name).await.expect("it exists").spec.source.path, "two");
}

#[tokio::test]
async fn an_app_project_is_absent_once_the_server_lists_none_of_its_name() {
    let silent = Silent::new().await;
    let user = ClusterUserId::new("user");
    let name = project_name(&user);
    let wanted = ProjectDocument {
        name: name.clone(),
        user: user.as_str().to_owned(),
        source_repos: ["https://example.com/team/app".to_owned()].into(),
        destinations: Vec::new(),
    };
    let namespace = silent.namespace();
    let api: Api<AppProject> = Api::namespaced(silent.client.clone(), &namespace);
    let write = |wanted| Effect::WriteProject { user: user.clone(), wanted };
    let other = ProjectDocument { source_repos: Default::default(), ..wanted.clone() };
    crate::agent::resources::project::requests::write_project(
        &silent.client,
        &namespace,
        &other,
        false,
    )
    .await
    .expect("somebody creates it");

    let wanted = Some(Arc::new(wanted));
    assert_eq!(silent.execute(write(wanted.clone())).await, Outcome::Pending, "it exists already");
    assert_eq!(silent.execute(write(wanted)).await, Outcome::Done);
    assert_eq!(api.get(&name).await.expect("it exists").spec.source_repos.len(), 1);

    assert_eq!(silent.execute(write(None)).await, Outcome::Done);
    assert!(api.get_opt(&name).await.expect("an answer").is_none());
    assert!(silent.agent.argo().project(&name).is_none());
    let nothing = WantedProject::default();
    assert!(silent.agent.argo().project_matches(&user, &nothing), "the server has listed none");

    let held = serde_json::json!({"metadata": {"name": name, "finalizers": ["example.com/held"]}});
    let held: AppProject = serde_json::from_value(held).expect("an AppProject");
    api.create(&PostParams::default(), &held).await.expect("another one");
    assert_eq!(silent.execute(write(None)).await, Outcome::Pending, "the watch has not shown it");
    assert!(!silent.agent.argo().project_matches(&user, &nothing), "it exists");
    assert_eq!(silent.execute(write(None)).await, Outcome::Pending, "it is deleted, and held");
    assert!(
        silent.agent.argo().project_matches(&user, &nothing),
        "the rest is another's to finish"
    );
}

#[test]
fn a_removal_is_complete_when_the_server_lists_no_application_and_not_when_the_watch_shows_none() {
    let (id, now) = (OperationId::new("operation"), Timestamp::from_millis(0));
    let row = RowView {
        state: OperationState::Waiting,
        owner: ClusterUserId::new("user"),
        requester: Some(Requester::Deployment(DeploymentUid::new("uid"))),
        wanted: Wanted::Application { row: ApplicationId::new("row"), document: None },
    };
    let operation = Operation::new(id.clone()).step(&OperationEvent::RowObserved(row.into()), &now);
    let after = |observations: Observations| {
        let mut loaded = AgentLoaded::default();
        let machine = operation.machine.clone();
        loaded.operations.known.insert(id.clone(), Versioned { machine, version: 1 });
        let items = [(id.clone(), observations)];
        let (changes, _) = decide(&mut loaded, &items, &Argo::default(), false, now);
        changes.operations[0].after.path()
    };
    assert_eq!(after(Observations::default()), "InProgress/Deleting");
    let absent = Observations { application_absent: true, ..Observations::default() };
    assert_eq!(after(absent), "Finished/Completed");
}
