//! What Applications come to, as the ConfigMap of outcomes says.

use std::collections::{BTreeMap, BTreeSet};

use super::application::Application;

/// What an Application comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is synced and healthy.
    #[default]
    Works,
    /// Its syncs fail.
    SyncFails,
    /// It is synced and does not work.
    Degraded,
    /// It is synced and never gets to work.
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
            "degraded" => Some(Self::Degraded),
            "progressing" => Some(Self::Progressing),
            "missing-path" => Some(Self::MissingPath),
            "deletion-never-finishes" => Some(Self::DeletionNeverFinishes),
            _ => None,
        }
    }
}

/// The outcomes that differ from [`Outcome::Works`].
#[derive(Clone, Debug, Default)]
pub(super) struct Outcomes {
    by_key: BTreeMap<String, Outcome>,
    /// What was warned of; a warning is given once.
    warned: BTreeSet<(String, String)>,
}

impl Outcomes {
    /// Takes over the data of the ConfigMap, and warns of what is not understood.
    pub(super) fn replace(&mut self, data: Option<BTreeMap<String, String>>) {
        self.by_key.clear();
        for (key, value) in data.unwrap_or_default() {
            let is_known = key.starts_with("application.") || key.starts_with("path.");
            match Outcome::parse(&value).filter(|_| is_known) {
                Some(outcome) => {
                    self.by_key.insert(key, outcome);
                }
                None => self.warn(key, value),
            }
        }
    }

    fn warn(&mut self, key: String, value: String) {
        let warning = (key, value);
        if !self.warned.contains(&warning) {
            let (key, value) = &warning;
            tracing::warn!(key, value, "ConfigMap {}: not an outcome", super::OUTCOMES);
            self.warned.insert(warning);
        }
    }

    /// What the Application comes to; its own entry counts more than its path's.
    pub(super) fn of(&self, application: &Application) -> Outcome {
        let name = format!("application.{}", application.metadata.name);
        let path = format!("path.{}", application.source_text("path").replace('/', "."));
        self.by_key.get(&name).or_else(|| self.by_key.get(&path)).copied().unwrap_or_default()
    }
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
    fn the_name_counts_more_than_the_path() {
        let both = [("path.shop.web", "degraded"), ("application.gitopsdepl-1", "progressing")];
        assert_eq!(outcomes(&both).of(&application()), Outcome::Progressing);
    }

    #[test]
    fn what_is_not_understood_is_warned_of_once_and_changes_nothing() {
        let mut unknown =
            outcomes(&[("application.gitopsdepl-1", "explodes"), ("gitopsdepl-1", "degraded")]);
        assert_eq!(unknown.of(&application()), Outcome::Works);
        assert_eq!(unknown.warned.len(), 2);
        let same = BTreeMap::from([("gitopsdepl-1".to_owned(), "degraded".to_owned())]);
        unknown.replace(Some(same));
        assert_eq!(unknown.warned.len(), 2);
    }

    #[test]
    fn an_entry_that_is_removed_counts_no_more() {
        let mut changed = outcomes(&[("path.shop.web", "missing-path")]);
        assert_eq!(changed.of(&application()), Outcome::MissingPath);
        changed.replace(None);
        assert_eq!(changed.of(&application()), Outcome::Works);
    }
}
