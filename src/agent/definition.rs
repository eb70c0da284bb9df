//! What the installed Argo CD supports, by its definition of an Application: the API server drops
//! any field that the definition lacks.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps,
};
use kube::api::Api;

use crate::kubernetes::{ApiError, api_error};

/// The definition's name.
const APPLICATIONS: &str = "applications.argoproj.io";
/// Where `retry.refresh` is, from Argo CD 3.2 on.
const REFRESH: [&str; 4] = ["spec", "syncPolicy", "retry", "refresh"];

/// Whether Argo CD can retry a failed sync at the newest commit.
pub(super) async fn knows_refresh(client: &kube::Client) -> Result<bool, ApiError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let definition = api.get(APPLICATIONS).await.map_err(api_error)?;
    Ok(has_field(&definition, &REFRESH))
}

fn has_field(definition: &CustomResourceDefinition, path: &[&str]) -> bool {
    let served = definition.spec.versions.iter().filter(|version| version.served);
    let ours = served.filter(|version| version.name == crds::names::VERSION);
    let schemas = ours.filter_map(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    schemas.into_iter().any(|schema| property(schema, path).is_some())
}

fn property<'a>(schema: &'a JSONSchemaProps, path: &[&str]) -> Option<&'a JSONSchemaProps> {
    path.iter().try_fold(schema, |schema, name| schema.properties.as_ref()?.get(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_where_the_definition_of_the_served_version_has_it() {
        let mut definition = argocd_stand_in::definitions().remove(0);
        assert!(has_field(&definition, &REFRESH));
        assert!(!has_field(&definition, &["spec", "syncPolicy", "retry", "unknown"]));
        assert!(!has_field(&definition, &["spec", "unknown", "retry", "refresh"]));
        definition.spec.versions[0].served = false;
        assert!(!has_field(&definition, &REFRESH));
    }
}
