//! One tenant with more environments than an AppProject has room for, and than any query reads at once.

use std::collections::{BTreeMap, BTreeSet};

use machines::identity::{ClusterUserId, EnvironmentId};
use machines::kinds::managed_environment::{EnvironmentEvent, EnvironmentUid};
use machines::rows::RowChange;
use schema::store::StoreError;

use super::{Object, environments, step, tenant, write};
use crate::credentials::{start, stored};
use crate::driver::{self, Input, World};
use crate::harness::{Scratch, on_each_database};

on_each_database!(nothing_is_lost_beyond_a_page);

/// An AppProject has room for 2,000, and a scan reads as many rows at once.
const MANY: usize = 2_100;
/// How many are accepted in one batch.
const BATCH: usize = 300;
/// As the agent reads them.
const PAGE: u64 = 500;

/// The rows of all, page by page.
async fn paged<F>(read: impl Fn(EnvironmentId) -> F) -> Vec<EnvironmentId>
where
    F: Future<Output = Result<Vec<EnvironmentId>, StoreError>>,
{
    let mut all: Vec<EnvironmentId> = Vec::new();
    loop {
        let after = all.last().cloned().unwrap_or_default();
        let page = read(after).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// What the tenant's AppProject should permit, in this order.
async fn permitted(world: &World, user: &ClusterUserId) -> Vec<EnvironmentId> {
    // Only a tenant with a repository has an AppProject.
    world.process(&[Input::Seen(driver::Object::new("t1", "app"))]).await.unwrap();
    let users = BTreeSet::from([user.clone()]);
    world.agent.permitted(&users).await.unwrap().remove(user).unwrap().environments
}

async fn nothing_is_lost_beyond_a_page(scratch: Scratch) {
    let world = start(&scratch).await;
    let objects: Vec<Object> = (0..MANY).map(|which| Object::new(&which.to_string())).collect();
    for batch in objects.chunks(BATCH) {
        let accepted = |object: &Object| {
            vec![object.seen(), EnvironmentEvent::FactsChanged, object.accepted()]
        };
        let steps: Vec<_> = batch.iter().map(|object| (object, accepted(object))).collect();
        step(&world, &steps).await.unwrap();
    }
    let ids: BTreeSet<EnvironmentId> = objects.iter().map(Object::row).collect();
    let sorted: Vec<EnvironmentId> = ids.iter().cloned().collect();
    let rows = tenant(&world, &objects[0]).await;

    let batches: BTreeMap<EnvironmentId, usize> = objects
        .chunks(BATCH)
        .enumerate()
        .flat_map(|(batch, objects)| objects.iter().map(move |object| (object.row(), batch)))
        .collect();
    let permitted = permitted(&world, &rows.user).await;
    assert_eq!(permitted.iter().cloned().collect::<BTreeSet<_>>(), ids);
    assert!(permitted.is_sorted_by_key(|id| batches[id]), "in the order of their creation");

    let agent = &world.agent;
    let wanted = paged(async |after| {
        let page = agent.wanted_clusters(&after, PAGE).await?;
        assert!(page.iter().all(|one| one.digest.is_some()));
        Ok(page.into_iter().map(|one| one.owner.row).collect())
    });
    assert_eq!(wanted.await, sorted);
    let owned = paged(async |after| {
        let page = agent.cluster_owners(&after, PAGE).await?;
        assert!(page.iter().all(|one| one.owner.as_ref() == Some(&rows.user)));
        Ok(page.into_iter().map(|one| one.row).collect())
    });
    assert_eq!(owned.await, sorted);
    assert_eq!(agent.orphaned_clusters(ids.clone()).await.unwrap(), [].into());

    // As an earlier installation leaves them.
    world.execute("DELETE FROM machine WHERE kind = 'ManagedEnvironment'").await;
    let adopted = world.backend.adopted_environments().await.unwrap();
    let adopted: BTreeSet<EnvironmentUid> = adopted.into_iter().map(|one| one.uid).collect();
    assert_eq!(adopted, objects.iter().map(Object::uid).collect());

    let end = vec![RowChange::RemoveTenant(rows)];
    write(&world, &objects[0], end).await.unwrap();
    assert_eq!(environments(&world).await, Vec::<String>::new());
    assert!(stored(&world).await.is_empty(), "nothing sealed is left");
    assert_eq!(world.count("appprojectmanagedenvironment").await, 0);
    assert_eq!(agent.orphaned_clusters(ids.clone()).await.unwrap(), ids, "their Secrets are to go");
}
