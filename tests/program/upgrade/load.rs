//! A tenant who creates, edits, deletes and creates again while versions change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crds::GitOpsDeployment;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::{automated, eventually, manual, with_finalizer};

/// Between two deployments: several are in progress at any moment, even on a busy machine.
const PACE: Duration = Duration::from_millis(40);

/// By name, the path that each deployment has in the end.
pub(super) type Wanted = BTreeMap<String, String>;

/// See the module.
pub(super) struct Load {
    task: JoinHandle<Wanted>,
    created: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Load {
    /// Begins, in a namespace that exists.
    pub(super) fn start(client: kube::Client, namespace: &str) -> Self {
        let api = Api::<GitOpsDeployment>::namespaced(client, namespace);
        let (created, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let (counter, stopped) = (Arc::clone(&created), stop.clone());
        let task = tokio::spawn(async move {
            let (mut wanted, mut pace) = (Wanted::new(), tokio::time::interval(PACE));
            for number in 0.. {
                tokio::select! {
                    () = stopped.cancelled() => break,
                    _ = pace.tick() => {}
                }
                create(&api, number, &mut wanted).await;
                change_earlier(&api, number, &mut wanted).await;
                counter.fetch_add(1, Ordering::Relaxed);
            }
            wanted
        });
        Self { task, created, stop }
    }

    /// Waits until so many more have been created.
    pub(super) async fn wait_for(&self, more: usize) {
        let before = self.created.load(Ordering::Relaxed);
        eventually("more deployments have been created", || async {
            (self.created.load(Ordering::Relaxed) >= before + more).then_some(())
        })
        .await;
    }

    /// Ends; returns what there should be.
    pub(super) async fn end(self) -> Wanted {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

fn object(number: usize, path: &str) -> GitOpsDeployment {
    let name = format!("app-{number:04}");
    let mut object = match number % 4 {
        0 => manual(&name),
        1 => with_finalizer(automated(&name)),
        _ => automated(&name),
    };
    object.spec.source.path = path.to_owned();
    object
}

async fn create(api: &Api<GitOpsDeployment>, number: usize, wanted: &mut Wanted) {
    let object = object(number, "created");
    api.create(&PostParams::default(), &object).await.unwrap();
    wanted.insert(object.name_any(), "created".to_owned());
}

/// Of those before it, one is edited, and every fifth is deleted, or replaced under its name.
async fn change_earlier(api: &Api<GitOpsDeployment>, number: usize, wanted: &mut Wanted) {
    let Some(earlier) = number.checked_sub(3) else { return };
    let name = object(earlier, "").name_any();
    let edit = json!({"spec": {"source": {"path": "edited"}}});
    api.patch(&name, &PatchParams::default(), &Patch::Merge(edit)).await.unwrap();
    wanted.insert(name.clone(), "edited".to_owned());
    let remove = async || api.delete(&name, &DeleteParams::default()).await.unwrap();
    match earlier % 10 {
        3 => {
            remove().await;
            wanted.remove(&name);
        }
        // It has no finalizer, so its name is free at once.
        8 => {
            remove().await;
            let again = object(earlier, "created again");
            api.create(&PostParams::default(), &again).await.unwrap();
            wanted.insert(name, "created again".to_owned());
        }
        _ => {}
    }
}
