//! Writes an AppProject, and takes in the answer.

use machines::identity::ClusterUserId;
use machines::operation::application::project_name;

use super::entry::ProjectDocument;
use super::requests;
use crate::agent::Agent;
use crate::agent::effects::Effect;
use crate::kubernetes::ApiError;
use crate::runtime::effects::Outcome;

impl Agent {
    pub(in crate::agent) async fn write_project(
        &self,
        effect: &Effect,
        user: &ClusterUserId,
        wanted: Option<&ProjectDocument>,
    ) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let name = project_name(user);
        let (exists, asked) = {
            let argo = self.argo();
            (argo.project(&name).is_some(), argo.ask_project())
        };
        let written = match wanted {
            Some(wanted) => {
                let write = requests::write_project(&self.client, namespace, wanted, exists);
                Some(write.await?)
            }
            None => {
                requests::remove_project(&self.client, namespace, &name).await?;
                None
            }
        };
        self.take_in_answer(effect, |argo| match written {
            Some(written) => argo.project_written(&written, asked).into_iter().collect(),
            None => argo.project_gone(&name).into_iter().collect(),
        });
        Ok(Outcome::Done)
    }
}
