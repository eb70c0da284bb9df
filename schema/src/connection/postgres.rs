//! PostgreSQL: one bounded pool.

use std::time::Duration;

use sea_orm::{DatabaseConnection, sqlx};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::patience::Patience;
use super::retired::Retired;
use super::{ConnectError, ConnectOptions, Database, DatabaseKind};

/// A connection used within this time is assumed to be alive; checking each time would double the
/// round trips.
const PING_AFTER_IDLE: Duration = Duration::from_secs(30);
/// Connections beyond what the load needs go back to the server.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// PostgreSQL's name for the required encoding of a database.
const UTF8: &str = "UTF8";
/// A process that is paused within a transaction must not hold its locks for longer: its successor
/// starts fifteen seconds after it fell silent, and needs them.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// A setting that PostgreSQL keeps for a session although it means nothing to it. If it is missing,
/// a pooler has dropped it, and the limits with it.
const MARK: &str = "managed_gitops.session";
const MARKED: &str = "ours";
/// How PgBouncer refuses the settings of a session. PostgreSQL has no such message.
const UNSUPPORTED_PARAMETER: &str = "unsupported startup parameter";

pub(super) async fn connect(url: &str, options: &ConnectOptions) -> Result<Database, ConnectError> {
    let mode = std::env::var("PGSSLMODE").unwrap_or_default();
    let server =
        server(url, &mode)?.application_name(&options.application_name).disable_statement_logging();
    let limits = [
        ("statement_timeout", options.statement_timeout.as_millis().to_string()),
        (
            "idle_in_transaction_session_timeout",
            IDLE_IN_TRANSACTION_TIMEOUT.as_millis().to_string(),
        ),
    ];
    let location = location_of(&server);
    let server = if options.pooled {
        // A pooler refuses session parameters that it does not know.
        server.extra_float_digits(None).statement_cache_capacity(0)
    } else {
        server.options(limits.clone()).options([(MARK, MARKED)])
    };
    let probed = probe(&server, options.pooled, &location);
    let timeout = options.connect_timeout;
    let probed = tokio::time::timeout(timeout, probed).await;
    probed
        .unwrap_or_else(|_| Err(ConnectError::TimedOut { location: location.clone(), timeout }))?;
    let retired = Retired::default();
    let patience = Patience::new(options.statement_timeout, retired.clone());
    let (before, after) =
        ((retired.clone(), patience.clone()), (retired.clone(), patience.clone()));
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(Some(IDLE_TIMEOUT))
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let (is_retired, patience) = (before.0.covers(meta.age), before.1.clone());
            Box::pin(async move {
                if is_retired {
                    return Ok(false);
                }
                if meta.idle_for > PING_AFTER_IDLE {
                    patience.ping(connection).await?;
                }
                Ok(true)
            })
        })
        .after_release(move |connection, meta| {
            let (is_retired, patience) = (after.0.covers(meta.age), after.1.clone());
            Box::pin(async move {
                if is_retired {
                    return Ok(false);
                }
                // The driver pings as well, but without a deadline: a connection to a frozen server
                // would keep its place in the pool.
                patience.ping(connection).await?;
                Ok(true)
            })
        })
        .connect_lazy_with(server);
    let connection = DatabaseConnection::from(pool);
    let database = Database::new(DatabaseKind::Postgres, connection, None, None, location, retired)
        .with_patience(patience);
    if !options.pooled {
        return Ok(database);
    }
    let limits = limits.map(|(name, value)| format!("; SET LOCAL {name} = {value}"));
    Ok(database.pooled(format!("BEGIN{}", limits.concat())))
}

/// What a URL, and PostgreSQL's own environment variables, ask for. Without a TLS setting TLS is
/// used, with a verified server: libpq's default would silently fall back to plain text.
///
/// `mode` is `PGSSLMODE`; an invalid one is ignored by the driver, and so by us.
fn server(url: &str, mode: &str) -> Result<PgConnectOptions, ConnectError> {
    if names_several_hosts(url) {
        return Err(ConnectError::SeveralHosts);
    }
    let server = url.parse::<PgConnectOptions>().map_err(|_| ConnectError::MalformedUrl {
        kind: DatabaseKind::Postgres,
        form: "postgres://user:password@host:5432/database",
    })?;
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let names_mode =
        query.split('&').any(|one| one.starts_with("sslmode=") || one.starts_with("ssl-mode="));
    // A socket is a file on this machine.
    let is_socket = server.get_socket().is_some() || server.get_host().starts_with('/');
    if names_mode || mode.parse::<PgSslMode>().is_ok() || is_socket {
        return Ok(server);
    }
    Ok(server.ssl_mode(PgSslMode::VerifyFull))
}

/// libpq takes a list of hosts, and of ports; the driver would take it for the name of one.
fn names_several_hosts(url: &str) -> bool {
    let (rest, query) = url.split_once('?').unwrap_or((url, ""));
    let authority = rest.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split_once('/').map_or(authority, |(authority, _)| authority);
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let parameters = query.split('&').filter_map(|one| one.split_once('='));
    let mut lists = parameters.filter(|(name, value)| {
        matches!(*name, "host" | "hostaddr" | "port")
            && (value.contains(',') || value.to_ascii_lowercase().contains("%2c"))
    });
    hosts.contains(',') || lists.next().is_some()
}

/// One connection outside the pool: the pool would retry a refusal until it times out and then
/// report only the time-out.
async fn probe(
    server: &PgConnectOptions,
    pooled: bool,
    location: &str,
) -> Result<(), ConnectError> {
    let refused = |error| classify(location.to_owned(), server.get_username(), error);
    let mut connection = PgConnection::connect_with(server).await.map_err(refused)?;
    if !pooled {
        let mark = sqlx::raw_sql(AssertSqlSafe(format!("SELECT current_setting('{MARK}', true)")));
        let row = mark.fetch_one(&mut connection).await.map_err(refused)?;
        let mark: Option<String> = row.try_get(0).map_err(refused)?;
        if mark.as_deref() != Some(MARKED) {
            let (location, why) = (location.to_owned(), "it drops the settings of a session");
            return Err(ConnectError::Pooler { location, why: why.to_owned() });
        }
    }
    check_encoding(location, server_encoding(&mut connection).await.map_err(refused)?)?;
    // The server has answered; whether it closes cleanly does not matter.
    let _ = connection.close().await;
    Ok(())
}

async fn server_encoding(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::raw_sql("SHOW server_encoding").fetch_one(connection).await?.try_get(0)
}

/// Kubernetes' texts are UTF-8, and in another encoding some of them could never be stored.
fn check_encoding(location: &str, encoding: String) -> Result<(), ConnectError> {
    if encoding == UTF8 {
        return Ok(());
    }
    Err(ConnectError::Encoding { location: location.to_owned(), encoding })
}

/// Host, port and database; neither user nor password.
fn location_of(server: &PgConnectOptions) -> String {
    let host = server.get_host();
    let port = server.get_port();
    match server.get_database() {
        Some(database) => format!("{host}:{port}/{database}"),
        None => format!("{host}:{port}"),
    }
}

fn classify(location: String, user: &str, error: sqlx::Error) -> ConnectError {
    match error {
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            ConnectError::Refused { location }
        }
        sqlx::Error::Io(source) => ConnectError::Unreachable { location, source },
        sqlx::Error::Tls(error) => ConnectError::Tls { location, message: error.to_string() },
        sqlx::Error::Database(error) => {
            let message = error.message().to_owned();
            match error.code().as_deref() {
                _ if message.contains(UNSUPPORTED_PARAMETER) => {
                    ConnectError::Pooler { location, why: message }
                }
                Some("28P01" | "28000") => {
                    ConnectError::Authentication { location, user: user.to_owned(), message }
                }
                Some("3D000") => ConnectError::NoDatabase { location },
                // too_many_connections; admin_shutdown, crash_shutdown, cannot_connect_now
                Some("53300" | "57P01" | "57P02" | "57P03") => {
                    ConnectError::Unavailable { location, message }
                }
                _ => ConnectError::Other { location, source: sqlx::Error::Database(error) },
            }
        }
        source => ConnectError::Other { location, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str, variable: &str) -> String {
        format!("{:?}", server(url, variable).unwrap().get_ssl_mode())
    }

    #[test]
    fn a_list_of_hosts_is_refused_with_advice() {
        for several in [
            "postgres://u:p@one,two/d",
            "postgres://u:p@one:5432,two:5433/d?sslmode=disable",
            "postgres://one,two",
            "postgres:///d?host=one,two",
            "postgres:///d?host=/run/one%2C/run/two",
            "postgres://one/d?port=5432,5433",
        ] {
            let error = server(several, "").unwrap_err();
            assert!(matches!(error, ConnectError::SeveralHosts), "{several}: {error}");
            assert!(error.to_string().contains("one address"), "{error}");
        }
        for one in ["postgres://u:p,q@one/d", "postgres://one/a,b?application_name=c,d"] {
            assert!(server(one, "").is_ok(), "{one}");
        }
    }

    #[test]
    fn tls_is_the_default_and_can_be_turned_off() {
        assert_eq!(mode("postgres://u:p@db.example.com/d", ""), "VerifyFull");
        assert_eq!(mode("postgres://u:p@db.example.com/d?application_name=a", ""), "VerifyFull");
        assert_eq!(mode("postgres://u:p@db.example.com/d?sslmode=disable", ""), "Disable");
        assert_eq!(mode("postgres://u:p@db.example.com/d?sslmode=require", ""), "Require");
        assert_eq!(mode("postgres://u:p@db.example.com/d", "prefer"), "Prefer");
        assert_eq!(mode("postgres://u:p@db.example.com/d", "verify_full"), "VerifyFull");
        assert_eq!(mode("postgres:///d?host=/run/postgresql", ""), "Prefer");
    }
}
