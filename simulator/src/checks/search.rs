//! A search for a secret in everything that anyone can read.

use http::Request;
use managed_gitops::api::router;
use parking_lot::Mutex;
use sandbox::Reply;
use schema::application_state;
use sea_orm::{ConnectionTrait, Statement};
use serde::{Deserialize, Serialize};
use tower::Service;
use tracing_subscriber::fmt::MakeWriter;

use crate::checks::observe::{self, GROUP, history};
use crate::environment::postgresql_limits::{Column, columns};
use crate::environment::stage::Stage;
use crate::environment::storage::at_once;

/// The password that users write in every random run. It occurs nowhere else.
pub const CANARY: &str = "canary5e0c7f1d9b3a8264";

/// A place where the secret can be read, and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// The place.
    pub place: String,
    /// The text around it.
    pub text: String,
}

/// The result of a search.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Where the secret was found but must not be.
    pub leaks: Vec<Find>,
    /// How often it was found where users or Argo CD wrote it themselves.
    pub written: usize,
    /// How many texts were searched.
    pub searched: usize,
}

/// Searches all objects that ever existed, all rows, the errors that processes ended with, and what
/// they serve. The caller searches the logs: see [`Listener`].
///
/// Nothing else happens meanwhile, and no virtual time passes.
///
/// # Errors
///
/// Something cannot be read.
pub fn search(stage: &Stage, secret: &str) -> anyhow::Result<Found> {
    let mut search = Search { stage, secret, found: Found::default() };
    search.objects()?;
    at_once(search.rows())?;
    at_once(search.answers())?;
    search.errors();
    Ok(search.found)
}

struct Search<'a> {
    stage: &'a Stage,
    secret: &'a str,
    found: Found,
}

impl Search<'_> {
    /// Every version of every object.
    fn objects(&mut self) -> anyhow::Result<()> {
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
                    self.found.written += usize::from(field.contains(self.secret));
                }
                self.look(path, &object.to_string());
            }
        }
        Ok(())
    }

    /// Every value in the database.
    async fn rows(&mut self) -> anyhow::Result<()> {
        let connection = self.stage.database.reader();
        let backend = connection.get_database_backend();
        for Column { table, name: column, .. } in columns(&self.stage.database).await? {
            let query = format!("SELECT CAST(\"{column}\" AS BLOB) FROM \"{table}\"");
            let query = Statement::from_string(backend, query);
            for value in connection.query_all_raw(query).await? {
                let value: Option<Vec<u8>> = value.try_get_by_index(0)?;
                let value = value.unwrap_or_default();
                let place = format!("{table}.{column}");
                self.look(&place, &String::from_utf8_lossy(&value));
                if let Ok(status) = application_state::decode(Some(&value)) {
                    self.look(&place, &status.to_string());
                }
            }
        }
        Ok(())
    }

    /// Everything that the processes serve.
    async fn answers(&mut self) -> anyhow::Result<()> {
        for health in self.stage.launched() {
            let mut router = router(health);
            for path in ["/livez", "/readyz", "/metrics", &format!("/{}", self.secret)] {
                let request = Request::get(path).body(axum::body::Body::empty())?;
                let answer = router.call(request).await?;
                let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await?;
                self.look(path, &String::from_utf8_lossy(&body));
            }
        }
        Ok(())
    }

    /// The errors that processes ended with.
    fn errors(&mut self) {
        let entries = self.stage.journal.entries().into_iter();
        for entry in entries.filter(|entry| entry.what.starts_with("ended")) {
            self.look("the end of a process", &entry.what);
        }
    }

    fn look(&mut self, place: &str, text: &str) {
        self.found.searched += 1;
        self.found.leaks.extend(find(self.secret, place, text));
    }
}

/// Where a text repeats a secret, with its surroundings.
pub fn find(secret: &str, place: &str, text: &str) -> Option<Find> {
    let at = text.find(secret)?;
    let before: String = text[..at].chars().rev().take(120).collect();
    let before: String = before.chars().rev().collect();
    let behind: String = text[at..].chars().take(120).collect();
    Some(Find { place: place.to_owned(), text: format!("{before}{behind}") })
}

/// Listens to what this process logs, for [`CANARY`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Listener;

/// The lines that repeated it, and how many lines there were.
static HEARD: Mutex<(Vec<Find>, u64)> = Mutex::new((Vec::new(), 0));

impl Listener {
    /// The lines that repeated it, and how many lines there were.
    pub fn heard() -> (Vec<Find>, u64) {
        HEARD.lock().clone()
    }
}

impl std::io::Write for Listener {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let find = find(CANARY, "the log", &String::from_utf8_lossy(line));
        let mut heard = HEARD.lock();
        heard.0.extend(find);
        heard.1 += 1;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Listener {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
