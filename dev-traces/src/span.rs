//! A span as it is kept and shown: OTLP's message without what nobody looks at.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{self as otlp, ResourceSpans, status::StatusCode};
use serde::Serialize;

/// Most attributes kept of a span.
const MAX_ATTRIBUTES: usize = 32;
/// Most characters kept of a name or a value.
const MAX_TEXT: usize = 256;

/// One span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The trace's identifier, 32 hexadecimal digits.
    pub trace: String,
    /// The span's identifier, 16 hexadecimal digits.
    pub id: String,
    /// The parent's; none for the first span of a trace.
    pub parent: Option<String>,
    /// The resource's `service.name`.
    pub service: String,
    /// What it is called.
    pub name: String,
    /// When it began, nanoseconds since the epoch.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// Whether it is said to have failed.
    pub failed: bool,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// The other attributes of its resource.
    pub resource: Vec<(String, String)>,
}

impl Span {
    /// All spans of a resource.
    pub(crate) fn read(resource: &ResourceSpans) -> Vec<Self> {
        let attributes = resource.resource.as_ref().map(|resource| texts(&resource.attributes)).unwrap_or_default();
        let service = attribute(&attributes, "service.name").unwrap_or("unknown").to_owned();
        let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
        spans.filter_map(|span| Self::of(span, &service, &attributes)).collect()
    }

    /// None for a span without identifiers.
    fn of(span: &otlp::Span, service: &str, resource: &[(String, String)]) -> Option<Self> {
        if span.trace_id.len() != 16 || span.span_id.len() != 8 {
            return None;
        }
        let is_error = |status: &otlp::Status| status.code == StatusCode::Error as i32;
        Some(Self {
            trace: hex::encode(&span.trace_id),
            id: hex::encode(&span.span_id),
            parent: (span.parent_span_id.len() == 8).then(|| hex::encode(&span.parent_span_id)),
            service: service.to_owned(),
            name: cut(&span.name).into_owned(),
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano.max(span.start_time_unix_nano),
            failed: span.status.as_ref().is_some_and(is_error),
            attributes: texts(&span.attributes),
            resource: resource.to_vec(),
        })
    }

    /// How long it took, nanoseconds.
    #[must_use]
    pub const fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        attribute(&self.attributes, key)
    }
}

fn attribute<'a>(attributes: &'a [(String, String)], key: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

fn texts(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |attribute: &KeyValue| Some((cut(&attribute.key).into_owned(), value(attribute)?));
    attributes.iter().take(MAX_ATTRIBUTES).filter_map(text).collect()
}

fn value(attribute: &KeyValue) -> Option<String> {
    Some(match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => cut(text).into_owned(),
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        other => cut(&format!("{other:?}")).into_owned(),
    })
}

fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
