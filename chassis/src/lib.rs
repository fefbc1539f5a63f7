//! What every process does the same way: configuration, start-up, telemetry, readiness, shutdown, problems, the gate.
//!
//! A workload is a library that implements [`Workload`] and a `main` of one line, `chassis::run::<TargetWl>()`. The same
//! workload runs beside others in one process with [`spawn`]: nothing here is global but the log.

pub mod admin;
pub mod body;
pub mod certificates;
pub mod clock;
pub mod config;
pub mod door;
pub mod form;
pub mod gate;
pub mod health;
pub mod identity;
pub mod json;
pub mod metrics;
pub mod plain;
pub mod problem;
pub mod process;
pub mod provenance;
pub mod provider;
pub mod readiness;
pub mod revocations;
mod run;
pub mod service;
pub mod storage;
pub mod tally;
pub mod telemetry;
pub mod trace;
pub mod traces;
pub mod trust;
mod vitals;

pub use async_trait::async_trait;
pub use clock::{Clock, MockClock, SystemClock};
pub use config::ConfigError;
pub use metrics::Metrics;
pub use problem::{Problem, Rejected};
pub use process::{Handle, Process, Running, Workload, spawn, spawn_as};
pub use readiness::Readiness;
pub use run::run;
#[doc(hidden)]
pub use tracing;
