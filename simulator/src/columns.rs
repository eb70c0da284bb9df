//! SQLite takes any text into any column; PostgreSQL refuses a NUL, and more characters than a
//! column has been given. Here SQLite refuses what PostgreSQL does, so that what would poison a
//! batch there poisons it here.

use std::collections::BTreeMap;

use schema::connection::Database;
use sea_orm::{ConnectionTrait, Statement};

/// Every column of every table: table, column, and the type that it was declared with.
const COLUMNS: &str = "SELECT tables.name, columns.name, lower(columns.type) \
     FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns \
     WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite^_%' ESCAPE '^'";

/// See the module.
pub async fn refuse_as_postgresql(database: &Database) -> anyhow::Result<()> {
    let connection = database.connection();
    let query = Statement::from_string(connection.get_database_backend(), COLUMNS);
    let mut checks: BTreeMap<String, String> = BTreeMap::new();
    for row in connection.query_all_raw(query).await? {
        let table: String = row.try_get_by_index(0)?;
        let column: String = row.try_get_by_index(1)?;
        let declared: String = row.try_get_by_index(2)?;
        if let Some(condition) = refusal(&column, &declared) {
            checks.entry(table.clone()).or_default().push_str(&format!(
                "SELECT RAISE(ABORT, 'PostgreSQL: {table}.{column}') WHERE {condition}; "
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

/// What PostgreSQL refuses in a column of this type.
fn refusal(column: &str, declared: &str) -> Option<String> {
    let nul = format!("instr(NEW.\"{column}\", char(0)) > 0");
    if declared == "text" {
        return Some(nul);
    }
    let limit: u32 = declared.strip_prefix("varchar(")?.strip_suffix(')')?.parse().ok()?;
    Some(format!("{nul} OR length(NEW.\"{column}\") > {limit}"))
}
