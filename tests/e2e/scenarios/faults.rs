//! Kills in the middle of the work.

use futures::{StreamExt, stream};
use kube::api::PostParams;

use crate::harness::{all, eventually, is_ready};
use crate::repository::config_map;
use crate::ring::Ring;

/// Deployments of a burst.
const BURST: usize = 60;
/// Concurrent requests.
const CONCURRENCY: usize = 8;
/// The numbers of Applications at which a part is killed: early, in the middle and late.
const MOMENTS: [usize; 3] = [1, 25, 50];

pub async fn the_program_is_killed_in_the_middle_of_a_burst(ring: &mut Ring) {
    commit(ring);
    for moment in MOMENTS {
        let burst = begin(ring, moment).await;
        ring.kill_program().await;
        burst.await.unwrap();
    }
    end(ring).await;
}

pub async fn postgres_is_killed_in_the_middle_of_a_burst(ring: &mut Ring) {
    kill_part(ring, "postgres").await;
}

pub async fn the_api_server_is_killed_in_the_middle_of_a_burst(ring: &mut Ring) {
    kill_part(ring, "kube-apiserver").await;
}

async fn kill_part(ring: &mut Ring, part: &str) {
    commit(ring);
    for moment in MOMENTS {
        let burst = begin(ring, moment).await;
        ring.kill_part(part).await;
        burst.await.unwrap();
    }
    end(ring).await;
}

fn name(moment: usize, number: usize) -> String {
    format!("app-{moment}-{number}")
}

/// Each deployment has its own folder and ConfigMap: two that deploy the same resource would fight
/// over it.
fn commit(ring: &Ring) {
    let all = MOMENTS.iter().flat_map(|moment| (0..BURST).map(|number| name(*moment, number)));
    let files: Vec<(String, String)> =
        all.map(|name| (format!("{name}/it.json"), config_map(&name, "one"))).collect();
    let files: Vec<(&str, String)> =
        files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    ring.commit(&files);
}

/// Starts creating a burst, and returns once this many of its Applications exist.
async fn begin(ring: &Ring, moment: usize) -> tokio::task::JoinHandle<()> {
    let objects: Vec<_> = (0..BURST)
        .map(|number| {
            let type_ = if number % 5 == 0 { "automated" } else { "manual" };
            let name = name(moment, number);
            ring.deployment(&name, type_, &name)
        })
        .collect();
    let api = ring.deployments();
    let before = all(&ring.applications()).await.len();
    let burst = tokio::spawn(async move {
        stream::iter(&objects)
            .for_each_concurrent(CONCURRENCY, |object| {
                let api = &api;
                async move {
                    // Also while the server is gone.
                    eventually("the deployment is created", || async {
                        match api.create(&PostParams::default(), object).await {
                            Err(kube::Error::Api(status)) if !status.is_already_exists() => None,
                            Err(kube::Error::Api(_)) | Ok(_) => Some(()),
                            Err(_) => None,
                        }
                    })
                    .await;
                }
            })
            .await;
    });
    let applications = ring.applications();
    eventually("enough Applications exist", || async {
        (all(&applications).await.len() >= before + moment).then_some(())
    })
    .await;
    burst
}

/// Checks that everything is right in the end.
async fn end(ring: &Ring) {
    let api = ring.deployments();
    eventually("all deployments are ready", || async {
        let found = api.list(&Default::default()).await.ok()?.items;
        (found.len() == MOMENTS.len() * BURST && found.iter().all(is_ready)).then_some(())
    })
    .await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}
