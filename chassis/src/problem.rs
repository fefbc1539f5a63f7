//! Refusals as RFC 9457 problems: an error says once what it means in HTTP, and is logged once, here.

use std::any::Any;
use std::error::Error;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, body::Body};
use wire::problem::{MEDIA_TYPE, ProblemDocument, ProblemKind};

/// An error that a peer is told about.
pub trait Problem: Error {
    /// What it means in HTTP.
    fn kind(&self) -> ProblemKind;

    /// What the peer is told beside the kind. Never asked for 5xx; the error's own words by default.
    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }

    /// The segment of the chain that is to blame, where the peer is told.
    fn segment(&self) -> Option<usize> {
        None
    }

    /// SPIFFE ID of the hop that refused, where the peer is told.
    fn culprit(&self) -> Option<String> {
        None
    }

    /// How long a peer waits before it tries again, for 429 and 503; one second by default.
    fn retry_after(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Whether the answer also carries the members of RFC 6749 §5.2, as the endpoints of OAuth do.
    fn is_oauth(&self) -> bool {
        false
    }

    /// The error code of RFC 6749 §5.2 and its relatives, where the kind alone does not say it best.
    fn oauth_error(&self) -> &'static str {
        self.kind().oauth_error()
    }

    /// Whether the error was logged already where more was known about it.
    fn is_logged(&self) -> bool {
        false
    }
}

/// An error on its way to the peer.
///
/// ```text
/// async fn balance(…) -> Result<Json<Balance>, Rejected<AccountError>>
/// ```
#[derive(Debug)]
pub struct Rejected<E>(pub E);

impl<E: Problem> From<E> for Rejected<E> {
    fn from(error: E) -> Self {
        Self(error)
    }
}

impl<E: Problem> IntoResponse for Rejected<E> {
    fn into_response(self) -> Response {
        let error = self.0;
        if !error.is_logged() {
            log(&error);
        }
        let kind = error.kind();
        let mut document = ProblemDocument::new(kind);
        document.culprit = error.culprit();
        document.segment = error.segment();
        if !kind.status().is_server_error() {
            document.detail = error.detail();
        }
        if error.is_oauth() {
            document.error = Some(error.oauth_error().to_owned());
            document.error_description = document.detail.clone().or_else(|| Some(document.title.clone()));
        }
        render(kind, &document, error.retry_after())
    }
}

/// Writes an error and its causes to the log: 5xx as errors, the rest as information.
fn log(error: &dyn Problem) {
    let kind = error.kind();
    let mut causes = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push_str(": ");
        causes.push_str(&cause.to_string());
        source = cause.source();
    }
    if kind.status().is_server_error() {
        tracing::error!(problem = kind.slug(), "{error}{causes}");
    } else {
        tracing::info!(problem = kind.slug(), "{error}{causes}");
    }
}

/// Answers with a document: status, media type, `no-store`, and the fields the status calls for.
pub fn render(kind: ProblemKind, document: &ProblemDocument, retry_after: Duration) -> Response {
    let mut response = Response::new(Body::from(serde_json::to_vec(document).unwrap_or_default()));
    *response.status_mut() = kind.status();
    // For whoever counts and traces answers.
    response.extensions_mut().insert(kind);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match kind.status() {
        StatusCode::UNAUTHORIZED => {
            insert(headers, header::WWW_AUTHENTICATE, &format!("DA-SVID error=\"{}\"", kind.slug()));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            insert(headers, header::RETRY_AFTER, &retry_after.as_secs().max(1).to_string());
        }
        _ => {}
    }
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Answers with a kind and, for 4xx, a sentence about this request; nothing is logged.
#[must_use]
pub fn plain(kind: ProblemKind, detail: Option<&str>) -> Response {
    let mut document = ProblemDocument::new(kind);
    document.detail = detail.filter(|_| !kind.status().is_server_error()).map(str::to_owned);
    render(kind, &document, Duration::from_secs(1))
}

/// Gives a router the answers every service gives when no route does: 404 and 405 as problems.
pub fn fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.fallback(not_found).method_not_allowed_fallback(method_not_allowed)
}

async fn not_found(uri: Uri) -> Response {
    tracing::debug!(path = uri.path(), "no such resource");
    plain(ProblemKind::NotFound, None)
}

async fn method_not_allowed() -> Response {
    plain(ProblemKind::MethodNotAllowed, None)
}

/// Turns a panic into `internal`. The panic hook has logged where; what it said stays there.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    plain(ProblemKind::Internal, None)
}

#[cfg(test)]
mod tests;
