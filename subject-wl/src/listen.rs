//! The listener for browsers: plain HTTP/1.1 and HTTP/2, with limits on how slow and how many they may be.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt as _, service_fn};

/// How many browsers may be connected at once.
const MAX_CONNECTIONS: usize = 4096;
/// How long a request's head may take.
pub(crate) const HEAD: Duration = Duration::from_secs(10);
/// The longest request head, in bytes.
const MAX_HEAD: usize = 32 * 1024;

/// Serves until `stop`, then lets requests in flight finish. A head that takes longer than `head` is given up.
pub(crate) async fn serve(listener: TcpListener, router: Router, head: Duration, stop: CancellationToken) {
    let (graceful, permits) = (GracefulShutdown::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(MAX_HEAD);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(head).max_header_list_size(32 * 1024);
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: some come back when connections end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a browser's connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn exchange(bytes: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(async || "hello"));
        let served = tokio::spawn(serve(listener, router, Duration::from_millis(200), stop.clone()));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
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
    async fn refuses_garbage_and_an_endless_head() {
        assert!(exchange(b"\x16\x03\x01garbage\r\n\r\n").await.starts_with("HTTP/1.1 400"));
        let head = format!("GET / HTTP/1.1\r\nX: {}\r\n", "x".repeat(64 * 1024));
        assert!(exchange(head.as_bytes()).await.starts_with("HTTP/1.1 431"));
    }

    #[tokio::test]
    async fn a_head_that_never_ends_is_given_up() {
        let answer = exchange(b"GET / HTTP/1.1\r\n").await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}
