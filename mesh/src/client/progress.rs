//! A request body that tells how far it got: a slow upload is not taken for a slow server, and a body that is still
//! whole can be sent again.

use super::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::time::Instant;

pub(super) type Raw = UnsyncBoxBody<Bytes, BoxError>;

/// A body under observation.
pub(super) struct Progress {
    seen: Arc<Mutex<Seen>>,
}

/// The observer's side.
pub(super) struct Watch(Arc<Mutex<Seen>>);

struct Seen {
    /// `None` once it was taken back.
    body: Option<Raw>,
    /// Whether a piece was taken, or the end seen.
    begun: bool,
    failed: bool,
    /// Whether the next piece was asked for and is not there yet.
    waiting: bool,
    last: Instant,
}

impl Progress {
    pub(super) fn new(body: Raw) -> (Self, Watch) {
        let seen = Seen { body: Some(body), begun: false, failed: false, waiting: false, last: Instant::now() };
        let seen = Arc::new(Mutex::new(seen));
        (Self { seen: seen.clone() }, Watch(seen))
    }
}

impl Watch {
    /// The request sets out: whatever it waited for does not count.
    pub(super) fn start(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last = Instant::now();
    }

    /// When the last piece was taken; at first, when the request began. While the next piece is asked for and not there
    /// yet, that is now: it is not the server that is slow then.
    pub(super) fn last(&self) -> Instant {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.waiting { Instant::now() } else { seen.last }
    }

    /// Whether the body itself broke off.
    pub(super) fn failed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed
    }

    /// Takes the body back if it is still whole.
    pub(super) fn take_back(&self) -> Option<Raw> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.begun { None } else { seen.body.take() }
    }
}

impl Body for Progress {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(body) = &mut seen.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        seen.waiting = polled.is_pending();
        let frame = ready!(polled);
        seen.begun = true;
        seen.last = Instant::now();
        seen.failed = matches!(frame, Some(Err(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}
