//! Decoding objects that others wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crds::argocd::{AppProject, Application, health, phase, sync};
use crds::{
    GitOpsDeployment, GitOpsDeploymentManagedEnvironment, GitOpsDeploymentRepositoryCredential,
    GitOpsDeploymentStatus, GitOpsDeploymentSyncRun, Operation,
};
use serde_json::{Value, json};

#[test]
fn an_object_without_a_spec_decodes_like_one_with_an_empty_spec() {
    let object = json!({"metadata": {"name": "a"}});
    let run: GitOpsDeploymentSyncRun = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(run.spec.gitops_deployment_name, "");
    let deployment: GitOpsDeployment = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(deployment.spec.source.path, "");
    let environment: GitOpsDeploymentManagedEnvironment =
        serde_json::from_value(object.clone()).unwrap();
    assert_eq!(environment.spec.api_url, "");
    let credential: GitOpsDeploymentRepositoryCredential =
        serde_json::from_value(object.clone()).unwrap();
    assert_eq!(credential.spec.secret, "");
    let operation: Operation = serde_json::from_value(object).unwrap();
    assert_eq!(operation.spec.operation_id, "");
}

#[test]
fn a_malformed_spec_is_an_error_and_not_an_empty_spec() {
    let object = json!({"metadata": {"name": "a"}, "spec": {"gitopsDeploymentName": 7}});
    assert!(serde_json::from_value::<GitOpsDeploymentSyncRun>(object).is_err());
    let object = json!({"metadata": {"name": "a"}, "spec": "text"});
    assert!(serde_json::from_value::<GitOpsDeployment>(object).is_err());
}

#[test]
fn compatibility_1_every_field_of_the_specs_keeps_its_spelling() {
    let deployment = json!({
        "source": {"repoURL": "r", "path": "p", "targetRevision": "t"},
        "destination": {"environment": "e", "namespace": "n"},
        "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
        "type": "automated",
    });
    assert_eq!(round_trip::<GitOpsDeployment>(&deployment), deployment);
    let run = json!({"gitopsDeploymentName": "d", "revisionID": "r"});
    assert_eq!(round_trip::<GitOpsDeploymentSyncRun>(&run), run);
    let environment = json!({
        "apiURL": "u", "credentialsSecret": "s", "allowInsecureSkipTLSVerify": true,
        "createNewServiceAccount": true, "namespaces": ["n"], "clusterResources": true,
    });
    assert_eq!(round_trip::<GitOpsDeploymentManagedEnvironment>(&environment), environment);
    let credential = json!({"repository": "r", "secret": "s"});
    assert_eq!(round_trip::<GitOpsDeploymentRepositoryCredential>(&credential), credential);
    let operation = json!({"operationID": "o"});
    assert_eq!(round_trip::<Operation>(&operation), operation);
}

fn round_trip<K: serde::de::DeserializeOwned + serde::Serialize>(spec: &Value) -> Value {
    let object: K = serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap();
    serde_json::to_value(object).unwrap()["spec"].clone()
}

#[test]
fn compatibility_1_an_empty_status_is_written_with_what_clients_read() {
    let written = serde_json::to_value(GitOpsDeploymentStatus::default()).unwrap();
    let expected = json!({
        "sync": {"status": ""},
        "health": {},
        "reconciledState": {
            "source": {"path": "", "repoURL": "", "branch": ""},
            "destination": {"name": "", "namespace": ""},
        },
    });
    assert_eq!(written, expected);
}

fn operation_state() -> Value {
    json!({
        "operation": {
            "sync": {
                "revision": "abc", "prune": true, "dryRun": true,
                "syncStrategy": {"apply": {"force": true}, "hook": {}},
                "resources": [{"group": "apps", "kind": "Deployment", "name": "web",
                               "namespace": "shop"}],
                "source": {"repoURL": "r", "path": "p", "targetRevision": "main"},
                "sources": [{"repoURL": "r", "path": "p"}],
                "manifests": ["m"], "syncOptions": ["CreateNamespace=true"], "revisions": ["a"],
            },
            "initiatedBy": {"username": "jane", "automated": true},
            "info": [{"name": "why", "value": "because"}],
            "retry": {"limit": -1, "backoff": {"duration": "5s", "factor": 2,
                                               "maxDuration": "3m"}},
        },
        "phase": "Succeeded",
        "message": "successfully synced",
        "syncResult": {
            "resources": [{
                "group": "", "version": "v1", "kind": "ConfigMap", "namespace": "shop",
                "name": "settings", "status": "Synced", "message": "created",
                "hookType": "Sync", "hookPhase": "Running", "syncPhase": "Sync",
            }],
            "revision": "abc",
            "source": {"repoURL": "r", "path": "p"},
            "sources": [{"repoURL": "r", "path": "p"}],
            "revisions": ["a"],
            "managedNamespaceMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
        },
        "startedAt": "2026-01-02T03:04:05Z",
        "finishedAt": "2026-01-02T03:04:06Z",
        "retryCount": 2,
    })
}

#[test]
fn compatibility_8_the_state_of_an_operation_is_mirrored_field_by_field() {
    let application: Application =
        serde_json::from_value(json!({"status": {"operationState": operation_state()}})).unwrap();
    let operation_state_read = application.status.unwrap().operation_state;
    let status =
        GitOpsDeploymentStatus { operation_state: operation_state_read, ..Default::default() };
    assert_eq!(serde_json::to_value(status).unwrap()["operationState"], operation_state());
}

fn application() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "gitopsdepl-1", "labels": {"databaseID": "7"}},
        "spec": {
            "project": "app-project-u",
            "source": {"repoURL": "r", "path": "p", "targetRevision": "main"},
            "destination": {"name": "in-cluster", "namespace": "jane"},
            "syncPolicy": {
                "automated": {"prune": true, "selfHeal": true, "allowEmpty": true},
                "syncOptions": ["PrunePropagationPolicy=background"],
                "retry": {"limit": -1, "backoff": {"duration": "5s", "factor": 2,
                                                   "maxDuration": "3m"}},
            },
        },
        "operation": {"sync": {"revision": "main"}},
        "status": {
            "resources": [{"group": "apps", "version": "v1", "kind": "Deployment",
                           "namespace": "jane", "name": "web", "status": "Synced",
                           "health": {"status": "Healthy"}}],
            "sync": {
                "status": "Synced", "revision": "abc",
                "comparedTo": {
                    "source": {"repoURL": "r", "path": "p", "targetRevision": "main"},
                    "destination": {"name": "in-cluster", "namespace": "jane"},
                },
            },
            "health": {"status": "Healthy", "lastTransitionTime": "2026-01-02T03:04:05Z"},
            "conditions": [{"type": "SyncError", "message": "m",
                            "lastTransitionTime": "2026-01-02T03:04:05Z"}],
            "operationState": operation_state(),
            "reconciledAt": "2026-01-02T03:04:05Z",
        },
    })
}

#[test]
fn an_application_survives_a_round_trip() {
    let read: Application = serde_json::from_value(application()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), application());
    assert!(read.spec.is_automated());
    assert!(read.is_operation_open());
    assert_eq!(read.operation_state().unwrap().phase, phase::SUCCEEDED);
    let status = read.status.unwrap();
    assert_eq!(status.sync.status, sync::SYNCED);
    assert_eq!(status.health.status, health::HEALTHY);
}

#[test]
fn a_malformed_part_of_a_status_hides_nothing_else() {
    let mut object = application();
    object["status"]["operationState"]["retryCount"] = json!("often");
    object["status"]["resources"] = json!({"a": "map"});
    object["status"]["unheardOf"] = json!([1, 2]);
    let read: Application = serde_json::from_value(object).unwrap();
    let status = read.status.unwrap();
    assert_eq!(status.operation_state, None);
    assert_eq!(status.resources, []);
    assert_eq!(status.sync.status, sync::SYNCED);
    assert_eq!(status.conditions.len(), 1);
}

#[test]
fn a_foreign_application_decodes_whatever_it_lacks() {
    for object in [json!({}), json!({"spec": {}, "status": {}}), json!({"spec": {"sources": []}})] {
        let read: Application = serde_json::from_value(object).unwrap();
        assert!(!read.spec.is_automated());
        assert!(!read.is_operation_open());
    }
}

#[test]
fn an_app_project_survives_a_round_trip() {
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "app-project-u"},
        "spec": {
            "sourceRepos": ["https://github.com/example/manifests"],
            "destinations": [{"name": "in-cluster", "namespace": "*"}],
        },
    });
    let read: AppProject = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), object);
}
