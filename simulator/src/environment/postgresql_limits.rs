//! SQLite accepts any text in any column; PostgreSQL rejects a NUL, and text longer than its
//! column. Here SQLite rejects what PostgreSQL does, so that what would poison a batch there also
//! poisons it here.

use std::collections::BTreeMap;

use schema::connection::Database;
use sea_orm::{ConnectionTrait, Statement};

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The table.
    pub table: String,
    /// Its own name.
    pub name: String,
    /// The type that it was declared with, in lower case.
    pub declared: String,
}

/// Every column of every table, including SQLite's own.
pub async fn columns(database: &Database) -> anyhow::Result<Vec<Column>> {
    let connection = database.connection();
    let query = "SELECT tables.name, columns.name, lower(columns.type) \
         FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns \
         WHERE tables.type = 'table'";
    let query = Statement::from_string(connection.get_database_backend(), query);
    let mut columns = Vec::new();
    for row in connection.query_all_raw(query).await? {
        let (table, name) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        columns.push(Column { table, name, declared: row.try_get_by_index(2)? });
    }
    Ok(columns)
}

/// See the module.
pub async fn refuse_as_postgresql(database: &Database) -> anyhow::Result<()> {
    let connection = database.connection();
    let mut checks: BTreeMap<String, String> = BTreeMap::new();
    for Column { table, name, declared } in columns(database).await? {
        if table.starts_with("sqlite_") {
            continue;
        }
        if let Some(condition) = refusal(&name, &declared) {
            checks.entry(table.clone()).or_default().push_str(&format!(
                "SELECT RAISE(ABORT, 'PostgreSQL: {table}.{name}') WHERE {condition}; "
            ));
        }
    }
    for (table, checks) in checks {
        for event in ["INSERT", "UPDATE"] {
            let name = format!("{table}_{}_as_postgresql", event.to_lowercase());
            let trigger = format!(
                "CREATE TRIGGER \"{name}\" BEFORE {event} ON \"{table}\" BEGIN {checks} END"
            );
            connection.execute_unprepared(&trigger).await?;
        }
    }
    Ok(())
}

/// What PostgreSQL rejects in a column of this type.
fn refusal(column: &str, declared: &str) -> Option<String> {
    let nul = format!("instr(NEW.\"{column}\", char(0)) > 0");
    if declared == "text" {
        return Some(nul);
    }
    let limit: u32 = declared.strip_prefix("varchar(")?.strip_suffix(')')?.parse().ok()?;
    Some(format!("{nul} OR length(NEW.\"{column}\") > {limit}"))
}
