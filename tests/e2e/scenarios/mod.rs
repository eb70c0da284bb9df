//! The scenarios: what users do, and what may happen to them.

mod deleting;
mod deploying;
mod faults;
mod repairing;
mod syncing;

use crate::Scenario;
use crate::ring::Capability::{ArgoCdStop, Git, ServerKill, Workloads};

macro_rules! scenario {
    ($module:ident :: $name:ident $(, $needed:ident)*) => {
        Scenario {
            name: stringify!($name),
            needs: &[$($needed),*],
            run: |ring| Box::pin($module::$name(ring)),
        }
    };
}

/// All of them.
pub fn all() -> Vec<Scenario> {
    vec![
        scenario!(deploying::a_repository_is_deployed_and_becomes_healthy, Git, Workloads),
        scenario!(deploying::an_automated_deployment_becomes_ready),
        scenario!(deploying::a_path_that_is_missing_is_told_and_can_be_mended),
        scenario!(deploying::a_repository_with_brackets_in_its_url_is_deployed),
        scenario!(deploying::a_repository_at_an_ipv6_address_is_permitted),
        scenario!(deploying::a_path_that_argo_cd_refuses_is_rejected_and_any_other_is_deployed),
        scenario!(deploying::a_report_of_any_size_is_told, Git, ArgoCdStop),
        scenario!(deploying::a_commit_arrives_by_itself, Git),
        scenario!(deploying::a_manual_deployment_waits_and_an_automated_one_does_not, Git),
        scenario!(deleting::with_the_finalizer_the_resources_go_first, Git),
        scenario!(deleting::without_the_finalizer_the_resources_go_all_the_same, Git),
        scenario!(deleting::a_sync_that_is_tried_again_for_ever_does_not_hold_a_deletion_up, Git),
        scenario!(deleting::a_namespace_that_is_deleted_and_created_again_begins_anew),
        scenario!(deleting::five_hundred_deletions_without_argo_cd_delay_nobody, ArgoCdStop),
        scenario!(deleting::an_app_project_that_a_deletion_needs_comes_back, ArgoCdStop),
        scenario!(syncing::a_sync_that_fails_goes_on_with_the_next_commit, Git),
        scenario!(syncing::an_edit_ends_a_sync_that_fails, Git),
        scenario!(repairing::manual_changes_to_what_is_ours_are_undone),
        scenario!(faults::the_program_is_killed_in_the_middle_of_a_burst),
        scenario!(faults::postgres_is_killed_in_the_middle_of_a_burst, ServerKill),
        scenario!(faults::the_api_server_is_killed_in_the_middle_of_a_burst, ServerKill),
    ]
}
