//! Getting, listing and starting to watch.

use std::sync::Arc;

use super::encode::ListMetadata;
use super::failure::Failure;
use super::options::{check_list, check_watch};
use super::request::{Parameters, Response};
use super::{ApiServer, Endpoint, State, Turn};
use crate::registry::Resource;
use crate::selectors::Filter;
use crate::store::{HistoryGap, Key, Object};
use crate::watch::{Options, Watch};
use parking_lot::MutexGuard;

impl Turn<'_> {
    /// One object, or 404.
    pub(super) fn get(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Arc<Object>, Failure> {
        let key = Key::new(namespace.unwrap_or_default(), name);
        self.state
            .store
            .get(&resource.collection, &key)
            .ok_or_else(|| Failure::not_found(resource, name))
    }

    /// A list, or a page of one.
    pub(super) fn list(&self, endpoint: &Endpoint<'_>) -> Result<Response, Failure> {
        let Endpoint { resource, parameters, encoder, .. } = endpoint;
        check_list(parameters)?;
        let filter = filter(endpoint)?;
        let page = Page::read(parameters, self.state.store.resource_version())?;
        let namespace = filter.namespace.as_deref();
        let objects = match page.at {
            None => self.state.store.scan(&resource.collection, namespace),
            Some(at) => self
                .state
                .store
                .scan_at(&resource.collection, namespace, at)
                .map_err(|gap| page.expired(gap))?,
        };
        let mut objects: Vec<Arc<Object>> = objects
            .into_iter()
            .filter(|object| page.after.as_ref().is_none_or(|after| object.key > *after))
            .filter(|object| filter.matches(object))
            .collect();
        let mut metadata = ListMetadata {
            resource_version: page.at.unwrap_or_else(|| self.state.store.resource_version()),
            ..ListMetadata::default()
        };
        if let Some(limit) = page.limit.filter(|&limit| objects.len() > limit) {
            let rest = objects.split_off(limit);
            metadata.remaining = (!filter.has_selectors()).then_some(rest.len());
            metadata.continue_token =
                objects.last().map(|last| token(metadata.resource_version, &last.key));
        }
        Ok(encoder.list(resource, &objects, &metadata, self.now))
    }
}

/// Which part of which version of a collection is requested.
#[derive(Debug, Default)]
struct Page {
    limit: Option<usize>,
    at: Option<u64>,
    after: Option<Key>,
    continues: bool,
}

impl Page {
    fn read(parameters: &Parameters, current: u64) -> Result<Self, Failure> {
        let limit = parameters
            .number("limit")?
            .filter(|&limit| limit > 0)
            .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let wanted = resource_version(parameters)
            .map_err(|why| Failure::bad_request(format!("invalid resource version: {why}")))?;
        if let Some(text) = parameters.get("continue") {
            if wanted.is_some_and(|wanted| wanted > 0) {
                return Err(Failure::bad_request(
                    "specifying resource version is not allowed when using continue",
                ));
            }
            let (at, after) = read_token(text).ok_or_else(|| {
                Failure::bad_request("continue key is not valid: start the list anew")
            })?;
            return Ok(Self { limit, at: Some(at), after: Some(after), continues: true });
        }
        let wanted = wanted.filter(|&wanted| wanted > 0);
        if let Some(wanted) = wanted.filter(|&wanted| wanted > current) {
            return Err(Failure::too_large_resource_version(wanted, current));
        }
        let exact = parameters.get("resourceVersionMatch") == Some("Exact");
        Ok(Self { limit, at: wanted.filter(|_| exact), after: None, continues: false })
    }

    fn expired(&self, _gap: HistoryGap) -> Failure {
        if self.continues {
            return Failure::expired(
                "The provided continue parameter is too old to display a consistent list \
                 result. You can start a new list without the continue parameter.",
            );
        }
        let at = self.at.unwrap_or_default();
        Failure::expired(format!("The resourceVersion for the provided list is too old: {at}"))
    }
}

/// A continue token: the list's resource version and the last key. Namespaces contain no dot.
fn token(resource_version: u64, last: &Key) -> String {
    format!("{resource_version}.{}.{}", last.namespace, last.name)
}

fn read_token(token: &str) -> Option<(u64, Key)> {
    let mut parts = token.splitn(3, '.');
    let at = parts.next()?.parse().ok()?;
    Some((at, Key::new(parts.next()?, parts.next()?)))
}

/// The requested version; the error is the message of a rejection.
fn resource_version(parameters: &Parameters) -> Result<Option<u64>, String> {
    let Some(text) = parameters.get("resourceVersion") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": \
             invalid syntax"
        )
    })
}

/// The namespace and selectors of a request for several objects.
pub(super) fn filter(endpoint: &Endpoint<'_>) -> Result<Filter, Failure> {
    let Endpoint { path, parameters, resource, .. } = endpoint;
    let fields = &resource.selectable_fields;
    Filter::new(
        path.namespace,
        fields,
        parameters.get("labelSelector"),
        parameters.get("fieldSelector"),
    )
    .map_err(Failure::bad_request)
}

/// Starts a watch.
pub(super) fn watch(
    server: &Arc<ApiServer>,
    guard: &mut MutexGuard<'_, State>,
    endpoint: &Endpoint<'_>,
) -> Result<Box<Watch>, Failure> {
    let Endpoint { resource, parameters, encoder, .. } = endpoint;
    let store = &mut guard.store;
    let filter = filter(endpoint)?;
    check_watch(parameters)?;
    let wanted = resource_version(parameters).map_err(|why| Failure::new(500, "", why))?;
    let wanted = wanted.filter(|&wanted| wanted > 0);
    let streaming_list = parameters.get("sendInitialEvents").map(|text| text == "true");
    let initial_events = streaming_list.unwrap_or(wanted.is_none());
    if let Some(wanted) = wanted {
        let current = store.resource_version();
        if initial_events && wanted > current {
            return Err(Failure::too_large_resource_version(wanted, current));
        }
    }
    let bookmarks = parameters.flag("allowWatchBookmarks");
    let options = Options {
        // Initial events show the present, so the watch continues from there.
        resource_version: wanted.filter(|_| !initial_events),
        initial_events,
        initial_events_end: streaming_list == Some(true) && bookmarks,
        bookmarks,
        timeout_seconds: parameters.number("timeoutSeconds")?.filter(|&seconds| seconds > 0),
    };
    Ok(Box::new(Watch::start(server, store, resource, filter, *encoder, options)))
}
