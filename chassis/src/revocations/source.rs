//! Where a list of revocations is fetched from.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode};
use mesh::{Client, ClientError};
use thiserror::Error;
use wire::revocations::REVOCATIONS;

/// Fetches the list of one asserter.
#[async_trait]
pub trait ListSource: Send + Sync + 'static {
    /// The list of what was recorded after version `after`, as a compact JWS.
    ///
    /// # Errors
    /// It cannot be had right now.
    async fn fetch(&self, after: u64) -> Result<String, FetchError>;
}

/// Why a list cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The asserter cannot be reached, or is not who it should be.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It answers with something else than 200.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// Its answer is no text.
    #[error("its answer is no text")]
    Text,
}

/// `GET /revocations` over mTLS.
#[derive(Debug)]
pub(super) struct MeshList(pub(super) Client);

#[async_trait]
impl ListSource for MeshList {
    async fn fetch(&self, after: u64) -> Result<String, FetchError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = format!("{REVOCATIONS}?after={after}").parse().map_err(|_| FetchError::Text)?;
        let answer = self.0.call(request).await?;
        if answer.status != StatusCode::OK {
            return Err(FetchError::Status(answer.status));
        }
        String::from_utf8(answer.body.to_vec()).map_err(|_| FetchError::Text)
    }
}
