//! One trace identifier a request, kept from the caller (W3C Trace Context) or made here, in every line logged.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument, Span};
use wire::header::TRACEPARENT;

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
        let mut random = [0_u8; 24];
        // A trace without a random name is still a trace: it identifies nobody and protects nothing.
        let _ = getrandom::fill(&mut random);
        let (trace, span) = random.split_at(16);
        Self(format!("00-{}-{}-01", hex(trace), hex(span)))
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

/// Middleware: runs the request in a span of its trace, and makes sure the request carries `traceparent` onwards. The
/// query is not logged: it may hold a token.
pub async fn requests(State(workload): State<Arc<str>>, mut request: Request, next: Next) -> Response {
    let parent = TraceParent::read(request.headers()).unwrap_or_else(|| {
        let parent = TraceParent::start();
        if let Ok(value) = HeaderValue::from_str(parent.as_str()) {
            request.headers_mut().insert(TRACEPARENT, value);
        }
        parent
    });
    let span = span(&workload, &request, &parent);
    request.extensions_mut().insert(parent);
    next.run(request).instrument(span).await
}

fn span(workload: &str, request: &Request, parent: &TraceParent) -> Span {
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
    fn a_trace_that_starts_here_is_well_formed() {
        assert!(is_valid(TraceParent::start().as_str()));
    }
}
