//! A listener on loopback with a thread of its own.

use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

/// What accepts connections until it is dropped; then all that it runs ends.
pub(crate) struct Host {
    runtime: Option<Runtime>,
    door: Arc<Door>,
    /// Keeps the port while nothing listens.
    _port: TcpSocket,
}

struct Door {
    address: SocketAddr,
    /// `None` while connections are refused.
    listener: Mutex<Option<TcpListener>>,
    opened: Notify,
}

impl Host {
    /// Has each connection served in a task of its own.
    pub(crate) fn start<F>(serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let entered = runtime.enter();
        let port = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = port.local_addr().unwrap();
        let door = Arc::new(Door { address, listener: Mutex::default(), opened: Notify::new() });
        door.open();
        let accepting = Arc::clone(&door);
        runtime.spawn(async move {
            loop {
                tokio::spawn(serve(accepting.accept().await));
            }
        });
        drop(entered);
        Self { runtime: Some(runtime), door, _port: port }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.door.address
    }

    /// Refuses connections, or no longer.
    pub(crate) fn close(&self, is_closed: bool) {
        if is_closed {
            self.door.close();
        } else if let Some(runtime) = &self.runtime {
            let _entered = runtime.enter();
            self.door.open();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.door.close();
        if let Some(runtime) = self.runtime.take() {
            // The test may be in a runtime itself, which may not be blocked.
            runtime.shutdown_background();
        }
    }
}

impl Door {
    fn open(&self) {
        let mut listener = self.listener.lock().unwrap();
        if listener.is_none() {
            *listener = Some(bound(self.address).listen(1024).unwrap());
            self.opened.notify_one();
        }
    }

    fn close(&self) {
        *self.listener.lock().unwrap() = None;
    }

    async fn accept(&self) -> TcpStream {
        loop {
            let accepted = poll_fn(|context| match &*self.listener.lock().unwrap() {
                Some(listener) => listener.poll_accept(context),
                None => Poll::Pending,
            });
            tokio::select! {
                Ok((stream, _)) = accepted => return stream,
                () = self.opened.notified() => {}
            }
        }
    }
}

/// A socket with an address that it shares with the others of this host.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}
