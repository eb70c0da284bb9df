//! Argo CD's reports, from the agent to the backend.

use std::collections::HashMap;

use machines::identity::{ApplicationId, DeploymentUid, Digest};
use machines::kinds::deployment::removal_report::RemovalReport;
use schema::store::backend::BackendLoaded;
use schema::store::reports::{ApplicationReport, Reported};
use schema::store::{Role, Store};

use crate::driver::{BEGINNING, Input, Object, World, request};
use crate::harness::{Scratch, on_each_database, on_postgres, options};

on_each_database!(
    a_report_is_unread_until_the_backend_takes_it_in,
    reports_on_applications_without_a_row_are_left_out,
    of_several_reports_on_one_application_the_last_counts,
    a_report_under_the_label_of_another_deployment_is_left_out,
    argo_cds_report_on_a_removal_stays_in_its_operation_until_it_ends,
);

fn report(object: &Object, text: &str) -> ApplicationReport {
    ApplicationReport {
        application: object.application(),
        deployment: object.uid.clone(),
        status: text.as_bytes().to_vec(),
        digest: Digest::of(&text),
        removal: RemovalReport::default(),
    }
}

fn written(objects: &[Object]) -> HashMap<ApplicationId, DeploymentUid> {
    objects.iter().map(|object| (object.application(), object.uid.clone())).collect()
}

async fn a_report_is_unread_until_the_backend_takes_it_in(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = ["a", "b"].map(|which| Object::new("t1", which));
    world.settle(&objects).await;
    assert_eq!(world.backend.unread().await.unwrap(), Vec::<DeploymentUid>::new());
    let ids = objects.clone().map(|object| object.application());
    let both = objects.iter().map(|object| report(object, "first")).collect();
    assert_eq!(world.agent.write_reports(both).await.unwrap().written, written(&objects));
    let mut unread = world.backend.unread().await.unwrap();
    unread.sort();
    assert_eq!(unread, objects.clone().map(|object| object.uid));

    let uid = &objects[0].uid;
    let loaded = world.process(&[Input::Reported(uid.clone())]).await.unwrap();
    assert_eq!(loaded.reports[uid], b"first");
    assert_eq!(loaded.reports.len(), 1, "the other one was not requested");
    assert_eq!(world.backend.unread().await.unwrap(), std::slice::from_ref(&objects[1].uid));
    let machine = world.deployment(uid).await.unwrap();
    assert!(machine.record.report.is_some());

    world.agent.write_reports(vec![report(&objects[0], "second")]).await.unwrap();
    assert_eq!(world.backend.unread().await.unwrap().len(), 2);
    let digests = world.agent.report_digests().await.unwrap();
    assert_eq!(digests[&ids[0]], Digest::of(&"second"));
    assert_eq!(digests[&ids[1]], Digest::of(&"first"));
    let blobs = world.backend.reports(&ids).await.unwrap();
    assert_eq!((&blobs[&ids[0]][..], &blobs[&ids[1]][..]), (&b"second"[..], &b"first"[..]));
    assert_eq!(world.backend.reports(&[]).await.unwrap().len(), 0);
}

async fn reports_on_applications_without_a_row_are_left_out(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = ["a", "b"].map(|which| Object::new("t1", which));
    world.settle(&objects).await;
    world.remove(&objects[1..]).await;
    let both = objects.iter().map(|object| report(object, "first")).collect();
    let told = world.agent.write_reports(both).await.unwrap().written;
    assert_eq!(told, written(&objects[..1]));
    let gone = vec![report(&objects[1], "second")];
    assert_eq!(world.agent.write_reports(gone).await.unwrap(), Reported::default());
    assert_eq!(world.agent.write_reports(Vec::new()).await.unwrap(), Reported::default());
    assert_eq!(world.count("applicationstate").await, 1);
}

async fn of_several_reports_on_one_application_the_last_counts(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    world.settle(std::slice::from_ref(&object)).await;
    let id = object.application();
    let both = ["first", "second"].map(|text| report(&object, text)).to_vec();
    let told = world.agent.write_reports(both).await.unwrap().written;
    assert_eq!(told, written(std::slice::from_ref(&object)));
    assert_eq!(world.backend.reports([&id]).await.unwrap()[&id], b"second");
}

async fn a_report_under_the_label_of_another_deployment_is_left_out(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = ["a", "b"].map(|which| Object::new("t1", which));
    world.settle(&objects).await;
    let mislabelled = ApplicationReport {
        application: objects[0].application(),
        ..report(&objects[1], "forged")
    };
    for reports in [
        vec![report(&objects[0], "true"), mislabelled.clone()],
        vec![mislabelled.clone(), report(&objects[0], "true")],
    ] {
        let told = world.agent.write_reports(reports).await.unwrap().written;
        assert_eq!(told, written(&objects[..1]));
    }
    assert_eq!(world.agent.write_reports(vec![mislabelled]).await.unwrap(), Reported::default());
    let id = objects[0].application();
    assert_eq!(world.backend.reports([&id]).await.unwrap()[&id], b"true");
}

async fn argo_cds_report_on_a_removal_stays_in_its_operation_until_it_ends(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = ["a", "b"].map(|which| Object::new("t1", which));
    world.settle(&objects).await;
    let [removed, other] = &objects;
    world.process(&[Input::Seen(removed.deleted())]).await.unwrap();
    let open = world.open(std::slice::from_ref(removed)).await;
    let remaining = "apps/Deployment web (Degraded)".to_owned();
    let removal = RemovalReport::new("no permission", 1, [remaining].into_iter());
    let blocked = ApplicationReport { removal: removal.clone(), ..report(removed, "blocked") };
    let mislabelled = ApplicationReport { deployment: other.uid.clone(), ..blocked.clone() };
    let told = world.agent.write_reports(vec![mislabelled]).await.unwrap();
    assert_eq!(told, Reported::default(), "the operation belongs to another deployment");
    let told = world.agent.write_reports(vec![blocked.clone()]).await.unwrap();
    assert_eq!(told.removals, written(std::slice::from_ref(removed)));
    let told = world.agent.write_reports(vec![blocked]).await.unwrap();
    assert_eq!(told, Reported::default(), "it is already recorded");
    let rows = format!("operation WHERE operation_id = '{}'", open[0]);
    let text = world.texts("human_readable_state", &rows);
    assert_eq!(text.await, [removal.to_text()]);
    // Only then does the agent start it.
    world.claim(&open).await;
    let text = world.texts("human_readable_state", &rows);
    assert_eq!(text.await, [removal.to_text()]);
    world.obey(&open).await;
    assert_eq!(world.texts("state", &rows).await, ["Completed"]);
    assert_eq!(world.texts("human_readable_state", &rows).await, ["NULL"]);
    let late = ApplicationReport { removal, ..report(removed, "late") };
    assert_eq!(world.agent.write_reports(vec![late]).await.unwrap(), Reported::default());
}

/// On SQLite nothing else writes during a batch.
#[tokio::test]
async fn a_report_replaced_while_being_read_stays_unread() {
    on_postgres(async |scratch| {
        let world = World::start(&scratch).await;
        let objects = ["a", "b"].map(|which| Object::new("t1", which));
        world.settle(&objects).await;
        let both = objects.iter().map(|object| report(object, "first")).collect();
        world.agent.write_reports(both).await.unwrap();
        let inputs = objects.clone().map(|object| Input::Reported(object.uid));
        let decide = |loaded: BackendLoaded| {
            let read = loaded.reports.clone();
            replace(scratch.url.clone(), report(&objects[0], "second"));
            (world.decide(loaded, &inputs), read)
        };
        let read = world.backend.backend_batch(&request(&inputs), world.now, decide).await.unwrap();
        assert_eq!(read[&objects[0].uid], b"first");
        assert_eq!(world.backend.unread().await.unwrap(), [objects[0].uid.clone()]);
        world.process(&inputs).await.unwrap();
        assert_eq!(world.backend.unread().await.unwrap(), Vec::<DeploymentUid>::new());
    })
    .await;
}

/// Another process's agent writes a report, while this thread waits.
fn replace(url: String, report: ApplicationReport) {
    let write = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let database = schema::connect(&url, &options()).await.unwrap();
            let agent = Store::take_over(database, Role::Agent, "other", BEGINNING).await.unwrap();
            agent.write_reports(vec![report]).await.unwrap();
        });
    });
    write.join().unwrap();
}
