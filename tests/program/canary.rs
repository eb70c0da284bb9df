//! What is in a Secret is found nowhere but where its user wrote it and where Argo CD needs it: in
//! nothing that the real binary says, serves or keeps, in no dump of its database, and in no panic.
//!
//! Each canary occurs nowhere else. It is looked for as it is and in every form in which something
//! might repeat it, in the midst of other text.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crds::GitOpsDeploymentRepositoryCredential;
use futures::future::BoxFuture;
use git_access::url::GitUrl;
use git_access::{Checker, Credentials, Failure, Policy, Trust};
use git_stand_in::{Access, Account, HttpsServer, KeyPair, SshServer};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::client::Body;
use managed_gitops::repositories::{Network, Repositories};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::harness::{self, ARGO_CD, World, eventually};
use crate::process::{Running, succeeds};
use crate::repository_credentials::keyring;

/// Passwords and the name of a user, with characters that URLs, JSON and shells treat in their own
/// ways around what is looked for.
const PASSWORD: &str = "\"\\<é>/@:%+ canary3f81d02c97 ?#&=\t\u{1}";
const ROTATED: &str = "'canary77b0e1956a\n";
const WRONG: &str = "canary0c49ad83e2";
const IN_URL: &str = "canaryb2d6407f1e";
const USER: &str = "canaryuser5a9c31";
/// What is looked for of each of them.
const CORES: [&str; 5] =
    ["canary3f81d02c97", "canary77b0e1956a", WRONG, IN_URL, "canaryuser5a9c31"];
const NAMESPACE: &str = "team-a";
const REPOSITORY: &str = "team/app.git";

// === what is looked for ===

/// Texts that must not be repeated, in all their forms.
struct Canaries(BTreeSet<String>);

impl Canaries {
    fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().flat_map(forms).collect())
    }

    /// One of them in a text.
    fn find(&self, text: &[u8]) -> Option<&str> {
        let is_in = |form: &&String| text.windows(form.len()).any(|one| one == form.as_bytes());
        self.0.iter().find(is_in).map(String::as_str)
    }

    fn are_not_in(&self, place: &str, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        if let Some(form) = self.find(text) {
            panic!("{form} is in {place}:\n{}", String::from_utf8_lossy(text));
        }
    }
}

/// A text as it is, byte by byte in the notations of logs, URLs, JSON and dumps, and in base64.
fn forms(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let each = |form: fn(&u8) -> String| bytes.iter().map(form).collect::<String>();
    let joined = |by: &str| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(by);
    let mut forms = vec![
        text.to_owned(),
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("{byte:02X}")),
        each(|byte| format!("%{byte:02x}")),
        each(|byte| format!("%{byte:02X}")),
        each(|byte| format!("\\u{byte:04x}")),
        each(|byte| format!("\\x{byte:02x}")),
        joined(", "),
        joined(","),
    ];
    for before in 0..3 {
        let bytes = [&vec![0; before], bytes].concat();
        // A character has six bits: the first ones and the last one depend on what is around.
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        let encoded = &base64(&bytes)[first..last];
        forms.extend([encoded.to_owned(), encoded.replace('+', "-").replace('/', "_")]);
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    json!(ByteString(bytes.to_vec())).as_str().unwrap().to_owned()
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_canary_is_found_in_every_form() {
    let canaries = Canaries::of(CORES);
    for text in [
        format!("password={PASSWORD}"),
        format!("{PASSWORD:?}"),
        format!("{:?}", PASSWORD.as_bytes()),
        json!(PASSWORD).to_string(),
        json!(PASSWORD.as_bytes()).to_string(),
        base64(format!("bob:{PASSWORD}").as_bytes()),
        base64(format!("Basic bob:{PASSWORD}").as_bytes()),
        format!("https://bob:{}@example.com", percent_encoded(PASSWORD)),
        PASSWORD.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ] {
        assert!(canaries.find(text.as_bytes()).is_some(), "{text}");
    }
    assert_eq!(canaries.find(b"canary, or https://bob:hunter2@example.com"), None);
}

/// The lines of a private key that are not public.
fn secret_lines(key: &KeyPair) -> impl Iterator<Item = &str> {
    // What comes before them holds the public key.
    key.private.lines().skip(4).filter(|line| !line.starts_with("-----") && line.len() > 20)
}

// === an installation with credentials of every kind ===

struct Servers {
    https: HttpsServer,
    ssh: SshServer,
    key: KeyPair,
}

impl Servers {
    fn start() -> Self {
        let (https, ssh, key) = (HttpsServer::start(), SshServer::start(), KeyPair::generate());
        https.set_repository(REPOSITORY, Account::new(USER, PASSWORD));
        https.set_repository("team/other.git", Account::new(USER, "another"));
        ssh.set_repository(REPOSITORY, Access::Key(key.public.clone()));
        Self { https, ssh, key }
    }

    fn canaries(&self) -> Canaries {
        Canaries::of(CORES.into_iter().chain(secret_lines(&self.key)))
    }
}

/// Writes an object.
async fn put<K>(client: &kube::Client, namespace: &str, object: Value)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + DeserializeOwned + serde::Serialize,
{
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    let parameters = PatchParams::apply("tests").force();
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    api.patch(&name, &parameters, &Patch::Apply(&object)).await.unwrap();
}

async fn trust(client: &kube::Client, servers: &Servers) {
    let certificates = json!({servers.https.host(): servers.https.certificate_pem()});
    let hosts = json!({"ssh_known_hosts": format!("{}\n", servers.ssh.known_hosts_line())});
    for (name, data) in
        [("argocd-tls-certs-cm", certificates), ("argocd-ssh-known-hosts-cm", hosts)]
    {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data,
        });
        put::<ConfigMap>(client, ARGO_CD, map).await;
    }
}

async fn put_secret(client: &kube::Client, name: &str, data: &[(&str, &str)]) {
    let type_ = crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE;
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), base64(value.as_bytes()).into()));
    let data: serde_json::Map<String, Value> = data.collect();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": type_,
        "data": data,
    });
    put::<Secret>(client, NAMESPACE, secret).await;
}

async fn put_credential(client: &kube::Client, name: &str, repository: &str, secret: &str) {
    let credential = json!({
        "apiVersion": "managed-gitops.redhat.com/v1alpha1",
        "kind": "GitOpsDeploymentRepositoryCredential",
        "metadata": {"name": name},
        "spec": {"repository": repository, "secret": secret},
    });
    put::<GitOpsDeploymentRepositoryCredential>(client, NAMESPACE, credential).await;
}

async fn wait_until(client: &kube::Client, name: &str, condition: &str, reason: &str) {
    let api: Api<GitOpsDeploymentRepositoryCredential> = Api::namespaced(client.clone(), NAMESPACE);
    eventually(&format!("{name} is {condition}, {reason}"), || async {
        let found = api.get(name).await.unwrap();
        let conditions = found.status.iter().flat_map(|status| &status.conditions);
        let mut is_so = conditions.filter(|one| one.type_ == condition && one.status == "True");
        is_so.any(|one| one.reason == reason).then_some(())
    })
    .await;
}

/// How many repository Secrets of Argo CD say this.
async fn told(client: &kube::Client, key: &str, value: &str) -> usize {
    let api: Api<Secret> = Api::namespaced(client.clone(), ARGO_CD);
    let says = |one: &Secret| {
        one.data.iter().flatten().any(|(name, said)| name == key && said.0 == value.as_bytes())
    };
    harness::all(&api).await.iter().filter(|one| says(one)).count()
}

/// Credentials that are accepted, rotated, removed, refused for every reason, and rejected.
async fn use_credentials(client: &kube::Client, servers: &Servers) {
    trust(client, servers).await;
    let (https, ssh) = (servers.https.url(REPOSITORY), servers.ssh.url(REPOSITORY));
    let other = servers.https.url("team/other.git");
    put_secret(client, "opened", &[("username", USER), ("password", PASSWORD)]).await;
    put_secret(client, "by-key", &[("sshPrivateKey", &servers.key.private)]).await;
    put_secret(client, "wrong", &[("username", USER), ("password", WRONG)]).await;
    put_secret(client, "no-key", &[("sshPrivateKey", WRONG)]).await;
    for (name, repository, secret) in [
        ("opened", https.as_str(), "opened"),
        ("by-key", &ssh, "by-key"),
        ("refused", &other, "wrong"),
        ("missing", &servers.https.url("team/none.git"), "opened"),
        ("unusable", &ssh, "no-key"),
        ("elsewhere", &https, "by-key"),
    ] {
        put_credential(client, name, repository, secret).await;
    }
    wait_until(client, "opened", "Ready", "Valid").await;
    wait_until(client, "by-key", "Ready", "Valid").await;
    wait_until(client, "refused", "Stalled", "AuthenticationRefused").await;
    wait_until(client, "missing", "Stalled", "RepositoryNotFound").await;
    wait_until(client, "unusable", "Stalled", "SecretUnusable").await;
    wait_until(client, "elsewhere", "Stalled", "SecretUnusable").await;
    servers.https.set_repository(REPOSITORY, Account::new(USER, ROTATED));
    put_secret(client, "opened", &[("username", USER), ("password", ROTATED)]).await;
    eventually("the rotated password is told", || async {
        (told(client, "password", ROTATED).await == 1).then_some(())
    })
    .await;
    let api: Api<GitOpsDeploymentRepositoryCredential> = Api::namespaced(client.clone(), NAMESPACE);
    api.delete("by-key", &DeleteParams::default()).await.unwrap();
    eventually("the key is told to nobody", || async {
        (told(client, "sshPrivateKey", &servers.key.private).await == 0).then_some(())
    })
    .await;
}

/// Passwords in URLs, where none may be.
async fn write_urls(client: &kube::Client) {
    let urls = [IN_URL.to_owned(), percent_encoded(IN_URL)].map(|password| {
        [
            format!("https://bob:{password}@git.example.com/team/app"),
            format!("ssh://git:{password}@git.example.com/team/app"),
        ]
    });
    for (number, url) in urls.iter().flatten().enumerate() {
        let name = format!("in-url-{number}");
        put_credential(client, &name, url, "opened").await;
        wait_until(client, &name, "Stalled", "Rejected").await;
        let deployment = json!({
            "apiVersion": "managed-gitops.redhat.com/v1alpha1", "kind": "GitOpsDeployment",
            "metadata": {"name": name},
            "spec": {"type": "automated", "source": {"repoURL": url, "path": "deploy"}},
        });
        put::<crds::GitOpsDeployment>(client, NAMESPACE, deployment).await;
        let api: Api<crds::GitOpsDeployment> = Api::namespaced(client.clone(), NAMESPACE);
        eventually("the deployment is rejected", || async {
            let found = api.get(&name).await.unwrap();
            let stalled = harness::condition(&found, "Stalled");
            stalled.filter(|one| one.status == "True").map(drop)
        })
        .await;
    }
}

// === where it is looked for ===

async fn get(client: &kube::Client, path: &str) -> Value {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    client.request(request).await.unwrap()
}

fn texts<'a>(value: &'a Value, list: &str, text: &str) -> Vec<&'a str> {
    let items = value[list].as_array().into_iter().flatten();
    items.filter_map(|item| item.pointer(text)?.as_str()).collect()
}

/// Every object of every kind, but what users wrote themselves and what Argo CD is told.
async fn search_objects(client: &kube::Client, canaries: &Canaries) {
    let groups = get(client, "/apis").await;
    let groups = texts(&groups, "groups", "/preferredVersion/groupVersion");
    let roots = groups.iter().map(|group| format!("/apis/{group}"));
    let (mut kinds, mut written) = (0, 0);
    for root in roots.chain(["/api/v1".to_owned()]) {
        let resources = get(client, &root).await;
        for resource in resources["resources"].as_array().into_iter().flatten() {
            let name = resource["name"].as_str().unwrap();
            if !resource["verbs"].as_array().is_some_and(|verbs| verbs.contains(&json!("list"))) {
                continue;
            }
            kinds += 1;
            let list = get(client, &format!("{root}/{name}")).await;
            for item in list["items"].as_array().into_iter().flatten() {
                let mut item = item.clone();
                let field = match name {
                    "secrets" if may_hold_a_secret(&item) => "data",
                    _ if name.starts_with("gitopsdeployment") => "spec",
                    _ => "none",
                };
                let belongs = item.get_mut(field).map(Value::take).unwrap_or_default();
                written += usize::from(canaries.find(belongs.to_string().as_bytes()).is_some());
                canaries.are_not_in(&format!("{root}/{name}"), item.to_string());
            }
        }
    }
    assert!(kinds > 10 && written > 10, "{kinds} kinds; {written} objects may repeat a secret");
}

fn may_hold_a_secret(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap();
    metadata["namespace"] == NAMESPACE
        || (metadata["namespace"] == ARGO_CD
            && crds::names::repository_credential_id(name).is_some())
}

/// Every Operation that ever was.
async fn search_operations(client: &kube::Client, canaries: &Canaries) {
    let api: Api<crds::Operation> = Api::namespaced(client.clone(), ARGO_CD);
    let history = harness::history(&api, "1").await;
    assert!(history.len() > 5, "{history:?}");
    canaries.are_not_in("an Operation", format!("{history:?}"));
}

/// Every file of `dev` but those of its cluster, which keeps the users' Secrets.
fn search_files(directory: &Path, canaries: &Canaries) {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            assert!(
                ["sandbox", "sealing-keys"].contains(&name.as_str()),
                "{name} is not looked at"
            );
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        canaries.are_not_in(&name, bytes);
        names.insert(name);
    }
    assert!(["state.db", "state.db-wal", "kubeconfig"].iter().all(|one| names.contains(*one)));
}

fn search_backup(directory: &Path, canaries: &Canaries) {
    let (dir, copy) = (directory.to_str().unwrap(), directory.with_extension("copy"));
    let said = succeeds(&["backup", "--dir", dir, copy.to_str().unwrap()]);
    canaries.are_not_in("what backup says", said);
    let bytes = std::fs::read(&copy).unwrap();
    std::fs::remove_file(&copy).unwrap();
    let says = |word: &str| bytes.windows(word.len()).any(|one| one == word.as_bytes());
    assert!(says("(sealed)") && says("Live/Judged/Refused"), "it is a copy of the database");
    canaries.are_not_in("a backup", bytes);
}

fn search_rotation(directory: &Path, canaries: &Canaries) {
    let url = format!("sqlite://{}", directory.join("state.db").display());
    let keys = directory.join("sealing-keys");
    let said = succeeds(&[
        "rotate-keys",
        "--log",
        "debug",
        "--database-url",
        &url,
        "--sealing-keys-dir",
        keys.to_str().unwrap(),
    ]);
    canaries.are_not_in("what rotate-keys says", said);
}

fn search_pages(dev: &Running, canaries: &Canaries) {
    for path in ["/livez", "/healthz", "/readyz", "/metrics", "/", &format!("/{WRONG}")] {
        let (head, body) = dev.page(path);
        assert!(path != "/metrics" || body.contains("gitops_watch_errors"), "{body}");
        canaries.are_not_in(path, head + &body);
    }
}

fn search_log(mut dev: Running, canaries: &Canaries) {
    dev.terminate();
    let (status, said) = dev.wait();
    assert!(status.success() && said.contains("DEBUG"), "{said}");
    canaries.are_not_in("the log", said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_in_nothing_that_the_real_program_says_serves_or_keeps() {
    let (scratch, servers) = (tempfile::tempdir().unwrap(), Servers::start());
    let (directory, canaries) = (scratch.path().join("dev"), servers.canaries());
    let dev = Running::dev(&directory, &["--log", "debug"]);
    let client = harness::client(&directory.join("kubeconfig")).await;
    harness::create_namespace(&client, NAMESPACE).await;
    use_credentials(&client, &servers).await;
    write_urls(&client).await;
    search_objects(&client, &canaries).await;
    search_operations(&client, &canaries).await;
    search_pages(&dev, &canaries);
    search_files(&directory, &canaries);
    search_backup(&directory, &canaries);
    search_rotation(&directory, &canaries);
    search_log(dev, &canaries);
    // As machines read the log, and after a restart.
    let dev = Running::dev(&directory, &["--log", "debug", "--log-format", "json"]);
    let client = harness::client(&directory.join("kubeconfig")).await;
    wait_until(&client, "opened", "Ready", "Valid").await;
    servers.https.set_repository(REPOSITORY, Account::new(USER, PASSWORD));
    put_secret(&client, "opened", &[("username", USER), ("password", PASSWORD)]).await;
    eventually("the first password is told again", || async {
        (told(&client, "password", PASSWORD).await == 1).then_some(())
    })
    .await;
    search_pages(&dev, &canaries);
    search_files(&directory, &canaries);
    search_log(dev, &canaries);
}

// === dumps of PostgreSQL ===

/// A program that may ask servers on this machine.
async fn start(world: &mut World) {
    world.settings.sealing = Some(keyring());
    world.settings.repositories = Arc::new(network());
    world.create_namespace(NAMESPACE).await;
    world.start_program().await;
}

fn network() -> Network {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    Network::new(Checker::new(Policy { allow, ..Policy::default() }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_in_no_dump_of_a_postgresql_database() {
    harness::on_postgres(|mut world: World| async move {
        let servers = Servers::start();
        start(&mut world).await;
        use_credentials(&world.client, &servers).await;
        write_urls(&world.client).await;
        let output = Command::new("pg_dump").arg(&world.url).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let dump = String::from_utf8_lossy(&output.stdout);
        for part in ["(sealed)", "COPY public.sealed_value", "COPY public.transition", "Judged"] {
            assert!(dump.contains(part), "{part} is not in the dump");
        }
        servers.canaries().are_not_in("a dump", dump.as_bytes());
        world.stop_program().await;
    })
    .await;
}

// === panics ===

/// Servers that are asked for the first time by a program that has a defect.
#[derive(Debug)]
struct Defective {
    asked: AtomicUsize,
    network: Network,
}

impl Repositories for Defective {
    fn list<'a>(
        &'a self,
        url: &'a GitUrl,
        credentials: &'a Credentials,
        trust: &'a Trust,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let is_first = self.asked.fetch_add(1, Ordering::Relaxed) == 0;
            assert!(!is_first, "a defect of the check: {url:?} {credentials:?}");
            self.network.list(url, credentials, trust).await
        })
    }
}

/// A client with a defect in the first request that writes a Secret for Argo CD.
fn defective(client: &kube::Client) -> kube::Client {
    let (inner, writes) = (client.clone(), Arc::new(AtomicUsize::new(0)));
    let namespace = client.default_namespace().to_owned();
    let send = tower::service_fn(move |request: http::Request<Body>| {
        let (inner, writes) = (inner.clone(), Arc::clone(&writes));
        async move {
            let (method, path) = (request.method(), request.uri().path());
            if *method == http::Method::POST
                && path.ends_with(&format!("/{ARGO_CD}/secrets"))
                && writes.fetch_add(1, Ordering::Relaxed) == 0
            {
                panic!("a defect of the write: {method} {path}");
            }
            inner.send(request).await
        }
    });
    kube::client::ClientBuilder::new(send, namespace).build()
}

#[test]
#[ignore = "run by the test below, in a process whose output it reads"]
fn a_program_panics_with_a_secret_at_hand_and_goes_on() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (mut world, servers) = (World::without_program().await, Servers::start());
        let client = world.client.clone();
        world.settings.sealing = Some(keyring());
        let (asked, network) = (AtomicUsize::new(0), network());
        world.settings.repositories = Arc::new(Defective { asked, network });
        world.create_namespace(NAMESPACE).await;
        world.client = defective(&client);
        world.start_program().await;
        trust(&client, &servers).await;
        put_secret(&client, "opened", &[("username", USER), ("password", PASSWORD)]).await;
        put_credential(&client, "opened", &servers.https.url(REPOSITORY), "opened").await;
        wait_until(&client, "opened", "Ready", "Valid").await;
        world.stop_program().await;
    });
}

#[test]
fn a_panic_with_a_secret_at_hand_repeats_nothing_of_it() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "--test-threads", "1"])
        .arg("canary::a_program_panics_with_a_secret_at_hand_and_goes_on")
        .env("RUST_BACKTRACE", "full")
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{text}");
    for part in ["a defect of the check: ", "a defect of the write: POST", "stack backtrace:"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    Canaries::of(CORES).are_not_in("what a panic says", &said);
}
