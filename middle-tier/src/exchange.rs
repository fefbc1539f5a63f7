//! What the two streams of one request share: the reason it ended early, so that both stop for it.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::HeaderName;
use thiserror::Error;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Why an exchange ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Ended {
    /// The body is not the one `Content-Digest` names.
    #[error("Content-Digest is that of another body")]
    DigestMismatch,
    /// The body is longer than `body.max_bytes`.
    #[error("the body has more than {0} bytes")]
    TooLarge(u64),
    /// The client sent nothing for `body.idle`.
    #[error("the body stalled: no byte for {0:?}")]
    RequestStalled(Duration),
    /// A digest or a chain after the body.
    #[error("{0} cannot be a trailer: send it as a header field")]
    ForbiddenTrailer(HeaderName),
    /// The client went away.
    #[error("the client went away before its request ended")]
    ClientGone,
    /// The next hop sent nothing for `body.idle`.
    #[error("the next service's answer stalled")]
    ResponseStalled,
    /// The next hop went away in the middle of its answer.
    #[error("the next service went away in the middle of its answer")]
    UpstreamGone,
    /// The chain was revoked while the exchange was running.
    #[error("the token was revoked while the exchange was running")]
    Revoked,
}

/// One request and its response. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    reason: OnceLock<Ended>,
    ended: CancellationToken,
}

impl Exchange {
    /// Ends both streams; the first reason stays.
    pub(crate) fn end(&self, reason: Ended) -> Ended {
        let first = self.0.reason.get_or_init(|| reason).clone();
        self.0.ended.cancel();
        first
    }

    /// Why the exchange ended early, if it did.
    pub(crate) fn reason(&self) -> Option<Ended> {
        self.0.reason.get().cloned()
    }

    /// Completes when the exchange ends early.
    pub(crate) fn ended(&self) -> WaitForCancellationFutureOwned {
        self.0.ended.clone().cancelled_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays() {
        let exchange = Exchange::default();
        assert_eq!(exchange.reason(), None);
        let other = exchange.clone();
        assert_eq!(other.end(Ended::DigestMismatch), Ended::DigestMismatch);
        assert_eq!(exchange.end(Ended::ClientGone), Ended::DigestMismatch);
        exchange.ended().await;
        assert_eq!(exchange.reason(), Some(Ended::DigestMismatch));
    }
}
