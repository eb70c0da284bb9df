//! Discovery documents, in the aggregated and the older form.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Registry, Resource};

/// The content type of the aggregated form; kubectl compares it literally.
pub(crate) const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The Kubernetes release that the server claims to be.
const GIT_VERSION: &str = "v1.34.0";

/// The `/version` document.
pub(crate) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "34",
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// The `/api` document.
pub(crate) fn api_versions(host: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": host }],
    })
}

impl Registry {
    /// All groups except the core one, each with its versions, newest first.
    fn groups(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for resource in self.iter().filter(|resource| !resource.group.is_empty()) {
            let versions = groups.entry(&resource.group).or_default();
            if !versions.contains(&resource.version.as_str()) {
                versions.push(&resource.version);
            }
        }
        for versions in groups.values_mut() {
            versions.sort_by_key(|version| std::cmp::Reverse(version_priority(version)));
        }
        groups
    }

    /// The `/apis` document.
    pub(crate) fn group_list(&self) -> Value {
        let groups: Vec<Value> =
            self.groups().iter().map(|(group, versions)| api_group(group, versions)).collect();
        json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
    }

    /// The `/apis/<group>` document.
    pub(crate) fn group(&self, group: &str) -> Option<Value> {
        let groups = self.groups();
        let versions = groups.get(group)?;
        let mut document = api_group(group, versions);
        document["kind"] = json!("APIGroup");
        document["apiVersion"] = json!("v1");
        Some(document)
    }

    /// The `/api/v1` and `/apis/<group>/<version>` documents.
    pub(crate) fn resource_list(&self, group: &str, version: &str) -> Option<Value> {
        let resources: Vec<Value> = self
            .iter()
            .filter(|resource| resource.group == group && resource.version == version)
            .flat_map(|resource| legacy_entries(resource))
            .collect();
        let group_version = match group {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        };
        (!resources.is_empty()).then(|| {
            json!({
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": group_version,
                "resources": resources,
            })
        })
    }

    /// The aggregated document of `/api` (the core group) or of `/apis` (all others).
    pub(crate) fn aggregated(&self, core: bool) -> Value {
        let groups = match core {
            true => BTreeMap::from([("", vec!["v1"])]),
            false => self.groups(),
        };
        let items: Vec<Value> = groups
            .iter()
            .map(|(group, versions)| {
                let versions: Vec<Value> = versions
                    .iter()
                    .map(|version| self.aggregated_version(group, version))
                    .collect();
                json!({ "metadata": { "name": group }, "versions": versions })
            })
            .collect();
        json!({
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": items,
        })
    }

    fn aggregated_version(&self, group: &str, version: &str) -> Value {
        let resources: Vec<Value> = self
            .iter()
            .filter(|resource| resource.group == group && resource.version == version)
            .map(|resource| aggregated_entry(resource))
            .collect();
        json!({ "version": version, "freshness": "Current", "resources": resources })
    }
}

fn api_group(group: &str, versions: &[&str]) -> Value {
    let entry = |version: &&str| {
        let group_version = format!("{group}/{version}");
        json!({ "groupVersion": group_version, "version": version })
    };
    let versions: Vec<Value> = versions.iter().map(entry).collect();
    json!({ "name": group, "preferredVersion": versions.first(), "versions": versions })
}

fn legacy_entries(resource: &Resource) -> Vec<Value> {
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs(),
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    let mut entries = vec![entry];
    if resource.behaviour.status {
        entries.push(json!({
            "name": format!("{}/status", resource.plural),
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": ["get", "patch", "update"],
        }));
    }
    entries
}

fn aggregated_entry(resource: &Resource) -> Value {
    let response_kind = json!({
        "group": resource.group,
        "version": resource.version,
        "kind": resource.kind,
    });
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": response_kind,
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs(),
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    if resource.behaviour.status {
        entry["subresources"] = json!([{
            "subresource": "status",
            "responseKind": response_kind,
            "verbs": ["get", "patch", "update"],
        }]);
    }
    entry
}

/// Orders versions as Kubernetes does: general availability, then beta, then alpha, then the rest.
fn version_priority(version: &str) -> (u8, u32, u32) {
    let Some(rest) = version.strip_prefix('v') else {
        return (0, 0, 0);
    };
    let digits = |text: &str| -> u32 { text.parse().unwrap_or_default() };
    for (stage, rank) in [("beta", 2), ("alpha", 1)] {
        if let Some((major, minor)) = rest.split_once(stage) {
            return (rank, digits(major), digits(minor));
        }
    }
    match rest.parse() {
        Ok(major) => (3, major, 0),
        Err(_) => (0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_offered_newest_and_stablest_first() {
        let mut versions = vec!["v1alpha1", "v2", "v1beta2", "v1", "v10", "foo", "v1beta10"];
        versions.sort_by_key(|version| std::cmp::Reverse(version_priority(version)));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "foo"]);
    }

    #[test]
    fn the_core_group_is_discovered_separately() {
        let registry = Registry::new();
        let core = registry.aggregated(true);
        assert_eq!(core["items"][0]["metadata"]["name"], "");
        let names: Vec<&str> = registry.groups().into_keys().collect();
        assert!(names.contains(&"apps") && !names.contains(&""), "{names:?}");
        let list = registry.resource_list("", "v1").expect("the core list");
        let resources = list["resources"].as_array().expect("resources");
        assert!(resources.iter().any(|entry| entry["name"] == "namespaces/status"));
    }
}
