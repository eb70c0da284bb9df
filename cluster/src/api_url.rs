//! The URL of a cluster's API.

use std::fmt::{self, Display, Formatter};

use tenant_servers::Host;

use crate::failure::{Cause, Failure};
use crate::reason::{Reason, UnsupportedApiUrl};

/// The URL of a cluster's API, in the one form that this program connects to:
/// `https://host[:port][/path]`.
///
/// A path is allowed, because some products serve many clusters at one host, each below its own. A
/// user or a password is not: it would be shown to whoever may read the resource, and Argo CD would
/// send it. A fragment means nothing to a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiUrl {
    text: String,
    host: Host,
    port: Option<u16>,
    /// Without a slash at its end.
    path: String,
}

/// Far more than any cluster's URL needs.
pub const MAX_LENGTH: usize = 2048;
const SCHEME: &str = "https://";
const DEFAULT_PORT: u16 = 443;

impl ApiUrl {
    /// Reads `spec.apiURL`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        Self::read(text).map_err(|why| {
            let reason = Reason::UnsupportedApiUrl(why);
            let sentence = format!("{}; correct spec.apiURL", reason.message());
            Failure::new(reason, Cause::ApiUrl, sentence)
        })
    }

    fn read(text: &str) -> Result<Self, UnsupportedApiUrl> {
        if text.contains(['?', '&']) {
            return Err(UnsupportedApiUrl::Query);
        }
        if text.len() > MAX_LENGTH {
            return Err(UnsupportedApiUrl::TooLong);
        }
        let (scheme, rest) = text.split_at_checked(SCHEME.len()).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(UnsupportedApiUrl::Scheme);
        }
        if rest.contains('#') {
            return Err(UnsupportedApiUrl::Fragment);
        }
        let (server, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if server.contains('@') {
            return Err(UnsupportedApiUrl::User);
        }
        let (host, port) = Host::parse_server(server).map_err(|_| UnsupportedApiUrl::Host)?;
        let path = path.trim_end_matches('/');
        if !path.chars().all(is_path_character) || path.split('/').any(is_relative) {
            return Err(UnsupportedApiUrl::Path);
        }
        Ok(Self { text: text.to_owned(), host, port, path: path.to_owned() })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The server.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, which is 443 unless the URL has another.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }

    /// What the path of every request begins with.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// What people are told the server is.
    pub(crate) fn label(&self) -> String {
        format!("{}:{}", self.host, self.port())
    }

    /// The server as requests name it.
    pub(crate) fn authority(&self) -> String {
        match self.port() {
            DEFAULT_PORT => self.host.to_string(),
            port => format!("{}:{port}", self.host),
        }
    }

    /// Whether a kubeconfig's `server` is this URL: letter by letter, as the existing system has it,
    /// but for upper and lower case.
    pub(crate) fn is(&self, server: &str) -> bool {
        self.text.eq_ignore_ascii_case(server)
    }
}

/// What may be in a path, as RFC 3986 has it.
fn is_path_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/-._~%!$'()*+,;=:@".contains(character)
}

/// Whether a part of a path means another path.
fn is_relative(segment: &str) -> bool {
    let dots = segment.to_ascii_lowercase().replace("%2e", ".");
    dots == "." || dots == ".."
}

impl Display for ApiUrl {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepted() {
        for (text, host, port, path, authority) in [
            ("https://example.com", "example.com", 443, "", "example.com"),
            ("https://example.com/", "example.com", 443, "", "example.com"),
            ("HTTPS://API.Example.com:6443", "api.example.com", 6443, "", "api.example.com:6443"),
            ("https://192.0.2.1:443", "192.0.2.1", 443, "", "192.0.2.1"),
            ("https://[2001:DB8::1]:6443", "2001:db8::1", 6443, "", "[2001:db8::1]:6443"),
            ("https://a/k8s/clusters/c-1//", "a", 443, "/k8s/clusters/c-1", "a"),
            ("https://a/b%20c/d:e@f", "a", 443, "/b%20c/d:e@f", "a"),
        ] {
            let url = ApiUrl::parse(text).unwrap();
            assert_eq!(url.host().name(), host, "{text}");
            assert_eq!((url.port(), url.path()), (port, path), "{text}");
            assert_eq!(url.authority(), authority, "{text}");
            assert_eq!((url.as_str(), url.to_string().as_str()), (text, text));
            assert!(url.is(&text.to_uppercase()) && !url.is(&format!("{text}/")), "{text}");
        }
    }

    #[test]
    fn refused() {
        use UnsupportedApiUrl as Un;
        let long = format!("https://a/{}", "b".repeat(MAX_LENGTH));
        for (text, why) in [
            ("", Un::Scheme),
            ("https:/", Un::Scheme),
            ("https:/\u{e9}", Un::Scheme),
            ("http://example.com", Un::Scheme),
            ("example.com:6443", Un::Scheme),
            (" https://example.com", Un::Scheme),
            ("https://a?b", Un::Query),
            ("https://a/b&c", Un::Query),
            ("http://a?b", Un::Query),
            ("https://a#b", Un::Fragment),
            ("https://a/b#c", Un::Fragment),
            ("https://me@a", Un::User),
            ("https://me:secret@a/b", Un::User),
            ("https://", Un::Host),
            ("https:///b", Un::Host),
            ("https://a:0", Un::Host),
            ("https://a:b", Un::Host),
            ("https://a:", Un::Host),
            ("https://a b", Un::Host),
            ("https://a\\b", Un::Host),
            ("https://a\n", Un::Host),
            ("https://[::1", Un::Host),
            ("https://a/b c", Un::Path),
            ("https://a/b\r\nhost: b", Un::Path),
            ("https://a/\u{e9}", Un::Path),
            ("https://a/b\\c", Un::Path),
            ("https://a/../b", Un::Path),
            ("https://a/b/.%2E", Un::Path),
            ("https://a/./b", Un::Path),
            (&long, Un::TooLong),
        ] {
            let failure = ApiUrl::parse(text).unwrap_err();
            assert_eq!(failure.reason(), &Reason::UnsupportedApiUrl(why), "{text}");
            assert_eq!(failure.cause(), Cause::ApiUrl);
            assert!(failure.sentence().contains("spec.apiURL"));
            assert!(!failure.to_string().contains("secret"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_accepted_or_not(text: String) {
            let _ = ApiUrl::parse(&text);
            let _ = ApiUrl::parse(&format!("https://{text}"));
        }

        #[test]
        fn what_is_accepted_can_be_requested(rest in "[a-zA-Z0-9/._~%!$'()*+,;=:@#?&\\[\\]-]{0,30}") {
            if let Ok(url) = ApiUrl::parse(&format!("https://a{rest}")) {
                let target = format!("{}/api", url.path());
                prop_assert!(target.parse::<http::Uri>().is_ok_and(|uri| uri.path() == target));
                prop_assert!(http::HeaderValue::from_str(&url.authority()).is_ok());
            }
        }
    }
}
