//! Tokens of ServiceAccounts: made as anybody asks for them, and looked at by nobody.

use k8s_openapi::jiff::SignedDuration;
use serde_json::json;

use super::failure::Failure;
use super::request::{Request, Response};
use super::{Endpoint, Turn};
use crate::registry::Resource;

/// The subresource of a ServiceAccount.
pub(super) const SUBRESOURCE: &str = "token";
/// What Kubernetes takes where nothing is asked for.
const DEFAULT_SECONDS: i64 = 3_600;

/// Whether this resource has tokens.
pub(super) fn are_of(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.kind == "ServiceAccount"
}

impl Turn<'_> {
    /// The answer to a posted TokenRequest: the token of the sandbox's own kubeconfig.
    pub(super) fn request_token(
        &self,
        endpoint: &Endpoint<'_>,
        request: &Request,
    ) -> Result<Response, Failure> {
        self.get(endpoint.resource, endpoint.path.namespace, endpoint.name()?)?;
        let mut answer = request.json()?;
        if !answer.is_object() {
            return Err(Failure::bad_request("the body must be a JSON object"));
        }
        let seconds = answer.pointer("/spec/expirationSeconds").and_then(|one| one.as_i64());
        let seconds = seconds.unwrap_or(DEFAULT_SECONDS);
        let expires = self.now.saturating_add(SignedDuration::from_secs(seconds));
        let expires = expires.map_err(Failure::internal)?;
        answer["kind"] = json!("TokenRequest");
        answer["apiVersion"] = json!("authentication.k8s.io/v1");
        answer["status"] = json!({
            "token": "sandbox",
            "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        Ok(Response::value(201, &answer))
    }
}
