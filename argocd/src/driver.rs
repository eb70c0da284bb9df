//! When each write is due. Synchronous and without a clock: the caller passes in the time and what
//! it saw, and takes out what to write.
//!
//! One timer queue drives all Applications, so that ten thousand of them need no task and none
//! waits for another.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::watcher::Event;
use serde_json::Value;

use crate::Seen;
use crate::application::Application;
use crate::decision;
use crate::outcome::Outcomes;
use crate::project::Project;

/// How long a refused write waits for its next attempt: long enough not to hammer a struggling
/// server, short enough to go unnoticed.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// A write that is due.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) patch: Value,
}

/// Why a write did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteFailure {
    /// The Application is no longer what it was; the watch will show what it is.
    Overtaken,
    /// The server refused, or could not be reached.
    Refused,
}

/// The result of a write: the Application as the server now has it.
pub(crate) type WriteOutcome = Result<Box<DynamicObject>, WriteFailure>;

/// What the stand-in knows, and what it has to do.
#[derive(Debug)]
pub(crate) struct Driver {
    pace: Duration,
    applications: HashMap<String, Tracked>,
    projects: HashMap<String, Project>,
    outcomes: Outcomes,
    timers: BinaryHeap<Reverse<(Instant, String)>>,
    listed: Listed,
}

/// Which watches have shown everything that exists. Until all of them have, nothing is written: an
/// Application would be found invalid for lack of an AppProject that is merely not known yet.
#[derive(Debug, Default)]
struct Listed {
    applications: bool,
    projects: bool,
    outcomes: bool,
    /// The names seen in a list that is not complete.
    application_names: HashSet<String>,
    project_names: HashSet<String>,
    has_outcomes: bool,
}

impl Listed {
    fn is_all(&self) -> bool {
        self.applications && self.projects && self.outcomes
    }
}

#[derive(Debug)]
struct Tracked {
    uid: String,
    project: String,
    /// The Application as JSON: most of thousands are at rest, and parsed each takes ten times the
    /// memory.
    text: Box<[u8]>,
    version: Option<u64>,
    /// When the next write is due; None if none is.
    due: Option<Instant>,
    /// The version on which the write in progress is based.
    writing: Option<Option<u64>>,
}

impl Tracked {
    /// Stores an Application that has no write due.
    fn file(object: &DynamicObject, application: &Application) -> serde_json::Result<Self> {
        Ok(Self {
            uid: application.metadata.uid.clone(),
            project: application.project().to_owned(),
            text: serde_json::to_vec(object)?.into_boxed_slice(),
            version: crate::version(object),
            due: None,
            writing: None,
        })
    }

    /// The Application, parsed again.
    fn application(&self) -> serde_json::Result<Application> {
        Application::read(&serde_json::from_slice(&self.text)?)
    }
}

impl Driver {
    /// A driver that knows nothing, and leaves each Application in each state for a while.
    pub(crate) fn new(pace: Duration) -> Self {
        Self {
            pace,
            applications: HashMap::new(),
            projects: HashMap::new(),
            outcomes: Outcomes::default(),
            timers: BinaryHeap::new(),
            listed: Listed::default(),
        }
    }

    /// Notes what a watch says.
    pub(crate) fn observe(&mut self, seen: Seen, now: Instant) {
        match seen {
            Seen::Application(event) => self.observe_application(event, now),
            Seen::Project(event) => self.observe_project(event, now),
            Seen::Outcomes(event) => self.observe_outcomes(event, now),
        }
    }

    /// When the next write is due.
    pub(crate) fn next_due(&mut self) -> Option<Instant> {
        while let Some(Reverse((due, name))) = self.timers.peek() {
            if self.applications.get(name).is_some_and(|it| it.due == Some(*due)) {
                return Some(*due);
            }
            self.timers.pop();
        }
        None
    }

    /// The writes that are due, at most `at_most`; each must be answered by `write_done`.
    pub(crate) fn take_due(&mut self, now: Instant, timestamp: &str, at_most: usize) -> Vec<Write> {
        let mut writes = Vec::new();
        while writes.len() < at_most {
            let Some(due) = self.next_due().filter(|due| *due <= now) else {
                break;
            };
            let Some(Reverse((_, name))) = self.timers.pop() else {
                break;
            };
            let Some(tracked) = self.applications.get_mut(&name) else {
                continue;
            };
            debug_assert_eq!(tracked.due, Some(due));
            tracked.due = None;
            // What parsed once parses again.
            let Ok(application) = tracked.application() else {
                continue;
            };
            let project = self.projects.get(application.project());
            if let Some(patch) = decision::next(&application, &self.outcomes, project, timestamp) {
                tracked.writing = Some(tracked.version);
                writes.push(Write { name, uid: tracked.uid.clone(), patch });
            }
        }
        writes
    }

    /// Notes the result of a write.
    pub(crate) fn write_done(&mut self, write: &Write, outcome: WriteOutcome, now: Instant) {
        let Some(tracked) = self.applications.get_mut(&write.name) else {
            return;
        };
        if tracked.uid != write.uid {
            return;
        }
        let written_from = tracked.writing.take();
        match outcome {
            Ok(object) => self.see(&object, now),
            Err(WriteFailure::Overtaken) if written_from != Some(tracked.version) => {
                self.plan(&write.name, now);
            }
            // The watch has yet to show what overtook it.
            Err(WriteFailure::Overtaken) => {}
            Err(WriteFailure::Refused) => self.schedule(&write.name, now + RETRY_DELAY),
        }
    }

    fn observe_application(&mut self, event: Event<DynamicObject>, now: Instant) {
        match event {
            Event::Init => self.listed.application_names.clear(),
            Event::InitApply(object) => {
                self.listed.application_names.insert(object.name_any());
                self.see(&object, now);
            }
            Event::InitDone => {
                let names = std::mem::take(&mut self.listed.application_names);
                self.applications.retain(|name, _| names.contains(name));
                self.listed.applications = true;
                self.plan_all(now);
            }
            Event::Apply(object) => self.see(&object, now),
            Event::Delete(object) => {
                self.applications.remove(&object.name_any());
            }
        }
    }

    fn observe_project(&mut self, event: Event<DynamicObject>, now: Instant) {
        match event {
            Event::Init => self.listed.project_names.clear(),
            Event::InitApply(object) => {
                self.listed.project_names.insert(object.name_any());
                self.projects.insert(object.name_any(), Project::read(&object));
            }
            Event::InitDone => {
                let names = std::mem::take(&mut self.listed.project_names);
                self.projects.retain(|name, _| names.contains(name));
                self.listed.projects = true;
                self.plan_all(now);
            }
            Event::Apply(object) => {
                let (name, project) = (object.name_any(), Project::read(&object));
                if self.projects.get(&name) != Some(&project) {
                    self.projects.insert(name.clone(), project);
                    self.plan_project(&name, now);
                }
            }
            Event::Delete(object) => {
                let name = object.name_any();
                self.projects.remove(&name);
                self.plan_project(&name, now);
            }
        }
    }

    fn observe_outcomes(&mut self, event: Event<ConfigMap>, now: Instant) {
        match event {
            Event::Init => self.listed.has_outcomes = false,
            Event::InitApply(config_map) => {
                self.listed.has_outcomes = true;
                self.outcomes.replace(config_map.data);
            }
            Event::InitDone => {
                if !self.listed.has_outcomes {
                    self.outcomes.replace(None);
                }
                self.listed.outcomes = true;
                self.plan_all(now);
            }
            Event::Apply(config_map) => {
                self.outcomes.replace(config_map.data);
                self.plan_all(now);
            }
            Event::Delete(_) => {
                self.outcomes.replace(None);
                self.plan_all(now);
            }
        }
    }

    /// Notes an Application, unless a newer version of it is known.
    fn see(&mut self, object: &DynamicObject, now: Instant) {
        let name = object.name_any();
        let read = Application::read(object)
            .and_then(|application| Ok((Tracked::file(object, &application)?, application)));
        let (filed, application) = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(application = name, %error, "cannot be read, and is left alone");
                self.applications.remove(&name);
                return;
            }
        };
        match self.applications.get_mut(&name) {
            Some(known) if known.uid == filed.uid => {
                if filed.version < known.version {
                    return;
                }
                *known = Tracked { due: known.due, writing: known.writing, ..filed };
            }
            Some(_) | None => {
                self.applications.insert(name.clone(), filed);
            }
        }
        self.plan_as(&name, &application, now);
    }

    fn plan_all(&mut self, now: Instant) {
        let names: Vec<String> = self.applications.keys().cloned().collect();
        for name in names {
            self.plan(&name, now);
        }
    }

    fn plan_project(&mut self, project: &str, now: Instant) {
        let of_project = self.applications.iter().filter(|(_, tracked)| tracked.project == project);
        let names: Vec<String> = of_project.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.plan(&name, now);
        }
    }

    /// Sets the timer of an Application that needs a write, and stops that of one that does not.
    fn plan(&mut self, name: &str, now: Instant) {
        let application = self.applications.get(name).map(Tracked::application);
        if let Some(Ok(application)) = application {
            self.plan_as(name, &application, now);
        }
    }

    /// The same for one that is already parsed.
    fn plan_as(&mut self, name: &str, application: &Application, now: Instant) {
        if !self.listed.is_all() {
            return;
        }
        let Some(tracked) = self.applications.get_mut(name) else {
            return;
        };
        if tracked.writing.is_some() {
            return;
        }
        let project = self.projects.get(application.project());
        let is_needed = decision::next(application, &self.outcomes, project, "").is_some();
        if !is_needed {
            tracked.due = None;
        } else if tracked.due.is_none() {
            self.schedule(name, now + self.pace);
        }
    }

    fn schedule(&mut self, name: &str, due: Instant) {
        if let Some(tracked) = self.applications.get_mut(name) {
            tracked.due = Some(due);
            self.timers.push(Reverse((due, name.to_owned())));
        }
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
