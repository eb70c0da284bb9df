//! Which repository URLs are accepted, and what is read from them.

use git_access::GitUrl;
use git_access::url::{Transport, UrlError};
use proptest::prelude::*;

#[test]
fn accepted() {
    use Transport::{Https, Ssh};
    for (text, transport, user, host, port, path) in [
        ("https://example.com/a/b.git", Https, None, "example.com", 443, "/a/b.git"),
        ("https://Example.COM/A/B", Https, None, "example.com", 443, "/A/B"),
        ("https://me@example.com:8443/a", Https, Some("me"), "example.com", 8443, "/a"),
        ("https://me%40x.com@example.com/a", Https, Some("me@x.com"), "example.com", 443, "/a"),
        ("https://[2001:DB8::1]:8443/a", Https, None, "2001:db8::1", 8443, "/a"),
        ("https://192.0.2.1/a", Https, None, "192.0.2.1", 443, "/a"),
        ("https://example.com/a@b:c", Https, None, "example.com", 443, "/a@b:c"),
        ("ssh://example.com/a", Ssh, None, "example.com", 22, "/a"),
        ("ssh://git@example.com:2222/a?b#c", Ssh, Some("git"), "example.com", 2222, "/a?b#c"),
        ("ssh://git@[::1]/~me/a", Ssh, Some("git"), "::1", 22, "/~me/a"),
        ("git@example.com:a/b.git", Ssh, Some("git"), "example.com", 22, "a/b.git"),
        ("example.com:a", Ssh, None, "example.com", 22, "a"),
        ("example.com:/a", Ssh, None, "example.com", 22, "/a"),
        ("me@[2001:db8::1]:a:b", Ssh, Some("me"), "2001:db8::1", 22, "a:b"),
        (
            "git@example.com:team/repo[1].git",
            Ssh,
            Some("git"),
            "example.com",
            22,
            "team/repo[1].git",
        ),
        ("example.com:[a]:b", Ssh, None, "example.com", 22, "[a]:b"),
        ("https://a.b-c~d!e'f@example.com/a", Https, Some("a.b-c~d!e'f"), "example.com", 443, "/a"),
        ("git@example.com:it's here/a@b", Ssh, Some("git"), "example.com", 22, "it's here/a@b"),
    ] {
        let url = GitUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let read = (url.transport(), url.user(), url.host().name(), url.port(), url.path());
        assert_eq!(read, (transport, user.map(str::to_owned), host.to_owned(), port, path));
    }
}

#[test]
fn the_user_over_ssh() {
    let user = |text| GitUrl::parse(text).unwrap().ssh_user();
    assert_eq!(user("ssh://example.com/a"), "git");
    assert_eq!(user("example.com:a"), "git");
    assert_eq!(user("me@example.com:a"), "me");
}

#[test]
fn refused() {
    use UrlError as Error;
    for (text, error) in [
        ("", Error::Unsupported),
        ("/a/b", Error::Unsupported),
        ("./a:b", Error::Unsupported),
        ("example.com", Error::Unsupported),
        ("http://example.com/a", Error::Unsupported),
        ("HTTPS://example.com/a", Error::Unsupported),
        ("git://example.com/a", Error::Unsupported),
        ("file:///a", Error::Unsupported),
        ("file:/a", Error::Unsupported),
        ("https:/example.com/a", Error::Unsupported),
        ("ext::sh -c true", Error::Unsupported),
        ("https://me:secret@example.com/a", Error::Password),
        ("https://me%3Asecret@example.com/a", Error::Password),
        ("https://:secret@example.com/a", Error::Password),
        ("ssh://me:secret@example.com/a", Error::Password),
        ("me:secret@example.com:a", Error::Password),
        ("https://@example.com/a", Error::User),
        ("https://a@b@example.com/a", Error::User),
        ("https://good.example#@evil.example/a", Error::User),
        ("https://good.example?x@evil.example/a", Error::User),
        ("https://good.example\\@evil.example/a", Error::User),
        ("https://é@example.com/a", Error::User),
        ("ssh://good.example#@evil.example/a", Error::User),
        ("ssh://[::1]@evil.example/a", Error::Password),
        ("https://a%20b@example.com/a", Error::User),
        ("https://a%ff@example.com/a", Error::User),
        ("https://example.com/a\n", Error::ControlCharacter),
        ("git@example.com:a\u{7f}", Error::ControlCharacter),
        ("ssh://example.com/a%00b", Error::ControlCharacter),
        ("https://a%0d@example.com/a", Error::ControlCharacter),
        ("https:///a", Error::Host),
        ("https://-example.com/a", Error::Host),
        ("ssh://-oProxyCommand=x/a", Error::Host),
        ("-oProxyCommand=x:a", Error::Host),
        ("git@-example.com:a", Error::Host),
        ("https://exa mple.com/a", Error::Host),
        ("https://exämple.com/a", Error::Host),
        ("https://[::1/a", Error::Host),
        ("https://[fe80::1%25eth0]/a", Error::Host),
        ("https://[::1]x/a", Error::Host),
        ("git@[example.com:22]:a", Error::Host),
        (":a", Error::Host),
        ("https://example.com:0/a", Error::Port),
        ("https://example.com:65536/a", Error::Port),
        ("https://example.com:+80/a", Error::Port),
        ("https://example.com:/a", Error::Port),
        ("https://example.com", Error::Path),
        ("https://example.com//", Error::Path),
        ("git@example.com:", Error::Path),
        ("git@example.com:--upload-pack=x", Error::Path),
        ("ssh://example.com/a%ff", Error::Path),
        ("https://example.com/a?token=secret", Error::Query),
        ("https://example.com/a#b", Error::Query),
    ] {
        assert_eq!(GitUrl::parse(text), Err(error), "{text}");
    }
    let long = format!("https://example.com/{}", "a".repeat(3000));
    assert_eq!(GitUrl::parse(&long), Err(UrlError::TooLong));
}

#[test]
fn a_token_in_place_of_the_user_is_not_shown() {
    let url = GitUrl::parse("https://ghp_secret@example.com:8443/a").unwrap();
    assert_eq!(url.user().as_deref(), Some("ghp_secret"));
    assert_eq!(url.to_string(), "https://example.com:8443/a");
    assert_eq!(format!("{url:?}"), "GitUrl(https://example.com:8443/a)");
    for text in ["ssh://me@example.com/a", "me@example.com:a"] {
        assert_eq!(GitUrl::parse(text).unwrap().to_string(), text);
    }
}

/// Text like URLs, near the border of what is accepted.
fn like_a_url() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("https://"),
            Just("ssh://"),
            Just("user"),
            Just("secret"),
            Just("@"),
            Just(":"),
            Just("/"),
            Just("["),
            Just("]"),
            Just("::1"),
            Just("example.com"),
            Just("22"),
            Just("%3A"),
            Just("%00"),
            Just("~"),
            Just("-"),
            Just("é"),
        ],
        0..12,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_text_is_accepted_or_refused(text in "\\PC*|.*") {
        let _ = GitUrl::parse(&text);
    }

    #[test]
    fn what_is_shown_is_read_the_same(text in like_a_url()) {
        if let Ok(url) = GitUrl::parse(&text) {
            let again = GitUrl::parse(&url.to_string()).unwrap();
            let read = |url: &GitUrl| {
                let (host, path) = (url.host().clone(), url.path().to_owned());
                (url.transport(), host, url.port(), path)
            };
            prop_assert_eq!(read(&again), read(&url));
            match url.transport() {
                Transport::Https => prop_assert_eq!(again.user(), None),
                Transport::Ssh => prop_assert_eq!(again, url),
            }
        }
    }

    #[test]
    fn no_password_is_accepted(
        scheme in "(https://|ssh://)?",
        user in "[a-z%0-9]{0,8}",
        password in "[a-z@/!0-9]{1,12}",
        end in "@example.com[:/][a-z]{1,8}",
    ) {
        let text = format!("{scheme}{user}:{password}{end}");
        // What follows a slash is the path, there and for git too.
        prop_assume!(!password.contains('/'));
        prop_assert!(GitUrl::parse(&text).is_err(), "{}", text);
    }
}
