//! The patterns; what is accepted is in a table of the spec's own tests.

use super::*;
use crate::kinds::deployment::spec::normalise_repo_url;

#[test]
fn almost_every_url_is_its_own_pattern() {
    for url in [
        "https://git.example.com/org/r.git/",
        "https://user@git.example.com:8443/Org/r%20s",
        "ssh://git@git.example.com:2222/org/r",
        "git@git.example.com:org/r",
        "https://git.example.com/チーム/アプリ",
        "",
    ] {
        assert_eq!(source_repo_pattern(url), url);
    }
}

#[test]
fn special_characters_are_written_so_that_they_match_literally() {
    // Checked with Argo CD's own functions: each pattern permits its URL, as version 3.2 compares
    // `sourceRepos`.
    let cases = [
        ("https://git.example.com/a[b]/r", "https://git.example.com/a[[]b]/r"),
        ("https://git.example.com/a[[b]].git", "https://git.example.com/a[[][[]b]].git"),
        ("git@git.example.com:a[b]/r", "git@git.example.com:a[[]b]/r"),
        ("ssh://git@git.example.com:22/a[b]/r", "ssh://git@git.example.com:22/a[[]b]/r"),
        ("https://git.example.com/r?v=2", "https://git.example.com/r[?]v=2"),
        ("https://git.example.com?v=[2]", "https://git.example.com?v=[[]2]"),
        (r"https://git.example.com/r?v={a}[b]\", r"https://git.example.com/r[?]v=[{]a}[[]b][\\]"),
        // Argo CD encodes these paths as a whole before it reads them as patterns.
        ("https://git.example.com/{a}/r", "https://git.example.com/{a}/r"),
        (r"https://git.example.com/a\b[c]", r"https://git.example.com/a\b[c]"),
        ("https://git.example.com/ü[b]", "https://git.example.com/ü[b]"),
        ("https://git.example.com/ü?v=[b]", "https://git.example.com/ü?v=[[]b]"),
        // An address in brackets.
        ("https://[2001:db8::7]/org/r.git", "https:[/]/[[]2001:db8::7]/org/r.git"),
        ("http://me@[::1]:8080/a[b]?v", "http:[/]/me@[[]::1]:8080/a[[]b][?]v"),
        ("ssh://git@[2001:db8::7]:2222/org/r", "git?[[]2001:db8::7]:2222/org/r"),
        ("SSH://[2001:db8::7]/org/r", "?2001:db8::7]/org/r"),
        // Not accepted, but a user may have put it into an Application.
        ("https://git.example.com/**", "https://git.example.com/[*][*]"),
        ("*", "[*]"),
    ];
    for (url, pattern) in cases {
        assert_eq!(source_repo_pattern(url), pattern, "{url}");
    }
}

#[test]
fn an_accepted_url_has_a_form_that_existing_readers_know() {
    for url in [
        "https://git.example.com:/r",
        "https://user@corp@git.example.com/r",
        "https://[fe80::1%25eth0]:8443/r",
        "git@git.example.com:2222:org/r",
        "git@git.example.com:/org:x/r",
    ] {
        assert_eq!(complaint(url), None, "{url}");
        assert!(normalise_repo_url(url).is_some(), "{url}");
    }
}
