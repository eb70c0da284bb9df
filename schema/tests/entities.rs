//! A row in each table, through its entity, and the two codecs through their columns.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use harness::{Scratch, on_each_database};
use machines::operation::application::ApplicationDocument;
use schema::entity::clear_text::ClearText;
use schema::entity::{
    api_cr_to_database_mapping, app_project_managed_environment, app_project_repository,
    application, application_owner, application_state, cluster_access, cluster_credentials,
    cluster_user, deployment_to_application_mapping, fence, gitops_engine_cluster,
    gitops_engine_instance, kubernetes_to_db_resource_mapping, machine, managed_environment,
    operation, repository_credentials, sealed_value, sync_operation, transition,
};
use schema::spec_field;
use schema::{Database, application_state as status_codec, migrate};
use sea_orm::prelude::DateTime;
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait as _, EntityTrait, IntoActiveModel, NotSet,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, Set, SqlErr,
};

on_each_database!(
    every_table_returns_the_row_that_was_inserted,
    a_row_that_others_refer_to_cannot_be_deleted,
    times_set_by_the_program_and_by_the_database_compare,
    transitions_are_numbered_in_their_order,
    statements_are_counted_in_and_out_of_transactions,
);

/// Microseconds: what PostgreSQL keeps.
fn time() -> DateTime {
    "2026-11-22T10:26:25.917869".parse().unwrap()
}

fn text(text: &str) -> String {
    text.to_owned()
}

async fn migrated(scratch: &Scratch) -> Database {
    let database = scratch.open().await;
    migrate(&database).await.unwrap();
    database
}

/// Inserts the row and reads it back; the database must not add or change anything.
async fn keeps<E, A>(database: &Database, row: E::Model)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<A> + PartialEq,
    A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
{
    let mut insert = row.clone().into_active_model();
    insert = insert.reset_all();
    E::insert(insert).exec_without_returning(database.connection()).await.unwrap();
    assert_eq!(E::find().all(database.connection()).await.unwrap(), [row]);
}

async fn every_table_returns_the_row_that_was_inserted(scratch: Scratch) {
    let database = migrated(&scratch).await;
    tenant_rows(&database).await;
    application_rows(&database).await;
    keeps::<machine::Entity, _>(
        &database,
        machine::Model {
            kind: text("Deployment"),
            key: text("deployment"),
            tenant_uid: text("namespace-uid"),
            namespace: text("team"),
            name: text("shop"),
            refers_to: Some(text("catalog")),
            state: text("{\"v\":1}"),
            state_path: text("Active/Settled"),
            version: 1,
            wake_at: Some(1_795_343_185_917),
            has_obligations: true,
            updated_at: 1_795_343_185_917,
        },
    )
    .await;
    keeps::<fence::Entity, _>(
        &database,
        fence::Model {
            role: text("backend"),
            epoch: i64::MAX,
            holder: text("backend-0"),
            taken_at: None,
        },
    )
    .await;
    keeps::<sealed_value::Entity, _>(
        &database,
        sealed_value::Model {
            table_name: text("repositorycredentials"),
            row_key: text("repository"),
            column_name: text("repo_cred_pass"),
            key_id: text("2026-11"),
            value: (0..=u8::MAX).collect(),
        },
    )
    .await;
}

async fn tenant_rows(database: &Database) {
    keeps::<cluster_credentials::Entity, _>(
        database,
        cluster_credentials::Model {
            clustercredentials_cred_id: text("credentials"),
            host: Some(text("https://api.example:6443")),
            kube_config: Some(ClearText::placeholder(&"k".repeat(65_000))),
            kube_config_context: None,
            serviceaccount_bearer_token: Some(ClearText::placeholder("placeholder")),
            serviceaccount_ns: None,
            allowinsecure_skiptlsverify: Some(true),
            created_on: time(),
            namespaces: Some(text("a,b")),
            cluster_resources: Some(false),
            ca_data: text("(sealed)"),
            tls_server_name: "n".repeat(253),
        },
    )
    .await;
    keeps::<gitops_engine_cluster::Entity, _>(
        database,
        gitops_engine_cluster::Model {
            gitopsenginecluster_id: text("cluster"),
            clustercredentials_id: text("credentials"),
        },
    )
    .await;
    keeps::<gitops_engine_instance::Entity, _>(
        database,
        gitops_engine_instance::Model {
            gitopsengineinstance_id: text("instance"),
            namespace_name: text("gitops-service-argocd"),
            namespace_uid: text("uid"),
            enginecluster_id: text("cluster"),
        },
    )
    .await;
    keeps::<managed_environment::Entity, _>(
        database,
        managed_environment::Model {
            managedenvironment_id: text("environment"),
            name: text("production"),
            clustercredentials_id: text("credentials"),
            created_on: time(),
        },
    )
    .await;
    keeps::<cluster_user::Entity, _>(
        database,
        cluster_user::Model {
            clusteruser_id: text("user"),
            user_name: text("namespace-uid"),
            created_on: Some(time()),
            display_name: None,
        },
    )
    .await;
    keeps::<cluster_access::Entity, _>(
        database,
        cluster_access::Model {
            clusteraccess_user_id: text("user"),
            clusteraccess_managed_environment_id: text("environment"),
            clusteraccess_gitops_engine_instance_id: text("instance"),
            created_on: Some(time()),
        },
    )
    .await;
    keeps::<repository_credentials::Entity, _>(
        database,
        repository_credentials::Model {
            repositorycredentials_id: text("repository"),
            repo_cred_user_id: text("user"),
            repo_cred_url: text("https://github.com/acme/shop"),
            repo_cred_user: None,
            repo_cred_pass: Some(ClearText::placeholder("placeholder")),
            repo_cred_ssh: None,
            repo_cred_secret: text("repo-cred-repository"),
            secret_name: text("repo-cred-repository"),
            repo_cred_engine_id: text("instance"),
            created_on: Some(time()),
        },
    )
    .await;
    keeps::<app_project_repository::Entity, _>(
        database,
        app_project_repository::Model {
            appproject_repository_id: text("allowed"),
            clusteruser_id: text("user"),
            repo_url: text("https://github.com/acme/shop"),
            created_on: Some(time()),
            repo_url_as_written: text("https://github.com/acme/shop.git/"),
        },
    )
    .await;
    keeps::<app_project_managed_environment::Entity, _>(
        database,
        app_project_managed_environment::Model {
            appproject_managedenv_id: text("target"),
            clusteruser_id: text("user"),
            managed_environment_id: text("environment"),
            created_on: Some(time()),
        },
    )
    .await;
    keeps::<kubernetes_to_db_resource_mapping::Entity, _>(
        database,
        kubernetes_to_db_resource_mapping::Model {
            kubernetes_resource_type: text("Namespace"),
            kubernetes_resource_uid: text("uid"),
            db_relation_type: text("GitopsEngineInstance"),
            db_relation_key: text("instance"),
        },
    )
    .await;
    keeps::<api_cr_to_database_mapping::Entity, _>(
        database,
        api_cr_to_database_mapping::Model {
            api_resource_type: text("GitOpsDeploymentManagedEnvironment"),
            api_resource_uid: text("uid"),
            db_relation_type: text("ManagedEnvironment"),
            db_relation_key: text("environment"),
            api_resource_name: text("production"),
            api_resource_namespace: text("team"),
            api_resource_namespace_uid: text("namespace-uid"),
        },
    )
    .await;
}

async fn application_rows(database: &Database) {
    let document = ApplicationDocument { name: text("gitopsdepl-1"), ..Default::default() };
    keeps::<application::Entity, _>(
        database,
        application::Model {
            application_id: text("application"),
            name: text("gitopsdepl-1"),
            spec_field: spec_field::encode(&document).unwrap(),
            engine_instance_inst_id: text("instance"),
            managed_environment_id: Some(text("environment")),
            created_on: Some(time()),
        },
    )
    .await;
    let status = serde_json::json!({"health": {"status": "Healthy"}});
    keeps::<application_state::Entity, _>(
        database,
        application_state::Model {
            applicationstate_application_id: text("application"),
            argocd_application_status: Some(status_codec::encode(&status).unwrap()),
            digest: Some(text("digest")),
            unread: true,
        },
    )
    .await;
    let db = database.connection();
    let row = application::Entity::find().one(db).await.unwrap().unwrap();
    assert_eq!(spec_field::decode(&row.spec_field).unwrap(), document);
    let row = application_state::Entity::find().one(db).await.unwrap().unwrap();
    let blob = row.argocd_application_status;
    assert_eq!(status_codec::decode(blob.as_deref()).unwrap(), status);
    keeps::<deployment_to_application_mapping::Entity, _>(
        database,
        deployment_to_application_mapping::Model {
            deploymenttoapplicationmapping_uid_id: text("deployment"),
            name: Some(text("shop")),
            namespace: Some(text("team")),
            namespace_uid: Some(text("namespace-uid")),
            application_id: text("application"),
            repo_url: Some(text("https://github.com/acme/shop.git/")),
        },
    )
    .await;
    keeps::<application_owner::Entity, _>(
        database,
        application_owner::Model {
            application_owner_application_id: text("application"),
            application_owner_user_id: text("user"),
            created_on: Some(time()),
        },
    )
    .await;
    keeps::<sync_operation::Entity, _>(
        database,
        sync_operation::Model {
            syncoperation_id: text("sync"),
            application_id: Some(text("application")),
            deployment_name: text("shop"),
            revision: text("HEAD"),
            desired_state: text("Running"),
            created_on: Some(time()),
        },
    )
    .await;
    keeps::<operation::Entity, _>(
        database,
        operation::Model {
            operation_id: text("operation"),
            instance_id: text("instance"),
            resource_id: text("application"),
            operation_owner_user_id: Some(text("user")),
            resource_type: text("Application"),
            created_on: time(),
            last_state_update: time(),
            state: text("Waiting"),
            requester: Some(text("uid")),
            human_readable_state: Some(text("Grüße")),
            gc_expiration_time: Some(3600),
        },
    )
    .await;
}

async fn a_row_that_others_refer_to_cannot_be_deleted(scratch: Scratch) {
    let database = migrated(&scratch).await;
    tenant_rows(&database).await;
    let error =
        cluster_user::Entity::delete_by_id("user").exec(database.connection()).await.unwrap_err();
    assert!(matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))), "{error}");
}

async fn times_set_by_the_program_and_by_the_database_compare(scratch: Scratch) {
    let database = migrated(&scratch).await;
    let db = database.connection();
    let user = |id: &str, created_on| cluster_user::ActiveModel {
        clusteruser_id: Set(text(id)),
        user_name: Set(text(id)),
        created_on,
        display_name: NotSet,
    };
    user("past", Set(Some("2020-01-01T00:00:00.5".parse().unwrap()))).insert(db).await.unwrap();
    user("now", NotSet).insert(db).await.unwrap();
    user("future", Set(Some("2120-01-01T00:00:00.5".parse().unwrap()))).insert(db).await.unwrap();
    let users =
        cluster_user::Entity::find().order_by_asc(cluster_user::Column::CreatedOn).all(db).await;
    let order: Vec<String> = users.unwrap().into_iter().map(|user| user.clusteruser_id).collect();
    assert_eq!(order, ["past", "now", "future"]);
    let bound: DateTime = "2120-01-01T00:00:00.5".parse().unwrap();
    let before = cluster_user::Entity::find().filter(cluster_user::Column::CreatedOn.lt(bound));
    assert_eq!(before.count(db).await.unwrap(), 2);
}

async fn transitions_are_numbered_in_their_order(scratch: Scratch) {
    let database = migrated(&scratch).await;
    let step = |to: &str| transition::ActiveModel {
        id: NotSet,
        kind: Set(text("Deployment")),
        key: Set(text("deployment")),
        at: Set(1_795_343_185_917),
        from_path: Set(text("New")),
        to_path: Set(text(to)),
        cause: Set(text("DeploymentObserved")),
        generation: Set(1),
    };
    let db = database.connection();
    let rows = transition::Entity::insert_many([step("a"), step("b")])
        .exec_with_returning(db)
        .await
        .unwrap();
    transition::Entity::delete_by_id(rows[1].id).exec(db).await.unwrap();
    let next = step("c").insert(db).await.unwrap();
    assert!(rows[0].id < rows[1].id && rows[1].id < next.id, "numbers are not reused");
}

async fn statements_are_counted_in_and_out_of_transactions(scratch: Scratch) {
    use sea_orm::TransactionTrait as _;
    let database = migrated(&scratch).await;
    let before = database.statements();
    machine::Entity::find().all(database.connection()).await.unwrap();
    machine::Entity::find().all(database.reader()).await.unwrap();
    assert_eq!(database.statements() - before, 2);
    let transaction = database.connection().begin().await.unwrap();
    machine::Entity::find().all(&transaction).await.unwrap();
    let nested = transaction.begin().await.unwrap();
    machine::Entity::delete_many().exec(&nested).await.unwrap();
    nested.commit().await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(database.statements() - before, 4);
}
