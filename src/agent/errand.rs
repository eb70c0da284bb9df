//! What the agent writes to Argo CD's namespace, one request for each thing that is owed.

use crds::Operation;
use crds::argocd::{AppProject, AppProjectSpec, Application, ApplicationDestination};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use machines::application::{ApplicationDocument, SyncPolicy};
use machines::identity::{ApplicationId, ClusterUserId, OperationId};
use serde_json::{Value, json};

use crate::agent::argo::{ApplicationEntry, ProjectDocument};
use crate::kubernetes::{Trouble, json_patch, trouble};
use crate::runtime::lanes::{Duty, Lane};

/// One thing that is owed to Argo CD's namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Errand {
    /// The AppProject of a user says this; `None` where there should be none.
    WriteProject {
        /// The user.
        user: ClusterUserId,
        /// What it is to say.
        wanted: Option<ProjectDocument>,
    },
    /// The Application says this.
    WriteApplication {
        /// Its row.
        row: ApplicationId,
        /// What it is to say.
        document: Box<ApplicationDocument>,
        /// The operation that owes it.
        operation: OperationId,
    },
    /// No Application stands for this row.
    RemoveApplication {
        /// The row.
        row: ApplicationId,
        /// The Application's name, where it is known whose it was.
        name: Option<String>,
        /// The operation that owes it; none where it belongs to nobody.
        operation: Option<OperationId>,
    },
    /// The Operation CR does not exist.
    RemoveSignal {
        /// The operation.
        operation: OperationId,
    },
}

/// What an errand is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The AppProject of a user.
    Project(ClusterUserId),
    /// The Application of a row.
    Application(ApplicationId),
    /// An Operation CR.
    Signal(OperationId),
}

impl Duty for Errand {
    type Key = Subject;

    fn key(&self) -> Subject {
        match self {
            Self::WriteProject { user, .. } => Subject::Project(user.clone()),
            Self::WriteApplication { row, .. } | Self::RemoveApplication { row, .. } => {
                Subject::Application(row.clone())
            }
            Self::RemoveSignal { operation } => Subject::Signal(operation.clone()),
        }
    }

    fn lane(&self) -> Lane {
        match self {
            Self::WriteProject { .. } | Self::WriteApplication { .. } => Lane::First,
            Self::RemoveApplication { .. } => Lane::Second,
            Self::RemoveSignal { .. } => Lane::Last,
        }
    }

    fn is_answered(&self) -> bool {
        true
    }
}

/// Creates an AppProject, or makes the one that exists say what it should.
pub async fn write_project(
    client: &kube::Client,
    namespace: &str,
    wanted: &ProjectDocument,
    exists: bool,
) -> Result<AppProject, Trouble> {
    let api: Api<AppProject> = Api::namespaced(client.clone(), namespace);
    let spec = AppProjectSpec {
        source_repos: wanted.source_repos.iter().cloned().collect(),
        destinations: wanted
            .destinations
            .iter()
            .map(|(name, namespace)| ApplicationDestination {
                name: name.clone(),
                namespace: namespace.clone(),
                ..ApplicationDestination::default()
            })
            .collect(),
        ..AppProjectSpec::default()
    };
    let annotations = json!({crds::names::USERNAME_ANNOTATION: wanted.user});
    if exists {
        let patch = json!({
            "metadata": {"annotations": annotations},
            "spec": {"sourceRepos": spec.source_repos, "destinations": spec.destinations},
        });
        let parameters = PatchParams::default();
        return api.patch(&wanted.name, &parameters, &Patch::Merge(patch)).await.map_err(trouble);
    }
    let mut project = AppProject::new(&wanted.name, spec);
    project
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(crds::names::USERNAME_ANNOTATION.to_owned(), wanted.user.clone());
    api.create(&PostParams::default(), &project).await.map_err(trouble)
}

/// Deletes an AppProject, unless it has gone.
pub async fn remove_project(
    client: &kube::Client,
    namespace: &str,
    name: &str,
) -> Result<(), Trouble> {
    let api: Api<AppProject> = Api::namespaced(client.clone(), namespace);
    absent(api.delete(name, &DeleteParams::default()).await.map(drop).map_err(trouble))
}

/// Creates an Application, or makes the one that exists say what it should. Fields that we do not
/// own are left alone.
pub async fn write_application(
    client: &kube::Client,
    row: &ApplicationId,
    document: &ApplicationDocument,
    existing: Option<&ApplicationEntry>,
) -> Result<Application, Trouble> {
    let api: Api<Application> = Api::namespaced(client.clone(), &document.namespace);
    let labels = json!({crds::names::DATABASE_ID_LABEL: row.as_str()});
    let spec = application_spec(document);
    let Some(existing) = existing else {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": document.name, "labels": labels},
            "spec": spec,
        });
        let object: Application =
            serde_json::from_value(object).map_err(|error| Trouble::Refused(error.to_string()))?;
        return api.create(&PostParams::default(), &object).await.map_err(trouble);
    };
    let mut spec = spec;
    if document.spec.sync_policy.is_none()
        && let Some(spec) = spec.as_object_mut()
    {
        // A merge patch removes what is null.
        spec.insert("syncPolicy".to_owned(), Value::Null);
    }
    if let Some(destination) = spec.get_mut("destination").and_then(Value::as_object_mut) {
        // A hand may have set it; beside a name it makes the destination invalid.
        destination.insert("server".to_owned(), Value::Null);
    }
    let patch = json!({
        "metadata": {"labels": labels, "uid": existing.uid},
        "spec": spec,
    });
    let parameters = PatchParams::default();
    api.patch(&document.name, &parameters, &Patch::Merge(patch)).await.map_err(trouble)
}

/// Lets Argo CD remove what an Application has deployed, and then the Application; returns what
/// waits for that.
pub async fn remove_application(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    existing: &ApplicationEntry,
) -> Result<Option<Application>, Trouble> {
    let api: Api<Application> = Api::namespaced(client.clone(), namespace);
    let background = crds::names::ARGO_CD_BACKGROUND_FINALIZER;
    let cascades = existing
        .finalizers
        .iter()
        .any(|finalizer| finalizer.starts_with(crds::names::ARGO_CD_FINALIZER));
    if !cascades {
        let mut finalizers = existing.finalizers.clone();
        finalizers.push(background.to_owned());
        let patch = json!({
            "metadata": {
                "uid": existing.uid,
                "resourceVersion": existing.revision.0.to_string(),
                "finalizers": finalizers,
            },
        });
        let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        match patched.map_err(trouble) {
            Ok(_) => {}
            Err(Trouble::Missing) => return Ok(None),
            Err(trouble) => return Err(trouble),
        }
    }
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(existing.uid.clone()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match api.delete(name, &parameters).await.map_err(trouble) {
        Ok(deleted) => Ok(deleted.left()),
        Err(Trouble::Missing) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Ends the sync of an Application that is being deleted: Argo CD removes nothing before its sync
/// has ended, and one that fails is tried again for ever. This is how Argo CD's own API server ends
/// a sync.
pub async fn end_sync(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    existing: &ApplicationEntry,
) -> Result<(), Trouble> {
    let api: Api<Application> = Api::namespaced(client.clone(), namespace);
    let phase = "/status/operationState/phase";
    let patch = json_patch(json!([
        {"op": "test", "path": "/metadata/uid", "value": existing.uid},
        {"op": "test", "path": phase, "value": crds::argocd::phase::RUNNING},
        {"op": "replace", "path": phase, "value": crds::argocd::phase::TERMINATING},
    ]))?;
    let patched = api.patch(name, &PatchParams::default(), &patch).await;
    match patched.map_err(trouble) {
        // It has ended by itself.
        Ok(_) | Err(Trouble::Missing | Trouble::Outdated(_)) => Ok(()),
        Err(trouble) => Err(trouble),
    }
}

/// Deletes an Operation CR, unless it has gone.
pub async fn remove_signal(
    client: &kube::Client,
    namespace: &str,
    operation: &OperationId,
) -> Result<(), Trouble> {
    let api: Api<Operation> = Api::namespaced(client.clone(), namespace);
    let name = crds::names::operation_name(operation.as_str());
    absent(api.delete(&name, &DeleteParams::default()).await.map(drop).map_err(trouble))
}

fn absent(outcome: Result<(), Trouble>) -> Result<(), Trouble> {
    match outcome {
        Err(Trouble::Missing) => Ok(()),
        outcome => outcome,
    }
}

fn application_spec(document: &ApplicationDocument) -> Value {
    let spec = &document.spec;
    let mut written = json!({
        "project": spec.project,
        "source": {
            "repoURL": spec.source.repo_url,
            "path": spec.source.path,
            "targetRevision": spec.source.target_revision,
        },
        "destination": {
            "name": spec.destination.name,
            "namespace": spec.destination.namespace,
        },
    });
    if let (Some(written), Some(policy)) = (written.as_object_mut(), &spec.sync_policy) {
        written.insert("syncPolicy".to_owned(), sync_policy(policy));
    }
    written
}

/// Every field is written, also as null, because a merge patch keeps what is absent.
fn sync_policy(policy: &SyncPolicy) -> Value {
    json!({
        "automated": policy.automated.as_ref().map(|automated| json!({
            "prune": automated.prune,
            "selfHeal": automated.self_heal,
            "allowEmpty": automated.allow_empty,
        })),
        "syncOptions": policy.sync_options,
        "retry": policy.retry.as_ref().map(|retry| json!({
            "limit": retry.limit,
            "backoff": retry.backoff.as_ref().map(|backoff| json!({
                "duration": backoff.duration,
                "factor": backoff.factor,
                "maxDuration": backoff.max_duration,
            })),
        })),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Namespace;
    use kube::ResourceExt;
    use machines::application::{ApplicationDestination, ApplicationSource, ApplicationSpec};
    use sandbox::ApiServer;

    use super::*;
    use crate::agent::argo::Argo;
    use crate::runtime::watch::Seen;

    const NAMESPACE: &str = "argocd";

    async fn client() -> kube::Client {
        let server = ApiServer::in_memory(sandbox::api::Settings::default());
        for definition in sandbox::argocd_crds() {
            server.install(&definition).expect("a definition");
        }
        let client = sandbox::client(server, NAMESPACE);
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(NAMESPACE.to_owned());
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces.create(&PostParams::default(), &namespace).await.expect("a namespace");
        client
    }

    fn document(path: &str) -> ApplicationDocument {
        ApplicationDocument {
            name: "app".to_owned(),
            namespace: NAMESPACE.to_owned(),
            spec: ApplicationSpec {
                source: ApplicationSource {
                    repo_url: "https://example.com/team/app".to_owned(),
                    path: path.to_owned(),
                    target_revision: String::new(),
                },
                destination: ApplicationDestination::default(),
                project: "default".to_owned(),
                sync_policy: None,
            },
        }
    }

    /// What is remembered of an Application that was seen.
    fn entry(application: &Application) -> ApplicationEntry {
        let mut argo = Argo::default();
        argo.application_seen(Seen::Present(application.clone()));
        argo.application(&application.name_any()).expect("it is remembered").clone()
    }

    async fn create(client: &kube::Client) -> Application {
        let (row, document) = (ApplicationId::new("1"), document("one"));
        write_application(client, &row, &document, None).await.expect("it is created")
    }

    async fn merge(client: &kube::Client, patch: Value) -> Application {
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        let patched = api.patch("app", &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.expect("a patch")
    }

    #[tokio::test]
    async fn another_application_of_the_same_name_is_neither_written_nor_deleted() {
        let client = client().await;
        let seen = create(&client).await;
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        api.delete("app", &DeleteParams::default()).await.expect("it is deleted");
        let mut other = create(&client).await;
        for finalizers in [vec![], vec![crds::names::ARGO_CD_FINALIZER.to_owned()]] {
            other = merge(&client, json!({"metadata": {"finalizers": finalizers}})).await;
            let mut seen = entry(&seen);
            seen.finalizers = finalizers;
            let removed = remove_application(&client, NAMESPACE, "app", &seen).await;
            assert!(removed.is_err(), "{removed:?}");
            let (row, document) = (ApplicationId::new("1"), document("two"));
            let written = write_application(&client, &row, &document, Some(&seen)).await;
            assert!(written.is_err(), "{written:?}");
        }
        let left = api.get("app").await.expect("the other one is there");
        assert_eq!((left.uid(), left.resource_version()), (other.uid(), other.resource_version()));
    }
}
