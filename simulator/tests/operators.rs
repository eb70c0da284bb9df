//! What operators change between two runs of the program: its sealing keys (docs/sealing.md), and
//! isolation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crds::GitOpsDeploymentRepositoryCredential;
use k8s_openapi::api::core::v1::Secret;
use machines::esr;
use simulator::checks::observe::{ARGO_CD, CREDENTIALS, list};
use simulator::environment::stage::{RESCAN, Running, Stage, simulate};
use simulator::faults::operators::{Keys, Options};
use simulator::runs::script::Step::{self, *};
use simulator::runs::script::{Actor, after, settle};

/// The repository of the credential.
const PRIVATE: &str = "https://git.example.com/team/private.git";
/// The virtual time within which everything converges.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// An installation with a credential that was accepted.
async fn accepted() -> anyhow::Result<(Stage, Running)> {
    after(&[
        CreateNamespace("team"),
        OpenedBy(PRIVATE, "old"),
        CreateSecret("team/git", "old"),
        CreateCredential("team/login", PRIVATE, "git"),
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

fn stalled(stage: &Stage) -> Vec<String> {
    let objects = list::<GitOpsDeploymentRepositoryCredential>(&stage.server, CREDENTIALS).unwrap();
    let conditions =
        objects.into_iter().filter_map(|one| one.status).flat_map(|one| one.conditions);
    let stalled = conditions.filter(|one| one.type_ == "Stalled" && one.status == "True");
    stalled.map(|one| one.reason).collect()
}

#[test]
fn without_its_keys_the_program_serves_no_credential_and_overwrites_none() {
    for keys in [Keys::Lost, Keys::Impostor, Keys::Foreign] {
        simulate(1, move || async move {
            let (stage, mut running) = accepted().await?;
            let (before, sealed) = (told(&stage), stage.witness.locked(None));
            assert_eq!(before.len(), 1);
            assert!(!sealed.is_empty());
            let wrong = Options { keys, ..Options::default() };
            run_with(&stage, &mut running, "pod-1", wrong);
            let steps = [
                OpenedBy(PRIVATE, "new"),
                EditSecret("team/git", "new"),
                CreateCredential("team/another", PRIVATE, "git"),
                Create("team/app", "one"),
                Pass(3 * RESCAN),
            ];
            take(&stage, &steps).await;
            assert_eq!(told(&stage), before, "{keys:?}: Argo CD keeps what it has");
            assert_eq!(stage.witness.locked(None), sealed, "{keys:?}: nothing is sealed");
            assert!(stalled(&stage).contains(&"NoSealingKeys".to_owned()), "{:?}", stalled(&stage));
            let broken = esr::all(&stage.witness.world()?);
            let mut others = broken.iter().filter(|one| one.predicate.0 != "ESR-RC");
            assert_eq!(others.next(), None, "{keys:?}: everything else is served");
            run_with(&stage, &mut running, "pod-2", Options::default());
            assert!(settle(&stage, PATIENCE).await, "{:?}", esr::all(&stage.witness.world()?));
            assert_ne!(told(&stage), before, "{keys:?}: what was changed meanwhile is taken in");
            assert_eq!(stage.witness.violations(), []);
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn a_credential_that_is_deleted_without_keys_leaves_nothing() {
    simulate(1, || async {
        let (stage, mut running) = accepted().await?;
        let lost = Options { keys: Keys::Lost, ..Options::default() };
        run_with(&stage, &mut running, "pod-1", lost);
        take(&stage, &[DeleteCredential("team/login"), Pass(3 * RESCAN)]).await;
        assert!(settle(&stage, PATIENCE).await, "{:?}", esr::all(&stage.witness.world()?));
        assert_eq!(told(&stage), []);
        Ok(())
    })
    .unwrap();
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
