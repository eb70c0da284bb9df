//! Requests and replies of the server; of the HTTP library only its basic types.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use super::failure::{BODY_LIMIT_BYTES, Failure};
use crate::json;
use crate::protobuf;
use crate::watch::Watch;

/// A request as it arrives at the edge.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The raw query string, empty when there is none.
    pub query: String,
    /// The `Accept` header, empty when there is none.
    pub accept: String,
    /// The `Content-Type` header, empty when there is none.
    pub content_type: String,
    /// The `User-Agent` header; its first word is the default field manager.
    pub user_agent: String,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// A GET of a path, for callers inside the process.
    pub fn get(path: &str) -> Self {
        Self::with_body(Method::GET, path, "", Bytes::new())
    }

    /// A request with a body of the given content type.
    pub fn with_body(method: Method, path: &str, content_type: &str, body: Bytes) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            accept: "application/json".to_owned(),
            content_type: content_type.to_owned(),
            user_agent: String::new(),
            body,
        }
    }

    /// The query's parameters; if one is repeated, the last counts.
    pub(crate) fn parameters(&self) -> Parameters {
        Parameters(form_urlencoded::parse(self.query.as_bytes()).into_owned().collect())
    }

    /// Rejects a body that is too long.
    pub(crate) fn check_length(&self) -> Result<(), Failure> {
        if self.body.len() <= BODY_LIMIT_BYTES {
            return Ok(());
        }
        Err(Failure::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {BODY_LIMIT_BYTES}"),
        ))
    }

    /// The body as a JSON value, whether it was sent as JSON or as YAML.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        self.check_length()?;
        let media = self.media_type();
        match media {
            "application/yaml" | "application/apply-patch+yaml" => {
                if let Ok(value) = serde_json::from_slice(&self.body) {
                    return Ok(value);
                }
                let text = std::str::from_utf8(&self.body).map_err(|error| {
                    Failure::bad_request(format!("error decoding YAML: {error}"))
                })?;
                serde_saphyr::from_str(text)
                    .map_err(|error| Failure::bad_request(format!("error decoding YAML: {error}")))
            }
            protobuf::PROTOBUF => protobuf::read(&self.body)
                .map_err(|error| Failure::new(415, "UnsupportedMediaType", error)),
            _ => json::read(&self.body).map_err(|error| {
                Failure::bad_request(format!(
                    "the object provided is unrecognized (must be of type Object): {error}"
                ))
            }),
        }
    }

    /// The object in the body of a creation or a replacement.
    pub(crate) fn object(&self) -> Result<Value, Failure> {
        let accepted = [JSON, "application/yaml", protobuf::PROTOBUF];
        let media = self.media_type();
        if !media.is_empty() && !accepted.contains(&media) {
            return Err(Failure::unsupported_media_type(&accepted.join(", ")));
        }
        self.json()
    }

    /// The content type without its parameters.
    pub(crate) fn media_type(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }
}

/// Decoded query parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The parameter's value, if it is given and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether the parameter is given as true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1"))
    }

    /// The parameter as a number; a negative one counts as none.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number: i64 = text.parse().map_err(|_| {
            Failure::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))
        })?;
        Ok(u64::try_from(number).ok())
    }
}

/// The shape in which a client wants objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The objects themselves.
    Object,
    /// Rows for a terminal.
    Table,
    /// Only their metadata.
    Metadata,
}

impl Format {
    /// The first of the accepted formats that the server supports.
    pub(crate) fn negotiate(accept: &str) -> Result<Self, Failure> {
        if accept.trim().is_empty() {
            return Ok(Self::Object);
        }
        for offer in accept.split(',') {
            let mut parts = offer.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if !matches!(media, "application/json" | "application/*" | "*/*") {
                continue;
            }
            match parts.find_map(|part| part.strip_prefix("as=")) {
                None => return Ok(Self::Object),
                Some("Table") => return Ok(Self::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => {
                    return Ok(Self::Metadata);
                }
                Some(_) => {}
            }
        }
        Err(Failure::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json",
        ))
    }
}

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The body's content type.
    pub content_type: &'static str,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
    /// The body.
    pub body: Bytes,
}

/// The content type of nearly every answer.
pub(crate) const JSON: &str = "application/json";

impl Response {
    /// An answer with JSON bytes.
    pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: JSON, warnings: Vec::new(), body: body.into() }
    }

    /// An answer with a JSON value.
    pub(crate) fn value(status: u16, value: &Value) -> Self {
        Self::json(status, value.to_string())
    }

    /// An answer in one of Kubernetes' binary forms.
    pub(crate) fn protobuf(content_type: &'static str, body: &'static [u8]) -> Self {
        Self { status: 200, content_type, warnings: Vec::new(), body: Bytes::from_static(body) }
    }

    /// An answer in plain text.
    pub(crate) fn text(body: &'static str) -> Self {
        Self {
            status: 200,
            content_type: "text/plain; charset=utf-8",
            warnings: Vec::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }
}

impl From<Failure> for Response {
    fn from(failure: Failure) -> Self {
        Self::value(failure.code(), &failure.status())
    }
}

/// What the server answers: a complete body, or a watch to be streamed.
#[derive(Debug)]
pub enum Reply {
    /// A complete answer.
    Full(Response),
    /// A stream of watch events, one JSON document a line.
    Watch(Box<Watch>),
}

/// What a path refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourcePath<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) plural: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) subresource: Option<&'a str>,
}

impl<'a> ResourcePath<'a> {
    /// Reads `/api/v1/...` and `/apis/group/version/...`; anything else is not a resource's path.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // `namespaces/x/status` and `/finalize` are subresources of the Namespace itself.
            ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (*plural, None, None),
            [plural, name] => (*plural, Some(*name), None),
            [plural, name, subresource] => (*plural, Some(*name), Some(*subresource)),
            _ => return None,
        };
        Some(Self { group, version, namespace, plural, name, subresource })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_resource() {
        let parse = |path| ResourcePath::parse(path).expect("a resource path");
        let pods = parse("/api/v1/namespaces/a/pods/p/status");
        assert_eq!((pods.group, pods.version, pods.namespace), ("", "v1", Some("a")));
        assert_eq!((pods.plural, pods.name, pods.subresource), ("pods", Some("p"), Some("status")));
        let namespace = parse("/api/v1/namespaces/a/finalize");
        assert_eq!((namespace.plural, namespace.name), ("namespaces", Some("a")));
        assert_eq!(namespace.subresource, Some("finalize"));
        let list = parse("/apis/apps/v1/deployments");
        assert_eq!((list.group, list.plural, list.name), ("apps", "deployments", None));
        assert_eq!(ResourcePath::parse("/apis/apps/v1"), None);
        assert_eq!(ResourcePath::parse("/metrics"), None);
    }

    #[test]
    fn the_first_acceptable_format_wins() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(Format::negotiate(table).expect("a format"), Format::Table);
        let partial = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        assert_eq!(Format::negotiate(partial).expect("a format"), Format::Metadata);
        let protobuf_first = "application/vnd.kubernetes.protobuf,application/json";
        assert_eq!(Format::negotiate(protobuf_first).expect("a format"), Format::Object);
        assert_eq!(Format::negotiate("text/html").expect_err("no format").code(), 406);
    }
}
