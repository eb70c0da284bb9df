//! The text of a kubeconfig, YAML or JSON, which is YAML too.
//!
//! The reader's own words for what is wrong are not used: they repeat the text.

use std::collections::BTreeSet;
use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};

use super::MAX_LENGTH;
use crate::failure::{Cause, Problem};

/// Mappings and lists inside each other. A kubeconfig needs four, its extensions some more.
const MAX_DEPTH: usize = 32;
/// Mappings, lists and scalars. A kubeconfig of the greatest length has some thousand.
const MAX_NODES: usize = 16 * 1024;

/// All of a kubeconfig that is looked at.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Document {
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    kind: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) clusters: Vec<NamedCluster>,
    #[serde(deserialize_with = "or_default")]
    pub(super) contexts: Vec<NamedContext>,
    #[serde(deserialize_with = "or_default")]
    pub(super) users: Vec<NamedUser>,
    pub(super) current_context: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NamedCluster {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) cluster: Cluster,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NamedContext {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) context: Context,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NamedUser {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) user: User,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Cluster {
    #[serde(deserialize_with = "or_default")]
    pub(super) server: String,
    pub(super) certificate_authority_data: Option<String>,
    pub(super) tls_server_name: Option<String>,
    pub(super) certificate_authority: Presence,
    pub(super) proxy_url: Presence,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Context {
    #[serde(deserialize_with = "or_default")]
    pub(super) cluster: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) user: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct User {
    #[serde(deserialize_with = "secret")]
    pub(super) token: SecretString,
    #[serde(rename = "tokenFile")]
    pub(super) token_file: Presence,
    pub(super) exec: Presence,
    pub(super) auth_provider: Presence,
    pub(super) username: Presence,
    pub(super) password: Presence,
    #[serde(rename = "as")]
    pub(super) impersonated: Presence,
    #[serde(rename = "as-uid")]
    pub(super) impersonated_uid: Presence,
    #[serde(rename = "as-groups")]
    pub(super) impersonated_groups: Presence,
    #[serde(rename = "as-user-extra")]
    pub(super) impersonated_extra: Presence,
    pub(super) client_certificate: Presence,
    pub(super) client_certificate_data: Presence,
    pub(super) client_key: Presence,
    pub(super) client_key_data: Presence,
}

/// Whether there is something in a field whose content is nobody's business. Nothing, and what is
/// empty, is as good as no field at all: templates leave such fields behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Presence(pub(super) bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PresenceVisitor).map(Self)
    }
}

struct PresenceVisitor;

impl<'de> Visitor<'de> for PresenceVisitor {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_none<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(!text.is_empty())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<bool, E> {
        Ok(!bytes.is_empty())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut has_any = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            has_any = true;
        }
        Ok(has_any)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut has_any = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            has_any = true;
        }
        Ok(has_any)
    }
}

/// `null` is as good as no field at all.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    or_default::<D, String>(deserializer).map(SecretString::from)
}

/// Reads a kubeconfig.
pub(super) fn read(kubeconfig: &[u8]) -> Result<Document, Problem> {
    if kubeconfig.len() > MAX_LENGTH {
        return Err(Problem::new(
            Cause::KubeconfigTooLarge,
            "the kubeconfig is larger than 64 KiB; keep only the cluster, the context and the user \
             that are needed",
        ));
    }
    let text = std::str::from_utf8(kubeconfig)
        .map_err(|_| wrong("it is not UTF-8 text; store a kubeconfig as it is"))?;
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_documents: 1,
            // A short text can stand for a very long one by them, and nobody writes a kubeconfig so.
            max_anchors: 0,
            max_aliases: 0,
        },
    };
    let document: Option<Document> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| described(&error))?;
    let document = document.unwrap_or_default();
    check(&document)?;
    Ok(document)
}

/// That it is a kubeconfig, and that it is clear what its names mean.
fn check(document: &Document) -> Result<(), Problem> {
    let is = |field: &Option<String>, value: &str| {
        field.as_deref().is_none_or(|text| text.is_empty() || text == value)
    };
    if !is(&document.kind, "Config") || !is(&document.api_version, "v1") {
        return Err(wrong("it is not of kind Config and apiVersion v1; store a kubeconfig"));
    }
    let Document { clusters, contexts, users, .. } = document;
    if has_duplicates(clusters.iter().map(|one| one.name.as_str()))
        || has_duplicates(contexts.iter().map(|one| one.name.as_str()))
        || has_duplicates(users.iter().map(|one| one.name.as_str()))
    {
        return Err(wrong("two of its clusters, contexts or users have one name; rename one"));
    }
    Ok(())
}

fn has_duplicates<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    !names.all(|name| seen.insert(name))
}

/// What is wrong with a text, and where, without any of it.
fn described(error: &serde_saphyr::Error) -> Problem {
    use serde_saphyr::Error as No;
    let what = match error.without_snippet() {
        No::DuplicateMappingKey { .. } => "a field is there twice; remove one",
        No::Budget {
            breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. }, ..
        }
        | No::UnknownAnchor { .. }
        | No::MergeKeyNotAllowed { .. } => {
            "anchors, aliases and merge keys are not supported; write out what they stand for"
        }
        No::Budget { .. } => "it is nested too deeply, or has too many parts; keep what is needed",
        No::MultipleDocuments { .. } => "it has more than one document; keep one",
        _ => "it is not the YAML or JSON of a kubeconfig; correct it",
    };
    match error.location() {
        Some(location) => {
            wrong(&format!("{what} (line {}, column {})", location.line(), location.column()))
        }
        None => wrong(what),
    }
}

/// Clients look for the first words, which are the existing system's.
fn wrong(what: &str) -> Problem {
    Problem::new(Cause::KubeconfigUnreadable, format!("json parse error: {what}"))
}
