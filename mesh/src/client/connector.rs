//! TCP and TLS to one address: who answers there is checked here, and that it wants us.

use super::{ClientError, ClientSettings};
use crate::{Identity, IdentityError, origins::Origin, tls};
use backon::{ExponentialBuilder, Retryable as _};
use futures::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{client::legacy::connect, rt::TokioIo};
use rustls_pki_types::ServerName;
use spiffe::SpiffeId;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::AsyncBufReadExt as _,
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The first pause before another attempt where a rotation may be taking effect; each is three times as long as the one before.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSES: usize = 3;
/// How long a server of HTTP/2 may take to send its settings before we go first.
const WELCOME: Duration = Duration::from_millis(500);
/// How long a connection that nobody uses is taken to be good.
const FRESH: Duration = Duration::from_secs(2);

/// Proves who we are and checks who answers: exactly one SPIFFE ID.
#[derive(Clone)]
pub(super) struct Handshaker {
    tls: TlsConnector,
    server: SpiffeId,
    limit: Duration,
}

impl Handshaker {
    pub(super) fn new(
        identity: &Identity,
        server: &SpiffeId,
        settings: &ClientSettings,
    ) -> Result<Self, IdentityError> {
        let config = tls::client(identity.source(), server, settings.http1_only)
            .map_err(|error| IdentityError::Unusable { reason: error.to_string() })?;
        Ok(Self { tls: config.into(), server: server.clone(), limit: settings.connect_timeout })
    }
}

/// Opens connections to one address.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    handshaker: Handshaker,
    address: SocketAddr,
    /// The host name, for the server's logs only: the SPIFFE ID decides.
    name: String,
    /// The address as errors name it.
    label: String,
    /// A connection that is open and belongs to nobody yet.
    spare: Mutex<Option<(Link, Instant)>>,
}

impl Connector {
    /// Connects to `address`, which stands for `origin`.
    pub(super) fn new(handshaker: &Handshaker, origin: &Origin, address: SocketAddr) -> Self {
        let label = match origin.host.parse::<IpAddr>() {
            Ok(_) => address.to_string(),
            Err(_) => format!("{} ({})", origin.authority, address.ip()),
        };
        let (handshaker, name) = (handshaker.clone(), origin.host.clone());
        Self(Arc::new(Inner { handshaker, address, name, label, spare: Mutex::default() }))
    }

    pub(super) fn label(&self) -> &str {
        &self.0.label
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Link, ClientError> {
        self.0.connect().await
    }

    /// Keeps a connection for the next call, if that comes soon.
    pub(super) fn keep(&self, link: Link) {
        *self.0.spare() = Some((link, Instant::now()));
    }

    pub(super) fn broken(&self, error: &hyper::Error) -> ClientError {
        ClientError::of(error, &self.0.handshaker.server, false)
    }
}

impl Inner {
    fn spare(&self) -> MutexGuard<'_, Option<(Link, Instant)>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<Link, ClientError> {
        let pauses = ExponentialBuilder::new().with_min_delay(PAUSE).with_factor(3.0).with_max_times(PAUSES);
        let connecting = (|| self.attempt()).retry(pauses).when(passes);
        let after = self.handshaker.limit;
        timeout(after, connecting).await.unwrap_or_else(|_| {
            let server = self.handshaker.server.clone();
            Err(ClientError::ConnectTimeout { server, address: self.label.clone(), after })
        })
    }

    async fn attempt(&self) -> Result<Link, ClientError> {
        let Handshaker { tls, server, .. } = &self.handshaker;
        let unreachable = |source| ClientError::unreachable(server, &self.label, source);
        let tls_error = |error| ClientError::of_tls(error, server, &self.label);
        let tcp = TcpStream::connect(self.address).await.map_err(unreachable)?;
        drop(tcp.set_nodelay(true));
        let name = ServerName::try_from(self.name.clone()).map_err(|error| unreachable(io::Error::other(error)))?;
        let mut stream = tls.connect(name, tcp).await.map_err(tls_error)?;
        let h2 = tls::agreed(stream.get_ref().1)
            .ok_or_else(|| tls_error(io::Error::other("the server does not speak TLS 1.3")))?;
        if h2 {
            self.welcome(&mut stream).await?;
        }
        Ok(Link { io: TokioIo::new(stream), h2 })
    }

    /// Waits for the server's first bytes. In TLS 1.3 it judges our certificate after our side of the handshake is done;
    /// a server of HTTP/2 that likes it sends its settings unasked (RFC 9113 §3.4).
    async fn welcome(&self, stream: &mut TlsStream<TcpStream>) -> Result<(), ClientError> {
        match timeout(WELCOME, stream.fill_buf()).await {
            Ok(Ok(first)) if !first.is_empty() => Ok(()),
            Ok(_) => Err(ClientError::Refused { server: self.handshaker.server.clone() }),
            Err(_) => Ok(()),
        }
    }
}

/// Whether the next attempt may go better: a rotation is taking effect here or there.
fn passes(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { .. } | ClientError::Untrusted { .. } | ClientError::Identity(_))
}

impl tower_service::Service<Uri> for Connector {
    type Response = Link;
    type Error = ClientError;
    type Future = BoxFuture<'static, Result<Link, ClientError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            let spare = inner.spare().take();
            match spare {
                Some((link, since)) if since.elapsed() < FRESH => Ok(link),
                _ => inner.connect().await,
            }
        })
    }
}

/// An open connection, as hyper wants it.
pub(super) struct Link {
    io: TokioIo<TlsStream<TcpStream>>,
    h2: bool,
}

impl Link {
    /// Whether HTTP/2 was agreed on.
    pub(super) const fn is_http2(&self) -> bool {
        self.h2
    }
}

impl connect::Connection for Link {
    fn connected(&self) -> connect::Connected {
        let connected = connect::Connected::new();
        if self.h2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
