//! A migration that is marked as an expansion only expands: a version that does not know it reads and
//! writes the tables as before.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;
mod harness;

use std::collections::{BTreeMap, BTreeSet};

use harness::{Scratch, on_each_database, on_postgres};
use schema::migration::{Migrator, expands};
use schema::{Database, DatabaseKind, migrate};
use sea_orm::{ConnectionTrait as _, Statement};
use sea_orm_migration::MigratorTrait as _;

/// Migrations from before there was a mark. Each later one says in its name what it does.
const UNMARKED: usize = 8;

on_each_database!(what_is_marked_only_expands, what_an_earlier_version_must_know_is_no_expansion,);

#[test]
fn each_migration_says_whether_it_expands_or_contracts() {
    for migration in Migrator::migrations().iter().skip(UNMARKED) {
        let name = migration.name();
        assert!(expands(name) != name.contains("_contract_"), "{name}");
    }
}

async fn what_is_marked_only_expands(scratch: Scratch) {
    let database = scratch.open().await;
    // There are rows that a migration might change.
    fixture::install(&database).await;
    let mut objections = BTreeMap::new();
    for migration in Migrator::migrations() {
        let before = Tables::of(&database).await;
        Migrator::up(database.connection(), Some(1)).await.unwrap();
        objections.insert(migration.name().to_owned(), before.objections(&database).await);
    }
    for (name, objections) in &objections {
        assert!(!expands(name) || objections.is_empty(), "{name}: {objections:#?}");
    }
    // That each is looked at: one that would be an expansion, and one that replaces a key.
    assert_eq!(objections["m20261128_000006_references"], [] as [String; 0]);
    assert_ne!(objections["m20261101_000002_urls_as_written"], [] as [String; 0]);
}

/// Statements, and the objection to each; empty if it only expands.
const STATEMENTS: [(&str, &str); 10] = [
    ("ALTER TABLE clusteruser ADD COLUMN extra varchar(8)", ""),
    ("ALTER TABLE clusteruser ADD COLUMN many integer NOT NULL DEFAULT 0", ""),
    (
        "CREATE TABLE news (id integer NOT NULL PRIMARY KEY, user_id varchar(48) NOT NULL UNIQUE)",
        "",
    ),
    ("CREATE INDEX clusteruser_extra_idx ON clusteruser (extra)", ""),
    ("CREATE UNIQUE INDEX clusteruser_extra_key ON clusteruser (extra)", "new: unique index"),
    ("DROP INDEX clusteruser_extra_key", "gone: unique index"),
    ("DROP INDEX clusteruser_extra_idx", "gone: index"),
    ("ALTER TABLE clusteruser DROP COLUMN extra", "gone: column"),
    ("UPDATE clusteruser SET display_name = 'somebody'", "changed: a row"),
    (
        "CREATE TABLE diary (user_id varchar(48) REFERENCES clusteruser (clusteruser_id))",
        "new: reference to clusteruser",
    ),
];

async fn what_an_earlier_version_must_know_is_no_expansion(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    migrate(&database).await.unwrap();
    for (statement, objection) in STATEMENTS {
        let before = Tables::of(&database).await;
        fixture::execute(&database, statement).await;
        let objections = before.objections(&database).await;
        match objection {
            "" => assert_eq!(objections, [] as [String; 0], "{statement}"),
            text => assert!(objections.iter().any(|one| one.starts_with(text)), "{objections:?}"),
        }
    }
}

/// What SQLite does not do, or does by another statement.
const ON_POSTGRES: [(&str, &str); 4] = [
    ("ALTER TABLE clusteruser ALTER COLUMN display_name TYPE varchar(64)", "gone: column"),
    ("ALTER TABLE clusteruser ALTER COLUMN display_name SET NOT NULL", "gone: column"),
    ("ALTER TABLE clusteruser ADD CHECK (display_name <> '')", "new: constraint"),
    ("ALTER TABLE clusteruser ADD COLUMN twin varchar(48) UNIQUE", "new: constraint"),
];

#[tokio::test]
async fn on_postgres_neither_is_what_an_earlier_version_must_know() {
    on_postgres(async |scratch| {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        for (statement, objection) in ON_POSTGRES {
            let before = Tables::of(&database).await;
            fixture::execute(&database, statement).await;
            let objections = before.objections(&database).await;
            assert!(objections.iter().any(|one| one.starts_with(objection)), "{objections:?}");
        }
    })
    .await;
}

/// What a version relies on, and what it may stumble over.
struct Tables {
    /// By table, each with its columns.
    columns: BTreeMap<String, Vec<String>>,
    parts: BTreeSet<Part>,
    /// By table.
    rows: BTreeMap<String, Vec<String>>,
}

/// A column, an index, a constraint or the like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    table: String,
    /// What it is, and all of its definition.
    text: String,
    /// Whether a version that does not know it can work with a table that has it.
    is_harmless: bool,
    /// The table that it keeps from being written as before.
    hinders: String,
}

/// Each part of a table: the table, what it is, whether it is harmless, and the table that it hinders.
const PARTS_ON_SQLITE: [&str; 4] = [
    "SELECT t.name, 'column ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' \
       || coalesce(c.dflt_value, '') || ' ' || c.pk, \
       c.\"notnull\" = 0 OR c.dflt_value IS NOT NULL, t.name \
     FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'",
    "SELECT t.name, CASE i.\"unique\" WHEN 1 THEN 'unique index ' ELSE 'index ' END || i.name || ' ' \
       || (SELECT group_concat(name) FROM pragma_index_info(i.name)) || coalesce(s.sql, ''), \
       i.\"unique\" = 0, t.name \
     FROM sqlite_schema t JOIN pragma_index_list(t.name) i \
     LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = i.name WHERE t.type = 'table'",
    "SELECT t.name, 'reference to ' || r.\"table\" || ' from ' || t.name || '.' || r.\"from\" || ' ' \
       || r.on_delete, r.on_delete IN ('CASCADE', 'SET NULL'), r.\"table\" \
     FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) r WHERE t.type = 'table'",
    "SELECT tbl_name, 'trigger ' || sql, false, tbl_name FROM sqlite_schema WHERE type = 'trigger' \
     UNION ALL SELECT name, 'check ' || name, false, name \
     FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%CHECK%(%'",
];
const PARTS_ON_POSTGRES: [&str; 4] = [
    "SELECT table_name::text, 'column ' || column_name || ' ' || udt_name || ' ' \
       || coalesce(character_maximum_length, 0) || ' ' || is_nullable || ' ' \
       || coalesce(column_default, ''), is_nullable = 'YES' OR column_default IS NOT NULL, \
       table_name::text FROM information_schema.columns WHERE table_schema = current_schema()",
    "SELECT tablename::text, CASE WHEN indexdef LIKE 'CREATE UNIQUE %' THEN 'unique index ' \
       ELSE 'index ' END || indexdef, indexdef NOT LIKE 'CREATE UNIQUE %', tablename::text \
     FROM pg_indexes WHERE schemaname = current_schema()",
    "SELECT conrelid::regclass::text, CASE contype \
         WHEN 'f' THEN 'reference to ' || confrelid::regclass || ' from ' || conrelid::regclass \
         ELSE 'constraint' END || ' ' || pg_get_constraintdef(oid), \
       confdeltype IN ('c', 'n'), \
       CASE contype WHEN 'f' THEN confrelid ELSE conrelid END::regclass::text \
     FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'",
    "SELECT event_object_table::text, 'trigger ' || trigger_name || action_statement, false, \
       event_object_table::text \
     FROM information_schema.triggers WHERE trigger_schema = current_schema()",
];

impl Tables {
    async fn of(database: &Database) -> Self {
        let (parts, names) = match database.kind() {
            DatabaseKind::Sqlite => (
                PARTS_ON_SQLITE,
                "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
                 WHERE t.type = 'table'",
            ),
            DatabaseKind::Postgres => (
                PARTS_ON_POSTGRES,
                "SELECT table_name::text, column_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema()",
            ),
        };
        let mut tables =
            Self { columns: BTreeMap::new(), parts: BTreeSet::new(), rows: BTreeMap::new() };
        for row in query(database, names).await {
            // How the database keeps its own books.
            let (table, column): (String, String) = (at(&row, 0), at(&row, 1));
            if !table.starts_with("sqlite_") && table != "seaql_migrations" {
                tables.columns.entry(table).or_default().push(column);
            }
        }
        for parts in parts {
            for row in query(database, parts).await {
                let part = Part {
                    table: at(&row, 0),
                    text: at(&row, 1),
                    is_harmless: at(&row, 2),
                    hinders: at(&row, 3),
                };
                tables.parts.insert(part);
            }
        }
        tables.rows = rows(database, &tables.columns).await;
        tables
    }

    /// Why a version that knows these tables could not work with those that the database has now.
    async fn objections(&self, database: &Database) -> Vec<String> {
        let now = Self::of(database).await;
        let known = |table: &str| self.columns.contains_key(table);
        let gone = self.parts.difference(&now.parts).filter(|part| known(&part.table));
        let gone = gone.map(|part| format!("gone: {} of {}", part.text, part.table));
        let new = now.parts.difference(&self.parts);
        let new = new.filter(|part| known(&part.hinders) && !part.is_harmless);
        let new = new.map(|part| format!("new: {} of {}", part.text, part.table));
        let rows = rows(database, &self.columns).await;
        let changed = self.rows.iter().filter(|(table, before)| rows.get(*table) != Some(*before));
        let changed = changed.map(|(table, _)| format!("changed: a row of {table}"));
        gone.chain(new).chain(changed).collect()
    }
}

/// All rows, by table, of these columns; those of a table that lacks one of them are left out.
async fn rows(
    database: &Database,
    tables: &BTreeMap<String, Vec<String>>,
) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for (table, columns) in tables {
        let values = columns.iter().map(|column| match database.kind() {
            DatabaseKind::Sqlite => format!("quote({column})"),
            DatabaseKind::Postgres => format!("quote_nullable({column}::text)"),
        });
        let values = values.collect::<Vec<_>>().join(" || ', ' || ");
        let backend = database.connection().get_database_backend();
        let select =
            Statement::from_string(backend, format!("SELECT {values} FROM {table} ORDER BY 1"));
        if let Ok(rows) = database.connection().query_all_raw(select).await {
            let rows: Vec<String> = rows.iter().map(|row| at(row, 0)).collect();
            found.insert(table.clone(), rows);
        }
    }
    found
}

async fn query(database: &Database, query: &str) -> Vec<sea_orm::QueryResult> {
    let connection = database.connection();
    let query = Statement::from_string(connection.get_database_backend(), query);
    connection.query_all_raw(query).await.unwrap()
}

fn at<T: sea_orm::TryGetable>(row: &sea_orm::QueryResult, column: usize) -> T {
    row.try_get_by_index(column).unwrap()
}
