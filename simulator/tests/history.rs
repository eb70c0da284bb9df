//! Bugs of the system that this one replaces, each tried here once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crds::{GitOpsDeployment, Operation};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams};
use machines::esr;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use simulator::checks::observe::ARGO_CD;
use simulator::environment::stage::{Running, Stage, simulate};
use simulator::environment::storage::at_once;
use simulator::runs::script::Step::*;
use simulator::runs::script::{Actor, after, path, settle};

/// The virtual time within which everything converges.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Checks that everything converges, nothing forbidden happened, and the process is alive.
async fn comes_right(stage: &Stage, running: &Running) {
    let right = settle(stage, PATIENCE).await;
    assert!(right, "{:?}", esr::all(&stage.witness.world().unwrap()));
    assert_eq!(stage.witness.violations(), []);
    assert!(!running.task.is_finished());
}

fn play<F: Future<Output = ()>>(run: impl FnOnce() -> F + Send + 'static) {
    simulate(1, move || async move {
        run().await;
        Ok(())
    })
    .unwrap();
}

/// redhat-appstudio/managed-gitops, pull request 447: if the rows were already gone, the finalizer
/// was never removed.
#[test]
fn a_finalizer_is_removed_even_if_the_rows_are_already_gone() {
    play(|| async {
        let (stage, running) =
            after(&[CreateNamespace("team"), CreateFinalized("team/app", "one"), Settle])
                .await
                .unwrap();
        for table in [
            "applicationowner",
            "applicationstate",
            "deploymenttoapplicationmapping",
            "appprojectrepository",
            "application",
        ] {
            let statement = format!("DELETE FROM {table}");
            at_once(stage.database.connection().execute_unprepared(&statement)).unwrap();
        }
        let api: Api<GitOpsDeployment> = Api::namespaced(stage.client.clone(), "team");
        api.delete("app", &DeleteParams::default()).await.unwrap();
        comes_right(&stage, &running).await;
        assert!(api.get_opt("app").await.unwrap().is_none());
    });
}

/// Pull request 594: two deployments that needed the same repository at once raced for its row.
/// Here one starts to need it while another stops.
#[test]
fn a_repository_that_changes_users_stays_permitted() {
    play(|| async {
        let (stage, running) = after(&[
            CreateNamespace("team"),
            Create("team/app", "one"),
            Settle,
            Create("team/web", "one"),
            Delete("team/app"),
            Create("team/api", "one"),
        ])
        .await
        .unwrap();
        comes_right(&stage, &running).await;
        let world = stage.witness.world().unwrap();
        assert_eq!(world.database.repositories.len(), 1, "{:?}", world.database.repositories);
        assert_eq!(world.argocd.applications.len(), 2);
    });
}

/// Pull request 434: each event leaked memory until the process was killed.
#[test]
fn short_lived_objects_leave_no_machine_behind() {
    play(|| async {
        let (stage, running) = after(&[CreateNamespace("team")]).await.unwrap();
        let mut actor = Actor::beside(&stage);
        for _ in 0..20 {
            for step in [
                Create("team/app", "one"),
                Settle,
                Edit("team/app", path("two")),
                Delete("team/app"),
                Settle,
            ] {
                actor.take(&step).await;
            }
        }
        comes_right(&stage, &running).await;
        // The tenant's machine stays as long as its namespace.
        let machines = schema::entity::machine::Entity::find();
        let number = at_once(machines.count(stage.database.reader())).unwrap();
        assert_eq!(number, 1);
        let backlog: usize = stage.launched().iter().map(|health| health.backlog()).sum();
        assert_eq!(backlog, 0);
    });
}

/// Pull request 60: the agent crashed when an Operation that it was about to process was deleted.
#[test]
fn an_operation_that_is_deleted_under_the_agent_does_no_harm() {
    play(|| async {
        let (stage, running) =
            after(&[CreateNamespace("team"), Create("team/app", "one")]).await.unwrap();
        let operations: Api<Operation> = Api::namespaced(stage.client.clone(), ARGO_CD);
        let mut deleted = 0;
        for _ in 0..5_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            for operation in operations.list(&Default::default()).await.unwrap() {
                let name = operation.name_any();
                operations.delete(&name, &DeleteParams::default()).await.unwrap();
                deleted += 1;
            }
        }
        assert!(deleted > 0, "no Operation was ever there");
        comes_right(&stage, &running).await;
    });
}
