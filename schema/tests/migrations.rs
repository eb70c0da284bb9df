//! Migrating: an empty database, an adopted one, two processes at once, and refusals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;
mod harness;

use harness::{DEADLINE, Scratch, on_each_database, on_postgres, options};
use schema::entity::{
    api_cr_to_database_mapping, app_project_managed_environment, app_project_repository,
    application, application_owner, application_state, cluster_access, cluster_credentials,
    cluster_user, deployment_to_application_mapping, gitops_engine_cluster, gitops_engine_instance,
    kubernetes_to_db_resource_mapping, machine, managed_environment, operation,
    repository_credentials, sync_operation,
};
use schema::{ConnectOptions, Database, DatabaseKind, MigrationError, check, connect, migrate};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, EntityTrait,
    PaginatorTrait as _, QueryFilter as _, Set, Statement, TransactionTrait as _,
};

const ALL: [&str; 8] = [
    "m20261101_000001_existing_tables",
    "m20261101_000002_urls_as_written",
    "m20261101_000003_machines",
    "m20261101_000004_wake_ups",
    "m20261101_000005_by_tenant",
    "m20261128_000006_references",
    "m20261129_000007_sealing",
    "m20261130_000008_clusters",
];

on_each_database!(
    an_empty_database_is_migrated_once,
    two_processes_that_start_at_once_migrate_once,
    an_existing_database_is_adopted_with_its_rows,
    an_adopted_repository_may_have_two_spellings,
    a_second_open_operation_for_a_resource_is_refused,
    leftover_duplicates_postpone_the_guard_until_they_finish,
    an_existing_database_at_another_version_is_refused_unchanged,
    an_existing_database_without_its_columns_is_refused_unchanged,
    a_database_of_a_newer_version_is_refused_unchanged,
    a_database_that_a_newer_version_has_only_expanded_is_used,
    a_database_of_another_line_of_versions_is_refused_unchanged,
    without_migration_the_missing_migrations_are_reported,
    every_lookup_of_the_store_has_an_index,
    every_lookup_of_the_store_gets_an_index_in_an_existing_database,
);

async fn an_empty_database_is_migrated_once(scratch: Scratch) {
    let database = scratch.open().await;
    let report = migrate(&database).await.unwrap();
    assert_eq!(report.applied, ALL);
    assert!(!report.adopted);
    assert_eq!(report.warnings, Vec::<String>::new());
    check(&database).await.unwrap();

    let before = tables(&database).await;
    let report = migrate(&database).await.unwrap();
    assert_eq!(report, schema::MigrationReport::default());
    assert_eq!(tables(&database).await, before);
}

async fn two_processes_that_start_at_once_migrate_once(scratch: Scratch) {
    let (one, other) = (scratch.open().await, scratch.open().await);
    let both = async { tokio::join!(migrate(&one), migrate(&other)) };
    let (one, other) = tokio::time::timeout(DEADLINE, both).await.unwrap();
    let mut applied = [one.unwrap().applied, other.unwrap().applied];
    applied.sort();
    assert_eq!(applied, [Vec::new(), ALL.map(str::to_owned).to_vec()]);
    check(&scratch.open().await).await.unwrap();
}

async fn an_existing_database_is_adopted_with_its_rows(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    let report = migrate(&database).await.unwrap();
    assert!(report.adopted);
    assert_eq!(report.applied, ALL);
    assert_eq!(report.warnings, Vec::<String>::new());

    let db = database.connection();
    let credentials = only::<cluster_credentials::Entity>(&database).await;
    assert_eq!(credentials.host.as_deref(), Some("host"));
    assert_eq!(credentials.allowinsecure_skiptlsverify, None);
    assert_eq!(credentials.cluster_resources, Some(false));
    assert_eq!((credentials.ca_data.as_str(), credentials.tls_server_name.as_str()), ("", ""));
    only::<gitops_engine_cluster::Entity>(&database).await;
    only::<gitops_engine_instance::Entity>(&database).await;
    only::<managed_environment::Entity>(&database).await;
    assert_eq!(only::<cluster_user::Entity>(&database).await.user_name, "namespace-uid");
    only::<cluster_access::Entity>(&database).await;
    let operation = only::<operation::Entity>(&database).await;
    assert_eq!(operation.created_on.to_string(), "2026-11-22 10:26:25");
    assert_eq!(operation.last_state_update.to_string(), "2026-11-22 10:26:25.500");
    assert_eq!(operation.gc_expiration_time, None);
    only::<application::Entity>(&database).await;
    let state = only::<application_state::Entity>(&database).await;
    assert_eq!(state.argocd_application_status, None);
    let mapping = only::<deployment_to_application_mapping::Entity>(&database).await;
    assert_eq!(mapping.repo_url, None);
    only::<kubernetes_to_db_resource_mapping::Entity>(&database).await;
    only::<api_cr_to_database_mapping::Entity>(&database).await;
    assert_eq!(only::<sync_operation::Entity>(&database).await.application_id, None);
    only::<repository_credentials::Entity>(&database).await;
    assert_eq!(only::<app_project_repository::Entity>(&database).await.repo_url_as_written, "");
    only::<app_project_managed_environment::Entity>(&database).await;
    only::<application_owner::Entity>(&database).await;
    assert_eq!(machine::Entity::find().count(db).await.unwrap(), 0);

    let again = migrate(&database).await.unwrap();
    assert_eq!(again, schema::MigrationReport::default());
}

async fn an_adopted_repository_may_have_two_spellings(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    migrate(&database).await.unwrap();
    let db = database.connection();
    let spelling = |id: &str, as_written: &str| app_project_repository::ActiveModel {
        appproject_repository_id: Set(id.to_owned()),
        clusteruser_id: Set("user".to_owned()),
        repo_url: Set("https://github.com/acme/shop".to_owned()),
        created_on: Set(None),
        repo_url_as_written: Set(as_written.to_owned()),
    };
    let mut row = spelling("second", "https://github.com/acme/shop/");
    row.created_on = sea_orm::NotSet;
    row.insert(db).await.unwrap();
    let mut row = spelling("third", "https://github.com/acme/shop/");
    row.created_on = sea_orm::NotSet;
    let error = row.insert(db).await.unwrap_err();
    assert!(
        matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))),
        "{error}"
    );
}

async fn a_second_open_operation_for_a_resource_is_refused(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    migrate(&database).await.unwrap();
    let error = insert_operation(&database, "second", "In_Progress").await.unwrap_err();
    assert!(
        matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))),
        "{error}"
    );
    insert_operation(&database, "third", "Completed").await.unwrap();
}

async fn leftover_duplicates_postpone_the_guard_until_they_finish(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    insert_operation(&database, "second", "Waiting").await.unwrap();
    let report = migrate(&database).await.unwrap();
    assert!(report.adopted);
    assert_eq!(report.applied, ALL);
    assert_eq!(report.warnings.len(), 1);
    assert!(report.warnings[0].contains("more than one open operation"), "{:?}", report.warnings);
    insert_operation(&database, "third", "Waiting").await.unwrap();

    operation::Entity::update_many()
        .col_expr(operation::Column::State, Expr::value("Completed"))
        .filter(operation::Column::OperationId.ne("operation"))
        .exec(database.connection())
        .await
        .unwrap();
    let report = migrate(&database).await.unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
    insert_operation(&database, "fourth", "Waiting").await.unwrap_err();
}

async fn an_existing_database_at_another_version_is_refused_unchanged(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    let before = tables(&database).await;
    for (version, dirty) in [(19, false), (21, false), (20, true)] {
        let update = format!("UPDATE schema_migrations SET version = {version}, dirty = {dirty}");
        fixture::execute(&database, &update).await;
        let error = migrate(&database).await.unwrap_err();
        assert!(
            matches!(error, MigrationError::ExistingVersion { version: found, dirty: left }
                if found == version && left == dirty),
            "{error}"
        );
        assert!(error.to_string().contains("only version 20 can be taken over"), "{error}");
        assert_eq!(tables(&database).await, before);
    }
}

async fn an_existing_database_without_its_columns_is_refused_unchanged(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::execute(&database, "CREATE TABLE application (id integer)").await;
    let before = tables(&database).await;
    let error = migrate(&database).await.unwrap_err();
    let MigrationError::ExistingColumns { columns } = error else {
        panic!("{error}");
    };
    assert!(columns.contains(&"application.spec_field".to_owned()), "{columns:?}");
    assert_eq!(tables(&database).await, before);
}

async fn a_database_of_a_newer_version_is_refused_unchanged(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::execute(
        &database,
        "CREATE TABLE seaql_migrations (version varchar(255) PRIMARY KEY, applied_at bigint)",
    )
    .await;
    let newer = "INSERT INTO seaql_migrations VALUES ('m20990101_000001_wonders', 0)";
    fixture::execute(&database, newer).await;
    let before = tables(&database).await;
    for error in [migrate(&database).await.unwrap_err(), check(&database).await.unwrap_err()] {
        assert!(matches!(error, MigrationError::Newer { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("m20990101_000001_wonders"), "{text}");
        let advice = "run a version whose schema is m20990101_000001_wonders or a later one";
        assert!(text.contains(advice), "{text}");
        assert_eq!(tables(&database).await, before);
    }
}

/// As a newer version does that only adds.
const EXPANSION: &str = "ALTER TABLE machine ADD COLUMN wonder varchar(8); \
     INSERT INTO seaql_migrations VALUES ('m20990101_000001_expand_wonders', 0)";

async fn a_database_that_a_newer_version_has_only_expanded_is_used(scratch: Scratch) {
    let database = scratch.open().await;
    migrate(&database).await.unwrap();
    fixture::execute(&database, EXPANSION).await;
    let before = tables(&database).await;
    check(&database).await.unwrap();
    let report = migrate(&database).await.unwrap();
    assert_eq!(report.newer, ["m20990101_000001_expand_wonders"]);
    assert_eq!(report.applied, Vec::<String>::new());
    assert_eq!(tables(&database).await, before);

    // What comes after it is no expansion, and only that is named.
    let contraction = "INSERT INTO seaql_migrations VALUES ('m20990102_000002_contract', 0)";
    fixture::execute(&database, contraction).await;
    let error = migrate(&database).await.unwrap_err();
    assert!(
        matches!(&error, MigrationError::Newer { versions } if *versions == ["m20990102_000002_contract"]),
        "{error}"
    );
}

async fn a_database_of_another_line_of_versions_is_refused_unchanged(scratch: Scratch) {
    let database = scratch.open().await;
    migrate(&database).await.unwrap();
    let lacks = format!("DELETE FROM seaql_migrations WHERE version = '{}'", ALL[ALL.len() - 1]);
    fixture::execute(&database, &format!("{EXPANSION}; {lacks}")).await;
    let before = tables(&database).await;
    for error in [migrate(&database).await.unwrap_err(), check(&database).await.unwrap_err()] {
        assert!(matches!(error, MigrationError::Diverged { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("run that version or one that follows both"), "{text}");
        assert_eq!(tables(&database).await, before);
    }
}

async fn without_migration_the_missing_migrations_are_reported(scratch: Scratch) {
    let database = scratch.open().await;
    let error = check(&database).await.unwrap_err();
    assert!(matches!(error, MigrationError::Behind { ref pending } if pending == &ALL), "{error}");
    assert_eq!(tables(&database).await, Vec::<String>::new());
}

/// Statements of the store and of checks of foreign keys, with the index that each must use.
const LOOKS: [(&str, &str); 7] = [
    (
        "application_environment_idx",
        "SELECT 1 FROM application WHERE managed_environment_id IN ('a', 'b')",
    ),
    (
        "syncoperation_application_idx",
        "UPDATE syncoperation SET application_id = NULL WHERE application_id IN ('a', 'b')",
    ),
    (
        "managedenvironment_credentials_idx",
        "SELECT 1 FROM managedenvironment WHERE clustercredentials_id = 'a'",
    ),
    (
        "repositorycredentials_user_idx",
        "DELETE FROM repositorycredentials WHERE repo_cred_user_id IN ('a', 'b')",
    ),
    (
        "appprojectmanagedenvironment_environment_idx",
        "DELETE FROM appprojectmanagedenvironment WHERE managed_environment_id IN ('a', 'b')",
    ),
    (
        "apicrtodatabasemapping_name_idx",
        "DELETE FROM apicrtodatabasemapping WHERE api_resource_namespace_uid IN ('a', 'b')",
    ),
    (
        "apicrtodatabasemapping_name_idx",
        "SELECT 1 FROM apicrtodatabasemapping WHERE api_resource_namespace_uid = 'a' \
         AND api_resource_type = 'b' AND api_resource_name = 'c'",
    ),
];

async fn every_lookup_of_the_store_has_an_index(scratch: Scratch) {
    let database = scratch.open().await;
    migrate(&database).await.unwrap();
    for (index, _) in LOOKS {
        fixture::execute(&database, &format!("DROP INDEX IF EXISTS {index}")).await;
    }
    check(&database).await.unwrap();
    let report = migrate(&database).await.unwrap();
    assert_eq!(report, schema::MigrationReport::default());
    uses_its_indexes(&database).await;
}

async fn every_lookup_of_the_store_gets_an_index_in_an_existing_database(scratch: Scratch) {
    let database = scratch.open().await;
    fixture::install(&database).await;
    let report = migrate(&database).await.unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
    uses_its_indexes(&database).await;
}

async fn uses_its_indexes(database: &Database) {
    for (index, statement) in LOOKS {
        let plan = plan(database, statement).await;
        assert!(plan.contains(index), "{statement}: {plan}");
    }
}

/// The query plan of a statement, if the database prefers indexes.
async fn plan(database: &Database, statement: &str) -> String {
    let transaction = database.connection().begin().await.unwrap();
    let backend = transaction.get_database_backend();
    let (explain, column) = match database.kind() {
        DatabaseKind::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        DatabaseKind::Postgres => {
            // In a small table it prefers a sequential scan.
            transaction.execute_unprepared("SET LOCAL enable_seqscan = off").await.unwrap();
            ("EXPLAIN", "QUERY PLAN")
        }
    };
    let explain = Statement::from_string(backend, format!("{explain} {statement}"));
    let rows = transaction.query_all_raw(explain).await.unwrap();
    transaction.rollback().await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
    lines.join("\n")
}

#[tokio::test]
async fn an_index_whose_build_was_interrupted_is_built_again() {
    on_postgres(async |scratch| {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        let index = "syncoperation_application_idx";
        fixture::execute(&database, &format!("DROP INDEX {index}")).await;
        // As a dump of the database does.
        let dump = scratch.open().await;
        let dump = dump.connection().begin().await.unwrap();
        let read = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT * FROM syncoperation";
        dump.execute_unprepared(read).await.unwrap();
        let impatient = ConnectOptions { max_connections: 1, ..options() };
        let impatient = connect(&scratch.url, &impatient).await.unwrap();
        fixture::execute(&impatient, "SET lock_timeout = '100ms'").await;
        let create = format!("CREATE INDEX CONCURRENTLY {index} ON syncoperation (application_id)");
        impatient.connection().execute_unprepared(&create).await.unwrap_err();
        assert_eq!(valid(&database, index).await, Some(false));

        let report = migrate(&database).await.unwrap();
        assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
        assert!(report.warnings[0].contains("the next start"), "{:?}", report.warnings);
        check(&database).await.unwrap();

        dump.commit().await.unwrap();
        assert_eq!(migrate(&database).await.unwrap(), schema::MigrationReport::default());
        assert_eq!(valid(&database, index).await, Some(true));
    })
    .await;
}

/// Whether PostgreSQL uses an index; `None` if there is none.
async fn valid(database: &Database, index: &str) -> Option<bool> {
    let query =
        format!("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{index}')");
    let query = Statement::from_string(sea_orm::DbBackend::Postgres, query);
    let row = database.connection().query_one_raw(query).await.unwrap();
    row.map(|row| row.try_get("", "indisvalid").unwrap())
}

#[tokio::test]
async fn indexes_are_built_once_while_two_processes_start_and_one_serves() {
    on_postgres(async |scratch| {
        let (one, other, serving) =
            (scratch.open().await, scratch.open().await, scratch.open().await);
        fixture::install(&serving).await;
        let both = async { tokio::join!(migrate(&one), migrate(&other)) };
        let serve = async {
            loop {
                let transaction = serving.connection().begin().await.unwrap();
                for table in ["syncoperation SET desired_state", "managedenvironment SET name"] {
                    let write = format!("UPDATE {table} = 'x'");
                    transaction.execute_unprepared(&write).await.unwrap();
                }
                transaction.commit().await.unwrap();
            }
        };
        let (one, other) = tokio::select! {
            both = tokio::time::timeout(DEADLINE, both) => both.unwrap(),
            () = serve => unreachable!("it serves until the others have migrated"),
        };
        for report in [one, other] {
            assert_eq!(report.unwrap().warnings, Vec::<String>::new());
        }
        uses_its_indexes(&serving).await;
    })
    .await;
}

#[tokio::test]
async fn a_user_who_does_not_own_the_tables_migrates_without_the_indexes_and_is_warned() {
    on_postgres(async |scratch| {
        let owner = scratch.open().await;
        migrate(&owner).await.unwrap();
        let index = "syncoperation_application_idx";
        let role = format!("app_{}", uuid::Uuid::new_v4().simple());
        let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'only-for-this-test'");
        fixture::execute(&owner, &format!("DROP INDEX {index}; {create}")).await;
        schema::grant_use(&owner, &role).await.unwrap();
        let (scheme, rest) = scratch.url.split_once("://").unwrap();
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let url = format!("{scheme}://{role}:only-for-this-test@{host}");
        let user = connect(&url, &options()).await.unwrap();
        let outcome = migrate(&user).await;
        user.close().await.unwrap();
        fixture::execute(&owner, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
        let warnings = outcome.unwrap().warnings;
        assert!(warnings[0].contains("must be owner of table syncoperation"), "{warnings:?}");
        assert_eq!(valid(&owner, index).await, None);
    })
    .await;
}

/// The only row of a table, read through its entity.
async fn only<E: EntityTrait>(database: &Database) -> E::Model {
    let rows = E::find().all(database.connection()).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

async fn insert_operation(
    database: &Database,
    id: &str,
    state: &str,
) -> Result<(), sea_orm::DbErr> {
    // In plain SQL: the entity has columns that the tables only have after the migration.
    let copy = format!(
        "INSERT INTO operation (operation_id, instance_id, resource_id, operation_owner_user_id, \
           resource_type, created_on, last_state_update, state) \
         SELECT '{id}', instance_id, resource_id, operation_owner_user_id, resource_type, \
           created_on, last_state_update, '{state}' \
         FROM operation WHERE operation_id = 'operation'"
    );
    let copied = database.connection().execute_unprepared(&copy).await?;
    assert_eq!(copied.rows_affected(), 1, "the fixture has an operation");
    Ok(())
}

/// Tables, indexes and columns of the database, one per line.
async fn tables(database: &Database) -> Vec<String> {
    let (backend, query) = match database.kind() {
        DatabaseKind::Sqlite => (
            sea_orm::DbBackend::Sqlite,
            "SELECT name || coalesce(sql, '') AS line FROM sqlite_schema \
             WHERE name NOT LIKE 'sqlite_%' ORDER BY 1",
        ),
        DatabaseKind::Postgres => (
            sea_orm::DbBackend::Postgres,
            "SELECT table_name || '.' || column_name AS line FROM information_schema.columns \
             WHERE table_schema = current_schema() \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() \
             ORDER BY 1",
        ),
    };
    let rows =
        database.connection().query_all_raw(Statement::from_string(backend, query)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "line").unwrap()).collect()
}
