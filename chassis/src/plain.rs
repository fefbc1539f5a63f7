//! A listener without TLS, for callers that have no SPIFFE identity: bounded in how many and how slow they may be.
//!
//! Put TLS in front of it, or keep it on loopback.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt as _, service_fn};

/// Limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait.
    pub max_connections: usize,
    /// How long a request's head may take.
    pub head: Duration,
    /// The longest request head, bytes.
    pub max_head: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_connections: 256, head: Duration::from_secs(10), max_head: 16 * 1024 }
    }
}

/// Serves HTTP/1.1 and HTTP/2 until `stop`, then lets requests in flight finish.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let (graceful, permits) = (GracefulShutdown::new(), Arc::new(Semaphore::new(limits.max_connections)));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.max_head.max(8192));
    let max_list = u32::try_from(limits.max_head).unwrap_or(u32::MAX);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(limits.head).max_header_list_size(max_list);
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let Some(stream) = next(&listener, &stop).await else { break };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The next connection, or none when told to stop.
async fn next(listener: &TcpListener, stop: &CancellationToken) -> Option<TcpStream> {
    loop {
        let accepted = stop.run_until_cancelled(listener.accept()).await?;
        match accepted {
            Ok((stream, _)) => return Some(stream),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: some come back when connections end.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn exchange(bytes: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(async || "hello"));
        let limits = Limits { head: Duration::from_millis(200), ..Limits::default() };
        let served = tokio::spawn(serve(listener, router, limits, stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), served).await.unwrap().unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn answers_a_request_and_stops_when_told() {
        let answer = exchange(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello"), "{answer}");
    }

    #[tokio::test]
    async fn refuses_what_is_not_http() {
        assert!(exchange(b"\x16\x03\x01garbage\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    }

    #[tokio::test]
    async fn gives_up_a_head_that_never_ends_and_one_that_is_too_long() {
        let answer = exchange(b"GET / HTTP/1.1\r\n").await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        let head = format!("GET / HTTP/1.1\r\nX: {}\r\n", "x".repeat(64 * 1024));
        assert!(exchange(head.as_bytes()).await.starts_with("HTTP/1.1 431"));
    }
}
