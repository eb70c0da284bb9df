//! Failures as Kubernetes reports them: a `Status` object with a code, a reason and details.

use serde_json::{Value, json};

use crate::registry::Resource;
use crate::store::PersistError;

/// The largest request body in bytes, as in a real API server.
pub const BODY_LIMIT_BYTES: usize = 3 * 1024 * 1024;

/// A refused request, ready to be sent as a `Status` object.
///
/// Boxed, since every fallible function of the server returns it and success is the common case.
#[derive(Debug, Clone)]
pub(crate) struct Failure(Box<FailureBody>);

#[derive(Debug, Clone)]
struct FailureBody {
    code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

/// One cause of an `Invalid` failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// The machine-readable reason, such as `FieldValueRequired`.
    pub(crate) reason: &'static str,
    /// The sentence without the field's path.
    pub(crate) message: String,
    /// The field's path, such as `spec.type`.
    pub(crate) field: String,
}

impl Cause {
    /// A value that its field does not accept.
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {value}: {detail}"))
    }

    /// A value that broke a rule and is not shown, since it is not a plain one.
    pub(crate) fn broken(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {detail}"))
    }

    /// A value that is not among those that its field accepts.
    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|each| format!("\"{each}\"")).collect();
        let supported = supported.join(", ");
        let message = format!("Unsupported value: {value}: supported values: {supported}");
        Self::new("FieldValueNotSupported", field, message)
    }

    /// A field that must be present and is not.
    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = match detail {
            "" => "Required value".to_owned(),
            detail => format!("Required value: {detail}"),
        };
        Self::new("FieldValueRequired", field, message)
    }

    /// A value that may not be set in these circumstances.
    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {detail}"))
    }

    /// A cause from its parts.
    pub(crate) fn new(reason: &'static str, field: impl Into<String>, message: String) -> Self {
        Self { reason, message, field: field.into() }
    }

    /// Whether it makes evaluating rules on the object pointless.
    pub(crate) fn blocks_rules(&self) -> bool {
        matches!(
            self.reason,
            "FieldValueTypeInvalid"
                | "FieldValueRequired"
                | "FieldValueTooLong"
                | "FieldValueTooMany"
                | "FieldValueNotSupported"
        )
    }

    fn sentence(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

impl Failure {
    /// A failure from its parts.
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(FailureBody { code, reason, message: message.into(), details: None }))
    }

    fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// 400: the request is invalid, whatever the server holds.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404 for a path that the server does not serve.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
            .with_details(json!({}))
    }

    /// 404 for an object.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", resource.qualified()))
            .with_details(details(resource, name))
    }

    /// 409 for a name that is taken, possibly by an object that is being deleted.
    pub(crate) fn already_exists(resource: &Resource, name: &str, is_deleting: bool) -> Self {
        let head = if is_deleting { "object is being deleted: " } else { "" };
        let message = format!("{head}{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).with_details(details(resource, name))
    }

    /// 409 for a write that lost a race.
    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self::new(409, "Conflict", message).with_details(details(resource, name))
    }

    /// 409 for a write whose resourceVersion is not the stored one.
    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version \
             and try again",
        )
    }

    /// 409 for a deletion meant for another object or another version of it.
    pub(crate) fn precondition(resource: &Resource, name: &str, why: &str) -> Self {
        let kind = resource.qualified_kind();
        let message = format!("Operation cannot be fulfilled on {kind} \"{name}\": {why}");
        let mut details = details(resource, name);
        details["kind"] = json!(resource.kind);
        Self::new(409, "Conflict", message).with_details(details)
    }

    /// 409 for a server-side apply that touches fields of other managers.
    pub(crate) fn apply_conflict(manager_fields: &[(String, String)]) -> Self {
        let sentence =
            |(manager, field): &(String, String)| format!("conflict with \"{manager}\": {field}");
        let message = match manager_fields {
            [only] => format!("Apply failed with 1 conflict: {}", sentence(only)),
            many => {
                let lines: Vec<String> =
                    many.iter().map(|each| format!("- {}", sentence(each))).collect();
                let count = many.len();
                format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
            }
        };
        let causes: Vec<Value> = manager_fields
            .iter()
            .map(|(manager, field)| {
                json!({
                    "reason": "FieldManagerConflict",
                    "message": format!("conflict with \"{manager}\""),
                    "field": field,
                })
            })
            .collect();
        Self::new(409, "Conflict", message).with_details(json!({ "causes": causes }))
    }

    /// 403 for something that is not allowed on this object.
    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", resource.qualified());
        Self::new(403, "Forbidden", message).with_details(details(resource, name))
    }

    /// 403 for a creation in a terminating namespace.
    pub(crate) fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let message = format!(
            "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} \
             because it is being terminated",
            resource.qualified()
        );
        let mut details = details(resource, name);
        details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        Self::new(403, "Forbidden", message).with_details(details)
    }
}

impl Failure {
    /// 422 with every cause, as field validation reports it.
    pub(crate) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_kind(&resource.kind, &resource.group, name, causes)
    }

    /// 422 for the options of a request, such as `CreateOptions`.
    pub(crate) fn invalid_options(options: &str, causes: &[Cause]) -> Self {
        Self::invalid_kind(options, "meta.k8s.io", "", causes)
    }

    /// 422 for an update without a resourceVersion, which names the resource, not the kind.
    pub(crate) fn version_required(resource: &Resource, name: &str) -> Self {
        let detail = "must be specified for an update";
        let cause = Cause::invalid("metadata.resourceVersion", &json!(0), detail);
        Self::invalid_kind(&resource.plural, &resource.group, name, &[cause])
    }

    fn invalid_kind(kind: &str, group: &str, name: &str, causes: &[Cause]) -> Self {
        let qualified = crate::registry::qualified(kind, group);
        let sentences: Vec<String> = causes.iter().map(Cause::sentence).collect();
        let message = match sentences.as_slice() {
            [only] => format!("{qualified} \"{name}\" is invalid: {only}"),
            many => format!("{qualified} \"{name}\" is invalid: [{}]", many.join(", ")),
        };
        let causes: Vec<Value> = causes
            .iter()
            .map(|cause| {
                json!({ "reason": cause.reason, "message": cause.message, "field": cause.field })
            })
            .collect();
        let mut details = json!({ "kind": kind, "causes": causes });
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        if !group.is_empty() {
            details["group"] = json!(group);
        }
        Self::new(422, "Invalid", message).with_details(details)
    }

    /// 422 for a patch that cannot be applied to the object as it is.
    pub(crate) fn patch_rejected() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
            .with_details(json!({}))
    }

    /// 422 for a patch whose result cannot be decoded as its kind.
    pub(crate) fn patched_invalid(patched: &Value, why: &str) -> Self {
        let cause = Cause::invalid("patch", &Value::String(patched.to_string()), why);
        let message = format!(" \"\" is invalid: {}", cause.sentence());
        let causes = json!([{
            "reason": cause.reason, "message": cause.message, "field": cause.field,
        }]);
        Self::new(422, "Invalid", message).with_details(json!({ "causes": causes }))
    }

    /// 410 for a resourceVersion or continue token that the history no longer reaches.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 504 for a resourceVersion that the server has not reached.
    pub(crate) fn too_large_resource_version(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        Self::new(504, "Timeout", message).with_details(json!({
            "causes": [{
                "reason": "ResourceVersionTooLarge",
                "message": "Too large resource version",
            }],
            "retryAfterSeconds": 1,
        }))
    }

    /// 405 for a verb that the resource does not support.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    /// 405 for a verb that a custom resource's subresource does not support.
    pub(crate) fn verb_not_supported(resource: &Resource, verb: &str) -> Self {
        let kind = resource.qualified();
        let message = format!("{verb} is not supported on resources of kind \"{kind}\"");
        let details = json!({ "group": resource.group, "kind": resource.plural });
        Self::new(405, "MethodNotAllowed", message).with_details(details)
    }

    /// 415 for a body in a format that the resource does not accept.
    pub(crate) fn unsupported_media_type(accepted: &str) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types \
                 include: {accepted}"
            ),
        )
    }

    /// 503 from a server that is shutting down.
    pub(crate) fn shutting_down() -> Self {
        Self::new(503, "ServiceUnavailable", "the sandbox is shutting down")
    }

    /// 500 for an object that cannot be stored. etcd's message is repeated without a reason.
    pub(crate) fn not_stored(error: PersistError) -> Self {
        match error {
            PersistError::TooLarge => Self::new(500, "", error.to_string()),
            error => Self::internal(error),
        }
    }

    /// 500 for a fault of the server itself.
    pub(crate) fn internal(why: impl std::fmt::Display) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {why}"))
    }

    /// The HTTP status code.
    pub(crate) fn code(&self) -> u16 {
        self.0.code
    }

    /// The sentence for the user.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// The `Status` object to send.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.0.message,
            "code": self.0.code,
        });
        if !self.0.reason.is_empty() {
            status["reason"] = json!(self.0.reason);
        }
        if let Some(details) = &self.0.details {
            status["details"] = details.clone();
        }
        status
    }
}

fn details(resource: &Resource, name: &str) -> Value {
    let mut details = json!({ "name": name, "kind": resource.plural });
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    details
}
