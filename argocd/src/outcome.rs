//! The outcomes of Applications, according to the ConfigMap of outcomes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::application::Application;
use crate::status::commit;

/// The value that makes syncs of one commit fail, before the commit's name.
const FAILS_AT: &str = "sync-fails-at-";

/// The outcome of an Application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is synced and healthy.
    #[default]
    Works,
    /// Its syncs fail.
    SyncFails,
    /// Its syncs wait for a hook that never ends.
    SyncNeverEnds,
    /// A sync window holds its syncs.
    SyncHeld,
    /// It is synced but does not work.
    Degraded,
    /// It is synced but never gets to work.
    Progressing,
    /// It cannot be compared, because the repository lacks the path.
    MissingPath,
    /// It works, but what it deployed cannot be deleted.
    DeletionNeverFinishes,
}

impl Outcome {
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "sync-fails" => Some(Self::SyncFails),
            "sync-never-ends" => Some(Self::SyncNeverEnds),
            "sync-held" => Some(Self::SyncHeld),
            "degraded" => Some(Self::Degraded),
            "progressing" => Some(Self::Progressing),
            "missing-path" => Some(Self::MissingPath),
            "deletion-never-finishes" => Some(Self::DeletionNeverFinishes),
            _ => None,
        }
    }
}

/// What an entry of the ConfigMap says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// The outcomes of Applications.
    Outcome(Outcome),
    /// Syncs of the commit with this name fail.
    FailsAt(String),
    /// The commit with this name is the newest.
    Pushed(String),
}

impl Entry {
    fn parse(key: &str, value: &str) -> Option<Self> {
        if key.starts_with("commit.") {
            return Some(Self::Pushed(value.to_owned()));
        }
        if !key.starts_with("application.") && !key.starts_with("path.") {
            return None;
        }
        match value.trim().strip_prefix(FAILS_AT) {
            Some(name) => Some(Self::FailsAt(name.to_owned())),
            None => Outcome::parse(value).map(Self::Outcome),
        }
    }
}

/// What the ConfigMap says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes {
    by_key: BTreeMap<String, Entry>,
    /// What has been warned about; a warning is given once.
    warned: BTreeSet<(String, String)>,
}

impl Outcomes {
    /// Takes over the data of the ConfigMap, and warns about what is not understood.
    pub(crate) fn replace(&mut self, data: Option<BTreeMap<String, String>>) {
        self.by_key.clear();
        for (key, value) in data.unwrap_or_default() {
            match Entry::parse(&key, &value) {
                Some(entry) => {
                    self.by_key.insert(key, entry);
                }
                None => self.warn(key, value),
            }
        }
    }

    fn warn(&mut self, key: String, value: String) {
        let warning = (key, value);
        if !self.warned.contains(&warning) {
            let (key, value) = &warning;
            tracing::warn!(map = crate::OUTCOMES, key, value, "an outcome is unknown");
            self.warned.insert(warning);
        }
    }

    /// The entry of an Application that concerns a source; its own takes precedence over its
    /// path's.
    fn entry(&self, application: &Application, source: &Value) -> Option<&Entry> {
        let name = format!("application.{}", application.metadata.name);
        self.by_key.get(&name).or_else(|| self.by_key.get(&key("path", source)))
    }

    /// The outcome of the Application.
    pub(crate) fn of(&self, application: &Application) -> Outcome {
        match self.entry(application, &application.spec.source) {
            Some(Entry::Outcome(outcome)) => *outcome,
            _ => Outcome::Works,
        }
    }

    /// Whether a sync of a source at a revision fails.
    pub(crate) fn fails(&self, application: &Application, source: &Value, revision: &str) -> bool {
        match self.entry(application, source) {
            Some(Entry::Outcome(outcome)) => *outcome == Outcome::SyncFails,
            Some(Entry::FailsAt(name)) => {
                revision == commit_of(source, text(source, "targetRevision"), name)
            }
            _ => false,
        }
    }

    /// The commit that a revision of a source resolves to; an empty one is that of the source.
    pub(crate) fn commit(&self, source: &Value, revision: &str) -> String {
        let revision = if revision.is_empty() { text(source, "targetRevision") } else { revision };
        commit_of(source, revision, self.pushed(source).unwrap_or_default())
    }

    /// The commit that a source currently resolves to.
    pub(crate) fn newest(&self, source: &Value) -> String {
        self.commit(source, "")
    }

    /// Whether another commit has been pushed since the Application was compared. A requested
    /// commit counts as the newest while nothing is known to have been pushed.
    pub(crate) fn has_moved(&self, application: &Application) -> bool {
        let source = &application.spec.source;
        !application.has_many_sources()
            && self.pushed(source).is_some()
            && application.status.sync.revision != self.newest(source)
    }

    fn pushed(&self, source: &Value) -> Option<&str> {
        match self.by_key.get(&key("commit", source)) {
            Some(Entry::Pushed(name)) => Some(name),
            _ => None,
        }
    }
}

fn text<'a>(source: &'a Value, field: &str) -> &'a str {
    source[field].as_str().unwrap_or_default()
}

fn key(kind: &str, source: &Value) -> String {
    format!("{kind}.{}", text(source, "path").replace('/', "."))
}

fn commit_of(source: &Value, revision: &str, pushed: &str) -> String {
    commit(text(source, "repoURL"), revision, pushed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcomes(data: &[(&str, &str)]) -> Outcomes {
        let mut outcomes = Outcomes::default();
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        outcomes.replace(Some(data.collect()));
        outcomes
    }

    fn application() -> Application {
        let mut application: Application =
            serde_json::from_value(json!({"spec": {"source": {"path": "shop/web"}}})).unwrap();
        application.metadata.name = "gitopsdepl-1".to_owned();
        application
    }

    #[test]
    fn an_application_that_is_not_named_works() {
        assert_eq!(outcomes(&[]).of(&application()), Outcome::Works);
        let others = [("application.other", "degraded"), ("path.shop", "degraded")];
        assert_eq!(outcomes(&others).of(&application()), Outcome::Works);
    }

    #[test]
    fn an_application_is_named_by_its_name_or_its_path() {
        let by_name = outcomes(&[("application.gitopsdepl-1", "sync-fails")]);
        assert_eq!(by_name.of(&application()), Outcome::SyncFails);
        let by_path = outcomes(&[("path.shop.web", "degraded")]);
        assert_eq!(by_path.of(&application()), Outcome::Degraded);
    }

    #[test]
    fn the_name_takes_precedence_over_the_path() {
        let both = [("path.shop.web", "degraded"), ("application.gitopsdepl-1", "progressing")];
        assert_eq!(outcomes(&both).of(&application()), Outcome::Progressing);
    }

    #[test]
    fn what_is_not_understood_is_warned_about_once_and_changes_nothing() {
        let mut unknown =
            outcomes(&[("application.gitopsdepl-1", "explodes"), ("gitopsdepl-1", "degraded")]);
        assert_eq!(unknown.of(&application()), Outcome::Works);
        assert_eq!(unknown.warned.len(), 2);
        let same = BTreeMap::from([("gitopsdepl-1".to_owned(), "degraded".to_owned())]);
        unknown.replace(Some(same));
        assert_eq!(unknown.warned.len(), 2);
    }

    #[test]
    fn a_commit_that_is_pushed_is_another_one_and_a_sync_may_fail_at_one_only() {
        let data = |pushed| [("commit.shop.web", pushed), ("path.shop.web", "sync-fails-at-1")];
        let (first, second) = (outcomes(&data("1")), outcomes(&data("2")));
        let application = application();
        let source = &application.spec.source;
        let [old, new] = [&first, &second].map(|it| it.newest(source));
        assert_ne!(old, new);
        for outcomes in [first, second] {
            assert_eq!(outcomes.of(&application), Outcome::Works);
            assert!(outcomes.fails(&application, source, &old));
            assert!(!outcomes.fails(&application, source, &new));
        }
        assert_ne!(outcomes(&[]).newest(source), old);
        assert!(!outcomes(&[]).fails(&application, source, &old));
        let always = outcomes(&[("path.shop.web", "sync-fails")]);
        assert!(always.fails(&application, source, &new));
    }

    #[test]
    fn an_entry_that_is_removed_no_longer_counts() {
        let mut changed = outcomes(&[("path.shop.web", "missing-path")]);
        assert_eq!(changed.of(&application()), Outcome::MissingPath);
        changed.replace(None);
        assert_eq!(changed.of(&application()), Outcome::Works);
    }
}
