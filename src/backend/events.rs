//! Kubernetes Events on the objects of tenants: what a user should know and no condition says.
//!
//! There is one Event per object and reason for as long as the API server keeps it: its name
//! follows from both, so neither a repetition nor a restart creates another. Where a machine has to
//! know that it was written, there is one per object, reason and message. What may happen again has
//! one per object, reason and cause in ten minutes.

use std::collections::HashSet;

use crds::GitOpsDeployment;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::Resource;
use kube::api::{Api, ObjectMeta, PostParams};
use machines::identity::Digest;
use machines::shared::redaction::redacted;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::backend::index::objects::Place;
use crate::backend::kinds::Key;
use crate::kubernetes::{self, ApiError};
use crate::runtime::clock::Clock;

/// Events waiting to be written; any beyond these are reported later, or never.
const QUEUE: usize = 1_024;
/// How many Event names are remembered, so that repetitions cost no requests.
const TOLD: usize = 16_384;

/// Within this time the same happens to an object only once, as far as Events tell: ten minutes.
const PERIOD_MILLIS: i64 = 600_000;
/// The type of Events about what needs somebody.
pub const WARNING: &str = "Warning";
/// The type of Events about what needs nobody.
pub const NORMAL: &str = "Normal";

/// What has happened to an object.
#[derive(Clone, Copy, Debug)]
pub struct Happening<'a> {
    /// [`WARNING`] or [`NORMAL`].
    pub type_: &'static str,
    /// The Event's reason.
    pub reason: &'static str,
    /// What tells it from another happening with this reason.
    pub cause: &'a str,
    /// What people read.
    pub message: &'a str,
}

/// See the module.
pub struct Events {
    clock: Clock,
    told: Mutex<HashSet<String>>,
    sender: mpsc::Sender<Event>,
    receiver: tokio::sync::Mutex<mpsc::Receiver<Event>>,
}

impl Events {
    /// Events not yet written.
    pub fn new(clock: Clock) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { clock, told: Mutex::default(), sender, receiver: receiver.into() }
    }

    /// Reports on the object of a machine.
    pub fn tell(&self, place: &Place, key: &Key, reason: &str, message: &str) {
        self.tell_of(reference(place, key), reason, message);
    }

    /// Reports on the object of a machine, at once: the machine has to know that it was done. The
    /// message is from a machine, which has bounded it.
    ///
    /// # Errors
    ///
    /// The Event could not be written. There is nobody to read it where the namespace is gone.
    pub async fn write(
        &self,
        client: &kube::Client,
        place: &Place,
        key: &Key,
        reason: &str,
        message: &str,
    ) -> Result<(), ApiError> {
        let mut event = self.event(reference(place, key), reason, redacted(message).into_owned());
        let digest = Digest::of(&message);
        let start = event.metadata.name.unwrap_or_default();
        event.metadata.name = Some(format!("{start}.{}", digest.as_str()));
        create(client, &event).await
    }

    /// Reports that something has happened to the object of a machine, which may happen again.
    pub fn note(&self, place: &Place, key: &Key, happening: &Happening<'_>) {
        let Happening { type_, reason, cause, message } = happening;
        let message = kubernetes::bounded(message);
        let mut event = self.event(reference(place, key), reason, message);
        let period = self.clock.now().as_millis() / PERIOD_MILLIS;
        let digest = Digest::of(&(cause, period));
        let start = event.metadata.name.unwrap_or_default();
        event.metadata.name = Some(format!("{start}.{}", digest.as_str()));
        event.type_ = Some((*type_).to_owned());
        self.send(event);
    }

    fn tell_of(&self, object: ObjectReference, reason: &str, message: &str) {
        self.send(self.event(object, reason, kubernetes::bounded(message)));
    }

    fn send(&self, event: Event) {
        let name = event.metadata.name.clone().unwrap_or_default();
        let mut told = self.told.lock();
        if told.contains(&name) || self.sender.try_send(event).is_err() {
            return;
        }
        if told.len() >= TOLD {
            // Anything reported again by then has an Event already, or had one long ago.
            told.clear();
        }
        told.insert(name);
    }

    fn event(&self, object: ObjectReference, reason: &str, message: String) -> Event {
        let now = self.clock.kubernetes_now();
        let uid = object.uid.clone().unwrap_or_default();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{uid}", name_part(reason))),
                namespace: object.namespace.clone(),
                ..ObjectMeta::default()
            },
            involved_object: object,
            type_: Some(WARNING.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message),
            count: Some(1),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            reporting_component: Some("managed-gitops".to_owned()),
            ..Event::default()
        }
    }

    /// Writes Events until it should stop.
    pub async fn run(&self, client: kube::Client, shutdown: CancellationToken) {
        let mut receiver = self.receiver.lock().await;
        let write = async {
            while let Some(event) = receiver.recv().await {
                write(&client, event).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = write => {}
        }
    }
}

/// The object of a machine. Our kinds have one version in common.
fn reference(place: &Place, key: &Key) -> ObjectReference {
    ObjectReference {
        api_version: Some(GitOpsDeployment::api_version(&()).into_owned()),
        kind: Some(key.kind().to_owned()),
        namespace: Some(place.namespace.clone()),
        name: Some(place.name.clone()),
        uid: Some(key.uid().to_owned()),
        ..ObjectReference::default()
    }
}

/// A reason as a part of a name: `not-supported` for `NotSupported`.
fn name_part(reason: &str) -> String {
    let mut name = String::with_capacity(reason.len() + 4);
    for letter in reason.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

async fn write(client: &kube::Client, event: Event) {
    if let Err(error) = create(client, &event).await {
        tracing::warn!(%error, "an Event could not be written");
    }
}

async fn create(client: &kube::Client, event: &Event) -> Result<(), ApiError> {
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    match api.create(&PostParams::default(), event).await.map_err(kubernetes::api_error) {
        // One of this name was written for the same reason; or the namespace is gone.
        Ok(_) | Err(ApiError::AlreadyExists(_) | ApiError::Missing) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use machines::identity::{DeploymentUid, Timestamp};

    use super::*;
    use crate::test_support;

    #[tokio::test]
    async fn what_a_machine_has_to_know_is_written_once_for_each_message() {
        let client = test_support::api_server(crds::all(), "team").await;
        let events = Events::new(Clock::default());
        let key = Key::Deployment(DeploymentUid::new("one"));
        let write = async |namespace: &str, message: &str| {
            let place = Place { namespace: namespace.to_owned(), name: "app".to_owned() };
            events.write(&client, &place, &key, "MayRemain", message).await
        };
        for message in ["a message", "another", "a message"] {
            assert_eq!(write("team", message).await, Ok(()));
        }
        assert_eq!(write("gone", "a message").await, Ok(()), "nobody is there to read it");
        let api: Api<Event> = Api::all(client.clone());
        let written = api.list(&Default::default()).await.expect("a list").items;
        let mut messages: Vec<_> = written.into_iter().filter_map(|one| one.message).collect();
        messages.sort();
        assert_eq!(messages, ["a message", "another"]);
    }

    #[tokio::test]
    async fn an_event_is_written_once_per_object_and_reason() {
        let events = Events::new(Clock::default());
        let place = Place { namespace: "team".to_owned(), name: "app".to_owned() };
        for uid in ["one", "two", "one"] {
            for reason in ["StatusTruncated", "ProcessingFailed"] {
                events.tell(&place, &Key::Deployment(DeploymentUid::new(uid)), reason, "a message");
            }
        }
        let mut receiver = events.receiver.lock().await;
        let mut names = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            names.push(event.metadata.name.unwrap_or_default());
        }
        let expected = [
            "status-truncated.one",
            "processing-failed.one",
            "status-truncated.two",
            "processing-failed.two",
        ];
        assert_eq!(names, expected);
    }

    #[tokio::test]
    async fn what_happens_again_has_an_event_for_each_cause_and_period() {
        let now = Arc::new(AtomicI64::new(0));
        let time = Arc::clone(&now);
        let clock = Clock::new(move || Timestamp::from_millis(time.load(Ordering::Relaxed)));
        let events = Events::new(clock);
        let place = Place { namespace: "team".to_owned(), name: "app".to_owned() };
        let key = Key::Deployment(DeploymentUid::new("one"));
        let told = |millis: i64, cause: &str| {
            now.store(millis, Ordering::Relaxed);
            let message = format!("a message at {millis}");
            let happening =
                Happening { type_: NORMAL, reason: "Recovered", cause, message: &message };
            events.note(&place, &key, &happening);
            let written = events.receiver.try_lock().expect("nobody else reads").try_recv();
            written.is_ok_and(|event| event.type_.as_deref() == Some(NORMAL))
        };
        assert!(told(0, "one"));
        assert!(!told(PERIOD_MILLIS - 1, "one"));
        assert!(told(PERIOD_MILLIS - 1, "another"));
        assert!(told(PERIOD_MILLIS, "one"));
    }

    #[test]
    fn waiting_events_are_bounded() {
        let events = Events::new(Clock::default());
        let place = Place { namespace: "team".to_owned(), name: "app".to_owned() };
        for number in 0..QUEUE + 10 {
            let key = Key::Deployment(DeploymentUid::new(number.to_string()));
            events.tell(&place, &key, "StatusTruncated", "a message");
        }
        assert_eq!(events.sender.capacity(), 0);
        // One that found no room is reported later.
        let told = events.told.lock();
        assert_eq!(told.len(), QUEUE);
    }
}
