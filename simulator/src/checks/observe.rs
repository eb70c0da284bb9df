//! What exists at one moment, in the specification's terms: read directly from the API server and
//! the database, bypassing all faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

use anyhow::Context;
use bytes::Bytes;
use crds::argocd::{AppProject, AppProjectSpec, Application, phase};
use crds::sync_run::{SYNC_ANNOTATION, SYNC_INFO};
use crds::{GitOpsDeployment, GitOpsDeploymentStatus, GitOpsDeploymentSyncRun};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::core::error_boundary::InvalidObject;
use kube::core::{DeserializeGuard, ObjectList};
use machines::esr::{
    ApplicationEntry, ArgoApplication, ArgoCd, ArgoProject, ArgoReport, Database as Rows,
    DeploymentObject, DeploymentStatus, MappingEntry, NamespaceObject, OperationEntry,
    RepositoryEntry, Settings, SyncEntry, SyncRunObject, UserEntry, World, Writes,
};
use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, Generation, InstanceId,
    OperationId, TenantUid,
};
use machines::kinds::deployment::conditions::{Condition, ConditionStyle};
use machines::kinds::repository_credential::CredentialId;
use machines::kinds::sync_run::SyncRunUid;
use machines::operation::sync::SyncOperationId;
use machines::operation::target::{MANAGED_ENVIRONMENT, REPOSITORY_CREDENTIALS, SYNC_OPERATION};
use machines::rows::{Requester, Target};
use managed_gitops::agent::resources::application::entry::application_spec;
use managed_gitops::backend::kinds::deployment::observe::spec;
use managed_gitops::backend::kinds::sync_run::observe::snapshot;
use sandbox::{ApiServer, Reply, Request, events_of};
use schema::connection::Database;
use schema::entity::{
    api_cr_to_database_mapping, app_project_repository, application, application_owner,
    cluster_user, deployment_to_application_mapping as mapping, operation, sync_operation,
};
use schema::sealing::Keyring;
use schema::spec_field;
use sea_orm::EntityTrait;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::checks::{credentials, environments};
use crate::environment::clusters::TargetClusters;
use crate::environment::git_servers::GitServers;
use crate::environment::process::EPOCH_MILLIS;
use crate::environment::storage::at_once;

/// The namespace of Argo CD in every run.
pub const ARGO_CD: &str = "gitops-service-argocd";

/// The path of the program's own resources.
pub const GROUP: &str = "/apis/managed-gitops.redhat.com/v1alpha1";
/// The path of all GitOpsDeployments.
pub const DEPLOYMENTS: &str = "/apis/managed-gitops.redhat.com/v1alpha1/gitopsdeployments";
/// The path of all GitOpsDeploymentSyncRuns.
pub const SYNC_RUNS: &str = "/apis/managed-gitops.redhat.com/v1alpha1/gitopsdeploymentsyncruns";
/// The path of all GitOpsDeploymentRepositoryCredentials.
pub const CREDENTIALS: &str =
    "/apis/managed-gitops.redhat.com/v1alpha1/gitopsdeploymentrepositorycredentials";
/// The path of all GitOpsDeploymentManagedEnvironments.
pub const ENVIRONMENTS: &str =
    "/apis/managed-gitops.redhat.com/v1alpha1/gitopsdeploymentmanagedenvironments";
/// The path of all Secrets.
pub const SECRETS: &str = "/api/v1/secrets";
/// The path of all Operations.
pub const OPERATIONS: &str = "/apis/managed-gitops.redhat.com/v1alpha1/operations";
/// The path of all Applications.
pub const APPLICATIONS: &str = "/apis/argoproj.io/v1alpha1/applications";
/// The path of all AppProjects.
pub const PROJECTS: &str = "/apis/argoproj.io/v1alpha1/appprojects";

/// The resource version at which every server starts: the seconds of its clock.
const BEGINNING: i64 = EPOCH_MILLIS / 1_000;

/// What is read.
pub struct Observed<'a> {
    /// The API server.
    pub server: &'a Arc<ApiServer>,
    /// The database.
    pub database: &'a Database,
    /// The servers of private repositories.
    pub servers: &'a GitServers,
    /// The target clusters.
    pub clusters: &'a TargetClusters,
    /// What opens the database's sealed values.
    pub keyring: &'a Keyring,
    /// Whether each tenant should have an AppProject of its own.
    pub isolation: bool,
}

/// Reads everything. The caller provides what was written so far.
pub fn observe(observed: &Observed<'_>, writes: Writes) -> anyhow::Result<World> {
    let Observed { server, database, keyring, .. } = observed;
    let namespaces: Vec<NamespaceObject> =
        list::<Namespace>(server, "/api/v1/namespaces")?.iter().map(namespace).collect();
    let living = |name: &str| namespaces.iter().any(|one| one.name == name && !one.terminating);
    let instance = living(ARGO_CD).then(|| InstanceId::new("present"));
    let deployments = list::<GitOpsDeployment>(server, DEPLOYMENTS)?;
    let deployments = deployments.iter().map(|one| deployment(one, &namespaces)).collect();
    let argocd = format!("/apis/argoproj.io/v1alpha1/namespaces/{ARGO_CD}");
    let applications = everything::<Application>(server, &format!("{argocd}/applications"))?;
    let applications = applications.into_iter().map(|one| one.0.unwrap_or_else(unreadable));
    let applications: Vec<Application> = applications.collect();
    let projects = list::<AppProject>(server, &format!("{argocd}/appprojects"))?;
    let sync_runs = list::<GitOpsDeploymentSyncRun>(server, SYNC_RUNS)?;
    let sync_runs: Vec<SyncRunObject> =
        sync_runs.iter().map(|one| sync_run(one, &namespaces)).collect();
    let has_syncs = |one: &Application| one.annotations().contains_key(SYNC_ANNOTATION);
    let begun = if !sync_runs.is_empty() || applications.iter().any(has_syncs) {
        begun(&history(server, APPLICATIONS))
    } else {
        Vec::new()
    };
    let (database, tokens) = at_once(rows(database, keyring))?;
    Ok(World {
        settings: Settings {
            argocd_namespace: ARGO_CD.to_owned(),
            instance,
            isolation: observed.isolation,
            conditions: ConditionStyle::Conventional,
        },
        deployments,
        sync_runs,
        environments: environments::objects(observed, &namespaces)?,
        credentials: credentials::objects(observed, &namespaces)?,
        namespaces,
        database,
        argocd: ArgoCd {
            applications: applications.iter().map(argo_application).collect(),
            projects: projects.iter().map(argo_project).collect(),
            clusters: environments::told(server)?,
            repositories: credentials::told(server)?,
            begun,
        },
        remote: environments::remote(observed, &tokens)?,
        writes,
    })
}

/// All objects at a path that can be decoded.
pub fn list<K>(server: &Arc<ApiServer>, path: &str) -> anyhow::Result<Vec<K>>
where
    K: Clone + DeserializeOwned + kube::Resource,
{
    // What was made unreadable on purpose is outside the specification.
    Ok(everything(server, path)?.into_iter().filter_map(|item| item.0.ok()).collect())
}

fn everything<K>(server: &Arc<ApiServer>, path: &str) -> anyhow::Result<Vec<DeserializeGuard<K>>>
where
    K: Clone + DeserializeOwned + kube::Resource,
{
    let Reply::Full(response) = server.handle(&Request::get(path)) else {
        anyhow::bail!("{path} is answered by a watch");
    };
    anyhow::ensure!(response.status == 200, "{path} is answered with {}", response.status);
    let list: ObjectList<DeserializeGuard<K>> =
        serde_json::from_slice(&response.body).with_context(|| path.to_owned())?;
    Ok(list.items)
}

/// An Application that cannot be read still deploys something.
fn unreadable(invalid: InvalidObject) -> Application {
    Application { metadata: invalid.metadata, ..Application::default() }
}

fn namespace(object: &Namespace) -> NamespaceObject {
    NamespaceObject {
        uid: TenantUid::new(object.uid().unwrap_or_default()),
        name: object.name_any(),
        terminating: object.metadata.deletion_timestamp.is_some(),
    }
}

fn deployment(object: &GitOpsDeployment, namespaces: &[NamespaceObject]) -> DeploymentObject {
    let place = object.namespace().unwrap_or_default();
    let tenant = namespaces.iter().find(|one| one.name == place).map(|one| one.uid.clone());
    DeploymentObject {
        uid: DeploymentUid::new(object.uid().unwrap_or_default()),
        tenant: tenant.unwrap_or_default(),
        namespace: place,
        name: object.name_any(),
        generation: Generation(object.metadata.generation.unwrap_or_default()),
        deleting: object.metadata.deletion_timestamp.is_some(),
        finalizer: object.finalizers().iter().any(|one| one == crds::names::DEPLOYMENT_FINALIZER),
        spec: spec(object),
        status: object.status.as_ref().map(deployment_status).unwrap_or_default(),
    }
}

fn sync_run(object: &GitOpsDeploymentSyncRun, namespaces: &[NamespaceObject]) -> SyncRunObject {
    let place = object.namespace().unwrap_or_default();
    let tenant = namespaces.iter().find(|one| one.name == place).map(|one| one.uid.clone());
    let snapshot = snapshot(object);
    SyncRunObject {
        uid: SyncRunUid::new(object.uid().unwrap_or_default()),
        tenant: tenant.unwrap_or_default(),
        name: object.name_any(),
        deleting: snapshot.deleting,
        spec: snapshot.spec,
        conditions: snapshot.conditions,
    }
}

/// The syncs of runs that Argo CD has begun, once for each time, by the history of Applications.
pub fn begun(history: &[(String, Value)]) -> Vec<SyncOperationId> {
    let mut begun = Vec::new();
    let mut before: BTreeMap<String, (SyncOperationId, bool)> = BTreeMap::new();
    for (_, object) in history {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let state = &object["status"]["operationState"];
        let info = state["operation"]["info"].as_array().into_iter().flatten();
        let named =
            info.filter(|one| one["name"] == SYNC_INFO).find_map(|one| one["value"].as_str());
        let Some(sync) = named.map(SyncOperationId::new) else {
            before.remove(&uid);
            continue;
        };
        let is_finished =
            ![phase::RUNNING, phase::TERMINATING].iter().any(|one| state["phase"] == *one);
        let is_same = before
            .get(&uid)
            .is_some_and(|(known, was_finished)| *known == sync && (is_finished || !was_finished));
        if !is_same {
            begun.push(sync.clone());
        }
        before.insert(uid, (sync, is_finished));
    }
    begun
}

fn deployment_status(status: &GitOpsDeploymentStatus) -> DeploymentStatus {
    DeploymentStatus {
        observed_generation: Generation(status.observed_generation.unwrap_or_default()),
        conditions: status
            .conditions
            .iter()
            .map(|one| Condition {
                type_: one.type_.clone(),
                status: one.status.clone(),
                reason: one.reason.clone(),
                message: one.message.clone(),
                observed_generation: one.observed_generation.map(Generation),
            })
            .collect(),
        report: ArgoReport {
            sync: status.sync.status.clone(),
            health: status.health.status.clone(),
        },
    }
}

fn argo_application(object: &Application) -> ArgoApplication {
    let row = object.labels().get(crds::names::DATABASE_ID_LABEL).cloned().unwrap_or_default();
    let status = object.status.clone().unwrap_or_default();
    ArgoApplication {
        name: object.name_any(),
        application: ApplicationId::new(row),
        spec: application_spec(&object.spec),
        report: ArgoReport { sync: status.sync.status, health: status.health.status },
    }
}

fn argo_project(object: &AppProject) -> ArgoProject {
    let AppProjectSpec { source_repos, destinations, .. } = object.spec.clone();
    let destinations = destinations.into_iter().map(|one| one.name).collect();
    ArgoProject { name: object.name_any(), source_repos, destinations }
}

/// The rows, and the tokens of target clusters that are sealed in them.
async fn rows(database: &Database, keyring: &Keyring) -> anyhow::Result<(Rows, Vec<String>)> {
    let connection = database.reader();
    let users = cluster_user::Entity::find().all(connection).await?;
    let applications = application::Entity::find().all(connection).await?;
    let owners = application_owner::Entity::find().all(connection).await?;
    let mappings = mapping::Entity::find().all(connection).await?;
    let operations = operation::Entity::find().all(connection).await?;
    let repositories = app_project_repository::Entity::find().all(connection).await?;
    let syncs = sync_operation::Entity::find().all(connection).await?;
    let of_runs = api_cr_to_database_mapping::Entity::find().all(connection).await?;
    let entry = |row: application::Model| {
        let owner =
            owners.iter().find(|one| one.application_owner_application_id == row.application_id);
        let mapped = mappings.iter().find(|one| one.application_id == row.application_id);
        anyhow::Ok(ApplicationEntry {
            document: spec_field::decode(&row.spec_field)?,
            deployment: DeploymentUid::new(
                mapped
                    .map(|one| one.deploymenttoapplicationmapping_uid_id.as_str())
                    .unwrap_or_default(),
            ),
            owner: ClusterUserId::new(
                owner.map(|one| one.application_owner_user_id.as_str()).unwrap_or_default(),
            ),
            id: ApplicationId::new(row.application_id),
        })
    };
    let (credentials, left_credentials) = credentials::rows(connection, keyring).await?;
    let environments::Rows { environments, left, tokens } =
        environments::rows(connection, keyring).await?;
    let rows = Rows {
        environments,
        left_cluster_credentials: left,
        credentials,
        left_credentials,
        users: users
            .into_iter()
            .map(|row| UserEntry {
                id: ClusterUserId::new(row.clusteruser_id),
                tenant: TenantUid::new(row.user_name),
            })
            .collect(),
        applications: applications.into_iter().map(entry).collect::<Result<_, _>>()?,
        mappings: mappings
            .iter()
            .map(|row| MappingEntry {
                deployment: DeploymentUid::new(row.deploymenttoapplicationmapping_uid_id.clone()),
                application: ApplicationId::new(row.application_id.clone()),
                name: row.name.clone().unwrap_or_default(),
                tenant: TenantUid::new(row.namespace_uid.clone().unwrap_or_default()),
            })
            .collect(),
        syncs: syncs
            .into_iter()
            .map(|row| {
                let mut mapped = of_runs.iter();
                let mapped = mapped.find(|one| one.db_relation_key == row.syncoperation_id);
                SyncEntry {
                    run: mapped.map(|one| SyncRunUid::new(one.api_resource_uid.clone())),
                    application: row.application_id.map(ApplicationId::new),
                    id: SyncOperationId::new(row.syncoperation_id),
                }
            })
            .collect(),
        operations: operations.into_iter().map(operation_entry).collect(),
        repositories: repositories
            .into_iter()
            .map(|row| RepositoryEntry {
                owner: ClusterUserId::new(row.clusteruser_id),
                repo_url: row.repo_url,
                written: row.repo_url_as_written,
            })
            .collect(),
    };
    Ok((rows, tokens))
}

fn operation_entry(row: operation::Model) -> OperationEntry {
    OperationEntry {
        state: row.progress(),
        id: OperationId::new(row.operation_id),
        target: match row.resource_type.as_str() {
            SYNC_OPERATION => Target::Sync(SyncOperationId::new(row.resource_id)),
            MANAGED_ENVIRONMENT => Target::Environment(EnvironmentId::new(row.resource_id)),
            REPOSITORY_CREDENTIALS => Target::Credential(CredentialId::new(row.resource_id)),
            _ => Target::Application(ApplicationId::new(row.resource_id)),
        },
        requester: row.requester.as_deref().and_then(Requester::parse),
    }
}

/// All events of the objects at a path since the server started, in order: the kind of event, and
/// the object.
pub fn history(server: &Arc<ApiServer>, path: &str) -> Vec<(String, Value)> {
    let mut request = Request::get(path);
    request.query = format!("watch=1&resourceVersion={BEGINNING}");
    let Reply::Watch(mut watch) = server.handle(&request) else { return Vec::new() };
    let mut events = Vec::new();
    while let Poll::Ready(Some(chunk)) = watch.poll_chunk() {
        for mut event in events_of(&chunk) {
            let kind = event["type"].as_str().unwrap_or_default().to_owned();
            events.push((kind, event["object"].take()));
        }
    }
    events
}

/// The list at a path as it was at a resource version.
pub fn past(server: &Arc<ApiServer>, path: &str, version: u64) -> Option<Bytes> {
    let mut objects: BTreeMap<String, Value> = BTreeMap::new();
    for (kind, object) in history(server, path) {
        let metadata = &object["metadata"];
        let changed: u64 = metadata["resourceVersion"].as_str()?.parse().ok()?;
        if changed > version {
            break;
        }
        let uid = metadata["uid"].as_str()?.to_owned();
        if kind == "DELETED" {
            objects.remove(&uid);
        } else {
            objects.insert(uid, object);
        }
    }
    let items: Vec<Value> = objects.into_values().collect();
    let metadata = json!({"resourceVersion": version.to_string()});
    let list = json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": items});
    Some(Bytes::from(list.to_string()))
}
