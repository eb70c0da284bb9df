//! A listing over SSH: `git-upload-pack` is run on the server, and ended after its first words.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, AuthResult, GexParams, Handle, Msg};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{Channel, ChannelMsg, Preferred, kex};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::advertisement::{Advertisement, Flaw, Listing, is_not_found};
use crate::credentials::{Credentials, read_key};
use crate::dial::{Dialer, Server};
use crate::failure::{Cause, Failure};
use crate::known_hosts::HostKeys;
use crate::ssh_client::{Client, Dismissal, Stop};
use crate::trust::Trust;
use crate::url::GitUrl;

/// How to log in.
enum Login {
    Nothing,
    Password(SecretString),
    Key(Box<PrivateKey>),
}

/// How much is kept of what a server says to people: enough to tell a missing repository.
const MAX_ERROR_TEXT: usize = 4 * 1024;
/// The least, preferred, and most bits of a key exchange whose parameters the server chooses. The
/// work grows with the cube of them, and any check may have to do it more than once.
const GROUP_BITS: [usize; 3] = [2048, 2048, 3072];
/// How long a server gets to be told, and to end, after a complete listing.
const GOODBYE: Duration = Duration::from_secs(1);
/// Between the connection and the SSH client.
const PIPE: usize = 64 * 1024;
/// What a server may send before it is read.
const WINDOW: u32 = 256 * 1024;
/// Key exchanges, the best first. Those named DH are for servers that have none of the others: they
/// cost more.
const EXCHANGES: [kex::Name; 10] = [
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_G14_SHA256,
    kex::DH_GEX_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// Lists the references of a repository.
pub(crate) async fn list(
    dialer: &Dialer<'_>,
    url: &GitUrl,
    credentials: &Credentials,
    trust: &Trust,
) -> Result<Listing, Failure> {
    let (user, login) = login(url, credentials).await?;
    let server = Server::named(url.host(), url.port());
    let addresses = dialer.addresses(&server).await?;
    let keys = HostKeys::of(&trust.known_hosts, &server.host, server.port);
    if keys.is_empty() {
        return Err(Failure::new(
            Cause::HostUnknown,
            format!(
                "the host key of {} is not in argocd-ssh-known-hosts-cm; add it there",
                server.label
            ),
        ));
    }
    let stream = dialer.connect(&server, &addresses).await?;
    let (near, far) = duplex(PIPE);
    let conversation = async {
        let dismissal = Dismissal::default();
        let mut session = begin(near, keys, dismissal.clone(), &server).await?;
        authenticate(&mut session, user, login, &dismissal, &server).await?;
        let reader = Advertisement::over_ssh(dialer.limits);
        run(&session, &url.ssh_path(), reader, &server, dialer).await
    };
    // The SSH client runs as a task of its own. The connection is in this future, so that both end
    // with it.
    tokio::select! {
        listing = conversation => listing,
        never = relay(stream, far) => match never {},
    }
}

async fn relay(mut stream: TcpStream, mut pipe: DuplexStream) -> Infallible {
    // An error is the end of the connection, which the conversation notices.
    let _ = copy_bidirectional(&mut stream, &mut pipe).await;
    drop(pipe);
    pending().await
}

/// What to log in with, and as whom.
async fn login(url: &GitUrl, credentials: &Credentials) -> Result<(String, Login), Failure> {
    let user = url.ssh_user();
    Ok(match credentials {
        Credentials::Anonymous => (user, Login::Nothing),
        Credentials::SshKey(text) => (user, Login::Key(Box::new(read_key(text).await?))),
        Credentials::Basic { username, password } => {
            let user = match (url.user(), username.expose_secret()) {
                (Some(user), _) => user,
                (None, "") => user,
                (None, username) => username.to_owned(),
            };
            (user, Login::Password(password.clone()))
        }
    })
}

/// Connects, and checks the server's host key.
async fn begin(
    stream: DuplexStream,
    keys: HostKeys,
    dismissal: Dismissal,
    server: &Server,
) -> Result<Handle<Client>, Failure> {
    let preferred = Preferred {
        kex: EXCHANGES.to_vec().into(),
        key: keys.algorithms().into(),
        ..Preferred::default()
    };
    let [least, preferred_bits, most] = GROUP_BITS;
    let gex = GexParams::new(least, preferred_bits, most).map_err(|_| broken(server))?;
    let config =
        client::Config { preferred, gex, window_size: WINDOW, ..client::Config::default() };
    let client = Client::new(keys, dismissal);
    client::connect_stream(Arc::new(config), stream, client).await.map_err(|error| match error {
        Stop::HostKey => Failure::new(
            Cause::HostKeyChanged,
            format!(
                "the host key of {} is not the one in argocd-ssh-known-hosts-cm; if its \
                 administrators have changed it, change it there too, else someone is in between",
                server.label
            ),
        ),
        Stop::NothingInCommon => Failure::new(
            Cause::ServerError,
            format!(
                "{} has no SSH algorithm that this program accepts; the server needs an update",
                server.label
            ),
        ),
        Stop::Refused | Stop::Protocol => broken(server),
    })
}

async fn authenticate(
    session: &mut Handle<Client>,
    user: String,
    login: Login,
    dismissal: &Dismissal,
    server: &Server,
) -> Result<(), Failure> {
    let (result, what) = match login {
        Login::Nothing => (session.authenticate_none(user).await, "a connection without a key"),
        Login::Password(password) => {
            let password = password.expose_secret().to_owned();
            (session.authenticate_password(user, password).await, "the password")
        }
        Login::Key(key) => {
            let hash = match key.algorithm() {
                // A server that does not say what it can may still know the newer of the hashes.
                Algorithm::Rsa { .. } => match session.best_supported_rsa_hash().await {
                    Ok(hash) => hash.flatten().or(Some(HashAlg::Sha512)),
                    Err(_) => return Err(broken(server)),
                },
                _ => None,
            };
            let key = PrivateKeyWithHashAlg::new(Arc::new(*key), hash);
            (session.authenticate_publickey(user, key).await, "the SSH key")
        }
    };
    match result {
        Ok(AuthResult::Success) => return Ok(()),
        Ok(AuthResult::Failure { remaining_methods, .. }) if !remaining_methods.is_empty() => {}
        // A refusal without any method that is left, which russh also makes up if there is no
        // answer. Its task ends after both, and knows which it was once it has.
        Ok(AuthResult::Failure { .. }) => {
            let _ = session.await;
            if !dismissal.has_happened() {
                return Err(broken(server));
            }
        }
        Err(_) => return Err(broken(server)),
    }
    Err(Failure::new(
        Cause::AuthenticationRefused,
        format!(
            "{} refuses {what}; check the credential, and that the server knows it",
            server.label
        ),
    ))
}

/// Runs `git-upload-pack` and reads its listing.
async fn run(
    session: &Handle<Client>,
    path: &str,
    mut reader: Advertisement,
    server: &Server,
    dialer: &Dialer<'_>,
) -> Result<Listing, Failure> {
    let ended = |_| broken(server);
    let mut channel = session.channel_open_session().await.map_err(ended)?;
    let command = format!("git-upload-pack {}", quoted(path));
    channel.exec(true, command).await.map_err(ended)?;
    let mut error_text = Vec::new();
    let mut error_length = 0_usize;
    let mut has_exited = false;
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                let listing = reader.take(&data).map_err(|flaw| flaw.failure(&server.label))?;
                if let Some(listing) = listing {
                    say_goodbye(&mut channel, dialer.deadline).await;
                    return Ok(listing);
                }
            }
            ChannelMsg::ExtendedData { data, .. } => {
                error_length = error_length.saturating_add(data.len());
                if error_length > dialer.limits.listing {
                    return Err(Flaw::TooLarge.failure(&server.label));
                }
                let room = MAX_ERROR_TEXT.saturating_sub(error_text.len());
                error_text.extend_from_slice(&data[..room.min(data.len())]);
            }
            ChannelMsg::ExitStatus { .. } | ChannelMsg::ExitSignal { .. } => has_exited = true,
            // The server runs no such program.
            ChannelMsg::Failure => {
                has_exited = true;
                break;
            }
            ChannelMsg::Close => break,
            _ => {}
        }
    }
    Err(match (has_exited, reader.has_begun()) {
        (_, false) if is_not_found(&error_text) => Flaw::NotFound.failure(&server.label),
        (true, _) => Flaw::NotGit.failure(&server.label),
        (false, _) => broken(server),
    })
}

/// Tells the server that nothing is wanted, so that it ends without an error. The listing is
/// complete: what the server makes of it is none of our concern, and neither is whether it takes
/// it at all. It is over before the check is, which is a success.
async fn say_goodbye(channel: &mut Channel<Msg>, deadline: Instant) {
    let goodbye = async {
        let _ = channel.data_bytes(&b"0000"[..]).await;
        let _ = channel.eof().await;
        while channel.wait().await.is_some() {}
    };
    let _ = timeout_at(deadline.min(Instant::now() + GOODBYE), goodbye).await;
}

/// A path for a POSIX shell, quoted as git does it.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''").replace('!', "'\\!'"))
}

fn broken(server: &Server) -> Failure {
    Failure::new(
        Cause::ServerError,
        format!(
            "{} broke off the SSH connection, or does not speak SSH; check the port in the \
             repository URL",
            server.label
        ),
    )
}
