//! What a span is called, whose it is, and which attributes it may have.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::Status;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// The attribute that says whose span it is.
pub(super) const OWNER: &str = "service.name";

/// Every attribute a span may have. Whatever else a library or a mistake puts there does not leave the process.
const ATTRIBUTES: [&str; 13] = [
    OWNER,
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "url.path",
    "error.type",
    "dasvid.peer",
    "dasvid.server",
    "dasvid.mode",
    "dasvid.rule",
    "dasvid.segment",
    "dasvid.segments",
    "dasvid.txn",
];

/// The workload a request came to; kept in the context, so that all spans under it have it.
pub(crate) struct Owner(pub(crate) Arc<str>);

/// Names spans `<workload>.<module>.<verb>` and takes away what is not in the list, before they wait to be sent.
#[derive(Debug)]
pub(super) struct Named<P>(pub(super) P);

impl<P: SpanProcessor> SpanProcessor for Named<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        use opentelemetry::trace::Span as _;
        if let Some(Owner(workload)) = context.get() {
            span.set_attribute(KeyValue::new(OWNER, workload.clone()));
        }
        self.0.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        span.attributes.retain(|attribute| ATTRIBUTES.contains(&attribute.key.as_str()));
        span.events.events.clear();
        if matches!(span.status, Status::Error { .. }) {
            span.status = Status::error("");
        }
        span.name = format!("{}.{}", owner(&span), span.name).into();
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Whose span it is.
pub(super) fn owner(span: &SpanData) -> String {
    let known = span.attributes.iter().find(|attribute| attribute.key.as_str() == OWNER);
    known.map_or_else(|| "dasvid".to_owned(), |attribute| attribute.value.as_str().into_owned())
}
