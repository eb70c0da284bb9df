//! The region that keeps the object's `.status` up to date.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use crate::identity::Timestamp;
use crate::waiting::{Party, Wait};

/// How long unfinished work may go unreported. The system that this one replaces wrote its first
/// status after 15 s; work that takes longer than this is reported while it lasts.
pub const STATUS_DELAY: Duration = Duration::from_secs(10);

/// Whether the object's status says what it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mirror {
    /// There is no object to write to.
    Silent {},
    /// The status is out of date, but its outcome is expected before this time.
    Holding {
        /// When it is reported at the latest.
        until: Timestamp,
    },
    /// The status says what it should.
    Clean {},
    /// The status should be written.
    Dirty {},
}

/// What is signalled to the region after each step of its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirrorEvent {
    /// There is no object.
    ObjectGone,
    /// The wanted and the actual status were compared.
    Compared {
        /// Whether they say the same.
        matches: bool,
        /// Whether the outcome is expected soon.
        hold: bool,
        /// The time of the step.
        now: Timestamp,
    },
}

/// The region remembers nothing but its state.
#[derive(Debug)]
pub struct Region;

#[state_machine(
    initial = "Mirror::Silent {}",
    state(name = "Mirror", custom),
    superstate(name = "MirrorSuperstate", derive(Debug))
)]
impl Region {
    #[state]
    fn silent(&mut self, event: &MirrorEvent) -> Outcome<Mirror> {
        match event {
            MirrorEvent::ObjectGone => Handled,
            MirrorEvent::Compared { matches, hold, now } => Self::judge(*matches, *hold, *now),
        }
    }

    #[superstate]
    fn following(&mut self, event: &MirrorEvent) -> Outcome<Mirror> {
        match event {
            MirrorEvent::ObjectGone => Transition(Mirror::Silent {}),
            MirrorEvent::Compared { matches: true, .. } => Transition(Mirror::Clean {}),
            MirrorEvent::Compared { matches: false, .. } => Transition(Mirror::Dirty {}),
        }
    }

    #[state(superstate = "following")]
    fn holding(&mut self, event: &MirrorEvent, until: &mut Timestamp) -> Outcome<Mirror> {
        match event {
            MirrorEvent::Compared { matches: false, hold: true, now } if now < until => Handled,
            MirrorEvent::ObjectGone | MirrorEvent::Compared { .. } => Super,
        }
    }

    #[state(superstate = "following")]
    fn clean(&mut self, event: &MirrorEvent) -> Outcome<Mirror> {
        match event {
            MirrorEvent::Compared { matches: true, .. } => Handled,
            MirrorEvent::Compared { matches: false, hold, now } => Self::judge(false, *hold, *now),
            MirrorEvent::ObjectGone => Super,
        }
    }

    #[state(superstate = "following")]
    fn dirty(&mut self, event: &MirrorEvent) -> Outcome<Mirror> {
        match event {
            MirrorEvent::Compared { matches: false, .. } => Handled,
            MirrorEvent::ObjectGone | MirrorEvent::Compared { .. } => Super,
        }
    }

    fn judge(matches: bool, hold: bool, now: Timestamp) -> Outcome<Mirror> {
        match (matches, hold) {
            (true, _) => Transition(Mirror::Clean {}),
            (false, true) => Transition(Mirror::Holding { until: now.after(STATUS_DELAY) }),
            (false, false) => Transition(Mirror::Dirty {}),
        }
    }
}

impl Mirror {
    /// When the region wants to be woken.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Holding { until } => Some(*until),
            Self::Silent {} | Self::Clean {} | Self::Dirty {} => None,
        }
    }

    /// What the region waits for.
    pub(crate) fn wait(&self) -> Option<Wait> {
        match self {
            Self::Holding { until } => {
                let what = "an outcome that is worth a status is expected soon";
                Some(Wait::new(Party::Time, what).until(*until, "the status is written as it is"))
            }
            Self::Dirty {} => Some(Wait::new(Party::ApiServer, "the status is to be written")),
            Self::Silent {} | Self::Clean {} => None,
        }
    }

    /// The state's path, outermost first.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Silent {} => "Silent",
            Self::Holding { .. } => "Following/Holding",
            Self::Clean {} => "Following/Clean",
            Self::Dirty {} => "Following/Dirty",
        }
    }
}
