//! Middleware for services that read the whole body before they act.

use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use mesh::Peer;
use sha2::{Digest, Sha256};
use token::{Body, Chain, RouteRule, Verified};
use wire::problem::ProblemKind;

use super::{Gate, GateError};
use crate::body;
use crate::problem::{Rejected, plain};

/// A gate in front of one route.
#[derive(Clone, Debug)]
pub struct Route {
    gate: Gate,
    rule: Arc<RouteRule>,
    limit: usize,
}

impl Gate {
    /// This gate in front of a route whose requests have at most `limit` bytes of body. For [`buffered`].
    #[must_use]
    pub fn route(&self, rule: RouteRule, limit: usize) -> Route {
        Route { gate: self.clone(), rule: Arc::new(rule), limit }
    }
}

/// Middleware: reads the body, admits the request and hands both on.
///
/// ```ignore
/// Router::new().route(BALANCE, get(balance).layer(from_fn_with_state(gate.route(rule, 4096), gate::buffered)))
/// ```
pub async fn buffered(State(route): State<Route>, request: Request, next: Next) -> Response {
    match admit(&route, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => Rejected(error).into_response(),
    }
}

async fn admit(route: &Route, request: Request) -> Result<Request, GateError> {
    let Some(peer) = request.extensions().get::<Peer>().cloned() else { return Err(GateError::NoPeer) };
    let (mut parts, content) = request.into_parts();
    let is_absent = !may_carry_content(&parts, content.is_end_stream());
    let whole = body::read(content, route.limit).await?;
    let digest = if is_absent && whole.bytes.is_empty() {
        Body::Absent
    } else {
        Body::Digest(Sha256::digest(&whole.bytes).into())
    };
    let chain = route.gate.admit(&peer, &parts, digest, whole.trailers.as_ref(), &route.rule).await?;
    parts.extensions.insert(Arc::new(chain));
    Ok(Request::from_parts(parts, whole.bytes.into()))
}

/// exact.md, "Requests": by its method, or because it says so.
fn may_carry_content(parts: &Parts, is_end_of_stream: bool) -> bool {
    let is_bare = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    let has_length = parts.headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    !is_bare || has_length || parts.headers.contains_key(TRANSFER_ENCODING) || !is_end_of_stream
}

/// The chain of a request that was admitted. A handler that takes it cannot run without one.
#[derive(Clone, Debug)]
pub struct Admitted(pub Arc<Verified<Chain>>);

impl<S: Send + Sync> FromRequestParts<S> for Admitted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Arc<Verified<Chain>>>().cloned().map(Self).ok_or_else(|| {
            tracing::error!("a handler that takes an admitted chain has no gate in front of it");
            plain(ProblemKind::Internal, None)
        })
    }
}
