//! One fault at one exact moment; everything else is normal.
//!
//! Moments are counted: the 3rd write, the 5th store call, the 7th event, the 2nd question to a git
//! server. Latencies are constant,
//! so until its moment a plan repeats the run that it was derived from.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::faults::adversary::{Adversary, Asked, Delivery, Fate, Notice, Refusal, Request};

/// The normal latency of everything.
const LATENCY: Duration = Duration::from_millis(1);
/// How long a view is stale: long enough for everything else to finish meanwhile.
pub const STALE_FOR: Duration = Duration::from_secs(60);

/// How long a process acts on what it has seen before its successor sees less: long enough for all
/// direct consequences, and for the user's next step.
const ACTS_FOR: Duration = Duration::from_secs(5);
/// Between events further apart than this, something waits until the first is seen, so the two are
/// never both unseen.
const UNSEEN_TOGETHER: Duration = Duration::from_millis(500);

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strike {
    /// No fault.
    Nothing,
    /// The fate of the API write with this number.
    Write(usize, Fate),
    /// The fate of the store call with this number.
    Store(usize, Fate),
    /// The fate of the question to a git server with this number.
    Question(usize, Asked),
    /// The watch delivers this event, and all after it, a minute late.
    Stale(usize),
    /// The same, but this event is never delivered: the watch expires, and everything is listed
    /// again.
    StaleAndExpired(usize),
    /// The watch expires before this event.
    Expired(usize),
    /// This event is delivered twice.
    Twice(usize),
    /// Neither this event nor the one this long after it is seen.
    Unseen(usize, Duration),
    /// The process is killed when this event is due, and its successor's first list of the resource
    /// is from before the event.
    StaleRestart(usize),
    /// The process is killed after it has acted on this event and everything that followed, and its
    /// successor's first list of the resource is from before the event.
    StaleLater(usize),
}

impl fmt::Display for Strike {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("nothing"),
            Self::Write(number, fate) => write!(formatter, "write-{number}-{}", word(*fate)),
            Self::Store(number, fate) => write!(formatter, "store-{number}-{}", word(*fate)),
            Self::Question(number, asked) => {
                write!(formatter, "question-{number}-{}", word_of_question(*asked))
            }
            Self::Stale(number) => write!(formatter, "event-{number}-stale"),
            Self::StaleAndExpired(number) => write!(formatter, "event-{number}-stale-expired"),
            Self::Expired(number) => write!(formatter, "event-{number}-expired"),
            Self::Twice(number) => write!(formatter, "event-{number}-twice"),
            Self::Unseen(number, pause) => {
                write!(formatter, "event-{number}-unseen-{}", pause.as_millis())
            }
            Self::StaleRestart(number) => write!(formatter, "event-{number}-stale-restart"),
            Self::StaleLater(number) => write!(formatter, "event-{number}-stale-later"),
        }
    }
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Done { .. } => "done",
        Fate::Refused(Refusal::Conflict) => "conflict",
        Fate::Refused(_) => "refused",
        Fate::Unknown => "unknown",
        Fate::KilledBefore => "killed-before",
        Fate::KilledAfter => "killed-after",
    }
}

fn word_of_question(asked: Asked) -> &'static str {
    match asked {
        Asked::Answered => "answered",
        Asked::Fails => "fails",
        Asked::Hangs => "hangs",
        Asked::KilledBefore => "killed-before",
        Asked::KilledAfter => "killed-after",
    }
}

/// Everything in a run that a plan can strike.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The writes to the API, except to Leases.
    pub writes: Vec<Request>,
    /// The store calls.
    pub calls: Vec<&'static str>,
    /// The events of all watches, with their times.
    pub events: Vec<(Notice, Duration)>,
    /// The questions to git servers.
    pub questions: usize,
}

/// See the module.
pub struct Plan {
    strike: Strike,
    begun: tokio::time::Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    record: Record,
    struck: bool,
    /// The resource whose next list is stale, and the version from which it is answered.
    stale_list: Option<(String, u64)>,
}

impl Plan {
    /// A plan that starts now.
    pub fn new(strike: Strike) -> Self {
        Self { strike, begun: tokio::time::Instant::now(), state: Mutex::default() }
    }

    /// What there was to strike.
    pub fn record(&self) -> Record {
        self.state().record.clone()
    }

    /// Whether its moment has come.
    pub fn has_struck(&self) -> bool {
        self.state().struck
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

const AS_ALWAYS: Fate = Fate::Done { before: LATENCY, after: LATENCY };

impl Adversary for Plan {
    fn request(&self, request: &Request) -> Fate {
        if !request.writes() || request.is_about_leases() {
            return AS_ALWAYS;
        }
        let mut state = self.state();
        let number = state.record.writes.len();
        state.record.writes.push(request.clone());
        match self.strike {
            Strike::Write(struck, fate) if struck == number => {
                state.struck = true;
                fate
            }
            _ => AS_ALWAYS,
        }
    }

    fn event(&self, notice: &Notice) -> Delivery {
        let mut state = self.state();
        if notice.kind == "BOOKMARK" {
            return Delivery::After(LATENCY);
        }
        let number = state.record.events.len();
        state.record.events.push((notice.clone(), self.begun.elapsed()));
        let strikes = |struck: usize| struck == number;
        let delivery = match self.strike {
            Strike::Stale(struck) if strikes(struck) => Delivery::After(STALE_FOR),
            Strike::StaleAndExpired(struck) if strikes(struck) => Delivery::Expired(STALE_FOR),
            Strike::Expired(struck) if strikes(struck) => Delivery::Expired(Duration::ZERO),
            Strike::Twice(struck) if strikes(struck) => Delivery::Twice,
            Strike::Unseen(struck, pause) if strikes(struck) => Delivery::Expired(pause),
            Strike::StaleRestart(struck) if strikes(struck) => {
                state.stale_list = Some((notice.resource.clone(), notice.version - 1));
                Delivery::Killed
            }
            Strike::StaleLater(struck) if strikes(struck) => {
                state.stale_list = Some((notice.resource.clone(), notice.version - 1));
                Delivery::KilledAfter(ACTS_FOR)
            }
            _ => return Delivery::After(LATENCY),
        };
        state.struck = true;
        delivery
    }

    fn store(&self, _: &str, call: &'static str) -> Fate {
        let mut state = self.state();
        let number = state.record.calls.len();
        state.record.calls.push(call);
        match self.strike {
            Strike::Store(struck, fate) if struck == number => {
                state.struck = true;
                fate
            }
            _ => AS_ALWAYS,
        }
    }

    fn question(&self, _: &str, _: &str) -> Asked {
        let mut state = self.state();
        let number = state.record.questions;
        state.record.questions += 1;
        match self.strike {
            Strike::Question(struck, asked) if struck == number => {
                state.struck = true;
                asked
            }
            _ => Asked::Answered,
        }
    }

    fn list_as_of(&self, request: &Request) -> Option<u64> {
        let mut state = self.state();
        let (resource, version) = state.stale_list.take()?;
        if resource == request.resource {
            return Some(version);
        }
        state.stale_list = Some((resource, version));
        None
    }
}

/// The plans derived from a record.
pub fn plans(record: &Record) -> Vec<Strike> {
    let fates = |conflicts: bool| {
        let mut fates =
            vec![Fate::KilledBefore, Fate::KilledAfter, Fate::Unknown, Fate::Refused(Refusal::Cut)];
        if conflicts {
            fates.push(Fate::Refused(Refusal::Conflict));
        }
        fates
    };
    let mut plans = Vec::new();
    for number in 0..record.writes.len() {
        plans.extend(fates(true).into_iter().map(|fate| Strike::Write(number, fate)));
    }
    for number in 0..record.calls.len() {
        plans.extend(fates(false).into_iter().map(|fate| Strike::Store(number, fate)));
    }
    for number in 0..record.events.len() {
        plans.extend([
            Strike::Stale(number),
            Strike::StaleAndExpired(number),
            Strike::Expired(number),
            Strike::Twice(number),
            Strike::StaleRestart(number),
        ]);
        if !somebody_comes_or_goes(&record.events[number..]) {
            plans.push(Strike::StaleLater(number));
        }
    }
    plans.extend(unseen(record));
    let questions = [Asked::Fails, Asked::Hangs, Asked::KilledBefore, Asked::KilledAfter];
    for number in 0..record.questions {
        plans.extend(questions.map(|asked| Strike::Question(number, asked)));
    }
    plans
}

/// Whether the first event, or one of the same resource while it is acted on, creates or deletes an
/// object. Existence is never stale: the program requests lists that are read by quorum, and
/// forgets what is gone. Only the content of existing objects may be out of date.
fn somebody_comes_or_goes(events: &[(Notice, Duration)]) -> bool {
    let Some((first, begun)) = events.first() else { return false };
    let mut meanwhile = events.iter().take_while(|(_, moment)| *moment - *begun <= 2 * ACTS_FOR);
    meanwhile.any(|(notice, _)| notice.resource == first.resource && notice.kind != "MODIFIED")
}

/// Every pair of events of one object whose second comes soon or deletes the object.
fn unseen(record: &Record) -> Vec<Strike> {
    let mut by_object: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (number, (notice, _)) in record.events.iter().enumerate() {
        by_object.entry((&notice.resource, &notice.object)).or_default().push(number);
    }
    let mut plans = Vec::new();
    for numbers in by_object.values() {
        for (position, first) in numbers.iter().enumerate() {
            let pauses = numbers[position + 1..].iter().filter_map(|second| {
                let (notice, moment) = &record.events[*second];
                let pause = *moment - record.events[*first].1;
                (pause <= UNSEEN_TOGETHER || notice.kind == "DELETED").then_some(pause)
            });
            // Until the second has happened, and a little longer.
            plans.extend(pauses.map(|pause| Strike::Unseen(*first, pause + 2 * LATENCY)));
        }
    }
    plans
}
