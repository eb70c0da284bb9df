//! The CustomResourceDefinitions, as submitted to an API server.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use crate::{
    GitOpsDeployment, GitOpsDeploymentManagedEnvironment, GitOpsDeploymentRepositoryCredential,
    GitOpsDeploymentSyncRun, Operation,
};

/// The header of the committed manifest.
const HEADER: &str = "\
# The custom resources of managed-gitops. Generated; do not edit. Regenerate with
#   managed-gitops crds > crds/manifests/managed-gitops.yaml
";

/// The CustomResourceDefinitions could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("could not write the CustomResourceDefinitions as YAML, report this as a bug: {0}")]
pub struct YamlError(#[from] serde_saphyr::ser::Error);

/// All CustomResourceDefinitions of this program, in the order in which a user needs them.
#[must_use]
pub fn all() -> Vec<CustomResourceDefinition> {
    [
        GitOpsDeployment::crd(),
        GitOpsDeploymentSyncRun::crd(),
        GitOpsDeploymentManagedEnvironment::crd(),
        GitOpsDeploymentRepositoryCredential::crd(),
        Operation::crd(),
    ]
    .map(compatible)
    .into()
}

/// The CustomResourceDefinitions as YAML, one document each; the same text every time.
///
/// # Errors
///
/// Only if a CustomResourceDefinition contains what YAML cannot express, which a test rules out.
pub fn yaml() -> Result<String, YamlError> {
    let mut text = HEADER.to_owned();
    for definition in all() {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&definition)?);
    }
    Ok(text)
}

/// Gives a derived definition the freedoms that the existing ones have: `spec` may be absent, an
/// explicit null is dropped rather than stored, and nothing is filled in by default.
fn compatible(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|it| it.open_api_v3_schema.as_mut());
        if let Some(root) = schema {
            root.required = None;
            simplify(root);
        }
    }
    definition
}

fn simplify(schema: &mut JSONSchemaProps) {
    schema.default = None;
    schema.nullable = None;
    schema.title = None;
    let items = match schema.items.as_mut() {
        Some(JSONSchemaPropsOrArray::Schema(item)) => std::slice::from_mut(item.as_mut()),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items,
        None => &mut [],
    };
    let values = match schema.additional_properties.as_mut() {
        Some(JSONSchemaPropsOrBool::Schema(value)) => Some(value.as_mut()),
        Some(JSONSchemaPropsOrBool::Bool(_)) | None => None,
    };
    let properties = schema.properties.iter_mut().flat_map(|properties| properties.values_mut());
    for part in items.iter_mut().chain(values).chain(properties) {
        simplify(part);
    }
}
