//! TCP and TLS to the one server: who answers is checked here, and that it wants us.

use super::{ClientError, ClientSettings};
use crate::{Identity, IdentityError, tls};
use futures::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{client::legacy::connect, rt::TokioIo};
use rustls_pki_types::ServerName;
use spiffe::SpiffeId;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::AsyncBufReadExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A rotation takes effect on both sides within moments; a handshake it disturbs succeeds after this pause.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a server of HTTP/2 may take to send its settings before we go first.
const WELCOME: Duration = Duration::from_millis(500);

/// Opens connections to one SPIFFE ID.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    tls: TlsConnector,
    server: SpiffeId,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(
        identity: &Identity,
        server: &SpiffeId,
        settings: &ClientSettings,
    ) -> Result<Self, IdentityError> {
        let config = tls::client(identity.source(), server, settings.http1_only)
            .map_err(|error| IdentityError::Unusable { reason: error.to_string() })?;
        Ok(Self(Arc::new(Inner { tls: config.into(), server: server.clone(), limit: settings.connect_timeout })))
    }
}

impl Inner {
    async fn connect(&self, uri: &Uri) -> Result<Link, ClientError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(443);
        let address = format!("{host}:{port}");
        let connecting = async {
            match self.attempt(host, port, &address).await {
                Err(error) if passes(&error) => {
                    sleep(PAUSE).await;
                    self.attempt(host, port, &address).await
                }
                outcome => outcome,
            }
        };
        timeout(self.limit, connecting).await.unwrap_or_else(|_| {
            Err(ClientError::ConnectTimeout {
                server: self.server.clone(),
                address: address.clone(),
                after: self.limit,
            })
        })
    }

    async fn attempt(&self, host: &str, port: u16, address: &str) -> Result<Link, ClientError> {
        let unreachable = |source| ClientError::Connect {
            server: self.server.clone(),
            address: address.to_owned(),
            source: Arc::new(source),
        };
        let tls_error = |error| ClientError::of_tls(error, &self.server, address);
        let tcp = TcpStream::connect((host, port)).await.map_err(unreachable)?;
        drop(tcp.set_nodelay(true));
        // The name is for the server's logs only: the SPIFFE ID decides.
        let name = ServerName::try_from(host.to_owned()).map_err(|error| unreachable(io::Error::other(error)))?;
        let mut stream = self.tls.connect(name, tcp).await.map_err(tls_error)?;
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
            Ok(_) => Err(ClientError::Refused { server: self.server.clone() }),
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

    fn call(&mut self, uri: Uri) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move { inner.connect(&uri).await })
    }
}

/// An open connection, as the pooling client wants it.
pub(super) struct Link {
    io: TokioIo<TlsStream<TcpStream>>,
    h2: bool,
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
