//! What the backend writes to the Kubernetes API, one request for each effect.

use crds::{Operation, OperationSpec};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::core::DeserializeGuard;
use machines::identity::{OperationId, TenantUid, Timestamp};
use serde_json::json;

use crate::backend::kinds::{Key, ObjectEffect};
use crate::kubernetes::{self, ApiError};
use crate::runtime::effects::{Priority, QueuedEffect};

/// One write to the Kubernetes API.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// An Operation resource exists.
    CreateOperation {
        /// The machine that asks for the operation.
        requester: Key,
        /// Whose turn it is.
        tenant: TenantUid,
        /// The operation.
        operation: OperationId,
    },
    /// The Operation resource says that the row of its target has changed.
    AnnounceChange {
        /// The machine that asks for it.
        requester: Key,
        /// Whose turn it is.
        tenant: TenantUid,
        /// The operation.
        operation: OperationId,
    },
    /// The object of a machine says something.
    Object(ObjectEffect),
}

/// What an effect is about: something belonging to one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The Operation resource.
    Operation,
    /// The object's status.
    Status,
    /// The object's finalizer.
    Finalizer,
    /// Events about the object.
    Event,
}

/// Everything that a machine may require.
pub const SUBJECTS: [Subject; 4] =
    [Subject::Operation, Subject::Status, Subject::Finalizer, Subject::Event];

/// Which machine requires an effect, and what that is about.
pub type SubjectOf = (Key, Subject);

impl QueuedEffect for Effect {
    type Key = SubjectOf;

    fn key(&self) -> SubjectOf {
        match self {
            Self::CreateOperation { requester, .. } | Self::AnnounceChange { requester, .. } => {
                (requester.clone(), Subject::Operation)
            }
            Self::Object(effect) => effect.key(),
        }
    }

    fn priority(&self) -> Priority {
        match self {
            Self::CreateOperation { .. } | Self::AnnounceChange { .. } => Priority::High,
            Self::Object(effect) => effect.priority(),
        }
    }

    fn is_answered(&self) -> bool {
        match self {
            // The agent answers it, in the operation's row.
            Self::CreateOperation { .. } | Self::AnnounceChange { .. } => false,
            Self::Object(effect) => effect.is_answered(),
        }
    }
}

/// Creates the Operation CR. One that exists counts only if it asks for the same.
pub async fn create_operation(
    client: &kube::Client,
    argocd_namespace: &str,
    tenant: &TenantUid,
    operation: &OperationId,
) -> Result<(), ApiError> {
    let api: Api<Operation> = Api::namespaced(client.clone(), argocd_namespace);
    let spec = OperationSpec { operation_id: operation.as_str().to_owned() };
    let mut object = Operation::new(&crds::names::operation_name(operation.as_str()), spec);
    object
        .metadata
        .labels
        .get_or_insert_default()
        .insert(crds::names::TENANT_LABEL.to_owned(), tenant.as_str().to_owned());
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => Ok(()),
        Err(error) => match kubernetes::api_error(error) {
            ApiError::AlreadyExists(text) => {
                let name = object.name_any();
                let found = kubernetes::list_named(client, argocd_namespace, &name).await?;
                is_wanted(&found, operation).then_some(()).ok_or(ApiError::Outdated(text))
            }
            error => Err(error),
        },
    }
}

/// Has the Operation CR say that the row of its target has changed; creates it if there is none.
pub async fn announce_change(
    client: &kube::Client,
    argocd_namespace: &str,
    tenant: &TenantUid,
    operation: &OperationId,
    now: Timestamp,
) -> Result<(), ApiError> {
    let api: Api<Operation> = Api::namespaced(client.clone(), argocd_namespace);
    let name = crds::names::operation_name(operation.as_str());
    let changed = now.as_millis().to_string();
    let patch = json!({"metadata": {"annotations": {crds::names::CHANGED_ANNOTATION: changed}}});
    let patched = api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
    match patched.map_err(kubernetes::api_error) {
        Ok(_) => Ok(()),
        // It was never created, somebody has deleted it, or the agent has finished it; then it
        // deletes the new one, too.
        Err(ApiError::Missing) => {
            create_operation(client, argocd_namespace, tenant, operation).await
        }
        Err(error) => Err(error),
    }
}

/// Whether what exists can serve as the new Operation.
fn is_wanted(found: &[DeserializeGuard<Operation>], operation: &OperationId) -> bool {
    // It is gone again: the agent has seen it, and its outcome is in the row.
    let mut found = found.iter();
    found.all(|one| match &one.0 {
        Ok(one) => {
            one.spec.operation_id == operation.as_str() && one.metadata.deletion_timestamp.is_none()
        }
        // One that cannot be decoded exists, but asks for nothing.
        Err(_) => false,
    })
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::test_support;

    const NAMESPACE: &str = "argocd";

    async fn client() -> kube::Client {
        test_support::api_server(crds::all(), NAMESPACE).await
    }

    #[tokio::test]
    async fn an_operation_that_exists_counts_only_if_it_asks_for_the_same() {
        let client = client().await;
        let (tenant, operation) = (TenantUid::new("tenant"), OperationId::new("one"));
        for attempt in ["it is created", "it exists and asks for the same"] {
            let created = create_operation(&client, NAMESPACE, &tenant, &operation).await;
            assert_eq!(created, Ok(()), "{attempt}");
        }
        let api: Api<Operation> = Api::namespaced(client.clone(), NAMESPACE);
        let spec = OperationSpec { operation_id: "another".to_owned() };
        let object = Operation::new(&crds::names::operation_name("two"), spec);
        api.create(&PostParams::default(), &object).await.expect("somebody creates it");
        let two = OperationId::new("two");
        let created = create_operation(&client, NAMESPACE, &tenant, &two).await;
        assert!(matches!(created, Err(ApiError::Outdated(_))), "{created:?}");
    }

    #[tokio::test]
    async fn a_change_is_announced_by_the_operation_that_exists_or_else_by_a_new_one() {
        let client = client().await;
        let (tenant, operation) = (TenantUid::new("tenant"), OperationId::new("one"));
        let api: Api<Operation> = Api::namespaced(client.clone(), NAMESPACE);
        let name = crds::names::operation_name("one");
        for annotated in [false, true] {
            let now = Timestamp::from_millis(7);
            let told = announce_change(&client, NAMESPACE, &tenant, &operation, now).await;
            assert_eq!(told, Ok(()));
            let object = api.get(&name).await.expect("it exists");
            let changed = object.annotations().get(crds::names::CHANGED_ANNOTATION);
            assert_eq!(changed.is_some(), annotated);
        }
    }
}
