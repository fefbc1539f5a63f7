//! One accepted connection, from the handshake to its graceful end.

use super::{Permits, ServerSettings, head};
use crate::{Peer, tls};
use axum::{Router, body::Body, response::Response};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls_pki_types::UnixTime;
use std::{
    convert::Infallible,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// HTTP/1.1 needs room for the request line beside the header fields.
const LINE: usize = 16 * 1024;
/// The longest moment between a rotation and its taking effect.
const MATERIAL: Duration = Duration::from_millis(500);

/// What all connections of a server have in common.
pub(super) struct Shared {
    acceptor: TlsAcceptor,
    status: spiffe_rustls::TlsStatus,
    http1: auto::Builder<TokioExecutor>,
    http2: auto::Builder<TokioExecutor>,
    app: Router,
    settings: ServerSettings,
}

impl Shared {
    pub(super) fn new(
        config: Arc<rustls::ServerConfig>,
        status: spiffe_rustls::TlsStatus,
        app: Router,
        settings: ServerSettings,
    ) -> Self {
        let [http1, http2] = [builder(&settings).http1_only(), builder(&settings).http2_only()];
        Self { acceptor: config.into(), status, http1, http2, app, settings }
    }
}

fn builder(settings: &ServerSettings) -> auto::Builder<TokioExecutor> {
    let head = bytes(settings.max_header_list);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_read_timeout)
        .max_buf_size(head.saturating_add(LINE));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(settings.max_header_list)
        .max_concurrent_streams(settings.max_streams)
        .keep_alive_interval(settings.keep_alive)
        .keep_alive_timeout(settings.keep_alive / 2);
    builder
}

fn bytes(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Shakes hands and serves until the peer leaves, the connection is too old, or `closing`.
pub(super) async fn run(
    shared: Arc<Shared>,
    stream: TcpStream,
    addr: SocketAddr,
    permits: Permits,
    closing: CancellationToken,
) {
    let Permits { connection: _connection, handshake } = permits;
    let shaking = timeout(shared.settings.handshake_timeout, shake_hands(&shared, stream, addr));
    let outcome = match closing.run_until_cancelled(shaking).await {
        None => return,
        Some(Err(_)) => Err("it took too long".to_owned()),
        Some(Ok(outcome)) => outcome,
    };
    drop(handshake);
    match outcome {
        Ok((stream, peer, h2)) => serve(&shared, stream, peer, h2, &closing).await,
        Err(reason) => tracing::info!(%addr, reason, "refused a TLS handshake"),
    }
}

async fn shake_hands(
    shared: &Shared,
    stream: TcpStream,
    addr: SocketAddr,
) -> Result<(TlsStream<TcpStream>, Peer, bool), String> {
    wait_for_material(shared).await;
    drop(stream.set_nodelay(true));
    let stream = shared.acceptor.accept(stream).await.map_err(|error| error.to_string())?;
    let (_, connection) = stream.get_ref();
    let h2 = tls::agreed(connection).ok_or("it is not TLS 1.3")?;
    let peer = Peer::of(connection, addr).ok_or("the peer has no SPIFFE ID")?;
    Ok((stream, peer, h2))
}

/// In the moment between a rotation and its taking effect no handshake would succeed. Without an identity none does, and
/// the peer learns it soon.
async fn wait_for_material(shared: &Shared) {
    let mut status = shared.status.clone();
    let waiting = async { while !status.current().available && status.changed().await.is_ok() {} };
    // The handshake itself tells what became of it.
    let _ = timeout(MATERIAL, waiting).await;
}

async fn serve(shared: &Shared, stream: TlsStream<TcpStream>, peer: Peer, h2: bool, closing: &CancellationToken) {
    let life = life(stream.get_ref().1, shared.settings.max_age);
    let app = shared.app.clone();
    let max_header_list = bytes(shared.settings.max_header_list);
    let service = service_fn(move |request| answer(app.clone(), peer.clone(), max_header_list, request));
    let builder = if h2 { &shared.http2 } else { &shared.http1 };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return report(ended),
        () = closing.cancelled() => {}
        () = tokio::time::sleep(life) => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(shared.settings.drain, connection).await {
        report(ended);
    }
}

fn report<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    app: Router,
    peer: Peer,
    max_header_list: usize,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    if let Some(refusal) = head::refusal(&request, max_header_list) {
        return Ok(refusal);
    }
    request.extensions_mut().insert(peer);
    app.oneshot(request.map(Body::new)).await
}

/// How long a connection may live: `max_age`, up to a tenth less so that not all end at once, and not past the peer's
/// certificate.
fn life(connection: &rustls::CommonState, max_age: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 100;
    let aged = max_age.mul_f64(f64::from(u32::try_from(random).unwrap_or_default()).mul_add(-0.001, 1.0));
    let leaf = connection.peer_certificates().and_then(|chain| chain.first());
    let Some(Ok((_, leaf))) = leaf.map(|leaf| X509Certificate::from_der(leaf)) else { return aged };
    let not_after = u64::try_from(leaf.validity().not_after.timestamp()).unwrap_or_default();
    aged.min(Duration::from_secs(not_after.saturating_sub(UnixTime::now().as_secs())))
}
