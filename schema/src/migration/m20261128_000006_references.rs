//! Which object a machine refers to, by name, so that it is found when that object changes.

use crate::migration::statements::Statements;

pub(super) const MIGRATION: Statements = Statements {
    name: "m20261128_000006_references",
    statements: &[
        "ALTER TABLE machine ADD COLUMN refers_to varchar(256)",
        "CREATE INDEX machine_refers_to_idx ON machine (tenant_uid, kind, refers_to) \
         WHERE refers_to IS NOT NULL",
    ],
};
