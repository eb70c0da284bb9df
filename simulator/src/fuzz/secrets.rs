//! Secrets: a unique password is put into every possible input, and everything that anyone can read
//! is searched for it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::checks::observe::{ARGO_CD, GROUP};
use crate::checks::search::{Found, search};
use crate::environment::git_servers::Behaviour;
use crate::environment::stage::{RESCAN, Running, Stage, simulate};
use crate::fuzz::hostile_objects;
use crate::runs::script::{Step, after};

/// The time until everything is delivered and some rescans are done.
const PATIENCE: Duration = RESCAN.saturating_mul(3);
/// The time until Argo CD has processed its input.
const PAUSE: Duration = Duration::from_secs(60);

/// What was found in a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Where the password was found, and how much was searched.
    pub found: Found,
    /// How many deployments were rejected because of it.
    pub rejected: usize,
    /// How many repository Secrets Argo CD has.
    pub told: usize,
}

/// URLs that contain this password, including malformed ones.
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

/// Runs with this password; the caller searches what the program logs meanwhile.
pub fn run(secret: &str) -> anyhow::Result<Report> {
    let secret = secret.to_owned();
    simulate(1, move || async move {
        let play = Play::begin(secret).await?;
        play.write_urls().await;
        play.write_credentials().await;
        play.use_it().await;
        tokio::time::sleep(PAUSE).await;
        play.argocd_repeats_it().await?;
        play.leave_unreadable().await?;
        tokio::time::sleep(PATIENCE).await;
        play.search()
    })
}

struct Play {
    stage: Stage,
    _running: Running,
    secret: String,
}

impl Play {
    async fn begin(secret: String) -> anyhow::Result<Self> {
        let (stage, running) = after(&[
            Step::CreateNamespace("team"),
            Step::Create("team/web", "two"),
            Step::Create("team/app", "one"),
            Step::Settle,
            Step::ArgoCdStops,
        ])
        .await?;
        Ok(Self { stage, _running: running, secret })
    }

    /// In the URL of new deployments, and of one that is served.
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

    /// As a password and as a private key: accepted by one server, refused by others.
    async fn use_it(&self) {
        for (number, (url, behaviour)) in [
            ("https://git.example.com/team/private.git", Behaviour::Answers),
            ("ssh://git@git.example.com/team/private.git", Behaviour::Answers),
            ("https://git.example.org/team/private.git", Behaviour::Refuses),
            ("ssh://git@git.example.org/team/private.git", Behaviour::Fails),
            ("https://git.example.net/team/private.git", Behaviour::Hangs),
        ]
        .into_iter()
        .enumerate()
        {
            self.stage.servers.opened_by(url, &self.secret);
            self.stage.servers.behaves(url, behaviour);
            let spec = json!({"repository": url, "secret": "login"});
            let kind = "GitOpsDeploymentRepositoryCredential";
            let resource = "gitopsdeploymentrepositorycredentials";
            self.create("team", resource, kind, &format!("login-{number}"), spec).await;
        }
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
            "type": crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE,
            "stringData": {"password": self.secret, "sshPrivateKey": self.secret},
        });
        self.stage.post("/api/v1/namespaces/team/secrets", &secret.to_string()).await;
    }

    /// In everything that Argo CD reports on a served Application.
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

    /// In an unreadable object, which its error quotes.
    async fn leave_unreadable(&self) -> anyhow::Result<()> {
        let definition = crds::all().into_iter().find(hostile_objects::is_of_deployments);
        let definition = definition.unwrap_or_default();
        self.stage.server.install(&hostile_objects::without_schema(&definition))?;
        let url = format!("https://user:{}@example.com/team/app", self.secret);
        let spec = json!({"source": url, "type": "automated"});
        self.create("team", "gitopsdeployments", "GitOpsDeployment", "unreadable", spec).await;
        self.stage.server.install(&definition)?;
        Ok(())
    }

    fn search(self) -> anyhow::Result<Report> {
        let world = self.stage.witness.world()?;
        let rejected =
            world.deployments.iter().filter(|one| crate::fuzz::campaign::is_rejected(one));
        let rejected = rejected.count();
        let told = world.argocd.repositories.len();
        Ok(Report { rejected, told, found: search(&self.stage, &self.secret)? })
    }

    async fn create(&self, namespace: &str, resource: &str, kind: &str, name: &str, spec: Value) {
        let object = json!({
            "apiVersion": "managed-gitops.redhat.com/v1alpha1", "kind": kind,
            "metadata": {"name": name}, "spec": spec,
        });
        let path = format!("{GROUP}/namespaces/{namespace}/{resource}");
        // What the server rejects is written nowhere.
        self.stage.post(&path, &object.to_string()).await;
    }
}
