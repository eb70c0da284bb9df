//! `application.spec_field`: the Argo CD Application that should exist, as the backend passes it to
//! the agent.
//!
//! The text is YAML in the existing system's spelling: its keys are lower-cased names of Go fields,
//! every field is present, and an empty `status` ends it. Reading is lenient: what is unknown is
//! skipped, what is missing or null is empty.

mod wire;

use machines::operation::application::ApplicationDocument;
use serde::{Deserialize, Serialize};
use wire::null_as_default;

/// The column's size limit.
pub const MAXIMUM_BYTES: usize = 16_384;

/// Why a document could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SpecFieldError {
    /// The text is longer than the column.
    #[error(
        "the Application's specification takes {bytes} bytes of the {MAXIMUM_BYTES} that the \
         database holds: shorten its repository URL, path, revision or sync options"
    )]
    TooLong {
        /// Length of the text.
        bytes: usize,
    },
    /// The text is not such a document.
    #[error(
        "the stored specification of the Application cannot be read ({message}): change the \
         GitOpsDeployment to have it written anew"
    )]
    Unreadable {
        /// What the parser said; it quotes none of the text.
        message: String,
    },
    /// The serializer failed.
    #[error("the Application's specification cannot be written: {0}")]
    Unwritable(String),
}

/// Writes the text that goes into the column.
pub fn encode(document: &ApplicationDocument) -> Result<String, SpecFieldError> {
    // Block scalars would change the line structure that a reader of the column sees.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(&WrittenDocument::of(document), options)
        .map_err(|error| SpecFieldError::Unwritable(error.to_string()))?;
    if text.len() > MAXIMUM_BYTES {
        return Err(SpecFieldError::TooLong { bytes: text.len() });
    }
    Ok(text)
}

/// Reads the text of the column.
pub fn decode(text: &str) -> Result<ApplicationDocument, SpecFieldError> {
    if text.len() > MAXIMUM_BYTES {
        return Err(SpecFieldError::TooLong { bytes: text.len() });
    }
    let options = serde_saphyr::options! {
        // An error must not contain a snippet of the text.
        with_snippet: false,
    };
    let ReadDocument { fauxobjectmeta, spec } = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| SpecFieldError::Unreadable { message: error.to_string() })?;
    Ok(ApplicationDocument {
        name: fauxobjectmeta.name,
        namespace: fauxobjectmeta.namespace,
        spec: spec.into(),
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReadDocument {
    #[serde(deserialize_with = "null_as_default")]
    fauxobjectmeta: Metadata,
    #[serde(deserialize_with = "null_as_default")]
    spec: wire::ApplicationSpec,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    namespace: String,
}

#[derive(Serialize)]
struct WrittenDocument {
    fauxtypemeta: TypeMetadata,
    fauxobjectmeta: Metadata,
    spec: wire::ApplicationSpec,
    status: EmptyStatus,
}

impl WrittenDocument {
    fn of(document: &ApplicationDocument) -> Self {
        let ApplicationDocument { name, namespace, spec } = document;
        Self {
            fauxtypemeta: TypeMetadata { kind: "Application", apiversion: "argoproj.io/v1alpha1" },
            fauxobjectmeta: Metadata { name: name.clone(), namespace: namespace.clone() },
            spec: spec.clone().into(),
            status: EmptyStatus::default(),
        }
    }
}

#[derive(Serialize)]
struct TypeMetadata {
    kind: &'static str,
    apiversion: &'static str,
}

/// A part of the form without content: status travels in [`crate::application_state`].
#[derive(Default, Serialize)]
struct EmptyStatus {
    resources: [(); 0],
    sync: EmptySync,
    health: EmptyHealth,
    conditions: [(); 0],
    operationstate: Option<()>,
}

#[derive(Default, Serialize)]
struct EmptySync {
    status: &'static str,
    comparedto: EmptyComparedTo,
    revision: &'static str,
    revisions: [(); 0],
}

#[derive(Default, Serialize)]
struct EmptyComparedTo {
    source: wire::Source,
    destination: wire::Destination,
}

#[derive(Default, Serialize)]
struct EmptyHealth {
    status: &'static str,
    message: &'static str,
}

#[cfg(test)]
mod tests {
    use machines::operation::application::{
        ApplicationDestination, ApplicationSource, ApplicationSpec, Automated, Backoff, Retry,
        SyncPolicy,
    };

    use super::*;

    fn automated() -> ApplicationDocument {
        ApplicationDocument {
            name: "gitopsdepl-7b0bd3f5-8e0f-4f0b-9d43-0d2b5a3f0d11".to_owned(),
            namespace: "gitops-service-argocd".to_owned(),
            spec: ApplicationSpec {
                source: ApplicationSource {
                    repo_url: "https://github.com/acme/shop.git/".to_owned(),
                    path: "deploy/production".to_owned(),
                    target_revision: "1.10".to_owned(),
                },
                destination: ApplicationDestination {
                    name: "in-cluster".to_owned(),
                    namespace: "shop".to_owned(),
                    server: String::new(),
                },
                project: "app-project-4d1f".to_owned(),
                sync_policy: Some(SyncPolicy {
                    automated: Some(Automated { prune: true, self_heal: true, allow_empty: true }),
                    sync_options: vec![
                        "PrunePropagationPolicy=background".to_owned(),
                        "CreateNamespace=true".to_owned(),
                    ],
                    retry: Some(Retry {
                        limit: -1,
                        backoff: Some(Backoff {
                            duration: "5s".to_owned(),
                            factor: Some(2),
                            max_duration: "3m".to_owned(),
                        }),
                    }),
                }),
                ..ApplicationSpec::default()
            },
        }
    }

    const AUTOMATED: &str = r#"fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-7b0bd3f5-8e0f-4f0b-9d43-0d2b5a3f0d11
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://github.com/acme/shop.git/
    path: deploy/production
    targetrevision: "1.10"
  destination:
    server: ""
    namespace: shop
    name: in-cluster
  project: app-project-4d1f
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    - CreateNamespace=true
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
"#;

    #[test]
    fn an_automated_deployment_is_written_in_the_existing_form() {
        assert_eq!(encode(&automated()).unwrap(), AUTOMATED);
    }

    #[test]
    fn the_existing_form_is_read_back() {
        assert_eq!(decode(AUTOMATED).unwrap(), automated());
    }

    #[test]
    fn a_manual_deployment_without_options_has_a_null_policy() {
        let mut document = automated();
        document.spec.sync_policy = None;
        let text = encode(&document).unwrap();
        assert!(text.contains("\n  syncpolicy: null\n"), "{text}");
        assert_eq!(decode(&text).unwrap(), document);
    }

    #[test]
    fn a_manual_deployment_with_options_is_neither_automated_nor_retried() {
        let mut document = automated();
        document.spec.sync_policy = Some(SyncPolicy {
            automated: None,
            sync_options: vec!["CreateNamespace=false".to_owned()],
            retry: None,
        });
        let text = encode(&document).unwrap();
        let policy = "  syncpolicy:\n    automated: null\n    syncoptions:\n    - \
                      CreateNamespace=false\n    retry: null\n";
        assert!(text.contains(policy), "{text}");
        assert_eq!(decode(&text).unwrap(), document);
    }

    /// Texts that YAML takes for something else when unquoted.
    const HOSTILE: [&str; 24] = [
        "",
        "true",
        "no",
        "~",
        "null",
        "0o17",
        "0x1f",
        "1e5",
        "5e12345",
        "1_000",
        "12:30:45",
        "2026-11-22",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "'a",
        "\"a",
        " a ",
    ];

    #[test]
    fn every_text_is_read_back_as_it_was_written() {
        let long_path = format!("{} {}", "a".repeat(100), "b".repeat(100));
        let odd = ["a\nb\n", "tab\there", "Grüße, 世界", "\u{7f}\u{85}\u{2028}", &long_path];
        for text in HOSTILE.into_iter().chain(odd) {
            let mut document = automated();
            document.spec.source.path = text.to_owned();
            document.spec.source.target_revision = text.to_owned();
            document.spec.project = text.to_owned();
            document.name = text.to_owned();
            let written = encode(&document).unwrap();
            assert_eq!(decode(&written).unwrap(), document, "{written}");
        }
    }

    #[test]
    fn no_hostile_text_is_left_unquoted() {
        for text in HOSTILE {
            let mut document = automated();
            document.spec.source.path = text.to_owned();
            let written = encode(&document).unwrap();
            let bare = format!("\n    path: {text}\n");
            assert!(!written.contains(&bare), "{text} stands bare in {written}");
        }
    }

    #[test]
    fn reading_skips_what_is_unknown_and_fills_in_what_is_missing() {
        let text = "spec: {source: {repourl: r, chart: c, targetrevision: 1.10}, destination: \
                    null, syncpolicy: {syncoptions: null, automated: {}}}\nextra: [1]\n";
        let document = decode(text).unwrap();
        assert_eq!(document.name, "");
        assert_eq!(document.spec.source.repo_url, "r");
        assert_eq!(document.spec.source.target_revision, "1.10");
        assert_eq!(document.spec.destination, ApplicationDestination::default());
        let policy = document.spec.sync_policy.unwrap();
        assert_eq!(policy.automated, Some(Automated::default()));
        assert_eq!(policy.sync_options, Vec::<String>::new());
    }

    #[test]
    fn a_text_at_the_limit_is_written_and_one_beyond_is_refused() {
        let mut document = automated();
        let rest = MAXIMUM_BYTES - encode(&document).unwrap().len();
        document.spec.project.push_str(&"p".repeat(rest));
        assert_eq!(encode(&document).unwrap().len(), MAXIMUM_BYTES);
        document.spec.project.push('p');
        let error = encode(&document).unwrap_err();
        assert!(matches!(error, SpecFieldError::TooLong { bytes } if bytes == MAXIMUM_BYTES + 1));
    }

    #[test]
    fn an_unreadable_text_is_not_quoted_in_the_error() {
        let error = decode("spec: [hunter2").unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
