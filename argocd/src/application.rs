//! What the stand-in reads from an Application.

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::status::{condition, health, phase};

/// Asks for a new comparison; Argo CD removes it once it has compared.
pub(crate) const REFRESH_ANNOTATION: &str = "argocd.argoproj.io/refresh";
const FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// An Application, as the stand-in sees it.
///
/// Source, destination and operation are kept as written, because they are compared and copied as a
/// whole.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Application {
    /// From the metadata.
    #[serde(skip)]
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
    pub(crate) operation: Option<Value>,
    pub(crate) status: Status,
    /// The status as it is written.
    #[serde(skip)]
    pub(crate) written_status: Value,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) resource_version: Option<String>,
    pub(crate) is_deleted: bool,
    pub(crate) finalizers: Vec<String>,
    pub(crate) is_refresh_asked: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) project: String,
    /// What is synced; of several sources the first.
    pub(crate) source: Value,
    /// All of them, instead of `source`, if there is one.
    pub(crate) sources: Vec<Value>,
    /// What counts instead of both.
    pub(crate) source_hydrator: Value,
    pub(crate) destination: Value,
    pub(crate) sync_policy: Option<SyncPolicy>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SyncPolicy {
    pub(crate) automated: Option<Automated>,
    pub(crate) sync_options: Vec<String>,
    pub(crate) retry: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Automated {
    pub(crate) prune: bool,
    /// Absent means enabled.
    pub(crate) enabled: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) sync: Sync,
    pub(crate) health: Health,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) resources: Vec<Value>,
    pub(crate) operation_state: Option<OperationState>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Sync {
    pub(crate) status: String,
    pub(crate) compared_to: ComparedTo,
    pub(crate) revision: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct ComparedTo {
    pub(crate) source: Value,
    pub(crate) sources: Vec<Value>,
    pub(crate) destination: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Health {
    pub(crate) status: String,
    pub(crate) last_transition_time: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OperationState {
    pub(crate) phase: String,
    pub(crate) message: String,
    pub(crate) operation: Value,
    pub(crate) sync_result: SyncResult,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SyncResult {
    pub(crate) source: Value,
    pub(crate) sources: Vec<Value>,
    pub(crate) revision: String,
}

impl Spec {
    /// Puts into `source` what Argo CD takes for it.
    fn settle_source(&mut self) {
        if let hydrator @ Value::Object(_) = &self.source_hydrator {
            self.source = json!({
                "repoURL": hydrator["drySource"]["repoURL"],
                "path": hydrator["syncSource"]["path"],
                "targetRevision": hydrator["syncSource"]["targetBranch"],
            });
            self.sources.clear();
        } else if let Some(first) = self.sources.first() {
            self.source = first.clone();
        }
    }
}

impl Application {
    /// Reads an Application.
    pub(crate) fn read(object: &DynamicObject) -> Result<Self, serde_json::Error> {
        let mut application = Self::deserialize(&object.data)?;
        application.spec.settle_source();
        application.metadata = Metadata {
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            resource_version: object.resource_version(),
            is_deleted: object.metadata.deletion_timestamp.is_some(),
            finalizers: object.finalizers().to_vec(),
            is_refresh_asked: object.annotations().contains_key(REFRESH_ANNOTATION),
        };
        application.written_status = object.data["status"].clone();
        Ok(application)
    }

    pub(crate) fn is_automated(&self) -> bool {
        let automated = self.spec.sync_policy.as_ref().and_then(|it| it.automated.as_ref());
        automated.is_some_and(|automated| automated.enabled.unwrap_or(true))
    }

    /// The name of the AppProject; an empty one means `default`, as for Argo CD.
    pub(crate) fn project(&self) -> &str {
        if self.spec.project.is_empty() { "default" } else { &self.spec.project }
    }

    pub(crate) fn source_text(&self, field: &str) -> &str {
        self.spec.source[field].as_str().unwrap_or_default()
    }

    pub(crate) fn destination_text(&self, field: &str) -> &str {
        self.spec.destination[field].as_str().unwrap_or_default()
    }

    /// Whether `sources` counts instead of `source`.
    pub(crate) fn has_many_sources(&self) -> bool {
        !self.spec.sources.is_empty()
    }

    /// The sources that the AppProject must permit.
    pub(crate) fn permission_sources(&self) -> &[Value] {
        if self.has_many_sources() {
            &self.spec.sources
        } else {
            std::slice::from_ref(&self.spec.source)
        }
    }

    /// Whether the last comparison was of what the spec now says.
    pub(crate) fn is_compared(&self) -> bool {
        let Sync { compared_to, .. } = &self.status.sync;
        let is_same_source = if self.has_many_sources() {
            compared_to.sources == self.spec.sources
        } else {
            compared_to.source == self.spec.source && compared_to.sources.is_empty()
        };
        is_same_source && compared_to.destination == self.spec.destination
    }

    /// The health of what is deployed at the spec's destination, as far as the status shows it.
    pub(crate) fn live_health(&self) -> &str {
        let is_same_place = self.status.sync.compared_to.destination == self.spec.destination;
        let workload = self.status.resources.first().filter(|_| is_same_place);
        workload.and_then(|it| it["health"]["status"].as_str()).unwrap_or(health::MISSING)
    }

    /// Whether a condition says that the Application could not be compared.
    pub(crate) fn is_blocked(&self) -> bool {
        let blocking = [condition::INVALID_SPEC_ERROR, condition::COMPARISON_ERROR];
        self.status.conditions.iter().any(|it| blocking.contains(&it.type_.as_str()))
    }

    /// Whether the last sync deployed what the spec now says to where it now says.
    pub(crate) fn is_deployed(&self) -> bool {
        self.is_compared()
            && self.status.resources.iter().any(|resource| resource["status"] == "Synced")
            && self.status.operation_state.as_ref().is_some_and(|state| {
                state.phase == phase::SUCCEEDED
                    && state.sync_result.source == self.spec.source
                    && state.sync_result.sources == self.spec.sources
            })
    }

    pub(crate) fn phase(&self) -> &str {
        self.status.operation_state.as_ref().map_or("", |state| &state.phase)
    }

    /// Whether an attempt at a sync has failed and the next has not started.
    pub(crate) fn is_between_attempts(&self) -> bool {
        self.phase() == crate::status::phase::RUNNING
            && !self.written_status["operationState"]["finishedAt"].is_null()
    }

    /// The current or last operation.
    pub(crate) fn last_operation(&self) -> &Value {
        self.status.operation_state.as_ref().map_or(&Value::Null, |state| &state.operation)
    }

    /// What an operation syncs: what it was started with, whatever the spec says by now.
    pub(crate) fn source_of<'a>(&'a self, operation: &'a Value) -> &'a Value {
        match &operation["sync"]["source"] {
            source @ Value::Object(_) => source,
            _ => operation["sync"]["sources"].get(0).unwrap_or(&self.spec.source),
        }
    }

    /// All that an operation syncs, if that is more than one source.
    pub(crate) fn sources_of<'a>(&'a self, operation: &'a Value) -> &'a [Value] {
        let begun_with = &operation["sync"];
        match begun_with["sources"].as_array() {
            Some(sources) => sources,
            None if begun_with["source"].is_object() => &[],
            None => &self.spec.sources,
        }
    }

    /// The finalizers that Argo CD leaves once what it deployed is gone; `None` if it has none
    /// there.
    pub(crate) fn finalizers_without_ours(&self) -> Option<Value> {
        let is_ours = |finalizer: &String| {
            finalizer
                .strip_prefix(FINALIZER)
                .is_some_and(|policy| matches!(policy, "" | "/background" | "/foreground"))
        };
        let finalizers = &self.metadata.finalizers;
        finalizers.iter().any(is_ours).then(|| {
            let others: Vec<&String> = finalizers.iter().filter(|it| !is_ours(it)).collect();
            json!(others)
        })
    }
}
