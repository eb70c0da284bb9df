//! Operation CRs: the backend creates them, the agent deletes them.

use crds::Operation;
use kube::api::{Api, DeleteParams};
use machines::identity::OperationId;

use crate::agent::Agent;
use crate::agent::batch::Observations;
use crate::agent::resources::Effect;
use crate::kubernetes::{ApiError, api_error};
use crate::runtime::effects::{Outcome, QueuedEffect};

impl Agent {
    pub(in crate::agent) async fn remove_operation(
        &self,
        effect: &Effect,
        operation: &OperationId,
    ) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let sighting = self.open().resources.get(operation).copied();
        delete(&self.client, namespace, operation).await?;
        self.effects.answered(&effect.key());
        if self.open().is_absent(operation, sighting) {
            let absent = Observations { resource_absent: true, ..Observations::default() };
            self.poke(operation, absent);
            return Ok(Outcome::Done);
        }
        // It still requires the removal.
        self.poke(operation, Observations::default());
        Ok(Outcome::Pending)
    }
}

/// Deletes an Operation CR, unless it is gone.
async fn delete(
    client: &kube::Client,
    namespace: &str,
    operation: &OperationId,
) -> Result<(), ApiError> {
    let api: Api<Operation> = Api::namespaced(client.clone(), namespace);
    let name = crds::names::operation_name(operation.as_str());
    absent(api.delete(&name, &DeleteParams::default()).await.map(drop).map_err(api_error))
}

/// What is already missing counts as deleted.
pub(in crate::agent) fn absent(outcome: Result<(), ApiError>) -> Result<(), ApiError> {
    match outcome {
        Err(ApiError::Missing) => Ok(()),
        outcome => outcome,
    }
}
