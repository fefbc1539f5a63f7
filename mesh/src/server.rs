//! The mTLS server: accept, shake hands off the accept path, serve HTTP/1.1 or HTTP/2 as agreed, end in good time.

use crate::{Allow, Identity, Updates, tls};
use connection::Shared;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod connection;
mod head;

/// Room for one connection, and for its handshake while that lasts.
struct Permits {
    connection: OwnedSemaphorePermit,
    handshake: OwnedSemaphorePermit,
}

/// How long to wait when the operating system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits and timeouts of a server.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Longest TLS handshake.
    pub handshake_timeout: Duration,
    /// Longest wait for a whole request head on HTTP/1.1; a connection idle for so long is closed, too.
    pub header_read_timeout: Duration,
    /// Connections at once, handshakes among them; more wait in the listener's queue.
    pub max_connections: usize,
    /// Handshakes at once; more wait in the listener's queue.
    pub max_handshakes: usize,
    /// After about this long (up to a tenth less) a connection is closed gracefully, and at the latest when the peer's
    /// certificate ends.
    pub max_age: Duration,
    /// Longest time the requests of a closing connection may still take.
    pub drain: Duration,
    /// Largest request head, bytes.
    pub max_header_list: u32,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// How often a silent HTTP/2 connection is asked whether it is alive; it has half of that to answer.
    pub keep_alive: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            header_read_timeout: Duration::from_secs(20),
            max_connections: 10_000,
            max_handshakes: 1_000,
            max_age: Duration::from_mins(10),
            drain: Duration::from_secs(25),
            max_header_list: 64 * 1024,
            max_streams: 256,
            keep_alive: Duration::from_secs(20),
        }
    }
}

/// Serves `app` to the peers `allow` admits until `stop` is cancelled, then finishes the requests under way, for up to
/// [`ServerSettings::drain`].
///
/// Every request carries a [`Peer`](crate::Peer) as an extension. Request targets that are not in origin form are
/// answered with a 400 problem and never reach `app`. When the own identity is withdrawn, all connections are closed
/// gracefully and no handshake succeeds until it is back.
///
/// # Errors
/// When there is no usable identity to begin with, or the listener has no address.
pub async fn serve(
    tcp: TcpListener,
    identity: Identity,
    allow: Allow,
    app: axum::Router,
    settings: ServerSettings,
    stop: CancellationToken,
) -> io::Result<()> {
    let (config, status) = tls::server(identity.source(), &allow).map_err(io::Error::other)?;
    let local = tcp.local_addr()?;
    let handshakes = Arc::new(Semaphore::new(settings.max_handshakes));
    let connections = Arc::new(Semaphore::new(settings.max_connections));
    let drain = settings.drain;
    let shared = Arc::new(Shared::new(config, status, app, settings));
    let tasks = TaskTracker::new();
    let (mut usable, mut updates) = (true, identity.updates());
    // Cancelled to close the connections there are: at the end, and when the identity is withdrawn.
    let mut closing = stop.child_token();
    tracing::debug!(%local, "serving SPIFFE mTLS");
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            now = turn(&identity, &mut updates, usable) => {
                usable = now;
                if !usable {
                    tracing::warn!("the own identity is gone; closing all connections");
                    closing.cancel();
                    closing = stop.child_token();
                }
            }
            (stream, addr, permits) = accept(&tcp, &connections, &handshakes) => {
                tasks.spawn(connection::run(shared.clone(), stream, addr, permits, closing.clone()));
            }
        }
    }
    drop(tcp);
    tasks.close();
    if tokio::time::timeout(drain, tasks.wait()).await.is_err() {
        tracing::warn!(left = tasks.len(), "connections were still busy at the end");
    }
    Ok(())
}

/// Waits until the identity has become usable, or has stopped to be.
async fn turn(identity: &Identity, updates: &mut Updates, usable: bool) -> bool {
    loop {
        if updates.changed().await.is_err() {
            // The runtime is ending; `stop` or the end of the process comes next.
            return std::future::pending().await;
        }
        if identity.is_usable() != usable {
            return !usable;
        }
    }
}

/// Takes a connection once there is room for it and its handshake. Never fails: what the operating system complains
/// about here passes.
async fn accept(
    tcp: &TcpListener,
    connections: &Arc<Semaphore>,
    handshakes: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Permits) {
    loop {
        let (Ok(connection), Ok(handshake)) =
            (connections.clone().acquire_owned().await, handshakes.clone().acquire_owned().await)
        else {
            // Cannot happen: nobody closes them.
            return std::future::pending().await;
        };
        match tcp.accept().await {
            Ok((stream, addr)) => return (stream, addr, Permits { connection, handshake }),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
