//! What exhaustive plans perturb: each workload is a few lines, and together they cover every kind
//! of write, commit and event of the program.

use std::time::Duration;

use serde_json::json;

use crate::environment::clusters;
use crate::environment::git_servers::Behaviour;
use crate::faults::environments::destination;
use crate::runs::script::Step::{self, *};
use crate::runs::script::path;

/// A workload.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name, which selects it on the command line.
    pub name: &'static str,
    /// What happens.
    pub steps: Vec<Step>,
}

/// All workloads.
pub fn all() -> Vec<Workload> {
    let mut all = plain();
    all.extend(deletions());
    all.extend(meddling());
    all.extend(sync_runs());
    all.extend(credentials());
    all.extend(meddling_with_credentials());
    all.extend(environments());
    all.extend(meddling_with_environments());
    all
}

/// A private repository.
const PRIVATE: &str = "https://git.example.com/team/private.git";

/// The same as a deployment writes it.
fn private(path: &str) -> serde_json::Value {
    json!({"spec": {"source": {"repoURL": PRIVATE, "path": path}}})
}

fn credentials() -> Vec<Workload> {
    vec![
        workload(
            "a credential whose Secret comes late",
            [
                CreateNamespace("team"),
                OpenedBy(PRIVATE, "right"),
                CreateCredential("team/login", PRIVATE, "git"),
                Settle,
                CreateSecret("team/git", "right"),
                Settle,
            ],
        ),
        workload(
            "a credential is rotated while a deployment runs",
            [
                CreateNamespace("team"),
                OpenedBy(PRIVATE, "old"),
                CreateSecret("team/git", "old"),
                CreateCredential("team/login", PRIVATE, "git"),
                Create("team/app", "one"),
                Edit("team/app", private("one")),
                Settle,
                OpenedBy(PRIVATE, "new"),
                EditSecret("team/git", "new"),
                Edit("team/app", private("two")),
                Settle,
            ],
        ),
        workload(
            "a wrong password is corrected while the server is down",
            [
                CreateNamespace("team"),
                OpenedBy(PRIVATE, "right"),
                CreateSecret("team/git", "wrong"),
                CreateCredential("team/login", PRIVATE, "git"),
                Settle,
                Server(PRIVATE, Behaviour::Unreachable),
                EditSecret("team/git", "right"),
                Settle,
                Server(PRIVATE, Behaviour::Answers),
                Pass(seconds(700)),
                Settle,
            ],
        ),
        workload(
            "two tenants with one repository of which one goes",
            [
                CreateNamespace("team"),
                CreateNamespace("other"),
                OpenedBy(PRIVATE, "right"),
                CreateSecret("team/git", "right"),
                CreateSecret("other/git", "right"),
                CreateCredential("team/login", PRIVATE, "git"),
                CreateCredential("other/login", PRIVATE, "git"),
                Settle,
                DeleteNamespace("other"),
                Settle,
            ],
        ),
    ]
}

fn meddling_with_credentials() -> Vec<Workload> {
    vec![
        workload(
            "the Secret goes, and then the credential",
            [
                CreateNamespace("team"),
                OpenedBy(PRIVATE, "right"),
                CreateSecret("team/git", "right"),
                CreateCredential("team/login", PRIVATE, "git"),
                Settle,
                DeleteSecret("team/git"),
                Settle,
                DeleteCredential("team/login"),
                Settle,
            ],
        ),
        workload(
            "a credential is deleted and created while it is checked",
            [
                CreateNamespace("team"),
                OpenedBy(PRIVATE, "old"),
                CreateSecret("team/git", "old"),
                CreateCredential("team/login", PRIVATE, "git"),
                Settle,
                Server(PRIVATE, Behaviour::Slow(millis(300))),
                OpenedBy(PRIVATE, "new"),
                EditSecret("team/git", "new"),
                Pass(millis(100)),
                DeleteCredential("team/login"),
                CreateCredential("team/login", PRIVATE, "git"),
                Settle,
            ],
        ),
        workload(
            "a manual edit of the repository Secret",
            [
                CreateNamespace("team"),
                OpenedBy(PRIVATE, "right"),
                CreateSecret("team/git", "right"),
                CreateCredential("team/login", PRIVATE, "git"),
                Settle,
                EditArgoCdsSecrets(json!({"data": {"project": null, "password": null}})),
                Pass(seconds(1_500)),
                Settle,
            ],
        ),
        workload(
            "a manual deletion of the repository Secret, and a server that becomes trusted",
            [
                CreateNamespace("team"),
                OpenedBy(PRIVATE, "right"),
                Server(PRIVATE, Behaviour::Untrusted),
                CreateSecret("team/git", "right"),
                CreateCredential("team/login", PRIVATE, "git"),
                Settle,
                Trust("git.example.com"),
                Settle,
                DeleteArgoCdsSecrets,
                Pass(seconds(1_500)),
                Settle,
            ],
        ),
    ]
}

/// A target cluster.
const CLUSTER: &str = "https://api.example.com:6443";

/// Has an environment use an account of its own.
fn with_account() -> serde_json::Value {
    json!({"spec": {"createNewServiceAccount": true}})
}

fn environments() -> Vec<Workload> {
    vec![
        workload(
            "a deployment waits for its environment, whose Secret comes late",
            [
                CreateNamespace("team"),
                ClusterOpenedBy(CLUSTER, "right"),
                Create("team/app", "one"),
                Edit("team/app", destination("staging")),
                Settle,
                CreateEnvironment("team/staging", CLUSTER, "cluster"),
                Settle,
                CreateKubeconfig("team/cluster", CLUSTER, "right"),
                Settle,
            ],
        ),
        workload(
            "a token is rotated while a deployment runs on a cluster",
            [
                CreateNamespace("team"),
                ClusterOpenedBy(CLUSTER, "old"),
                CreateKubeconfig("team/cluster", CLUSTER, "old"),
                CreateEnvironment("team/staging", CLUSTER, "cluster"),
                Create("team/app", "one"),
                Edit("team/app", destination("staging")),
                Settle,
                ClusterOpenedBy(CLUSTER, "new"),
                EditKubeconfig("team/cluster", CLUSTER, "new"),
                Edit("team/app", path("two")),
                Settle,
            ],
        ),
        workload(
            "an account is made on a cluster that forgets it, and revoked",
            [
                CreateNamespace("team"),
                ClusterOpenedBy(CLUSTER, "right"),
                CreateKubeconfig("team/cluster", CLUSTER, "right"),
                CreateEnvironment("team/staging", CLUSTER, "cluster"),
                EditEnvironment("team/staging", with_account()),
                Settle,
                ClusterForgets(CLUSTER),
                Pass(seconds(700)),
                Settle,
                DeleteEnvironment("team/staging"),
                Settle,
            ],
        ),
        workload(
            "a deployment moves to a cluster and back",
            [
                CreateNamespace("team"),
                ClusterOpenedBy(CLUSTER, "right"),
                CreateKubeconfig("team/cluster", CLUSTER, "right"),
                CreateEnvironment("team/staging", CLUSTER, "cluster"),
                Create("team/app", "one"),
                Settle,
                Edit("team/app", destination("staging")),
                Settle,
                Edit("team/app", destination("")),
                Settle,
            ],
        ),
    ]
}

fn meddling_with_environments() -> Vec<Workload> {
    vec![
        workload(
            "an environment is deleted while deployments use it",
            [
                CreateNamespace("team"),
                ClusterOpenedBy(CLUSTER, "right"),
                CreateKubeconfig("team/cluster", CLUSTER, "right"),
                CreateEnvironment("team/staging", CLUSTER, "cluster"),
                CreateFinalized("team/app", "one"),
                Edit("team/app", destination("staging")),
                Create("team/web", "two"),
                Edit("team/web", destination("staging")),
                Settle,
                Delete("team/app"),
                DeleteEnvironment("team/staging"),
                Settle,
            ],
        ),
        workload(
            "a cluster is away while its token is corrected",
            [
                CreateNamespace("team"),
                ClusterOpenedBy(CLUSTER, "right"),
                CreateKubeconfig("team/cluster", CLUSTER, "wrong"),
                CreateEnvironment("team/staging", CLUSTER, "cluster"),
                Settle,
                Cluster(CLUSTER, clusters::Behaviour::Unreachable),
                EditKubeconfig("team/cluster", CLUSTER, "right"),
                Settle,
                Cluster(CLUSTER, clusters::Behaviour::Answers),
                Pass(seconds(700)),
                Settle,
            ],
        ),
        workload(
            "a manual deletion of the cluster Secret",
            [
                CreateNamespace("team"),
                ClusterOpenedBy(CLUSTER, "right"),
                CreateKubeconfig("team/cluster", CLUSTER, "right"),
                CreateEnvironment("team/staging", CLUSTER, "cluster"),
                Create("team/app", "one"),
                Edit("team/app", destination("staging")),
                Settle,
                DeleteArgoCdsSecrets,
                Pass(seconds(1_500)),
                Settle,
            ],
        ),
    ]
}

fn sync_runs() -> Vec<Workload> {
    vec![
        workload(
            "a sync run",
            [
                CreateNamespace("team"),
                CreateManual("team/app", "one"),
                Settle,
                Run("team/first", "app", "v1"),
                Settle,
                DeleteRun("team/first"),
                Settle,
            ],
        ),
        workload(
            "two sync runs at once, before their deployment",
            [
                CreateNamespace("team"),
                Run("team/first", "app", ""),
                Run("team/second", "app", "v1"),
                CreateManual("team/app", "one"),
                Settle,
            ],
        ),
        workload(
            "a sync run is deleted while it runs",
            [
                CreateNamespace("team"),
                CreateManual("team/app", "one"),
                Outcome("one", "sync-never-ends"),
                Settle,
                Run("team/first", "app", ""),
                Pass(millis(1_500)),
                Run("team/second", "app", ""),
                DeleteRun("team/first"),
                Pass(millis(300)),
                Outcome("one", "healthy"),
                Settle,
            ],
        ),
        workload(
            "a sync run is deleted at once",
            [
                CreateNamespace("team"),
                CreateManual("team/app", "one"),
                Settle,
                Run("team/first", "app", ""),
                Pass(millis(8)),
                DeleteRun("team/first"),
                Run("team/second", "app", ""),
                Settle,
            ],
        ),
        workload(
            "a deployment is replaced while it is synced",
            [
                CreateNamespace("team"),
                CreateManual("team/app", "one"),
                Outcome("one", "sync-never-ends"),
                Settle,
                Run("team/first", "app", ""),
                Pass(millis(1_500)),
                Delete("team/app"),
                CreateManual("team/app", "two"),
                Settle,
                Run("team/second", "app", ""),
                Settle,
            ],
        ),
        workload(
            "an edit while a sync run waits",
            [
                CreateNamespace("team"),
                CreateManual("team/app", "one"),
                Settle,
                Edit("team/app", path("two")),
                Run("team/first", "app", ""),
                Settle,
            ],
        ),
    ]
}

fn plain() -> Vec<Workload> {
    let repository = |url: &str| json!({"spec": {"source": {"repoURL": url}}});
    vec![
        workload(
            "create",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                CreateNamespace("other"),
                Create("other/app", "one"),
                Settle,
            ],
        ),
        workload(
            "edit",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                Edit("team/app", path("two")),
                Settle,
                Edit("team/app", path("one")),
                Settle,
            ],
        ),
        workload(
            "an invalid edit and its correction",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                Edit("team/app", path("/")),
                Settle,
                Edit("team/app", path("three")),
                Settle,
            ],
        ),
        // Each while the previous one is in progress.
        workload(
            "edits in a row",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                Edit("team/app", path("two")),
                Pass(millis(3)),
                Edit("team/app", path("three")),
                Pass(millis(10)),
                Edit("team/app", path("four")),
                Settle,
            ],
        ),
        workload(
            "an edit that is taken back at once",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                Edit("team/app", path("two")),
                Pass(millis(5)),
                Edit("team/app", path("one")),
                Settle,
            ],
        ),
        workload(
            "manual",
            [
                CreateNamespace("team"),
                CreateManual("team/app", "one"),
                Settle,
                Edit("team/app", path("two")),
                Settle,
                Edit("team/app", json!({"spec": {"type": "automated"}})),
                Settle,
            ],
        ),
        workload(
            "another repository",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Create("team/web", "two"),
                Settle,
                Edit("team/app", repository("https://example.com/team/Other.git")),
                Settle,
                Delete("team/web"),
                Settle,
            ],
        ),
    ]
}

fn deletions() -> Vec<Workload> {
    vec![
        workload(
            "delete",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Create("team/web", "two"),
                Settle,
                Delete("team/app"),
                Settle,
            ],
        ),
        workload(
            "delete with the finalizer",
            [
                CreateNamespace("team"),
                CreateFinalized("team/app", "one"),
                CreateFinalized("team/web", "two"),
                Settle,
                Delete("team/app"),
                Settle,
            ],
        ),
        workload(
            "a short life",
            [
                CreateNamespace("team"),
                Create("team/web", "two"),
                Settle,
                CreateFinalized("team/app", "one"),
                Pass(millis(30)),
                Delete("team/app"),
                Settle,
            ],
        ),
        workload(
            "delete and create",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                Delete("team/app"),
                Create("team/app", "two"),
                Settle,
            ],
        ),
        workload(
            "delete and create while it is being made",
            [
                CreateNamespace("team"),
                Create("team/web", "two"),
                Settle,
                Create("team/app", "one"),
                Pass(millis(30)),
                Delete("team/app"),
                Pass(millis(2)),
                Create("team/app", "three"),
                Settle,
            ],
        ),
        workload(
            "a namespace goes and comes back",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                CreateFinalized("team/web", "two"),
                Settle,
                DeleteNamespace("team"),
                Settle,
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
            ],
        ),
        workload(
            "delete while Argo CD is away",
            [
                CreateNamespace("team"),
                CreateFinalized("team/app", "one"),
                Settle,
                ArgoCdStops,
                Delete("team/app"),
                Pass(seconds(20)),
                ArgoCdStarts,
                Settle,
            ],
        ),
        workload(
            "two tenants of which one goes",
            [
                CreateNamespace("team"),
                CreateNamespace("other"),
                Create("team/app", "one"),
                Create("other/app", "one"),
                Settle,
                DeleteNamespace("other"),
                Settle,
            ],
        ),
    ]
}

fn meddling() -> Vec<Workload> {
    vec![
        workload(
            "a manual edit of the Application",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                EditApplication("team/app", path("by-hand")),
                Pass(seconds(1_500)),
                Settle,
            ],
        ),
        workload(
            "a manual deletion of the Application",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                DeleteApplication("team/app"),
                Pass(seconds(1_500)),
                Settle,
            ],
        ),
        workload(
            "a manual deletion of the AppProject",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                DeleteProjects,
                Pass(seconds(1_500)),
                Settle,
            ],
        ),
        workload(
            "Argo CD changes its mind",
            [
                CreateNamespace("team"),
                Create("team/app", "one"),
                Settle,
                Outcome("one", "degraded"),
                Pass(seconds(5)),
                Settle,
                Outcome("none", "degraded"),
                Pass(seconds(5)),
                Settle,
            ],
        ),
    ]
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

const fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn workload<const N: usize>(name: &'static str, steps: [Step; N]) -> Workload {
    Workload { name, steps: steps.to_vec() }
}
