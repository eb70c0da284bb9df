//! The tables, one module each.
//!
//! The first group is the tables of the existing system, with the names and columns that PostgreSQL
//! sees (it lower-cases unquoted identifiers). Their `seq_id` column is left out on purpose: it is
//! a paging aid of the existing system, which the database fills by itself. Times are without zone,
//! mean UTC, and are always set by the program: a database default depends on the time zone of its
//! session.
//!
//! The second group, [`machine`], [`transition`], [`fence`] and [`sealed_value`], is new; its times
//! are milliseconds since the epoch.

pub mod api_cr_to_database_mapping;
pub mod app_project_managed_environment;
pub mod app_project_repository;
pub mod application;
pub mod application_owner;
pub mod application_state;
pub mod clear_text;
pub mod cluster_access;
pub mod cluster_credentials;
pub mod cluster_user;
pub mod deployment_to_application_mapping;
pub mod gitops_engine_cluster;
pub mod gitops_engine_instance;
pub mod kubernetes_to_db_resource_mapping;
pub mod managed_environment;
pub mod operation;
pub mod repository_credentials;
pub mod sync_operation;

pub mod fence;
pub mod machine;
pub mod sealed_value;
pub mod transition;
