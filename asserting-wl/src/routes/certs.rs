//! `/certs`: signers' certificates, left by their owners and found by their hash.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chassis::form::is_media_type;
use chassis::{Rejected, body};
use mesh::Peer;
use token::certificates::MAX_PEM_BYTES;
use wire::certs::{CERTS, MEDIA_TYPE};
use wire::problem::ProblemDocument;

use super::App;
use crate::certs::CertsError;

/// Keeps the certificate this very connection was opened with, until it expires.
///
/// The body is that certificate and its intermediates as PEM, each certifying the one before. Of one SPIFFE ID 8 are kept
/// at a time; one more is refused, and travels inline.
#[utoipa::path(
    post,
    path = "/certs",
    request_body(content = String, content_type = "application/pem-certificate-chain"),
    responses(
        (status = 201, description = "It is kept; `Location` says where", headers(("Location", description = "/certs/{x5t}"))),
        (status = 204, description = "It was kept already"),
        (status = 400, description = "Not a leaf with intermediates that lead to the bundle", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The first certificate is not that of the connection", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "8 certificates of this SPIFFE ID are kept already", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn leave(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Rejected<CertsError>> {
    if request.uri().query().is_some() {
        return Err(CertsError::Query.into());
    }
    if !is_media_type(request.headers(), MEDIA_TYPE) {
        return Err(CertsError::MediaType.into());
    }
    let whole = body::read(request.into_body(), MAX_PEM_BYTES).await.map_err(CertsError::from)?;
    let (x5t, is_new) = app.shelf.leave(&peer, &whole.bytes).await?;
    if !is_new {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    tracing::info!(%x5t, owner = %peer.id, "keeps a certificate");
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("{CERTS}/{x5t}"))]).into_response())
}

/// The certificate of this hash with its intermediates, while it lives.
#[utoipa::path(
    get,
    path = "/certs/{x5t}",
    params(("x5t" = String, Path, description = "base64url SHA-256 of the leaf (DER), 43 characters")),
    responses(
        (status = 200, description = "PEM, the leaf first; it never changes", body = String, content_type = "application/pem-certificate-chain"),
        (status = 400, description = "The path does not end in a hash, or there is a query", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No certificate of this hash is kept", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn give(State(app): State<App>, uri: Uri) -> Result<Response, Rejected<CertsError>> {
    if uri.query().is_some() {
        return Err(CertsError::Query.into());
    }
    let x5t = uri.path().rsplit('/').next().and_then(|last| last.parse().ok()).ok_or(CertsError::Hash)?;
    let (pem, life) = app.shelf.find(x5t).await?;
    let cached = (header::CACHE_CONTROL, format!("max-age={life}, immutable"));
    let content = (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(([cached], [content], pem).into_response())
}
