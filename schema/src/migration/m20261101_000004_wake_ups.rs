//! Who is to be woken by a row that the other half of the program wrote.
//!
//! An operation names the deployment that waits for it, and a report says whether the backend has
//! taken it in: both outlive a process that dies between a commit and the waking.

#![expect(elided_lifetimes_in_paths, reason = "the trait that is implemented elides one")]

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for statement in STATEMENTS {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

/// Reports of an existing installation count as unread: the first start takes them in.
const STATEMENTS: [&str; 4] = [
    "ALTER TABLE operation ADD COLUMN requester varchar(48)",
    "ALTER TABLE applicationstate ADD COLUMN digest varchar(64)",
    "ALTER TABLE applicationstate ADD COLUMN unread boolean NOT NULL DEFAULT true",
    "CREATE INDEX applicationstate_unread_idx \
     ON applicationstate (applicationstate_application_id) WHERE unread",
];
