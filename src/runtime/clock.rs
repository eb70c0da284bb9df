//! The only place where the time comes from.

use std::time::{SystemTime, UNIX_EPOCH};

use machines::identity::Timestamp;

/// The present moment by the system's clock.
pub fn now() -> Timestamp {
    // A clock before 1970 is read as 1970: every deadline is then in the future, none is missed.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// A moment in the form of the Kubernetes API.
pub fn kubernetes_time(moment: Timestamp) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
    let timestamp = k8s_openapi::jiff::Timestamp::from_millisecond(moment.as_millis());
    k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(timestamp.unwrap_or_default())
}
