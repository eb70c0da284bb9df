//! What an SSH server may ask of this program: to check its host key, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{AlgorithmKind, Channel, Disconnect, Names};

use crate::known_hosts::HostKeys;

/// The client's side of a connection.
pub(crate) struct Client {
    keys: HostKeys,
    dismissal: Dismissal,
    exchanges: usize,
}

/// Whether the connection has ended as it does with servers that have seen enough attempts to log
/// in: OpenSSH ends it in place of a refusal, and russh does after a refusal for good.
#[derive(Clone, Default)]
pub(crate) struct Dismissal(Arc<AtomicBool>);

impl Dismissal {
    /// Whether it has.
    pub(crate) fn has_happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The most key exchanges of a connection: the first, and what a server might have a reason for. Each
/// costs this program as much as all the rest, and russh begins another whenever a server says so.
const MAX_EXCHANGES: usize = 3;

/// Why a connection was not made.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The server's host key is not one of those known for it.
    HostKey,
    /// The server knows none of the algorithms that this program knows.
    NothingInCommon,
    /// The server refuses the credential, and would take no other.
    Refused,
    /// Anything else.
    Protocol,
}

impl From<russh::Error> for Stop {
    fn from(error: russh::Error) -> Self {
        match error {
            // It says so too if it knows other kinds of host keys only.
            russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, .. } => Self::HostKey,
            russh::Error::NoCommonAlgo { .. } => Self::NothingInCommon,
            russh::Error::NoAuthMethod => Self::Refused,
            _ => Self::Protocol,
        }
    }
}

impl Client {
    /// A client for a server that has these host keys.
    pub(crate) fn new(keys: HostKeys, dismissal: Dismissal) -> Self {
        Self { keys, dismissal, exchanges: 0 }
    }
}

/// Drops the reply, which declines: by default, russh lets a server open any channel.
macro_rules! declined {
    ($($name:ident($($argument:ty),*);)*) => {$(
        async fn $name(
            &mut self,
            _: Channel<Msg>,
            $(_: $argument,)*
            _: ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), Stop> {
            Ok(())
        }
    )*};
}

impl Handler for Client {
    type Error = Stop;

    async fn check_server_key(&mut self, presented: &PublicKeyOrCertificate) -> Result<bool, Stop> {
        match presented {
            PublicKeyOrCertificate::PublicKey { key, .. } if self.keys.accepts(key.key_data()) => {
                Ok(true)
            }
            _ => Err(Stop::HostKey),
        }
    }

    async fn kex_done(&mut self, _: Option<&[u8]>, _: &Names, _: &mut Session) -> Result<(), Stop> {
        self.exchanges += 1;
        if self.exchanges > MAX_EXCHANGES { Err(Stop::Protocol) } else { Ok(()) }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Stop>) -> Result<(), Stop> {
        use Disconnect::{IllegalUserName, NoMoreAuthMethodsAvailable, ProtocolError};
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let is_dismissal = matches!(
                    info.reason_code,
                    ProtocolError | NoMoreAuthMethodsAvailable | IllegalUserName
                );
                self.dismissal.0.store(is_dismissal, Ordering::Relaxed);
                Ok(())
            }
            DisconnectReason::Error(Stop::Refused) => {
                self.dismissal.0.store(true, Ordering::Relaxed);
                Err(Stop::Refused)
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }

    declined! {
        server_channel_open_forwarded_tcpip(&str, u32, &str, u32);
        server_channel_open_forwarded_streamlocal(&str);
        server_channel_open_agent_forward();
        server_channel_open_unknown();
        server_channel_open_session();
        server_channel_open_direct_tcpip(&str, u32, &str, u32);
        server_channel_open_direct_streamlocal(&str);
        server_channel_open_x11(&str, u32);
    }
}

#[cfg(test)]
mod tests {
    use russh::client::RemoteDisconnectInfo;

    use super::*;
    use crate::url::Host;

    #[tokio::test]
    async fn a_dismissal_is_told_from_other_ends() {
        for (reason_code, is_dismissal) in [
            (Disconnect::ProtocolError, true),
            (Disconnect::NoMoreAuthMethodsAvailable, true),
            (Disconnect::ByApplication, false),
            (Disconnect::TooManyConnections, false),
        ] {
            let dismissal = Dismissal::default();
            let keys = HostKeys::of("", &Host::Name("example.com".to_owned()), 22);
            let mut client = Client::new(keys, dismissal.clone());
            let (message, lang_tag) = (String::new(), String::new());
            let info = RemoteDisconnectInfo { reason_code, message, lang_tag };
            client.disconnected(DisconnectReason::ReceivedDisconnect(info)).await.unwrap();
            assert_eq!(dismissal.has_happened(), is_dismissal);
        }
        for (error, is_dismissal) in
            [(russh::Error::NoAuthMethod, true), (russh::Error::Disconnect, false)]
        {
            let dismissal = Dismissal::default();
            let keys = HostKeys::of("", &Host::Name("example.com".to_owned()), 22);
            let mut client = Client::new(keys, dismissal.clone());
            assert!(client.disconnected(DisconnectReason::Error(error.into())).await.is_err());
            assert_eq!(dismissal.has_happened(), is_dismissal);
        }
    }
}
