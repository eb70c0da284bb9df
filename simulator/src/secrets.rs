//! Secrets: a password that nobody else has is put wherever one can enter, and everything that
//! anybody can read is searched for it.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use managed_gitops::api::router;
use sandbox::Reply;
use schema::application_state;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tower::Service;

use crate::columns::{Column, columns};
use crate::observe::{self, ARGO_CD, history};
use crate::script::{Actor, Step};
use crate::stage::{RESCAN, Running, Stage, simulate};
use crate::storage::at_once;
use crate::venom;

/// Until everything has been told, and some rescans are over.
const PATIENCE: Duration = RESCAN.saturating_mul(3);
/// Until Argo CD has made something of what it was told.
const PAUSE: Duration = Duration::from_secs(60);
/// The group of the program's own resources.
const GROUP: &str = "/apis/managed-gitops.redhat.com/v1alpha1";

/// Where somebody could read the password, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// Where.
    pub place: String,
    /// The text around it.
    pub text: String,
}

/// What was found in a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Where it was found and must not be.
    pub leaks: Vec<Find>,
    /// How often it was found where users have written it themselves.
    pub written: usize,
    /// How many texts were searched.
    pub searched: usize,
    /// How many deployments were rejected for it.
    pub rejected: usize,
}

/// URLs with this password in them, also such as are none.
pub fn urls(secret: &str) -> Vec<String> {
    vec![
        format!("https://user:{secret}@example.com/team/app.git"),
        format!("https://:{secret}@example.com/team/app"),
        format!("ssh://git:{secret}@example.com:22/team/app"),
        format!("https://user:{secret}@example.com:notaport/team/app"),
        format!("https://user:{secret}/more@example.com/team/app"),
        format!("https://user:{secret}@ho st/team/app"),
        format!("https://user:{secret}@example.com/{}", "long/".repeat(100)),
        format!("https://user:{secret}@example.com/\n\u{0}"),
        format!("user:{secret}@example.com/team/app"),
        format!("https//user:{secret}@example.com/team/app"),
        format!("!https://user:{secret}@example.com/*"),
    ]
}

/// Runs with this password; what the program logs meanwhile is for the caller to search.
pub fn run(secret: &str) -> anyhow::Result<Report> {
    let secret = secret.to_owned();
    simulate(1, move || async move {
        let play = Play::begin(secret).await?;
        play.write_urls().await;
        play.write_credentials().await;
        tokio::time::sleep(PAUSE).await;
        play.argocd_repeats_it().await?;
        play.leave_unreadable().await?;
        tokio::time::sleep(PATIENCE).await;
        play.search().await
    })
}

struct Play {
    stage: Stage,
    running: Running,
    secret: String,
}

impl Play {
    async fn begin(secret: String) -> anyhow::Result<Self> {
        let stage = Stage::set().await?;
        let running = stage.launch_undisturbed("pod-0");
        let mut actor = Actor::new(&stage);
        for step in [
            Step::CreateNamespace("team"),
            Step::Create("team/web", "two"),
            Step::Create("team/app", "one"),
            Step::Settle,
            Step::ArgoCdStops,
        ] {
            actor.take(&step).await;
        }
        drop(actor);
        Ok(Self { stage, running, secret })
    }

    /// As the URL of new deployments, and of one that is served.
    async fn write_urls(&self) {
        for (number, url) in urls(&self.secret).iter().enumerate() {
            let source = json!({"repoURL": url, "path": "one"});
            let spec = json!({"source": source, "type": "automated"});
            let name = format!("app-{number}");
            self.create("team", "gitopsdeployments", "GitOpsDeployment", &name, spec).await;
            let patch = json!({"spec": {"source": {"repoURL": url}}});
            self.stage
                .merge(
                    &format!("{GROUP}/namespaces/team/gitopsdeployments/app"),
                    &patch.to_string(),
                )
                .await;
        }
    }

    /// In the kinds that carry credentials.
    async fn write_credentials(&self) {
        let url = format!("https://user:{}@example.com/team/app", self.secret);
        let spec = json!({"repository": url, "secret": "credential"});
        let kind = "GitOpsDeploymentRepositoryCredential";
        let resource = "gitopsdeploymentrepositorycredentials";
        self.create("team", resource, kind, "credential", spec).await;
        let spec = json!({
            "apiURL": url, "credentialsSecret": "credential", "allowInsecureSkipTLSVerify": true,
        });
        let kind = "GitOpsDeploymentManagedEnvironment";
        let resource = "gitopsdeploymentmanagedenvironments";
        self.create("team", resource, kind, "environment", spec).await;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credential"},
            "stringData": {"password": self.secret, "url": url},
        });
        self.stage.post("/api/v1/namespaces/team/secrets", &secret.to_string()).await;
    }

    /// In everything that Argo CD says of an Application that is served.
    async fn argocd_repeats_it(&self) -> anyhow::Result<()> {
        let text = format!(
            "cannot fetch \"https://user:{0}@example.com/team/app\": ssh://git:{0}@example.com",
            self.secret
        );
        let url = format!("https://user:{}@example.com/team/app", self.secret);
        let source = json!({"repoURL": url, "path": "two"});
        let time = "2026-01-01T00:00:00Z";
        let status = json!({
            "conditions": [{"type": "ComparisonError", "message": text}],
            "health": {"status": "Degraded", "message": text},
            "resources": [{"kind": "ConfigMap", "name": "a", "health": {"message": text}}],
            "sync": {"status": "Unknown", "comparedTo": {"source": source}},
            "operationState": {
                "phase": "Failed", "message": text, "startedAt": time, "finishedAt": time,
                "operation": {"sync": {"source": source}},
                "syncResult": {"revision": "a", "source": source, "resources": [
                    {"kind": "ConfigMap", "name": "a", "message": text, "group": "",
                     "version": "v1", "namespace": "team"},
                ]},
            },
        });
        let world = self.stage.witness.world()?;
        for application in &world.argocd.applications {
            let name = &application.name;
            let path =
                format!("/apis/argoproj.io/v1alpha1/namespaces/{ARGO_CD}/applications/{name}");
            self.stage.merge(&path, &json!({"status": status}).to_string()).await;
        }
        Ok(())
    }

    /// In an object that cannot be read, whose error quotes it.
    async fn leave_unreadable(&self) -> anyhow::Result<()> {
        let definition = crds::all().into_iter().find(venom::is_of_deployments);
        let definition = definition.unwrap_or_default();
        self.stage.server.install(&venom::without_schema(&definition))?;
        let url = format!("https://user:{}@example.com/team/app", self.secret);
        let spec = json!({"source": url, "type": "automated"});
        self.create("team", "gitopsdeployments", "GitOpsDeployment", "unreadable", spec).await;
        self.stage.server.install(&definition)?;
        Ok(())
    }

    async fn search(self) -> anyhow::Result<Report> {
        let world = self.stage.witness.world()?;
        let rejected = world.deployments.iter().filter(|one| crate::campaign::is_rejected(one));
        let mut report = Report { rejected: rejected.count(), ..Report::default() };
        self.search_objects(&mut report)?;
        at_once(self.search_rows(&mut report))?;
        self.search_answers(&mut report).await?;
        Ok(report)
    }

    /// Everything that ever stood in an object.
    fn search_objects(&self, report: &mut Report) -> anyhow::Result<()> {
        for path in [
            "/api/v1/namespaces",
            "/api/v1/events",
            "/api/v1/configmaps",
            "/apis/coordination.k8s.io/v1/leases",
            observe::APPLICATIONS,
            observe::PROJECTS,
            observe::OPERATIONS,
            observe::DEPLOYMENTS,
            &format!("{GROUP}/gitopsdeploymentrepositorycredentials"),
            &format!("{GROUP}/gitopsdeploymentmanagedenvironments"),
            &format!("{GROUP}/gitopsdeploymentsyncruns"),
        ] {
            let Reply::Full(answer) = self.stage.server.handle(&sandbox::Request::get(path)) else {
                anyhow::bail!("{path} is answered by a watch");
            };
            anyhow::ensure!(answer.status == 200, "{path} is answered with {}", answer.status);
            for (_, mut object) in history(&self.stage.server, path) {
                let by_users = path.contains("/gitopsdeployment").then_some("spec");
                let by_argocd = path.ends_with("/applications").then_some("status");
                if let Some(field) = by_users.or(by_argocd) {
                    let field = object[field].take().to_string();
                    report.written += usize::from(field.contains(&self.secret));
                }
                self.look(report, path, &object.to_string());
            }
        }
        Ok(())
    }

    /// Every value in the database.
    async fn search_rows(&self, report: &mut Report) -> anyhow::Result<()> {
        let connection = self.stage.database.reader();
        let backend = connection.get_database_backend();
        for Column { table, name: column, .. } in columns(&self.stage.database).await? {
            let query = format!("SELECT CAST(\"{column}\" AS BLOB) FROM \"{table}\"");
            let query = Statement::from_string(backend, query);
            for value in connection.query_all_raw(query).await? {
                let value: Option<Vec<u8>> = value.try_get_by_index(0)?;
                let value = value.unwrap_or_default();
                let place = format!("{table}.{column}");
                self.look(report, &place, &String::from_utf8_lossy(&value));
                if let Ok(status) = application_state::decode(Some(&value)) {
                    self.look(report, &place, &status.to_string());
                }
            }
        }
        Ok(())
    }

    /// Everything that the process serves.
    async fn search_answers(&self, report: &mut Report) -> anyhow::Result<()> {
        let health = self.running.health.get();
        let mut router = router(Arc::clone(health.ok_or(anyhow::anyhow!("nothing has started"))?));
        for path in ["/livez", "/readyz", "/metrics", &format!("/{}", self.secret)] {
            let request = Request::get(path).body(axum::body::Body::empty())?;
            let answer = router.call(request).await?;
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await?;
            self.look(report, path, &String::from_utf8_lossy(&body));
        }
        Ok(())
    }

    fn look(&self, report: &mut Report, place: &str, text: &str) {
        report.searched += 1;
        report.leaks.extend(find(&self.secret, place, text));
    }

    async fn create(&self, namespace: &str, resource: &str, kind: &str, name: &str, spec: Value) {
        let object = json!({
            "apiVersion": "managed-gitops.redhat.com/v1alpha1", "kind": kind,
            "metadata": {"name": name}, "spec": spec,
        });
        let path = format!("{GROUP}/namespaces/{namespace}/{resource}");
        // What the server refuses is written nowhere.
        self.stage.post(&path, &object.to_string()).await;
    }
}

/// Where a text repeats a secret, with what stands around it.
pub fn find(secret: &str, place: &str, text: &str) -> Option<Find> {
    let at = text.find(secret)?;
    let before: String = text[..at].chars().rev().take(120).collect();
    let before: String = before.chars().rev().collect();
    let behind: String = text[at..].chars().take(120).collect();
    Some(Find { place: place.to_owned(), text: format!("{before}{behind}") })
}
