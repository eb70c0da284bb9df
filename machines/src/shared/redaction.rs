//! Passwords in URLs, which are visible to every reader of the resource that contains them: they
//! are removed before anything else is done with a URL, so that nothing later can repeat them.
//!
//! A user name alone is not a password: `git@host:path` and `https://organisation@host/path` are
//! how git servers write their URLs.

use std::borrow::Cow;
use std::ops::Range;

/// What replaces a password: the word that Go's `URL.Redacted` uses.
pub const REDACTED: &str = "xxxxx";

/// Whether what is taken for a password really is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Password {
    /// It may be a path: `USER@HOST:PATH@…`, or a user name with an `@` in it and a password.
    Possible,
    /// It follows a user name.
    Certain,
}

/// What kind of password a URL contains, or contained before it was redacted.
pub fn password(url: &str) -> Option<Password> {
    let kind = |range: &Range<usize>| {
        let before = &url[..range.start];
        let user = before.rfind("://").map_or(before, |scheme| &before[scheme..]);
        if user.contains('@') { Password::Possible } else { Password::Certain }
    };
    passwords_of_url(url).iter().map(kind).max()
}

/// A URL without the passwords in it.
pub fn redacted_url(url: &str) -> Cow<'_, str> {
    without(url, &passwords_of_url(url))
}

/// A text without the passwords of the URLs in it.
pub fn redacted(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    // Outside a URL colons and @ can mean anything.
    let is_end = |one: char| one.is_whitespace() || one.is_control() || "\"'`<>".contains(one);
    without(text, &passwords_in_text(text, is_end))
}

fn without<'a>(text: &'a str, passwords: &[Range<usize>]) -> Cow<'a, str> {
    if passwords.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut rest = 0;
    let mut redacted = String::with_capacity(text.len());
    for password in passwords {
        redacted.push_str(&text[rest..password.start]);
        redacted.push_str(REDACTED);
        rest = password.end;
    }
    redacted.push_str(&text[rest..]);
    Cow::Owned(redacted)
}

/// Where the passwords of a URL are, in order.
fn passwords_of_url(url: &str) -> Vec<Range<usize>> {
    let scheme = url.find("://").map(|end| &url[..end]);
    let is_without_scheme = scheme.is_none_or(|scheme| scheme.contains([':', '@']));
    match without_scheme(url).filter(|_| is_without_scheme) {
        Some(password) => vec![password],
        None => passwords_in_text(url, |_| false),
    }
}

/// Where the passwords of the URLs in a text are; `is_end` says which characters end a URL.
fn passwords_in_text(text: &str, is_end: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let start = from + at + "://".len();
        let rest = &text[start..];
        let rest = &rest[..rest.find(&is_end).unwrap_or(rest.len())];
        let is_ssh = text[..from + at].to_ascii_lowercase().ends_with("ssh");
        from = match after_scheme(rest, is_ssh) {
            Some(Range { start: begin, end }) => {
                found.push(start + begin..start + end);
                start + end
            }
            None => start,
        };
    }
    found
}

/// The password in what follows a scheme: between the first colon and the last `@`. If a user name
/// contains one, an `@` in what looks like the path may belong to the password too. A password with
/// an unencoded `/`, `?` or `#` ends the authority too early, which shows in a port that is not a
/// number.
///
/// `ssh://USER@HOST:PATH`, a mix of the two forms of SSH, shows the same, and a later `@` belongs
/// to the path. That is so if no path follows that `@`: it introduces no host.
fn after_scheme(rest: &str, is_ssh: bool) -> Option<Range<usize>> {
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let port = host.split_once(':').map_or("", |(_, port)| port);
    let is_port = host.starts_with('[') || port.bytes().all(|one| one.is_ascii_digit());
    if is_port && user.split_once(':').is_none_or(|(_, password)| password.is_empty()) {
        return None;
    }
    let password = range(rest, rest.rfind('@')?)?;
    let is_path =
        !is_port && rest[..password.start].contains('@') && !rest[password.end..].contains('/');
    (!(is_ssh && is_path)).then_some(password)
}

/// The password where there is no scheme: in `USER@HOST:PATH` the `@` comes first.
fn without_scheme(url: &str) -> Option<Range<usize>> {
    range(url, url.rfind('@')?).filter(|password| !url[..password.start].contains('@'))
}

fn range(text: &str, end: usize) -> Option<Range<usize>> {
    let start = text[..end].find(':')? + 1;
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_a_password_loses_it_even_if_malformed() {
        let cases = [
            ("https://user:s3cret@host/path", "https://user:xxxxx@host/path"),
            ("https://:s3cret@host/path", "https://:xxxxx@host/path"),
            ("https://user:s3c@ret@host/path", "https://user:xxxxx@host/path"),
            ("https://user:s3/c?r#et@host/path", "https://user:xxxxx@host/path"),
            ("https://user@corp:s3c/ret@host/path", "https://user@corp:xxxxx@host/path"),
            ("https://user:s3://cret@host/path", "https://user:xxxxx@host/path"),
            ("https://user:s3cret@host:notaport/path", "https://user:xxxxx@host:notaport/path"),
            ("https://user:s3@cret/@host/path", "https://user:xxxxx@host/path"),
            ("https://user:s3@/cret@host/path", "https://user:xxxxx@host/path"),
            ("https://user:s3cret@[::1]:8080/path", "https://user:xxxxx@[::1]:8080/path"),
            ("ssh://git:s3cret@host/path", "ssh://git:xxxxx@host/path"),
            ("://user:s3cret@host", "://user:xxxxx@host"),
            ("user:s3cret@host/path", "user:xxxxx@host/path"),
            ("user:s3://cret@host/path", "user:xxxxx@host/path"),
            ("https:/user:s3cret@host/path", "https:xxxxx@host/path"),
            ("https//user:s3cret@host/path", "https//user:xxxxx@host/path"),
            ("https://ho st https://user:s3cret@host", "https://ho st https://user:xxxxx@host"),
            (" https://user:s3 cret@host ", " https://user:xxxxx@host "),
        ];
        for (written, expected) in cases {
            assert!(password(written).is_some(), "{written}");
            assert_eq!(redacted_url(written), expected);
            assert_eq!(redacted_url(expected), expected);
            assert_eq!(password(expected), password(written), "{expected}");
        }
    }

    #[test]
    fn a_url_without_a_password_stays_as_it_is() {
        for written in [
            "https://example.com/team/app.git",
            "https://example.com:8443/team/app@v2",
            "https://organisation@dev.example.com/team/_git/app",
            "https://user:@host/path",
            "git@example.com:team/app.git",
            "git@example.com:team/@scope/app:v2",
            "ssh://git@example.com:22/team/app",
            "https://[::1]/team/app@v2",
            "ssh://git@example.com:team/app",
            "ssh://git@example.com:team/app@v2",
            "ssh://git@example.com:team/app#x@v2",
            "example.com/team/app",
            "",
        ] {
            assert_eq!(password(written), None, "{written}");
            assert_eq!(redacted_url(written), written);
        }
    }

    #[test]
    fn a_possible_path_is_redacted_and_distinguished_from_a_password() {
        let cases = [
            ("https://user:s3cret@host/path", Password::Certain),
            ("user:s3cret@host/path", Password::Certain),
            ("https://user@corp:s3cret@host/path", Password::Possible),
            ("ssh://git@example.com:team/@scope/app", Password::Possible),
            ("ssh://git@example.com:s3c/ret@host/a https://user:s3cret@host", Password::Certain),
        ];
        for (written, kind) in cases {
            assert_eq!(password(written), Some(kind), "{written}");
            assert_eq!(password(&redacted_url(written)), Some(kind), "{written}");
        }
        let written = "ssh://git@example.com:team/@scope/app";
        assert_eq!(redacted_url(written), "ssh://git@example.com:xxxxx@scope/app");
    }

    #[test]
    fn a_text_loses_the_passwords_of_its_urls_and_nothing_else() {
        let written = "cannot fetch \"https://user:s3cret@host/path\": dial tcp: ask me@example.com \
                       or see ssh://git:other@host, image app:1@sha256:00, https://host: no";
        let expected = "cannot fetch \"https://user:xxxxx@host/path\": dial tcp: ask \
                        me@example.com or see ssh://git:xxxxx@host, image app:1@sha256:00, \
                        https://host: no";
        assert_eq!(redacted(written), expected);
        let plain = "nothing to see: user:pass@host";
        assert_eq!(redacted(plain), plain);
    }
}
