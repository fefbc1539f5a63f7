//! A response that was read whole.

use super::ClientError;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use spiffe::SpiffeId;

/// A response that was read whole.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body; it may hold a token, so `Debug` shows its length only.
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl Answer {
    /// The answer itself if its status is 2xx.
    ///
    /// # Errors
    /// [`ClientError::Status`] otherwise; it carries the answer.
    pub fn success(self, server: &SpiffeId) -> Result<Self, ClientError> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(ClientError::Status { server: server.clone(), status: self.status, answer: Box::new(self) })
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`ClientError::Json`] if it has another shape.
    pub fn json<T: DeserializeOwned>(&self, server: &SpiffeId) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| ClientError::Json { server: server.clone(), reason: error.to_string() })
    }
}
