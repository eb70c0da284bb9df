//! The columns of built-in kinds.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{Column, age_of};

/// The columns of a kind; kinds without their own columns show name and age.
pub(crate) fn columns(kind: &str) -> Vec<Column> {
    let mut columns = vec![Column::name()];
    match kind {
        "Event" => return event_columns(),
        "Namespace" => columns.push(Column::path("Status", "string", ".status.phase")),
        "ConfigMap" => columns.push(Column::computed("Data", data_count)),
        "Secret" => {
            columns.push(Column::path("Type", "string", ".type"));
            columns.push(Column::computed("Data", data_count));
        }
        "ServiceAccount" => columns.push(Column::computed("Secrets", |object, _| {
            json!(object["secrets"].as_array().map_or(0, Vec::len))
        })),
        "Lease" => columns.push(Column::path("Holder", "string", ".spec.holderIdentity")),
        "CustomResourceDefinition" => {
            let mut column = Column::path("Created At", "string", ".metadata.creationTimestamp");
            column.shown_kind = "date".to_owned();
            columns.push(column);
            return columns;
        }
        "Service" => columns.extend([
            Column::path("Type", "string", ".spec.type"),
            Column::computed("Cluster-IP", |object, _| or_none(&object["spec"]["clusterIP"])),
            Column::computed("External-IP", |object, _| or_none(&object["spec"]["externalName"])),
            Column::computed("Port(s)", ports),
        ]),
        "Deployment" | "StatefulSet" | "ReplicaSet" => columns.extend(workload_columns(kind)),
        "Pod" => columns.extend([
            Column::computed("Ready", ready_containers),
            Column::path("Status", "string", ".status.phase"),
            Column::computed("Restarts", restarts),
        ]),
        "Node" => columns.extend([
            Column::computed("Status", node_status),
            Column::path("Version", "string", ".status.nodeInfo.kubeletVersion"),
        ]),
        _ => {}
    }
    columns.push(Column::age());
    match kind {
        "Service" => {
            columns.push(
                Column::computed("Selector", |object, _| labels(&object["spec"]["selector"]))
                    .wide(),
            );
        }
        "Deployment" | "StatefulSet" | "ReplicaSet" => columns.extend(workload_wide_columns()),
        "Pod" => columns.extend([
            Column::path("IP", "string", ".status.podIP").wide(),
            Column::path("Node", "string", ".spec.nodeName").wide(),
        ]),
        _ => {}
    }
    columns
}

fn event_columns() -> Vec<Column> {
    vec![
        Column::computed("Last Seen", |event, now| {
            seen(event, &["/lastTimestamp", "/series/lastObservedTime", "/eventTime"], now)
        }),
        Column::path("Type", "string", ".type"),
        Column::path("Reason", "string", ".reason"),
        Column::computed("Object", |event, _| {
            let object = &event["involvedObject"];
            let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
            json!(format!("{kind}/{}", object["name"].as_str().unwrap_or_default()))
        }),
        Column::computed("Subobject", |event, _| {
            json!(event["involvedObject"]["fieldPath"].as_str().unwrap_or_default())
        })
        .wide(),
        Column::computed("Source", |event, _| {
            let component = [&event["source"]["component"], &event["reportingComponent"]];
            json!(component.into_iter().find_map(Value::as_str).unwrap_or_default())
        })
        .wide(),
        Column::computed("Message", |event, _| {
            json!(event["message"].as_str().unwrap_or_default().trim())
        }),
        Column::computed("First Seen", |event, now| {
            seen(event, &["/firstTimestamp", "/eventTime"], now)
        })
        .wide(),
        Column::computed("Count", |event, _| {
            let counts = [&event["series"]["count"], &event["count"]];
            json!(counts.into_iter().find_map(Value::as_i64).unwrap_or(1))
        })
        .wide(),
        Column::name().wide(),
    ]
}

fn seen(event: &Value, places: &[&str], now: Timestamp) -> Value {
    let text = places.iter().find_map(|place| event.pointer(place)?.as_str());
    json!(text.map_or("<unknown>".to_owned(), |text| age_of(text, now)))
}

fn data_count(object: &Value, _now: Timestamp) -> Value {
    let count = |field: &str| object[field].as_object().map_or(0, serde_json::Map::len);
    json!(count("data") + count("binaryData"))
}

fn or_none(value: &Value) -> Value {
    match value.as_str() {
        None | Some("") => json!("<none>"),
        Some(text) => json!(text),
    }
}

fn labels(map: &Value) -> Value {
    let pairs: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() { json!("<none>") } else { json!(pairs.join(",")) }
}

fn ports(object: &Value, _now: Timestamp) -> Value {
    let ports: Vec<String> = object["spec"]["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| format!("{}/{}", port["port"], port["protocol"].as_str().unwrap_or("TCP")))
        .collect();
    if ports.is_empty() { json!("<none>") } else { json!(ports.join(",")) }
}

fn workload_columns(kind: &str) -> Vec<Column> {
    let number = |name: &str, cell: fn(&Value, Timestamp) -> Value| Column::computed(name, cell);
    if kind == "ReplicaSet" {
        return vec![
            number("Desired", |object, _| json!(object["spec"]["replicas"].as_i64().unwrap_or(0))),
            number("Current", |object, _| {
                json!(object["status"]["replicas"].as_i64().unwrap_or(0))
            }),
            number("Ready", |object, _| {
                json!(object["status"]["readyReplicas"].as_i64().unwrap_or(0))
            }),
        ];
    }
    let ready = number("Ready", |object, _| {
        let ready = object["status"]["readyReplicas"].as_i64().unwrap_or(0);
        json!(format!("{ready}/{}", object["spec"]["replicas"].as_i64().unwrap_or(0)))
    });
    if kind == "StatefulSet" {
        return vec![ready];
    }
    vec![
        ready,
        number("Up-to-date", |object, _| {
            json!(object["status"]["updatedReplicas"].as_i64().unwrap_or(0))
        }),
        number("Available", |object, _| {
            json!(object["status"]["availableReplicas"].as_i64().unwrap_or(0))
        }),
    ]
}

fn workload_wide_columns() -> Vec<Column> {
    vec![
        Column::path("Containers", "string", ".spec.template.spec.containers[*].name").wide(),
        Column::path("Images", "string", ".spec.template.spec.containers[*].image").wide(),
        Column::computed("Selector", |object, _| {
            labels(&object["spec"]["selector"]["matchLabels"])
        })
        .wide(),
    ]
}

fn container_statuses(pod: &Value) -> &[Value] {
    pod["status"]["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn ready_containers(pod: &Value, _now: Timestamp) -> Value {
    let ready = container_statuses(pod).iter().filter(|status| status["ready"] == true).count();
    let all = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    json!(format!("{ready}/{all}"))
}

fn restarts(pod: &Value, _now: Timestamp) -> Value {
    let statuses = container_statuses(pod).iter();
    json!(statuses.filter_map(|status| status["restartCount"].as_i64()).sum::<i64>())
}

fn node_status(node: &Value, _now: Timestamp) -> Value {
    let conditions = node["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    json!(match ready.and_then(|condition| condition["status"].as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Include, table};
    use super::*;

    #[test]
    fn built_in_kinds_print_their_essentials() {
        let now = "2026-01-01T01:00:00Z".parse().expect("a time");
        let created = "2026-01-01T00:00:00Z";
        let cases = [
            (
                "ConfigMap",
                json!({ "data": { "a": "1" }, "binaryData": { "b": "" } }),
                json!(["n", 2, "60m"]),
            ),
            (
                "Namespace",
                json!({ "status": { "phase": "Active" } }),
                json!(["n", "Active", "60m"]),
            ),
            ("Lease", json!({ "spec": { "holderIdentity": "me" } }), json!(["n", "me", "60m"])),
            (
                "Pod",
                json!({ "spec": { "containers": [{}] }, "status": { "phase": "Running" } }),
                json!(["n", "0/1", "Running", 0, "60m", null, null]),
            ),
            ("Role", json!({}), json!(["n", "60m"])),
        ];
        for (kind, mut object, expected) in cases {
            object["metadata"] = json!({ "name": "n", "creationTimestamp": created });
            let table = table(&columns(kind), &[object], Include::None, json!({}), now);
            assert_eq!(table["rows"][0]["cells"], expected, "{kind}");
        }
    }
}
