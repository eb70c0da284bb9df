//! The listing of references that a git server sends before anything else (version 0 or 1 of the
//! protocol), read as a stream: nothing but the packet at hand is kept.

use gix_packetline::PacketLineRef;
use gix_packetline::decode::{self, Stream};

use crate::failure::{Cause, Failure};
use crate::limits::Limits;

/// What a repository has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// How many references there are, `HEAD` among them. An empty repository has none.
    pub references: usize,
    /// The object that `HEAD` points at: 40 or 64 hexadecimal digits, whatever the server.
    pub head: Option<String>,
}

/// Why a listing ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Not what git sends.
    NotGit,
    /// More than the limits.
    TooLarge,
    /// An error in place of the listing: there is no such repository.
    NotFound,
    /// Another error in place of the listing.
    Refused,
}

impl Flaw {
    /// What people are told of it.
    pub(crate) fn failure(self, server: &str) -> Failure {
        let (cause, sentence) = match self {
            Self::NotGit => (
                Cause::NotGit,
                format!(
                    "{server} does not answer as a git server does; check that the repository URL \
                     is one that git can clone"
                ),
            ),
            Self::TooLarge => (
                Cause::TooLarge,
                format!("the list of references from {server} is too large to be read"),
            ),
            Self::NotFound => (
                Cause::NotFound,
                format!(
                    "{server} has no such repository, or the credential does not open it; check \
                     the path in the repository URL and the credential"
                ),
            ),
            Self::Refused => (
                Cause::ServerError,
                format!("{server} reports an error in place of the list of references"),
            ),
        };
        Failure::new(cause, sentence)
    }
}

/// A listing being read.
pub(crate) struct Advertisement {
    expected: Expected,
    pending: Vec<u8>,
    received: usize,
    lines: usize,
    listing: Listing,
    limits: Limits,
}

/// What the next packet may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// `# service=git-upload-pack`, which HTTP servers begin with.
    Service,
    /// The end of what follows that.
    ServiceEnd,
    /// The first reference or the version.
    First,
    /// References.
    References,
    /// Nothing more.
    Nothing,
}

const SERVICE: &[u8] = b"# service=git-upload-pack";
/// Stands in for a name where there are no references.
const NO_REFERENCES: &[u8] = b"capabilities^{}";
/// Ends the name of what an annotated tag points at, which is no reference of its own.
const PEELED: &[u8] = b"^{}";
/// The lengths of object names, of SHA-1 and SHA-256, in hexadecimal digits.
const OBJECT_LENGTHS: [usize; 2] = [40, 64];

impl Advertisement {
    /// A listing as HTTP servers send it.
    pub(crate) fn over_http(limits: Limits) -> Self {
        Self::new(Expected::Service, limits)
    }

    /// A listing as SSH servers send it.
    pub(crate) fn over_ssh(limits: Limits) -> Self {
        Self::new(Expected::First, limits)
    }

    fn new(expected: Expected, limits: Limits) -> Self {
        let listing = Listing::default();
        Self { expected, pending: Vec::new(), received: 0, lines: 0, listing, limits }
    }

    /// Whether anything has been received.
    pub(crate) fn has_begun(&self) -> bool {
        self.received > 0
    }

    /// Takes what has been received and returns the listing once it is complete.
    pub(crate) fn take(&mut self, data: &[u8]) -> Result<Option<Listing>, Flaw> {
        self.received = self.received.saturating_add(data.len());
        if self.received > self.limits.listing {
            return Err(Flaw::TooLarge);
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(data);
        let mut offset = 0;
        while self.expected != Expected::Nothing {
            match decode::streaming(&pending[offset..]).map_err(|_| Flaw::NotGit)? {
                Stream::Incomplete { .. } => break,
                Stream::Complete { line, bytes_consumed } => {
                    self.packet(line)?;
                    offset += bytes_consumed;
                }
            }
        }
        if self.expected == Expected::Nothing {
            return Ok(Some(std::mem::take(&mut self.listing)));
        }
        pending.drain(..offset);
        self.pending = pending;
        Ok(None)
    }

    fn packet(&mut self, packet: PacketLineRef<'_>) -> Result<(), Flaw> {
        if let Some(error) = packet.check_error() {
            return Err(if is_not_found(error.0) { Flaw::NotFound } else { Flaw::Refused });
        }
        let text = packet.as_text().map(|text| text.as_slice());
        self.expected = match (self.expected, packet, text) {
            (Expected::Service, _, Some(SERVICE)) => Expected::ServiceEnd,
            (Expected::ServiceEnd, PacketLineRef::Flush, _) => Expected::First,
            (Expected::ServiceEnd, _, Some(_)) => Expected::ServiceEnd,
            (Expected::First, _, Some(b"version 1")) => Expected::First,
            (Expected::First | Expected::References, _, Some(line)) => self.reference(line)?,
            (Expected::First | Expected::References, PacketLineRef::Flush, _) => Expected::Nothing,
            _ => return Err(Flaw::NotGit),
        };
        Ok(())
    }

    fn reference(&mut self, line: &[u8]) -> Result<Expected, Flaw> {
        self.lines += 1;
        if self.lines > self.limits.references {
            return Err(Flaw::TooLarge);
        }
        // Capabilities follow the first name.
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let space = line.iter().position(|byte| *byte == b' ').ok_or(Flaw::NotGit)?;
        let (object, name) = (&line[..space], &line[space + 1..]);
        if object == b"shallow" && is_object(name) {
            return Ok(Expected::References);
        }
        if !is_object(object) || name.is_empty() {
            return Err(Flaw::NotGit);
        }
        if name != NO_REFERENCES && !name.ends_with(PEELED) {
            self.listing.references += 1;
        }
        if name == b"HEAD" {
            self.listing.head = Some(String::from_utf8_lossy(object).into_owned());
        }
        Ok(Expected::References)
    }
}

fn is_object(text: &[u8]) -> bool {
    OBJECT_LENGTHS.contains(&text.len()) && text.iter().all(u8::is_ascii_hexdigit)
}

/// What hosting services say in place of a listing if there is no such repository, or if the
/// credential does not open it, which most of them do not tell apart.
const NOT_FOUND: [&str; 9] = [
    "not found",
    "could not be found",
    "cannot find",
    "does not exist",
    "not appear to be a git repository",
    "not a git repository",
    "no such",
    "denied",
    "not allowed",
];

/// Whether a server's error says that there is no such repository.
pub(crate) fn is_not_found(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    NOT_FOUND.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OBJECT: &str = "0123456789012345678901234567890123456789";

    fn packet(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    fn reference(name: &str) -> String {
        packet(&format!("{OBJECT} {name}\n"))
    }

    fn over_ssh(text: &str) -> Result<Option<Listing>, Flaw> {
        Advertisement::over_ssh(Limits::default()).take(text.as_bytes())
    }

    fn over_http(text: &str) -> Result<Option<Listing>, Flaw> {
        Advertisement::over_http(Limits::default()).take(text.as_bytes())
    }

    #[test]
    fn listings() {
        let head = reference("HEAD\0symref=HEAD:refs/heads/main agent=git/2");
        let rest =
            [reference("refs/heads/main"), reference("refs/tags/a"), reference("refs/tags/a^{}")]
                .concat();
        let listing = Listing { references: 3, head: Some(OBJECT.to_owned()) };
        let empty = Listing::default();
        let nothing = packet(&format!("{} capabilities^{{}}\0agent\n", "0".repeat(40)));
        for (text, expected) in [
            (format!("{head}{rest}0000"), Ok(Some(listing.clone()))),
            (format!("{}{head}{rest}0000", packet("version 1\n")), Ok(Some(listing.clone()))),
            (
                format!("{head}{rest}{}0000", packet(&format!("shallow {OBJECT}"))),
                Ok(Some(listing)),
            ),
            (format!("{nothing}0000"), Ok(Some(empty.clone()))),
            ("0000".to_owned(), Ok(Some(empty))),
            (format!("{head}{rest}"), Ok(None)),
            (format!("{head}0001"), Err(Flaw::NotGit)),
            (format!("{}0000", packet("version 2\n")), Err(Flaw::NotGit)),
            (format!("{}0000", packet("refs/heads/main")), Err(Flaw::NotGit)),
            (format!("{}0000", packet(&format!("{OBJECT} "))), Err(Flaw::NotGit)),
            (packet("ERR Repository not found."), Err(Flaw::NotFound)),
            (packet("ERR out of memory"), Err(Flaw::Refused)),
            ("<html>".to_owned(), Err(Flaw::NotGit)),
            ("fffffff".to_owned(), Err(Flaw::NotGit)),
            ("0004".to_owned(), Err(Flaw::NotGit)),
        ] {
            assert_eq!(over_ssh(&text), expected, "{text}");
        }
    }

    #[test]
    fn http_listings_begin_with_the_service() {
        let listing = reference("HEAD\0agent");
        let service = packet("# service=git-upload-pack\n");
        assert!(matches!(over_http(&format!("{service}0000{listing}0000")), Ok(Some(_))));
        let more = packet("more");
        assert!(matches!(over_http(&format!("{service}{more}0000{listing}0000")), Ok(Some(_))));
        assert_eq!(over_http(&format!("{service}0000{listing}")), Ok(None));
        assert_eq!(over_http(&format!("{listing}0000")), Err(Flaw::NotGit));
        assert_eq!(over_http(&packet("# service=git-receive-pack\n")), Err(Flaw::NotGit));
        assert_eq!(over_http("0000"), Err(Flaw::NotGit));
    }

    #[test]
    fn limits_end_an_endless_listing() {
        let line = reference("refs/heads/main");
        let limits = Limits { references: 10, ..Limits::default() };
        let mut reader = Advertisement::over_ssh(limits);
        assert_eq!(reader.take(line.repeat(10).as_bytes()), Ok(None));
        assert_eq!(reader.take(line.as_bytes()), Err(Flaw::TooLarge));

        let limits = Limits { listing: 10 * line.len(), ..Limits::default() };
        let mut reader = Advertisement::over_ssh(limits);
        assert_eq!(reader.take(line.repeat(10).as_bytes()), Ok(None));
        assert_eq!(reader.take(b"0"), Err(Flaw::TooLarge));
    }

    #[test]
    fn no_more_than_a_packet_is_kept() {
        let mut reader = Advertisement::over_ssh(Limits::default());
        let line = reference(&"a".repeat(60_000));
        for part in line.repeat(100).as_bytes().chunks(1000) {
            assert_eq!(reader.take(part), Ok(None));
            assert!(reader.pending.len() < line.len());
        }
    }

    proptest! {
        #[test]
        fn parts_do_not_matter(cuts in proptest::collection::vec(1_usize..40, 1..20)) {
            let text = [reference("HEAD\0agent"), reference("refs/heads/main"), "0000".to_owned()]
                .concat();
            let mut reader = Advertisement::over_ssh(Limits::default());
            let mut rest = text.as_bytes();
            let mut listing = None;
            for length in cuts.iter().cycle() {
                let (part, others) = rest.split_at((*length).min(rest.len()));
                listing = reader.take(part).unwrap();
                rest = others;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(listing.map(|listing| listing.references), Some(2));
        }

        #[test]
        fn nothing_panics(data in proptest::collection::vec(any::<u8>(), 0..200), is_http: bool) {
            let limits = Limits::default();
            let mut reader = match is_http {
                true => Advertisement::over_http(limits),
                false => Advertisement::over_ssh(limits),
            };
            let _ = reader.take(&data);
        }
    }
}
