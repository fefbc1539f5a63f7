//! Where certificates are fetched from and left.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use mesh::{Client, ClientError};
use thiserror::Error;
use token::encoding::Digest;
use wire::certs::{CERTS, MEDIA_TYPE};

/// Fetches signers' certificates.
#[async_trait]
pub trait CertificateSource: Send + Sync + 'static {
    /// What is kept under the hash of a leaf, as it came; `None` if nothing is.
    ///
    /// # Errors
    /// [`SourceError`]; nothing is known then.
    async fn fetch(&self, x5t: Digest) -> Result<Option<Bytes>, SourceError>;
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It cannot be reached, or is not who it should be.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It answers with another status than is expected.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// The request cannot be written.
    #[error("the request cannot be written")]
    Request,
}

impl SourceError {
    /// Whether there was an answer, though none that can be used.
    pub(super) fn is_an_answer(&self) -> bool {
        matches!(self, Self::Client(ClientError::TooLarge { .. }))
    }
}

/// `/certs` over mTLS.
#[derive(Clone, Debug)]
pub struct MeshCertificates(pub Client);

impl MeshCertificates {
    /// Leaves the certificate of this very connection, with its intermediates (PEM).
    ///
    /// # Errors
    /// [`SourceError`]; it is not kept then.
    pub async fn leave(&self, pem: String) -> Result<(), SourceError> {
        let mut request = Request::new(Bytes::from(pem));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = http::Uri::from_static(CERTS);
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        let answer = self.0.call(request).await?;
        if answer.status.is_success() { Ok(()) } else { Err(SourceError::Status(answer.status)) }
    }
}

#[async_trait]
impl CertificateSource for MeshCertificates {
    async fn fetch(&self, x5t: Digest) -> Result<Option<Bytes>, SourceError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = format!("{CERTS}/{x5t}").parse().map_err(|_| SourceError::Request)?;
        let answer = self.0.call(request).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(SourceError::Status(status)),
        }
    }
}
