//! The Event for the owner of an object whose machine is set aside because each of its batches fails.

use std::time::Duration;

/// Consecutive failures before the owner is notified: one or two may be chance.
pub(super) const TOLD_AFTER: u32 = 3;
/// The reason of the Event.
pub(super) const REASON: &str = "ProcessingFailed";

/// The Event's message; `why` contains no user data.
pub(super) fn message(uid: &str, pause: Duration, why: &str) -> String {
    format!(
        "managed-gitops cannot process this object: {why}. It is tried again in {} s, then ever \
         less often, and at once when the object is edited. If that does not help, ask those who \
         run managed-gitops to look at its log for {uid}",
        pause.as_secs(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_learns_why_and_when_it_is_retried() {
        let message = message("uid-1", Duration::from_secs(4), "a row breaks a constraint");
        assert!(message.contains("a row breaks a constraint. It is tried again in 4 s"));
        assert!(message.ends_with("for uid-1"), "{message}");
    }
}
