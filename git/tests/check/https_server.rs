//! A TLS server that answers as it is told, under the name of these tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use git_access::Trust;
use git_stand_in::HttpsServer;

use crate::support::{HOST, PERMITTED};

pub(crate) use git_stand_in::https::Answer;
pub(crate) use git_stand_in::identity::{Identity, identity, issued_by, self_signed, signed_by};

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) authority: String,
    pub(crate) leaf: String,
    server: HttpsServer,
}

impl Server {
    /// A server with a certificate for the usual name and address.
    pub(crate) fn answering(answer: Answer) -> Self {
        Self::with(identity(&[HOST, "other.example.com", PERMITTED], |_| {}), answer)
    }

    pub(crate) fn with(identity: Identity, answer: Answer) -> Self {
        let (authority, leaf) = (identity.authority.clone(), identity.leaf.clone());
        let server = HttpsServer::scripted(identity, answer);
        Self { address: server.address(), authority, leaf, server }
    }

    /// The URL of a repository on it.
    pub(crate) fn url(&self) -> String {
        format!("https://{HOST}:{}/a/b.git", self.address.port())
    }

    /// Trust in its authority.
    pub(crate) fn trust(&self) -> Trust {
        trust_for(&[(HOST, &self.authority)])
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.server.heads()
    }
}

pub(crate) fn trust_for(entries: &[(&str, &str)]) -> Trust {
    let certificates: BTreeMap<String, String> =
        entries.iter().map(|(host, pem)| ((*host).to_owned(), (*pem).to_owned())).collect();
    Trust { certificates, ..Trust::default() }
}
