//! What operators change between two runs of the program: its sealing keys (docs/sealing.md), and
//! isolation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crds::{
    GitOpsDeploymentManagedEnvironment as Environment,
    GitOpsDeploymentRepositoryCredential as Credential,
};
use k8s_openapi::api::core::v1::Secret;
use machines::esr;
use serde_json::json;
use simulator::checks::observe::{ARGO_CD, CREDENTIALS, ENVIRONMENTS, list};
use simulator::environment::stage::{RESCAN, Running, Stage, simulate};
use simulator::faults::operators::{Keys, Options};
use simulator::runs::script::Step::{self, *};
use simulator::runs::script::{Actor, after, settle};

/// The repository of the credential.
const PRIVATE: &str = "https://git.example.com/team/private.git";
/// The cluster of the environment.
const CLUSTER: &str = "https://api.example.com:6443";
/// The virtual time within which everything converges.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// Less than what a cluster is asked for to remove an account.
const SHORT: Duration = Duration::from_secs(5 * 60);

/// An installation with a credential that was accepted, and an environment.
async fn accepted() -> anyhow::Result<(Stage, Running)> {
    after(&[
        CreateNamespace("team"),
        OpenedBy(PRIVATE, "old"),
        CreateSecret("team/git", "old"),
        CreateCredential("team/login", PRIVATE, "git"),
        ClusterOpenedBy(CLUSTER, "old"),
        CreateKubeconfig("team/admin", CLUSTER, "old"),
        CreateEnvironment("team/staging", CLUSTER, "admin"),
        Settle,
    ])
    .await
}

/// Replaces the process by one that is started like this.
fn run_with(stage: &Stage, running: &mut Running, name: &str, options: Options) {
    running.kill();
    stage.run_with(options);
    *running = stage.launch_undisturbed(name);
}

async fn take(stage: &Stage, steps: &[Step]) {
    let mut actor = Actor::beside(stage);
    for step in steps {
        actor.take(step).await;
    }
}

/// What Argo CD has, without what the server notes of it.
fn told(stage: &Stage) -> Vec<Option<std::collections::BTreeMap<String, k8s_openapi::ByteString>>> {
    let path = format!("/api/v1/namespaces/{ARGO_CD}/secrets");
    let secrets = list::<Secret>(&stage.server, &path).unwrap().into_iter();
    secrets.map(|secret| secret.data).collect()
}

/// Why credentials and environments are stalled.
fn stalled(stage: &Stage) -> [Vec<String>; 2] {
    let credentials = list::<Credential>(&stage.server, CREDENTIALS).unwrap();
    let credentials = credentials.into_iter().filter_map(|one| one.status);
    let environments = list::<Environment>(&stage.server, ENVIRONMENTS).unwrap();
    let environments = environments.into_iter().filter_map(|one| one.status);
    let conditions = [
        credentials.flat_map(|one| one.conditions).collect::<Vec<_>>(),
        environments.flat_map(|one| one.conditions).collect(),
    ];
    conditions.map(|conditions| {
        let stalled = conditions.into_iter();
        let stalled = stalled.filter(|one| one.type_ == "Stalled" && one.status == "True");
        stalled.map(|one| one.reason).collect()
    })
}

#[test]
fn without_its_keys_the_program_serves_no_credential_and_no_environment_and_overwrites_none() {
    for keys in [Keys::Lost, Keys::Impostor, Keys::Foreign] {
        simulate(1, move || async move {
            let (stage, mut running) = accepted().await?;
            let (before, sealed) = (told(&stage), stage.witness.locked(None));
            assert_eq!(before.len(), 2);
            assert!(!sealed.is_empty());
            let wrong = Options { keys, ..Options::default() };
            run_with(&stage, &mut running, "pod-1", wrong);
            let steps = [
                OpenedBy(PRIVATE, "new"),
                EditSecret("team/git", "new"),
                CreateCredential("team/another", PRIVATE, "git"),
                ClusterOpenedBy(CLUSTER, "new"),
                EditKubeconfig("team/admin", CLUSTER, "new"),
                CreateEnvironment("team/another", CLUSTER, "admin"),
                Create("team/app", "one"),
                Pass(3 * RESCAN),
            ];
            take(&stage, &steps).await;
            assert_eq!(told(&stage), before, "{keys:?}: Argo CD keeps what it has");
            assert_eq!(stage.witness.locked(None), sealed, "{keys:?}: nothing is sealed");
            for reasons in stalled(&stage) {
                assert!(reasons.contains(&"NoSealingKeys".to_owned()), "{keys:?}: {reasons:?}");
            }
            let broken = esr::all(&stage.witness.world()?);
            let waits = ["ESR-RC", "ESR-ME"];
            let mut others = broken.iter().filter(|one| !waits.contains(&one.predicate.0));
            assert_eq!(others.next(), None, "{keys:?}: everything else is served");
            run_with(&stage, &mut running, "pod-2", Options::default());
            assert!(settle(&stage, PATIENCE).await, "{:?}", esr::all(&stage.witness.world()?));
            let after = told(&stage);
            assert_eq!(after.len(), 4);
            let is_taken_in = |one| !after.contains(one);
            assert!(before.iter().all(is_taken_in), "{keys:?}: what was changed meanwhile");
            assert_eq!(stage.witness.violations(), []);
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn what_is_deleted_without_keys_leaves_nothing_in_argo_cd() {
    simulate(1, || async {
        let (stage, mut running) = accepted().await?;
        let lost = Options { keys: Keys::Lost, ..Options::default() };
        run_with(&stage, &mut running, "pod-1", lost);
        let steps =
            [DeleteCredential("team/login"), DeleteEnvironment("team/staging"), Pass(3 * RESCAN)];
        take(&stage, &steps).await;
        assert!(settle(&stage, PATIENCE).await, "{:?}", esr::all(&stage.witness.world()?));
        assert_eq!(told(&stage), []);
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_account_whose_environment_is_deleted_without_keys_is_removed_or_said_to_remain() {
    for comes_back in [true, false] {
        simulate(1, move || async move {
            let (stage, mut running) = accepted().await?;
            let account = json!({"spec": {"createNewServiceAccount": true}});
            let steps =
                [DeleteCredential("team/login"), EditEnvironment("team/staging", account), Settle];
            take(&stage, &steps).await;
            assert!(!stage.clusters.made().is_empty());
            let lost = Options { keys: Keys::Lost, ..Options::default() };
            run_with(&stage, &mut running, "pod-1", lost);
            take(&stage, &[DeleteEnvironment("team/staging"), Pass(SHORT)]).await;
            if comes_back {
                run_with(&stage, &mut running, "pod-2", Options::default());
            }
            assert!(settle(&stage, PATIENCE).await, "{:?}", esr::all(&stage.witness.world()?));
            assert_eq!(stage.clusters.made().is_empty(), comes_back);
            assert_eq!(stage.witness.violations(), []);
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn a_switch_of_isolation_moves_everything_and_back() {
    simulate(1, || async {
        let (stage, mut running) = accepted().await?;
        take(&stage, &[Create("team/app", "one"), Settle]).await;
        for (number, isolation) in [false, true].into_iter().enumerate() {
            let options = Options { isolation, ..Options::default() };
            run_with(&stage, &mut running, &format!("pod-{}", number + 1), options);
            assert!(settle(&stage, PATIENCE).await, "{:?}", esr::all(&stage.witness.world()?));
            let told = told(&stage);
            let has_project = told.iter().flatten().all(|data| data.contains_key("project"));
            assert_eq!(has_project, isolation);
        }
        assert_eq!(stage.witness.violations(), []);
        Ok(())
    })
    .unwrap();
}
