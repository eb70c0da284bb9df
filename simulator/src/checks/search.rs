//! A search for a secret in everything that anyone can read, as it is and in base64. Where it belongs
//! are the Secrets of tenants, and Argo CD's Secrets of repositories and clusters.

use std::sync::LazyLock;

use http::Request;
use k8s_openapi::ByteString;
use managed_gitops::api::router;
use parking_lot::Mutex;
use sandbox::Reply;
use schema::application_state;
use sea_orm::{ConnectionTrait, Statement};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    let forms = forms(secret);
    let mut search = Search { stage, secret, forms, found: Found::default() };
    search.objects()?;
    at_once(search.rows())?;
    at_once(search.answers())?;
    search.errors();
    Ok(search.found)
}

struct Search<'a> {
    stage: &'a Stage,
    secret: &'a str,
    forms: Vec<String>,
    found: Found,
}

impl Search<'_> {
    /// Every version of every object.
    fn objects(&mut self) -> anyhow::Result<()> {
        for path in [
            "/api/v1/namespaces",
            "/api/v1/events",
            "/api/v1/configmaps",
            observe::SECRETS,
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
                let secret = is_where_it_belongs(path, &object).then_some("data");
                if let Some(field) = by_users.or(by_argocd).or(secret) {
                    let field = object[field].take().to_string();
                    self.found.written += usize::from(self.repeats(&field));
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
        let forms = self.forms.iter();
        self.found.leaks.extend(forms.filter_map(|form| find(form, place, text)));
    }

    fn repeats(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form))
    }
}

/// Whether an object is a tenant's Secret, or one of Argo CD's of a repository or a cluster.
fn is_where_it_belongs(path: &str, object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    path == observe::SECRETS
        && (object["metadata"]["namespace"] != observe::ARGO_CD
            || crds::names::repository_credential_id(name).is_some()
            || crds::names::managed_environment_id(name).is_some())
}

/// A secret as it is, and what is in base64 of any text with it in it.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    for before in 0..3 {
        let bytes = [&vec![0; before], secret.as_bytes()].concat();
        // A character has six bits: the first ones and the last one depend on what is around.
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        let encoded = serde_json::to_value(ByteString(bytes)).unwrap_or_default();
        let encoded = encoded.as_str().and_then(|text| text.get(first..last));
        forms.extend(encoded.filter(|text| !text.is_empty()).map(str::to_owned));
    }
    forms
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
        static FORMS: LazyLock<Vec<String>> = LazyLock::new(|| forms(CANARY));
        let text = String::from_utf8_lossy(line);
        let mut heard = HEARD.lock();
        heard.0.extend(FORMS.iter().filter_map(|form| find(form, "the log", &text)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_base64_whatever_is_around_it() {
        let forms = forms(CANARY);
        for (before, after) in [("", ""), ("a", "b"), ("ab", ""), ("abc", "abc"), ("abcd", "x")] {
            let text = ByteString(format!("{before}{CANARY}{after}").into_bytes());
            let text = serde_json::to_string(&text).unwrap_or_default();
            assert!(forms.iter().any(|form| text.contains(form)), "{text}");
        }
        let other = ByteString(b"another text of the same length".to_vec());
        let other = serde_json::to_string(&other).unwrap_or_default();
        assert!(!forms.iter().any(|form| other.contains(form)));
    }
}
