//! A container, as a process: in an empty root file system that it cannot write to, except for its
//! volumes, under its own user, and with its own environment.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;

use k8s_openapi::api::core::v1::{self as core, Container, EnvVar, SecurityContext, Service};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use tokio::process::{Child, Command};

use crate::kubelet::Image;
use crate::pod::{Pod, write};
use crate::volumes::{self, Volumes};

/// Starts a container, or says what is lacking.
pub async fn start(pod: &Pod, container: &Container, volumes: &Volumes) -> Result<Child, String> {
    check_security(container);
    let image = container.image.as_ref().unwrap();
    let image = pod.node.images.get(image).ok_or_else(|| format!("ErrImagePull: {image}"))?;
    let mut command = Command::new("bwrap");
    command.env_clear();
    for (name, value) in environment(pod, container).await? {
        command.env(name, value);
    }
    enter(&mut command, pod);
    let entry_point = mount_image(&mut command, image, pod);
    let hosts = pod.folder.join("hosts");
    write(&hosts, hosts_of(pod).await?.as_bytes());
    bind(&mut command, "--ro-bind", &hosts, "/etc/hosts");
    for mount in container.volume_mounts.iter().flatten() {
        let kind = if mount.read_only == Some(true) { "--ro-bind" } else { "--bind" };
        bind(&mut command, kind, volumes.folder(&mount.name), &mount.mount_path);
    }
    command.args(["--remount-ro", "/", "--"]);
    command.args(container.command.as_deref().unwrap_or(entry_point));
    command.args(container.args.iter().flatten());
    let log = pod.folder.join(format!("{}.log", container.name));
    let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    Ok(command.kill_on_drop(true).spawn().unwrap())
}

/// What the pod's security context asks for, and namespaces of its own, but not of the network.
fn enter(command: &mut Command, pod: &Pod) {
    let context = pod.spec().security_context.clone().unwrap_or_default();
    assert_eq!(context.run_as_non_root, Some(true), "it does not run as root");
    let user = user(pod).to_string();
    let group = context.run_as_group.unwrap().to_string();
    command.args(["--unshare-user", "--uid", &user, "--gid", &group]);
    command.args(["--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts"]);
    command.args(["--die-with-parent", "--cap-drop", "ALL"]);
    command.args(["--tmpfs", "/", "--proc", "/proc", "--dev", "/dev"]);
}

fn user(pod: &Pod) -> i64 {
    pod.spec().security_context.as_ref().unwrap().run_as_user.unwrap()
}

fn check_security(container: &Container) {
    let context = container.security_context.clone().unwrap_or_default();
    let SecurityContext { read_only_root_filesystem, allow_privilege_escalation, .. } = context;
    assert_eq!(read_only_root_filesystem, Some(true), "its root file system is read-only");
    assert_eq!(allow_privilege_escalation, Some(false));
}

/// Mounts an image; returns its entry point.
fn mount_image<'a>(command: &mut Command, image: &'a Image, pod: &Pod) -> &'a [String] {
    match image {
        Image::Root(root, entry_point) => {
            mount_all(command, root, root);
            entry_point
        }
        Image::Machine(entry_point) => {
            for folder in ["bin", "lib", "lib64", "sbin"] {
                command.args(["--symlink", &format!("usr/{folder}"), &format!("/{folder}")]);
            }
            for folder in ["/usr", "/etc/alternatives", "/etc/postgresql-common"] {
                command.args(["--ro-bind", folder, folder]);
            }
            let (users, user) = (pod.folder.join("passwd"), user(pod));
            write(&users, format!("somebody:x:{user}:{user}::/:/bin/sh\n").as_bytes());
            bind(command, "--ro-bind", &users, "/etc/passwd");
            entry_point
        }
    }
}

/// The file `hosts` of a pod: the names of services, which lead to the first of their pods.
async fn hosts_of(pod: &Pod) -> Result<String, String> {
    let client = || pod.node.client.clone();
    let services: Api<Service> = Api::namespaced(client(), &pod.node.namespace);
    let pods: Api<core::Pod> = Api::namespaced(client(), &pod.node.namespace);
    let mut hosts = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
    let all = services.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
    for service in all {
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone());
        let selector =
            selector.into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
        let selector = ListParams::default().labels(&selector.collect::<Vec<_>>().join(","));
        let behind = pods.list(&selector).await.map_err(|error| error.to_string())?;
        let addresses = behind.items.iter().filter_map(|pod| pod.status.as_ref()?.pod_ip.as_ref());
        for address in addresses.take(1) {
            hosts.push_str(&format!("{address} {}\n", service.name_any()));
        }
    }
    Ok(hosts)
}

/// Mounts every file of an image.
fn mount_all(command: &mut Command, root: &Path, folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            mount_all(command, root, &path);
        } else {
            let inside = Path::new("/").join(path.strip_prefix(root).unwrap());
            bind(command, "--ro-bind", &path, &inside.display().to_string());
        }
    }
}

fn bind(command: &mut Command, kind: &str, from: &Path, to: &str) {
    command.arg(kind).arg(from).arg(to);
}

/// The environment of a container, with what a kubelet adds.
async fn environment(pod: &Pod, container: &Container) -> Result<Vec<(String, String)>, String> {
    let (host, port) = &pod.node.api_server;
    let mut all = vec![
        ("KUBERNETES_SERVICE_HOST".to_owned(), host.clone()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), port.to_string()),
        // All pods share one network here, so each listens on its own address.
        ("LISTEN".to_owned(), format!("{}:8080", pod.address)),
        ("POD_IP".to_owned(), pod.address.to_string()),
    ];
    for variable in container.env.iter().flatten() {
        if let Some(value) = value(pod, variable).await? {
            all.push((variable.name.clone(), value));
        }
    }
    Ok(all)
}

async fn value(pod: &Pod, variable: &EnvVar) -> Result<Option<String>, String> {
    let Some(source) = &variable.value_from else {
        return Ok(Some(variable.value.clone().unwrap_or_default()));
    };
    if let Some(field) = &source.field_ref {
        return Ok(Some(volumes::field(pod, &field.field_path)));
    }
    let Some(secret) = &source.secret_key_ref else {
        panic!("a source that this kubelet does not know: {source:?}");
    };
    let may_be_missing = secret.optional == Some(true);
    let data = volumes::secret_data(pod, &secret.name, may_be_missing).await?;
    match data.into_iter().find(|(key, _)| *key == secret.key) {
        Some((_, value)) => Ok(Some(String::from_utf8(value).unwrap())),
        None if may_be_missing => Ok(None),
        None => Err(format!("couldn't find key {} in Secret {}", secret.key, secret.name)),
    }
}

/// Asks the process in a container to end. It is the child of the one that made the container, which
/// passes no signals on.
pub async fn terminate(child: &Child) {
    let Some(pid) = child.id() else { return };
    let children = format!("/proc/{pid}/task/{pid}/children");
    for process in std::fs::read_to_string(children).unwrap_or_default().split_whitespace() {
        // It may have ended already.
        let _ = Command::new("kill").args(["-TERM", process]).output().await;
    }
}
