//! The fields by which objects can be selected, besides their name and namespace.

/// How a kind reacts to a selector of a field that it does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectableFields {
    pub(crate) names: Vec<String>,
    /// Kinds without fields of their own use a different message from those with some.
    pub(crate) is_plain: bool,
}

impl SelectableFields {
    /// The fields of a built-in kind.
    pub(crate) fn built_in(kind: &str) -> Self {
        let names: &[&str] = match kind {
            "Event" => &[
                "involvedObject.kind",
                "involvedObject.namespace",
                "involvedObject.name",
                "involvedObject.uid",
                "involvedObject.apiVersion",
                "involvedObject.resourceVersion",
                "involvedObject.fieldPath",
                "reason",
                "reportingComponent",
                "source",
                "type",
            ],
            "Job" => &["status.successful"],
            "Namespace" => &["status.phase"],
            "Node" => &["spec.unschedulable"],
            "Pod" => &[
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "status.phase",
                "status.podIP",
                "status.nominatedNodeName",
            ],
            "ReplicaSet" => &["status.replicas"],
            "Secret" => &["type"],
            "Service" => &["spec.clusterIP", "spec.type"],
            _ => &[],
        };
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Self { is_plain: names.is_empty(), names }
    }

    /// The fields that a definition names.
    pub(crate) fn custom(version: &serde_json::Value) -> Self {
        let fields = version.get("selectableFields").and_then(serde_json::Value::as_array);
        let paths = fields.into_iter().flatten().filter_map(|field| field["jsonPath"].as_str());
        let names = paths.map(|path| path.trim_start_matches('.').to_owned()).collect();
        Self { names, is_plain: false }
    }

    /// The message for a field that cannot be used in a selector.
    pub(crate) fn refuse(&self, field: &str) -> Option<String> {
        if self.names.iter().any(|name| name == field) {
            return None;
        }
        Some(match self.is_plain {
            true => format!(
                "\"{field}\" is not a known field selector: only \"metadata.name\", \
                 \"metadata.namespace\""
            ),
            false => format!("field label not supported: {field}"),
        })
    }
}
