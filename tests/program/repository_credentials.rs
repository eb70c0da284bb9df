//! GitOpsDeploymentRepositoryCredentials: from the tenant's Secret through a check of the repository to
//! the Secret that Argo CD reads, and back to nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::{GitOpsDeploymentRepositoryCredential, GitOpsDeploymentRepositoryCredentialSpec};
use git_access::{Checker, Policy};
use git_stand_in::{Access, Account, Behaviour, HttpsServer, KeyPair, SshServer};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use machines::shared::condition::ConditionStyle;
use managed_gitops::repositories::Network;
use managed_gitops::settings::SecretNamespaces;
use schema::sealing::{Keyring, generate_key};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::harness::{ARGO_CD, World, all, automated, eventually};

type Told = BTreeMap<String, (String, String, String)>;

/// A password that must be found nowhere but in the two Secrets.
const PASSWORD: &str = "hunter2-canary";
const REPOSITORY: &str = "team/app.git";

/// A keyring of one key.
pub(crate) fn keyring() -> Keyring {
    let key = format!("one={}", generate_key().expose_secret());
    Keyring::parse(&key.into()).unwrap()
}

/// A world whose program seals credentials, and may ask servers on this machine.
async fn world() -> World {
    let mut world = World::without_program().await;
    world.settings.sealing = Some(keyring());
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let policy = Policy { allow, ..Policy::default() };
    world.settings.repositories = Arc::new(Network::new(Checker::new(policy)));
    world.create_namespace("team-a").await;
    world
}

/// Has Argo CD trust these servers.
async fn trust(world: &World, https: &[&HttpsServer], ssh: &[&SshServer]) {
    let mut certificates: BTreeMap<String, String> = BTreeMap::new();
    for one in https {
        // They are at one host.
        certificates.entry(one.host().to_owned()).or_default().push_str(one.certificate_pem());
    }
    let hosts: String = ssh.iter().map(|one| format!("{}\n", one.known_hosts_line())).collect();
    let api: Api<ConfigMap> = Api::namespaced(world.client.clone(), ARGO_CD);
    for (name, data) in [
        ("argocd-tls-certs-cm", certificates),
        ("argocd-ssh-known-hosts-cm", [("ssh_known_hosts".to_owned(), hosts)].into()),
    ] {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let map = ConfigMap { metadata, data: Some(data), ..ConfigMap::default() };
        let parameters = PatchParams::apply("tests").force();
        api.patch(name, &parameters, &Patch::Apply(&map)).await.unwrap();
    }
}

/// The same, where Argo CD trusts a server whose repository accepts bob's password.
async fn world_with_server() -> (World, HttpsServer) {
    let server = HttpsServer::start();
    server.set_repository(REPOSITORY, Account::new("bob", PASSWORD));
    let world = world().await;
    trust(&world, &[&server], &[]).await;
    (world, server)
}

fn credentials(world: &World, namespace: &str) -> Api<GitOpsDeploymentRepositoryCredential> {
    Api::namespaced(world.client.clone(), namespace)
}

async fn create(world: &World, namespace: &str, name: &str, repository: &str, secret: &str) {
    let spec = GitOpsDeploymentRepositoryCredentialSpec {
        repository: repository.to_owned(),
        secret: secret.to_owned(),
    };
    let object = GitOpsDeploymentRepositoryCredential::new(name, spec);
    credentials(world, namespace).create(&PostParams::default(), &object).await.unwrap();
}

/// The Secret of a user called bob.
async fn put_password(world: &World, namespace: &str, password: &str) {
    put_secret(world, namespace, "git", &[("username", "bob"), ("password", password)]).await;
}

async fn put_secret(world: &World, namespace: &str, name: &str, data: &[(&str, &str)]) {
    put_secret_of(world, namespace, name, crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE, data)
        .await;
}

async fn put_secret_of(
    world: &World,
    namespace: &str,
    name: &str,
    type_: &str,
    data: &[(&str, &str)],
) {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), namespace);
    let entry = |(key, value): &(&str, &str)| {
        ((*key).to_owned(), k8s_openapi::ByteString(value.as_bytes().to_vec()))
    };
    let secret = Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        type_: Some(type_.to_owned()),
        data: Some(data.iter().map(entry).collect()),
        ..Secret::default()
    };
    if let Some(existing) = api.get_opt(name).await.unwrap() {
        let patch = json!({"data": null});
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        assert_eq!(existing.type_.as_deref(), Some(type_));
        let patch = serde_json::to_value(&secret).unwrap();
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    } else {
        api.create(&PostParams::default(), &secret).await.unwrap();
    }
}

/// A credential of team-a that the server accepts.
async fn accept(world: &World, server: &HttpsServer) {
    put_password(world, "team-a", PASSWORD).await;
    create(world, "team-a", "repo", &server.url(REPOSITORY), "git").await;
    wait_until_ready(world, "repo").await;
}

fn told(object: &GitOpsDeploymentRepositoryCredential) -> Told {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let told = conditions.map(|one| {
        (one.type_.clone(), (one.status.clone(), one.reason.clone(), one.message.clone()))
    });
    told.collect()
}

fn says(told: &Told, type_: &str, status: &str, reason: &str) -> bool {
    told.get(type_).is_some_and(|one| (one.0.as_str(), one.1.as_str()) == (status, reason))
}

async fn wait_for(world: &World, name: &str, what: &str, is_so: impl Fn(&Told) -> bool) -> Told {
    let api = credentials(world, "team-a");
    let found = eventually(&format!("{name}: {what}"), || async {
        api.get_opt(name).await.unwrap().filter(|one| is_so(&told(one)))
    })
    .await;
    told(&found)
}

async fn wait_until_ready(world: &World, name: &str) -> Told {
    let ready = |told: &Told| told.get("Ready").is_some_and(|one| one.0 == "True");
    wait_for(world, name, "it is ready", ready).await
}

async fn wait_until_stalled(world: &World, name: &str, reason: &str) -> Told {
    wait_for(world, name, reason, |told| says(told, "Stalled", "True", reason)).await
}

/// Argo CD's repository Secrets, by name, with what they say.
async fn repository_secrets(world: &World) -> BTreeMap<String, BTreeMap<String, String>> {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), ARGO_CD);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let data = |secret: &Secret| {
        let data = secret.data.clone().unwrap_or_default().into_iter();
        data.map(|(key, value)| (key, text(value.0))).collect()
    };
    all(&api).await.iter().map(|secret| (secret.name_any(), data(secret))).collect()
}

async fn wait_for_secret(world: &World, what: &str, key: &str, value: &str) {
    eventually(what, || async {
        let secrets = repository_secrets(world).await;
        let says = |data: &BTreeMap<String, String>| data.get(key).is_some_and(|one| one == value);
        secrets.values().any(says).then_some(())
    })
    .await;
}

/// No password is in the database's files, or in any object but the two Secrets.
async fn is_nowhere_in_the_clear(world: &World) {
    let file = world.url.strip_prefix("sqlite://").unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    bytes.extend(std::fs::read(format!("{file}-wal")).unwrap_or_default());
    let says = |word: &str| bytes.windows(word.len()).any(|some| some == word.as_bytes());
    assert!(says("(sealed)"), "these are the files");
    assert!(!says("canary"), "a password is in the clear");
    let events: Api<k8s_openapi::api::core::v1::Event> = Api::all(world.client.clone());
    let objects = [
        serde_json::to_string(&all(&credentials(world, "team-a")).await).unwrap(),
        serde_json::to_string(&all(&events).await).unwrap(),
        serde_json::to_string(&all(&world.operations()).await).unwrap(),
        serde_json::to_string(&all(&world.projects()).await).unwrap(),
    ];
    assert!(objects.iter().all(|text| !text.contains("canary")), "{objects:?}");
}

async fn wait_until_nothing_is_left(world: &World) {
    for query in [
        "SELECT count(*) FROM machine WHERE kind = 'RepositoryCredential'",
        "SELECT count(*) FROM repositorycredentials",
        "SELECT count(*) FROM apicrtodatabasemapping",
        "SELECT count(*) FROM sealed_value WHERE table_name = 'repositorycredentials'",
        "SELECT count(*) FROM appprojectrepository",
    ] {
        world.wait_until_counted(query, 0).await;
    }
    eventually("Argo CD's Secret is gone", || async {
        repository_secrets(world).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_credential_reaches_argo_cd_and_leaves_nothing_behind() {
    let (mut world, server) = world_with_server().await;
    world.start_program().await;
    let url = server.url(REPOSITORY);
    create(&world, "team-a", "repo", &url, "git").await;
    let missing = wait_until_stalled(&world, "repo", "SecretNotFound").await;
    assert_eq!(missing["ErrorOccurred"].2, "Secret specified not found");
    put_password(&world, "team-a", PASSWORD).await;
    let ready = wait_until_ready(&world, "repo").await;
    let up_to_date = "RepositoryCredentialUpToDate";
    assert!(says(&ready, "ErrorOccurred", "False", up_to_date), "{ready:?}");
    assert!(says(&ready, "ValidRepositoryCredential", "True", up_to_date), "{ready:?}");
    assert_eq!(ready["ValidRepositoryURL"].2, format!("Repository {url} exists"));
    let user = world.text("SELECT repo_cred_user_id FROM repositorycredentials").await;
    let id = world.text("SELECT repositorycredentials_id FROM repositorycredentials").await;
    let data = [
        ("name", "git"),
        ("url", &url),
        ("username", "bob"),
        ("password", PASSWORD),
        ("project", &crds::names::app_project_name(&user)),
    ];
    let data = data.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let expected = BTreeMap::from([(crds::names::repository_secret_name(&id), data.into())]);
    assert_eq!(repository_secrets(&world).await, expected);
    // Rotated: the old password is refused from then on.
    server.set_repository(REPOSITORY, Account::new("bob", "rotated-canary"));
    put_password(&world, "team-a", "rotated-canary").await;
    wait_for_secret(&world, "the new password is there", "password", "rotated-canary").await;
    let version = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, version);
    is_nowhere_in_the_clear(&world).await;
    credentials(&world, "team-a").delete("repo", &DeleteParams::default()).await.unwrap();
    wait_until_nothing_is_left(&world).await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_7_a_refused_credential_says_why_and_the_last_good_one_stays() {
    let (mut world, server) = world_with_server().await;
    world.start_program().await;
    put_password(&world, "team-a", PASSWORD).await;
    let url = server.url(REPOSITORY);
    create(&world, "team-a", "repo", &url, "git").await;
    wait_until_ready(&world, "repo").await;
    put_password(&world, "team-a", "wrong").await;
    let refused = wait_until_stalled(&world, "repo", "AuthenticationRefused").await;
    let invalid = format!("Repository Credentials provided git for Repository {url} are invalid");
    assert_eq!(refused["ErrorOccurred"].2, invalid);
    assert!(says(&refused, "ValidRepositoryURL", "True", "ValidRepositoryUrl"), "{refused:?}");
    assert!(says(&refused, "ValidRepositoryCredential", "False", "InvalidCredentials"));
    wait_for_secret(&world, "the last good password stays", "password", PASSWORD).await;
    // No such repository.
    server.remove_repository(REPOSITORY);
    put_password(&world, "team-a", PASSWORD).await;
    let missing = wait_until_stalled(&world, "repo", "RepositoryNotFound").await;
    assert!(missing["ErrorOccurred"].2.starts_with("Repository does not exist: "), "{missing:?}");
    // Of the wrong type.
    put_secret_of(&world, "team-a", "opaque", "Opaque", &[("password", PASSWORD)]).await;
    let patch = Patch::Merge(json!({"spec": {"secret": "opaque"}}));
    credentials(&world, "team-a").patch("repo", &PatchParams::default(), &patch).await.unwrap();
    let wrong = wait_until_stalled(&world, "repo", "SecretInvalidType").await;
    assert!(wrong["ErrorOccurred"].2.ends_with("managed-gitops.redhat.com/repository-credential"));
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_read_in_the_named_namespaces_only() {
    let (mut world, server) = world_with_server().await;
    world.create_namespace("team-b").await;
    let url = server.url(REPOSITORY);
    for namespace in ["team-a", "team-b"] {
        put_password(&world, namespace, PASSWORD).await;
        create(&world, namespace, "repo", &url, "git").await;
    }
    let only = |namespace: &str| SecretNamespaces::These([namespace.to_owned()].into());
    world.settings.secret_namespaces = only("team-b");
    world.start_program().await;
    let unread = wait_until_stalled(&world, "repo", "SecretUnreadable").await;
    assert!(unread["Stalled"].2.contains("--secret-namespaces"), "{unread:?}");
    wait_for_secret(&world, "the other tenant's is there", "password", PASSWORD).await;
    assert_eq!(repository_secrets(&world).await.len(), 1);
    world.stop_program().await;
    // What was accepted stays where Secrets are no longer read, and a change of it is not seen.
    world.settings.secret_namespaces = only("team-a");
    world.start_program().await;
    wait_until_ready(&world, "repo").await;
    eventually("both are there", || async {
        (repository_secrets(&world).await.len() == 2).then_some(())
    })
    .await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_key_opens_a_repository_by_ssh_once_its_host_is_known() {
    let (server, key) = (SshServer::start(), KeyPair::generate());
    server.set_repository(REPOSITORY, Access::Key(key.public));
    let mut world = world().await;
    world.start_program().await;
    put_secret(&world, "team-a", "git", &[("sshPrivateKey", &key.private)]).await;
    create(&world, "team-a", "repo", &server.url(REPOSITORY), "git").await;
    let unknown = wait_until_stalled(&world, "repo", "HostUnknown").await;
    assert!(unknown["Stalled"].2.contains("known"), "{unknown:?}");
    // A change of what Argo CD trusts is noticed at once.
    trust(&world, &[], &[&server]).await;
    wait_until_ready(&world, "repo").await;
    wait_for_secret(&world, "the key is there", "sshPrivateKey", &key.private).await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_to_argo_cds_secret_is_undone() {
    let (mut world, server) = world_with_server().await;
    world.settings.rescan = Some(std::time::Duration::from_millis(100));
    world.settings.repair_grace = std::time::Duration::from_millis(300);
    world.start_program().await;
    accept(&world, &server).await;
    let wanted = repository_secrets(&world).await;
    let api: Api<Secret> = Api::namespaced(world.client.clone(), ARGO_CD);
    let (name, _) = wanted.first_key_value().unwrap();
    // In base64: another project, and another password.
    let edit = json!({"data": {"project": "YW5vdGhlcg==", "password": "b3RoZXI="}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(edit)).await.unwrap();
    let is_repaired = || async { (repository_secrets(&world).await == wanted).then_some(()) };
    eventually("an edit is undone", is_repaired).await;
    api.delete(name, &DeleteParams::default()).await.unwrap();
    eventually("a deletion is undone", is_repaired).await;
    let unlabelled = json!({"metadata": {"labels": null}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(unlabelled)).await.unwrap();
    eventually("the labels are back", || async {
        let secret = api.get_opt(name).await.unwrap()?;
        let label = secret.labels().get(crds::names::ARGO_CD_SECRET_TYPE_LABEL).cloned();
        (label.as_deref() == Some(crds::names::ARGO_CD_REPOSITORY_SECRET)).then_some(())
    })
    .await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_with_one_repository_have_a_secret_each() {
    let (mut world, server) = world_with_server().await;
    world.start_program().await;
    world.create_namespace("team-b").await;
    for namespace in ["team-a", "team-b"] {
        put_password(&world, namespace, PASSWORD).await;
        create(&world, namespace, "repo", &server.url(REPOSITORY), "git").await;
    }
    let projects = eventually("each has a Secret", || async {
        let secrets = repository_secrets(&world).await;
        let projects: Vec<String> = secrets.values().map(|data| data["project"].clone()).collect();
        (projects.len() == 2).then_some(projects)
    })
    .await;
    assert_ne!(projects[0], projects[1], "each is its tenant's alone");
    // The end of one tenant leaves the other.
    world.delete_namespace("team-b").await;
    eventually("one Secret is left", || async {
        (repository_secrets(&world).await.len() == 1).then_some(())
    })
    .await;
    wait_until_ready(&world, "repo").await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_whose_servers_never_answer_delays_nobody_else() {
    let (dead, server) = (HttpsServer::start(), HttpsServer::start());
    dead.behave(Behaviour::Hang);
    server.set_repository(REPOSITORY, Account::new("bob", PASSWORD));
    let mut world = world().await;
    trust(&world, &[&dead, &server], &[]).await;
    world.start_program().await;
    world.create_namespace("team-b").await;
    put_password(&world, "team-b", PASSWORD).await;
    for number in 0..50 {
        let (name, url) = (format!("repo-{number}"), dead.url(&format!("{number}.git")));
        create(&world, "team-b", &name, &url, "git").await;
    }
    let all_of_it = "SELECT count(*) FROM machine WHERE kind = 'RepositoryCredential'";
    world.wait_until_counted(all_of_it, 50).await;
    accept(&world, &server).await;
    let waiting = "SELECT count(*) FROM machine WHERE state_path = 'Live/Checking'";
    assert!(world.count(waiting).await > 30, "the others still wait: of four at a time at most");
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_14_legacy_statuses_have_three_conditions_and_an_event_says_why() {
    let server = HttpsServer::start();
    let mut world = world().await;
    trust(&world, &[&server], &[]).await;
    world.settings.conditions = ConditionStyle::Legacy;
    world.start_program().await;
    put_password(&world, "team-a", PASSWORD).await;
    create(&world, "team-a", "repo", &server.url(REPOSITORY), "git").await;
    let told = wait_for(&world, "repo", "it is refused", |told| told.len() >= 3).await;
    let types: Vec<&str> = told.keys().map(String::as_str).collect();
    assert_eq!(types, ["ErrorOccurred", "ValidRepositoryCredential", "ValidRepositoryURL"]);
    let events: Api<k8s_openapi::api::core::v1::Event> =
        Api::namespaced(world.client.clone(), "team-a");
    eventually("an Event says why", || async {
        let events = all(&events).await;
        events.into_iter().find(|one| one.reason.as_deref() == Some("RepositoryNotFound"))
    })
    .await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_a_credential_says_so_and_everything_else_is_served() {
    let mut world = world().await;
    world.settings.sealing = None;
    world.start_program().await;
    create(&world, "team-a", "repo", "https://git.example.com/a", "git").await;
    world.create("team-a", &automated("app")).await;
    wait_until_stalled(&world, "repo", "NoSealingKeys").await;
    world.wait_until_ready("team-a", "app").await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_starts_again_goes_on_and_writes_nothing() {
    let (mut world, server) = world_with_server().await;
    world.start_program().await;
    accept(&world, &server).await;
    let version = world.wait_until_quiet().await;
    world.stop_program().await;
    world.start_program().await;
    assert_eq!(world.wait_until_quiet().await, version, "nothing is written");
    // What happens to the object while no program runs is found out afterwards.
    world.stop_program().await;
    credentials(&world, "team-a").delete("repo", &DeleteParams::default()).await.unwrap();
    world.start_program().await;
    wait_until_nothing_is_left(&world).await;
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_of_isolation_moves_secrets_at_the_next_start() {
    let (mut world, server) = world_with_server().await;
    // Nothing is compared at intervals.
    world.settings.rescan = None;
    world.start_program().await;
    accept(&world, &server).await;
    for isolation in [false, true] {
        world.stop_program().await;
        world.settings.isolation = isolation;
        world.start_program().await;
        eventually("the Secret is for the right project", || async {
            let secrets = repository_secrets(&world).await;
            secrets.values().all(|data| data.contains_key("project") == isolation).then_some(())
        })
        .await;
    }
    world.stop_program().await;
}
