//! Which roles a process runs.

use schema::connection::DatabaseKind;

/// Which roles a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// Both, waking each other directly.
    Both,
    /// The backend; the agent runs elsewhere.
    Backend,
    /// The agent; the backend runs elsewhere.
    Agent,
}

impl Roles {
    /// Whether they can run on this kind of database.
    pub fn check(self, database: DatabaseKind) -> anyhow::Result<()> {
        anyhow::ensure!(
            self == Self::Both || database == DatabaseKind::Postgres,
            "backend and agent as two processes need PostgreSQL; give a postgres:// URL, or run \
             both in one process with `managed-gitops all`"
        );
        Ok(())
    }
}
