//! A listener whose address is taken at once and which lets nobody in before the process is ready.
//!
//! Until then connections are refused, so that a client that knows several replicas goes to another one.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use mesh::{Allow, Identity, ServerSettings};
use tokio::net::{TcpListener, TcpSocket};

use crate::process::Process;
use crate::readiness::Readiness;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// What a process waits for whose door is the last thing that is closed.
const CLOSED: &str = "listener";

/// An address that is taken and refuses connections.
#[derive(Debug)]
pub struct Door {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Door {
    /// Takes an address; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken already, or is none of this machine's.
    pub fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As every listener, so that a restart finds its port; but two that look for a free one must not find the same.
        socket.set_reuseaddr(address.port() != 0)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves SPIFFE mTLS from when the process waits for nothing else until it stops. The process is not ready before the
    /// door is open. For [`Process::run`](crate::Process::run).
    ///
    /// # Errors
    /// Somebody else listens there meanwhile, or TLS cannot be set up.
    pub fn serve(
        self,
        identity: Identity,
        allow: Allow,
        router: Router,
        settings: ServerSettings,
        process: &Process,
    ) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let (ready, stop) = (process.ready.clone(), process.stop.clone());
        let closed = ready.guard(CLOSED);
        async move {
            let Some(listener) = stop.run_until_cancelled(self.open(&ready)).await else { return Ok(()) };
            let listener = listener?;
            drop(closed);
            mesh::serve(listener, identity, allow, router, settings, stop).await
        }
    }

    async fn open(self, ready: &Readiness) -> io::Result<TcpListener> {
        ready.all_but(CLOSED).await;
        self.socket.listen(BACKLOG)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn refuses_connections_until_the_process_is_ready() {
        let ready = Readiness::default();
        let (_closed, guard) = (ready.guard(CLOSED), ready.guard("revocations"));
        let door = Door::at("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = door.address();
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let opening = tokio::spawn({
            let ready = ready.clone();
            async move { door.open(&ready).await }
        });
        tokio::task::yield_now().await;
        assert!(!opening.is_finished());
        drop(guard);
        let _listener = opening.await.unwrap().unwrap();
        TcpStream::connect(address).await.unwrap();
    }

    #[tokio::test]
    async fn refuses_an_address_that_is_taken() {
        let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(Door::at(held.local_addr().unwrap()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn two_that_look_for_a_free_port_find_two() {
        let doors: Vec<_> = (0..50).map(|_| Door::at("127.0.0.1:0".parse().unwrap()).unwrap()).collect();
        let ports: std::collections::BTreeSet<_> = doors.iter().map(|door| door.address().port()).collect();
        assert_eq!(ports.len(), doors.len());
    }
}
