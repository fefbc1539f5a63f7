//! Asking the asserter about a chain.

use async_trait::async_trait;
use http::{HeaderValue, Request, StatusCode, header};
use mesh::{Client, ClientError};
use thiserror::Error;
use token::encoding::base64url;
use url::form_urlencoded;
use wire::header::DA_SVID_CERTS;
use wire::introspect::{INTROSPECT, IntrospectResponse};

use crate::trace;

/// Whoever made the roots, as a verifier asks it.
#[async_trait]
pub trait Asserter: Send + Sync + 'static {
    /// Asks about a chain, as [`token::Chain::to_show`] shows it, with its certificates, for a proof bound to `nonce`.
    ///
    /// # Errors
    /// [`Unanswered`]; nothing is known of the chain then.
    async fn introspect(
        &self,
        chain: &str,
        certificates: Option<HeaderValue>,
        nonce: &[u8],
    ) -> Result<IntrospectResponse, Unanswered>;
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// It cannot be reached, or is not who it should be.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It answers with something else than 200.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// Its answer has another shape.
    #[error("its answer is none of introspection")]
    Shape,
}

/// `POST /introspect` over mTLS.
#[derive(Debug)]
pub(super) struct MeshAsserter(pub(super) Client);

#[async_trait]
impl Asserter for MeshAsserter {
    async fn introspect(
        &self,
        chain: &str,
        certificates: Option<HeaderValue>,
        nonce: &[u8],
    ) -> Result<IntrospectResponse, Unanswered> {
        let fields = [("token", chain), ("nonce", &base64url(nonce))];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Request::new(form.into());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static(INTROSPECT);
        let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, media_type);
        if let Some(certificates) = certificates {
            request.headers_mut().insert(DA_SVID_CERTS, certificates);
        }
        trace::carry(request.headers_mut());
        // It changes nothing, and the nonce ties every answer to this question.
        let answer = self.0.call_repeatable(request).await?;
        if answer.status != StatusCode::OK {
            return Err(Unanswered::Status(answer.status));
        }
        serde_json::from_slice(&answer.body).map_err(|_| Unanswered::Shape)
    }
}
