//! What Argo CD says, from the agent to the backend.

use machines::identity::{ApplicationId, DeploymentUid, Digest};
use schema::store::agent::ApplicationReport;

use crate::driver::{Note, Object, World};
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    a_report_is_unread_until_the_backend_takes_it_in,
    reports_on_applications_without_a_row_are_left_out,
    of_several_reports_on_one_application_the_last_counts,
);

fn report(application: ApplicationId, text: &str) -> ApplicationReport {
    let status = text.as_bytes().to_vec();
    ApplicationReport { application, status, digest: Digest::of(&text) }
}

async fn a_report_is_unread_until_the_backend_takes_it_in(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let objects = ["a", "b"].map(|which| Object::new("t1", which));
    world.settle(&objects).await;
    assert_eq!(world.backend.unread().await.unwrap(), Vec::<DeploymentUid>::new());
    let ids = objects.clone().map(|object| object.application());
    let both = ids.clone().map(|id| report(id, "first")).to_vec();
    assert_eq!(world.agent.write_reports(both).await.unwrap(), ids.clone().into());
    let mut unread = world.backend.unread().await.unwrap();
    unread.sort();
    assert_eq!(unread, objects.clone().map(|object| object.uid));

    let uid = &objects[0].uid;
    let loaded = world.tell(&[Note::Reported(uid.clone())]).await.unwrap();
    assert_eq!(loaded.reports[uid], b"first");
    assert_eq!(loaded.reports.len(), 1, "nobody asked for the other one");
    assert_eq!(world.backend.unread().await.unwrap(), std::slice::from_ref(&objects[1].uid));
    let machine = world.deployment(uid).await.unwrap();
    assert!(machine.record.report.is_some());

    world.agent.write_reports(vec![report(ids[0].clone(), "second")]).await.unwrap();
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
    let ids = objects.clone().map(|object| object.application());
    let both = ids.clone().map(|id| report(id, "first")).to_vec();
    let written = world.agent.write_reports(both).await.unwrap();
    assert_eq!(written, [ids[0].clone()].into());
    let gone = vec![report(ids[1].clone(), "second")];
    assert_eq!(world.agent.write_reports(gone).await.unwrap().len(), 0);
    assert_eq!(world.agent.write_reports(Vec::new()).await.unwrap().len(), 0);
    assert_eq!(world.count("applicationstate").await, 1);
}

async fn of_several_reports_on_one_application_the_last_counts(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    world.settle(std::slice::from_ref(&object)).await;
    let id = object.application();
    let both = ["first", "second"].map(|text| report(id.clone(), text)).to_vec();
    assert_eq!(world.agent.write_reports(both).await.unwrap(), [id.clone()].into());
    assert_eq!(world.backend.reports([&id]).await.unwrap()[&id], b"second");
}
