//! The conditions of a deployment's status, and which parts of Argo CD's report count.

use crate::identity::{Digest, Generation};
use crate::kinds::deployment::destination::Destination;
use crate::kinds::deployment::{ActualStatus, MirroredCondition, Record, Report, Snapshot};
use crate::shared::text::bounded;

use crate::shared::condition::digest;
pub use crate::shared::condition::{
    Condition, ConditionStyle, ERROR_OCCURRED, READY, RECONCILING, STALLED,
};

/// Most conditions of Argo CD that are mirrored; it knows nine types today.
pub const MIRRORED_LIMIT: usize = 32;
/// Most bytes of JSON that the part mirrored from Argo CD takes in a status. etcd takes requests of
/// 1.5 MiB. Of that, annotations may use 256 KiB; the rest is for conditions, spec and the fields'
/// managers. If the API server refuses the first, because its etcd takes less or the object is
/// larger elsewhere, the next is tried; the last leaves only what is never cut.
pub const MIRROR_BUDGETS: [usize; 4] = [896 * 1024, 256 * 1024, 64 * 1024, 0];
/// Argo CD's type for the condition that resources cannot be removed.
pub const DELETION_ERROR: &str = "DeletionError";
/// Argo CD's word for the health of what does not exist.
pub const MISSING: &str = "Missing";

/// What the status should say, without its times. What is mirrored from Argo CD is named by its
/// digest; the content is in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusView {
    /// `status.observedGeneration`.
    pub observed_generation: Generation,
    /// `status.conditions`, by type.
    pub conditions: Vec<Condition>,
    /// The mirrored part; `None` leaves what is there.
    pub mirrored: Option<Digest>,
    /// Where the Application deploys to: what is mirrored names it.
    pub destination: Destination,
    /// How much room there is for the mirrored part: an index of [`MIRROR_BUDGETS`].
    pub mirror_budget: u8,
}

/// The budget after a refusal; the last one stays.
pub fn next_budget(budget: u8) -> u8 {
    let next = budget.saturating_add(1);
    if usize::from(next) < MIRROR_BUDGETS.len() { next } else { budget }
}

/// The bytes of a budget.
pub fn budget_bytes(budget: u8) -> usize {
    MIRROR_BUDGETS.get(usize::from(budget)).copied().unwrap_or_default()
}

impl StatusView {
    /// Whether the object's status already says so.
    pub fn matches(&self, actual: &ActualStatus) -> bool {
        digest(self.observed_generation, &self.conditions) == actual.conditions
            && self.mirrored.as_ref().is_none_or(|mirrored| *mirrored == actual.mirrored)
    }
}

/// Digests what an object's status says.
pub(super) fn actual(snapshot: &Snapshot) -> ActualStatus {
    ActualStatus {
        conditions: digest(snapshot.observed_generation, &snapshot.conditions),
        mirrored: snapshot.mirrored.clone(),
    }
}

/// Merges the conditions that Argo CD reports into those ever mirrored: what it no longer reports
/// is resolved; of several with one type the last counts.
pub(super) fn mirror(mirrored: &mut Vec<MirroredCondition>, reported: &[MirroredCondition]) {
    for known in mirrored.iter_mut() {
        known.message = None;
    }
    for condition in reported {
        let message = condition.message.as_deref().map(bounded);
        let room = mirrored.len() < MIRRORED_LIMIT;
        match mirrored.iter_mut().find(|known| known.type_ == condition.type_) {
            Some(known) => known.message = message,
            None if room => {
                mirrored.push(MirroredCondition { type_: condition.type_.clone(), message });
            }
            None => {}
        }
    }
    mirrored.sort();
}

/// Whether Argo CD's report is about what this generation asks for: it compared with our source and
/// destination, or gives the reason why it could not as an error. A warning says nothing.
pub(super) fn report_is_current(record: &Record) -> bool {
    let has_error = |report: &Report| report.conditions.iter().any(|one| is_error(&one.type_));
    is_compared(record) || record.report.as_ref().is_some_and(has_error)
}

/// Whether Argo CD has compared with what this generation asks for. An error may belong to the
/// previous generation: it is believed once there was time for another one.
pub(super) fn is_compared(record: &Record) -> bool {
    record.report.as_ref().is_some_and(|report| report.compared_to == compared_to(record))
}

/// Argo CD's own rule for its conditions.
pub(super) fn is_error(type_: &str) -> bool {
    type_.ends_with("Error")
}

fn compared_to(record: &Record) -> Digest {
    let spec = &record.spec;
    let namespace = match spec.destination_namespace.as_str() {
        "" => record.namespace.as_str(),
        named => named,
    };
    let destination = record.destination();
    let name = destination.reported_name();
    compared_to_digest(&spec.repo_url, &spec.path, &spec.target_revision, name, namespace)
}

/// Digests the source and destination that Argo CD compared with. An environment is named by the id of
/// its row.
pub fn compared_to_digest(
    repo_url: &str,
    path: &str,
    target_revision: &str,
    destination_name: &str,
    destination_namespace: &str,
) -> Digest {
    Digest::of(&(repo_url, path, target_revision, destination_name, destination_namespace))
}

/// Whether the newest report says that there is no Application: another client has deleted it.
pub(super) fn application_is_missing(record: &Record) -> bool {
    record.report.as_ref().is_some_and(|report| {
        report.health == MISSING && report.compared_to == compared_to_digest("", "", "", "", "")
    })
}
