//! An embedded receiver of OTLP traces with a page that shows them. For development and tests, **never for production**:
//! it keeps the last traces in memory and shows them to whoever asks.
//!
//! It speaks OTLP over HTTP in protobuf at `/v1/traces`, so any program with an OpenTelemetry exporter can use it, and
//! draws each trace as a waterfall.
//!
//! ```no_run
//! # async fn example() -> Result<(), dev_traces::StartError> {
//! let traces = dev_traces::DevTraces::start("127.0.0.1:4318".parse().unwrap()).await?;
//! println!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{}", traces.addr);
//! traces.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod board;
mod pages;
mod receiver;
mod server;
mod span;
#[cfg(test)]
mod tests;
mod waterfall;

pub use board::Trace;
pub use server::{DevTraces, StartError};
pub use span::Span;
