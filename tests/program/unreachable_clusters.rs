//! Target clusters that cannot be reached for a while, or when what was made there is to go.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crds::GitOpsDeploymentManagedEnvironment;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Event, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use machines::kinds::managed_environment::revocation::REVOCATION_LIMIT;
use managed_gitops::runtime::clock::Clock;
use sandbox::ControlPlane;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::harness::{World, all, eventually};
use crate::managed_environments::{
    cluster_secrets, create, deployed_to, environments, put_kubeconfig, spec, told, wait_for,
    wait_until_nothing_is_left, wait_until_ready, with_target,
};

/// The way to a cluster, which can be closed.
struct Way {
    url: String,
    is_open: watch::Sender<bool>,
}

impl Way {
    /// An open one.
    async fn to(target: &ControlPlane) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let is_open = watch::Sender::new(true);
        tokio::spawn(serve(listener, target.address(), is_open.subscribe()));
        Self { url, is_open }
    }

    /// Ends all connections, and lets nobody connect.
    fn close(&self) {
        self.is_open.send_replace(false);
    }

    fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// A kubeconfig for the cluster at its end.
    fn kubeconfig(&self, target: &ControlPlane) -> String {
        target.kubeconfig().replace(&target.url(), &self.url)
    }
}

/// Forwards connections while the way is open; while it is not, nobody listens at its address.
async fn serve(mut listener: TcpListener, to: SocketAddr, mut is_open: watch::Receiver<bool>) {
    let address = listener.local_addr().unwrap();
    loop {
        let opened = is_open.clone();
        let accept = async {
            loop {
                let (from, _) = listener.accept().await.unwrap();
                tokio::spawn(forward(from, to, opened.clone()));
            }
        };
        tokio::select! {
            _ = is_open.wait_for(|is_open| !is_open) => {}
            () = accept => {}
        }
        drop(listener);
        if is_open.wait_for(|is_open| *is_open).await.is_err() {
            return;
        }
        listener = TcpListener::bind(address).await.unwrap();
    }
}

async fn forward(mut from: TcpStream, to: SocketAddr, mut is_open: watch::Receiver<bool>) {
    let mut to = TcpStream::connect(to).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut from, &mut to) => {}
        _ = is_open.wait_for(|is_open| !is_open) => {}
    }
}

/// A clock that can be put forward.
fn clock(ahead: &Arc<AtomicI64>) -> Clock {
    let (ahead, clock) = (Arc::clone(ahead), Clock::default());
    Clock::new(move || {
        let millis = ahead.load(Ordering::Relaxed);
        clock.now().after(Duration::from_millis(millis.try_into().unwrap()))
    })
}

/// Writes a token into the Secret of an account, as the controllers of a cluster do.
async fn make_token(target: &ControlPlane) {
    let client = kube::Client::try_from(target.client_config()).unwrap();
    let secrets: Api<Secret> = Api::namespaced(client, "kube-system");
    let secret = eventually("the Secret of the account's token is there", || async {
        all(&secrets).await.into_iter().next()
    })
    .await;
    let token = ByteString(b"of-the-account".to_vec());
    let patch = Patch::Merge(json!({"data": {"token": token}}));
    secrets.patch(&secret.name_any(), &PatchParams::default(), &patch).await.unwrap();
}

/// The names of a cluster's objects of a kind that an environment has made.
async fn made<K>(target: &ControlPlane) -> Vec<String>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let client = kube::Client::try_from(target.client_config()).unwrap();
    let names = all(&Api::<K>::all(client)).await.into_iter().map(|object| object.name_any());
    names.filter(|name| name.starts_with("argocd-manager-")).collect()
}

/// Everything that an environment has made on a cluster.
async fn account(target: &ControlPlane) -> Vec<String> {
    let mut account = made::<ServiceAccount>(target).await;
    account.extend(made::<Secret>(target).await);
    account.extend(made::<ClusterRole>(target).await);
    account.extend(made::<ClusterRoleBinding>(target).await);
    account
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_remain_on_a_cluster_that_cannot_be_reached_is_listed_in_an_event() {
    let mut world = World::without_program().await;
    let target = with_target(&mut world).await;
    let ahead = Arc::new(AtomicI64::new(0));
    world.settings.clock = clock(&ahead);
    world.create_namespace("team-a").await;
    world.start_program().await;
    let way = Way::to(&target).await;
    put_kubeconfig(&world, &way.kubeconfig(&target)).await;
    let mut wanted = spec(&target);
    wanted["apiURL"] = way.url.clone().into();
    wanted["createNewServiceAccount"] = true.into();
    create(&world, "env", wanted).await;
    make_token(&target).await;
    wait_until_ready(&world).await;
    let account_before = account(&target).await;
    assert_eq!(account_before.len(), 4, "{account_before:?}");

    way.close();
    environments(&world).delete("env", &DeleteParams::default()).await.unwrap();
    let is_asked_in_vain = "SELECT count(*) FROM machine WHERE kind = 'ManagedEnvironment' \
                            AND state LIKE '%BackingOff%'";
    world.wait_until_counted(is_asked_in_vain, 1).await;
    let events: Api<Event> = Api::namespaced(world.client.clone(), "team-a");
    assert_eq!(all(&events).await, [], "it is asked again for a while");
    let limit = REVOCATION_LIMIT.as_millis().try_into().unwrap();
    ahead.store(limit, Ordering::Relaxed);
    let event = eventually("an Event says what may remain", || async {
        all(&events).await.into_iter().next()
    })
    .await;
    assert_eq!(event.reason.as_deref(), Some("MayRemain"));
    let about = &event.involved_object;
    assert_eq!(about.kind.as_deref(), Some("GitOpsDeploymentManagedEnvironment"));
    assert_eq!(about.name.as_deref(), Some("env"));
    let message = event.message.unwrap();
    assert!(message.contains(&way.url), "{message}");
    for name in &account_before {
        assert!(message.contains(name), "{name} is not in: {message}");
    }
    wait_until_nothing_is_left(&world).await;
    assert_eq!(account(&target).await, account_before, "and it does remain");
    assert_eq!(all(&events).await.len(), 1, "it is said once");
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_comes_back_is_used_without_an_edit() {
    let mut world = World::without_program().await;
    let target = with_target(&mut world).await;
    world.create_namespace("team-a").await;
    world.start_program().await;
    let way = Way::to(&target).await;
    way.close();
    put_kubeconfig(&world, &way.kubeconfig(&target)).await;
    let mut wanted = spec(&target);
    wanted["apiURL"] = way.url.clone().into();
    create(&world, "env", wanted).await;
    let deployment = world.create("team-a", &deployed_to("app", "env")).await;
    let stalled = wait_for(&world, "it is stalled", |told| {
        told.get("Stalled").is_some_and(|one| one.0 == "True")
    })
    .await;
    assert_eq!(stalled["Stalled"].1, "Unreachable", "{stalled:?}");
    assert!(cluster_secrets(&world).await.is_empty(), "Argo CD is told what was accepted");
    assert!(world.application_of(&deployment).await.is_none());
    let before: GitOpsDeploymentManagedEnvironment = environments(&world).get("env").await.unwrap();

    way.open();
    wait_until_ready(&world).await;
    let after = environments(&world).get("env").await.unwrap();
    assert_eq!(after.metadata.generation, before.metadata.generation, "nobody has edited it");
    assert!(!told(&after).contains_key("Stalled") || told(&after)["Stalled"].0 == "False");
    let is_there =
        |one: &crds::argocd::Application| one.spec.destination.name.starts_with("managed-env-");
    world.wait_for_application(&deployment, "it deploys to the environment", is_there).await;
    world.stop_program().await;
}
