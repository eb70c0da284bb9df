//! The fixed traces: one for each known subtlety, by topic.

mod deleting;
mod lifecycle;
mod naming;
mod patching;
mod reading;
mod validating;
mod watching;
mod writing;

use crate::trace::Step;

/// A trace with a name for reports and for the list of differences.
pub(crate) struct Fixed {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
}

fn fixed(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Fixed {
    Fixed { name, steps: steps.into_iter().collect() }
}

/// All of them; those that wait for the real server's controllers come first, since they take
/// longest.
pub(crate) fn all() -> Vec<Fixed> {
    let topics = [
        lifecycle::traces(),
        writing::traces(),
        naming::traces(),
        patching::traces(),
        deleting::traces(),
        reading::traces(),
        watching::traces(),
        validating::traces(),
    ];
    topics.into_iter().flatten().collect()
}
