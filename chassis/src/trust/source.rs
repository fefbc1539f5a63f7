//! Where an asserter's keys are fetched from.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode};
use mesh::{Client, ClientError};
use thiserror::Error;
use token::jwks::JwksError;

/// Fetches the key set of one asserter.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The bytes of its JWKS.
    ///
    /// # Errors
    /// They cannot be had right now.
    async fn fetch(&self) -> Result<Bytes, KeyError>;
}

/// Why keys cannot be had. All are tried again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The asserter cannot be reached, or is not who it should be.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It answers with something else than 200.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// Its answer is not a key set.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// Its key set has no key that can be used.
    #[error("it publishes no key that can be used")]
    Empty,
}

/// `GET /keys` over mTLS.
#[derive(Debug)]
pub(super) struct MeshKeys(pub(super) Client);

#[async_trait]
impl KeySource for MeshKeys {
    async fn fetch(&self) -> Result<Bytes, KeyError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = http::Uri::from_static(wire::keys::KEYS);
        let answer = self.0.call(request).await?;
        if answer.status == StatusCode::OK { Ok(answer.body) } else { Err(KeyError::Status(answer.status)) }
    }
}
