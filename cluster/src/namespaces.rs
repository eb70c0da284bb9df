//! The namespaces of an environment.

use std::collections::BTreeSet;

use crate::failure::{Cause, Failure};
use crate::reason::Reason;

/// `spec.namespaces`: which namespaces of the cluster may be deployed to. None: all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Namespaces {
    first: Option<String>,
    sorted: BTreeSet<String>,
}

/// The most characters of a label, as RFC 1123 has it.
const MAX_LABEL: usize = 63;
/// The most characters of all of them with commas in between: they go into a row and into a Secret.
/// The existing system has room for 4096.
pub const MAX_LENGTH: usize = 64 * 1024;

impl Namespaces {
    /// Reads `spec.namespaces`. The text of the condition is another one for an environment that has
    /// been valid before (`is_known`).
    ///
    /// # Errors
    ///
    /// Which of them cannot be the name of a namespace.
    pub fn parse(list: &[String], is_known: bool) -> Result<Self, Failure> {
        let failure = |namespace: &str, sentence: &str| {
            let reason = Reason::InvalidNamespaceList { namespace: namespace.to_owned(), is_known };
            Failure::new(reason, Cause::NamespaceInvalid, sentence)
        };
        if let Some(invalid) = list.iter().find(|name| !is_label(name)) {
            return Err(failure(
                invalid,
                "spec.namespaces has a name that no namespace can have; such a name has at most \
                 63 lower-case letters, digits and hyphens, and begins and ends without a hyphen",
            ));
        }
        let namespaces =
            Self { first: list.first().cloned(), sorted: list.iter().cloned().collect() };
        match namespaces.joined().len() {
            0..=MAX_LENGTH => Ok(namespaces),
            _ => Err(failure(
                "there are too many",
                "spec.namespaces is longer than 64 KiB; name fewer, or none to have all",
            )),
        }
    }

    /// Whether all namespaces may be deployed to.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The one that the spec has first.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// In alphabetical order, each once.
    pub fn sorted(&self) -> impl Iterator<Item = &str> {
        self.sorted.iter().map(String::as_str)
    }

    /// As they are in a row and in Argo CD's cluster Secret: sorted, with commas in between.
    pub fn joined(&self) -> String {
        self.sorted().collect::<Vec<_>>().join(",")
    }
}

fn is_label(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&name.len())
        && name.bytes().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &[&str]) -> Result<Namespaces, Failure> {
        let list: Vec<String> = list.iter().map(|name| (*name).to_owned()).collect();
        Namespaces::parse(&list, false)
    }

    #[test]
    fn they_are_sorted_and_the_first_is_the_specs() {
        let namespaces = parse(&["c", "b", "a", "b"]).unwrap();
        assert_eq!(namespaces.joined(), "a,b,c");
        assert_eq!(namespaces.first(), Some("c"));
        let none = parse(&[]).unwrap();
        assert_eq!((none.joined(), none.first(), none.is_empty()), (String::new(), None, true));
    }

    #[test]
    fn names_are_labels() {
        let longest = "a".repeat(63);
        for name in ["a", "0", "a-b", "0-9", &longest] {
            assert!(parse(&[name]).is_ok(), "{name}");
        }
        let longer = "a".repeat(64);
        for name in ["", "-a", "a-", "A", "a_b", "a.b", "a,b", "ä", "a b", "a\n", &longer] {
            let failure = parse(&["a", name]).unwrap_err();
            assert_eq!(failure.cause(), Cause::NamespaceInvalid);
            let reason =
                Reason::InvalidNamespaceList { namespace: name.to_owned(), is_known: false };
            assert_eq!(failure.reason(), &reason);
        }
    }

    #[test]
    fn an_environment_that_was_valid_says_so() {
        let failure = Namespaces::parse(&["A".to_owned()], true).unwrap_err();
        assert!(failure.reason().message().starts_with("user specified an invalid namespace: "));
    }

    #[test]
    fn there_is_a_bound() {
        let list = |count: usize| -> Vec<String> {
            (0..count).map(|number| format!("{number:063}")).collect()
        };
        // Each takes 64 bytes, and the last has no comma.
        assert!(Namespaces::parse(&list(1024), false).is_ok());
        let failure = Namespaces::parse(&list(1025), false).unwrap_err();
        assert!(failure.reason().message().ends_with("list: there are too many"));
    }
}
