//! The life of one pod: its volumes, its init containers one after the other, its containers side by
//! side, their probes, and its status.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{self as core, Container, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use crate::container;
use crate::kubelet::{INTERVAL, Node};
use crate::volumes::Volumes;

/// How long a container that has ended stays away.
const BACK_OFF: Duration = Duration::from_secs(1);

/// See the module.
pub struct Pod {
    pub node: Arc<Node>,
    pub object: core::Pod,
    pub address: Ipv4Addr,
    /// Where its logs and volumes are.
    pub folder: PathBuf,
}

/// How a container fares.
#[derive(Clone, Debug, Default)]
struct State {
    is_running: bool,
    is_ready: bool,
    restarts: i32,
    /// Why it does not run.
    waiting: String,
}

impl Pod {
    /// A pod that nothing of runs yet.
    pub fn new(node: Arc<Node>, object: core::Pod, address: Ipv4Addr) -> Self {
        let folder = node.folder.join("pods").join(object.name_any());
        std::fs::create_dir_all(&folder).unwrap();
        Self { node, object, address, folder }
    }

    /// What it asks for.
    pub fn spec(&self) -> &core::PodSpec {
        self.object.spec.as_ref().unwrap()
    }

    /// Runs it until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let Some(volumes) = self.prepare(&stop).await else { return };
        let mut restarts = 0;
        for container in self.spec().init_containers.iter().flatten() {
            while !self.run_to_its_end(container, &volumes, restarts, &stop).await {
                if stop.is_cancelled() {
                    return;
                }
                restarts += 1;
            }
        }
        if self.spec().restart_policy.as_deref() == Some("Never") {
            return self.run_once(&volumes, &stop).await;
        }
        let containers = self.spec().containers.iter();
        let containers = containers.map(|one| self.keep_running(one, &volumes, &stop));
        futures::future::join_all(containers).await;
    }

    /// Its volumes, once everything that they mount exists; `None` if it is stopped first.
    async fn prepare(&self, stop: &CancellationToken) -> Option<Volumes> {
        loop {
            match Volumes::prepare(self).await {
                Ok(volumes) => return Some(volumes),
                Err(lacking) => self.say(&[], &lacking).await,
            }
            pause(INTERVAL, stop).await?;
        }
    }

    /// Whether an init container has succeeded.
    async fn run_to_its_end(
        &self,
        container: &Container,
        volumes: &Volumes,
        restarts: i32,
        stop: &CancellationToken,
    ) -> bool {
        let mut child = match container::start(self, container, volumes).await {
            Ok(child) => child,
            Err(lacking) => {
                self.say(&[], &lacking).await;
                let _ = pause(INTERVAL, stop).await;
                return false;
            }
        };
        self.say(&[], "PodInitializing").await;
        tokio::select! {
            status = child.wait() => {
                if status.unwrap().success() {
                    return true;
                }
                self.say(&[], &format!("Init:CrashLoopBackOff, restarted {restarts} times")).await;
                let _ = pause(BACK_OFF, stop).await;
            }
            () = stop.cancelled() => self.terminate(&mut child).await,
        }
        false
    }

    /// Runs the only container of a pod once, and says how it ended.
    async fn run_once(&self, volumes: &Volumes, stop: &CancellationToken) {
        let [container] = self.spec().containers.as_slice() else {
            panic!("this kubelet knows pods that end only with one container")
        };
        let mut child = loop {
            match container::start(self, container, volumes).await {
                Ok(child) => break child,
                Err(lacking) => self.say(&[], &lacking).await,
            }
            if pause(INTERVAL, stop).await.is_none() {
                return;
            }
        };
        let running = State { is_running: true, ..State::default() };
        self.say(&[(container, &running)], "").await;
        tokio::select! {
            status = child.wait() => {
                let phase = if status.unwrap().success() { "Succeeded" } else { "Failed" };
                self.write(json!({"phase": phase})).await;
            }
            () = stop.cancelled() => self.terminate(&mut child).await,
        }
    }

    /// Runs a container, and again whenever it ends.
    async fn keep_running(
        &self,
        container: &Container,
        volumes: &Volumes,
        stop: &CancellationToken,
    ) {
        let mut state = State::default();
        while !stop.is_cancelled() {
            match container::start(self, container, volumes).await {
                Ok(mut child) => {
                    state =
                        State { is_running: true, restarts: state.restarts, ..State::default() };
                    self.say(&[(container, &state)], "").await;
                    self.watch(container, &mut child, &mut state, stop).await;
                    state.restarts += 1;
                    "CrashLoopBackOff".clone_into(&mut state.waiting);
                }
                Err(lacking) => state.waiting = lacking,
            }
            (state.is_running, state.is_ready) = (false, false);
            if !stop.is_cancelled() {
                self.say(&[(container, &state)], "").await;
            }
            let _ = pause(BACK_OFF, stop).await;
        }
    }

    /// Watches a running container until it has ended, by itself or because it was stopped.
    async fn watch(
        &self,
        container: &Container,
        child: &mut Child,
        state: &mut State,
        stop: &CancellationToken,
    ) {
        let (mut has_started, mut failures) = (container.startup_probe.is_none(), 0);
        loop {
            tokio::select! {
                status = child.wait() => { status.unwrap(); return }
                () = stop.cancelled() => { self.terminate(child).await; return }
                () = tokio::time::sleep(INTERVAL) => {}
            }
            has_started =
                has_started || self.passes(container, container.startup_probe.as_ref()).await;
            let is_live = self.passes(container, container.liveness_probe.as_ref()).await;
            failures = if is_live || !has_started { 0 } else { failures + 1 };
            if failures > allowed(container.liveness_probe.as_ref()) {
                self.terminate(child).await;
                return;
            }
            let is_ready = has_started
                && is_live
                && self.passes(container, container.readiness_probe.as_ref()).await;
            if is_ready != state.is_ready {
                state.is_ready = is_ready;
                self.say(&[(container, state)], "").await;
            }
        }
    }

    /// Asks a process to end, and kills it when its time is up.
    async fn terminate(&self, child: &mut Child) {
        let seconds = self.spec().termination_grace_period_seconds.unwrap_or(30);
        let grace = Duration::from_secs(seconds.unsigned_abs());
        container::terminate(child).await;
        if tokio::time::timeout(grace, child.wait()).await.is_err() {
            child.kill().await.unwrap();
        }
    }

    async fn passes(&self, container: &Container, probe: Option<&Probe>) -> bool {
        let Some(probe) = probe else { return true };
        let (port, path) = match (&probe.http_get, &probe.tcp_socket) {
            (Some(get), _) => (&get.port, get.path.as_deref()),
            (None, Some(socket)) => (&socket.port, None),
            (None, None) => panic!("a probe of a kind that this kubelet does not know: {probe:?}"),
        };
        let seconds = probe.timeout_seconds.unwrap_or(1).unsigned_abs();
        let answer = ask(self.address, number(container, port), path);
        let answer = tokio::time::timeout(Duration::from_secs(seconds.into()), answer).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|passes| passes))
    }

    /// Writes the status: of its containers, or why none runs.
    async fn say(&self, containers: &[(&Container, &State)], waiting: &str) {
        let is_ready = !containers.is_empty() && containers.iter().all(|(_, state)| state.is_ready);
        let condition = |kind: &str, is_true: bool| {
            let status = if is_true { "True" } else { "False" };
            json!({"type": kind, "status": status, "message": waiting})
        };
        let status = json!({
            "phase": if containers.is_empty() { "Pending" } else { "Running" },
            "podIP": self.address.to_string(),
            "podIPs": [{"ip": self.address.to_string()}],
            "conditions": [
                condition("Initialized", !containers.is_empty()),
                condition("ContainersReady", is_ready),
                condition("Ready", is_ready),
            ],
            "containerStatuses": containers.iter().map(|one| container_status(*one)).collect::<Vec<_>>(),
        });
        self.write(status).await;
    }

    async fn write(&self, status: Value) {
        let pods: Api<core::Pod> = Api::namespaced(self.node.client.clone(), &self.node.namespace);
        let patch = Patch::Strategic(json!({"status": status}));
        // It may have gone.
        let _ = pods.patch_status(&self.object.name_any(), &PatchParams::default(), &patch).await;
    }
}

fn container_status((container, state): (&Container, &State)) -> Value {
    let now = if state.is_running {
        json!({"running": {}})
    } else {
        json!({"waiting": {"reason": state.waiting}})
    };
    json!({
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": state.is_ready,
        "started": state.is_running,
        "restartCount": state.restarts,
        "state": now,
    })
}

/// How many failures in a row a probe allows; looked at more often than a kubelet would.
fn allowed(probe: Option<&Probe>) -> u32 {
    let Some(probe) = probe else { return u32::MAX };
    let seconds = probe.period_seconds.unwrap_or(10) * probe.failure_threshold.unwrap_or(3);
    seconds.unsigned_abs() * 1000 / u32::try_from(INTERVAL.as_millis()).unwrap()
}

fn number(container: &Container, port: &IntOrString) -> u16 {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let mut ports = container.ports.iter().flatten();
            let port = ports.find(|port| port.name.as_ref() == Some(name));
            port.unwrap_or_else(|| panic!("no port is named {name}")).container_port
        }
    };
    u16::try_from(number).unwrap()
}

/// Whether a server accepts a connection and, if a path is given, answers it well.
async fn ask(address: Ipv4Addr, port: u16, path: Option<&str>) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((address, port)).await?;
    let Some(path) = path else { return Ok(true) };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let code = answer.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
    Ok(code.is_some_and(|code| (200..400).contains(&code)))
}

/// `None` if it is stopped meanwhile.
async fn pause(time: Duration, stop: &CancellationToken) -> Option<()> {
    tokio::time::timeout(time, stop.cancelled()).await.err().map(drop)
}

/// Creates a file with its folders.
pub fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
