//! Bodies on their way through: nothing is kept, everything is watched.
//!
//! [`RequestBody`] hashes what passes and lets the end of the message through only if the digest matches: until then the
//! next hop has an unfinished request, and a mismatch leaves it with an aborted one. [`ResponseBody`] watches
//! for silence. Both stop when their [`Exchange`] ends.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::{
    exchange::{Ended, Exchange},
    hygiene::{self, HeaderError},
};

/// What a request's body is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expectation {
    /// SHA-256 of the whole body, when `Content-Digest` says so.
    pub(crate) digest: Option<[u8; 32]>,
    /// Most bytes.
    pub(crate) max_bytes: u64,
    /// Longest silence.
    pub(crate) idle: Duration,
}

/// The client's body on its way to the next hop.
pub(crate) struct RequestBody<B> {
    inner: B,
    expected: Expectation,
    hasher: Sha256,
    passed: u64,
    declared: Option<u64>,
    complete: bool,
    done: bool,
    silence: Silence,
    exchange: Exchange,
}

impl<B: Body<Data = Bytes> + Unpin> RequestBody<B> {
    pub(crate) fn new(inner: B, expected: Expectation, exchange: Exchange) -> Self {
        Self {
            declared: inner.size_hint().exact(),
            done: inner.is_end_stream() && expected.digest.is_none(),
            inner,
            hasher: Sha256::new(),
            passed: 0,
            complete: false,
            silence: Silence::new(expected.idle, &exchange),
            expected,
            exchange,
        }
    }

    fn fail(&mut self, reason: Ended) -> Ended {
        self.done = true;
        self.exchange.end(reason)
    }

    /// Takes the next bytes into account. The last ones pass only once the digest of the whole is known to match:
    /// with a declared length they alone would finish the message.
    fn admit(&mut self, data: &Bytes) -> Result<(), Ended> {
        self.passed += data.len() as u64;
        if self.passed > self.expected.max_bytes {
            return Err(Ended::TooLarge(self.expected.max_bytes));
        }
        if self.expected.digest.is_some() {
            self.hasher.update(data);
        }
        if self.inner.is_end_stream() || self.declared == Some(self.passed) {
            self.check_digest()?;
        }
        Ok(())
    }

    fn check_digest(&mut self) -> Result<(), Ended> {
        if self.complete {
            return Ok(());
        }
        self.complete = true;
        let Some(expected) = self.expected.digest else { return Ok(()) };
        let found: [u8; 32] = std::mem::take(&mut self.hasher).finalize().into();
        if found == expected { Ok(()) } else { Err(Ended::DigestMismatch) }
    }

    fn admit_trailers(&mut self, trailers: &mut HeaderMap) -> Result<(), Ended> {
        self.check_digest()?;
        hygiene::clean_request_trailers(trailers).map_err(|error| match error {
            HeaderError::ForbiddenTrailer(name) => Ended::ForbiddenTrailer(name),
            _ => Ended::ClientGone,
        })
    }

    fn admit_frame(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Ended> {
        match frame.into_data() {
            Ok(data) => {
                self.admit(&data)?;
                self.done = self.complete && self.inner.is_end_stream();
                Ok(Frame::data(data))
            }
            Err(frame) => {
                let mut trailers = frame.into_trailers().unwrap_or_default();
                self.admit_trailers(&mut trailers)?;
                self.done = true;
                Ok(Frame::trailers(trailers))
            }
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        if this.silence.is_ended(cx) {
            return Poll::Ready(Some(Err(this.fail(Ended::ClientGone))));
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(this.silence.poll_too_long(cx));
                let stalled = Ended::RequestStalled(this.expected.idle);
                return Poll::Ready(Some(Err(this.fail(stalled))));
            }
        };
        this.silence.broken();
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(this.admit_frame(frame).map_err(|reason| this.fail(reason))),
            Some(Err(_)) => Some(Err(this.fail(Ended::ClientGone))),
            None => {
                this.done = true;
                this.check_digest().err().map(|reason| Err(this.fail(reason)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.done
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The next hop's body on its way back.
pub(crate) struct ResponseBody<B: Body<Data = Bytes> + Unpin, K> {
    inner: B,
    done: bool,
    silence: Silence,
    exchange: Exchange,
    _keep: K,
}

impl<B: Body<Data = Bytes> + Unpin, K> ResponseBody<B, K> {
    /// `keep` lives as long as the body: whatever watches over the exchange.
    pub(crate) fn new(inner: B, idle: Duration, exchange: Exchange, keep: K) -> Self {
        Self { done: false, silence: Silence::new(idle, &exchange), inner, exchange, _keep: keep }
    }

    fn fail(&mut self, reason: Ended) -> Ended {
        self.done = true;
        let reason = self.exchange.end(reason);
        tracing::info!("answer cut off: {reason}");
        reason
    }
}

impl<B: Body<Data = Bytes> + Unpin, K: Unpin> Body for ResponseBody<B, K> {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        if this.silence.is_ended(cx) {
            return Poll::Ready(Some(Err(this.fail(Ended::UpstreamGone))));
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(this.silence.poll_too_long(cx));
                return Poll::Ready(Some(Err(this.fail(Ended::ResponseStalled))));
            }
        };
        this.silence.broken();
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(match frame.into_trailers() {
                Ok(mut trailers) => {
                    hygiene::clean_response_trailers(&mut trailers);
                    Frame::trailers(trailers)
                }
                Err(frame) => frame,
            })),
            Some(Err(_)) => Some(Err(this.fail(Ended::UpstreamGone))),
            None => {
                this.done = true;
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.done || (self.inner.is_end_stream() && self.exchange.reason().is_none())
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: Body<Data = Bytes> + Unpin, K> Drop for ResponseBody<B, K> {
    /// A client that leaves in the middle of its answer takes the rest of its request along.
    fn drop(&mut self) {
        if !self.done && !self.inner.is_end_stream() {
            self.exchange.end(Ended::ClientGone);
        }
    }
}

/// Measures how long the sender of a body says nothing. The clock runs only while its bytes are waited for, so a slow
/// reader on the other side is never taken for a slow sender.
struct Silence {
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    running: bool,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Silence {
    fn new(idle: Duration, exchange: &Exchange) -> Self {
        Self { idle, timer: None, running: false, ended: Box::pin(exchange.ended()) }
    }

    fn is_ended(&mut self, cx: &mut Context<'_>) -> bool {
        self.ended.as_mut().poll(cx).is_ready()
    }

    fn broken(&mut self) {
        self.running = false;
    }

    fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
        if !self.running {
            timer.as_mut().reset(Instant::now() + idle);
            self.running = true;
        }
        timer.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests;
