//! The API server's core: synchronous, with an injected clock and uids, and one lock around its
//! state.

mod definitions;
mod delete;
pub(crate) mod encode;
pub(crate) mod failure;
mod lifecycle;
mod namespaces;
mod options;
mod read;
pub(crate) mod request;
mod reviews;
mod rules;
mod tokens;
mod write;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use http::Method;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::jiff::Timestamp;
use kube::core::cel::Validator;
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use uuid::Uuid;

pub use failure::BODY_LIMIT_BYTES;
pub use request::{Reply, Request, Response};

use crate::clock::Clock;
use crate::openapi;
use crate::registry::{Registry, Resource, discovery};
use crate::store::{PersistError, Store};
use delete::DeleteOptions;
use encode::Encoder;
use failure::Failure;
use options::WriteOptions;
use request::{Parameters, ResourcePath};

/// Events kept per resource. A watcher that is further behind has to list again; a thousand cover a
/// burst of writes to every object of a thousand-deployment installation.
pub const DEFAULT_HISTORY_LIMIT: usize = 1_024;

/// Namespaces that exist from the start.
const INITIAL_NAMESPACES: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Where uids and the random parts of generated names come from.
pub type UidSource = Box<dyn Fn() -> Uuid + Send + Sync>;

/// The settings of a server.
pub struct Settings {
    /// The clock; the system's by default.
    pub clock: Clock,
    /// The uids; random ones by default.
    pub uids: UidSource,
    /// Events kept per resource.
    pub history_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            uids: Box::new(Uuid::new_v4),
            history_limit: DEFAULT_HISTORY_LIMIT,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Settings").field("history_limit", &self.history_limit).finish()
    }
}

/// The number of requests by verb and resource.
pub type RequestCounts = BTreeMap<(String, String), u64>;

/// An API server without any network.
pub struct ApiServer {
    state: Mutex<State>,
    clock: Clock,
    uids: UidSource,
}

/// Everything behind the lock.
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    validator: Validator,
    counts: RequestCounts,
    /// The data directory was released, so nothing can be guaranteed any more.
    closed: bool,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ApiServer").finish_non_exhaustive()
    }
}

impl ApiServer {
    /// A server that forgets everything when it is dropped.
    ///
    /// Its resource versions start at the clock's seconds, so that those of an earlier server are
    /// recognised as too old.
    pub fn in_memory(settings: Settings) -> Arc<Self> {
        let start = settings.clock.now().as_second().max(0).unsigned_abs();
        let store = Store::in_memory(settings.history_limit, start);
        Self::with_store(settings, store)
    }

    /// A server that keeps everything in a directory.
    pub fn open(settings: Settings, directory: &Path) -> Result<Arc<Self>, PersistError> {
        let store = Store::open(directory, settings.history_limit)?;
        Ok(Self::with_store(settings, store))
    }

    fn with_store(settings: Settings, store: Store) -> Arc<Self> {
        let Settings { clock, uids, history_limit: _ } = settings;
        let state = State {
            store,
            registry: Registry::new(),
            validator: Validator::new(),
            counts: RequestCounts::new(),
            closed: false,
        };
        let server = Arc::new(Self { state: Mutex::new(state), clock, uids });
        server.restore();
        server
    }

    /// Serves what is stored, and resumes what an earlier process may have left unfinished.
    fn restore(self: &Arc<Self>) {
        let mut guard = self.lock();
        let mut turn = self.turn(&mut guard);
        turn.restore();
        for name in INITIAL_NAMESPACES {
            let path = "/api/v1/namespaces";
            let namespace = json!({ "metadata": { "name": name } });
            let exists = turn.create_at(path, namespace);
            if let Err(failure) = exists
                && failure.code() != 409
            {
                tracing::warn!(namespace = name, error = failure.message(), "no such namespace");
            }
        }
    }

    /// Answers a request.
    pub fn handle(self: &Arc<Self>, request: &Request) -> Reply {
        match self.route(request) {
            Ok(reply) => reply,
            Err(failure) => Reply::Full(failure.into()),
        }
    }

    /// Installs or updates a CustomResourceDefinition.
    pub fn install(
        self: &Arc<Self>,
        definition: &CustomResourceDefinition,
    ) -> Result<(), InstallError> {
        let name = definition.metadata.name.clone().unwrap_or_default();
        let refused = |failure: Failure| InstallError {
            name: name.clone(),
            reason: failure.message().to_owned(),
        };
        let value = serde_json::to_value(definition)
            .map_err(|error| InstallError { name: name.clone(), reason: error.to_string() })?;
        let mut guard = self.lock();
        self.turn(&mut guard).install(value).map_err(refused)
    }

    /// The newest resource version.
    pub fn resource_version(&self) -> u64 {
        self.lock().store.resource_version()
    }

    /// The number of requests by verb and resource.
    pub fn request_counts(&self) -> RequestCounts {
        self.lock().counts.clone()
    }

    /// Drops the history, so that earlier watches have to start over.
    pub fn compact(&self) {
        self.lock().store.compact();
    }

    /// Releases the data directory and rejects every request from now on.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.store.close();
    }

    /// The server's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The state. A panic elsewhere leaves it consistent: objects are replaced as a whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn turn<'a>(&'a self, state: &'a mut State) -> Turn<'a> {
        Turn { state, now: self.now(), uids: &self.uids }
    }

    fn route(self: &Arc<Self>, request: &Request) -> Result<Reply, Failure> {
        if let Some(path) = ResourcePath::parse(&request.path) {
            return self.route_resource(request, &path);
        }
        if request.method != Method::GET {
            return Err(Failure::no_such_path());
        }
        self.document(request).map(Reply::Full)
    }

    fn document(&self, request: &Request) -> Result<Response, Failure> {
        let state = self.lock();
        let aggregated = request.accept.contains("as=APIGroupDiscoveryList");
        let discovered = |core: bool| Response {
            content_type: discovery::AGGREGATED,
            ..Response::value(200, &state.registry.aggregated(core))
        };
        let segments: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
        let document = match segments.as_slice() {
            ["healthz" | "livez" | "readyz", ..] => return Ok(Response::text("ok")),
            ["version"] => discovery::version(),
            ["api"] if aggregated => return Ok(discovered(true)),
            ["apis"] if aggregated => return Ok(discovered(false)),
            ["api"] => discovery::api_versions(""),
            ["apis"] => state.registry.group_list(),
            ["api", version] => {
                state.registry.resource_list("", version).ok_or_else(Failure::no_such_path)?
            }
            ["apis", group] => state.registry.group(group).ok_or_else(Failure::no_such_path)?,
            ["apis", group, version] => {
                state.registry.resource_list(group, version).ok_or_else(Failure::no_such_path)?
            }
            ["openapi", rest @ ..] => {
                return openapi::document(&state.registry, &state.store, rest, &request.accept);
            }
            [] => json!({ "paths": ["/api", "/apis", "/healthz", "/openapi/v3", "/version"] }),
            _ => return Err(Failure::no_such_path()),
        };
        Ok(Response::value(200, &document))
    }

    fn route_resource(
        self: &Arc<Self>,
        request: &Request,
        path: &ResourcePath<'_>,
    ) -> Result<Reply, Failure> {
        let parameters = request.parameters();
        let mut guard = self.lock();
        if guard.closed {
            return Err(Failure::shutting_down());
        }
        let found = guard.registry.find(path.group, path.version, path.plural);
        let resource = found.ok_or_else(Failure::no_such_path)?;
        if path.namespace.is_some() && !resource.namespaced {
            return Err(Failure::no_such_path());
        }
        let verb = verb(&request.method, path, &parameters);
        *guard.counts.entry((verb.to_owned(), resource.qualified())).or_default() += 1;
        if resource.behaviour.is_virtual {
            let review = reviews::answer(&resource, request)?;
            return Ok(Reply::Full(Response::value(201, &review)));
        }
        let encoder = Encoder::negotiate(request, &parameters)?;
        let endpoint = Endpoint { resource: &resource, path, parameters: &parameters, encoder };
        if verb == "watch" {
            return read::watch(self, &mut guard, &endpoint).map(Reply::Watch);
        }
        self.turn(&mut guard).answer(verb, &endpoint, request).map(Reply::Full)
    }
}

/// Why a CustomResourceDefinition was not installed.
#[derive(Debug, thiserror::Error)]
#[error(
    "the CustomResourceDefinition {name} cannot be installed: {reason}; correct the definition"
)]
pub struct InstallError {
    name: String,
    reason: String,
}

/// The target of a request.
struct Endpoint<'a> {
    resource: &'a Arc<Resource>,
    path: &'a ResourcePath<'a>,
    parameters: &'a Parameters,
    encoder: Encoder,
}

impl Endpoint<'_> {
    fn name(&self) -> Result<&str, Failure> {
        self.path.name.ok_or_else(Failure::method_not_allowed)
    }
}

/// The verb as access rules and metrics name it.
fn verb(method: &Method, path: &ResourcePath<'_>, parameters: &Parameters) -> &'static str {
    match (method, path.name.is_some()) {
        (&Method::GET, false) if parameters.flag("watch") => "watch",
        (&Method::GET, false) => "list",
        (&Method::GET, true) => "get",
        (&Method::POST, _) => "create",
        (&Method::PUT, _) => "update",
        (&Method::PATCH, _) => "patch",
        (&Method::DELETE, true) => "delete",
        (&Method::DELETE, false) => "deletecollection",
        _ => "unknown",
    }
}

/// One request's exclusive access to the state, with the time of the request.
pub(crate) struct Turn<'a> {
    state: &'a mut State,
    now: Timestamp,
    uids: &'a UidSource,
}

impl Turn<'_> {
    fn answer(
        &mut self,
        verb: &str,
        endpoint: &Endpoint<'_>,
        request: &Request,
    ) -> Result<Response, Failure> {
        let Endpoint { resource, path, parameters, encoder } = endpoint;
        self.check_subresource(resource, path, verb)?;
        match verb {
            "get" => {
                let object = self.get(resource, path.namespace, endpoint.name()?)?;
                Ok(encoder.one(200, resource, &object, self.now))
            }
            "list" => self.list(endpoint),
            "create" if path.subresource == Some(tokens::SUBRESOURCE) => {
                self.request_token(endpoint, request)
            }
            "create" if path.name.is_none() => {
                let options = WriteOptions::read(request, parameters, "CreateOptions")?;
                let body = request.object()?;
                let outcome = self.create(resource, path.namespace, body, &options)?;
                Ok(outcome.response(201, resource, *encoder, self.now))
            }
            "update" => {
                let options = WriteOptions::read(request, parameters, "UpdateOptions")?;
                self.update(endpoint, request.object()?, &options)
            }
            "patch" => {
                let options = WriteOptions::read(request, parameters, "PatchOptions")?;
                self.patch(endpoint, request, &options)
            }
            "delete" => {
                let options = DeleteOptions::read(request, parameters)?;
                self.delete_one(endpoint, &options)
            }
            "deletecollection" => {
                let options = DeleteOptions::read(request, parameters)?;
                self.delete_collection(endpoint, &options)
            }
            _ => Err(Failure::method_not_allowed()),
        }
    }

    fn check_subresource(
        &self,
        resource: &Resource,
        path: &ResourcePath<'_>,
        verb: &str,
    ) -> Result<(), Failure> {
        match path.subresource {
            None => Ok(()),
            Some("status") if resource.behaviour.status => match verb {
                "get" | "update" | "patch" => Ok(()),
                _ if resource.is_custom() => Err(Failure::verb_not_supported(resource, verb)),
                _ => Err(Failure::method_not_allowed()),
            },
            Some("finalize") if resource.is_namespace() && verb == "update" => Ok(()),
            Some(tokens::SUBRESOURCE) if tokens::are_of(resource) => match verb {
                "create" => Ok(()),
                _ => Err(Failure::method_not_allowed()),
            },
            Some(_) if resource.is_custom() => {
                Err(Failure::not_found(resource, path.name.unwrap_or_default()))
            }
            Some(_) => Err(Failure::no_such_path()),
        }
    }

    /// The resource of a built-in path, for the server's own writes.
    fn built_in(&self, path: &str) -> Result<Arc<Resource>, Failure> {
        ResourcePath::parse(path)
            .and_then(|path| self.state.registry.find(path.group, path.version, path.plural))
            .ok_or_else(|| Failure::internal(format!("no resource at {path}")))
    }

    /// Creates an object on the server's own behalf.
    fn create_at(&mut self, path: &str, body: Value) -> Result<(), Failure> {
        let resource = self.built_in(path)?;
        self.create(&resource, None, body, &WriteOptions::internal()).map(|_| ())
    }

    /// The time as Kubernetes writes it: to the second.
    fn timestamp(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
