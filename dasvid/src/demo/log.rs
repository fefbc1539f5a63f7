//! The demo's log: one line a request, and whatever goes wrong.

use std::fmt::{Debug, Write as _};

use chassis::telemetry;
use chassis::traces::Traces;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::output;

/// Where the chassis says that a request was answered, and opens the request's span.
const REQUESTS: &str = "warn,chassis::service=info,chassis::trace=info";

/// Starts the log, and where spans go. With `requests`, each request is a line; `DASVID_LOG` set, everything it selects
/// is shown in full.
pub fn init(requests: bool, traces: Option<&Traces>) {
    let wrong = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let chosen = std::env::var(telemetry::VARIABLE).ok().and_then(|filter| telemetry::parse(&filter).ok());
    let requests = (requests && chosen.is_none()).then(|| Requests.with_filter(EnvFilter::new(REQUESTS)));
    let usual = if requests.is_some() { "warn,dev_spire=error,dev_idp=error" } else { "error" };
    let started = tracing_subscriber::registry()
        .with(wrong.with_filter(chosen.unwrap_or_else(|| EnvFilter::new(usual))))
        .with(requests)
        .with(traces.map(Traces::layer))
        .try_init();
    // A process that has a log already keeps it.
    drop(started);
}

/// Prints who answered what, how, and how fast.
struct Requests;

/// What a request's span says of it.
#[derive(Default)]
struct Told {
    workload: String,
    method: String,
    path: String,
    peer: String,
    status: String,
    micros: u64,
}

impl Told {
    /// What verifiers ask of asserting-wl again and again, whether anybody uses the bank or not.
    fn is_routine(&self) -> bool {
        matches!(self.path.as_str(), wire::keys::KEYS | wire::revocations::REVOCATIONS)
    }
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "workload" => value.clone_into(&mut self.workload),
            "method" => value.clone_into(&mut self.method),
            "path" => value.clone_into(&mut self.path),
            "peer" => value.clone_into(&mut self.peer),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.status = value.to_string(),
            "micros" => self.micros = value,
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Requests {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut told = Told::default();
        attributes.record(&mut told);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(told);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut answered = Told::default();
        event.record(&mut answered);
        let Some(span) = context.event_span(event) else { return };
        let extensions = span.extensions();
        if let Some(told) = extensions.get::<Told>().filter(|told| !answered.status.is_empty() && !told.is_routine()) {
            output::note(&line(told, &answered));
        }
    }
}

fn line(told: &Told, answered: &Told) -> String {
    let Told { workload, method, path, peer, .. } = told;
    let ms = std::time::Duration::from_micros(answered.micros).as_secs_f64() * 1000.0;
    let mut line = format!("{workload:<14} {:>3}  {ms:>7.1} ms  {method} {path}", answered.status);
    if !peer.is_empty() {
        // Cannot fail: writing to a String does not.
        let _ = write!(line, "  from {peer}");
    }
    line
}
