//! Indexes for look-ups by tenant: without them each look-up, and each foreign-key check when a
//! tenant goes, reads the rows of all tenants.

use crate::migration::statements::Statements;

pub(super) const MIGRATION: Statements = Statements {
    name: "m20261101_000005_by_tenant",
    statements: &[
        "CREATE INDEX applicationowner_user_idx ON applicationowner (application_owner_user_id)",
        "CREATE INDEX application_environment_idx ON application (managed_environment_id)",
        "CREATE INDEX operation_owner_idx ON operation (operation_owner_user_id)",
    ],
};
