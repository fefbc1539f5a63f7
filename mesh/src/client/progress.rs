//! A request body that tells how far it got, so that a slow upload is not taken for a slow server.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::Instant;

/// A body under observation.
pub(super) struct Progress<B> {
    body: B,
    seen: Arc<Seen>,
}

/// The observer's side.
pub(super) struct Watch(Arc<Seen>);

struct Seen {
    start: Instant,
    /// When the last piece was taken, milliseconds after `start`.
    last: AtomicU64,
    /// Whether the next piece is asked for and not there yet.
    waiting: AtomicBool,
    failed: AtomicBool,
}

impl<B> Progress<B> {
    pub(super) fn new(body: B) -> (Self, Watch) {
        let seen = Seen {
            start: Instant::now(),
            last: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        };
        let seen = Arc::new(seen);
        (Self { body, seen: seen.clone() }, Watch(seen))
    }
}

impl Watch {
    /// When the last piece was taken; at first, when the request began. While the next piece is asked for and not there
    /// yet, that is now: it is not the server that is slow then.
    pub(super) fn last(&self) -> Instant {
        if self.0.waiting.load(Ordering::Relaxed) {
            return Instant::now();
        }
        self.0.start + Duration::from_millis(self.0.last.load(Ordering::Relaxed))
    }

    /// Whether the body itself broke off.
    pub(super) fn failed(&self) -> bool {
        self.0.failed.load(Ordering::Relaxed)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Progress<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.seen.waiting.store(polled.is_pending(), Ordering::Relaxed);
        let frame = ready!(polled);
        let now = u64::try_from(self.seen.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.seen.last.store(now, Ordering::Relaxed);
        if matches!(frame, Some(Err(_))) {
            self.seen.failed.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
