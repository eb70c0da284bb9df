//! Which machine to wake for a row that the other role of the program wrote.
//!
//! An operation names the deployment that waits for it, and a report says whether the backend has
//! taken it in: both outlive a process that dies between a commit and the wake-up.

use crate::migration::statements::Statements;

/// Reports of an existing installation count as unread: the first start takes them in.
pub(super) const MIGRATION: Statements = Statements {
    name: "m20261101_000004_wake_ups",
    statements: &[
        "ALTER TABLE operation ADD COLUMN requester varchar(48)",
        "ALTER TABLE applicationstate ADD COLUMN digest varchar(64)",
        "ALTER TABLE applicationstate ADD COLUMN unread boolean NOT NULL DEFAULT true",
        "CREATE INDEX applicationstate_unread_idx \
         ON applicationstate (applicationstate_application_id) WHERE unread",
    ],
};
