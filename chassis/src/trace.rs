//! One trace identifier a request, kept from the caller (W3C Trace Context) or made here, in every line logged.

use std::fmt;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use wire::header::TRACEPARENT;
use wire::problem::ProblemKind;

use crate::config::Parents;
use crate::service::method_label;
use crate::traces::{Owner, TARGET};

/// A `traceparent` of version 00: which trace, and which span is the parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Reads the field; none if it is absent, repeated or malformed.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let value = value.to_str().ok()?;
        is_valid(value).then(|| Self(value.to_owned()))
    }

    /// Starts a trace, sampled.
    #[must_use]
    pub fn start() -> Self {
        Self::random("01")
    }

    /// The beginning of a trace that nobody records.
    fn unrecorded() -> Self {
        Self::random("00")
    }

    fn random(flags: &str) -> Self {
        let mut random = [0_u8; 24];
        // A trace without a random name is still a trace: it identifies nobody and protects nothing.
        let _ = getrandom::fill(&mut random);
        let (trace, span) = random.split_at(16);
        Self(format!("00-{}-{}-{flags}", hex(trace), hex(span)))
    }

    /// The `traceparent` of what follows a span; none if it is no span.
    fn of(span: &SpanContext) -> Option<Self> {
        let flags = span.trace_flags().to_u8();
        span.is_valid().then(|| Self(format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id())))
    }

    /// The same for a parent elsewhere.
    fn context(&self) -> Option<SpanContext> {
        let mut parts = self.0.split('-').skip(1);
        let trace = TraceId::from_hex(parts.next()?).ok()?;
        let span = SpanId::from_hex(parts.next()?).ok()?;
        let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
        Some(SpanContext::new(trace, span, flags, true, TraceState::default()))
    }

    /// The field's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace's identifier, 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.0.split('-').nth(1).unwrap_or_default()
    }
}

fn is_valid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else { return false };
    let lower_hex = |text: &str, len: usize| {
        text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    *version == "00"
        && lower_hex(trace, 32)
        && lower_hex(span, 16)
        && lower_hex(flags, 2)
        && !is_zero(trace)
        && !is_zero(span)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Cannot fail: writing to a String does not.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// What [`requests`] needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Tracing {
    /// What the workload is called.
    pub(crate) workload: Arc<str>,
    /// Whose `traceparent` is believed.
    pub(crate) parents: Parents,
}

/// Middleware: runs the request in a span of its trace, and makes sure the request carries `traceparent` onwards. The
/// query is not logged: it may hold a token.
///
/// If traces leave this process, the request's own span becomes the parent of what follows; else the caller's stays it.
pub(crate) async fn requests(State(tracing): State<Tracing>, mut request: Request, next: Next) -> Response {
    let (recorded, parent) = begin(&tracing, &request);
    if let Ok(value) = HeaderValue::from_str(parent.as_str()) {
        request.headers_mut().insert(TRACEPARENT, value);
    }
    let logged = log_span(&tracing.workload, &request, &parent);
    request.extensions_mut().insert(parent);
    let response = next.run(request).instrument(recorded.clone()).instrument(logged).await;
    end(&recorded, &response);
    response
}

/// The span that leaves the process, if traces do, and the `traceparent` of what follows.
fn begin(tracing: &Tracing, request: &Request) -> (Span, TraceParent) {
    let told = TraceParent::read(request.headers());
    let peer = request.extensions().get::<mesh::Peer>();
    let span = tracing::info_span!(
        target: TARGET,
        parent: None,
        "service.answer",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method_label(request.method()),
        http.route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str),
        http.response.status_code = Empty,
        url.path = %Short(request.uri().path()),
        error.type = Empty,
        dasvid.peer = peer.map(|peer| peer.id.to_string()),
    );
    let is_believed = peer.is_some() || tracing.parents == Parents::All;
    let parent = told.clone().filter(|_| is_believed).or_else(|| is_routine(request).then(TraceParent::unrecorded));
    let context = Context::new().with_value(Owner(Arc::clone(&tracing.workload)));
    let context = match parent.as_ref().and_then(TraceParent::context) {
        Some(parent) => context.with_remote_span_context(parent),
        None => context,
    };
    if span.set_parent(context).is_err() {
        return (Span::none(), told.unwrap_or_else(TraceParent::start));
    }
    let mine = TraceParent::of(span.context().span().span_context());
    (span, mine.unwrap_or_else(TraceParent::start))
}

/// A path whose long segments are left out: one may be a token that somebody put there.
struct Short<'a>(&'a str);

/// The longest segment of a path that is shown.
const LONGEST_SEGMENT: usize = 32;

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.split('/').enumerate() {
            let slash = if index == 0 { "" } else { "/" };
            write!(f, "{slash}{}", if segment.len() > LONGEST_SEGMENT { "…" } else { segment })?;
        }
        Ok(())
    }
}

fn end(span: &Span, response: &Response) {
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if let Some(problem) = response.extensions().get::<ProblemKind>() {
        span.record("error.type", problem.slug());
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// What verifiers ask of asserting-wl again and again, whether anybody uses the bank or not.
fn is_routine(request: &Request) -> bool {
    matches!(request.uri().path(), wire::keys::KEYS | wire::revocations::REVOCATIONS)
}

/// Makes the span that is current the parent of what a request causes elsewhere. Without one the headers stay as they are.
pub fn carry(headers: &mut HeaderMap) {
    let parent = Context::map_current(|context| TraceParent::of(context.span().span_context()));
    if let Some(value) = parent.and_then(|parent| HeaderValue::from_str(parent.as_str()).ok()) {
        headers.insert(TRACEPARENT, value);
    }
}

fn log_span(workload: &str, request: &Request, parent: &TraceParent) -> Span {
    let peer = request.extensions().get::<mesh::Peer>().map(|peer| peer.id.to_string());
    tracing::info_span!(
        "request",
        workload,
        trace = parent.trace_id(),
        method = request.method().as_str(),
        path = request.uri().path(),
        peer,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (TRACEPARENT, HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn keeps_the_trace_of_the_caller() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceParent::read(&headers(&[given])).unwrap();
        assert_eq!(parent.as_str(), given);
        assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn ignores_what_is_not_a_traceparent() {
        for value in [
            "",
            "x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::read(&headers(&[value])), None, "{value}");
        }
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::read(&headers(&[given, given])), None);
    }

    #[test]
    fn a_parent_stays_the_same_on_its_way_through() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let context = TraceParent(given.to_owned()).context().unwrap();
        assert_eq!(TraceParent::of(&context).unwrap().as_str(), given);
        assert_eq!(TraceParent::of(&SpanContext::empty_context()), None);
    }

    #[test]
    fn a_long_segment_of_a_path_is_not_shown() {
        let long = "x".repeat(33);
        assert_eq!(Short(&format!("/certs/{long}/end")).to_string(), "/certs/…/end");
        assert_eq!(Short("/v1/balance").to_string(), "/v1/balance");
        assert_eq!(Short("*").to_string(), "*");
    }

    #[test]
    fn without_a_span_headers_stay_as_they_are() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut carried = headers(&[given]);
        carry(&mut carried);
        assert_eq!(carried, headers(&[given]));
    }

    #[test]
    fn a_trace_that_starts_here_is_well_formed() {
        assert!(is_valid(TraceParent::start().as_str()));
    }
}
