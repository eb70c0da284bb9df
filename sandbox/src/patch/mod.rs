//! The four ways to patch an object.

pub(crate) mod apply;
mod strategic;

use json_patch::PatchOperation;
use serde_json::{Map, Value};

use crate::api::failure::Failure;
use crate::api::request::Request;
use crate::json;
use crate::registry::Resource;

pub(crate) use strategic::merge_keys;

/// The API server's limit on operations of one JSON patch.
const OPERATIONS_LIMIT: usize = 10_000;

/// A patch as it was sent.
#[derive(Debug, Clone)]
pub(crate) enum Patch {
    Json(Vec<PatchOperation>),
    Merge(Value),
    Strategic(Value),
    Apply(Value),
}

impl Patch {
    /// Reads the body by its content type.
    pub(crate) fn read(resource: &Resource, request: &Request) -> Result<Self, Failure> {
        match request.media_type() {
            "application/json-patch+json" => {
                let operations: Vec<Value> = json::read(&request.body).map_err(undecodable)?;
                if operations.len() > OPERATIONS_LIMIT {
                    let count = operations.len();
                    return Err(Failure::new(
                        413,
                        "RequestEntityTooLarge",
                        format!(
                            "The allowed maximum operations in a JSON patch is \
                             {OPERATIONS_LIMIT}, got {count}"
                        ),
                    ));
                }
                let operations = operations.into_iter().map(serde_json::from_value);
                let operations = operations.collect::<Result<_, _>>();
                operations.map(Self::Json).map_err(|_| Failure::patch_rejected())
            }
            "application/merge-patch+json" => Ok(Self::Merge(fields(request)?)),
            "application/strategic-merge-patch+json" if !resource.is_custom() => {
                Ok(Self::Strategic(fields(request)?))
            }
            "application/apply-patch+yaml" => Ok(Self::Apply(request.json()?)),
            _ if resource.is_custom() => Err(Failure::unsupported_media_type(
                "application/json-patch+json, application/merge-patch+json, \
                 application/apply-patch+yaml",
            )),
            _ => Err(Failure::unsupported_media_type(
                "application/json-patch+json, application/merge-patch+json, \
                 application/strategic-merge-patch+json, application/apply-patch+yaml",
            )),
        }
    }

    /// The patched object, for every kind of patch except an apply.
    pub(crate) fn patched(&self, object: &Value) -> Result<Value, Failure> {
        let mut patched = object.clone();
        match self {
            Self::Json(operations) => apply_operations(&mut patched, operations)?,
            Self::Merge(patch) => json_patch::merge(&mut patched, patch),
            Self::Strategic(patch) => strategic::merge(&mut patched, patch),
            Self::Apply(_) => {}
        }
        if patched.is_object() { Ok(patched) } else { Err(Failure::patch_rejected()) }
    }
}

/// The body of a patch that is itself an object.
fn fields(request: &Request) -> Result<Value, Failure> {
    request.check_length()?;
    let fields: Map<String, Value> = json::read(&request.body).map_err(undecodable)?;
    Ok(Value::Object(fields))
}

fn undecodable(error: serde_json::Error) -> Failure {
    Failure::bad_request(format!("error decoding patch: {error}"))
}

fn apply_operations(object: &mut Value, operations: &[PatchOperation]) -> Result<(), Failure> {
    for operation in operations {
        // In a test, the API server treats a missing field as null; kube-rs's finalizers need this.
        if let PatchOperation::Test(test) = operation
            && test.value.is_null()
            && test.path.resolve(object).is_err()
        {
            continue;
        }
        // It treats a replacement of a missing field as an addition.
        let operation = match operation {
            PatchOperation::Replace(replace) if replace.path.resolve(object).is_err() => {
                let (path, value) = (replace.path.clone(), replace.value.clone());
                &PatchOperation::Add(json_patch::AddOperation { path, value })
            }
            operation => operation,
        };
        json_patch::patch(object, std::slice::from_ref(operation))
            .map_err(|_| Failure::patch_rejected())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operations(value: Value) -> Patch {
        Patch::Json(serde_json::from_value(value).expect("a JSON patch"))
    }

    #[test]
    fn a_json_patch_may_test_that_a_field_is_missing() {
        let object = json!({ "metadata": { "name": "a" } });
        let patch = operations(json!([
            { "op": "test", "path": "/metadata/finalizers", "value": null },
            { "op": "add", "path": "/metadata/finalizers", "value": ["f"] },
        ]));
        let patched = patch.patched(&object).expect("patched");
        assert_eq!(patched["metadata"]["finalizers"], json!(["f"]));
        let refused = patch.patched(&patched).expect_err("the test fails the second time");
        assert_eq!(refused.code(), 422);
    }

    #[test]
    fn a_merge_patch_removes_by_null_and_replaces_lists() {
        let object = json!({ "a": { "b": 1, "c": [1, 2] } });
        let patch = Patch::Merge(json!({ "a": { "b": null, "c": [3] } }));
        assert_eq!(patch.patched(&object).expect("patched"), json!({ "a": { "c": [3] } }));
    }
}
