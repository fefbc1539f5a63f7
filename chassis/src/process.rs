//! A workload and what the process it runs in gives it.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mesh::{ClientMetrics, ClientSettings};
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin};
use crate::clock::Clock;
use crate::config::{ConfigError, Parents};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::vitals;

/// How long requests in flight have to finish once a process was asked to stop.
pub const GRACE: Duration = Duration::from_secs(30);

/// One kind of process: asserting-wl, target-wl, and so on.
#[async_trait]
pub trait Workload: Sized + Send + 'static {
    /// The workload's name, such as `target-wl`; also the prefix of its environment, `TARGET_WL__`.
    const NAME: &'static str;
    /// What it is, in one sentence, for `--help`.
    const ABOUT: &'static str;
    /// Its settings. Every struct in it refuses unknown keys and has documented defaults. The sections `[admin]`,
    /// `[log]` and `[telemetry]` are the chassis's own and never reach it.
    type Config: DeserializeOwned + Send + 'static;

    /// Finds what is wrong with settings that parse, without opening a port or a file that must exist only at run time.
    ///
    /// # Errors
    /// The first thing that is wrong, by its key.
    fn check(config: &Self::Config) -> Result<(), ConfigError>;

    /// Finds what is wrong with files that the settings name and a start needs, such as a policy, without opening a port.
    ///
    /// # Errors
    /// The first thing that is wrong.
    fn check_files(_config: &Self::Config) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Starts the workload: identity, then store, then listeners. Returns once the listeners are bound; what runs on
    /// runs as tasks of `process.tasks` until `process.stop`.
    ///
    /// # Errors
    /// Whatever keeps it from starting; the process ends with exit code 1.
    async fn start(config: Self::Config, process: &Process) -> anyhow::Result<Running>;
}

/// What the process gives a workload.
#[derive(Clone)]
pub struct Process {
    /// What this instance is called in the log: the workload's name, unless several run in one process.
    pub name: Arc<str>,
    /// Whose `traceparent` is believed.
    pub parents: Parents,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// This workload's metrics.
    pub metrics: Metrics,
    /// What this workload's mesh clients count.
    pub clients: ClientMetrics,
    /// Whether this workload takes traffic.
    pub ready: Readiness,
    /// Cancelled when the workload must stop taking requests.
    pub stop: CancellationToken,
    /// Tasks that shutdown waits for.
    pub tasks: TaskTracker,
    /// Cancelled when a part without which the workload is none has ended by itself.
    pub broken: CancellationToken,
}

impl Process {
    /// A process that runs nothing yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (metrics, ready) = (Metrics::default(), Readiness::default());
        vitals::register(&metrics, &ready, &*clock);
        let clients = ClientMetrics::default();
        clients.register(&metrics);
        Self {
            name: Arc::from(""),
            parents: Parents::default(),
            clock,
            metrics,
            clients,
            ready,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            broken: CancellationToken::new(),
        }
    }

    /// The usual settings of a mesh client whose requests this workload's metrics count.
    #[must_use]
    pub fn client(&self) -> ClientSettings {
        ClientSettings { metrics: self.clients.clone(), ..ClientSettings::default() }
    }

    /// Runs a part without which the workload is none, such as a listener. If it ends before `stop`, the workload is
    /// no longer ready and [`run`](crate::run) ends the process with exit code 1.
    pub fn run<E: fmt::Display + Send + 'static>(
        &self,
        part: &'static str,
        future: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let process = self.clone();
        let running = self.tasks.spawn(future);
        self.tasks.spawn(async move {
            let ended = running.await;
            if process.stop.is_cancelled() {
                return;
            }
            match ended {
                Ok(Ok(())) => tracing::error!("{part} ended by itself"),
                Ok(Err(error)) => tracing::error!("{part} broke: {error}"),
                Err(_) => tracing::error!("{part} panicked"),
            }
            let _guard = process.ready.guard(part);
            process.broken.cancel();
            process.stop.cancelled().await;
        });
    }

    /// Stops taking requests and waits for those in flight; true if all finished within `grace`.
    pub async fn shut_down(&self, grace: Duration) -> bool {
        let _stopping = self.ready.guard("shutdown");
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(grace, self.tasks.wait()).await.is_ok()
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("ready", &self.ready).finish_non_exhaustive()
    }
}

/// A workload that has started.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// What it listens on: a short name such as `https`, and the address really bound.
    pub addresses: Vec<(&'static str, SocketAddr)>,
}

/// A workload that runs beside others in one process.
#[derive(Debug)]
pub struct Handle {
    /// What it listens on.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    /// Its metrics.
    pub metrics: Metrics,
    /// Whether it takes traffic.
    pub ready: Readiness,
    process: Process,
}

impl Handle {
    /// The address of the listener called `name`.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(known, _)| *known == name).map(|(_, address)| *address)
    }

    /// Opens an admin listener for this workload, without `/log`: the log is the whole process's.
    pub fn serve_admin(&self, listener: TcpListener) {
        let admin = Admin { ready: self.ready.clone(), metrics: self.metrics.clone(), log: None };
        self.process.tasks.spawn(admin::serve(listener, admin, self.process.stop.clone()));
    }

    /// Returns when a part without which the workload is none has ended by itself; never otherwise.
    pub async fn broken(&self) {
        self.process.broken.cancelled().await;
    }

    /// Stops taking requests and waits for those in flight, [`GRACE`] at most; true if all finished.
    pub async fn shutdown(self) -> bool {
        self.process.shut_down(GRACE).await
    }
}

/// Starts a workload inside a process that runs others too. It has its own metrics, readiness and shutdown, and an
/// admin listener only if it is given one ([`Handle::serve_admin`]).
///
/// # Errors
/// What is wrong with the settings, or what keeps the workload from starting.
pub async fn spawn<W: Workload>(config: W::Config, clock: Arc<dyn Clock>) -> anyhow::Result<Handle> {
    spawn_as::<W>(W::NAME, config, clock).await
}

/// The same under a name of its own, for a process that runs several of one kind.
///
/// # Errors
/// As [`spawn`].
pub async fn spawn_as<W: Workload>(name: &str, config: W::Config, clock: Arc<dyn Clock>) -> anyhow::Result<Handle> {
    mesh::install_crypto();
    W::check(&config)?;
    let process = Process { name: name.into(), ..Process::new(clock) };
    match W::start(config, &process).await {
        Ok(running) => Ok(Handle {
            addresses: running.addresses,
            metrics: process.metrics.clone(),
            ready: process.ready.clone(),
            process,
        }),
        Err(error) => {
            process.shut_down(Duration::from_secs(1)).await;
            Err(error)
        }
    }
}
