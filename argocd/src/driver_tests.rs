//! The driver against a server that lives in a map, in virtual time.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

const PACE: Duration = Duration::from_millis(50);

/// A server, the driver, and the time between them.
struct World {
    driver: Driver,
    objects: BTreeMap<String, Value>,
    version: u64,
    now: Instant,
    writes: BTreeMap<String, usize>,
}

impl World {
    /// A world in which the watches have not shown anything.
    fn unlisted(pace: Duration) -> Self {
        Self {
            driver: Driver::new(pace),
            objects: BTreeMap::new(),
            version: 0,
            now: Instant::now(),
            writes: BTreeMap::new(),
        }
    }

    fn new(pace: Duration) -> Self {
        let mut world = Self::unlisted(pace);
        world.see(Seen::Application(Event::InitDone));
        world.see(Seen::Project(Event::InitDone));
        world.see(Seen::Outcomes(Event::InitDone));
        world
    }

    fn see(&mut self, seen: Seen) {
        self.driver.observe(seen, self.now);
    }

    fn object(&self, name: &str) -> DynamicObject {
        serde_json::from_value(self.objects[name].clone()).unwrap()
    }

    fn create(&mut self, name: &str, spec: Value) {
        self.version += 1;
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {
                "name": name, "uid": format!("uid-{}", self.version),
                "resourceVersion": self.version.to_string(),
            },
            "spec": spec,
        });
        self.objects.insert(name.to_owned(), object);
        self.see(Seen::Application(Event::Apply(self.object(name))));
    }

    /// Another client changes an Application; the watch shows it at once.
    fn change(&mut self, name: &str, patch: &Value) {
        self.merge(name, patch);
        self.see(Seen::Application(Event::Apply(self.object(name))));
    }

    fn merge(&mut self, name: &str, patch: &Value) {
        self.version += 1;
        let object = self.objects.get_mut(name).unwrap();
        json_patch::merge(object, patch);
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
    }

    fn set_outcomes(&mut self, data: &[(&str, &str)]) {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config_map = ConfigMap { data: Some(data.collect()), ..ConfigMap::default() };
        self.see(Seen::Outcomes(Event::Apply(config_map)));
    }

    /// Carries a write out as the server would.
    fn serve(&mut self, write: &Write) {
        *self.writes.entry(write.name.clone()).or_default() += 1;
        let known = &self.objects[&write.name]["metadata"]["resourceVersion"];
        let outcome = if known == &write.patch["metadata"]["resourceVersion"] {
            self.merge(&write.name, &write.patch);
            Ok(Box::new(self.object(&write.name)))
        } else {
            Err(WriteFailure::Overtaken)
        };
        let is_written = outcome.is_ok();
        self.driver.write_done(write, outcome, self.now);
        if is_written {
            self.see(Seen::Application(Event::Apply(self.object(&write.name))));
        }
    }

    /// Lets time pass until nothing is due.
    fn run(&mut self) {
        for _ in 0..100_000 {
            let Some(due) = self.driver.next_due() else {
                return;
            };
            self.now = self.now.max(due);
            for write in self.driver.take_due(self.now, "now", 7) {
                self.serve(&write);
            }
        }
        panic!("the world never rests");
    }

    fn sync_and_health(&self, name: &str) -> String {
        let status = &self.objects[name]["status"];
        let words = [&status["sync"]["status"], &status["health"]["status"]];
        words.map(|word| word.as_str().unwrap_or("-")).join("/")
    }
}

fn automated(project: &str) -> Value {
    json!({
        "project": project,
        "source": {"repoURL": "https://host/a", "path": "shop"},
        "destination": {"name": "in-cluster", "namespace": "jane"},
        "syncPolicy": {"automated": {}},
    })
}

fn project(name: &str) -> DynamicObject {
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name},
        "spec": {
            "sourceRepos": ["*"], "destinations": [{"name": "in-cluster", "namespace": "*"}],
        },
    });
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_thousand_applications_are_healthy_after_three_writes_each() {
    let mut world = World::new(PACE);
    for number in 0..1000 {
        world.create(&format!("a{number}"), automated("default"));
    }
    let start = world.now;
    world.run();
    assert!(world.objects.keys().all(|name| world.sync_and_health(name) == "Synced/Healthy"));
    assert!(world.writes.values().all(|writes| *writes == 3), "{:?}", world.writes);
    assert_eq!(world.now - start, PACE * 3, "one waited for another");
}

#[test]
fn without_a_pace_no_time_passes() {
    let mut world = World::new(Duration::ZERO);
    world.create("a", automated("default"));
    let start = world.now;
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
    assert_eq!(world.now, start);
}

#[test]
fn nothing_is_written_before_all_watches_have_shown_everything() {
    let mut world = World::unlisted(PACE);
    world.create("a", automated("p"));
    world.see(Seen::Application(Event::Init));
    world.see(Seen::Application(Event::InitApply(world.object("a"))));
    world.see(Seen::Application(Event::InitDone));
    world.see(Seen::Outcomes(Event::InitDone));
    assert_eq!(world.driver.next_due(), None);
    world.see(Seen::Project(Event::InitApply(project("p"))));
    world.see(Seen::Project(Event::InitDone));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
    assert_eq!(world.writes["a"], 3);
}

#[test]
fn an_application_is_looked_at_again_when_its_project_comes_changes_or_goes() {
    let mut world = World::new(PACE);
    world.create("a", automated("p"));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Unknown/Unknown");
    world.see(Seen::Project(Event::Apply(project("p"))));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
    let mut changed = project("p");
    changed.data["spec"]["sourceRepos"] = json!([]);
    world.see(Seen::Project(Event::Apply(changed)));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Unknown/Unknown");
    world.see(Seen::Project(Event::Apply(project("p"))));
    world.run();
    world.see(Seen::Project(Event::Delete(project("p"))));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Unknown/Unknown");
}

#[test]
fn all_applications_are_looked_at_again_when_the_outcomes_change() {
    let mut world = World::new(PACE);
    for name in ["a", "b"] {
        world.create(name, automated("default"));
    }
    world.run();
    world.set_outcomes(&[("path.shop", "degraded"), ("application.b", "progressing")]);
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Degraded");
    assert_eq!(world.sync_and_health("b"), "Synced/Progressing");
    world.see(Seen::Outcomes(Event::Delete(ConfigMap::default())));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
    assert_eq!(world.sync_and_health("b"), "Synced/Healthy");
}

#[test]
fn at_rest_nothing_is_written_however_often_the_watches_repeat_themselves() {
    let mut world = World::new(PACE);
    world.create("a", automated("default"));
    world.run();
    let writes = world.writes.clone();
    world.see(Seen::Application(Event::Apply(world.object("a"))));
    world.see(Seen::Application(Event::Init));
    world.see(Seen::Application(Event::InitApply(world.object("a"))));
    world.see(Seen::Application(Event::InitDone));
    world.run();
    assert_eq!(world.writes, writes);
}

#[test]
fn a_write_that_was_overtaken_is_decided_again() {
    let mut world = World::new(PACE);
    world.create("a", automated("default"));
    world.now += PACE;
    let write = world.driver.take_due(world.now, "now", 1).remove(0);
    world.change("a", &json!({"spec": {"source": {"path": "other"}}}));
    world.serve(&write);
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
    let compared = &world.objects["a"]["status"]["sync"]["comparedTo"]["source"]["path"];
    assert_eq!(compared, "other");
}

#[test]
fn a_write_overtaken_by_what_the_watch_has_not_shown_waits_for_the_watch() {
    let mut world = World::new(PACE);
    world.create("a", automated("default"));
    world.now += PACE;
    let write = world.driver.take_due(world.now, "now", 1).remove(0);
    world.merge("a", &json!({"spec": {"source": {"path": "other"}}}));
    world.serve(&write);
    assert_eq!(world.driver.next_due(), None);
    world.see(Seen::Application(Event::Apply(world.object("a"))));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
}

#[test]
fn a_refused_write_is_retried_after_a_while() {
    let mut world = World::new(PACE);
    world.create("a", automated("default"));
    world.now += PACE;
    let write = world.driver.take_due(world.now, "now", 1).remove(0);
    world.driver.write_done(&write, Err(WriteFailure::Refused), world.now);
    assert_eq!(world.driver.next_due(), Some(world.now + RETRY_DELAY));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
}

#[test]
fn an_older_version_shown_late_does_not_undo_a_newer_one() {
    let mut world = World::new(PACE);
    world.create("a", automated("default"));
    let old = world.object("a");
    world.run();
    world.see(Seen::Application(Event::Apply(old)));
    assert_eq!(world.driver.next_due(), None);
}

#[test]
fn the_answer_to_a_write_to_a_former_application_does_not_concern_its_successor() {
    let mut world = World::new(PACE);
    world.create("a", automated("default"));
    world.now += PACE;
    let write = world.driver.take_due(world.now, "now", 1).remove(0);
    world.see(Seen::Application(Event::Delete(world.object("a"))));
    world.create("a", automated("default"));
    let due = world.driver.next_due();
    assert!(due.is_some());
    world.driver.write_done(&write, Err(WriteFailure::Refused), world.now);
    assert_eq!(world.driver.next_due(), due);
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
}

#[test]
fn an_application_that_a_new_list_lacks_is_forgotten() {
    let mut world = World::new(PACE);
    world.create("a", automated("default"));
    world.see(Seen::Application(Event::Init));
    world.see(Seen::Application(Event::InitDone));
    assert_eq!(world.driver.next_due(), None);
    assert!(world.driver.applications.is_empty());
}

#[test]
fn an_application_that_cannot_be_read_stops_no_other() {
    let mut world = World::new(PACE);
    world.create("broken", json!("text"));
    world.create("a", automated("default"));
    world.run();
    assert_eq!(world.sync_and_health("a"), "Synced/Healthy");
    assert_eq!(world.sync_and_health("broken"), "-/-");
    world.change("broken", &json!({"spec": automated("default")}));
    world.run();
    assert_eq!(world.sync_and_health("broken"), "Synced/Healthy");
}

#[test]
fn no_more_writes_are_taken_than_asked_for() {
    let mut world = World::new(Duration::ZERO);
    for number in 0..5 {
        world.create(&format!("a{number}"), automated("default"));
    }
    assert_eq!(world.driver.take_due(world.now, "now", 3).len(), 3);
    assert_eq!(world.driver.take_due(world.now, "now", 3).len(), 2);
    assert_eq!(world.driver.next_due(), None);
}
