//! The assumptions (see ARCHITECTURE.md, "Assumptions"), each violated once: only the stated
//! consequence follows. What seeds and plans violate is not repeated here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crds::argocd::Application;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use machines::esr;
use serde_json::json;
use simulator::checks::observe::{APPLICATIONS, ARGO_CD, history};
use simulator::environment::stage::{RESCAN, simulate};
use simulator::runs::plan::Strike;
use simulator::runs::script::Step::*;
use simulator::runs::script::{Actor, after, path};
use simulator::runs::subprocess::Subprocesses;

/// Argo CD leaves `.spec` as written. If it does not, each rescan writes it again: a persistent
/// writer does not get one write per write.
#[test]
fn a_persistent_writer_of_another_spec_is_corrected_once_per_rescan() {
    const RESCANS: u32 = 12;
    simulate(1, || async {
        let (stage, _running) =
            after(&[CreateNamespace("team"), Create("team/app", "one"), Settle]).await?;
        let mut actor = Actor::beside(&stage);
        let applications: Api<Application> = Api::namespaced(stage.client.clone(), ARGO_CD);
        let patch = json!({"spec": {"source": {"path": "insisted"}}});
        let mut insisted = 0;
        for _ in 0..RESCAN.as_secs() * u64::from(RESCANS) {
            for application in applications.list(&Default::default()).await? {
                if application.spec.source.path != "insisted" {
                    let name = application.name_any();
                    applications
                        .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
                        .await?;
                    insisted += 1;
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!((2..=RESCANS + 1).contains(&insisted), "{insisted} times in {RESCANS} rescans");
        actor.take(&Pass(3 * RESCAN)).await;
        assert_eq!(esr::all(&stage.witness.world()?), []);
        Ok(())
    })
    .unwrap();
}

/// A list shows the newest state. If a new process gets an older one, deployments missing from it
/// are removed; the next process, or the next change, serves them again.
#[test]
fn a_deployment_missing_from_a_list_is_removed() {
    let subprocesses = Subprocesses::new(env!("CARGO_BIN_EXE_simulator"));
    let clean = subprocesses.plan("create", Strike::Nothing).unwrap();
    let left_out = clean.plans.iter().filter_map(|strike| match strike {
        Strike::StaleRestart(number) => Some(Strike::StaleLater(*number)),
        _ => None,
    });
    let left_out: Vec<Strike> = left_out.filter(|strike| !clean.plans.contains(strike)).collect();
    assert!(!left_out.is_empty());
    let mut removed = 0;
    for strike in left_out {
        let outcome = subprocesses.plan("create", strike).unwrap();
        assert!(outcome.struck, "{strike}");
        // What is missing is removed; nothing else is harmed.
        let expected = ["CAUSE", "ESR-GD"];
        let mut others = outcome.violations.iter();
        let other = others.find(|one| !expected.contains(&one.property.as_str()));
        assert_eq!(other, None, "{strike}");
        removed += outcome.violations.iter().filter(|one| one.property == "CAUSE").count();
    }
    assert!(removed > 0);
}

/// The fields of an Application that are not ours belong to Argo CD.
#[test]
fn foreign_fields_of_an_application_are_left_alone() {
    simulate(1, || async {
        let (stage, _running) =
            after(&[CreateNamespace("team"), Create("team/app", "one"), Settle]).await?;
        let mut actor = Actor::beside(&stage);
        let applications: Api<Application> = Api::namespaced(stage.client.clone(), ARGO_CD);
        let foreign = json!({
            "metadata": {"annotations": {"notified.argoproj.io": "{}"}},
            "spec": {"revisionHistoryLimit": 3, "info": [{"name": "owner", "value": "team"}]},
        });
        for application in applications.list(&Default::default()).await? {
            let (parameters, patch) = (PatchParams::default(), Patch::Merge(&foreign));
            applications.patch(&application.name_any(), &parameters, &patch).await?;
        }
        for step in [Settle, Edit("team/app", path("two")), Settle] {
            actor.take(&step).await;
        }
        actor.take(&Pass(3 * RESCAN)).await;
        assert_eq!(esr::all(&stage.witness.world()?), []);
        let (_, last) = history(&stage.server, APPLICATIONS).pop().unwrap();
        assert_eq!(last["spec"]["source"]["path"], "two");
        assert_eq!(last["spec"]["revisionHistoryLimit"], 3);
        assert_eq!(last["spec"]["info"], foreign["spec"]["info"]);
        assert_eq!(last["metadata"]["annotations"]["notified.argoproj.io"], "{}");
        Ok(())
    })
    .unwrap();
}
