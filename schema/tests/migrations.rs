//! Migrating: an empty database, an adopted one, two processes at once, and refusals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;
mod harness;

use harness::{DEADLINE, Scratch, on_each_database};
use schema::entity::{
    api_cr_to_database_mapping, app_project_managed_environment, app_project_repository,
    application, application_owner, application_state, cluster_access, cluster_credentials,
    cluster_user, deployment_to_application_mapping, gitops_engine_cluster, gitops_engine_instance,
    kubernetes_to_db_resource_mapping, machine, managed_environment, operation,
    repository_credentials, sync_operation,
};
use schema::{Database, DatabaseKind, MigrationError, check, migrate};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, EntityTrait,
    PaginatorTrait as _, QueryFilter as _, Set, Statement,
};

const ALL: [&str; 5] = [
    "m20261101_000001_existing_tables",
    "m20261101_000002_urls_as_written",
    "m20261101_000003_machines",
    "m20261101_000004_wake_ups",
    "m20261101_000005_by_tenant",
];

on_each_database!(
    an_empty_database_is_migrated_once,
    two_processes_that_start_at_once_migrate_once,
    an_existing_database_is_adopted_with_its_rows,
    an_adopted_repository_may_be_written_in_two_ways,
    a_second_open_operation_for_a_resource_is_refused,
    duplicates_left_behind_put_off_the_guard_until_they_are_done,
    an_existing_database_at_another_version_is_refused_unchanged,
    an_existing_database_without_its_columns_is_refused_unchanged,
    a_database_of_a_newer_version_is_refused_unchanged,
    who_does_not_migrate_is_told_what_is_missing,
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

async fn an_adopted_repository_may_be_written_in_two_ways(scratch: Scratch) {
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

async fn duplicates_left_behind_put_off_the_guard_until_they_are_done(scratch: Scratch) {
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
        assert!(text.contains("run that version or a later one"), "{text}");
        assert_eq!(tables(&database).await, before);
    }
}

async fn who_does_not_migrate_is_told_what_is_missing(scratch: Scratch) {
    let database = scratch.open().await;
    let error = check(&database).await.unwrap_err();
    assert!(matches!(error, MigrationError::Behind { ref pending } if pending == &ALL), "{error}");
    assert_eq!(tables(&database).await, Vec::<String>::new());
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
    // In plain SQL: the entity knows columns that the tables have after the migration only.
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

/// Tables, indexes and columns of the database, each as a line.
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
