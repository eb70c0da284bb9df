//! The built-in resources, as one table, and their schemas.

use std::sync::OnceLock;

use k8s_openapi::api::{
    apps, authentication, authorization, batch, coordination, core, discovery, events, networking,
    rbac,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use schemars::{JsonSchema, Schema as RawSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use super::{Behaviour, Conversion, NameRule, Resource, SchemaSource, SelectableFields, qualified};
use crate::admission::schema::Schema;
use crate::table;

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BuiltIn {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short_names: &'static [&'static str],
    flags: &'static str,
    schema: fn(&mut SchemaGenerator) -> RawSchema,
}

/// In the flags: `n` namespaced, `s` status subresource, `g` generation, `a` in category `all`,
/// `c` PUT creates, `v` virtual, `l`/`5`/`p` the name is a label, a service's or a path segment.
macro_rules! built_in {
    ($group:literal, $version:literal, $kind:literal, $plural:literal, [$($short:literal),*],
     $flags:literal, $type:ty) => {
        BuiltIn {
            group: $group,
            version: $version,
            kind: $kind,
            plural: $plural,
            short_names: &[$($short),*],
            flags: $flags,
            schema: reference::<$type>,
        }
    };
}

fn reference<T: JsonSchema>(generator: &mut SchemaGenerator) -> RawSchema {
    generator.subschema_for::<T>()
}

/// The table.
const BUILT_INS: &[BuiltIn] = &[
    built_in!("", "v1", "ConfigMap", "configmaps", ["cm"], "n", core::v1::ConfigMap),
    built_in!("", "v1", "Endpoints", "endpoints", ["ep"], "nc", core::v1::Endpoints),
    built_in!("", "v1", "Event", "events", ["ev"], "nc", core::v1::Event),
    built_in!("", "v1", "LimitRange", "limitranges", ["limits"], "n", core::v1::LimitRange),
    built_in!("", "v1", "Namespace", "namespaces", ["ns"], "sl", core::v1::Namespace),
    built_in!("", "v1", "Node", "nodes", ["no"], "s", core::v1::Node),
    built_in!(
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        ["pvc"],
        "ns",
        core::v1::PersistentVolumeClaim
    ),
    built_in!("", "v1", "Pod", "pods", ["po"], "nsga", core::v1::Pod),
    built_in!(
        "",
        "v1",
        "ResourceQuota",
        "resourcequotas",
        ["quota"],
        "ns",
        core::v1::ResourceQuota
    ),
    built_in!("", "v1", "Secret", "secrets", [], "n", core::v1::Secret),
    built_in!("", "v1", "Service", "services", ["svc"], "nsa5", core::v1::Service),
    built_in!("", "v1", "ServiceAccount", "serviceaccounts", ["sa"], "n", core::v1::ServiceAccount),
    built_in!(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        ["crd", "crds"],
        "sg",
        apiextensions::CustomResourceDefinition
    ),
    built_in!("apps", "v1", "DaemonSet", "daemonsets", ["ds"], "nsga", apps::v1::DaemonSet),
    built_in!("apps", "v1", "Deployment", "deployments", ["deploy"], "nsga", apps::v1::Deployment),
    built_in!("apps", "v1", "ReplicaSet", "replicasets", ["rs"], "nsga", apps::v1::ReplicaSet),
    built_in!("apps", "v1", "StatefulSet", "statefulsets", ["sts"], "nsga", apps::v1::StatefulSet),
    built_in!(
        "authentication.k8s.io",
        "v1",
        "SelfSubjectReview",
        "selfsubjectreviews",
        [],
        "v",
        authentication::v1::SelfSubjectReview
    ),
    built_in!(
        "authorization.k8s.io",
        "v1",
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        [],
        "nv",
        authorization::v1::LocalSubjectAccessReview
    ),
    built_in!(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        [],
        "v",
        authorization::v1::SelfSubjectAccessReview
    ),
    built_in!(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        [],
        "v",
        authorization::v1::SelfSubjectRulesReview
    ),
    built_in!(
        "authorization.k8s.io",
        "v1",
        "SubjectAccessReview",
        "subjectaccessreviews",
        [],
        "v",
        authorization::v1::SubjectAccessReview
    ),
    built_in!("batch", "v1", "CronJob", "cronjobs", ["cj"], "nsga", batch::v1::CronJob),
    built_in!("batch", "v1", "Job", "jobs", [], "nsga", batch::v1::Job),
    built_in!("coordination.k8s.io", "v1", "Lease", "leases", [], "nc", coordination::v1::Lease),
    built_in!(
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        [],
        "ng",
        discovery::v1::EndpointSlice
    ),
    built_in!("events.k8s.io", "v1", "Event", "events", ["ev"], "nc", events::v1::Event),
    built_in!(
        "networking.k8s.io",
        "v1",
        "Ingress",
        "ingresses",
        ["ing"],
        "nsg",
        networking::v1::Ingress
    ),
    built_in!(
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        ["netpol"],
        "ng",
        networking::v1::NetworkPolicy
    ),
    built_in!(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
        "clusterroles",
        [],
        "p",
        rbac::v1::ClusterRole
    ),
    built_in!(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        [],
        "p",
        rbac::v1::ClusterRoleBinding
    ),
    built_in!("rbac.authorization.k8s.io", "v1", "Role", "roles", [], "np", rbac::v1::Role),
    built_in!(
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings",
        [],
        "np",
        rbac::v1::RoleBinding
    ),
];

/// The resources of the table.
pub(super) fn resources() -> impl Iterator<Item = Resource> {
    BUILT_INS.iter().map(BuiltIn::resource)
}

impl BuiltIn {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn resource(&self) -> Resource {
        let api_version = match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        };
        // Both Event resources are views of one collection, stored as core/v1.
        let is_new_event = self.group == "events.k8s.io";
        Resource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            kind: self.kind.to_owned(),
            list_kind: format!("{}List", self.kind),
            plural: self.plural.to_owned(),
            singular: self.kind.to_lowercase(),
            short_names: self.short_names.iter().map(|&name| name.to_owned()).collect(),
            categories: self.has('a').then(|| "all".to_owned()).into_iter().collect(),
            namespaced: self.has('n'),
            collection: match is_new_event {
                true => "events".into(),
                false => qualified(self.plural, self.group).into(),
            },
            stored_api_version: if is_new_event { "v1".to_owned() } else { api_version },
            conversion: if is_new_event { Conversion::Events } else { Conversion::None },
            name_rule: match () {
                () if self.has('l') => NameRule::Label,
                () if self.has('5') => NameRule::ServiceLabel,
                () if self.has('p') => NameRule::PathSegment,
                () => NameRule::Subdomain,
            },
            behaviour: Behaviour {
                status: self.has('s'),
                generation: self.has('g'),
                unconditional_update: !matches!(
                    self.kind,
                    "Lease" | "CustomResourceDefinition" | "EndpointSlice"
                ),
                create_on_update: self.has('c'),
                is_virtual: self.has('v'),
            },
            columns: table::builtins::columns(self.kind),
            selectable_fields: SelectableFields::built_in(self.kind),
            schema: SchemaSource::BuiltIn { name: self.key(), schema: OnceLock::new() },
        }
    }

    /// Events are the only kind that two groups share; everything else is unique by kind.
    fn key(&self) -> &'static str {
        match self.group {
            "events.k8s.io" => "events.k8s.io/Event",
            _ => self.kind,
        }
    }
}

/// Compiles a built-in kind's schema; the recursive one of definitions is left to its own check.
pub(super) fn compile_schema(key: &str) -> Option<Schema> {
    if key == "CustomResourceDefinition" {
        return None;
    }
    let built_in = BUILT_INS.iter().find(|built_in| built_in.key() == key)?;
    let mut generator = generator();
    let root = (built_in.schema)(&mut generator).to_value();
    let definitions = Value::Object(generator.take_definitions(true));
    Some(Schema::compile(&root, &definitions))
}

/// A generator whose references match the API server's documents.
pub(crate) fn generator() -> SchemaGenerator {
    SchemaSettings::openapi3().with(|settings| settings.meta_schema = None).into_generator()
}

/// The schemas of a group's built-in kinds: a name for each kind, then all definitions.
pub(crate) fn definitions(
    group: &str,
    version: &str,
) -> (Vec<(&'static str, String)>, serde_json::Map<String, Value>) {
    let mut generator = generator();
    let mut kinds = Vec::new();
    for built_in in BUILT_INS {
        if built_in.group == group && built_in.version == version {
            let schema = (built_in.schema)(&mut generator).to_value();
            let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
            kinds.extend(name.map(|name| (built_in.kind, name.to_owned())));
        }
    }
    generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta>();
    generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta>();
    (kinds, generator.take_definitions(true))
}
