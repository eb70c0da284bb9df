//! One connection.

use std::sync::{Arc, Mutex};

use russh::kex::dh::groups::{DH_GROUP14, DhGroup};
use russh::keys::PublicKey;
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, client::GexParams};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{Shared, Shown, script};

struct Connection {
    shared: Arc<Shared>,
    shown: Shown,
    /// The client has sent something to what is run.
    answered: Arc<Notify>,
    scripts: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// Serves a connection until it has ended, and what was run there.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let config = shared.state(|state| {
        state.log.connections += 1;
        Arc::clone(&state.config)
    });
    let scripts = Arc::default();
    let connection = Connection {
        shared: Arc::clone(&shared),
        shown: Shown::Nothing,
        answered: Arc::default(),
        scripts: Arc::clone(&scripts),
    };
    if let Ok(session) = server::run_stream(config, stream, connection).await {
        // However it ends, it has ended.
        let _ = session.await;
    }
    let scripts = std::mem::take(&mut *scripts.lock().unwrap());
    for script in scripts {
        script.await.unwrap();
    }
    shared.ended.notify_one();
}

impl Connection {
    fn judge(&mut self, user: &str, shown: Shown) -> Auth {
        if self.shared.lets_in(user, &shown) {
            self.shown = shown;
            return Auth::Accept;
        }
        let door = self.shared.scripted.as_ref().map(|(door, _)| door);
        let proceed_with_methods = door.and_then(|door| door.methods.clone());
        Auth::Reject { proceed_with_methods, partial_success: false }
    }
}

impl server::Handler for Connection {
    type Error = russh::Error;

    async fn lookup_dh_gex_group(
        &mut self,
        _: &GexParams,
    ) -> Result<Option<DhGroup>, russh::Error> {
        let door = self.shared.scripted.as_ref().map(|(door, _)| door);
        Ok(Some(door.and_then(|door| door.group.clone()).unwrap_or(DH_GROUP14)))
    }

    async fn auth_none(&mut self, user: &str) -> Result<Auth, russh::Error> {
        Ok(self.judge(user, Shown::Nothing))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        Ok(self.judge(user, Shown::Password(password.to_owned())))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        self.shared.state(|state| state.log.algorithms.push(key.algorithm.to_string()));
        let key = PublicKey::from(key.public_key.key_data().clone());
        Ok(self.judge(user, Shown::Key(key)))
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn data(
        &mut self,
        _: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.shared.state(|state| state.log.input.extend_from_slice(data));
        self.answered.notify_one();
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let command = String::from_utf8(command.to_vec()).unwrap();
        let script = self.shared.script(&command, &self.shown);
        if matches!(script, script::Script::Refused) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        let (shared, answered) = (Arc::clone(&self.shared), Arc::clone(&self.answered));
        let handle = session.handle();
        let running = tokio::spawn(async move {
            shared.running.notify_one();
            let stage = script::Stage { shared: &shared, answered: &answered, handle, channel };
            // The client may leave at any time; then there is nothing more to do.
            let _ = stage.run(script, &command).await;
        });
        self.scripts.lock().unwrap().push(running);
        Ok(())
    }
}
