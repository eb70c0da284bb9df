//! The tables of the existing system, as its version 20 left them.
//!
//! An existing table is left alone, indexes included: the existing system's have their own names,
//! and duplicates would only cost writes. For the same reason a table created here gets no index
//! that one of its keys or unique constraints already provides.

#![expect(elided_lifetimes_in_paths, reason = "the trait that is implemented elides one")]

use sea_orm::{ConnectionTrait as _, DbBackend};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            if manager.has_table(table.name).await? {
                continue;
            }
            let connection = manager.get_connection();
            connection.execute_unprepared(&table.create(manager.get_database_backend())).await?;
            for (index, columns) in table.indexes {
                let statement = format!("CREATE INDEX {index} ON {} ({columns})", table.name);
                connection.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }
}

/// One table: its `CREATE TABLE` statement, and what adoption looks for.
pub(super) struct ExistingTable {
    pub(super) name: &'static str,
    /// Name and type, in PostgreSQL's words.
    pub(super) columns: &'static [(&'static str, &'static str)],
    constraints: &'static [&'static str],
    /// Name and columns.
    indexes: &'static [(&'static str, &'static str)],
}

impl ExistingTable {
    fn create(&self, backend: DbBackend) -> String {
        let columns = self.columns.iter().map(|(column, definition)| {
            let definition = match (backend, *definition) {
                // SQLite fills a rowid only into a primary key, and nothing reads this column.
                (DbBackend::Sqlite, "serial") => "integer",
                (DbBackend::Sqlite, "bytea") => "blob",
                (_, definition) => definition,
            };
            format!("{column} {definition}")
        });
        let constraints = self.constraints.iter().map(|constraint| (*constraint).to_owned());
        let body: Vec<String> = columns.chain(constraints).collect();
        format!("CREATE TABLE {} ({})", self.name, body.join(", "))
    }
}

const NOW: &str = "timestamp DEFAULT CURRENT_TIMESTAMP";
const NOT_NULL_NOW: &str = "timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP";

/// Ordered so that each table follows those that it refers to.
pub(super) const TABLES: &[ExistingTable] = &[
    ExistingTable {
        name: "clustercredentials",
        columns: &[
            ("clustercredentials_cred_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("host", "varchar(512)"),
            ("kube_config", "varchar(65000)"),
            ("kube_config_context", "varchar(64)"),
            ("serviceaccount_bearer_token", "varchar(2048)"),
            ("serviceaccount_ns", "varchar(128)"),
            ("allowinsecure_skiptlsverify", "boolean DEFAULT FALSE"),
            ("created_on", NOT_NULL_NOW),
            ("namespaces", "varchar(4096)"),
            ("cluster_resources", "boolean DEFAULT FALSE"),
        ],
        constraints: &[],
        indexes: &[],
    },
    ExistingTable {
        name: "gitopsenginecluster",
        columns: &[
            ("gitopsenginecluster_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("clustercredentials_id", "varchar(48) NOT NULL"),
        ],
        constraints: &["FOREIGN KEY (clustercredentials_id) \
             REFERENCES clustercredentials (clustercredentials_cred_id)"],
        indexes: &[("gitopsenginecluster_credentials_idx", "clustercredentials_id")],
    },
    ExistingTable {
        name: "gitopsengineinstance",
        columns: &[
            ("gitopsengineinstance_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("namespace_name", "varchar(48) NOT NULL"),
            ("namespace_uid", "varchar(48) NOT NULL"),
            ("enginecluster_id", "varchar(48) NOT NULL"),
        ],
        constraints: &[
            "UNIQUE (namespace_name, namespace_uid, enginecluster_id)",
            "FOREIGN KEY (enginecluster_id) REFERENCES gitopsenginecluster (gitopsenginecluster_id)",
        ],
        indexes: &[],
    },
    ExistingTable {
        name: "managedenvironment",
        columns: &[
            ("managedenvironment_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("name", "varchar(256) NOT NULL"),
            ("clustercredentials_id", "varchar(48) NOT NULL"),
            ("created_on", NOT_NULL_NOW),
        ],
        constraints: &["FOREIGN KEY (clustercredentials_id) \
             REFERENCES clustercredentials (clustercredentials_cred_id)"],
        indexes: &[],
    },
    ExistingTable {
        name: "clusteruser",
        columns: &[
            ("clusteruser_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("user_name", "varchar(256) NOT NULL UNIQUE"),
            ("created_on", NOW),
            ("display_name", "varchar(128)"),
        ],
        constraints: &[],
        indexes: &[],
    },
    ExistingTable {
        name: "clusteraccess",
        columns: &[
            ("clusteraccess_user_id", "varchar(48) NOT NULL"),
            ("clusteraccess_managed_environment_id", "varchar(48) NOT NULL"),
            ("clusteraccess_gitops_engine_instance_id", "varchar(48) NOT NULL"),
            ("seq_id", "serial"),
            ("created_on", NOW),
        ],
        constraints: &[
            "PRIMARY KEY (clusteraccess_user_id, clusteraccess_managed_environment_id, \
             clusteraccess_gitops_engine_instance_id)",
            "FOREIGN KEY (clusteraccess_user_id) REFERENCES clusteruser (clusteruser_id)",
            "FOREIGN KEY (clusteraccess_managed_environment_id) \
             REFERENCES managedenvironment (managedenvironment_id)",
            "FOREIGN KEY (clusteraccess_gitops_engine_instance_id) \
             REFERENCES gitopsengineinstance (gitopsengineinstance_id)",
        ],
        indexes: &[
            (
                "clusteraccess_instance_idx",
                "clusteraccess_user_id, clusteraccess_gitops_engine_instance_id",
            ),
            ("clusteraccess_environment_idx", "clusteraccess_managed_environment_id"),
        ],
    },
    ExistingTable {
        name: "operation",
        columns: &[
            ("operation_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("instance_id", "varchar(48) NOT NULL"),
            ("resource_id", "varchar(48) NOT NULL"),
            ("operation_owner_user_id", "varchar(48)"),
            ("resource_type", "varchar(32) NOT NULL"),
            ("created_on", "timestamp NOT NULL"),
            ("last_state_update", "timestamp NOT NULL"),
            ("state", "varchar(30) NOT NULL"),
            ("human_readable_state", "varchar(1024)"),
            ("gc_expiration_time", "integer"),
        ],
        constraints: &[
            "FOREIGN KEY (instance_id) REFERENCES gitopsengineinstance (gitopsengineinstance_id)",
            "FOREIGN KEY (operation_owner_user_id) REFERENCES clusteruser (clusteruser_id)",
        ],
        indexes: &[(
            "operation_resource_idx",
            "resource_id, resource_type, operation_owner_user_id",
        )],
    },
    ExistingTable {
        name: "application",
        columns: &[
            ("application_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("name", "varchar(256) NOT NULL"),
            ("spec_field", "varchar(16384) NOT NULL"),
            ("engine_instance_inst_id", "varchar(48) NOT NULL"),
            ("managed_environment_id", "varchar(48)"),
            ("created_on", NOW),
        ],
        constraints: &[
            "FOREIGN KEY (engine_instance_inst_id) \
             REFERENCES gitopsengineinstance (gitopsengineinstance_id)",
            "FOREIGN KEY (managed_environment_id) \
             REFERENCES managedenvironment (managedenvironment_id)",
        ],
        indexes: &[],
    },
    ExistingTable {
        name: "applicationstate",
        columns: &[
            ("applicationstate_application_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("argocd_application_status", "bytea"),
        ],
        constraints: &[
            "FOREIGN KEY (applicationstate_application_id) REFERENCES application (application_id)",
        ],
        indexes: &[],
    },
    ExistingTable {
        name: "deploymenttoapplicationmapping",
        columns: &[
            ("deploymenttoapplicationmapping_uid_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("name", "varchar(256)"),
            ("namespace", "varchar(96)"),
            ("namespace_uid", "varchar(48)"),
            ("application_id", "varchar(48) NOT NULL UNIQUE"),
        ],
        constraints: &["FOREIGN KEY (application_id) REFERENCES application (application_id)"],
        indexes: &[
            ("deploymenttoapplicationmapping_namespace_uid_idx", "namespace_uid"),
            ("deploymenttoapplicationmapping_name_idx", "name, namespace, namespace_uid"),
        ],
    },
    ExistingTable {
        name: "kubernetestodbresourcemapping",
        columns: &[
            ("kubernetes_resource_type", "varchar(64) NOT NULL"),
            ("kubernetes_resource_uid", "varchar(64) NOT NULL"),
            ("db_relation_type", "varchar(64) NOT NULL"),
            ("db_relation_key", "varchar(64) NOT NULL"),
            ("seq_id", "serial"),
        ],
        constraints: &[
            "PRIMARY KEY (kubernetes_resource_type, kubernetes_resource_uid, db_relation_type, \
             db_relation_key)",
            "UNIQUE (db_relation_type, db_relation_key, kubernetes_resource_type)",
            "UNIQUE (kubernetes_resource_type, kubernetes_resource_uid, db_relation_type)",
        ],
        indexes: &[],
    },
    ExistingTable {
        name: "apicrtodatabasemapping",
        columns: &[
            ("api_resource_type", "varchar(64) NOT NULL"),
            ("api_resource_uid", "varchar(64) NOT NULL"),
            ("db_relation_type", "varchar(32) NOT NULL"),
            ("db_relation_key", "varchar(64) NOT NULL"),
            ("seq_id", "serial"),
            ("api_resource_name", "varchar(256) NOT NULL"),
            ("api_resource_namespace", "varchar(256) NOT NULL"),
            ("api_resource_namespace_uid", "varchar(64) NOT NULL"),
        ],
        constraints: &[
            "PRIMARY KEY (api_resource_type, api_resource_uid, db_relation_type, db_relation_key)",
            "UNIQUE (api_resource_type, api_resource_uid, db_relation_type)",
            "UNIQUE (db_relation_type, db_relation_key, api_resource_type)",
        ],
        // The existing system has none that its look-up by name can use.
        indexes: &[(
            "apicrtodatabasemapping_name_idx",
            "api_resource_namespace_uid, api_resource_type, api_resource_name",
        )],
    },
    ExistingTable {
        name: "syncoperation",
        columns: &[
            ("syncoperation_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("application_id", "varchar(48)"),
            ("deployment_name", "varchar(256) NOT NULL"),
            ("revision", "varchar(256) NOT NULL"),
            ("desired_state", "varchar(16) NOT NULL"),
            ("created_on", NOW),
        ],
        constraints: &["FOREIGN KEY (application_id) REFERENCES application (application_id)"],
        indexes: &[],
    },
    ExistingTable {
        name: "repositorycredentials",
        columns: &[
            ("repositorycredentials_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("repo_cred_user_id", "varchar(48) NOT NULL"),
            ("repo_cred_url", "varchar(512) NOT NULL"),
            ("repo_cred_user", "varchar(256)"),
            ("repo_cred_pass", "varchar(1024)"),
            ("repo_cred_ssh", "varchar(1024)"),
            ("repo_cred_secret", "varchar(48) NOT NULL"),
            ("repo_cred_engine_id", "varchar(48) NOT NULL"),
            ("created_on", NOW),
        ],
        constraints: &[
            "FOREIGN KEY (repo_cred_user_id) REFERENCES clusteruser (clusteruser_id)",
            "FOREIGN KEY (repo_cred_engine_id) \
             REFERENCES gitopsengineinstance (gitopsengineinstance_id)",
        ],
        indexes: &[],
    },
    ExistingTable {
        name: "appprojectrepository",
        columns: &[
            ("appproject_repository_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("clusteruser_id", "varchar(48) NOT NULL"),
            ("repo_url", "varchar(256) NOT NULL"),
            ("created_on", NOW),
        ],
        constraints: &[
            "UNIQUE (clusteruser_id, repo_url)",
            "FOREIGN KEY (clusteruser_id) REFERENCES clusteruser (clusteruser_id)",
        ],
        indexes: &[],
    },
    ExistingTable {
        name: "appprojectmanagedenvironment",
        columns: &[
            ("appproject_managedenv_id", "varchar(48) NOT NULL PRIMARY KEY"),
            ("seq_id", "serial"),
            ("clusteruser_id", "varchar(48) NOT NULL"),
            ("managed_environment_id", "varchar(48) NOT NULL"),
            ("created_on", NOW),
        ],
        constraints: &[
            "FOREIGN KEY (clusteruser_id) REFERENCES clusteruser (clusteruser_id)",
            "FOREIGN KEY (managed_environment_id) \
             REFERENCES managedenvironment (managedenvironment_id)",
        ],
        indexes: &[("appprojectmanagedenvironment_user_idx", "clusteruser_id")],
    },
    ExistingTable {
        name: "applicationowner",
        columns: &[
            ("application_owner_application_id", "varchar(48) NOT NULL"),
            ("application_owner_user_id", "varchar(48) NOT NULL"),
            ("seq_id", "serial"),
            ("created_on", NOW),
        ],
        constraints: &[
            "PRIMARY KEY (application_owner_application_id, application_owner_user_id)",
            "FOREIGN KEY (application_owner_application_id) \
             REFERENCES application (application_id)",
            "FOREIGN KEY (application_owner_user_id) REFERENCES clusteruser (clusteruser_id)",
        ],
        indexes: &[],
    },
];
