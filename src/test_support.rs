//! What the unit tests of several modules need.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use machines::identity::DeploymentUid;
use machines::kinds::managed_environment::EnvironmentUid;
use machines::kinds::repository_credential::CredentialUid;
use machines::rows::Requester;
use sandbox::ApiServer;
use schema::connection::{ConnectOptions, Database, connect};

use crate::signals::Listener;

/// A client of a new API server with these definitions and this namespace.
pub(crate) async fn api_server(
    definitions: impl IntoIterator<Item = CustomResourceDefinition>,
    namespace: &str,
) -> kube::Client {
    let server = ApiServer::in_memory(sandbox::api::Settings::default());
    for definition in definitions {
        server.install(&definition).expect("a definition");
    }
    let client = sandbox::client(server, namespace);
    let mut object = Namespace::default();
    object.metadata.name = Some(namespace.to_owned());
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.create(&PostParams::default(), &object).await.expect("a namespace");
    client
}

/// A client whose server never answers.
pub(crate) fn no_api_server() -> kube::Client {
    let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
        Err::<http::Response<kube::client::Body>, _>(std::io::Error::other("no server"))
    });
    kube::Client::new(service, "default")
}

/// An empty database.
pub(crate) async fn database() -> Database {
    let database = connect("sqlite::memory:", &ConnectOptions::default()).await.expect("it opens");
    schema::migrate(&database).await.expect("tables");
    database
}

/// A listener that ignores what it hears.
pub(crate) struct Nobody;

impl Listener for Nobody {
    fn operation_changed(&self, _: &Requester) {}
    fn report_changed(&self, _: &DeploymentUid) {}
    fn application_differs(&self, _: &DeploymentUid) {}
    fn secret_differs(&self, _: &CredentialUid) {}
    fn cluster_differs(&self, _: &EnvironmentUid) {}
    fn is_behind(&self, _: &str) -> bool {
        false
    }
}
