//! What a database error means for the sender of the statement: the only place that reads SQLSTATEs
//! and SQLite's result codes.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};
use sqlx::postgres::PgDatabaseError;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The connection is unusable, and so are those opened before it: try again at once on a new
    /// one.
    Connection,
    /// Another transaction was in the way: try again at once.
    Contention,
    /// The database lacks something that may come back by itself: try again later.
    Unavailable,
    /// The database refuses the program until an administrator changes a setting, a privilege or a
    /// table.
    Configuration,
    /// Something in the statement itself: the same statement fails again.
    Defect,
}

/// A class, and the reason in words that contain no user data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What to do.
    pub class: ErrorClass,
    /// Why, as the rest of a sentence that begins with "because".
    pub why: &'static str,
}

const fn fault(class: ErrorClass, why: &'static str) -> Fault {
    Fault { class, why }
}

/// By SQLSTATE, or by its class, which is its first two characters. The longest matching prefix
/// decides; an SQLSTATE that matches none is [`OTHER_SQLSTATE`].
#[rustfmt::skip]
const SQLSTATES: &[(&str, Fault)] = {
    use ErrorClass::{Configuration, Connection, Contention, Defect, Unavailable};
    &[
        // connection_exception; PgBouncer reports its own problems as 08P01.
        ("08", fault(Connection, "the connection to the database was lost")),
        // feature_not_supported; RevalidateCachedQuery uses it too, see `of_postgres`.
        ("0A", fault(Defect, "the database does not support a statement")),
        // cardinality_violation: one statement would write a row twice.
        ("21", fault(Defect, "a row would be written twice")),
        // data_exception
        ("22", fault(Defect, "a value does not fit its column")),
        // integrity_constraint_violation
        ("23", fault(Defect, "a row breaks a constraint")),
        // invalid_transaction_state
        ("25", fault(Connection, "a transaction was not in the state that it should be in")),
        // read_only_sql_transaction: usually a server that was demoted by a fail-over.
        ("25006", fault(Connection, "the database is read-only")),
        // invalid_sql_statement_name: the session is not the one that prepared the statement.
        ("26", fault(Connection, "prepared statements were lost")),
        // invalid_authorization_specification
        ("28", fault(Configuration, "the database does not accept user or password")),
        // invalid_catalog_name, invalid_schema_name
        ("3D", fault(Configuration, "there is no such database")),
        ("3F", fault(Configuration, "the schema of the tables is missing")),
        // transaction_rollback: serialization_failure, deadlock_detected
        ("40", fault(Contention, "another transaction was in the way")),
        // transaction_integrity_constraint_violation
        ("40002", fault(Defect, "a row breaks a constraint")),
        // statement_completion_unknown
        ("40003", fault(Connection, "the connection to the database was lost")),
        // syntax_error_or_access_rule_violation
        ("42", fault(Defect, "the database does not understand a statement")),
        // insufficient_privilege
        ("42501", fault(Configuration, "the database role lacks privileges")),
        // undefined_column, undefined_object, undefined_table
        ("42703", fault(Configuration, "the tables are not those of this version")),
        ("42704", fault(Configuration, "the tables are not those of this version")),
        ("42P01", fault(Configuration, "the tables are not those of this version")),
        // duplicate_prepared_statement: another client uses the session too.
        ("42P05", fault(Connection, "prepared statements were mixed up")),
        // insufficient_resources: disk, memory, connections
        ("53", fault(Unavailable, "the database lacks resources")),
        // program_limit_exceeded
        ("54", fault(Defect, "a statement exceeds a limit of the database")),
        // object_not_in_prerequisite_state, object_in_use, lock_not_available
        ("55", fault(Unavailable, "something in the database is in use")),
        // operator_intervention: query_canceled, which is what statement_timeout does
        ("57", fault(Unavailable, "the database stopped a statement")),
        // admin_shutdown, crash_shutdown, cannot_connect_now
        ("57P01", fault(Connection, "the database is being stopped")),
        ("57P02", fault(Connection, "the database has crashed")),
        ("57P03", fault(Connection, "the database does not take connections yet")),
        // database_dropped
        ("57P04", fault(Configuration, "there is no such database")),
        // idle_session_timeout
        ("57P05", fault(Connection, "the connection to the database was lost")),
        // system_error: input and output of the server
        ("58", fault(Unavailable, "the database server has trouble with its system")),
        // snapshot_too_old
        ("72", fault(Contention, "another transaction was in the way")),
        // config_file_error: lock_file_exists
        ("F0", fault(Unavailable, "the database server has trouble with its system")),
        // internal_error, data_corrupted, index_corrupted: what the statement touches is damaged.
        ("XX", fault(Defect, "the database has an internal error")),
    ]
};

/// Most of the remaining SQLSTATEs are raised by triggers and functions, which are not ours.
const OTHER_SQLSTATE: Fault = fault(ErrorClass::Defect, "the database refuses a statement");

/// By SQLite's primary result code.
#[rustfmt::skip]
const SQLITE: &[(u32, Fault)] = {
    use ErrorClass::{Configuration, Contention, Defect, Unavailable};
    &[
        // ERROR: the statement, or a table that is missing
        (1, fault(Defect, "the database does not understand a statement")),
        // PERM
        (3, fault(Configuration, "the database file may not be used")),
        // ABORT
        (4, fault(Contention, "another transaction was in the way")),
        // BUSY: for longer than the time that a writer waits
        (5, fault(Unavailable, "the database file is locked by another process")),
        // LOCKED
        (6, fault(Contention, "another transaction was in the way")),
        // NOMEM
        (7, fault(Unavailable, "the database lacks resources")),
        // READONLY
        (8, fault(Configuration, "the database file is read-only")),
        // INTERRUPT
        (9, fault(Unavailable, "the database stopped a statement")),
        // IOERR
        (10, fault(Unavailable, "the database file cannot be read or written")),
        // CORRUPT
        (11, fault(Configuration, "the database file is damaged")),
        // FULL
        (13, fault(Unavailable, "the disk of the database is full")),
        // CANTOPEN
        (14, fault(Unavailable, "the database file cannot be read or written")),
        // PROTOCOL: a race for the write-ahead log
        (15, fault(Contention, "another transaction was in the way")),
        // SCHEMA: the tables were changed under a statement
        (17, fault(Contention, "another transaction was in the way")),
        // TOOBIG
        (18, fault(Defect, "a value does not fit its column")),
        // CONSTRAINT
        (19, fault(Defect, "a row breaks a constraint")),
        // MISMATCH
        (20, fault(Defect, "a value does not fit its column")),
        // AUTH
        (23, fault(Configuration, "the database file may not be used")),
        // NOTADB
        (26, fault(Configuration, "the database file is damaged")),
    ]
};

/// The remaining result codes indicate misuse.
const OTHER_SQLITE: Fault = fault(ErrorClass::Defect, "the database refuses a statement");

/// The connection broke in the middle of something.
const LOST: Fault = fault(ErrorClass::Connection, "the connection to the database was lost");
/// The pool had no free connection.
const NO_ANSWER: Fault = fault(ErrorClass::Unavailable, "the database does not answer");
/// What the driver refuses by itself.
const UNFIT: Fault =
    fault(ErrorClass::Defect, "a value cannot be sent to or read from the database");

/// The function of PostgreSQL that refuses a prepared statement whose columns have changed since.
/// The error message is in the server's language; this is not.
const STALE_STATEMENT: &str = "RevalidateCachedQuery";

impl Fault {
    /// What a sea-orm error means.
    pub fn of(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(
                ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed,
            ) => NO_ANSWER,
            DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error) => match error {
                RuntimeErr::SqlxError(error) => Self::of_driver(error),
                RuntimeErr::Internal(_) => LOST,
            },
            _ => UNFIT,
        }
    }

    /// What a driver error means.
    pub fn of_driver(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => Self::of_postgres(error.code(), error.routine()),
                None => Self::of_sqlite(error.code().as_deref().unwrap_or_default()),
            },
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed => LOST,
            sqlx::Error::Tls(_) => {
                fault(ErrorClass::Unavailable, "TLS with the database cannot be agreed on")
            }
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                NO_ANSWER
            }
            sqlx::Error::Configuration(_) => {
                fault(ErrorClass::Configuration, "the settings of the connection are not fit")
            }
            _ => UNFIT,
        }
    }

    /// By SQLSTATE, and by the function of PostgreSQL that raised it.
    fn of_postgres(code: &str, routine: Option<&str>) -> Self {
        if code == "0A000" && routine == Some(STALE_STATEMENT) {
            return fault(ErrorClass::Connection, "tables have changed under prepared statements");
        }
        [code, code.get(..2).unwrap_or(code)]
            .into_iter()
            .find_map(|wanted| SQLSTATES.iter().find(|(state, _)| *state == wanted))
            .map_or(OTHER_SQLSTATE, |(_, fault)| *fault)
    }

    /// By SQLite's result code, which may be an extended one.
    fn of_sqlite(code: &str) -> Self {
        const PRIMARY: u32 = 0xff;
        let code = code.parse::<u32>().unwrap_or_default() & PRIMARY;
        SQLITE.iter().find(|(known, _)| *known == code).map_or(OTHER_SQLITE, |(_, fault)| *fault)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ErrorClass::{Configuration, Connection, Contention, Defect, Unavailable};
    use super::*;

    /// A code of each row of the table, as PostgreSQL sends it, and those that matter most.
    #[rustfmt::skip]
    const EXPECTED: &[(&str, ErrorClass)] = &[
        ("08006", Connection), ("08003", Connection), ("08P01", Connection), ("0A000", Defect),
        ("21000", Defect), ("22001", Defect), ("22021", Defect), ("22P05", Defect),
        ("23503", Defect), ("23505", Defect), ("25006", Connection), ("25P02", Connection),
        ("25P03", Connection), ("26000", Connection), ("28000", Configuration),
        ("28P01", Configuration), ("3D000", Configuration), ("3F000", Configuration),
        ("40001", Contention), ("40P01", Contention), ("40002", Defect), ("40003", Connection),
        ("42601", Defect), ("42804", Defect), ("42883", Defect), ("42501", Configuration),
        ("42703", Configuration), ("42704", Configuration), ("42P01", Configuration),
        ("42P05", Connection), ("53100", Unavailable), ("53200", Unavailable),
        ("53300", Unavailable), ("54000", Defect), ("54001", Defect), ("55000", Unavailable),
        ("55006", Unavailable), ("55P03", Unavailable), ("57014", Unavailable),
        ("57P01", Connection), ("57P02", Connection), ("57P03", Connection),
        ("57P04", Configuration), ("57P05", Connection), ("58030", Unavailable),
        ("72000", Contention), ("F0001", Unavailable), ("XX000", Defect), ("XX001", Defect),
        ("P0001", Defect), ("09000", Defect), ("", Defect), ("é", Defect),
    ];

    #[test]
    fn every_sqlstate_of_the_table_has_its_class() {
        for (code, class) in EXPECTED {
            assert_eq!(Fault::of_postgres(code, None).class, *class, "{code}");
        }
        for (state, fault) in SQLSTATES {
            let tested = EXPECTED.iter().any(|(code, class)| {
                code.starts_with(state)
                    && *class == fault.class
                    && Fault::of_postgres(code, None) == *fault
            });
            assert!(tested, "no code is tested that {state} decides");
        }
        let states: BTreeSet<&str> = SQLSTATES.iter().map(|(state, _)| *state).collect();
        assert_eq!(states.len(), SQLSTATES.len(), "one row for each");
        assert!(SQLSTATES.iter().all(|(state, _)| [2, 5].contains(&state.len())));
    }

    #[test]
    fn a_statement_that_was_prepared_before_its_columns_changed_needs_a_new_connection() {
        let fault = Fault::of_postgres("0A000", Some("RevalidateCachedQuery"));
        assert_eq!(fault.class, Connection);
        assert_eq!(Fault::of_postgres("0A000", Some("transformCreateStmt")).class, Defect);
    }

    #[test]
    fn every_result_code_of_sqlite_has_its_class() {
        #[rustfmt::skip]
        let expected = [
            (1, Defect), (3, Configuration), (4, Contention), (5, Unavailable), (6, Contention),
            (7, Unavailable), (8, Configuration), (9, Unavailable), (10, Unavailable),
            (11, Configuration), (13, Unavailable), (14, Unavailable), (15, Contention),
            (17, Contention), (18, Defect), (19, Defect), (20, Defect), (23, Configuration),
            (26, Configuration), (21, Defect), (25, Defect),
        ];
        for (code, class) in expected {
            assert_eq!(Fault::of_sqlite(&code.to_string()).class, class, "{code}");
            let extended = code + (3 << 8);
            assert_eq!(Fault::of_sqlite(&extended.to_string()).class, class, "{extended}");
        }
        for (code, _) in SQLITE {
            assert!(expected.iter().any(|(tested, _)| tested == code), "{code} is not tested");
        }
    }

    #[test]
    fn errors_of_the_driver_have_classes() {
        let broken = sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into());
        assert_eq!(Fault::of_driver(&broken).class, Connection);
        let mixed_up = sqlx::Error::Protocol("unexpected message".to_owned());
        assert_eq!(Fault::of_driver(&mixed_up).class, Connection);
        assert_eq!(Fault::of_driver(&sqlx::Error::BeginFailed).class, Connection);
        assert_eq!(Fault::of_driver(&sqlx::Error::PoolTimedOut).class, Unavailable);
        assert_eq!(Fault::of_driver(&sqlx::Error::RowNotFound).class, Defect);
        assert_eq!(
            Fault::of(&DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)).class,
            Unavailable
        );
        assert_eq!(Fault::of(&DbErr::Json("no".to_owned())).class, Defect);
    }
}
