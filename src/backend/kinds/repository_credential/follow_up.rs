//! What follows from the commit of repository credentials.

use machines::kinds::repository_credential::CredentialObligation;
use machines::shared::condition::ConditionStyle;
use tokio::time::Instant;

use super::step::CredentialFollowUp;
use super::write::CredentialEffect;
use crate::backend::Backend;
use crate::backend::effects::Effect;
use crate::backend::kinds::ObjectEffect;
use crate::backend::observations::Observations;
use crate::runtime::effects::Required;

impl Backend {
    pub(in crate::backend) fn follow_up_credential(
        &self,
        credential: CredentialFollowUp,
        taken_at: Instant,
    ) {
        let CredentialFollowUp { uid, consequences, obligations, needed, complaint } = credential;
        let key = consequences.key.clone();
        if let (Some((reason, message)), Some(noted)) = (&complaint, &consequences.noted)
            && self.settings.conditions == ConditionStyle::Legacy
        {
            // No condition says it.
            self.events.tell(&noted.place, &key, reason, message);
        }
        let effect = |obligation| match obligation {
            CredentialObligation::OperationCreated(operation) => {
                Some(consequences.create(operation))
            }
            CredentialObligation::StatusWritten(view) => {
                let effect = CredentialEffect { uid: uid.clone(), view };
                Some(Effect::Object(ObjectEffect::Credential(effect)))
            }
            // What the credential needs was made of it; the queue of checks is another one.
            CredentialObligation::CredentialChecked { .. } => None,
        };
        let effects = obligations.into_iter().filter_map(effect).collect();
        let (tenant, insist) = (consequences.tenant(), consequences.insist);
        self.follow_up_machine(consequences, effects, taken_at);
        if self.checks.note((&key, &tenant), needed, insist, taken_at) == Required::InDoubt {
            self.poke(&key, Observations::facts());
        }
    }
}
