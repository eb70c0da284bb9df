//! What must hold once chaos has ended.

use std::collections::{BTreeMap, BTreeSet};

use crds::GitOpsDeployment;
use crds::argocd::Application;
use kube::ResourceExt as _;
use kube::api::Api;
use schema::connection::Database;

use super::installation::Installation;
use super::tenants::Tenants;
use crate::harness::{
    UNSETTLED, all, check_that_nothing_is_lost_or_duplicated, column, count, eventually, is_ready,
    within_patience,
};

/// Waits until every deployment says that its last edit is deployed, and nothing is in progress.
pub(super) async fn wait_until_everything_is_as_wanted(
    installation: &Installation,
    tenants: &Tenants,
) {
    let Installation { client, database, .. } = installation;
    let api = Api::<GitOpsDeployment>::all(client.clone());
    // Cheaper to ask for than all objects, so it comes first.
    let rests = || async { (count(database, UNSETTLED).await == 0).then_some(()) };
    let _ = within_patience(rests).await;
    let done = || async {
        let found = all(&api).await;
        (found.len() == tenants.wanted().len() && found.iter().all(is_done)).then_some(())
    };
    if within_patience(done).await.is_none() {
        let found = all(&api).await;
        let left: Vec<&GitOpsDeployment> = found.iter().filter(|one| !is_done(one)).collect();
        let machines = "SELECT kind || ' ' || key || ' ' || state_path || ' ' || state FROM machine \
                        WHERE owes OR wake_at IS NOT NULL";
        let machines = column::<String>(database, machines).await.join("\n");
        let (found, wanted) = (found.len(), tenants.wanted().len());
        let left = serde_json::to_string_pretty(&left).unwrap();
        panic!("{found} deployments of {wanted}; not Synced and Healthy: {left}\n{machines}");
    }
    // The backend may not have seen yet what was deleted while none ran.
    eventually("nothing is in progress, and what was deleted is gone", || async {
        let is_gone = is_gone(installation, tenants).await;
        rests().await?;
        (is_gone && installation.operations().await == 0).then_some(())
    })
    .await;
}

/// Whether nothing is left of deleted deployments, of a tenant without any, and of the deleted namespace.
async fn is_gone(installation: &Installation, tenants: &Tenants) -> bool {
    let wanted = tenants.wanted();
    let owners: BTreeSet<&String> = wanted.keys().map(|(namespace, _)| namespace).collect();
    all(&installation.applications()).await.len() == wanted.len()
        && all(&installation.projects()).await.len() == owners.len()
        && !users(&installation.database).await.contains(&deleted_tenant(tenants))
}

fn is_done(one: &GitOpsDeployment) -> bool {
    let status = one.status.as_ref();
    let is_well = status
        .is_some_and(|status| status.sync.status == "Synced" && status.health.status == "Healthy");
    is_ready(one) && is_well
}

/// Checks that there is what the deployments ask for, and nothing else.
pub(super) async fn check(installation: &Installation, tenants: &Tenants) {
    let Installation { client, database, .. } = installation;
    check_that_nothing_is_lost_or_duplicated(client, database).await;
    let applications = all(&installation.applications()).await;
    let applications: BTreeMap<String, Application> =
        applications.into_iter().map(|one| (one.name_any(), one)).collect();
    let mut repositories = BTreeMap::<String, BTreeSet<String>>::new();
    for one in all(&Api::<GitOpsDeployment>::all(client.clone())).await {
        let namespace = one.namespace().unwrap();
        let wanted = &tenants.wanted()[&(namespace.clone(), one.name_any())];
        let application = &applications[&crds::names::application_name(&one.uid().unwrap())].spec;
        let (source, wished) = (&application.source, &wanted.source);
        assert_eq!(
            [&source.repo_url, &source.path, &source.target_revision],
            [&wished.repo_url, &wished.path, &wished.target_revision],
            "the Application of {namespace}/{} is as its last edit says",
            one.name_any()
        );
        assert_eq!(application.destination.namespace, namespace);
        let urls = repositories.entry(application.project.clone()).or_default();
        urls.insert(wished.repo_url.clone());
    }
    let projects = all(&installation.projects()).await.into_iter();
    let projects: BTreeMap<String, BTreeSet<String>> =
        projects.map(|one| (one.name_any(), one.spec.source_repos.into_iter().collect())).collect();
    assert_eq!(projects, repositories, "each tenant with deployments has its AppProject");
    let urls = repositories.values().map(BTreeSet::len).sum::<usize>();
    let rows = "SELECT count(*) FROM appprojectrepository";
    assert_eq!(count(database, rows).await, i64::try_from(urls).unwrap(), "{rows}");
    let owners = "SELECT count(*) FROM applicationowner";
    assert_eq!(count(database, owners).await, i64::try_from(applications.len()).unwrap());
    check_users(database, tenants).await;
    check_transitions(database).await;
}

/// The tenants that have a row: the UIDs of their namespaces.
async fn users(database: &Database) -> BTreeSet<String> {
    column(database, "SELECT user_name FROM clusteruser").await.into_iter().collect()
}

fn deleted_tenant(tenants: &Tenants) -> String {
    tenants.deleted_namespace().uid().unwrap()
}

/// Each tenant that still exists has a row, and no other.
async fn check_users(database: &Database, tenants: &Tenants) {
    let users = users(database).await;
    let gone = deleted_tenant(tenants);
    assert!(!users.contains(&gone), "the deleted namespace is forgotten");
    let existing = tenants.namespaces().iter().map(|one| one.uid().unwrap()).collect();
    assert!(users.is_subset(&existing), "{users:?} are of {existing:?}");
    let left = format!("SELECT count(*) FROM machine WHERE tenant_uid = '{gone}'");
    assert_eq!(count(database, &left).await, 0, "{left}");
}

/// Each machine's transitions follow one another, and the last leads to where it is. An operation whose
/// resource is still seen after its end, because the deletion or its answer was lost, begins again and
/// finds that it has ended.
pub(super) async fn check_transitions(database: &Database) {
    let torn = "SELECT kind || ' ' || key || ': ' || before || ', then ' || from_path || ' -> ' \
                || to_path FROM (SELECT *, lag(to_path) OVER (PARTITION BY kind, key ORDER BY id) \
                AS before FROM transition) AS step WHERE before <> from_path \
                AND (kind, before, from_path) <> ('Operation', 'Collected', 'Unclaimed')";
    assert_eq!(column::<String>(database, torn).await, [] as [String; 0]);
    let elsewhere = "SELECT machine.kind || ' ' || machine.key || ' is ' || state_path || ', not ' \
                     || to_path FROM machine JOIN (SELECT DISTINCT ON (kind, key) * FROM transition \
                     ORDER BY kind, key, id DESC) AS last USING (kind, key) \
                     WHERE state_path <> to_path";
    assert_eq!(column::<String>(database, elsewhere).await, [] as [String; 0]);
}

/// Waits until the tenants' namespaces have taken everything with them.
pub(super) async fn wait_until_nothing_is_left(installation: &Installation) {
    let Installation { database, .. } = installation;
    eventually("nothing is left in Argo CD's namespace", || async {
        let applications = all(&installation.applications()).await;
        let projects = all(&installation.projects()).await;
        let is_empty = applications.is_empty() && projects.is_empty();
        (is_empty && installation.operations().await == 0).then_some(())
    })
    .await;
    for table in [
        "machine",
        "application",
        "applicationowner",
        "applicationstate",
        "appprojectrepository",
        "clusteruser",
        "deploymenttoapplicationmapping",
        "operation WHERE state IN ('Waiting', 'In_Progress')",
    ] {
        let query = format!("SELECT count(*) FROM {table}");
        eventually(&format!("{query} counts 0"), || async {
            (count(database, &query).await == 0).then_some(())
        })
        .await;
    }
}

/// Checks that no name had two Applications, one after the other.
pub(super) fn check_that_none_was_doubled(seen: BTreeMap<String, BTreeSet<String>>) {
    assert!(!seen.is_empty(), "Applications were seen");
    let doubled: Vec<_> = seen.iter().filter(|(_, uids)| uids.len() > 1).collect();
    assert!(doubled.is_empty(), "created more than once: {doubled:?}");
}
