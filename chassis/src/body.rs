//! Reading a whole body within limits of size and time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use thiserror::Error;
use wire::problem::ProblemKind;

use crate::problem::Problem;

/// The largest body an extractor reads, bytes.
pub const LIMIT: usize = 64 * 1024;

/// The longest a body may take to arrive.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A body that was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than allowed.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// It took too long.
    #[error("the body did not arrive within {} seconds", TIMEOUT.as_secs())]
    TooSlow,
    /// The connection broke, or the framing is wrong.
    #[error("the body ended early")]
    Broken,
}

impl Problem for BodyError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::TooLarge(_) => ProblemKind::TooLarge,
            Self::TooSlow | Self::Broken => ProblemKind::InvalidRequest,
        }
    }
}

/// A body read to its end.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// The content.
    pub bytes: Bytes,
    /// The trailer section, if there was one.
    pub trailers: Option<HeaderMap>,
}

/// Reads a body of at most `limit` bytes within [`TIMEOUT`].
///
/// # Errors
/// [`BodyError`]; what was read is dropped.
pub async fn read(body: Body, limit: usize) -> Result<Whole, BodyError> {
    read_within(body, limit, TIMEOUT).await
}

async fn read_within(body: Body, limit: usize, timeout: Duration) -> Result<Whole, BodyError> {
    let collecting = tokio::time::timeout(timeout, Limited::new(body, limit).collect());
    match collecting.await {
        Err(_) => Err(BodyError::TooSlow),
        Ok(Err(error)) if is_too_large(error.as_ref()) => Err(BodyError::TooLarge(limit)),
        Ok(Err(_)) => Err(BodyError::Broken),
        Ok(Ok(collected)) => {
            let trailers = collected.trailers().cloned();
            Ok(Whole { bytes: collected.to_bytes(), trailers })
        }
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[tokio::test]
    async fn refuses_a_body_that_takes_too_long() {
        let silent = Body::from_stream(futures::stream::pending::<io::Result<Bytes>>());
        let result = read_within(silent, LIMIT, Duration::from_millis(5)).await;
        assert_eq!(result.unwrap_err(), BodyError::TooSlow);
    }

    #[tokio::test]
    async fn refuses_a_body_that_ends_early_or_is_too_long() {
        let broken = Body::from_stream(futures::stream::iter([Err::<Bytes, _>(io::Error::other("reset"))]));
        assert_eq!(read(broken, LIMIT).await.unwrap_err(), BodyError::Broken);
        let endless = Body::from_stream(futures::stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(b"xx"))));
        assert_eq!(read(endless, 1000).await.unwrap_err(), BodyError::TooLarge(1000));
    }

    #[tokio::test]
    async fn takes_a_body_of_exactly_the_limit() {
        assert_eq!(read(Body::from("1234"), 4).await.unwrap().bytes, "1234");
    }
}
