//! The state of the machines, their history, and the fence around commits.

#![expect(elided_lifetimes_in_paths, reason = "the trait that is implemented elides one")]

use sea_orm::{ConnectionTrait as _, DbBackend};
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
        let number = match manager.get_database_backend() {
            DbBackend::Sqlite => "integer NOT NULL PRIMARY KEY AUTOINCREMENT",
            _ => "bigserial NOT NULL PRIMARY KEY",
        };
        let transition = format!("CREATE TABLE transition (id {number}, {TRANSITION_COLUMNS})");
        for statement in [MACHINE, &transition, FENCE].into_iter().chain(INDEXES) {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

const MACHINE: &str = "\
    CREATE TABLE machine (\
      kind varchar(32) NOT NULL, key varchar(64) NOT NULL, \
      tenant_uid varchar(64) NOT NULL, namespace varchar(256) NOT NULL, \
      name varchar(256) NOT NULL, state text NOT NULL, state_path varchar(256) NOT NULL, \
      version bigint NOT NULL, wake_at bigint, owes boolean NOT NULL, \
      updated_at bigint NOT NULL, PRIMARY KEY (kind, key))";

const TRANSITION_COLUMNS: &str = "\
    kind varchar(32) NOT NULL, key varchar(64) NOT NULL, at bigint NOT NULL, \
    from_path varchar(256) NOT NULL, to_path varchar(256) NOT NULL, \
    cause varchar(256) NOT NULL, generation bigint NOT NULL";

const FENCE: &str = "\
    CREATE TABLE fence (\
      role varchar(32) NOT NULL PRIMARY KEY, epoch bigint NOT NULL, \
      holder varchar(256) NOT NULL, taken_at bigint)";

/// Few machines wait for a timer or have obligations at any one time; the partial indexes stay
/// small.
const INDEXES: [&str; 5] = [
    "CREATE INDEX machine_tenant_idx ON machine (tenant_uid, kind, name)",
    "CREATE INDEX machine_wake_at_idx ON machine (wake_at) WHERE wake_at IS NOT NULL",
    "CREATE INDEX machine_owes_idx ON machine (kind, key) WHERE owes",
    "CREATE INDEX transition_machine_idx ON transition (kind, key, id)",
    "CREATE INDEX transition_at_idx ON transition (at)",
];
