//! Addresses of git repositories, in the forms that this program connects to.
//!
//! A parsed address holds no password: one that has any is refused. The user of an HTTPS address may
//! be a token, though, and is kept for the server alone: neither `Display` nor `Debug` has it, so that
//! a parsed address can be shown, and what is shown is, read again, the same without it.

use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
pub use tenant_servers::Host;
use tenant_servers::HostError;

/// The address of a repository.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct GitUrl {
    form: Form,
    user: Option<String>,
    host: Host,
    port: Option<u16>,
    path: String,
}

/// How an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    /// `https://[user@]host[:port]/path`
    Https,
    /// `ssh://[user@]host[:port]/path`
    Ssh,
    /// `[user@]host:path`, as scp has it.
    Scp,
}

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP/1.1 over TLS.
    Https,
    /// SSH.
    Ssh,
}

/// Why an address is refused. It never repeats the address, which may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// See [`MAX_LENGTH`].
    #[error("the repository URL is longer than {MAX_LENGTH} characters")]
    TooLong,
    /// Neither `https://`, nor `ssh://`, nor `host:path`.
    #[error("the repository URL must start with https:// or ssh://, or be like git@host:path")]
    Unsupported,
    /// A control character, as it is or percent-encoded.
    #[error("the repository URL contains a control character")]
    ControlCharacter,
    /// `user:password@host`
    #[error("the repository URL contains a password; store it in the Secret instead")]
    Password,
    /// A user that no server could mean.
    #[error("the user in the repository URL is not valid")]
    User,
    /// No host, or one that is neither a name nor an address.
    #[error("the host in the repository URL is empty or not valid")]
    Host,
    /// Not a number between 1 and 65535.
    #[error("the port in the repository URL is not valid")]
    Port,
    /// No path, or one that git refuses.
    #[error("the path in the repository URL is empty or not valid")]
    Path,
    /// `?` or `#` in an HTTPS address: git has no use for them, and some put secrets there.
    #[error("the repository URL contains a query or a fragment; remove it")]
    Query,
}

impl From<HostError> for UrlError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Host => Self::Host,
            HostError::Port => Self::Port,
        }
    }
}

/// Far more than any server's addresses need.
pub const MAX_LENGTH: usize = 2048;
/// SSH addresses without a user mean this one, as all hosting services have it.
const DEFAULT_SSH_USER: &str = "git";
/// With one slash left out, these would be read as the host in `host:path`.
const SCHEMES: [&str; 7] = ["file", "ftp", "ftps", "git", "http", "https", "ssh"];

impl GitUrl {
    /// Parses an address.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_LENGTH {
            return Err(UrlError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(UrlError::ControlCharacter);
        }
        let url = match text.split_once("://") {
            Some(("https", rest)) => Self::with_scheme(Form::Https, rest)?,
            Some(("ssh", rest)) => Self::with_scheme(Form::Ssh, rest)?,
            Some(_) => return Err(UrlError::Unsupported),
            None => Self::scp_like(text)?,
        };
        url.check_path()?;
        Ok(url)
    }

    fn with_scheme(form: Form, rest: &str) -> Result<Self, UrlError> {
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let (user, server) = split_user(authority)?;
        if user.as_deref().is_some_and(|user| !user.chars().all(is_user_character)) {
            return Err(UrlError::User);
        }
        let (host, port) = Host::parse_server(server)?;
        if path.trim_matches('/').is_empty() {
            return Err(UrlError::Path);
        }
        if form == Form::Https && path.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        Ok(Self { form, user, host, port, path: path.to_owned() })
    }

    fn scp_like(text: &str) -> Result<Self, UrlError> {
        // Brackets are special at the start of the host, which is after a user if there is one.
        let host = match (text.find('@'), text.find(':')) {
            (Some(at), Some(colon)) if at < colon => at + 1,
            _ => 0,
        };
        let after_brackets = match text[host..].find(']') {
            Some(close) if text[host..].starts_with('[') => host + close,
            _ => 0,
        };
        let colon = text[after_brackets..].find(':').ok_or(UrlError::Unsupported)?;
        let (authority, path) = text.split_at(after_brackets + colon);
        let path = &path[1..];
        if authority.contains('/') {
            return Err(UrlError::Unsupported);
        }
        // `user:password@host:path`, and `helper::address`, for which git runs a program.
        if path.split('/').next().is_some_and(|first| first.contains('@')) {
            return Err(UrlError::Password);
        }
        if path.starts_with(':') || SCHEMES.contains(&authority) {
            return Err(UrlError::Unsupported);
        }
        let (user, server) = split_user(authority)?;
        let (host, port) = Host::parse_server(server)?;
        if port.is_some() {
            return Err(UrlError::Host);
        }
        if path.trim_matches('/').is_empty() {
            return Err(UrlError::Path);
        }
        Ok(Self { form: Form::Scp, user, host, port, path: path.to_owned() })
    }

    /// What an SSH server would take as an option, or what is not text, is refused.
    fn check_path(&self) -> Result<(), UrlError> {
        if self.transport() == Transport::Https {
            return Ok(());
        }
        let path = self.decoded_path()?;
        if path.chars().any(char::is_control) {
            return Err(UrlError::ControlCharacter);
        }
        if path.starts_with('-') { Err(UrlError::Path) } else { Ok(()) }
    }

    /// How the server is spoken to.
    pub fn transport(&self) -> Transport {
        match self.form {
            Form::Https => Transport::Https,
            Form::Ssh | Form::Scp => Transport::Ssh,
        }
    }

    /// The server.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, which is the transport's own unless the address has another.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.transport() {
            Transport::Https => 443,
            Transport::Ssh => 22,
        })
    }

    /// The user, with percent-encoding undone, if the address has one.
    pub fn user(&self) -> Option<String> {
        let user = self.user.as_deref()?;
        match self.form {
            Form::Scp => Some(user.to_owned()),
            Form::Https | Form::Ssh => Some(percent_decode_str(user).decode_utf8_lossy().into()),
        }
    }

    /// The user to log in as over SSH.
    pub fn ssh_user(&self) -> String {
        self.user().unwrap_or_else(|| DEFAULT_SSH_USER.to_owned())
    }

    /// The path as it is written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path as git sends it to an SSH server: decoded, and relative to a home if it says so.
    pub(crate) fn ssh_path(&self) -> String {
        let path = self.decoded_path().unwrap_or_else(|_| self.path.clone());
        match path.strip_prefix('/') {
            Some(home) if home.starts_with('~') => home.to_owned(),
            _ => path,
        }
    }

    fn decoded_path(&self) -> Result<String, UrlError> {
        match self.form {
            Form::Scp => Ok(self.path.clone()),
            Form::Https | Form::Ssh => {
                let decoded = percent_decode_str(&self.path).decode_utf8();
                Ok(decoded.map_err(|_| UrlError::Path)?.into_owned())
            }
        }
    }
}

fn split_user(authority: &str) -> Result<(Option<String>, &str), UrlError> {
    let Some((user, server)) = authority.rsplit_once('@') else {
        return Ok((None, authority));
    };
    let decoded = percent_decode_str(user).decode_utf8().map_err(|_| UrlError::User)?;
    if user.contains(':') || decoded.contains(':') {
        return Err(UrlError::Password);
    }
    if decoded.chars().any(char::is_control) {
        return Err(UrlError::ControlCharacter);
    }
    if user.is_empty() || user.contains(['@', '/']) || decoded.contains(char::is_whitespace) {
        return Err(UrlError::User);
    }
    Ok((Some(user.to_owned()), server))
}

/// What may be in the user of a URL, as RFC 3986 has it. With anything else, some programs would read
/// another host than others: `https://example.com#@example.org`.
fn is_user_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=".contains(character)
}

impl Display for GitUrl {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.form {
            Form::Https => "https://",
            Form::Ssh => "ssh://",
            Form::Scp => "",
        })?;
        if let (Some(user), Transport::Ssh) = (&self.user, self.transport()) {
            write!(formatter, "{user}@")?;
        }
        write!(formatter, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        let colon = if self.form == Form::Scp { ":" } else { "" };
        write!(formatter, "{colon}{}", self.path)
    }
}

impl Debug for GitUrl {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "GitUrl({self})")
    }
}

impl FromStr for GitUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}
