//! A connection whose caller is known, and whose `:authority` is one.

use crate::{attestation::Caller, mending::Mender};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tonic::transport::server::Connected;

/// How much is read at once, bytes.
const CHUNK: usize = 4096;

/// A connection of a client.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    caller: Caller,
    mender: Mender,
    /// What was read, mended, and not yet asked for: `mended[given..]`.
    mended: Vec<u8>,
    given: usize,
}

impl<S> Connection<S> {
    fn new(stream: S, caller: Caller) -> Self {
        Self { stream, caller, mender: Mender::default(), mended: Vec::new(), given: 0 }
    }
}

impl Connection<UnixStream> {
    pub(crate) fn unix(stream: UnixStream) -> Self {
        let caller = Caller::of(&stream);
        Self::new(stream, caller)
    }
}

impl Connection<TcpStream> {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self::new(stream, Caller::Tcp)
    }
}

impl<S> Connected for Connection<S> {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let waiting = this.mended.get(this.given..).unwrap_or_default();
            if let Some(part) = waiting.get(..waiting.len().min(buffer.remaining())).filter(|_| !waiting.is_empty()) {
                buffer.put_slice(part);
                this.given += part.len();
                return Poll::Ready(Ok(()));
            }
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.mended.clear();
            this.given = 0;
            this.mender.feed(read.filled(), &mut this.mended);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
