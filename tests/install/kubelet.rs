//! A kubelet for the pods of one namespace: it runs their containers as processes on this machine, each
//! in an empty root file system, under the user and with the environment, files and account that the
//! pod asks for.
//!
//! There are no networks of pods: every pod has an address of its own on loopback.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams};
use kube::{Client, ResourceExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::pod;

/// How often it looks for new pods and for those that are to end.
pub const INTERVAL: Duration = Duration::from_millis(200);

/// What the pods of a kubelet share.
pub struct Node {
    /// A client with full permissions.
    pub client: Client,
    /// The namespace whose pods it runs.
    pub namespace: String,
    /// Host and port of the API server.
    pub api_server: (String, u16),
    /// The images, by name.
    pub images: HashMap<String, Image>,
    /// Where logs and volumes are.
    pub folder: PathBuf,
}

/// What a container finds around itself.
pub enum Image {
    /// The files of this folder and nothing else, with an entry point.
    Root(PathBuf, Vec<String>),
    /// The programs of this machine, with an entry point.
    Machine(Vec<String>),
}

/// See the module. Dropped, it ends all processes.
pub struct Kubelet {
    node: Arc<Node>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Kubelet {
    /// Starts one.
    pub fn start(node: Node) -> Self {
        let (node, stop) = (Arc::new(node), CancellationToken::new());
        let task = tokio::spawn(run(Arc::clone(&node), stop.clone()));
        Self { node, stop, task: Some(task) }
    }

    /// Ends all processes.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.task.take().unwrap().await.unwrap();
    }

    /// What all containers have logged.
    pub fn logs(&self) -> String {
        let pods = std::fs::read_dir(self.node.folder.join("pods")).unwrap();
        let files = pods.flat_map(|pod| std::fs::read_dir(pod.unwrap().path()).unwrap());
        let logs = files.map(|file| file.unwrap().path());
        let logs = logs.filter(|file| file.extension().is_some_and(|ending| ending == "log"));
        let log = |log: PathBuf| {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            format!("{}:\n{text}\n", log.display())
        };
        logs.map(log).collect()
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A pod whose processes run.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn run(node: Arc<Node>, stop: CancellationToken) {
    let pods: Api<Pod> = Api::namespaced(node.client.clone(), &node.namespace);
    let mut running: HashMap<String, Running> = HashMap::new();
    let mut started = 0;
    while !stop.is_cancelled() {
        let list = pods.list(&ListParams::default()).await;
        for pod in list.map(|list| list.items).unwrap_or_default() {
            let uid = pod.uid().unwrap();
            if pod.metadata.deletion_timestamp.is_some() {
                end(&pods, &pod, running.remove(&uid)).await;
            } else if is_scheduled(&pod) && !running.contains_key(&uid) {
                started += 1;
                let pod = pod::Pod::new(Arc::clone(&node), pod, address(started));
                let stop = CancellationToken::new();
                let task = tokio::spawn(pod.run(stop.clone()));
                running.insert(uid, Running { stop, task });
            }
        }
        let _ = tokio::time::timeout(INTERVAL, stop.cancelled()).await;
    }
    for (_, one) in running {
        one.stop.cancel();
        one.task.await.unwrap();
    }
}

fn is_scheduled(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some())
}

/// The address of a pod, by its number.
fn address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    // 127.1.0.0/16 is nobody else's.
    Ipv4Addr::new(127, 1, high, low)
}

/// Ends the processes of a pod, and says that they have ended.
async fn end(pods: &Api<Pod>, pod: &Pod, running: Option<Running>) {
    if let Some(running) = running {
        running.stop.cancel();
        running.task.await.unwrap();
    }
    let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    // It may have gone already.
    let _ = pods.delete(&pod.name_any(), &now).await;
}
