//! The URL of a repository: what is wrong with one, and how an AppProject permits it.
//!
//! The forms are those that Argo CD hands to git: `SCHEME://[USER@]HOST[:PORT]/PATH`, and
//! `USER@HOST:PATH` as `scp` writes it.

use core::net::Ipv6Addr;
use std::borrow::Cow;

use crate::shared::messages;
use crate::shared::redaction::{Password, password};

/// The schemes with which Argo CD reads repositories.
const SCHEMES: [&str; 5] = ["https", "http", "ssh", "git", "oci"];

/// What is wrong with the URL, in a sentence that does not repeat it; `None` if nothing is.
pub(crate) fn complaint(url: &str) -> Option<Cow<'static, str>> {
    match password(url) {
        Some(Password::Certain) => return Some(messages::PASSWORD.into()),
        Some(Password::Possible) => return Some(messages::PASSWORD_OR_PORT.into()),
        None => {}
    }
    let text = if url.trim() != url {
        messages::URL_ENDS
    } else if let Some(invisible) = url.chars().find(|one| is_invisible(*one)) {
        let code = u32::from(invisible);
        let text = format!(
            "spec.source.repoURL has an invisible character (U+{code:04X}) in it; remove it"
        );
        return Some(text.into());
    } else if url.starts_with('!') || url.contains('*') {
        // In an AppProject it sits alongside those of the tenant's other deployments, and `!**`
        // would forbid them all.
        messages::PATTERN
    } else {
        let checked = match url.split_once("://") {
            Some((scheme, rest)) => check_with_scheme(scheme, rest),
            None => check_scp(url),
        };
        checked.err()?
    };
    Some(text.into())
}

/// White space except the space itself, and characters that control how text is displayed.
fn is_invisible(one: char) -> bool {
    let format = ['\u{ad}', '\u{61c}', '\u{feff}'];
    let formats = ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}'];
    (one.is_whitespace() && one != ' ')
        || format.contains(&one)
        || formats.iter().any(|range| range.contains(&one))
}

/// The user, the host with its port, and the path of what follows a scheme.
fn parts(rest: &str) -> (Option<&str>, &str, &str) {
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host, path),
        None => (None, authority, path),
    }
}

fn check_with_scheme(scheme: &str, rest: &str) -> Result<(), &'static str> {
    let scheme = scheme.to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_str()) {
        return Err(messages::URL_SCHEME);
    }
    if rest.contains(' ') {
        return Err(messages::URL_SPACE);
    }
    let (user, host, path) = parts(rest);
    let is_ssh = scheme == "ssh";
    check_host(host, is_ssh)?;
    if user.is_some_and(|user| !user.chars().all(|one| is_of_user(one) || ":@%".contains(one))) {
        return Err(messages::URL_USER);
    }
    if is_ssh && rest.matches('@').count() > 1 {
        return Err(messages::URL_SECOND_AT);
    }
    check_escapes(user.unwrap_or_default())?;
    check_path(path)?;
    let is_plain =
        user.is_none_or(|user| user.chars().all(is_of_user)) && is_printed_as_written(path);
    if host.starts_with('[') && !is_plain {
        return Err(messages::URL_ADDRESS_ENCODING);
    }
    Ok(())
}

/// `USER@HOST:PATH`.
fn check_scp(url: &str) -> Result<(), &'static str> {
    let Some((user, rest)) = url.split_once('@') else { return Err(messages::URL_FORM) };
    if user.is_empty() || user.contains(['/', ':']) {
        return Err(messages::URL_FORM);
    }
    if rest.starts_with('[') {
        return Err(messages::URL_SCP_ADDRESS);
    }
    if url.contains(' ') {
        return Err(messages::URL_SPACE_SCP);
    }
    if rest.contains('@') {
        return Err(messages::URL_SECOND_AT);
    }
    let colon = rest.find(':').filter(|colon| !rest[..*colon].contains('/'));
    let Some(colon) = colon else { return Err(messages::URL_SCP_COLON) };
    check_name(&rest[..colon])?;
    if rest.len() == colon + 1 {
        return Err(messages::URL_SCP_PATH);
    }
    if !user.chars().all(|one| is_of_user(one) || one == '%') {
        return Err(messages::URL_USER);
    }
    check_escapes(user)?;
    check_path(&rest[colon + 1..])
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
fn check_host(host: &str, is_ssh: bool) -> Result<(), &'static str> {
    let port = if let Some(address) = host.strip_prefix('[') {
        let (address, after) = address.split_once(']').ok_or(messages::URL_BRACKETS)?;
        // A zone follows an encoded `%`.
        let address = address.split("%25").next().unwrap_or_default();
        address.parse::<Ipv6Addr>().map_err(|_| messages::URL_BRACKETS)?;
        match after.strip_prefix(':') {
            None if !after.is_empty() => return Err(messages::URL_BRACKETS),
            port => port,
        }
    } else {
        let (name, port) = match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        };
        check_name(name)?;
        port
    };
    match port {
        // Git reads it as no port.
        None | Some("") => Ok(()),
        Some(port) if port.bytes().all(|one| one.is_ascii_digit()) => {
            let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
            if is_port { Ok(()) } else { Err(messages::URL_PORT) }
        }
        Some(port) if port.contains(':') => Err(messages::URL_BARE_ADDRESS),
        Some(_) if is_ssh => Err(messages::URL_PORT_SSH),
        Some(_) => Err(messages::URL_PORT_TEXT),
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err(messages::URL_NO_HOST);
    }
    let is_of_name = |one: char| one.is_alphanumeric() || "-._".contains(one) || !one.is_ascii();
    // Git accepts no host that could be an option of ssh.
    let is_name = name.chars().all(is_of_name) && !name.starts_with('-');
    if is_name { Ok(()) } else { Err(messages::URL_HOST) }
}

/// The characters of a user name that need no encoding in a URL.
fn is_of_user(one: char) -> bool {
    one.is_ascii_alphanumeric() || "-._~$&+,;=".contains(one)
}

fn check_path(path: &str) -> Result<(), &'static str> {
    if path.contains('#') {
        return Err(messages::URL_FRAGMENT);
    }
    // Argo CD encodes a path, but not a query, and its patterns reliably match only ASCII.
    if path.split_once('?').is_some_and(|(_, query)| !query.is_ascii()) {
        return Err(messages::URL_QUERY);
    }
    check_escapes(path)
}

fn check_escapes(text: &str) -> Result<(), &'static str> {
    let is_escape = |after: &str| {
        let digits = after.as_bytes();
        digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit)
    };
    if text.split('%').skip(1).all(is_escape) { Ok(()) } else { Err(messages::URL_PERCENT) }
}

/// Whether Argo CD compares a path as written. If one character is not allowed in a URL, it encodes
/// the whole path, in the AppProject and in the Application alike.
fn is_printed_as_written(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path.bytes().all(|one| one.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]%/".contains(&one))
}

/// The `sourceRepos` entry of an AppProject that permits a repository, and only that one: Argo CD
/// reads a glob pattern there, after normalising both pattern and URL as URLs.
///
/// Almost every URL is its own pattern. A backslash would not survive as part of a URL, so a
/// special character is written as its own class, `[[]` for `[`. An IPv6 address cannot have
/// another bracket; there, the pattern is not a URL with a host.
pub fn source_repo_pattern(url: &str) -> Cow<'_, str> {
    if !url.contains(['[', '?', '*', '{', '\\']) {
        return Cow::Borrowed(url);
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        let path = url.find(':').map_or(0, |colon| colon + 1);
        return Cow::Owned(format!("{}{}", &url[..path], path_pattern(&url[path..])));
    };
    let (user, host, path) = parts(rest);
    let before_path = &url[..url.len() - path.len()];
    let path = path_pattern(path);
    if !host.starts_with('[') {
        return Cow::Owned(format!("{before_path}{path}"));
    }
    let host = quoted(host);
    let pattern = match user {
        // Argo CD compares SSH URLs without their scheme. What follows a question mark is never
        // encoded, and as a pattern the question mark permits the `@` or bracket that it replaces.
        Some(user) if scheme.eq_ignore_ascii_case("ssh") => format!("{user}?{host}{path}"),
        None if scheme.eq_ignore_ascii_case("ssh") => {
            format!("?{}{path}", host.trim_start_matches("[[]"))
        }
        // Without a slash after the scheme nothing is encoded.
        Some(user) => format!("{scheme}:[/]/{user}@{host}{path}"),
        None => format!("{scheme}:[/]/{host}{path}"),
    };
    Cow::Owned(pattern)
}

fn path_pattern(path: &str) -> String {
    let is_printed_as_written = is_printed_as_written(path);
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut pattern = if is_printed_as_written { quoted(path) } else { path.to_owned() };
    if let Some(query) = query {
        // A bracket would be encoded with the rest of the path, or be taken for part of the host;
        // as a pattern, a question mark permits itself too.
        let is_quoted = is_printed_as_written && !path.is_empty();
        pattern.push_str(if is_quoted { "[?]" } else { "?" });
        pattern.push_str(&quoted(query));
    }
    pattern
}

/// A text as a pattern that matches only this text.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '[' | '?' | '*' | '{' => quoted.extend(['[', one, ']']),
            '\\' => quoted.push_str(r"[\\]"),
            _ => quoted.push(one),
        }
    }
    quoted
}

#[cfg(test)]
#[path = "repository_url_tests.rs"]
mod tests;
