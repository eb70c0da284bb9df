//! What a terminating namespace reports about what it waits for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Turn;
use crate::admission::metadata;

impl Turn<'_> {
    /// What a namespace holds, and its finalizers, as the conditions list them.
    fn remaining_in(&self, namespace: &str) -> (String, String) {
        let mut resources = Vec::new();
        let mut finalizers: BTreeMap<String, usize> = BTreeMap::new();
        for resource in self.state.registry.collections() {
            let objects = match resource.namespaced {
                true => self.state.store.scan(&resource.collection, Some(namespace)),
                false => Vec::new(),
            };
            for object in &objects {
                for finalizer in metadata::finalizers(&object.value()) {
                    *finalizers.entry(finalizer.to_owned()).or_default() += 1;
                }
            }
            if !objects.is_empty() {
                let count = objects.len();
                let (plural, group) = (&resource.plural, &resource.group);
                resources.push(format!("{plural}.{group} has {count} resource instances"));
            }
        }
        let finalizers: Vec<String> = finalizers
            .iter()
            .map(|(name, count)| format!("{name} in {count} resource instances"))
            .collect();
        (resources.join(", "), finalizers.join(", "))
    }

    /// The conditions of a terminating namespace, with the messages of Kubernetes' controller.
    pub(super) fn conditions_of_terminating(&self, namespace: &str) -> Value {
        let (resources, finalizers) = self.remaining_in(namespace);
        let remaining = match resources.as_str() {
            "" => ("ContentRemoved", "All content successfully removed".to_owned()),
            list => ("SomeResourcesRemain", format!("Some resources are remaining: {list}")),
        };
        let held = match finalizers.as_str() {
            "" => {
                ("ContentHasNoFinalizers", "All content-preserving finalizers finished".to_owned())
            }
            list => (
                "SomeFinalizersRemain",
                format!("Some content in the namespace has finalizers remaining: {list}"),
            ),
        };
        let now = self.timestamp();
        let condition = |kind: &str, is_true: bool, reason: &str, message: &str| {
            json!({
                "type": kind,
                "status": if is_true { "True" } else { "False" },
                "reason": reason,
                "message": message,
                "lastTransitionTime": now,
            })
        };
        json!([
            condition(
                "NamespaceDeletionDiscoveryFailure",
                false,
                "ResourcesDiscovered",
                "All resources successfully discovered",
            ),
            condition(
                "NamespaceDeletionGroupVersionParsingFailure",
                false,
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed",
            ),
            condition(
                "NamespaceDeletionContentFailure",
                false,
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization",
            ),
            condition(
                "NamespaceContentRemaining",
                !resources.is_empty(),
                remaining.0,
                &remaining.1,
            ),
            condition("NamespaceFinalizersRemaining", !finalizers.is_empty(), held.0, &held.1),
        ])
    }

    /// Records in a terminating namespace what holds it.
    pub(super) fn note_remaining(&mut self, namespace: &str) {
        let Ok(namespaces) = self.built_in(super::lifecycle::NAMESPACES) else { return };
        let Ok(live) = self.get(&namespaces, None, namespace) else { return };
        let mut object = live.value();
        object["status"]["conditions"] = self.conditions_of_terminating(namespace);
        let stored = self.state.store.put(&namespaces.collection, live.key.clone(), &mut object);
        if let Err(error) = stored {
            tracing::warn!(namespace, %error, "a namespace does not say what it waits for");
        }
    }
}
