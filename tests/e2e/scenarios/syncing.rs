//! Failing syncs, and what ends them.

use serde_json::json;

use crate::harness::condition;
use crate::repository::config_map;
use crate::ring::Ring;

/// The API server always rejects it.
const REFUSED: &str = "Not_A_Name";

async fn wait_until_it_is_retried(ring: &Ring) {
    ring.wait_for("shop", "the failed attempt is reported", |shop| {
        condition(shop, "Ready").is_some_and(|ready| {
            ready.reason == "Syncing" && ready.message.contains("Retrying attempt")
        })
    })
    .await;
}

pub async fn a_failing_sync_picks_up_the_next_commit(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map(REFUSED, "one"))]);
    ring.create(&ring.deployment("shop", "automated", "shop")).await;
    wait_until_it_is_retried(ring).await;
    let commit = ring.commit(&[("shop/first.json", config_map("first", "mended"))]).unwrap();
    ring.wait_for_word("first", Some("mended")).await;
    let shop = ring.wait_until_ready("shop").await;
    assert_eq!(shop.status.unwrap().sync.revision, commit);
}

pub async fn an_edit_ends_a_failing_sync(ring: &mut Ring) {
    ring.commit(&[
        ("wrong/first.json", config_map(REFUSED, "one")),
        ("right/first.json", config_map("first", "one")),
    ]);
    ring.create(&ring.deployment("shop", "automated", "wrong")).await;
    wait_until_it_is_retried(ring).await;
    ring.edit("shop", json!({"spec": {"source": {"path": "right"}}})).await;
    ring.wait_for_word("first", Some("one")).await;
    ring.wait_until_ready("shop").await;
}
