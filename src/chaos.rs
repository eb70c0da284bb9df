//! Failures on purpose: of the calls to the database and of the requests to the Kubernetes API, some
//! fail, either before they are carried out or after, so that only the answer is lost. For tests of an
//! installation; the program is killed from outside.

use http::Request;
use kube::client::{Body, ClientBuilder};
use schema::BoxFuture;
use schema::gate::{Cut, Gate, Work};
use tower::BoxError;

use crate::kubernetes::{CountedClient, labels};
use crate::metrics::RequestLabels;

/// So many of a hundred calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRate(u8);

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is not carried out, and fails.
    Refused,
    /// It is carried out, and its caller sees a failure.
    AnswerLost,
}

impl FailureRate {
    /// A rate in percent; `None` above 100.
    pub fn percent(percent: u8) -> Option<Self> {
        (percent <= 100).then_some(Self(percent))
    }

    pub(crate) fn draw(self) -> Fate {
        self.fate(fastrand::u8(0..100), fastrand::bool())
    }

    fn fate(self, draw: u8, is_carried_out: bool) -> Fate {
        match draw < self.0 {
            false => Fate::Answered,
            true if is_carried_out => Fate::AnswerLost,
            true => Fate::Refused,
        }
    }
}

impl std::fmt::Display for FailureRate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} %", self.0)
    }
}

/// As a gate, it fails calls of the store.
impl Gate for FailureRate {
    fn pass<'a>(&'a self, call: &'static str, work: Work<'a>) -> BoxFuture<'a, Result<(), Cut>> {
        Box::pin(async move {
            let fate = self.draw();
            if fate == Fate::Refused {
                tracing::debug!(call, "chaos: a call of the database is refused");
                return Err(Cut);
            }
            work.await;
            if fate == Fate::AnswerLost {
                tracing::debug!(call, "chaos: the answer to a call of the database is lost");
                return Err(Cut);
            }
            Ok(())
        })
    }
}

/// The same client, but requests of every kind fail at this rate, also those for Leases: a replica may
/// lose its turn, and end. Only what is sent is counted.
pub fn unreliable(client: CountedClient, rate: FailureRate) -> CountedClient {
    let CountedClient { client: transport, requests, refusals } = client;
    let namespace = transport.default_namespace().to_owned();
    let send = tower::service_fn(move |request: Request<Body>| {
        let transport = transport.clone();
        async move {
            let (fate, RequestLabels { verb, resource }) = (rate.draw(), labels(&request));
            if fate == Fate::Refused {
                tracing::debug!(verb, resource, "chaos: a request is not sent");
                return Err(BoxError::from("chaos: the request was not sent"));
            }
            let answer = transport.send(request).await?;
            if fate == Fate::AnswerLost {
                tracing::debug!(verb, resource, "chaos: the answer to a request is lost");
                return Err(BoxError::from("chaos: the answer was lost"));
            }
            Ok(answer)
        }
    });
    CountedClient { client: ClientBuilder::new(send, namespace).build(), requests, refusals }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, Ordering};

    use k8s_openapi::api::coordination::v1::Lease;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::{Api, ObjectMeta, PostParams};
    use sandbox::{ApiServer, Settings};

    use super::*;
    use crate::kubernetes::api_error;
    use crate::tenure::Tenure;

    #[test]
    fn a_rate_is_that_of_failures_half_of_which_lose_only_the_answer() {
        let rate = FailureRate::percent(20).unwrap();
        let count = |fate: Fate| {
            let draws = (0..100).flat_map(|draw| [(draw, false), (draw, true)]);
            draws.filter(|(draw, carried_out)| rate.fate(*draw, *carried_out) == fate).count()
        };
        assert_eq!(count(Fate::Answered), 160);
        assert_eq!((count(Fate::Refused), count(Fate::AnswerLost)), (20, 20));
    }

    #[test]
    fn rates_reach_from_never_to_always() {
        let [never, always] = [0, 100].map(|percent| FailureRate::percent(percent).unwrap());
        for _ in 0..1_000 {
            assert_eq!(never.draw(), Fate::Answered);
            assert_ne!(always.draw(), Fate::Answered);
        }
        assert_eq!(FailureRate::percent(101), None);
    }

    #[tokio::test]
    async fn a_call_of_the_store_fails_before_or_after_it_is_carried_out() {
        let always = FailureRate::percent(100).unwrap();
        let mut carried_out = 0;
        for _ in 0..1_000 {
            let is_carried_out = AtomicBool::new(false);
            let work = async {
                is_carried_out.store(true, Ordering::Relaxed);
                true
            };
            assert_eq!(always.pass("call", Box::pin(work)).await, Err(Cut));
            carried_out += u32::from(is_carried_out.into_inner());
        }
        assert!((300..700).contains(&carried_out), "{carried_out} of 1,000");
        let never = FailureRate::percent(0).unwrap();
        assert_eq!(never.pass("call", Box::pin(async { true })).await, Ok(()));
    }

    #[tokio::test]
    async fn a_request_fails_before_it_is_sent_or_after_it_is_answered() {
        let server = sandbox::client(ApiServer::in_memory(Settings::default()), "default");
        let always = FailureRate::percent(100).unwrap();
        let reliable = CountedClient::over(server.clone(), Tenure::unlimited());
        let CountedClient { client, requests, .. } = unreliable(reliable.clone(), always);
        let named =
            |name: usize| ObjectMeta { name: Some(format!("o-{name}")), ..ObjectMeta::default() };
        let (maps, leases) =
            (Api::default_namespaced(client.clone()), Api::default_namespaced(client));
        let mut errors = BTreeSet::new();
        for number in 0..50 {
            let parameters = PostParams::default();
            let map = ConfigMap { metadata: named(number), ..ConfigMap::default() };
            errors.insert(api_error(maps.create(&parameters, &map).await.unwrap_err()).to_string());
            let lease = Lease { metadata: named(number), ..Lease::default() };
            errors.insert(
                api_error(leases.create(&parameters, &lease).await.unwrap_err()).to_string(),
            );
        }
        let text = "the Kubernetes API is not available: ServiceError: chaos: the";
        let ends = ["answer was lost", "request was not sent"];
        assert_eq!(errors, ends.map(|end| format!("{text} {end}")).into());
        for (resource, exist) in [
            ("configmaps", all_of::<ConfigMap>(&server).await),
            ("leases", all_of::<Lease>(&server).await),
        ] {
            assert!((1..50).contains(&exist), "{exist} of 50 {resource} were created");
            let sent = RequestLabels { verb: "create", resource };
            assert_eq!(requests.get_or_create(&sent).get(), exist as u64);
        }
        let never = unreliable(reliable, FailureRate::percent(0).unwrap());
        assert_eq!(all_of::<Lease>(&never.client).await, all_of::<Lease>(&server).await);
    }

    async fn all_of<K>(client: &kube::Client) -> usize
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let api = Api::<K>::default_namespaced(client.clone());
        api.list(&Default::default()).await.unwrap().items.len()
    }
}
