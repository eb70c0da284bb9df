//! Watches: where they start, what they show, how they end.

use serde_json::{Value, json};

use super::{Fixed, fixed};
use crate::trace::{
    Step, TABLE, Until, config_map, delete, deployment, get, merge_patch, post, put, watch, with,
};

pub(super) fn traces() -> Vec<Fixed> {
    vec![order(), selection(), fields(), initial(), streamed(), gone(), refused(), tables()]
}

fn tier(value: &str) -> Value {
    json!({ "metadata": { "labels": { "tier": value } } })
}

fn changes() -> Vec<Step> {
    vec![
        post("configmaps", &config_map("a")),
        put("configmaps/a", &config_map("a")),
        merge_patch("configmaps/a", &json!({ "data": { "k": "w" } })),
        post("configmaps", &config_map("b")),
        delete("configmaps/a"),
        post("configmaps", &config_map("a")),
        post("gitopsdeployments", &deployment("a")),
        merge_patch("gitopsdeployments/a", &json!({ "spec": { "type": "automated" } })),
        delete("gitopsdeployments/a"),
        // A list brings the real server's cache up to date, from which some watches start.
        get("configmaps"),
        get("gitopsdeployments"),
    ]
}

fn order() -> Fixed {
    let mut steps = changes();
    for plural in ["configmaps", "gitopsdeployments"] {
        steps.push(watch(format!("{plural}?watch=1&resourceVersion=<start>"), Until::Sentinel));
        steps.push(get(plural));
    }
    steps.push(watch("configmaps?watch=1&resourceVersion=<rv:configmaps/b>", Until::Sentinel));
    fixed("each object's events come in their order, those that change nothing not at all", steps)
}

fn selection() -> Fixed {
    fixed(
        "objects enter and leave a selection",
        [
            post("configmaps", &config_map("a")),
            merge_patch("configmaps/a", &tier("b")),
            merge_patch("configmaps/a", &json!({ "data": { "k": "unseen" } })),
            merge_patch("configmaps/a", &tier("a")),
            delete("configmaps/a"),
            post("configmaps", &with(config_map("b"), &tier("b"))),
            delete("configmaps/b"),
            post("gitopsdeployments", &deployment("a")),
            merge_patch("gitopsdeployments/a", &tier("b")),
            merge_patch("gitopsdeployments/a", &tier("a")),
            watch(
                "configmaps?watch=1&resourceVersion=<start>&labelSelector=tier=a",
                Until::Sentinel,
            ),
            watch(
                "gitopsdeployments?watch=1&resourceVersion=<start>&labelSelector=tier=a",
                Until::Sentinel,
            ),
            watch("configmaps?watch=1&labelSelector=tier=a", Until::Sentinel),
        ],
    )
}

fn fields() -> Fixed {
    let mut steps = changes();
    steps.extend([watch(
        "configmaps?watch=1&resourceVersion=<start>&timeoutSeconds=1&fieldSelector=metadata.name=b",
        Until::End,
    )]);
    fixed("a watch of one object, until its time is over", steps)
}

fn initial() -> Fixed {
    let mut steps = changes();
    for query in ["", "&resourceVersion=0", "&resourceVersion="] {
        steps.push(watch(format!("configmaps?watch=1{query}"), Until::Sentinel));
    }
    steps.push(watch("configmaps?watch=true&resourceVersion=<start>", Until::Sentinel));
    fixed("a watch without a version begins with what is there", steps)
}

fn streamed() -> Fixed {
    let all = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let mut steps = changes();
    for plural in ["configmaps", "gitopsdeployments"] {
        for query in ["", "&resourceVersion=<start>", "&resourceVersion=0", "&labelSelector=tier=a"]
        {
            steps.push(watch(
                format!("{plural}?{all}&allowWatchBookmarks=true{query}"),
                Until::InitialEnd,
            ));
        }
        steps.push(watch(
            format!(
                "{plural}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan\
                     &allowWatchBookmarks=true&resourceVersion=<start>"
            ),
            Until::Sentinel,
        ));
    }
    fixed("a streamed list ends with a bookmark", steps)
}

fn gone() -> Fixed {
    let mut steps = changes();
    for plural in ["configmaps", "gitopsdeployments"] {
        steps.push(watch(format!("{plural}?watch=1&resourceVersion=1"), Until::Sentinel));
        steps.push(watch(
            format!("{plural}?watch=1&resourceVersion=1&timeoutSeconds=1"),
            Until::End,
        ));
    }
    fixed("a version that is too old", steps)
}

fn refused() -> Fixed {
    let queries = [
        "watch=1&resourceVersion=x",
        "watch=1&sendInitialEvents=true",
        "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
        "watch=1&resourceVersionMatch=NotOlderThan",
        "watch=1&resourceVersion=<start>&resourceVersionMatch=Exact",
        "watch=1&sendInitialEvents=odd&resourceVersionMatch=NotOlderThan&timeoutSeconds=1",
        "watch=1&labelSelector=a%20b",
        "watch=1&fieldSelector=data.k=v",
        "watch=1&timeoutSeconds=x",
    ];
    let steps = queries.iter().flat_map(|query| {
        ["configmaps", "gitopsdeployments"]
            .map(|plural| watch(format!("{plural}?{query}"), Until::End))
    });
    fixed("a watch that is refused", steps)
}

fn tables() -> Fixed {
    let mut steps = changes();
    for plural in ["configmaps", "gitopsdeployments"] {
        let path = format!("{plural}?watch=1&resourceVersion=<start>");
        steps.push(watch(path, Until::Sentinel).accept(TABLE));
    }
    fixed("a watch of tables, as kubectl's", steps)
}
