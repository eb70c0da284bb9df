//! The stand-in against the in-process API server, over HTTP.

use crds::argocd::{Application, health, sync};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use sandbox::ControlPlane;
use serde_json::json;
use tokio::task::JoinHandle;

use super::*;

/// Far longer than anything here takes on any machine.
const PATIENCE: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "gitops-service-argocd";

struct Scene {
    plane: ControlPlane,
    client: Client,
    shutdown: CancellationToken,
    stand_in: JoinHandle<Result<(), Error>>,
}

impl Scene {
    async fn start(pace: Duration) -> Self {
        let plane = ControlPlane::start(sandbox::Options::with_crds(definitions())).await.unwrap();
        let client = Client::try_from(plane.client_config()).unwrap();
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(NAMESPACE.to_owned());
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        let shutdown = CancellationToken::new();
        let options = Options { namespace: NAMESPACE.to_owned(), pace, ..Options::default() };
        let stand_in = tokio::spawn(run(client.clone(), options, shutdown.clone()));
        Self { plane, client, shutdown, stand_in }
    }

    fn applications(&self) -> Api<Application> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    async fn create(&self, name: &str, automated: bool, project: &str) {
        let mut application = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": {
                "project": project,
                "source": {"repoURL": "https://host/a", "path": "shop/web"},
                "destination": {"name": "in-cluster", "namespace": "jane"},
            },
        });
        if automated {
            application["spec"]["syncPolicy"] = json!({"automated": {"prune": true}});
        }
        let application: Application = serde_json::from_value(application).unwrap();
        self.applications().create(&PostParams::default(), &application).await.unwrap();
    }

    async fn patch(&self, name: &str, patch: serde_json::Value) {
        let params = PatchParams::default();
        self.applications().patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }

    async fn set_outcomes(&self, data: serde_json::Value) {
        let config_maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let config_map = json!({"metadata": {"name": OUTCOMES}, "data": data});
        let config_map: ConfigMap = serde_json::from_value(config_map).unwrap();
        match config_maps.create(&PostParams::default(), &config_map).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                config_maps.replace(OUTCOMES, &PostParams::default(), &config_map).await.unwrap();
            }
            created => {
                created.unwrap();
            }
        }
    }

    /// Waits until the Application's sync and health are these.
    async fn until(&self, name: &str, sync: &str, health: &str) -> Application {
        let is_so = |application: Option<&Application>| {
            application
                .and_then(|it| it.status.as_ref())
                .is_some_and(|status| status.sync.status == sync && status.health.status == health)
        };
        let waiting = await_condition(self.applications(), name, is_so);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(application) => application.unwrap().unwrap(),
            Err(_) => {
                let application = self.applications().get(name).await.unwrap();
                panic!("not {sync}/{health}: {application:#?}")
            }
        }
    }

    /// How often Applications were patched, by anyone.
    fn patches(&self) -> u64 {
        let counts = self.plane.requests();
        let of_applications = counts.iter().filter(|((verb, resource), _)| {
            verb == "patch" && resource.starts_with("applications")
        });
        of_applications.map(|(_, count)| count).sum()
    }

    async fn end(self) {
        self.shutdown.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.stand_in).await.expect("it does not end");
        ended.unwrap().unwrap();
        self.plane.shutdown().await;
    }
}

#[tokio::test]
async fn an_automated_application_gets_healthy_in_three_writes_and_a_manual_one_settles_in_one() {
    let scene = Scene::start(Duration::from_millis(5)).await;
    scene.create("automated", true, "default").await;
    let healthy = scene.until("automated", sync::SYNCED, health::HEALTHY).await;
    assert_eq!(scene.patches(), 3);
    let status = healthy.status.clone().unwrap();
    assert_eq!(status.sync.compared_to.source, healthy.spec.source);
    assert_eq!(status.sync.compared_to.destination, healthy.spec.destination);
    assert!(healthy.operation_state().unwrap().is_finished());
    scene.create("manual", false, "default").await;
    scene.until("manual", sync::OUT_OF_SYNC, health::MISSING).await;
    assert_eq!(scene.patches(), 4);
    scene.patch("manual", json!({"operation": {"sync": {"revision": "main"}}})).await;
    let synced = scene.until("manual", sync::SYNCED, health::HEALTHY).await;
    assert!(!synced.is_operation_open());
    scene.end().await;
}

#[tokio::test]
async fn an_application_waits_for_its_project() {
    let scene = Scene::start(Duration::ZERO).await;
    scene.create("a", true, "p").await;
    let invalid = scene.until("a", sync::UNKNOWN, health::UNKNOWN).await;
    assert_eq!(invalid.status.unwrap().conditions[0].type_, "InvalidSpecError");
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "p"},
        "spec": {
            "sourceRepos": ["https://host/a"],
            "destinations": [{"name": "in-cluster", "namespace": "*"}],
        },
    });
    let projects: Api<crds::argocd::AppProject> = Api::namespaced(scene.client.clone(), NAMESPACE);
    let project = serde_json::from_value(project).unwrap();
    projects.create(&PostParams::default(), &project).await.unwrap();
    let valid = scene.until("a", sync::SYNCED, health::HEALTHY).await;
    assert_eq!(valid.status.unwrap().conditions, []);
    scene.end().await;
}

#[tokio::test]
async fn the_config_map_decides_the_outcome_of_applications() {
    let scene = Scene::start(Duration::ZERO).await;
    scene.set_outcomes(json!({"application.a": "sync-fails"})).await;
    scene.create("a", true, "default").await;
    scene.create("b", true, "default").await;
    scene.until("b", sync::SYNCED, health::HEALTHY).await;
    let is_failed = |application: Option<&Application>| {
        let state = application.and_then(Application::operation_state);
        state.is_some_and(|it| it.message.contains("failed to apply"))
    };
    let waiting = await_condition(scene.applications(), "a", is_failed);
    tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    scene.set_outcomes(json!({"path.shop.web": "degraded"})).await;
    scene.until("a", sync::SYNCED, health::DEGRADED).await;
    scene.until("b", sync::SYNCED, health::DEGRADED).await;
    scene.end().await;
}

#[tokio::test]
async fn a_deleted_application_is_gone_when_what_it_deployed_is() {
    let scene = Scene::start(Duration::ZERO).await;
    scene.set_outcomes(json!({"application.a": "deletion-never-finishes"})).await;
    scene.create("a", true, "default").await;
    let finalizer = "resources-finalizer.argocd.argoproj.io/background";
    scene.patch("a", json!({"metadata": {"finalizers": [finalizer]}})).await;
    let healthy = scene.until("a", sync::SYNCED, health::HEALTHY).await;
    let deletion = scene.applications().delete("a", &DeleteParams::default()).await.unwrap();
    assert!(deletion.is_left(), "it was deleted in spite of its finalizer");
    // Anything that comes to rest after the deletion shows that the deletion was seen and left
    // alone.
    scene.create("b", true, "default").await;
    scene.until("b", sync::SYNCED, health::HEALTHY).await;
    assert!(scene.applications().get("a").await.is_ok());
    scene.set_outcomes(json!({})).await;
    let uid = healthy.metadata.uid.unwrap();
    let waiting = await_condition(scene.applications(), "a", conditions::is_deleted(&uid));
    tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    scene.end().await;
}

#[tokio::test]
async fn many_applications_get_healthy_with_three_writes_each() {
    const APPLICATIONS: usize = 200;
    let scene = Scene::start(Duration::ZERO).await;
    for number in 0..APPLICATIONS {
        scene.create(&format!("a{number}"), true, "default").await;
    }
    for number in 0..APPLICATIONS {
        scene.until(&format!("a{number}"), sync::SYNCED, health::HEALTHY).await;
    }
    assert_eq!(scene.patches(), 3 * APPLICATIONS as u64);
    scene.end().await;
}
