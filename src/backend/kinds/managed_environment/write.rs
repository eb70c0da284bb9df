//! Writes a managed environment's status, and Events about what may remain on clusters.

use crds::GitOpsDeploymentManagedEnvironment;
use machines::kinds::managed_environment::EnvironmentUid;
use machines::kinds::managed_environment::status::EnvironmentView;

use crate::backend::Backend;
use crate::backend::effects::{Subject, SubjectOf};
use crate::backend::index::objects::Place;
use crate::backend::kinds::Key;
use crate::backend::observations::Observations;
use crate::kubernetes::ApiError;

/// The reason of the Events.
pub const MAY_REMAIN: &str = "MayRemain";

/// One write to the object of a managed environment, or about it.
#[derive(Clone, Debug, PartialEq)]
pub enum EnvironmentEffect {
    /// Its status says this.
    WriteStatus {
        /// The environment.
        uid: EnvironmentUid,
        /// What it says.
        view: EnvironmentView,
    },
    /// Events say this of it, even if it is gone.
    TellRemains {
        /// The environment.
        uid: EnvironmentUid,
        /// Where it is or was.
        place: Place,
        /// A text for each Event.
        texts: Vec<String>,
    },
}

impl EnvironmentEffect {
    /// Which machine requires it, and what it is about.
    pub fn key(&self) -> SubjectOf {
        match self {
            Self::WriteStatus { uid, .. } => (Key::Environment(uid.clone()), Subject::Status),
            Self::TellRemains { uid, .. } => (Key::Environment(uid.clone()), Subject::Event),
        }
    }
}

impl Backend {
    pub(in crate::backend) async fn write_environment(
        &self,
        effect: &EnvironmentEffect,
    ) -> Result<(), ApiError> {
        let subject = effect.key();
        match effect {
            EnvironmentEffect::WriteStatus { view, .. } => {
                let conditions = &view.conditions;
                self.write_conditions::<GitOpsDeploymentManagedEnvironment>(&subject, conditions)
                    .await
            }
            EnvironmentEffect::TellRemains { place, texts, .. } => {
                for text in texts {
                    // Where the namespace is gone, operators are the only ones left to be told.
                    tracing::warn!(
                        uid = subject.0.uid(),
                        text,
                        "something may remain on a cluster"
                    );
                    self.events.write(&self.client, place, &subject.0, MAY_REMAIN, text).await?;
                }
                self.effects.answered(&subject);
                self.poke(&subject.0, Observations::told(texts.clone()));
                Ok(())
            }
        }
    }
}
