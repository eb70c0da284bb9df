//! What an SSH server may ask of this program: to check its host key, and nothing else.

use russh::client::{ChannelOpenHandle, Handler, Msg, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{AlgorithmKind, Channel};

use crate::known_hosts::HostKeys;

/// The client's side of a connection.
pub(crate) struct Client {
    keys: HostKeys,
}

/// Why a connection was not made.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The server's host key is not one of those known for it.
    HostKey,
    /// The server knows none of the algorithms that this program knows.
    NothingInCommon,
    /// Anything else.
    Protocol,
}

impl From<russh::Error> for Stop {
    fn from(error: russh::Error) -> Self {
        match error {
            // It says so too if it knows other kinds of host keys only.
            russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, .. } => Self::HostKey,
            russh::Error::NoCommonAlgo { .. } => Self::NothingInCommon,
            _ => Self::Protocol,
        }
    }
}

impl Client {
    /// A client for a server that has these host keys.
    pub(crate) fn new(keys: HostKeys) -> Self {
        Self { keys }
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
