//! Spans leave the process as OTLP over HTTP, in the background: a collector that is slow or gone costs spans, never a
//! request.
//!
//! A span is made with [`span!`](crate::span) and belongs to the workload whose request it is part of, so that several
//! workloads in one process stay apart. Only these spans leave, with attributes of a closed list and without the lines
//! of the log: no token, key, query or person can be among them.

mod collector;
mod naming;

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use mesh::web::{self, WebSettings};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use crate::config::TelemetrySettings;
use collector::{ByWorkload, Collector};
use naming::Named;
pub(crate) use naming::Owner;

/// The target of spans that leave the process. The log never shows them.
pub const TARGET: &str = "dasvid::span";

/// Most spans that wait; more are dropped.
const QUEUE: usize = 4096;
/// Most spans sent at once.
const BATCH: usize = 512;
/// How long a span waits at most before it is sent.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of the process waits for spans to be sent.
const LAST: Duration = Duration::from_secs(2);

/// Makes a span that leaves the process if traces are on, named `<module>.<verb>`; the workload's name comes before it.
///
/// Attributes that are not in the closed list of [`traces`](crate::traces) are dropped.
///
/// ```
/// let _span = chassis::span!("gate.verify", dasvid.rule = "time").entered();
/// ```
#[macro_export]
macro_rules! span {
    ($name:literal $(, $($fields:tt)*)?) => {
        $crate::tracing::info_span!(target: "dasvid::span", $name $(, $($fields)*)?)
    };
}

/// Spans on their way to a collector.
#[derive(Clone, Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts to send spans to `endpoint`. Call it inside a Tokio runtime, which does the sending.
    ///
    /// # Errors
    /// The certificate authorities cannot be read, or there is no HTTP client.
    pub fn start(settings: &TelemetrySettings, endpoint: &Url) -> anyhow::Result<Self> {
        let ca = settings.ca_file.as_ref().map(fs::read_to_string).transpose().context("telemetry.ca_file")?;
        let http = web::client(WebSettings { ca, timeout: PATIENCE, ..WebSettings::default() })?;
        let collector = Collector::new(http, Handle::current(), endpoint);
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY);
        let processor = BatchSpanProcessor::builder(ByWorkload::new(collector, endpoint))
            .with_batch_config(batches.build())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Named(processor))
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio))))
            .build();
        Ok(Self { provider })
    }

    /// What hands spans over, for a subscriber of `tracing`.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("dasvid"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            // Spans only: a line of the log may name a person.
            .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET))
    }

    /// Sends what waits, within two seconds, and stops.
    pub async fn shut_down(self) {
        // Blocks, while the runtime does the sending.
        let stopping = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(LAST));
        if !matches!(stopping.await, Ok(Ok(()))) {
            tracing::debug!("some spans were not sent");
        }
    }
}
