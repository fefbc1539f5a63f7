//! The log: what is written to standard error, and a handle to change it while the process runs. Spans that leave the
//! process ([`crate::traces`]) are no part of it.

use std::fmt;
use std::io::IsTerminal;
use std::panic;
use std::sync::Arc;

use thiserror::Error;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{LogFormat, LogSettings};
use crate::traces::{self, Traces};

/// The environment variable that wins over the setting `log.filter`.
pub const VARIABLE: &str = "DASVID_LOG";

/// Libraries whose finer lines may show header fields and bodies, so tokens: never below these, whatever is asked for.
const CAPS: [&str; 8] = [
    "h2=info",
    "hyper=info",
    "hyper_util=info",
    "reqwest=info",
    "rustls=info",
    "tonic=info",
    "tower=info",
    "sqlx=warn",
];

/// Why there is no log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter is not understood: {0}")]
    Filter(String),
    /// Another part of this process has set up a log already.
    #[error("the log is already set up")]
    Taken,
}

/// Changes the filter of a log that is running.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    handle: reload::Handle<EnvFilter, Registry>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("filter", &self.filter()).finish()
    }
}

impl Log {
    /// A log that goes nowhere.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let (filter, handle) = reload::Layer::<_, Registry>::new(EnvFilter::new("info"));
        // The handle does not keep its filter.
        Box::leak(Box::new(filter));
        Self(Arc::new(Inner { handle }))
    }

    /// The filter in force.
    #[must_use]
    pub fn filter(&self) -> String {
        self.0.handle.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Changes the filter, until the process ends.
    ///
    /// # Errors
    /// [`TelemetryError::Filter`]; the old filter stays.
    pub fn set_filter(&self, text: &str) -> Result<(), TelemetryError> {
        let filter = parse(text)?;
        self.0.handle.reload(filter).map_err(|_| TelemetryError::Taken)
    }
}

/// Reads a filter such as `info,chassis=debug` and caps the libraries that would show tokens.
///
/// # Errors
/// [`TelemetryError::Filter`].
pub fn parse(text: &str) -> Result<EnvFilter, TelemetryError> {
    let bad = |error: &dyn fmt::Display| TelemetryError::Filter(error.to_string());
    let mut filter = EnvFilter::try_new(text).map_err(|error| bad(&error))?;
    let spans = format!("{}=off", traces::TARGET);
    for cap in CAPS.into_iter().chain([spans.as_str()]) {
        filter = filter.add_directive(cap.parse().map_err(|error| bad(&error))?);
    }
    Ok(filter)
}

/// Sets up the log of this process, and where its spans go. `DASVID_LOG` wins over the setting.
///
/// # Errors
/// The filter cannot be read, or there is a log already.
pub fn init(settings: &LogSettings, traces: Option<&Traces>) -> Result<Log, TelemetryError> {
    let text = std::env::var(VARIABLE).unwrap_or_else(|_| settings.filter.clone());
    let (filter, handle) = reload::Layer::new(parse(&text)?);
    let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(is_coloured);
    let lines = match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let spans = traces.map(Traces::layer);
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(spans)
        .try_init()
        .map_err(|_| TelemetryError::Taken)?;
    panic::set_hook(Box::new(log_panic));
    Ok(Log(Arc::new(Inner { handle })))
}

/// Logs where a panic happened, and what it said if that was fixed text: formatted text may hold a token.
fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let message = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("panic");
    tracing::error!(place, "{message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_filter_that_cannot_be_read() {
        assert!(matches!(parse("info,=,"), Err(TelemetryError::Filter(_))));
        assert!(matches!(parse("chassis=loud"), Err(TelemetryError::Filter(_))));
    }

    #[test]
    fn a_filter_never_opens_libraries_that_show_headers() {
        let filter = parse("trace,hyper=trace,h2=trace").unwrap().to_string();
        assert!(filter.contains("hyper=info") && !filter.contains("hyper=trace"), "{filter}");
        assert!(filter.contains("h2=info") && !filter.contains("h2=trace"), "{filter}");
    }
}
