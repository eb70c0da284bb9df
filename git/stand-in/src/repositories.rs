//! The repositories of a server, and who has asked for them.

use std::collections::BTreeMap;

/// A request for the listing of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path of the repository, without the slash at its beginning. Empty if an SSH client was not
    /// let in, because it had not named one yet.
    pub path: String,
    /// Whether it came from somebody who has access, whatever was answered.
    pub is_authorised: bool,
}

/// Repositories by path, with what opens each, and the requests so far.
pub(crate) struct Repositories<A> {
    opened_by: BTreeMap<String, A>,
    requests: Vec<Request>,
}

/// Whether somebody who asks for a repository gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is none.
    Missing,
    /// They show something else than what opens it.
    Closed,
    /// They do.
    Open,
}

impl<A> Default for Repositories<A> {
    fn default() -> Self {
        Self { opened_by: BTreeMap::new(), requests: Vec::new() }
    }
}

impl<A> Repositories<A> {
    pub(crate) fn set(&mut self, path: &str, opened_by: A) {
        self.opened_by.insert(key(path).to_owned(), opened_by);
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.opened_by.remove(key(path));
    }

    /// Whether one of them is opened by what somebody shows.
    pub(crate) fn any_opens(&self, is_shown: impl FnMut(&A) -> bool) -> bool {
        self.opened_by.values().any(is_shown)
    }

    /// Notes that somebody asks for a repository, and says what they find.
    pub(crate) fn ask(&mut self, path: &str, is_shown: impl FnOnce(&A) -> bool) -> Found {
        let path = key(path);
        let found = match self.opened_by.get(path).map(is_shown) {
            None => Found::Missing,
            Some(false) => Found::Closed,
            Some(true) => Found::Open,
        };
        self.note(path, found == Found::Open);
        found
    }

    /// Notes a request.
    pub(crate) fn note(&mut self, path: &str, is_authorised: bool) {
        self.requests.push(Request { path: path.to_owned(), is_authorised });
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.clone()
    }

    /// How often a repository was asked for by somebody who has access.
    pub(crate) fn listings(&self, path: &str) -> usize {
        let is_it = |one: &&Request| one.is_authorised && one.path == key(path);
        self.requests.iter().filter(is_it).count()
    }
}

/// A path as it is compared.
pub(crate) fn key(path: &str) -> &str {
    path.trim_matches('/')
}
