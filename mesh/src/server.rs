//! The mTLS server.

use crate::{Allow, Identity};
use std::{io, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Limits and timeouts of a server.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Longest TLS handshake.
    pub handshake_timeout: Duration,
    /// Longest wait for a request head on HTTP/1.1, idle time included.
    pub header_read_timeout: Duration,
    /// Connections at once; more wait in the listener's queue.
    pub max_connections: usize,
    /// Handshakes at once.
    pub max_handshakes: usize,
    /// After about this long a connection is closed gracefully.
    pub max_age: Duration,
    /// Longest time requests may take to finish once a connection is closing.
    pub drain: Duration,
    /// Largest request head, bytes.
    pub max_header_list: u32,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams: u32,
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
        }
    }
}

/// Serves `app` to the peers `allow` admits until `stop` is cancelled, then finishes the requests under way.
///
/// # Errors
/// When TLS cannot be set up.
pub async fn serve(
    tcp: TcpListener,
    identity: Identity,
    allow: Allow,
    app: axum::Router,
    settings: ServerSettings,
    stop: CancellationToken,
) -> io::Result<()> {
    todo!()
}
