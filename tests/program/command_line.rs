//! The binary as people and scripts see it: exit codes, errors that say what to do, and what `dev`
//! serves. 0 is success, 1 a failure at run time, 2 bad input or environment, 3 not healthy in
//! time.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use sandbox::{ControlPlane, Options};
use schema::connection::{ConnectOptions, connect};
use sea_orm::{ConnectionTrait, Statement, TryGetable};
use serde_json::json;
use tempfile::TempDir;

use crate::process::{Running, program, refused, run, sentence, succeeds};

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn says(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is missing from: {sentence}");
    }
}

fn sqlite(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// What a database says of its migrations.
async fn of_migrations<T: TryGetable>(file: &Path, what: &str) -> T {
    let database = connect(&sqlite(file), &ConnectOptions::default()).await.unwrap();
    let connection = database.reader();
    let query = format!("SELECT {what} FROM seaql_migrations");
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    let value = row.try_get_by_index(0).unwrap();
    database.close().await.unwrap();
    value
}

mod dev_refuses {
    use super::*;

    #[test]
    fn a_directory_that_is_a_file() {
        let scratch = scratch();
        let file = scratch.path().join("file");
        std::fs::write(&file, "").unwrap();
        let said = refused(2, &["dev", "--port", "0", "--dir", text(&file)]);
        says(&said, &[text(&file), "cannot be used", "--dir"]);
        let below = file.join("below");
        says(&refused(2, &["dev", "--port", "0", "--dir", text(&below)]), &["--dir"]);
    }

    #[test]
    fn a_directory_with_unwritable_files() {
        for name in ["lock", "state.db", "kubeconfig"] {
            let scratch = scratch();
            let in_the_way = scratch.path().join(name);
            std::fs::create_dir(&in_the_way).unwrap();
            let said = refused(2, &["dev", "--port", "0", "--dir", text(scratch.path())]);
            says(&said, &[text(&in_the_way)]);
        }
    }

    #[test]
    fn a_port_that_is_in_use() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let scratch = scratch();
        let dir = text(scratch.path());
        let said = refused(2, &["dev", "--port", &port, "--dir", dir]);
        says(&said, &["cannot listen on", &port, "--port 0"]);
        let listen = format!("127.0.0.1:{port}");
        let said = refused(2, &["dev", "--port", "0", "--listen", &listen, "--dir", dir]);
        says(&said, &["cannot listen on", &port, "--listen"]);
    }

    #[test]
    fn a_directory_that_another_dev_uses() {
        let scratch = scratch();
        let mut first = Running::dev(scratch.path(), &[]);
        let said = refused(2, &["dev", "--port", "0", "--dir", text(scratch.path())]);
        says(&said, &["another `managed-gitops dev`", text(scratch.path()), "--dir"]);
        first.terminate();
        let (status, said) = first.wait();
        assert!(status.success(), "the first one is unaffected: {said}");
    }

    #[test]
    fn invalid_settings() {
        let scratch = scratch();
        for level in ["inof", "backend=loud", "backend=debug", "russh=trace"] {
            let said = refused(2, &["--log", level, "dev", "--dir", text(scratch.path())]);
            says(&said, &["--log", level]);
            let output = program(&["crds"]).env("LOG", level).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{level}");
        }
        let output = run(&["dev", "--status-conditions", "some"]);
        assert_eq!(output.status.code(), Some(2));
        let output = program(&["dev"]).env("PORT", "high").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
    }

    #[test]
    fn an_invalid_namespace() {
        for name in ["", "Bad", "-a", "a/b", &"a".repeat(49)] {
            let argument = format!("--argo-cd-namespace={name}");
            let output = run(&["dev", "--port", "0", &argument]);
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{errors}");
            says(&errors, &["--argo-cd-namespace", "give the name of a namespace"]);
        }
    }

    #[test]
    fn a_database_that_another_cluster_uses() {
        let scratch = scratch();
        let url = sqlite(&scratch.path().join("shared.db"));
        let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
        let arguments = ["--demo", "--exit-when-healthy", "--database-url", &url];
        for _ in 0..2 {
            let (status, said) = Running::begin_dev(&one, &arguments).wait();
            assert_eq!(status.code(), Some(0), "{said}");
        }
        let dir = ["dev", "--port", "0", "--dir", text(&other), "--database-url", &url];
        says(&refused(2, &dir), &["shared.db", "belongs to another cluster", "of its own"]);
        let (status, said) = Running::begin_dev(&one, &arguments).wait();
        assert_eq!(status.code(), Some(0), "nothing was lost: {said}");
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version() {
        let scratch = scratch();
        let file = newer_database(scratch.path()).await;
        let before = rows(&file).await;
        let said = refused(2, &["dev", "--port", "0", "--dir", text(scratch.path())]);
        says(&said, &["newer version", "m20991231_000001_later", "nothing was changed"]);
        says(&refused(2, &["migrate", "--database-url", &sqlite(&file)]), &["newer version"]);
        assert_eq!(rows(&file).await, before);
    }

    async fn newer_database(directory: &Path) -> PathBuf {
        let file = directory.join("state.db");
        let database = connect(&sqlite(&file), &ConnectOptions::default()).await.unwrap();
        schema::migrate(&database).await.unwrap();
        let later = "INSERT INTO seaql_migrations VALUES ('m20991231_000001_later', 0)";
        database.connection().execute_unprepared(later).await.unwrap();
        database.close().await.unwrap();
        file
    }

    async fn rows(file: &Path) -> i64 {
        of_migrations(file, "count(*)").await
    }
}

mod a_database_url_is_refused {
    use super::*;

    const PASSWORD: &str = "hunter2";

    #[tokio::test]
    async fn when_the_database_is_not_encoded_in_utf_8() {
        let Ok(server) = std::env::var("DATABASE_URL") else {
            println!("skipping PostgreSQL: DATABASE_URL is not set");
            return;
        };
        let admin = connect(&server, &ConnectOptions::default()).await.unwrap();
        let name = format!("gitops_test_{}", uuid::Uuid::new_v4().simple());
        let create =
            format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
        admin.connection().execute_unprepared(&create).await.unwrap();
        let query = server.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
        let (scheme, rest) = server.split_once("://").unwrap();
        let host = rest.split(['/', '?']).next().unwrap();
        let url = format!("{scheme}://{host}/{name}{query}");
        let said = tokio::task::spawn_blocking(move || said_of(&url)).await;
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        admin.connection().execute_unprepared(&drop).await.unwrap();
        says(&said.unwrap(), &["LATIN1", "ENCODING 'UTF8'"]);
    }

    fn said_of(url: &str) -> String {
        let scratch = scratch();
        let dir = text(scratch.path());
        let mut said = String::new();
        for arguments in [
            &["migrate", "--database-url", url][..],
            &["dev", "--port", "0", "--dir", dir, "--database-url", url],
        ] {
            let output = run(arguments);
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments:?} said {errors}");
            assert!(!errors.contains(PASSWORD), "the password was printed: {errors}");
            said = sentence(&errors);
        }
        said
    }

    #[test]
    fn when_it_is_for_another_database() {
        says(&said_of("mysql://gitops:hunter2@localhost/gitops"), &["mysql:", "postgres://"]);
    }

    #[test]
    fn when_it_is_not_a_url() {
        says(&said_of("hunter2"), &["no scheme", "postgres://", "sqlite://"]);
    }

    #[test]
    fn when_nothing_listens_there() {
        // No test is ever assigned this port, and hardly any machine listens on it.
        let url = "postgres://gitops:hunter2@127.0.0.1:1/gitops?sslmode=disable";
        says(&said_of(url), &["127.0.0.1:1", "refuses connections", "check"]);
    }

    #[test]
    fn and_its_password_is_not_in_the_help() {
        let output =
            program(&["all", "--help"]).env("DATABASE_URL", "postgres://u:hunter2@h/d").output();
        let output = output.unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        says(&help, &["--database-url", "DATABASE_URL"]);
        assert!(!help.contains(PASSWORD));
    }
}

mod on_a_cluster {
    use super::*;

    /// A cluster, its kubeconfig in a directory, and a database next to it.
    async fn cluster(options: Options) -> (ControlPlane, TempDir, String, String) {
        let plane = ControlPlane::start(options).await.unwrap();
        let scratch = scratch();
        let kubeconfig = scratch.path().join("kubeconfig");
        std::fs::write(&kubeconfig, plane.kubeconfig()).unwrap();
        let url = sqlite(&scratch.path().join("state.db"));
        let kubeconfig = text(&kubeconfig).to_owned();
        (plane, scratch, kubeconfig, url)
    }

    async fn refused_there(command: &str, options: Options) -> String {
        let (plane, scratch, kubeconfig, url) = cluster(options).await;
        let command = command.to_owned();
        let said = tokio::task::spawn_blocking(move || {
            let listen = ["--listen", "127.0.0.1:0"];
            let from = ["--kubeconfig", &kubeconfig, "--database-url", &url];
            refused(2, &[&[command.as_str()], &listen[..], &from[..]].concat())
        });
        let said = said.await.unwrap();
        plane.shutdown().await;
        drop(scratch);
        said
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_asks_for_missing_definitions() {
        let said = refused_there("all", Options::with_crds(argocd_stand_in::definitions())).await;
        let missing = "gitopsdeployments.managed-gitops.redhat.com";
        says(&said, &["lacks", missing, "managed-gitops crds | kubectl apply -f -"]);
        assert!(!said.contains("applications.argoproj.io"), "Argo CD's exist: {said}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn backend_and_agent_alone_refuse_sqlite() {
        for command in ["backend", "agent"] {
            let said = refused_there(command, Options::with_crds(crds::all())).await;
            says(&said, &["PostgreSQL", "postgres://", "managed-gitops all"]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_cluster_that_does_not_answer_is_named() {
        let (plane, scratch, kubeconfig, url) = cluster(Options::default()).await;
        plane.shutdown().await;
        let from = ["--kubeconfig", &kubeconfig, "--database-url", &url];
        let said = refused(2, &[&["all", "--listen", "127.0.0.1:0"], &from[..]].concat());
        says(&said, &["127.0.0.1 does not answer", "Connection refused", "kubeconfig"]);
        drop(scratch);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn check_says_what_is_wrong_until_a_replica_acts() {
        let definitions = argocd_stand_in::definitions().into_iter().chain(crds::all());
        let options = Options::with_crds(definitions);
        let (plane, scratch, kubeconfig, url) = cluster(options).await;
        let checked = tokio::task::spawn_blocking(move || {
            let from = ["--kubeconfig", &kubeconfig, "--database-url", &url];
            let checks = |more: &[(&str, &str)]| {
                let output =
                    program(&[&["check"], &from[..]].concat()).envs(more.iter().copied()).output();
                let output = output.unwrap();
                (output.status.code(), String::from_utf8(output.stdout).unwrap())
            };
            let (code, said) = checks(&[]);
            assert_eq!(code, Some(2), "{said}");
            says(&said, &["failed  database: ", "ok      cluster: 127.0.0.1, Kubernetes v"]);
            says(&said, &["failed  leader: nobody holds the Lease managed-gitops-backend"]);

            let listen = ["--listen", "127.0.0.1:0"];
            let mut command = program(&[&["all"], &listen[..], &from[..]].concat());
            command.env("POD_NAME", "first").env("SEALING_KEYS", sealing_key("k", 'A'));
            let acting = Running::begin(command);
            acting.wait_for_line(|line| line.contains("this replica acts"));
            let (code, said) = checks(&[("SEALING_KEYS", &sealing_key("k", 'A'))]);
            assert_eq!(code, Some(0), "{said}");
            says(&said, &["ok      database: ", "state.db", "ok      database and cluster: "]);
            says(&said, &["ok      sealing keys: they open what is sealed; k seals"]);
            says(&said, &["first holds managed-gitops-backend, first holds managed-gitops-agent"]);

            let (code, said) = checks(&[("SEALING_KEYS", &sealing_key("k", 'E'))]);
            assert_eq!(code, Some(2), "{said}");
            says(&said, &["failed  sealing keys: ", "ok      leader: "]);
        });
        checked.await.unwrap();
        plane.shutdown().await;
        drop(scratch);
    }

    /// A key of one repeated digit.
    fn sealing_key(id: &str, digit: char) -> String {
        format!("{id}={}=", digit.to_string().repeat(43))
    }

    #[test]
    fn a_kubeconfig_that_is_missing_or_unreadable_is_named() {
        let scratch = scratch();
        let path = scratch.path().join("nowhere");
        says(&refused(2, &["all", "--kubeconfig", text(&path)]), &[text(&path), "--kubeconfig"]);
        std::fs::write(&path, "clusters:\n- token: hunter2\n").unwrap();
        for from in [&["--kubeconfig", text(&path)][..], &[]] {
            let output =
                program(&["all"]).args(from).env("KUBECONFIG", text(&path)).output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{errors}");
            says(&sentence(&errors), &["it is not a kubeconfig", "line", "--kubeconfig"]);
            assert!(!errors.contains("hunter2"), "a line of the file was printed: {errors}");
        }
    }
}

mod crds_prints {
    use super::*;

    #[test]
    fn exactly_the_committed_manifest() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/manifests/managed-gitops.yaml");
        assert_eq!(succeeds(&["crds"]), std::fs::read_to_string(path).unwrap());
    }

    #[test]
    fn into_a_pipe_that_closes_early() {
        let mut child =
            program(&["crds"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The manifest is far larger than a pipe's buffer, so the rest of it cannot be written.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert!(output.status.success());
    }
}

mod version_prints {
    use super::*;

    #[tokio::test]
    async fn the_commit_and_the_newest_migration_of_a_database_of_this_build() {
        let scratch = scratch();
        let file = scratch.path().join("state.db");
        succeeds(&["migrate", "--database-url", &sqlite(&file)]);
        let newest: String = of_migrations(&file, "max(version)").await;
        let version = env!("CARGO_PKG_VERSION");
        let printed = succeeds(&["version"]);
        let commit = printed.lines().find_map(|line| line.strip_prefix("commit: ")).unwrap();
        assert_eq!(printed, format!("version: {version}\ncommit: {commit}\nschema: {newest}\n"));
        let fields: serde_json::Value =
            serde_json::from_str(&succeeds(&["version", "--output", "json"])).unwrap();
        let wanted = json!({"version": version, "commit": commit, "schema": newest});
        assert_eq!(fields, wanted);
        assert_eq!(succeeds(&["--version"]), format!("managed-gitops {version}\n"));
    }
}

mod a_database {
    use super::*;

    #[test]
    fn is_migrated_once() {
        let scratch = scratch();
        let url = sqlite(&scratch.path().join("state.db"));
        says(&succeeds(&["migrate", "--database-url", &url]), &["applied m2026"]);
        let again = succeeds(&["migrate", "--database-url", &url]);
        assert_eq!(again, "the database is up to date\n");
    }

    #[test]
    fn is_copied_while_dev_runs() {
        let scratch = scratch();
        let dir = scratch.path().join("dev");
        let dev = Running::begin_dev(&dir, &["--demo"]);
        dev.wait_for_line(|line| line.contains("is Synced and Healthy"));
        let copy = scratch.path().join("copy.db");
        let arguments = ["backup", "--dir", text(&dir), text(&copy)];
        let said = succeeds(&arguments);
        let length = std::fs::metadata(&copy).unwrap().len();
        says(&said, &[text(&copy), &format!("{length} bytes, checked")]);
        let names = std::fs::read_dir(scratch.path()).unwrap().count();
        assert_eq!(names, 2, "only the directory of dev and the copy exist");
        assert_eq!(schema::embedded::integrity_check(&copy).map_err(|one| one.to_string()), Ok(()));
        let connection = rusqlite::Connection::open(&copy).unwrap();
        let machines = "SELECT count(*) FROM machine WHERE kind = 'Deployment'";
        let copied: i64 = connection.query_row(machines, [], |row| row.get(0)).unwrap();
        assert_eq!(copied, 1, "the copy holds the sample");
        says(&refused(2, &arguments), &[text(&copy), "exists"]);
        let missing = scratch.path().join("missing");
        let other = scratch.path().join("other.db");
        let arguments = ["backup", "--dir", text(&missing), text(&other)];
        says(&refused(2, &arguments), &["no database file", text(&missing)]);
    }
}

mod dev_ends {
    use super::*;

    #[test]
    fn with_0_once_everything_is_healthy() {
        let scratch = scratch();
        for _ in 0..2 {
            let mut dev = Running::begin_dev(scratch.path(), &["--demo", "--exit-when-healthy"]);
            let (status, said) = dev.wait();
            assert_eq!(status.code(), Some(0), "{said}");
            says(&said, &["demo/guestbook is Synced and Healthy", "healthy: 1 of 1"]);
        }
    }

    #[test]
    fn with_0_on_a_termination_signal() {
        let scratch = scratch();
        let mut dev = Running::dev(scratch.path(), &[]);
        dev.terminate();
        let (status, said) = dev.wait();
        assert_eq!(status.code(), Some(0), "{said}");
        says(&said, &["stopping"]);
    }

    #[test]
    fn with_3_when_something_is_not_healthy_in_time() {
        let scratch = scratch();
        let mut first = Running::dev(scratch.path(), &[]);
        degrade_the_sample(scratch.path());
        first.terminate();
        assert!(first.wait().0.success());
        let demo = ["--demo", "--exit-when-healthy", "--healthy-within", "1"];
        let (status, said) = Running::begin_dev(scratch.path(), &demo).wait();
        assert_eq!(status.code(), Some(3), "{said}");
        says(&said, &["1 of 1 deployments were not ready within 1 s"]);
    }

    fn degrade_the_sample(directory: &Path) {
        let kubeconfig = Kubeconfig::read_from(directory.join("kubeconfig")).unwrap();
        let mut map = ConfigMap::default();
        map.metadata.name = Some(argocd_stand_in::OUTCOMES.to_owned());
        map.data = Some([("path.guestbook".to_owned(), "degraded".to_owned())].into());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
            let client = kube::Client::try_from(config).unwrap();
            let api = Api::<ConfigMap>::namespaced(client, "gitops-service-argocd");
            api.create(&PostParams::default(), &map).await.unwrap();
        });
    }
}

mod dev_serves {
    use super::*;

    #[test]
    fn whether_it_is_alive_and_ready() {
        let scratch = scratch();
        let dev = Running::begin_dev(scratch.path(), &["--demo"]);
        // A healthy deployment has been observed, so every watch has started.
        dev.wait_for_line(|line| line.contains("is Synced and Healthy"));
        for path in ["/livez", "/readyz"] {
            let (head, body) = dev.page(path);
            assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
            assert_eq!(body, "ok\n");
        }
        assert!(dev.page("/nothing").0.starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn metrics_that_a_strict_reader_of_openmetrics_accepts() {
        let scratch = scratch();
        let dev = Running::begin_dev(scratch.path(), &["--demo"]);
        dev.wait_for_line(|line| line.contains("is Synced and Healthy"));
        let (head, body) = dev.page("/metrics");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        says(&head.to_lowercase(), &["content-type: application/openmetrics-text; version=1.0.0"]);
        let families = families(&body);
        for (name, type_) in [
            ("gitops_backend_steps", "counter"),
            ("gitops_statements", "counter"),
            ("gitops_watch_synced", "gauge"),
            ("gitops_watch_events", "counter"),
            ("gitops_api_requests", "counter"),
            ("gitops_batch_seconds", "histogram"),
        ] {
            let known = families.iter().find(|family| family.name == name);
            let known = known.unwrap_or_else(|| panic!("{name} is missing from\n{body}"));
            assert_eq!(known.type_, type_, "{name}");
            assert!(known.samples > 0, "{name} has no sample");
        }
    }

    struct Family<'a> {
        name: &'a str,
        type_: &'a str,
        samples: usize,
    }

    /// The metric families of a text: each once, with its help and type before its samples.
    fn families(body: &str) -> Vec<Family<'_>> {
        let body = body.strip_suffix("# EOF\n").expect("the text ends with `# EOF`");
        let mut families: Vec<Family<'_>> = Vec::new();
        let mut helped = Vec::new();
        for line in body.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(!help.is_empty() && !helped.contains(&name), "{line}");
                helped.push(name);
            } else if let Some(type_) = line.strip_prefix("# TYPE ") {
                let (name, type_) = type_.split_once(' ').unwrap();
                assert_eq!(helped.last(), Some(&name), "help comes first: {line}");
                families.push(Family { name, type_, samples: 0 });
            } else if !line.starts_with("# UNIT ") {
                sample(families.last_mut().expect("a family starts with its type"), line);
            }
        }
        families
    }

    fn sample(family: &mut Family<'_>, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let suffixes: &[&str] = match family.type_ {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        let suffix = name.strip_prefix(family.name).unwrap_or("of another");
        assert!(suffixes.contains(&suffix), "{line} belongs to another family");
        assert!(value.parse::<f64>().is_ok(), "{line} has no number");
        family.samples += 1;
    }
}
