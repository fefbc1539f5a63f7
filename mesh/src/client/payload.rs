//! The body of a request that may be sent more than once.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};

use super::progress::{Progress, Raw, Watch};

/// A request's body between attempts.
pub(super) enum Payload {
    /// At hand: as good as new after every attempt.
    Whole(Bytes),
    /// Coming from somewhere: good until the first piece is taken.
    Stream(Raw),
    /// Gone.
    Spent,
}

impl Payload {
    /// The body for one attempt, and who watches it.
    pub(super) fn progress(&mut self) -> (Progress, Watch) {
        match std::mem::replace(self, Self::Spent) {
            Self::Whole(bytes) => {
                *self = Self::Whole(bytes.clone());
                Progress::new(full(bytes))
            }
            Self::Stream(body) => Progress::new(body),
            Self::Spent => Progress::new(full(Bytes::new())),
        }
    }

    /// Gets the body back after an attempt; whether it is whole.
    pub(super) fn take_back(&mut self, watch: &Watch) -> bool {
        if matches!(self, Self::Whole(_)) {
            return true;
        }
        watch.take_back().is_some_and(|body| {
            *self = Self::Stream(body);
            true
        })
    }
}

fn full(bytes: Bytes) -> Raw {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
