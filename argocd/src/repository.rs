//! The form in which Argo CD compares the URLs of repositories.

/// A URL, or a pattern, as Argo CD compares it: lower case, without `.git`, without `ssh://`, and
/// as Go's `net/url` prints it; empty if that cannot read it.
pub(crate) fn normal_form(repository: &str) -> String {
    let lower = repository.trim().to_lowercase();
    let url = if is_ssh(&lower) && !lower.starts_with("ssh://") {
        format!("ssh://{}", lower.replacen(':', "/", 1))
    } else {
        lower
    };
    let printed = printed(url.strip_suffix(".git").unwrap_or(&url)).unwrap_or_default();
    printed.strip_prefix("ssh://").map(str::to_owned).unwrap_or(printed)
}

/// Whether Argo CD takes a URL for one of SSH: a user, and no other `@` after a `/` or `:`.
fn is_ssh(url: &str) -> bool {
    let rest = url.strip_prefix("ssh://").unwrap_or(url);
    rest.rsplit_once('@')
        .is_some_and(|(user, place)| !user.contains(['/', ':']) && !place.is_empty())
}

/// A part of a URL: each has its own set of characters that need no encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    User,
    Host,
    Path,
    Fragment,
}

impl Place {
    /// Whether a byte is encoded when the part is printed.
    fn encodes(self, byte: u8) -> bool {
        let unreserved = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let allowed: &[u8] = match self {
            Self::User => b"$&+,;=",
            Self::Host => b"!$&'()*+,;=:[]<>\"",
            Self::Path => b"$&+,/:;=@",
            Self::Fragment => b"$&+,/:;=?@!()*",
        };
        !unreserved && !allowed.contains(&byte)
    }

    fn encoded(self, bytes: &[u8]) -> String {
        let encode = |byte: &u8| {
            if self.encodes(*byte) { format!("%{byte:02X}") } else { char::from(*byte).to_string() }
        };
        bytes.iter().map(encode).collect()
    }

    /// A part as printed: as written, if nothing in it had to be encoded.
    fn printed(self, written: &str) -> Option<String> {
        let decoded = decoded(written)?;
        let is_kept = |byte: u8| b"!$&'()*+,;=:@[]%".contains(&byte) || !self.encodes(byte);
        let is_kept = written.bytes().all(is_kept);
        Some(if is_kept { written.to_owned() } else { self.encoded(&decoded) })
    }
}

/// The bytes that a percent-encoded text represents; `None` if a `%` encodes nothing.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    Some(bytes)
}

/// A URL as printed after being parsed.
fn printed(url: &str) -> Option<String> {
    if url.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return None;
    }
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, fragment),
        None => (url, ""),
    };
    let (scheme, rest) = split_scheme(url)?;
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let mut text = scheme.map(|scheme| format!("{scheme}:")).unwrap_or_default();
    if !rest.starts_with('/') && scheme.is_some_and(|_| !rest.is_empty()) {
        // Nothing is known of such URLs, and nothing is encoded.
        text.push_str(rest);
    } else {
        text.push_str(&printed_hierarchy(scheme, rest)?);
    }
    if let Some(query) = query {
        text.push('?');
        text.push_str(query);
    }
    if !fragment.is_empty() {
        text.push('#');
        text.push_str(&Place::Fragment.printed(fragment)?);
    }
    Some(text)
}

/// The scheme, if there is one, and the rest; `None` if a colon has nothing before it.
fn split_scheme(url: &str) -> Option<(Option<&str>, &str)> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let Some((scheme, rest)) = url.split_once(':') else { return Some((None, url)) };
    match scheme.as_bytes() {
        [] => None,
        [first, inner @ ..]
            if first.is_ascii_alphabetic() && inner.iter().all(|one| is_inner(*one)) =>
        {
            Some((Some(scheme), rest))
        }
        _ => Some((None, url)),
    }
}

/// `//AUTHORITY/PATH`, or a path.
fn printed_hierarchy(scheme: Option<&str>, rest: &str) -> Option<String> {
    let first_segment = rest.split('/').next().unwrap_or_default();
    if scheme.is_none() && first_segment.contains(':') {
        return None;
    }
    let has_authority = rest.starts_with("//") && (scheme.is_some() || !rest.starts_with("///"));
    if !has_authority {
        return Place::Path.printed(rest);
    }
    let rest = &rest[2..];
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = printed_authority(authority)?;
    let path = Place::Path.printed(path)?;
    let is_empty = authority.is_empty() && path.is_empty();
    Some(if is_empty { String::new() } else { format!("//{authority}{path}") })
}

fn printed_authority(authority: &str) -> Option<String> {
    let Some((user, host)) = authority.rsplit_once('@') else { return printed_host(authority) };
    let is_of_user =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !user.bytes().all(is_of_user) {
        return None;
    }
    let encoded = |part: &str| Some(Place::User.encoded(&decoded(part)?));
    let user = match user.split_once(':') {
        Some((name, password)) => format!("{}:{}", encoded(name)?, encoded(password)?),
        None => encoded(user)?,
    };
    Some(format!("{user}@{}", printed_host(host)?))
}

fn printed_host(host: &str) -> Option<String> {
    let port = if let Some(address) = host.strip_prefix('[') {
        let (address, port) = address.rsplit_once(']')?;
        let address = address.split("%25").next().unwrap_or_default();
        address.parse::<std::net::Ipv6Addr>().ok()?;
        port
    } else {
        let is_of_host = |byte: u8| byte >= 0x80 || (!Place::Host.encodes(byte) && byte != b'[');
        if !host.bytes().all(is_of_host) {
            return None;
        }
        host.rfind(':').map_or("", |colon| &host[colon..])
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|one| one.is_ascii_digit()));
    let is_address = host.starts_with('[');
    is_port.then(|| if is_address { host.to_owned() } else { Place::Host.encoded(host.as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_as_argo_cd_compares_them() {
        // What Argo CD's own function returns.
        let cases = [
            ("https://Git.Example.com/Org/R.git", "https://git.example.com/org/r"),
            ("https://git.example.com/org/r/", "https://git.example.com/org/r/"),
            ("git@git.example.com:org/r.git", "git@git.example.com/org/r"),
            ("ssh://git@git.example.com:2222/org/r", "git@git.example.com:2222/org/r"),
            ("ssh://git@git.example.com:org/r@v2", ""),
            ("ssh://git@git.example.com/org/@scope/r", "git@git.example.com/org/@scope/r"),
            ("git@git.example.com:org/@scope/r", ""),
            ("user@corp@git.example.com:org/r", "user%40corp@git.example.com/org/r"),
            ("host/org/r", "host/org/r"),
            ("host:org/r", "host:org/r"),
            ("https://[2001:db8::7]:8443/org/r", "https://[2001:db8::7]:8443/org/r"),
            ("https://[2001:db8::7/org/r", ""),
            ("https://[name]/r", ""),
            ("https://[[]2001:db8::7]/r", ""),
            ("https:[/]/[[]2001:db8::7]/org/r", "https:[/]/[[]2001:db8::7]/org/r"),
            ("git?[[]2001:db8::7]:2222/org/r", "git?[[]2001:db8::7]:2222/org/r"),
            ("git@[2001:db8::7]:org/r", ""),
            ("https://git.example.com/a[b]/r", "https://git.example.com/a[b]/r"),
            (
                "https://git.example.com/a[[]b]/{c}",
                "https://git.example.com/a%5B%5B%5Db%5D/%7Bc%7D",
            ),
            ("https://git.example.com/ü b", "https://git.example.com/%C3%BC%20b"),
            ("https://git.example.com/%C3%BC[b]", "https://git.example.com/%c3%bc[b]"),
            ("https://git.example.com/100%", ""),
            (r"https://git.example.com/r?v={a}[b]\", r"https://git.example.com/r?v={a}[b]\"),
            ("https://git.example.com/r#a b", "https://git.example.com/r#a%20b"),
            ("https://git.example.com:99999/r", "https://git.example.com:99999/r"),
            ("https://git.example.com:/r", "https://git.example.com:/r"),
            ("https://git.example.com:80a/r", ""),
            ("https://user@corp@git.example.com/r", "https://user%40corp@git.example.com/r"),
            ("https://user%40corp@git.example.com/r", "https://user%40corp@git.example.com/r"),
            ("https://us[er@git.example.com/r", ""),
            ("https://git example.com/r", ""),
            ("https://höst/r", "https://h%C3%B6st/r"),
            ("https://", "https:"),
            ("://r", ""),
            ("**", "**"),
            ("not a url", "not%20a%20url"),
            ("r", "r"),
        ];
        for (url, expected) in cases {
            assert_eq!(normal_form(url), expected, "{url:?}");
        }
    }
}
