//! Whether an AppProject permits an Application.

use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::Value;

use crate::application::Application;
use crate::glob::matches;
use crate::repository::normal_form;

/// The AppProject that permits everything and need not exist here.
const DEFAULT: &str = "default";

/// What an AppProject permits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Project {
    source_repos: Vec<String>,
    destinations: Vec<Destination>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Destination {
    name: String,
    namespace: String,
    server: String,
}

impl Project {
    /// Reads an AppProject; one that cannot be read permits nothing.
    pub(crate) fn read(object: &DynamicObject) -> Self {
        Self::deserialize(&object.data["spec"]).unwrap_or_default()
    }

    fn permits_source(&self, repository: &str) -> bool {
        let repository = normal_form(repository);
        let matches = |pattern: &str| {
            let pattern = normal_form(pattern);
            pattern == "*" || matches(&pattern, &repository, Some('/'))
        };
        let denied = |it: &String| it.strip_prefix('!').is_some_and(matches);
        self.source_repos.iter().any(|it| !it.starts_with('!') && matches(it))
            && !self.source_repos.iter().any(denied)
    }

    fn permits_destination(&self, application: &Application) -> bool {
        let [name, namespace, server] =
            ["name", "namespace", "server"].map(|field| application.destination_text(field));
        self.destinations.iter().any(|permitted| {
            let matches = |pattern: &str, text: &str| matches(pattern, text, None);
            let cluster = (!server.is_empty() && matches(&permitted.server, server))
                || (!name.is_empty() && matches(&permitted.name, name));
            cluster && matches(&permitted.namespace, namespace)
        })
    }
}

/// Why Argo CD would not accept the Application's spec; `None` if it would.
pub(crate) fn objection(application: &Application, project: Option<&Project>) -> Option<String> {
    let [name, namespace, server] =
        ["name", "namespace", "server"].map(|field| application.destination_text(field));
    if name.is_empty() && server.is_empty() {
        return Some("Destination server missing from app spec".to_owned());
    }
    if let Some(objection) = incomplete(application) {
        return Some(objection.to_owned());
    }
    let project_name = application.project();
    if project_name == DEFAULT {
        return None;
    }
    let Some(project) = project else {
        return Some(format!(
            "Application referencing project {project_name} which does not exist"
        ));
    };
    for source in application.permission_sources() {
        let repository = source["repoURL"].as_str().unwrap_or_default();
        if !project.permits_source(repository) {
            return Some(format!(
                "application repo {repository} is not permitted in project '{project_name}'"
            ));
        }
    }
    let cluster = if server.is_empty() { name } else { server };
    (!project.permits_destination(application)).then(|| {
        format!(
            "application destination server '{cluster}' and namespace '{namespace}' do not match \
             any of the allowed destinations in project '{project_name}'"
        )
    })
}

/// What a source lacks; without it Argo CD ignores the source.
fn incomplete(application: &Application) -> Option<&'static str> {
    let has = |source: &Value, field: &str| !source[field].as_str().unwrap_or_default().is_empty();
    if application.has_many_sources() {
        let is_complete = |source: &Value| {
            has(source, "repoURL") && ["path", "chart", "ref"].iter().any(|it| has(source, it))
        };
        return (!application.spec.sources.iter().all(is_complete)).then_some(
            "spec.source.repoURL and either source.path, source.chart, or source.ref are required",
        );
    }
    let source = &application.spec.source;
    let is_complete = has(source, "repoURL") && (has(source, "path") || has(source, "chart"));
    (!is_complete).then_some(
        "spec.source.repoURL and either spec.source.path or spec.source.chart are required",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn project(spec: Value) -> Project {
        serde_json::from_value(spec).unwrap()
    }

    fn tenant_project() -> Project {
        project(json!({
            "sourceRepos": ["https://github.com/example/manifests"],
            "destinations": [
                {"name": "managed-env-7", "namespace": "*"},
                {"name": "in-cluster", "namespace": "jane*"},
            ],
        }))
    }

    fn application(repository: &str, destination: Value) -> Application {
        serde_json::from_value(json!({"spec": {
            "project": "app-project-u",
            "source": {"repoURL": repository, "path": "p"},
            "destination": destination,
        }}))
        .unwrap()
    }

    const REPOSITORY: &str = "https://github.com/example/manifests";

    #[test]
    fn an_application_within_its_project_is_accepted() {
        for (repository, name, namespace) in [
            (REPOSITORY, "in-cluster", "jane"),
            (REPOSITORY, "in-cluster", "jane-staging"),
            (REPOSITORY, "managed-env-7", "anything"),
            ("https://github.com/Example/Manifests.git", "in-cluster", "jane"),
        ] {
            let application =
                application(repository, json!({"name": name, "namespace": namespace}));
            assert_eq!(objection(&application, Some(&tenant_project())), None);
        }
    }

    #[test]
    fn a_repository_or_destination_outside_the_project_is_not_accepted() {
        let in_cluster = json!({"name": "in-cluster", "namespace": "jane"});
        let other = application("https://github.com/example/other", in_cluster);
        assert_eq!(
            objection(&other, Some(&tenant_project())).unwrap(),
            "application repo https://github.com/example/other is not permitted in project \
             'app-project-u'"
        );
        let elsewhere =
            application(REPOSITORY, json!({"name": "in-cluster", "namespace": "kube-system"}));
        assert_eq!(
            objection(&elsewhere, Some(&tenant_project())).unwrap(),
            "application destination server 'in-cluster' and namespace 'kube-system' do not match \
             any of the allowed destinations in project 'app-project-u'"
        );
    }

    #[test]
    fn an_application_without_its_project_or_a_cluster_is_not_accepted() {
        let in_cluster = json!({"name": "in-cluster", "namespace": "jane"});
        let orphan = application(REPOSITORY, in_cluster.clone());
        assert_eq!(
            objection(&orphan, None).unwrap(),
            "Application referencing project app-project-u which does not exist"
        );
        let mut incomplete = application(REPOSITORY, json!({"name": "in-cluster"}));
        incomplete.spec.source["path"] = json!("");
        assert_eq!(
            objection(&incomplete, Some(&tenant_project())).unwrap(),
            "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
        );
        let nowhere = application(REPOSITORY, json!({"namespace": "jane"}));
        assert_eq!(
            objection(&nowhere, Some(&tenant_project())).unwrap(),
            "Destination server missing from app spec"
        );
    }

    #[test]
    fn the_default_project_permits_everything_and_need_not_exist() {
        for name in ["", "default"] {
            let mut application = application("any", json!({"server": "https://kubernetes"}));
            application.spec.project = name.to_owned();
            assert_eq!(objection(&application, None), None);
        }
    }

    #[test]
    fn a_star_stops_at_a_slash_of_a_repository_and_two_do_not() {
        let permits = |pattern: &str| {
            project(json!({"sourceRepos": [pattern]})).permits_source("https://host/a/b")
        };
        for pattern in ["*", "https://host/a/*", "https://host/**", "https://*/a/b"] {
            assert!(permits(pattern), "{pattern}");
        }
        for pattern in ["https://host/*", "https://host/a", "", "https://host/a/b/"] {
            assert!(!permits(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_special_character_permits_itself_only_where_it_is_escaped() {
        let permits = |pattern: &str, repository: &str| {
            project(json!({"sourceRepos": [pattern]})).permits_source(repository)
        };
        let address = "https://[2001:db8::7]/org/r.git";
        let brackets = "https://git.example.com/a[b]/r";
        for repository in [address, brackets] {
            assert!(!permits(repository, repository), "{repository}");
        }
        assert!(permits("https:[/]/[[]2001:db8::7]/org/r.git", address));
        assert!(permits("https://git.example.com/a[[]b]/r", brackets));
        assert!(permits(brackets, "https://git.example.com/ab/r"));
        assert!(permits("https://git.example.com/{a,b}/r?x", "https://git.example.com/{a,b}/r?x"));
        assert!(!permits("https://git.example.com/{a,b}/r", "https://git.example.com/a/r"));
    }

    #[test]
    fn a_repository_that_is_denied_is_not_permitted_by_another_pattern() {
        let project = project(json!({"sourceRepos": ["*", "!https://host/a/**"]}));
        assert!(project.permits_source("https://host/b/c"));
        assert!(!project.permits_source("https://host/a/c"));
    }
}
