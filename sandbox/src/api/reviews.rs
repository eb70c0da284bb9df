//! Access and subject reviews: a sandbox allows everything.

use serde_json::{Value, json};

use super::failure::Failure;
use super::request::Request;
use crate::registry::Resource;

/// The answer to a posted review.
pub(super) fn answer(resource: &Resource, request: &Request) -> Result<Value, Failure> {
    if request.method != http::Method::POST {
        return Err(Failure::method_not_allowed());
    }
    let mut review = request.json()?;
    if !review.is_object() {
        return Err(Failure::bad_request("the body must be a JSON object"));
    }
    review["kind"] = json!(resource.kind);
    review["apiVersion"] = json!(resource.api_version());
    review["status"] = match resource.kind.as_str() {
        "SelfSubjectReview" => json!({
            "userInfo": { "username": "sandbox", "groups": ["system:masters"] },
        }),
        "SelfSubjectRulesReview" => json!({
            "incomplete": false,
            "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
            "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
        }),
        _ => json!({ "allowed": true, "reason": "the sandbox allows everything" }),
    };
    Ok(review)
}
