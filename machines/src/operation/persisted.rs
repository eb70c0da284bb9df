//! The persisted forms of an operation.

use serde::{Deserialize, Serialize};

use super::{Operation, OperationPhase, OperationRecord};
use crate::identity::{ApplicationId, ClusterUserId, DeploymentUid, OperationId};
use crate::operation::target::{Requester, Target};

/// The persisted form; a new version is a new variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum PersistedOperation {
    /// The first version.
    #[serde(rename = "1")]
    V1(OperationV1),
    /// The target and the requester name their kind.
    #[serde(rename = "2")]
    V2(Operation),
}

/// An operation in the first version's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationV1 {
    state: OperationPhase,
    record: RecordV1,
}

/// What an operation remembered: it was always about an Application, and a deployment's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RecordV1 {
    id: OperationId,
    application: ApplicationId,
    owner: ClusterUserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requester: Option<DeploymentUid>,
}

impl From<OperationV1> for Operation {
    fn from(OperationV1 { state, record }: OperationV1) -> Self {
        let RecordV1 { id, application, owner, requester } = record;
        // Empty until the row has been read.
        let known = !application.as_str().is_empty();
        let record = OperationRecord {
            target: known.then_some(Target::Application(application)),
            owner,
            requester: requester.map(Requester::Deployment),
            ..OperationRecord::new(id)
        };
        Self { state, record }
    }
}

impl From<Operation> for PersistedOperation {
    fn from(operation: Operation) -> Self {
        Self::V2(operation)
    }
}

impl From<PersistedOperation> for Operation {
    fn from(persisted: PersistedOperation) -> Self {
        match persisted {
            PersistedOperation::V1(operation) => operation.into(),
            PersistedOperation::V2(operation) => operation,
        }
    }
}
