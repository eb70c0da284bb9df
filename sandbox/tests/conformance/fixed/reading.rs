//! Getting and listing: selectors, pages, tables.

use serde_json::json;

use super::{Fixed, fixed};
use crate::trace::{
    Step, TABLE, application, config_map, delete, deployment, get, merge_patch, post, smallest,
    with,
};

const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

pub(super) fn traces() -> Vec<Fixed> {
    vec![selectors(), pages(), versions(), lists(), tables(), table_options()]
}

fn three() -> Vec<Step> {
    let labelled = |name: &str, tier: &str| {
        post(
            "configmaps",
            &with(
                config_map(name),
                &json!({ "metadata": { "labels": { "tier": tier, "n": "5" } } }),
            ),
        )
    };
    vec![
        labelled("a", "a"),
        labelled("b", "b"),
        post("configmaps", &json!({ "metadata": { "name": "c" } })),
        post("gitopsdeployments", &deployment("a")),
        post("gitopsdeployments", &deployment("b")),
        post("secrets", &smallest("secrets", "a")),
        post(
            "events",
            &json!({ "metadata": { "name": "e" }, "reason": "R", "type": "Normal",
            "involvedObject": { "kind": "ConfigMap", "name": "a", "namespace": "<ns>" } }),
        ),
    ]
}

fn selectors() -> Fixed {
    let labels = [
        "tier=a",
        "tier==a",
        "tier!=a",
        "tier%20in%20(a,b)",
        "tier%20notin%20(a)",
        "tier",
        "!tier",
        "n>4",
        "n<5",
        "tier=",
        "tier=a,n=5",
        "tier%20in%20()",
        "a%20b",
        "=a",
        "tier=a%20b",
        "tier>x",
        "tier%20of%20(a)",
        "tier=-",
        "A_/b=c",
        "tier=a,",
    ];
    let fields = [
        "metadata.name=a",
        "metadata.name!=a",
        "metadata.namespace=<ns>",
        "metadata.namespace=x",
        "metadata.name=a,metadata.namespace=<ns>",
        "spec.type=manual",
        "data.k=v",
        "type=Opaque",
        "metadata.name",
        "metadata.uid=x",
        "=x",
        "involvedObject.name=a",
        "status.phase=Active",
    ];
    let by_label = labels.iter().map(|text| get(format!("configmaps?labelSelector={text}")));
    let by_field = fields.iter().flat_map(|text| {
        ["configmaps", "gitopsdeployments", "secrets", "events"]
            .map(|plural| get(format!("{plural}?fieldSelector={text}")))
    });
    let namespaces = [
        get("/api/v1/namespaces?fieldSelector=metadata.name=<ns>"),
        get("/api/v1/namespaces?fieldSelector=metadata.name=<ns>,status.phase=Active"),
        get("/api/v1/configmaps?fieldSelector=metadata.namespace=<ns>,metadata.name=a"),
    ];
    fixed(
        "label and field selectors",
        three().into_iter().chain(by_label).chain(by_field).chain(namespaces),
    )
}

fn pages() -> Fixed {
    let steps = [
        get("configmaps?limit=1&labelSelector=tier"),
        get("configmaps?limit=1&labelSelector=tier&continue=<continue>"),
        get("configmaps?limit=1&labelSelector=!tier,none"),
        get("gitopsdeployments?limit=1"),
        delete("gitopsdeployments/b"),
        get("gitopsdeployments?limit=1&continue=<continue>"),
        get("gitopsdeployments?limit=5"),
        get("gitopsdeployments?limit=x"),
        get("gitopsdeployments?limit=-1"),
        get("gitopsdeployments?continue=x"),
        get("gitopsdeployments?limit=1&continue=<continue>&resourceVersion=<start>"),
    ];
    fixed("lists in pages, over one version", three().into_iter().chain(steps))
}

fn versions() -> Fixed {
    let steps = [
        "resourceVersion=0",
        "resourceVersion=<start>",
        "resourceVersion=99999999999",
        "resourceVersion=x",
        "resourceVersion=-1",
        "resourceVersion=<start>&resourceVersionMatch=Exact",
        "resourceVersion=<start>&resourceVersionMatch=NotOlderThan",
        "resourceVersionMatch=Exact",
        "resourceVersionMatch=NotOlderThan",
        "resourceVersion=<start>&resourceVersionMatch=Odd",
        "resourceVersion=0&resourceVersionMatch=Exact",
        "resourceVersion=0&resourceVersionMatch=NotOlderThan",
        "sendInitialEvents=true",
        "timeoutSeconds=x",
    ];
    let steps = steps.iter().flat_map(|query| {
        ["configmaps", "gitopsdeployments"].map(|plural| get(format!("{plural}?{query}")))
    });
    // A list brings the real server's cache up to date, which answers some of these.
    let fresh = [get("configmaps"), get("gitopsdeployments")];
    let single = [
        get("configmaps/a?resourceVersion=0"),
        get("configmaps/a?resourceVersion=<start>"),
        get("configmaps/a?resourceVersion=x"),
    ];
    fixed("lists of a given version", three().into_iter().chain(fresh).chain(steps).chain(single))
}

fn lists() -> Fixed {
    let steps = [
        get("configmaps"),
        get("gitopsdeployments"),
        get("applications"),
        get("configmaps/missing"),
        get("gitopsdeployments/missing"),
        get("/api/v1/namespaces/<ns>"),
        get("configmaps").accept(METADATA_LIST),
        get("configmaps/a").accept(METADATA),
        get("gitopsdeployments").accept(METADATA_LIST),
        get("gitopsdeployments/a").accept(METADATA),
    ];
    fixed("objects, lists and their metadata alone", three().into_iter().chain(steps))
}

fn tables() -> Fixed {
    let status = json!({ "status": {
        "conditions": [
            { "type": "Ready", "status": "True", "message": "m", "reason": "R" },
            { "type": "Stalled", "status": "False", "message": "", "reason": "" },
        ],
        "health": { "status": "Healthy" },
        "sync": { "status": "Synced", "revision": "abc" },
        "reconciledState": {
            "source": { "path": "p", "repoURL": "r", "branch": "b" },
            "destination": { "name": "", "namespace": "" },
        },
    } });
    let mut steps = three();
    steps.extend([
        merge_patch("gitopsdeployments/a/status", &status),
        post("operations", &smallest("operations", "a")),
        post(
            "applications",
            &with(
                application("a"),
                &json!({ "status": { "sync": { "status": "Synced" }, "health": {} } }),
            ),
        ),
        post("leases", &json!({ "metadata": { "name": "a" }, "spec": { "holderIdentity": "me" } })),
    ]);
    let plurals = [
        "configmaps",
        "secrets",
        "leases",
        "gitopsdeployments",
        "operations",
        "applications",
        "gitopsdeploymentsyncruns",
        "gitopsdeploymentmanagedenvironments",
        "gitopsdeploymentrepositorycredentials",
        "appprojects",
    ];
    steps.extend(plurals.map(|plural| get(plural).accept(TABLE)));
    steps.extend([
        get("configmaps/a").accept(TABLE),
        get("gitopsdeployments/a").accept(TABLE),
        get("events").accept(TABLE),
        get("/api/v1/namespaces/<ns>").accept(TABLE),
        get("/api/v1/namespaces?fieldSelector=metadata.name=<ns>").accept(TABLE),
        get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/operations.managed-gitops.redhat.com").accept(TABLE),
    ]);
    fixed("tables of our kinds and of built-in ones", steps)
}

fn table_options() -> Fixed {
    let steps = [
        get("gitopsdeployments?includeObject=None").accept(TABLE),
        get("gitopsdeployments?includeObject=Object").accept(TABLE),
        get("gitopsdeployments?includeObject=Metadata").accept(TABLE),
        get("gitopsdeployments?includeObject=Odd").accept(TABLE),
        get("configmaps?limit=1&labelSelector=tier").accept(TABLE),
        get("gitopsdeployments/missing").accept(TABLE),
        get("configmaps").accept("application/json;as=Table;v=v2;g=meta.k8s.io"),
        get("configmaps").accept("application/json;as=Odd;v=v1;g=meta.k8s.io"),
        get("configmaps").accept("application/json;as=Table;v=v2;g=meta.k8s.io,application/json"),
        post("configmaps", &config_map("d")).accept(TABLE),
        delete("configmaps/d").accept(TABLE),
    ];
    fixed("tables with options", three().into_iter().chain(steps))
}
