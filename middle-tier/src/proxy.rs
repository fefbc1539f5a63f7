//! One request from its head to the last byte of its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use chassis::gate::{Gate, GateError};
use chassis::service::RouteName;
use chassis::{Clock, Rejected, trace};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use http_body_util::BodyExt as _;
use mesh::{AnswerBody, Client, Peer};
use spiffe::SpiffeId;
use token::encoding::Digest;
use token::policy::{RequestBinding, Route, RouteRule};
use token::request::fields;
use token::{Chain, Policy, Refusal, Revocations, Verified, binding};
use tracing::Instrument as _;
use wire::header::{DA_SVID, DA_SVID_CERTS, IDEMPOTENCY_KEY};

use crate::exchange::{Ended, Exchange};
use crate::hygiene;
use crate::link::{Continued, Linker};
use crate::refused::{Cause, Refused, blames_next};
use crate::stream::{Expectation, RequestBody, ResponseBody};
use crate::watch::{self, Watch};

/// Bodies of keyed requests up to this many bytes are kept until there is an answer.
const KEPT: u64 = 64 * 1024;

/// Everything a request needs; shared by all of them.
pub(crate) struct Proxy {
    pub(crate) me: SpiffeId,
    /// This hop's name in `Via`.
    pub(crate) pseudonym: String,
    pub(crate) policy: Policy,
    pub(crate) gate: Gate,
    pub(crate) revocations: Arc<dyn Revocations>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) linker: Linker,
    pub(crate) client: Client,
    pub(crate) max_bytes: u64,
    pub(crate) idle: Duration,
}

/// Passes a request on, or says why not.
pub(crate) async fn forward(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    // The policy's own words, for the router knows no route.
    let route = proxy.policy.route(request.method().as_str(), request.uri().path()).map(|route| route.path.clone());
    let mut response = match proxy.answer(request).await {
        Ok(response) => response,
        Err(cause) => {
            let culprit = if blames_next(&cause) { proxy.client.server() } else { &proxy.me };
            Rejected(Refused { culprit: culprit.clone(), cause }).into_response()
        }
    };
    if let Some(route) = route {
        response.extensions_mut().insert(RouteName(route));
    }
    response
}

impl Proxy {
    async fn answer(&self, request: Request) -> Result<Response, Cause> {
        let (mut parts, body) = request.into_parts();
        let Some(peer) = parts.extensions.get::<Peer>().cloned() else { return Err(GateError::NoPeer.into()) };
        self.check(&parts, &body)?;
        let rule = self.route(&parts)?.rule();
        let known = if body.is_end_stream() { token::Body::Absent } else { token::Body::Streaming };
        let chain = self.gate.admit(&peer, &parts, known, None, &rule).await?;
        let continued = chassis::span!("link.extend").in_scope(|| self.continue_chain(&chain, &parts, &rule, known))?;
        if parts.method == Method::OPTIONS && last_forward(&mut parts.headers) {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        self.exchange(parts, body, chain, continued).await
    }

    /// What can be refused from the head alone, before anything is verified.
    fn check(&self, parts: &Parts, body: &Body) -> Result<(), Cause> {
        hygiene::check(&parts.headers)?;
        if parts.method == Method::TRACE {
            return Err(Cause::Trace);
        }
        if hygiene::has_passed(&parts.headers, &self.pseudonym) {
            return Err(Cause::Circle);
        }
        if body.size_hint().lower() > self.max_bytes { Err(Cause::TooLarge(self.max_bytes)) } else { Ok(()) }
    }

    fn route(&self, parts: &Parts) -> Result<&Route, Cause> {
        match self.policy.route(parts.method.as_str(), target(parts)) {
            Some(route) => Ok(route),
            None => Err(rqd(parts, token::Body::Streaming).map_or_else(Cause::Shape, |_| Cause::NoRoute)),
        }
    }

    fn continue_chain(
        &self,
        chain: &Verified<Chain>,
        parts: &Parts,
        rule: &RouteRule,
        body: token::Body,
    ) -> Result<Continued, Cause> {
        let arrived_bound = chain.last().is_some_and(|link| link.claims.rqd.is_some());
        let is_bound = rule.request_binding != RequestBinding::None || arrived_bound || self.linker.seals(chain);
        let rqd = is_bound.then(|| rqd(parts, body)).transpose().map_err(Cause::Shape)?;
        Ok(self.linker.extend(chain, parts.headers.get(DA_SVID_CERTS), rqd)?)
    }

    async fn exchange(
        &self,
        parts: Parts,
        body: Body,
        chain: Verified<Chain>,
        continued: Continued,
    ) -> Result<Response, Cause> {
        let exchange = Exchange::default();
        let mut leaving = Leaving(Some(exchange.clone()));
        let received = parts.version;
        let expected = Expectation { digest: chain.body_digest(), max_bytes: self.max_bytes, idle: self.idle };
        let watch =
            Watch::start(chain, self.revocations.clone(), self.clock.clone(), exchange.clone(), watch::INTERVAL);
        let span = chassis::span!("proxy.forward", otel.kind = "client", dasvid.server = %self.client.server());
        let sending = self.send(self.outbound(parts, continued), body, expected, &exchange).instrument(span);
        let sent = tokio::select! {
            sent = sending => sent,
            () = exchange.ended() => Err(Cause::Ended(Ended::ClientGone)),
        };
        // Whatever the client library says, the first reason is the true one.
        let response = sent.map_err(|cause| exchange.reason().map_or(cause, Cause::Ended))?;
        leaving.0 = None;
        self.inbound(response, received, exchange, watch)
    }

    /// The request's head as it goes on.
    fn outbound(&self, mut parts: Parts, continued: Continued) -> Parts {
        parts.extensions.clear();
        hygiene::clean_request(&mut parts.headers);
        hygiene::add_via(&mut parts.headers, parts.version, &self.pseudonym);
        parts.headers.insert(DA_SVID, continued.chain);
        if let Some(certificates) = continued.certificates {
            parts.headers.insert(DA_SVID_CERTS, certificates);
        }
        parts
    }

    /// A small body under a key is read whole before it goes on: then the request survives the death of the replica it is
    /// sent to.
    async fn send(
        &self,
        mut parts: Parts,
        body: Body,
        expected: Expectation,
        exchange: &Exchange,
    ) -> Result<http::Response<AnswerBody>, Cause> {
        trace::carry(&mut parts.headers);
        let is_keyed = parts.headers.contains_key(IDEMPOTENCY_KEY);
        if body.is_end_stream() && (parts.method.is_safe() || is_keyed) {
            return Ok(self.client.send_whole(http::Request::from_parts(parts, Bytes::new())).await?);
        }
        let is_small = body.size_hint().exact().is_some_and(|bytes| bytes <= KEPT);
        let body = RequestBody::new(body, expected, exchange.clone());
        if !(is_keyed && is_small) {
            return Ok(self.client.send(http::Request::from_parts(parts, body)).await?);
        }
        let whole = body.collect().await?;
        if whole.trailers().is_some() {
            return Ok(self.client.send(http::Request::from_parts(parts, whole)).await?);
        }
        Ok(self.client.send_whole(http::Request::from_parts(parts, whole.to_bytes())).await?)
    }

    /// The answer as it goes back. A problem of the next hop passes unchanged.
    fn inbound(
        &self,
        response: http::Response<AnswerBody>,
        received: Version,
        exchange: Exchange,
        watch: Watch,
    ) -> Result<Response, Cause> {
        let (mut parts, body) = response.into_parts();
        if parts.status.is_informational() {
            return Err(Cause::Upgraded);
        }
        parts.extensions.clear();
        hygiene::clean_response(&mut parts.headers);
        hygiene::add_via(&mut parts.headers, parts.version, &self.pseudonym);
        parts.version = received;
        Ok(Response::from_parts(parts, Body::new(ResponseBody::new(body, self.idle, exchange, watch))))
    }
}

/// Ends the exchange if the client leaves before there is an answer.
struct Leaving(Option<Exchange>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(exchange) = self.0.take() {
            exchange.end(Ended::ClientGone);
        }
    }
}

fn target(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("", PathAndQuery::as_str)
}

fn rqd(parts: &Parts, body: token::Body) -> Result<Digest, Refusal> {
    let headers = fields(&parts.headers);
    let request =
        token::Request { method: parts.method.as_str(), target: target(parts), headers: &headers, trailers: &[], body };
    binding::rqd(&request)
}

/// Counts `Max-Forwards` down; whether this hop is the last the client wants to reach (RFC 9110 §7.6.2).
fn last_forward(headers: &mut HeaderMap) -> bool {
    let left = headers.get(header::MAX_FORWARDS).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    let Some(left) = left else { return false };
    headers.insert(header::MAX_FORWARDS, HeaderValue::from(left.saturating_sub(1)));
    left == 0
}
