//! Tells the owner of a deployment that is set aside, by an Event.

use std::time::Duration;

use crds::GitOpsDeployment;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::Resource;
use kube::api::ObjectMeta;
use machines::identity::DeploymentUid;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::backend::directory::Place;
use crate::backend::unsupported::write_event;
use crate::runtime::clock::Clock;

/// After so many failures in a row an owner is told: one or two may be chance.
pub(super) const TOLD_AFTER: u32 = 3;
/// Events that wait to be written. A deployment beyond them is told of with its next failure.
pub(super) const QUEUE: usize = 256;
/// The reason of the Events.
const REASON: &str = "ProcessingFailed";

/// A deployment that fails alone.
#[derive(Clone, Debug)]
pub(super) struct FailingDeployment {
    pub(super) uid: DeploymentUid,
    pub(super) place: Place,
    /// After which it is tried again.
    pub(super) pause: Duration,
    /// Why, in words that hold no value of anybody's.
    pub(super) why: &'static str,
}

/// Writes Events until told to stop.
pub(super) async fn tell(
    client: kube::Client,
    clock: Clock,
    mut failing: Receiver<FailingDeployment>,
    shutdown: CancellationToken,
) {
    loop {
        let deployment = tokio::select! {
            () = shutdown.cancelled() => return,
            received = failing.recv() => match received {
                Ok(deployment) => deployment,
                Err(RecvError::Lagged(_)) => continue,
                // The backend has gone.
                Err(RecvError::Closed) => return,
            },
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = write_event(&client, event_for(&deployment, &clock)) => {}
        }
    }
}

fn event_for(deployment: &FailingDeployment, clock: &Clock) -> Event {
    let FailingDeployment { uid, place, pause, why } = deployment;
    let now = clock.kubernetes_now();
    Event {
        metadata: ObjectMeta {
            // One for each object: it is told again once the server has forgotten it.
            name: Some(format!("processing-failed.{uid}")),
            namespace: Some(place.namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(GitOpsDeployment::api_version(&()).into_owned()),
            kind: Some(GitOpsDeployment::kind(&()).into_owned()),
            name: Some(place.name.clone()),
            namespace: Some(place.namespace.clone()),
            uid: Some(uid.to_string()),
            ..ObjectReference::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some(REASON.to_owned()),
        message: Some(format!(
            "managed-gitops cannot process this deployment: {why}. It is tried again in {} s, then \
             ever less often, and at once when the deployment is edited. If that does not help, \
             ask whoever runs managed-gitops to look at its log for {uid}",
            pause.as_secs(),
        )),
        count: Some(1),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now),
        reporting_component: Some("managed-gitops".to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_the_deployment_and_the_reason() {
        let deployment = FailingDeployment {
            uid: DeploymentUid::new("uid-1"),
            place: Place { namespace: "team".to_owned(), name: "shop".to_owned() },
            pause: Duration::from_secs(4),
            why: "a row breaks a constraint",
        };
        let event = event_for(&deployment, &Clock::default());
        assert_eq!(event.metadata.namespace.as_deref(), Some("team"));
        assert_eq!(event.involved_object.kind.as_deref(), Some("GitOpsDeployment"));
        assert_eq!(event.involved_object.name.as_deref(), Some("shop"));
        assert_eq!(event.involved_object.uid.as_deref(), Some("uid-1"));
        let message = event.message.unwrap();
        assert!(
            message.contains("a row breaks a constraint. It is tried again in 4 s"),
            "{message}"
        );
    }
}
