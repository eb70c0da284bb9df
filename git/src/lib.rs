//! Whether a credential opens a git repository, asked of the repository's server: a listing of its
//! references, as `git ls-remote` does it, over HTTPS or SSH.
//!
//! Tenants choose the servers, so any server may be hostile: it may send anything for any time, it
//! may be at an address that only this program can reach, and it may redirect there. See
//! [`Policy`] and [`Limits`]. No program is run and no environment variable is looked at, except
//! where the system's root certificates are.
//!
//! A server may also repeat the password that it was shown. Nothing in here says what a server
//! says, but russh logs some of it: see [`SILENCED`], which the program has to apply.

mod advertisement;
mod checker;
mod credentials;
mod dial;
mod failure;
mod https;
mod known_hosts;
mod limits;
mod ssh;
mod ssh_client;
mod tls;
mod trust;
pub mod url;

pub use advertisement::Listing;
pub use checker::Checker;
pub use credentials::Credentials;
pub use failure::{Cause, Failure, MAX_SENTENCE};
pub use limits::Limits;
pub use tenant_servers::{Policy, Resolve, Resolving, SystemResolver};
pub use trust::Trust;
pub use url::GitUrl;

/// Has to be the last directive of the program's log filter, whatever the rest of it is.
///
/// russh logs the names of requests that it does not know, as warnings even, and a server makes
/// them up: one that was shown a password can have the log repeat it. russh's `Handler` is not asked
/// about such requests, and it runs in a task of its own, so that nothing in here can stop it. A
/// more specific directive (`russh::client=debug`) prevails over this one: it must not be there.
pub const SILENCED: &str = "russh=off";
