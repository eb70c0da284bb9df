//! A migration that is the same on both databases: a list of statements.

#![expect(elided_lifetimes_in_paths, reason = "the trait that is implemented elides one")]

use sea_orm_migration::prelude::*;

/// See the module.
pub(super) struct Statements {
    /// The migration's name, as the database knows it.
    pub(super) name: &'static str,
    /// What it executes, in this order.
    pub(super) statements: &'static [&'static str],
}

impl MigrationName for Statements {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Statements {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for statement in self.statements {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
