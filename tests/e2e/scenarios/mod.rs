//! The scenarios: what users do, and what can go wrong meanwhile.

mod another_cluster;
mod deleting;
mod deploying;
mod faults;
mod private;
mod repairing;
mod sync_runs;
mod syncing;
mod target_clusters;

use crate::Scenario;
use crate::ring::Capability::{ArgoCdStop, Git, PrivateGit, ServerKill, Target, Workloads};

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
        scenario!(deploying::a_missing_path_is_reported_and_can_be_fixed),
        scenario!(deploying::a_repository_with_brackets_in_its_url_is_deployed),
        scenario!(deploying::a_repository_at_an_ipv6_address_is_permitted),
        scenario!(deploying::a_path_that_argo_cd_refuses_is_rejected_and_any_other_is_deployed),
        scenario!(deploying::a_report_of_any_size_is_passed_on, Git, ArgoCdStop),
        scenario!(deploying::a_new_commit_is_deployed_without_an_edit, Git),
        scenario!(deploying::a_manual_deployment_waits_and_an_automated_one_does_not, Git),
        scenario!(deleting::with_the_finalizer_the_resources_are_removed_first, Git),
        scenario!(deleting::without_the_finalizer_the_resources_are_removed_too, Git),
        scenario!(deleting::an_endlessly_retried_sync_does_not_delay_a_deletion, Git),
        scenario!(deleting::a_recreated_namespace_starts_from_scratch),
        scenario!(
            deleting::five_hundred_deletions_without_argo_cd_delay_no_other_deployment,
            ArgoCdStop
        ),
        scenario!(deleting::an_app_project_that_a_deletion_needs_is_restored, ArgoCdStop),
        scenario!(syncing::a_failing_sync_picks_up_the_next_commit, Git),
        scenario!(syncing::an_edit_ends_a_failing_sync, Git),
        scenario!(sync_runs::a_manual_deployment_is_synced_to_an_older_commit, Git),
        scenario!(sync_runs::a_run_without_a_revision_syncs_the_deployments),
        scenario!(sync_runs::a_failing_hook_ends_a_run_and_the_next_one_works),
        scenario!(sync_runs::a_run_of_a_deployment_that_was_automated_is_not_retried, Git),
        scenario!(sync_runs::deleting_a_run_ends_its_sync_and_the_next_one_works),
        scenario!(sync_runs::a_run_tells_of_the_sync_window_that_it_waits_for, Git),
        scenario!(sync_runs::what_a_sync_window_holds_can_be_withdrawn, Git),
        scenario!(sync_runs::ten_runs_created_at_once_run_one_after_the_other),
        scenario!(sync_runs::a_run_of_an_automated_deployment_is_rejected),
        scenario!(private::a_credential_reaches_argo_cd_is_rotated_and_goes),
        scenario!(private::argo_cd_deploys_over_https_while_everything_rotates, PrivateGit),
        scenario!(private::argo_cd_deploys_over_ssh_while_keys_rotate, PrivateGit),
        scenario!(private::two_tenants_of_a_repository_use_their_own_credentials, PrivateGit),
        scenario!(private::without_isolation_tenants_use_each_others_credentials, PrivateGit),
        scenario!(
            target_clusters::argo_cd_deploys_to_an_environment_while_its_tokens_rotate,
            Git,
            Workloads
        ),
        scenario!(
            another_cluster::a_deployment_goes_to_a_namespace_of_another_cluster,
            Git,
            Target
        ),
        scenario!(
            another_cluster::a_whole_cluster_gets_objects_without_a_namespace_unless_isolated,
            Git,
            Target
        ),
        scenario!(
            another_cluster::what_another_cluster_forbids_is_said_and_goes_on_once_it_is_granted,
            Git,
            Target
        ),
        scenario!(
            another_cluster::everything_about_another_cluster_rotates_while_a_deployment_follows,
            Git,
            Target
        ),
        scenario!(
            another_cluster::a_cluster_that_is_gone_for_good_holds_up_nobody,
            Git,
            Target,
            ServerKill
        ),
        scenario!(repairing::manual_changes_to_managed_resources_are_undone),
        scenario!(faults::the_program_is_killed_in_the_middle_of_a_burst),
        scenario!(faults::postgres_is_killed_in_the_middle_of_a_burst, ServerKill),
        scenario!(faults::the_api_server_is_killed_in_the_middle_of_a_burst, ServerKill),
    ]
}
