//! A custom resource for the tests, and shared helpers.

#![allow(dead_code, unreachable_pub)]

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, CustomResource, Error};
use sandbox::{ControlPlane, Options};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The typed form of the tests' kind; its definition is [`gadget_crd`].
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "test.example.com",
    version = "v1",
    kind = "Gadget",
    namespaced,
    status = "GadgetStatus"
)]
pub struct GadgetSpec {
    pub mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GadgetStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

/// Rules, defaults, printer columns, short names and a status subresource, all in one.
pub fn gadget_crd() -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "gadgets.test.example.com" },
        "spec": {
            "group": "test.example.com",
            "scope": "Namespaced",
            "names": {
                "kind": "Gadget", "plural": "gadgets", "singular": "gadget",
                "shortNames": ["gd"], "categories": ["toys"],
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": { "status": {} },
                "selectableFields": [{ "jsonPath": ".spec.mode" }],
                "additionalPrinterColumns": [
                    { "name": "Mode", "type": "string", "jsonPath": ".spec.mode" },
                    { "name": "Ready", "type": "string",
                      "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" },
                    { "name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1 },
                    { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" },
                ],
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "description": "Gadget is a thing for tests.",
                    "required": ["spec"],
                    "properties": {
                        "apiVersion": { "type": "string" },
                        "kind": { "type": "string" },
                        "metadata": { "type": "object" },
                        "spec": {
                            "type": "object",
                            "description": "What is wanted of the gadget.",
                            "required": ["mode"],
                            "properties": {
                                "mode": {
                                    "type": "string",
                                    "description": "How the gadget works.",
                                    "enum": ["automated", "manual"],
                                },
                                "size": { "type": "integer", "default": 1, "minimum": 0 },
                                "label": { "type": "string", "maxLength": 5 },
                            },
                            "x-kubernetes-validations": [
                                { "rule": "self.mode != 'automated' || self.size < 100",
                                  "message": "an automated gadget has to be small" },
                                { "rule": "self.size >= oldSelf.size",
                                  "message": "a gadget cannot shrink" },
                            ],
                        },
                        "status": {
                            "type": "object",
                            "properties": {
                                "phase": { "type": "string" },
                                "conditions": { "type": "array", "items": {
                                    "type": "object",
                                    "x-kubernetes-preserve-unknown-fields": true,
                                } },
                            },
                        },
                    },
                } },
            }],
        },
    }))
    .expect("a definition")
}

pub fn gadget(name: &str, mode: &str) -> Gadget {
    Gadget::new(name, GadgetSpec { mode: mode.to_owned(), size: None })
}

/// An in-memory server that knows gadgets, and Argo CD's kinds for one without a status subresource.
pub async fn control_plane() -> ControlPlane {
    let crds = argocd_stand_in::definitions().into_iter().chain([gadget_crd()]);
    ControlPlane::start(Options::with_crds(crds)).await.expect("started")
}

/// A client that does not retry, so that tests see every answer.
pub fn client(control_plane: &ControlPlane) -> Client {
    let mut config = control_plane.client_config();
    config.default_retry = false;
    Client::try_from(config).expect("a client")
}

/// Generous: reached only when something is broken.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub async fn gadgets() -> (ControlPlane, Api<Gadget>) {
    let control_plane = control_plane().await;
    let api = Api::namespaced(client(&control_plane), "default");
    (control_plane, api)
}

pub fn status(error: Error) -> kube::core::Status {
    match error {
        Error::Api(status) => *status,
        other => panic!("not an API error: {other}"),
    }
}

pub async fn next<T>(stream: &mut BoxStream<'_, T>) -> T {
    tokio::time::timeout(DEADLINE, stream.next()).await.expect("in time").expect("an item")
}
