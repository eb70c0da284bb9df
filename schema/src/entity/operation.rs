//! A request of the backend to the agent to make the cluster match a row.
//!
//! At most one is open per resource of an instance: `operation_open_key` is unique among rows that
//! are `Waiting` or `In_Progress`.

use machines::kinds::deployment::removal_report::RemovalReport;
use machines::rows::OperationState;
use sea_orm::entity::prelude::*;

/// A row of `operation`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub operation_id: String,
    pub instance_id: String,
    pub resource_id: String,
    pub operation_owner_user_id: Option<String>,
    pub resource_type: String,
    pub created_on: DateTime,
    pub last_state_update: DateTime,
    /// `Waiting`, `In_Progress`, `Completed` or `Failed`.
    pub state: String,
    pub human_readable_state: Option<String>,
    /// Seconds; 0 and NULL both mean that the row is not collected by age.
    pub gc_expiration_time: Option<i32>,
    /// UID of the GitOpsDeployment that waits for it; NULL in rows of the existing system.
    pub requester: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Its progress.
    pub fn progress(&self) -> OperationState {
        match self.state.as_str() {
            "Completed" => OperationState::Completed,
            "Failed" => {
                OperationState::Failed(self.human_readable_state.clone().unwrap_or_default())
            }
            "In_Progress" => OperationState::InProgress,
            _ => OperationState::Waiting,
        }
    }

    /// What Argo CD says about the requested removal, while that is in progress.
    pub fn removal(&self) -> Option<RemovalReport> {
        let text = self.human_readable_state.as_deref()?;
        (!self.progress().is_terminal()).then(|| RemovalReport::parse(text))
    }
}
