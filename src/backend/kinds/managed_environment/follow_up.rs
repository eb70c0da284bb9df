//! What follows from the commit of managed environments.

use machines::kinds::managed_environment::EnvironmentObligation;
use machines::shared::condition::ConditionStyle;
use tokio::time::Instant;

use super::step::EnvironmentFollowUp;
use super::write::EnvironmentEffect;
use crate::backend::Backend;
use crate::backend::effects::Effect;
use crate::backend::kinds::ObjectEffect;
use crate::backend::observations::Observations;
use crate::runtime::effects::Required;

impl Backend {
    pub(in crate::backend) fn follow_up_environment(
        &self,
        environment: EnvironmentFollowUp,
        taken_at: Instant,
    ) {
        let EnvironmentFollowUp { uid, consequences, obligations, needed, complaint } = environment;
        let key = consequences.key.clone();
        let place = consequences.noted.as_ref().map(|noted| noted.place.clone());
        if let (Some((reason, message)), Some(place)) = (&complaint, &place)
            && self.settings.conditions == ConditionStyle::Legacy
        {
            // No condition says it.
            self.events.tell(place, &key, reason, message);
        }
        let of_object = |effect| Effect::Object(ObjectEffect::Environment(effect));
        let effect = |obligation| match obligation {
            EnvironmentObligation::OperationCreated(operation) => {
                Some(consequences.create(operation))
            }
            EnvironmentObligation::StatusWritten(view) => {
                Some(of_object(EnvironmentEffect::WriteStatus { uid: uid.clone(), view }))
            }
            EnvironmentObligation::RemainsTold(texts) => {
                let (uid, place) = (uid.clone(), place.clone()?);
                Some(of_object(EnvironmentEffect::TellRemains { uid, place, texts }))
            }
            // What the environment needs was made of them; the queue of checks is another one.
            EnvironmentObligation::ClusterChecked(_) | EnvironmentObligation::Revoked(_) => None,
        };
        let effects = obligations.into_iter().filter_map(effect).collect();
        let (tenant, insist) = (consequences.tenant(), consequences.insist);
        self.follow_up_machine(consequences, effects, taken_at);
        if self.checks.note((&key, &tenant), needed, insist, taken_at) == Required::InDoubt {
            self.poke(&key, Observations::facts());
        }
    }
}
