//! The validation rules of the shipped manifests, evaluated without an API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube::core::cel::Validator;
use serde_json::{Value, json};

const TYPE: &str = "spec type must be manual or automated";
const SYNC_OPTION: &str = "the specified sync option in .spec.syncPolicy.syncOptions is either \
                           mispelled or is not supported by GitOpsDeployment";
const ENVIRONMENT: &str =
    "the environment field should not be empty when the namespace is non-empty";
const SYNC_RUN_NAME: &str =
    "name should not be zyxwvutsrqponmlkjihgfedcba-abcdefghijklmnoqrstuvwxyz";
const API_URL: &str = "cluster api url must start with https://";
const REPOSITORY: &str = "repository must begin with ssh:// or https://";

/// The messages with which the manifests reject an object.
fn rejections(kind: &str, object: &Value) -> Vec<String> {
    let definition = crds::all().into_iter().find(|it| it.spec.names.kind == kind).unwrap();
    let schema = definition.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
    let schema = serde_json::to_value(schema).unwrap();
    match Validator::new().validate(&schema, object, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    }
}

fn deployment(spec: Value) -> Value {
    json!({"metadata": {"name": "guestbook", "namespace": "jane"}, "spec": spec})
}

fn source() -> Value {
    json!({"repoURL": "https://github.com/example/manifests", "path": "guestbook"})
}

fn deployment_rejections(spec: Value) -> Vec<String> {
    rejections("GitOpsDeployment", &deployment(spec))
}

#[test]
fn compatibility_1_a_deployment_of_either_type_is_accepted() {
    for type_ in ["manual", "automated"] {
        let spec = json!({"source": source(), "type": type_});
        assert_eq!(deployment_rejections(spec), Vec::<String>::new());
    }
}

#[test]
fn compatibility_1_a_deployment_of_another_type_is_rejected() {
    for type_ in ["", "Automated", "MANUAL", "auto"] {
        let spec = json!({"source": source(), "type": type_});
        assert_eq!(deployment_rejections(spec), [TYPE], "type {type_:?}");
    }
}

#[test]
fn compatibility_1_a_deployment_without_a_spec_is_rejected_as_one_without_a_type() {
    let object = json!({"metadata": {"name": "guestbook"}});
    assert_eq!(rejections("GitOpsDeployment", &object), [TYPE]);
}

#[test]
fn compatibility_1_a_deployment_with_an_empty_path_or_slash_is_accepted_because_its_status_says_so()
{
    for path in ["", "/"] {
        let source = json!({"repoURL": "not a url", "path": path});
        let spec = json!({"source": source, "type": "automated"});
        assert_eq!(deployment_rejections(spec), Vec::<String>::new());
    }
}

#[test]
fn compatibility_1_the_supported_sync_options_are_accepted_even_twice() {
    let options = json!(["CreateNamespace=true", "CreateNamespace=false", "CreateNamespace=true"]);
    for policy in [json!({"syncOptions": options}), json!({"syncOptions": []}), json!({})] {
        let spec = json!({"source": source(), "type": "manual", "syncPolicy": policy});
        assert_eq!(deployment_rejections(spec), Vec::<String>::new());
    }
}

#[test]
fn compatibility_1_a_sync_option_that_is_not_supported_is_rejected() {
    for option in ["CreateNamespace=True", "Prune=false", "", "CreateNamespace=true "] {
        let policy = json!({"syncOptions": ["CreateNamespace=true", option]});
        let spec = json!({"source": source(), "type": "manual", "syncPolicy": policy});
        assert_eq!(deployment_rejections(spec), [SYNC_OPTION], "option {option:?}");
    }
}

#[test]
fn compatibility_1_a_destination_namespace_needs_an_environment() {
    for destination in
        [json!({"namespace": "staging"}), json!({"namespace": "staging", "environment": ""})]
    {
        let spec = json!({"source": source(), "type": "manual", "destination": destination});
        assert_eq!(deployment_rejections(spec), [ENVIRONMENT]);
    }
}

#[test]
fn compatibility_1_other_destinations_are_accepted() {
    for destination in [
        json!({}),
        json!({"namespace": ""}),
        json!({"environment": "staging"}),
        json!({"environment": "staging", "namespace": "shop"}),
    ] {
        let spec = json!({"source": source(), "type": "manual", "destination": destination});
        assert_eq!(deployment_rejections(spec), Vec::<String>::new());
    }
}

#[test]
fn compatibility_1_a_sync_run_with_the_reserved_name_is_rejected() {
    let name = "zyxwvutsrqponmlkjihgfedcba-abcdefghijklmnoqrstuvwxyz";
    let object = json!({"metadata": {"name": name}, "spec": {"gitopsDeploymentName": "guestbook"}});
    assert_eq!(rejections("GitOpsDeploymentSyncRun", &object), [SYNC_RUN_NAME]);
}

#[test]
fn compatibility_1_a_sync_run_with_another_name_is_accepted_with_or_without_a_spec() {
    for object in [
        json!({"metadata": {"name": "run"}, "spec": {"gitopsDeploymentName": "guestbook"}}),
        json!({"metadata": {"name": "run"}}),
    ] {
        assert_eq!(rejections("GitOpsDeploymentSyncRun", &object), Vec::<String>::new());
    }
}

fn environment_rejections(api_url: &str) -> Vec<String> {
    let spec = json!({
        "apiURL": api_url, "credentialsSecret": "s", "allowInsecureSkipTLSVerify": false
    });
    let object = json!({"metadata": {"name": "staging"}, "spec": spec});
    rejections("GitOpsDeploymentManagedEnvironment", &object)
}

#[test]
fn compatibility_1_an_https_api_url_or_none_is_accepted() {
    for url in [
        "",
        "https://api.example.com:6443",
        "HTTPS://api.example.com",
        "https://api.example.com/?a=b&c=d",
        "https://[2001:db8::1]:6443/clusters/7",
    ] {
        assert_eq!(environment_rejections(url), Vec::<String>::new(), "url {url:?}");
    }
}

#[test]
fn compatibility_1_an_api_url_that_is_not_https_is_rejected() {
    for url in ["http://api.example.com", "api.example.com:6443", "/https://", "https"] {
        assert_eq!(environment_rejections(url), [API_URL], "url {url:?}");
    }
}

fn credential_rejections(repository: &str) -> Vec<String> {
    let spec = json!({"repository": repository, "secret": "s"});
    let object = json!({"metadata": {"name": "manifests"}, "spec": spec});
    rejections("GitOpsDeploymentRepositoryCredential", &object)
}

#[test]
fn compatibility_1_an_https_or_ssh_repository_or_none_is_accepted() {
    for url in [
        "",
        "https://github.com/example/manifests",
        "ssh://git@github.com/example/m.git",
        // gaps 12
        "git@github.com:example/manifests",
    ] {
        assert_eq!(credential_rejections(url), Vec::<String>::new(), "url {url:?}");
    }
}

#[test]
fn compatibility_1_another_repository_is_rejected() {
    for url in ["http://bob@github.com:80/example", "http://github.com/example", "github.com/e"] {
        assert_eq!(credential_rejections(url), [REPOSITORY], "url {url:?}");
    }
}

#[test]
fn compatibility_1_the_programs_typed_check_gives_the_same_result() {
    let mut deployment: crds::GitOpsDeployment =
        serde_json::from_value(deployment(json!({"source": source(), "type": "manual"}))).unwrap();
    deployment.validate_cel().unwrap();
    deployment.spec.type_ = "hourly".into();
    assert!(deployment.validate_cel().unwrap_err().to_string().contains(TYPE));
}

#[test]
fn compatibility_1_an_operation_is_always_accepted() {
    for object in [json!({"metadata": {"name": "o"}}), json!({"spec": {"operationID": "7"}})] {
        assert_eq!(rejections("Operation", &object), Vec::<String>::new());
    }
}
