use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::json;

use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn text_of(blob: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(blob).read_to_string(&mut text).unwrap();
    text
}

/// A blob's text as the existing agent writes it: nothing is omitted, nil is null or `[]`, and an
/// embedded struct has its own level.
const EXISTING: &str = r#"resources:
- group: apps
  version: v1
  kind: Deployment
  namespace: shop
  name: web
  status: Synced
  health:
    status: Progressing
    message: 'Waiting for rollout: 1 of 3'
  hook: false
  requirespruning: false
  syncwave: 0
- group: ""
  version: v1
  kind: ConfigMap
  namespace: shop
  name: settings
  status: OutOfSync
  health: null
  hook: false
  requirespruning: false
  syncwave: 0
sync:
  status: OutOfSync
  comparedto:
    source:
      repourl: https://github.com/acme/shop.git
      path: deploy
      targetrevision: main
      helm: null
    destination:
      server: ""
      namespace: shop
      name: in-cluster
    ignoredifferences: []
  revision: 5e12345
  revisions: []
health:
  status: Progressing
  message: ""
history: []
conditions:
- type: SyncError
  message: one or more objects failed
  lasttransitiontime: "2026-11-22T10:26:25Z"
- type: OrphanedResourceWarning
  message: orphans
  lasttransitiontime: null
reconciledat: "2026-11-22T10:26:25Z"
operationstate:
  operation:
    sync:
      revision: 5e12345
      prune: true
      dryrun: false
      syncstrategy:
        apply: null
        hook:
          syncstrategyapply:
            force: true
      resources:
      - group: apps
        kind: Deployment
        name: web
        namespace: shop
        exclude: false
      source: null
      manifests: []
      syncoptions:
      - CreateNamespace=true
      sources: []
      revisions: []
    initiatedby:
      username: ""
      automated: true
    info:
    - name: Reason
      value: drift
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 0
        maxduration: 3m
  phase: Succeeded
  message: successfully synced
  syncresult:
    resources:
    - group: apps
      version: v1
      kind: Deployment
      namespace: shop
      name: web
      status: Synced
      message: configured
      hooktype: ""
      hookphase: Running
      syncphase: Sync
    revision: 5e12345
    source:
      repourl: https://github.com/acme/shop.git
      path: deploy
      targetrevision: main
    sources: []
    revisions: []
    managednamespacemetadata:
      labels:
        appTeam: shop
      annotations: {}
  startedat:
    time: "2026-11-22T10:26:20Z"
  finishedat: "2026-11-22T10:26:25Z"
  retrycount: 3
sourcetype: Directory
summary:
  externalurls: []
  images:
  - registry.example/web:1
"#;

fn existing_as_json() -> Value {
    json!({
        "resources": [
            {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop",
             "name": "web", "status": "Synced",
             "health": {"status": "Progressing", "message": "Waiting for rollout: 1 of 3"}},
            {"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "settings",
             "status": "OutOfSync"},
        ],
        "sync": {
            "status": "OutOfSync",
            "comparedTo": {
                "source": {"repoURL": "https://github.com/acme/shop.git", "path": "deploy",
                           "targetRevision": "main"},
                "destination": {"namespace": "shop", "name": "in-cluster"},
            },
            "revision": "5e12345",
        },
        "health": {"status": "Progressing"},
        "conditions": [
            {"type": "SyncError", "message": "one or more objects failed",
             "lastTransitionTime": "2026-11-22T10:26:25Z"},
            {"type": "OrphanedResourceWarning", "message": "orphans"},
        ],
        "operationState": {
            "operation": {
                "sync": {
                    "revision": "5e12345", "prune": true,
                    "syncStrategy": {"hook": {"force": true}},
                    "resources": [{"group": "apps", "kind": "Deployment", "name": "web",
                                   "namespace": "shop"}],
                    "syncOptions": ["CreateNamespace=true"],
                },
                "initiatedBy": {"automated": true},
                "info": [{"name": "Reason", "value": "drift"}],
                "retry": {"limit": -1,
                          "backoff": {"duration": "5s", "factor": 0, "maxDuration": "3m"}},
            },
            "phase": "Succeeded",
            "message": "successfully synced",
            "syncResult": {
                "resources": [{"group": "apps", "version": "v1", "kind": "Deployment",
                               "namespace": "shop", "name": "web", "status": "Synced",
                               "message": "configured", "hookPhase": "Running",
                               "syncPhase": "Sync"}],
                "revision": "5e12345",
                "source": {"repoURL": "https://github.com/acme/shop.git", "path": "deploy",
                           "targetRevision": "main"},
                "managedNamespaceMetadata": {"labels": {"appTeam": "shop"}},
            },
            "startedAt": "2026-11-22T10:26:20Z",
            "finishedAt": "2026-11-22T10:26:25Z",
            "retryCount": 3,
        },
    })
}

#[test]
fn a_blob_of_the_existing_agent_is_read_in_json_spelling() {
    assert_eq!(decode(Some(&gzip(EXISTING.as_bytes()))).unwrap(), existing_as_json());
}

#[test]
fn what_is_written_is_read_back() {
    let status = existing_as_json();
    assert_eq!(decode(Some(&encode(&status).unwrap())).unwrap(), status);
    assert_eq!(mirrored(&status), status);
}

#[test]
fn writing_lower_cases_keys_and_leaves_the_keys_of_users_alone() {
    let status = json!({
        "sync": {"comparedTo": {"source": {"repoURL": "r"}}},
        "reconciledAt": "2026-11-22T10:26:25Z",
        "summary": {"externalURLs": ["https://shop"]},
        "operationState": {
            "operation": {"sync": {"syncStrategy": {"hook": {"force": true}}}},
            "syncResult": {"managedNamespaceMetadata": {"labels": {"appTeam": "x"}}},
        },
    });
    let text = text_of(&encode(&status).unwrap());
    let written: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(
        written,
        json!({
            "sync": {"comparedto": {"source": {"repourl": "r"}}},
            "reconciledat": "2026-11-22T10:26:25Z",
            "summary": {"externalurls": ["https://shop"]},
            "operationstate": {
                "operation": {"sync": {"syncstrategy": {
                    "hook": {"syncstrategyapply": {"force": true}}}}},
                "syncresult": {"managednamespacemetadata": {"labels": {"appTeam": "x"}}},
            },
        })
    );
}

#[test]
fn reading_what_was_written_gives_what_is_mirrored() {
    let status = json!({
        "resources": [{"kind": "ConfigMap", "name": "", "syncWave": 3, "requiresPruning": true}],
        "sync": {"status": "", "revisions": ["", "b"], "comparedTo": {}},
        "health": {"status": "Healthy", "lastTransitionTime": "2026-11-22T10:26:25Z"},
        "history": [{"id": 1}],
        "reconciledAt": "2026-11-22T10:26:25Z",
        "operationState": {"phase": "Running", "retryCount": 0, "finishedAt": null,
                           "startedAt": "0001-01-01T00:00:00Z",
                           "message": "two\nlines: 'and' \"quotes\"\t#"},
    });
    let expected = json!({
        "resources": [{"kind": "ConfigMap"}],
        "sync": {"revisions": ["", "b"], "comparedTo": {}},
        "health": {"status": "Healthy"},
        "operationState": {"phase": "Running", "message": "two\nlines: 'and' \"quotes\"\t#"},
    });
    assert_eq!(mirrored(&status), expected);
    assert_eq!(decode(Some(&encode(&status).unwrap())).unwrap(), expected);
}

#[test]
fn equal_statuses_have_equal_blobs() {
    assert_eq!(encode(&existing_as_json()).unwrap(), encode(&existing_as_json()).unwrap());
}

#[test]
fn no_blob_and_an_empty_one_are_an_empty_status() {
    assert_eq!(decode(None).unwrap(), json!({}));
    assert_eq!(decode(Some(&[])).unwrap(), json!({}));
    assert_eq!(decode(Some(&gzip(b""))).unwrap(), json!({}));
    assert_eq!(decode(Some(&encode(&json!({})).unwrap())).unwrap(), json!({}));
    assert_eq!(mirrored(&Value::Null), json!({}));
}

#[test]
fn ten_thousand_resources_are_written_and_read() {
    let resources: Vec<Value> = (0..10_000)
        .map(|number| {
            json!({"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop",
                   "name": format!("web-{number}"), "status": "Synced",
                   "health": {"status": "Healthy"}})
        })
        .collect();
    let status = json!({ "resources": resources });
    assert_eq!(decode(Some(&encode(&status).unwrap())).unwrap(), status);
}

#[test]
fn a_status_that_does_not_compress_below_the_limit_is_refused() {
    let noise: String = (0..MAXIMUM_COMPRESSED_BYTES / 16)
        .map(|_| uuid::Uuid::new_v4().simple().to_string())
        .collect();
    let error = encode(&json!({"health": {"message": noise}})).unwrap_err();
    assert!(
        matches!(error, ApplicationStateError::TooLarge { bytes } if bytes > MAXIMUM_COMPRESSED_BYTES),
        "{error}"
    );
}

#[test]
fn a_blob_that_unfolds_endlessly_is_refused() {
    let bomb = gzip(&vec![b' '; MAXIMUM_TEXT_BYTES + 1]);
    assert!(bomb.len() < MAXIMUM_COMPRESSED_BYTES);
    assert!(matches!(decode(Some(&bomb)), Err(ApplicationStateError::Overlong)));
}

#[test]
fn a_text_that_grows_while_it_is_read_is_refused() {
    let text = "resources: &all [{kind: a}]\nconditions: *all\n";
    assert!(matches!(
        decode(Some(&gzip(text.as_bytes()))),
        Err(ApplicationStateError::Unreadable { .. })
    ));
}

#[test]
fn a_damaged_blob_is_an_error_that_quotes_nothing() {
    let error = decode(Some(b"hunter2")).unwrap_err().to_string();
    assert!(error.contains("cannot be read") && !error.contains("hunter2"), "{error}");
    let mut truncated = encode(&existing_as_json()).unwrap();
    truncated.truncate(truncated.len() / 2);
    assert!(matches!(decode(Some(&truncated)), Err(ApplicationStateError::Unreadable { .. })));
    let wrong = gzip(b"health: [hunter2]");
    let error = decode(Some(&wrong)).unwrap_err().to_string();
    assert!(error.contains("cannot be read") && !error.contains("hunter2"), "{error}");
}
