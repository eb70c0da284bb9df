//! Indexes for what is looked for by tenant: without them each look, and each check of a foreign
//! key when a tenant goes, reads the tables of all tenants.

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

const STATEMENTS: [&str; 3] = [
    "CREATE INDEX applicationowner_user_idx ON applicationowner (application_owner_user_id)",
    "CREATE INDEX application_environment_idx ON application (managed_environment_id)",
    "CREATE INDEX operation_owner_idx ON operation (operation_owner_user_id)",
];
