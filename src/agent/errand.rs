//! What the agent writes to Argo CD's namespace, one request for each thing that is owed.

use crds::Operation;
use crds::argocd::{AppProject, AppProjectSpec, Application, ApplicationDestination};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use machines::application::{ApplicationDocument, SyncPolicy};
use machines::identity::{ApplicationId, ClusterUserId, OperationId, Revision};
use serde_json::{Value, json};

use crate::agent::argo::{ApplicationEntry, ProjectDocument, ProjectEntry};
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

/// Looks at an Application to which others write meanwhile what is theirs.
const LOOKS: usize = 4;

/// Creates an AppProject, or makes the one that exists say what it should.
///
/// Like all that follow, it is done only to what was seen, as it was seen: a request that was long
/// on its way, perhaps sent by a process that has been replaced since, undoes nothing that is newer.
pub async fn write_project(
    client: &kube::Client,
    namespace: &str,
    wanted: &ProjectDocument,
    existing: Option<&ProjectEntry>,
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
    if let Some(existing) = existing {
        let patch = json!({
            "metadata": {
                "annotations": annotations,
                "resourceVersion": existing.revision.0.to_string(),
            },
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
    existing: &ProjectEntry,
) -> Result<(), Trouble> {
    let api: Api<AppProject> = Api::namespaced(client.clone(), namespace);
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(existing.uid.clone()),
            resource_version: Some(existing.revision.0.to_string()),
        }),
        ..DeleteParams::default()
    };
    absent(api.delete(name, &parameters).await.map(drop).map_err(trouble))
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
    let mut revision = existing.revision;
    for _ in 0..LOOKS {
        let patch = json!({
            "metadata": {
                "labels": labels,
                "resourceVersion": revision.0.to_string(),
            },
            "spec": spec,
        });
        let parameters = PatchParams::default();
        let written = api.patch(&document.name, &parameters, &Patch::Merge(patch)).await;
        match written.map_err(trouble) {
            // Argo CD writes all the time.
            Err(Trouble::Outdated(_)) => {}
            written => return written,
        }
        revision = unless_it_differs(&api, &document.name, existing).await?;
    }
    Err(Trouble::Outdated(format!("{} is written too often", document.name)))
}

/// The revision of an Application that is as it was seen, but for what is not ours.
async fn unless_it_differs(
    api: &Api<Application>,
    name: &str,
    seen: &ApplicationEntry,
) -> Result<Revision, Trouble> {
    // The right to list is there, for the watch.
    let only = ListParams::default().fields(&format!("metadata.name={name}"));
    let found = api.list(&only).await.map_err(trouble)?.items.into_iter().next();
    let found = ApplicationEntry::from(&found.ok_or(Trouble::Missing)?);
    let ours = |entry: &ApplicationEntry| {
        (entry.uid.clone(), entry.spec.clone(), entry.row.clone(), entry.deleting)
    };
    if ours(&found) != ours(seen) {
        return Err(Trouble::Outdated(format!("{name} was changed by somebody else")));
    }
    Ok(found.revision)
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
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::Namespace;
    use kube::ResourceExt;
    use machines::application::{ApplicationDestination, ApplicationSource, ApplicationSpec};
    use sandbox::ApiServer;

    use super::*;

    const NAMESPACE: &str = "argocd";

    async fn client() -> kube::Client {
        let server = ApiServer::in_memory(sandbox::api::Settings::default());
        for definition in sandbox::argocd_crds() {
            server.install(&definition).expect("a definition");
        }
        let client = sandbox::client(Arc::clone(&server), NAMESPACE);
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

    async fn write(
        client: &kube::Client,
        path: &str,
        seen: Option<&Application>,
    ) -> Result<Application, Trouble> {
        let seen = seen.map(ApplicationEntry::from);
        write_application(client, &ApplicationId::new("1"), &document(path), seen.as_ref()).await
    }

    async fn merge(client: &kube::Client, patch: Value) -> Application {
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        let patched = api.patch("app", &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.expect("a patch")
    }

    #[tokio::test]
    async fn an_older_spec_that_comes_late_does_not_replace_a_newer_one() {
        let client = client().await;
        let created = write(&client, "one", None).await.expect("it is created");
        let newer = write(&client, "three", Some(&created)).await.expect("it is written");
        // The same as seen before the newer one, and sent after it.
        let late = write(&client, "two", Some(&created)).await;
        assert!(matches!(late, Err(Trouble::Outdated(_))), "{late:?}");
        let now = write(&client, "three", Some(&newer)).await.expect("it is written");
        assert_eq!(now.resource_version(), newer.resource_version());
    }

    #[tokio::test]
    async fn what_argo_cd_writes_meanwhile_is_no_hindrance() {
        let client = client().await;
        let seen = write(&client, "one", None).await.expect("it is created");
        merge(&client, json!({"status": {"health": {"status": "Healthy"}}})).await;
        let written = write(&client, "two", Some(&seen)).await.expect("it is written");
        assert_eq!(written.spec.source.path, "two");
        assert_eq!(written.status.expect("a status").health.status, "Healthy");
    }

    #[tokio::test]
    async fn another_application_of_the_same_name_is_neither_written_nor_deleted() {
        let client = client().await;
        let seen = write(&client, "one", None).await.expect("it is created");
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        api.delete("app", &DeleteParams::default()).await.expect("it is deleted");
        let mut other = write(&client, "one", None).await.expect("another one is created");
        for finalizers in [vec![], vec![crds::names::ARGO_CD_FINALIZER.to_owned()]] {
            other = merge(&client, json!({"metadata": {"finalizers": finalizers}})).await;
            let mut seen = ApplicationEntry::from(&seen);
            seen.finalizers = finalizers;
            let removed = remove_application(&client, NAMESPACE, "app", &seen).await;
            assert!(matches!(removed, Err(Trouble::Outdated(_))), "{removed:?}");
            let (row, document) = (ApplicationId::new("1"), document("two"));
            let written = write_application(&client, &row, &document, Some(&seen)).await;
            assert!(matches!(written, Err(Trouble::Outdated(_))), "{written:?}");
        }
        let left = api.get("app").await.expect("the other one is there");
        assert_eq!((left.uid(), left.resource_version()), (other.uid(), other.resource_version()));
    }

    #[tokio::test]
    async fn an_app_project_is_written_and_deleted_only_as_it_was_seen() {
        let client = client().await;
        let wanted = |url: &str| ProjectDocument {
            name: "project".to_owned(),
            user: "user".to_owned(),
            source_repos: [url.to_owned()].into(),
            destinations: Vec::new(),
        };
        let created = write_project(&client, NAMESPACE, &wanted("https://one"), None).await;
        let seen = ProjectEntry::from(&created.expect("it is created"));
        let two = wanted("https://two");
        let newer = write_project(&client, NAMESPACE, &two, Some(&seen)).await;
        let newer = ProjectEntry::from(&newer.expect("it is written"));
        let late = write_project(&client, NAMESPACE, &wanted("https://one"), Some(&seen)).await;
        assert!(matches!(late, Err(Trouble::Outdated(_))), "{late:?}");
        let late = remove_project(&client, NAMESPACE, "project", &seen).await;
        assert!(matches!(late, Err(Trouble::Outdated(_))), "{late:?}");
        remove_project(&client, NAMESPACE, "project", &newer).await.expect("it is deleted");
        remove_project(&client, NAMESPACE, "project", &newer).await.expect("it has gone");
    }
}
