//! Writes an AppProject, and takes in the answer.

use crds::argocd::AppProject;
use kube::core::DeserializeGuard;
use machines::identity::ClusterUserId;
use machines::operation::application::project_name;

use super::entry::ProjectDocument;
use super::requests;
use crate::agent::Agent;
use crate::agent::resources::Effect;
use crate::kubernetes::{self, ApiError};
use crate::runtime::effects::{Outcome, QueuedEffect};

impl Agent {
    pub(in crate::agent) async fn write_project(
        &self,
        effect: &Effect,
        user: &ClusterUserId,
        wanted: Option<&ProjectDocument>,
    ) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let name = project_name(user);
        let (existing, asked) = {
            let mut argo = self.argo();
            if wanted.is_some() {
                argo.forget_absence([name.as_str()]);
            }
            (argo.project(&name).cloned(), argo.ask_project())
        };
        let Some(wanted) = wanted else {
            if existing.is_some_and(|existing| !existing.deleting) {
                requests::remove_project(&self.client, namespace, &name).await?;
            }
            return self.look_up_project(effect, &name).await;
        };
        let exists = existing.is_some();
        match requests::write_project(&self.client, namespace, wanted, exists).await {
            Ok(written) => {
                self.take_in_answer(effect, |argo| {
                    argo.project_written(&written, asked).into_iter().collect()
                });
                Ok(Outcome::Done)
            }
            Err(ApiError::AlreadyExists(_)) if !exists => self.look_up_project(effect, &name).await,
            Err(error) => Err(error),
        }
    }

    /// Asks the server for an AppProject: before a removal counts as complete, and when what was to
    /// be created exists. The next step of the operations that require it decides what follows.
    async fn look_up_project(&self, effect: &Effect, name: &str) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let (asked, before) = {
            let argo = self.argo();
            (argo.ask_project(), argo.project(name).map(|project| project.revision))
        };
        let found: Vec<DeserializeGuard<AppProject>> =
            kubernetes::list_named(&self.client, namespace, name).await?;
        self.effects.answered(&effect.key());
        let is_absent = found.is_empty();
        let is_news = self.take_in(|argo| {
            if is_absent {
                return argo.project_absent(name, before).into_iter().collect();
            }
            found.into_iter().filter_map(|one| argo.project_listed(one, asked)).collect()
        });
        Ok(match (is_absent, is_news) {
            (true, _) => Outcome::Done,
            (false, true) => Outcome::Pending,
            // The watch has already shown it.
            (false, false) => Outcome::Failed,
        })
    }
}
