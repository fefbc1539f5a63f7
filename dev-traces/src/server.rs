//! Starting and ending the receiver.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::board::{Board, Trace};
use crate::{pages, receiver};

/// The longest request, bytes.
const MAX_REQUEST: usize = 4 * 1024 * 1024;

/// The receiver could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct StartError {
    /// The address that was asked for.
    address: SocketAddr,
    /// What the operating system said.
    source: io::Error,
}

/// A running receiver; dropped, it ends without waiting for requests in flight.
#[derive(Debug)]
pub struct DevTraces {
    /// The address it listens on.
    pub addr: SocketAddr,
    board: Arc<Board>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl DevTraces {
    /// Listens, and serves until [`DevTraces::shutdown`].
    ///
    /// # Errors
    /// [`StartError`] if the address cannot be listened on.
    ///
    /// # Security
    /// Whoever reaches the address may send spans and read all of them.
    pub async fn start(address: SocketAddr) -> Result<Self, StartError> {
        let failed = |source| StartError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        if !addr.ip().is_loopback() {
            tracing::warn!(%addr, "dev-traces shows traces to whoever reaches it: never use it in production");
        }
        let (board, stop) = (Arc::new(Board::default()), CancellationToken::new());
        let serve =
            axum::serve(listener, router(Arc::clone(&board))).with_graceful_shutdown(stop.clone().cancelled_owned());
        let served = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "dev-traces ended");
            }
        });
        Ok(Self { addr, board, stop, served })
    }

    /// What has arrived, the newest first.
    #[must_use]
    pub fn traces(&self) -> Vec<Trace> {
        self.board.all()
    }

    /// Stops listening and waits for requests in flight.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if (&mut self.served).await.is_err() {
            tracing::error!("dev-traces panicked");
        }
    }
}

impl Drop for DevTraces {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn router(board: Arc<Board>) -> Router {
    Router::new()
        .route("/v1/traces", post(receiver::receive))
        .route("/", get(pages::list))
        .route("/trace/{id}", get(pages::trace))
        .route("/traces.json", get(pages::json))
        .route("/style.css", get(pages::stylesheet))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(board)
}
