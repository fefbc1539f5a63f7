//! The only start-up of a process: crypto provider, configuration, telemetry, workload, ready; and its end.

mod flags;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::admin::{self, Admin};
use crate::clock::SystemClock;
use crate::config::{self, ConfigError, Loaded, Sources};
use crate::process::{GRACE, Process, Workload};
use crate::traces::Traces;
use crate::{health, telemetry};
use flags::Flags;

/// A configuration or a command line that is wrong (`EX_USAGE`).
const BAD_CONFIG: u8 = 64;

/// Runs a process from its command line to its end.
///
/// Exit codes: 0 after a signal and a clean end, 1 if it could not start, broke, or did not end in time, 64 for a bad
/// configuration or command line (one line on standard error, before anything listens).
#[must_use]
pub fn run<W: Workload>() -> ExitCode {
    mesh::install_crypto();
    let flags = match Flags::read(W::NAME, W::ABOUT, std::env::args_os()) {
        Ok(flags) => flags,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_CONFIG) } else { ExitCode::SUCCESS };
        }
    };
    let sources = Sources { flags: flags.set.clone(), ..Sources::ambient(flags.config.as_deref()) };
    match config::load::<W::Config>(W::NAME, &sources) {
        Err(error) => bad_config(W::NAME, &error),
        Ok(loaded) => act::<W>(&flags, loaded),
    }
}

fn act<W: Workload>(flags: &Flags, loaded: Loaded<W::Config>) -> ExitCode {
    if let Some(question) = flags.health {
        return match health::ask(loaded.admin.listen, question) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => fail(W::NAME, &format!("nothing answers at {}: {error}", loaded.admin.listen)),
        };
    }
    if let Err(error) = W::check(&loaded.workload) {
        return bad_config(W::NAME, &error);
    }
    let endpoint = match own_sections(&loaded) {
        Ok(endpoint) => endpoint,
        Err(error) => return bad_config(W::NAME, &error),
    };
    if flags.check_config {
        let _ = writeln!(std::io::stdout(), "{}: the configuration is valid", W::NAME);
        return ExitCode::SUCCESS;
    }
    if let Err(error) = W::check_files(&loaded.workload) {
        return bad_config(W::NAME, &error);
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(observed::<W>(loaded, endpoint));
            runtime.shutdown_timeout(Duration::from_millis(100));
            code
        }
        Err(error) => fail(W::NAME, &error.to_string()),
    }
}

/// Finds what is wrong with the chassis's own sections; where traces go.
fn own_sections<C>(loaded: &Loaded<C>) -> Result<Option<Url>, ConfigError> {
    telemetry::parse(&loaded.log.filter).map_err(|error| ConfigError::invalid("log.filter", error.to_string()))?;
    loaded.telemetry.check()?;
    loaded.telemetry.traces_endpoint(variable)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The life of a process with its log and its traces around it.
async fn observed<W: Workload>(loaded: Loaded<W::Config>, endpoint: Option<Url>) -> ExitCode {
    let started = endpoint.as_ref().map(|endpoint| Traces::start(&loaded.telemetry, endpoint)).transpose();
    let traces = match started {
        Ok(traces) => traces,
        Err(error) => return fail(W::NAME, &format!("{error:#}")),
    };
    let log = match telemetry::init(&loaded.log, traces.as_ref()) {
        Ok(log) => log,
        Err(error) => return fail(W::NAME, &error.to_string()),
    };
    let code = live::<W>(loaded, log).await;
    if let Some(traces) = traces {
        traces.shut_down().await;
    }
    code
}

fn bad_config(name: &str, error: &ConfigError) -> ExitCode {
    fail(name, &error.to_string());
    ExitCode::from(BAD_CONFIG)
}

fn fail(name: &str, message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{name}: {message}");
    ExitCode::FAILURE
}

/// The life of a process after its configuration was found good.
async fn live<W: Workload>(loaded: Loaded<W::Config>, log: telemetry::Log) -> ExitCode {
    let (name, parents) = (loaded.telemetry.name(W::NAME, variable).into(), loaded.telemetry.parents);
    let process = Process { name, parents, ..Process::new(Arc::new(SystemClock)) };
    let after = CancellationToken::new();
    let code = match begin::<W>(loaded, log, &process, &after).await {
        Ok(signals) => finish(W::NAME, &process, signals).await,
        Err(error) => {
            tracing::error!("{} cannot start: {error:#}", W::NAME);
            process.shut_down(Duration::from_secs(1)).await;
            if error.is::<ConfigError>() { ExitCode::from(BAD_CONFIG) } else { ExitCode::FAILURE }
        }
    };
    after.cancel();
    code
}

/// Opens the admin listener, starts the workload and waits for the first signal or a broken listener.
async fn begin<W: Workload>(
    loaded: Loaded<W::Config>,
    log: telemetry::Log,
    process: &Process,
    after: &CancellationToken,
) -> anyhow::Result<Signals> {
    let mut signals = Signals::listen()?;
    let starting = process.ready.guard("start-up");
    let address = loaded.admin.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| anyhow::anyhow!("admin.listen {address} cannot be opened: {error}"))?;
    tracing::info!(admin = %listener.local_addr()?, version = env!("CARGO_PKG_VERSION"), "{} starts", W::NAME);
    let admin = Admin { ready: process.ready.clone(), metrics: process.metrics.clone(), log: Some(log) };
    tokio::spawn(admin::serve(listener, admin, after.clone()));
    tokio::select! {
        started = W::start(loaded.workload, process) => {
            for (name, address) in &started?.addresses {
                tracing::info!(%address, "{name} listens");
            }
            drop(starting);
        }
        () = signals.next() => return Ok(signals),
    }
    tokio::select! {
        () = report_ready(W::NAME, process) => {}
        () = signals.next() => {}
        () = process.broken.cancelled() => {}
    }
    Ok(signals)
}

/// Says when the process is ready, once, and never returns.
async fn report_ready(name: &str, process: &Process) {
    process.ready.ready().await;
    tracing::info!("{name} is ready");
    std::future::pending::<()>().await;
}

/// Ends the process within [`GRACE`] or at the next signal.
async fn finish(name: &str, process: &Process, mut signals: Signals) -> ExitCode {
    tracing::info!("{name} stops");
    let is_clean = tokio::select! {
        is_clean = process.shut_down(GRACE) => is_clean,
        () = signals.next() => false,
    };
    if !is_clean {
        tracing::warn!("{name} ends with requests unfinished");
    } else if process.broken.is_cancelled() {
        tracing::error!("{name} ends because a part of it broke");
    } else {
        tracing::info!("{name} has stopped");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
