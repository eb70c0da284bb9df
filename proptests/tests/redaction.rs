//! No password of a URL is ever repeated.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::kinds::deployment::spec::{DeploymentSpec, validate};
use machines::shared::redaction::{password, redacted, redacted_url};
use proptest::prelude::*;
use proptests::config;

/// Part of every password, and of nothing else.
const SECRET: &str = "Pa55W0RD";

fn scheme() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["https://", "HTTP://", "ssh://", "git+ssh://", "://"])
}

fn user() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9._-]{0,6}"
}

/// Any characters except those that end a URL in a text. The first is not one that a URL would have
/// to encode: digits and a slash at the start would be a port and a path.
fn any_password() -> impl Strategy<Value = String> {
    let rest = "[a-z0-9:@/?#%!*\\[\\]{}é-]{0,8}";
    ("[a-z%!é]", rest, rest).prop_map(|(first, one, two)| format!("{first}{one}{SECRET}{two}"))
}

/// What may follow the `@`: a host, with or without a port, and a path.
fn place() -> impl Strategy<Value = String> {
    ("[a-z][a-z.]{0,8}|\\[::1\\]", "|:[0-9]{1,5}", "/[a-z/.]{0,10}")
        .prop_map(|(host, port, path)| format!("{host}{port}{path}"))
}

fn has_secret(text: &str) -> bool {
    text.contains(SECRET)
}

fn refusal(url: &str) -> String {
    let spec = DeploymentSpec {
        repo_url: url.to_owned(),
        path: "deploy".to_owned(),
        type_: "manual".to_owned(),
        ..DeploymentSpec::default()
    };
    validate("app", &spec, true).unwrap_err()
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn a_password_after_a_user_is_never_repeated(
        scheme in scheme(), user in user(), at in "|@[a-z.]{1,5}",
        secret in any_password(), place in place(),
    ) {
        let url = format!("{scheme}{user}{at}:{secret}@{place}");
        prop_assert!(password(&url).is_some(), "{url}");
        let redacted_url = redacted_url(&url);
        prop_assert!(!has_secret(&redacted_url), "{redacted_url}");
        prop_assert!(password(&redacted_url).is_some(), "{redacted_url}");
        prop_assert!(!has_secret(&refusal(&url)));
        let text = redacted(&url);
        prop_assert!(!has_secret(&text), "{text}");
    }

    #[test]
    fn neither_is_one_without_a_scheme(
        user in user(), secret in any_password(), place in place(),
    ) {
        let url = format!("{user}:{secret}@{place}");
        prop_assert!(password(&url).is_some(), "{url}");
        prop_assert!(!has_secret(&redacted_url(&url)));
        prop_assert!(!has_secret(&refusal(&url)));
    }

    #[test]
    fn a_url_that_is_accepted_stays_as_it_is(url in "(https|ssh)://([a-z]{1,4}@)?[a-z.]{1,6}(:[0-9]{1,5})?(/[a-z@:.]{0,6}){0,3}|git@[a-z.]{1,6}:[a-z/@:]{1,8}") {
        let spec = DeploymentSpec {
            repo_url: url.clone(),
            path: "deploy".to_owned(),
            type_: "manual".to_owned(),
            ..DeploymentSpec::default()
        };
        if validate("app", &spec, true).is_ok() {
            prop_assert_eq!(&redacted_url(&url), &url);
        }
    }
}
