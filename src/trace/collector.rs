//! Sends what was recorded to the collector, over HTTP or HTTPS.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// How long the collector may take for one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes: it says how many spans were refused, and why.
const LONGEST_ANSWER: usize = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Collector {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// The SDK sends from a thread of its own, which has no runtime.
    runtime: Handle,
    is_failing: AtomicBool,
}

impl Collector {
    /// A client on the current runtime.
    ///
    /// # Errors
    ///
    /// The system's certificates cannot be read.
    pub(super) fn new() -> std::io::Result<Self> {
        let provider = rustls::crypto::ring::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, runtime: Handle::current(), is_failing: AtomicBool::new(false) })
    }

    /// Says once that spans are lost, and once that they no longer are.
    fn note(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let failure = match outcome {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        match failure {
            Some(error) if !self.is_failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(error, "the collector accepts no spans; they are lost");
            }
            None if self.is_failing.swap(false, Ordering::Relaxed) => {
                tracing::info!("the collector accepts spans again");
            }
            _ => {}
        }
    }
}

async fn send(
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = async move { tokio::time::timeout(TIMEOUT, send(client, request)).await };
        let sending = self.runtime.spawn(sending);
        let outcome = match sending.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(late)) => Err(late.into()),
            Err(ended) => Err(ended.into()),
        };
        self.note(&outcome);
        outcome
    }
}
