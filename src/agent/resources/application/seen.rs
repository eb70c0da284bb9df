//! What the watch of Applications shows, and the answers to writes.

use std::collections::{BTreeMap, BTreeSet};

use crds::argocd::Application;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use kube::core::DeserializeGuard;
use machines::identity::{ApplicationId, DeploymentUid, Revision};
use machines::operation::application::ApplicationSpec;

use super::entry::ApplicationEntry;
use crate::agent::argo::{Argo, Changed};
use crate::runtime::sightings::Asked;
use crate::runtime::watch::WatchEvent;

impl Argo {
    /// Takes in an event from the watch of Applications.
    pub fn application_seen(&mut self, seen: WatchEvent<Application>) -> Vec<Changed> {
        let listed = self.applications_seen.note(&seen, |metadata| metadata.name.clone());
        match seen {
            WatchEvent::Restarted => Vec::new(),
            WatchEvent::Present(application) => self.application_present(application, None),
            WatchEvent::Gone(gone) => self.application_gone(&gone.name, Some(&gone.uid)),
            WatchEvent::Malformed(metadata) => self.unreadable_present(*metadata),
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let missing: Vec<String> =
                    self.applications.keys().filter(|name| listed.lacks(name)).cloned().collect();
                missing.iter().flat_map(|name| self.application_gone(name, None)).collect()
            }
        }
    }

    /// To be held from before a write of an Application until [`Self::application_written`].
    pub fn ask_application(&self) -> Asked {
        self.applications_seen.ask()
    }

    /// Takes in the answer to a write.
    pub fn application_written(&mut self, written: Application, asked: Asked) -> Vec<Changed> {
        if self.applications_seen.is_news(&written, asked) {
            self.application_present(written, None)
        } else {
            Vec::new()
        }
    }

    /// Takes in what the server has listed by a name; returns whether that is news.
    pub fn application_listed(
        &mut self,
        listed: DeserializeGuard<Application>,
        asked: Asked,
    ) -> Vec<Changed> {
        match listed.0 {
            Ok(application) => self.application_written(application, asked),
            Err(invalid) => {
                let metadata = invalid.metadata;
                let object = Application { metadata, ..Application::default() };
                if self.applications_seen.is_news(&object, asked) {
                    self.unreadable_present(object.metadata)
                } else {
                    Vec::new()
                }
            }
        }
    }

    /// Notes that an Application exists that cannot be read: its metadata is enough to repair or to
    /// delete it.
    fn unreadable_present(&mut self, metadata: ObjectMeta) -> Vec<Changed> {
        let application = Application { metadata, ..Application::default() };
        // Its last readable state still counts as what it uses.
        let known = self.applications.get(&application.name_any()).map(|known| known.spec.clone());
        let mut spec = known.unwrap_or_default();
        spec.drift.insert(String::new());
        self.application_present(application, Some(spec))
    }

    /// Notes that an Application exists; `spec` is for one that cannot be read.
    fn application_present(
        &mut self,
        application: Application,
        spec: Option<ApplicationSpec>,
    ) -> Vec<Changed> {
        let name = application.name_any();
        let entry = ApplicationEntry::of(&application, spec, self.knows_refresh);
        match self.applications.get(&name) {
            Some(known) if entry.revision < known.revision => return Vec::new(),
            None if entry.row.is_some() && crds::names::deployment_uid(&name).is_none() => {
                tracing::warn!(
                    name,
                    "an Application has a row's label but not the name of that row's Application; \
                     it is left alone",
                );
            }
            _ => {}
        }
        let mut projects = self.forget(&name);
        let uses = self.in_use.entry(entry.spec.project.clone()).or_default();
        let number = uses.entry(entry.spec.source.repo_url.clone()).or_default();
        *number += 1;
        if *number == 1 {
            projects.insert(entry.spec.project.clone());
        }
        let mut changed: Vec<Changed> = projects.into_iter().map(Changed::Project).collect();
        if let Some(row) = &entry.row {
            self.by_row.entry(row.clone()).or_default().insert(name.clone());
        }
        changed.push(Changed::Application {
            row: entry.row.clone(),
            name: name.clone(),
            project: entry.spec.project.clone(),
            status: Some(Box::new(application.status.unwrap_or_default())),
        });
        self.applications.insert(name, entry);
        changed
    }

    /// Notes whether the installed Argo CD supports `retry.refresh`.
    pub fn note_refresh(&mut self, is_known: bool) {
        self.knows_refresh = is_known;
        for entry in self.applications.values_mut() {
            entry.judge_refresh(is_known);
        }
    }

    /// Whether the installed Argo CD supports `retry.refresh`.
    pub fn knows_refresh(&self) -> bool {
        self.knows_refresh
    }

    fn application_gone(&mut self, name: &str, uid: Option<&str>) -> Vec<Changed> {
        let known = self.applications.get(name);
        let Some(entry) = known.filter(|known| uid.is_none_or(|uid| known.uid == uid)).cloned()
        else {
            return Vec::new();
        };
        let mut changed: Vec<Changed> =
            self.forget(name).into_iter().map(Changed::Project).collect();
        let (row, name, project) = (entry.row, name.to_owned(), entry.spec.project);
        changed.push(Changed::Application { row, name, project, status: None });
        changed
    }

    /// Takes in that the server has listed no Application of this name, unless the watch has shown a
    /// newer one since `before`.
    pub fn application_absent(&mut self, name: &str, before: Revision) -> Vec<Changed> {
        match self.applications.get(name) {
            Some(entry) if entry.revision == before => self.application_gone(name, None),
            _ => Vec::new(),
        }
    }

    /// Takes an Application out of the indexes; returns which project has lost a use of a
    /// repository.
    fn forget(&mut self, name: &str) -> BTreeSet<String> {
        let mut projects = BTreeSet::new();
        let Some(entry) = self.applications.remove(name) else { return projects };
        if let Some(uses) = self.in_use.get_mut(&entry.spec.project) {
            if let Some(number) = uses.get_mut(&entry.spec.source.repo_url) {
                *number -= 1;
                if *number == 0 {
                    uses.remove(&entry.spec.source.repo_url);
                    projects.insert(entry.spec.project.clone());
                }
            }
            if uses.is_empty() {
                self.in_use.remove(&entry.spec.project);
            }
        }
        if let Some(row) = entry.row
            && let Some(names) = self.by_row.get_mut(&row)
        {
            names.remove(name);
            if names.is_empty() {
                self.by_row.remove(&row);
            }
        }
        projects
    }

    /// An Application by its name.
    pub fn application(&self, name: &str) -> Option<&ApplicationEntry> {
        self.applications.get(name)
    }

    /// The Application that represents a row, by the name that its deployment gives it. Operations
    /// of an earlier installation do not say who owns them: theirs are known by the label, and
    /// still have such a name. Anything else with the label is a copy.
    pub(in crate::agent) fn application_of(
        &self,
        row: &ApplicationId,
        name: Option<&str>,
    ) -> Option<(&str, &ApplicationEntry)> {
        let name = match name {
            Some(name) => name,
            None => {
                let labelled = self.by_row.get(row)?.iter().map(String::as_str);
                labelled.into_iter().find(|name| crds::names::deployment_uid(name).is_some())?
            }
        };
        let (name, entry) = self.applications.get_key_value(name)?;
        Some((name, entry))
    }

    /// The Application to remove along with a row, with its name.
    pub fn application_to_remove(
        &self,
        row: &ApplicationId,
        name: Option<&str>,
    ) -> Option<(String, ApplicationEntry)> {
        let (name, entry) = self.application_of(row, name)?;
        Some((name.to_owned(), entry.clone()))
    }

    /// The Applications that are ours by their names, with their rows. The label that names the row
    /// may have been removed; an earlier installation's rows have other ids, but then the
    /// deployment has one.
    pub fn ours(&self) -> BTreeMap<DeploymentUid, ApplicationId> {
        let entries = self.applications.iter().filter(|(_, entry)| !entry.deleting);
        let ours = entries.filter_map(|(name, entry)| {
            let uid = DeploymentUid::new(crds::names::deployment_uid(name)?);
            let row = entry.row.clone().unwrap_or_else(|| ApplicationId::of(&uid));
            Some((uid, row))
        });
        ours.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_without_refresh_are_drift_only_if_the_installed_argo_cd_supports_it() {
        let mut argo = Argo::default();
        let spec = serde_json::json!({"syncPolicy": {"retry": {"limit": -1}}});
        let object = serde_json::json!({"metadata": {"name": "app"}, "spec": spec});
        argo.application_seen(WatchEvent::Present(serde_json::from_value(object).unwrap()));
        let drifts = |argo: &Argo| !argo.application("app").unwrap().spec.drift.is_empty();
        assert!(!drifts(&argo));
        argo.note_refresh(true);
        assert!(drifts(&argo));
        argo.note_refresh(false);
        assert!(!drifts(&argo));
    }
}
