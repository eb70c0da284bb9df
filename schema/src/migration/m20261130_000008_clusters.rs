//! What the credentials of a cluster say besides a token: whether there is a certificate authority,
//! which is sealed, and the name that the cluster's certificate is for.

use crate::migration::statements::Statements;

pub(super) const MIGRATION: Statements = Statements {
    name: "m20261130_000008_clusters",
    statements: &[
        "ALTER TABLE clustercredentials ADD COLUMN ca_data varchar(16) NOT NULL DEFAULT ''",
        "ALTER TABLE clustercredentials ADD COLUMN tls_server_name varchar(256) NOT NULL DEFAULT ''",
    ],
};
