//! What several machines use.
//!
//! * [`condition`]: conditions, as every kind has them;
//! * [`delivery`]: the region that makes a Secret of Argo CD say what its row says;
//! * [`messages`]: what users read;
//! * [`mirror`]: the region that keeps an object's status up to date;
//! * [`open_operation`]: the operation that a machine waits for;
//! * `progress`: the conventional conditions of objects that hold credentials;
//! * [`text`]: texts from elsewhere, cut to a bound;
//! * [`repository_url`]: what is wrong with the URL of a repository, and how an AppProject permits it;
//! * [`redaction`]: passwords in URLs, removed;
//! * [`retry`]: the pauses between attempts;
//! * [`standing`]: how far a machine is, for counting;
//! * [`is_default`]: what persisted forms leave out;
//! * [`is_object_name`]: what an object can be called.

pub mod condition;
pub mod delivery;
pub mod messages;
pub mod mirror;
pub mod open_operation;
pub(crate) mod progress;
pub mod redaction;
pub mod repository_url;
pub mod retry;
pub mod standing;
pub mod text;

/// Longest name of an object.
const NAME_LIMIT: usize = 253;

/// Whether a value need not be persisted, because its absence is read as the same.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether an object can have this name: the API server answers to any other, such as `..`, with an
/// error, or as if something else was asked for.
pub(crate) fn is_object_name(name: &str) -> bool {
    let is_outer = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(is_outer)
            && label.ends_with(is_outer)
            && label.chars().all(|one| is_outer(one) || one == '-')
    };
    name.len() <= NAME_LIMIT && name.split('.').all(is_label)
}
