use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const URL: &str = "https://api.example.com:6443";
const TOKEN: &str = "eyJhbGciOi.Zq7xKw93v-Ppl2Tt0_Hh4.Ym8Nn5";

/// A kubeconfig with one cluster, context and user.
fn usual() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": { "colors": true },
        "clusters": [{ "name": "c", "cluster": { "server": URL } }],
        "contexts": [{ "name": "x", "context": { "cluster": "c", "user": "u", "namespace": "n" } }],
        "users": [{ "name": "u", "user": { "token": TOKEN } }],
        "current-context": "x",
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut kubeconfig = usual();
    change(&mut kubeconfig);
    kubeconfig
}

fn with_user(user: Value) -> Value {
    with(|it| it["users"][0]["user"] = user)
}

fn with_cluster(key: &str, value: Value) -> Value {
    with(|it| it["clusters"][0]["cluster"][key] = value)
}

fn url() -> ApiUrl {
    ApiUrl::parse(URL).unwrap()
}

fn read_text(text: &str) -> Result<Target, Failure> {
    Target::of_kubeconfig(text.as_bytes(), &url(), false)
}

/// Reads it as YAML and as JSON, of which the outcome is the same.
fn read(kubeconfig: &Value) -> Result<Target, Failure> {
    let json = read_text(&kubeconfig.to_string());
    for other in [yaml(kubeconfig), indented(kubeconfig)] {
        let other = read_text(&other);
        match (&json, &other) {
            (Ok(one), Ok(two)) => assert_eq!(facts(one), facts(two)),
            (Err(one), Err(two)) => assert_eq!(one, two),
            _ => panic!("{json:?} is not {other:?}"),
        }
    }
    json
}

fn yaml(kubeconfig: &Value) -> String {
    serde_saphyr::to_string(kubeconfig).unwrap()
}

/// As JSON with tabs, which YAML does not like everywhere.
fn indented(kubeconfig: &Value) -> String {
    let mut text = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, format);
    serde::Serialize::serialize(kubeconfig, &mut writer).unwrap();
    String::from_utf8(text).unwrap()
}

fn facts(target: &Target) -> (String, String, bool, Option<String>) {
    let trust = match &target.trust {
        Trust::System => "system".to_owned(),
        Trust::Authority(pem) => pem.clone(),
        Trust::Anyone => "anyone".to_owned(),
    };
    let token = target.token.expose_secret().to_owned();
    (target.url.to_string(), token, trust == "anyone", target.server_name.clone())
}

fn token_of(kubeconfig: &Value) -> String {
    read(kubeconfig).unwrap().token.expose_secret().to_owned()
}

fn message(kubeconfig: &Value) -> String {
    read(kubeconfig).unwrap_err().reason().message()
}

fn cause(text: &str) -> Cause {
    let failure = read_text(text).unwrap_err();
    let message = failure.reason().message();
    assert!(message.starts_with("unable to parse kubeconfig data: "), "{message}");
    failure.cause()
}

fn pem() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap();
    params.self_signed(&key).unwrap().pem()
}

#[test]
fn a_token_is_read() {
    let target = read(&usual()).unwrap();
    assert_eq!(target.url, url());
    assert_eq!(target.token.expose_secret(), TOKEN);
    assert_eq!((target.trust, target.server_name), (Trust::System, None));
}

#[test]
fn servers_are_compared_without_case() {
    let server = URL.to_uppercase();
    assert_eq!(token_of(&with_cluster("server", json!(server))), TOKEN);
    for server in ["https://api.example.com:6443/", "https://api.example.com", ""] {
        let kubeconfig = with_cluster("server", json!(server));
        let text =
            format!("the kubeconfig did not have a cluster entry that matched the API URL '{URL}'");
        assert_eq!(message(&kubeconfig), text);
        assert_eq!(read(&kubeconfig).unwrap_err().cause(), Cause::ClusterMissing);
    }
}

#[test]
fn what_is_around_a_token_is_not_part_of_it() {
    let folded = usual().to_string().replace(TOKEN, &format!(" {TOKEN}\\n"));
    assert_eq!(read_text(&folded).unwrap().token.expose_secret(), TOKEN);
    let block = format!("\n      token: |\n        {TOKEN}\n");
    let usual = yaml(&usual());
    let line = usual.lines().find(|line| line.contains(TOKEN)).unwrap();
    let text = usual.replace(line, &block);
    assert_eq!(read_text(&text).unwrap().token.expose_secret(), TOKEN);
}

#[test]
fn the_current_context_is_used_or_the_first_by_name() {
    let kubeconfig = |current: &str| {
        with(|it| {
            let context = |name: &str, cluster: &str| json!({ "name": name, "context": { "cluster": cluster, "user": name } });
            let user = |name: &str| json!({ "name": name, "user": { "token": name } });
            let server =
                |name: &str, server: &str| json!({ "name": name, "cluster": { "server": server } });
            it["clusters"] =
                json!([server("z", URL), server("a", URL), server("other", "https://b")]);
            it["contexts"] = json!([
                context("x3", "z"),
                context("x2", "a"),
                context("x1", "other"),
                context("x4", "nobody"),
            ]);
            it["users"] = json!([user("x1"), user("x2"), user("x3"), user("x4")]);
            it["current-context"] = json!(current);
        })
    };
    for (current, expected) in
        [("x3", "x3"), ("x2", "x2"), ("x1", "x2"), ("x4", "x2"), ("", "x2"), ("none", "x2")]
    {
        assert_eq!(token_of(&kubeconfig(current)), expected, "{current}");
    }
}

#[test]
fn what_is_missing_is_said_as_clients_compare_it() {
    let no_context = with(|it| it["contexts"][0]["context"]["cluster"] = json!("d"));
    assert_eq!(
        message(&no_context),
        "the kubeconfig did not have a context that matched the cluster specified in the API URL \
         of the GitOpsDeploymentManagedEnvironment. Context was expected to reference cluster 'c'"
    );
    for user in [json!("v"), Value::Null] {
        let no_user = with(|it| it["contexts"][0]["context"]["user"] = user);
        assert_eq!(
            message(&no_user),
            "unable to extract remote cluster configuration from kubeconfig, missing auth info \
             for x"
        );
    }
    for user in [
        Value::Null,
        json!({}),
        json!({ "token": "" }),
        json!({ "token": " \n" }),
        json!({ "token": null }),
        json!({ "client-certificate-data": "a", "client-key-data": "b" }),
        json!({ "client-certificate": "/a", "client-key": "/b" }),
    ] {
        let no_token = with_user(user.clone());
        assert_eq!(
            message(&no_token),
            "kubeconfig must have a service account token for the user in context \"x\". \
             client-certificate is not supported at this time."
        );
        let failure = read(&no_token).unwrap_err();
        assert_eq!(failure.cause(), Cause::TokenMissing);
        let names_it = failure.sentence().contains("users[].user.client-certificate");
        assert_eq!(names_it, user.to_string().contains("client-certificate"), "{failure}");
    }
}

/// Each field that is refused, as a tenant writes it.
fn forbidden() -> Vec<(&'static str, &'static str, Value)> {
    let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "sh" });
    vec![
        ("cluster", "certificate-authority", json!("/var/run/secrets/ca.crt")),
        ("cluster", "proxy-url", json!("http://proxy.example.com")),
        ("user", "exec", exec),
        ("user", "auth-provider", json!({ "name": "gcp", "config": { "cmd-path": "/bin/sh" } })),
        ("user", "tokenFile", json!("/var/run/secrets/token")),
        ("user", "username", json!("admin")),
        ("user", "password", json!("hunter2")),
        ("user", "as", json!("system:admin")),
        ("user", "as-uid", json!("1")),
        ("user", "as-groups", json!(["system:masters"])),
        ("user", "as-user-extra", json!({ "reason": ["a"] })),
        ("user", "client-certificate", json!("/a")),
        ("user", "client-certificate-data", json!("YQ==")),
        ("user", "client-key", json!("/a")),
        ("user", "client-key-data", json!("YQ==")),
    ]
}

#[test]
fn each_field_that_asks_for_more_is_refused_by_name() {
    for (part, field, value) in forbidden() {
        let kubeconfig = with(|it| it[format!("{part}s")][0][part][field] = value.clone());
        let failure = read(&kubeconfig).unwrap_err();
        assert_eq!(failure.cause(), Cause::FieldRefused, "{field}");
        assert_eq!(failure.reason().name(), "UnableToParseKubeconfigData");
        let text = failure.reason().message();
        let begin =
            format!("unable to parse kubeconfig data: {part}s[].{part}.{field} is not supported: ");
        assert!(text.starts_with(&begin), "{text}");
        assert_eq!(text, format!("unable to parse kubeconfig data: {failure}"));
        assert!(!text.contains(value.as_str().unwrap_or("sh\"")), "{text}");
    }
}

#[test]
fn a_field_with_nothing_in_it_is_none() {
    for (part, field, _) in forbidden() {
        for nothing in [Value::Null, json!(""), json!([]), json!({})] {
            let kubeconfig = with(|it| it[format!("{part}s")][0][part][field] = nothing.clone());
            assert_eq!(token_of(&kubeconfig), TOKEN, "{field}: {nothing}");
        }
        for something in [json!(false), json!(0), json!(-1), json!(0.5), json!([null])] {
            let kubeconfig = with(|it| it[format!("{part}s")][0][part][field] = something.clone());
            let cause = read(&kubeconfig).unwrap_err().cause();
            assert_eq!(cause, Cause::FieldRefused, "{field}: {something}");
        }
    }
}

#[test]
fn what_is_not_used_is_not_judged() {
    for (part, field, value) in forbidden() {
        let kubeconfig = with(|it| {
            let list = it[format!("{part}s")].as_array_mut().unwrap();
            list.push(json!({ "name": "other", part: { field: value } }));
        });
        assert_eq!(token_of(&kubeconfig), TOKEN, "{field}");
    }
}

#[test]
fn the_environment_alone_says_whether_the_certificate_is_checked() {
    let kubeconfig = with_cluster("insecure-skip-tls-verify", json!(true));
    assert_eq!(read(&kubeconfig).unwrap().trust, Trust::System);
    let text = usual().to_string();
    let target = Target::of_kubeconfig(text.as_bytes(), &url(), true).unwrap();
    assert_eq!(target.trust, Trust::Anyone);
    // Nor is what it would be checked by.
    let kubeconfig = with_cluster("certificate-authority-data", json!("nonsense")).to_string();
    assert!(Target::of_kubeconfig(kubeconfig.as_bytes(), &url(), true).is_ok());
}

#[test]
fn an_authority_is_read() {
    let pem = format!("{}{}", pem(), pem());
    let data = STANDARD.encode(&pem);
    let folded = data.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap());
    let folded = folded.collect::<Vec<_>>().join("\r\n");
    for data in [data, folded] {
        let kubeconfig = with_cluster("certificate-authority-data", json!(data));
        assert_eq!(read(&kubeconfig).unwrap().trust, Trust::Authority(pem.clone()));
    }
    let kubeconfig = with_cluster("certificate-authority-data", json!(""));
    assert_eq!(read(&kubeconfig).unwrap().trust, Trust::System);
    for (data, reason) in [
        ("nonsense!".to_owned(), "UnableToParseKubeconfigData"),
        (STANDARD.encode(b"\xff\xfe"), "UnableToParseKubeconfigData"),
        (STANDARD.encode("no certificate"), "UnableToCreateClient"),
        (pem, "UnableToParseKubeconfigData"),
    ] {
        let kubeconfig = with_cluster("certificate-authority-data", json!(data));
        let failure = read(&kubeconfig).unwrap_err();
        assert_eq!(failure.cause(), Cause::AuthorityUnreadable, "{data}");
        assert_eq!(failure.reason().name(), reason, "{data}");
        assert!(failure.reason().message().ends_with(failure.sentence()));
    }
}

#[test]
fn a_server_name_is_read() {
    for (text, expected) in [
        ("Other.Example.com", Some("other.example.com")),
        ("192.0.2.1", Some("192.0.2.1")),
        ("", None),
    ] {
        let kubeconfig = with_cluster("tls-server-name", json!(text));
        assert_eq!(read(&kubeconfig).unwrap().server_name.as_deref(), expected);
    }
    for text in ["a:443", "a/b", "a b", "\n", "-a", "https://a"] {
        let failure = read(&with_cluster("tls-server-name", json!(text))).unwrap_err();
        assert_eq!(failure.cause(), Cause::ServerNameInvalid, "{text}");
        let message = failure.reason().message();
        assert!(message.starts_with("unable to retrieve restConfig from"), "{message}");
    }
}

#[test]
fn a_token_that_cannot_be_sent_is_refused() {
    for token in ["a b", "a\nb", "a\u{e9}", "a\u{0}b", "a\tb"] {
        let failure = read(&with_user(json!({ "token": token }))).unwrap_err();
        assert_eq!(failure.cause(), Cause::TokenUnusable, "{token:?}");
        assert_eq!(failure.reason().name(), "UnableToRetrieveRestConfig");
    }
}

#[test]
fn what_is_no_kubeconfig_is_said_as_clients_look_for_it() {
    for text in [
        "hello",
        "12",
        "[]",
        "- a",
        "\"a\"",
        "clusters: a",
        "clusters: {}",
        "clusters: [a]",
        "clusters: [null, [a]]",
        "users:\n- name: {}",
        "a: b: c",
        "{",
        "a: \"b",
        "%YAML",
        "!!binary a",
        "kind: Pod",
        "apiVersion: v2",
        "--- {}\n--- {}",
    ] {
        assert_eq!(read_text(text).unwrap_err().cause(), Cause::KubeconfigUnreadable, "{text}");
        let message = read_text(text).unwrap_err().reason().message();
        assert!(message.contains("json parse error"), "{text}: {message}");
    }
    let invalid = Target::of_kubeconfig(b"a: \xff", &url(), false).unwrap_err();
    assert_eq!(invalid.cause(), Cause::KubeconfigUnreadable);
    for text in ["", "\n", "# nothing", "null", "~", "{}", "---", "clusters: null"] {
        assert_eq!(read_text(text).unwrap_err().cause(), Cause::ClusterMissing, "{text}");
    }
}

#[test]
fn a_place_is_named_and_not_what_is_there() {
    let text = format!("apiVersion: v1\nusers:\n- name: u\n  user:\n    token: [{TOKEN}]\n");
    let failure = read_text(&text).unwrap_err();
    assert!(failure.sentence().contains("(line 5, column "), "{failure}");
    assert!(!failure.to_string().contains("Zq7xKw"), "{failure}");
}

#[test]
fn nothing_is_there_twice() {
    let yaml_text = yaml(&usual());
    for (text, words) in [
        (format!("{yaml_text}\nkind: Config\n"), "a field is there twice"),
        (format!("{yaml_text}\nusers: []\n"), "a field is there twice"),
        (
            usual().to_string().replace(r#""token":"#, r#""token":"a","token":"#),
            "a field is there twice",
        ),
        (
            usual().to_string().replace(r#""token":"#, r#""token":"a","\u0074oken":"#),
            "a field is there twice",
        ),
    ] {
        let failure = read_text(&text).unwrap_err();
        assert!(failure.sentence().contains(words), "{failure}");
    }
    for list in ["clusters", "contexts", "users"] {
        let kubeconfig = with(|it| {
            let copy = it[list][0].clone();
            it[list].as_array_mut().unwrap().push(copy);
        });
        assert!(message(&kubeconfig).contains("have one name"), "{list}");
    }
}

#[test]
fn nothing_stands_for_something_else() {
    let usual = yaml(&usual());
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    for extra in [
        bomb,
        "a: &a b\n",
        "a: *a\n",
        "<<: { kind: Config }\n",
        "a: { <<: { exec: b } }\n",
        "users: &u\n- name: u\n",
    ] {
        let failure = read_text(&format!("{extra}{usual}")).unwrap_err();
        assert_eq!(failure.cause(), Cause::KubeconfigUnreadable);
        assert!(failure.sentence().contains("anchors, aliases and merge keys"), "{failure}");
    }
}

#[test]
fn there_are_bounds() {
    let padded = |length: usize| {
        let text = usual().to_string();
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    assert!(read_text(&padded(MAX_LENGTH)).is_ok());
    assert_eq!(cause(&padded(MAX_LENGTH + 1)), Cause::KubeconfigTooLarge);

    let nested = |depth: usize| {
        let open = "[".repeat(depth);
        format!("{{\"extensions\": {open}{}, {}", "]".repeat(depth), &usual().to_string()[1..])
    };
    assert!(read_text(&nested(16)).is_ok());
    assert_eq!(cause(&nested(64)), Cause::KubeconfigUnreadable);
    let many =
        |count: usize| format!("{{\"x\": [{}], {}", "1,".repeat(count), &usual().to_string()[1..]);
    assert!(read_text(&many(1000)).is_ok());
    assert_eq!(cause(&many(30_000)), Cause::KubeconfigUnreadable);
}

#[test]
fn what_takes_a_parser_long_is_read_in_time() {
    for unit in [
        "[", "{", "- ", "? ", "\"", "'", "&a ", "*a ", "!a ", "%a ", "a: ", "|\n", ">\n ", "#",
        "\t", "{a: ", "[a, ", "-\n ", "<<: ", "\\", "---\n", "...\n", "\u{feff}", "\u{e9}",
    ] {
        let text = unit.repeat(MAX_LENGTH / unit.len());
        let began = std::time::Instant::now();
        let _ = read_text(&text);
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{unit:?}");
    }
}

/// All that is ever said of a kubeconfig.
fn said(outcome: &Result<Target, Failure>) -> String {
    match outcome {
        Ok(target) => format!("{target:?}"),
        Err(failure) => {
            let reason = failure.reason();
            format!("{failure} {failure:?} {} {}", reason.name(), reason.message())
        }
    }
}

fn shows_a_part_of_the_token(text: &str) -> bool {
    TOKEN.as_bytes().windows(6).any(|part| text.contains(std::str::from_utf8(part).unwrap()))
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Target::of_kubeconfig(&bytes, &url(), false);
    }

    #[test]
    fn anything_like_yaml_is_read_or_not(
        text in "(name|clusters|users|token|user|exec|[-:{}\\[\\],&*!|>'\"%@#? \n\t]|a|1){0,60}",
    ) {
        let _ = read_text(&text);
    }

    #[test]
    fn a_damaged_kubeconfig_shows_nothing_of_its_token(
        is_json: bool,
        at in 0.0..1.0,
        removed in 0..5_usize,
        inserted in "[-:{}\\[\\],&*!|>'\"%@#? \n\ta-c]{0,4}",
    ) {
        let mut text = match is_json {
            true => usual().to_string(),
            false => yaml(&usual()),
        };
        let begin = (text.len() as f64 * at) as usize;
        let end = (begin + removed).min(text.len());
        text.replace_range(begin..end, &inserted);
        let said = said(&read_text(&text));
        prop_assert!(!shows_a_part_of_the_token(&said), "{}", said);
    }

    #[test]
    fn any_forbidden_field_is_refused_whatever_is_around_it(
        which in 0..15_usize,
        is_json: bool,
        server_name in proptest::option::of("[a-z]{1,8}"),
        others in proptest::collection::vec("[a-z]{2,8}", 0..4),
    ) {
        let mut kubeconfig = usual();
        if let Some(name) = server_name {
            kubeconfig["clusters"][0]["cluster"]["tls-server-name"] = json!(name);
        }
        for (number, other) in others.iter().enumerate() {
            let name = format!("{other}{number}");
            let user = json!({ "name": name, "user": { "token": other } });
            kubeconfig["users"].as_array_mut().unwrap().insert(0, user);
            kubeconfig[name] = json!({ "a": [number] });
        }
        let text = |kubeconfig: &Value| match is_json {
            true => kubeconfig.to_string(),
            false => yaml(kubeconfig),
        };
        prop_assert!(read_text(&text(&kubeconfig)).is_ok());

        let (part, field, value) = forbidden().swap_remove(which);
        let used = kubeconfig[format!("{part}s")].as_array_mut().unwrap().last_mut().unwrap();
        used[part][field] = value;
        let outcome = read_text(&text(&kubeconfig));
        prop_assert_eq!(outcome.as_ref().unwrap_err().cause(), Cause::FieldRefused);
        prop_assert!(!shows_a_part_of_the_token(&said(&outcome)));
    }
}
