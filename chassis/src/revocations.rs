//! What is revoked, as the asserting workload publishes it: fetched whole at the start, then what is new, every second.
//!
//! A process is not ready before the first full list. A list counts only when it is signed with a key of its asserter
//! and continues exactly what is known. After a silence of `max_silence` nothing may be changed any more, and only roots
//! younger than the silence are believed ([`RevocationTable`] decides).

mod list;
mod source;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use mesh::{Client, ClientSettings, Identity, Origins};
use prometheus_client::metrics::gauge::Gauge;
use spiffe::SpiffeId;
use token::{RevocationTable, Timestamp};

use crate::config::RevocationSettings;
use crate::process::Process;
use crate::readiness::Guard;
use crate::trust::TrustStore;

pub use list::{Believed, ListError, open};
use source::MeshList;
pub use source::{FetchError, ListSource};

/// What readiness calls the wait for the first list.
const WAITING: &str = "revocations";
/// How long a process waits at most before it asks again for its first list.
const FIRST: Duration = Duration::from_millis(100);
/// Most lists read in a row to catch up, so that an asserter cannot keep a process from ever looking at the clock.
const MOST_PAGES: usize = 1000;

/// Why a list was not taken. All are tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// It cannot be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It is not believed.
    #[error(transparent)]
    List(#[from] ListError),
    /// It never ends.
    #[error("the list never ends")]
    Endless,
}

/// Starts to follow the revocations of `asserter` at `origins`, and returns the table they are kept in.
///
/// Returns at once; the asserter may start later. Readiness waits for it. Call it once a process: the metrics it
/// registers have fixed names.
///
/// # Errors
/// There is no usable identity.
pub fn start(
    identity: &Identity,
    (asserter, origins): (&SpiffeId, &Origins),
    trust: &TrustStore,
    settings: &RevocationSettings,
    process: &Process,
) -> anyhow::Result<Arc<RevocationTable>> {
    let patience = settings.max_silence.0.min(Duration::from_secs(5));
    let limits = ClientSettings { first_byte_timeout: patience, body_timeout: patience, ..process.client() };
    let source = MeshList(Client::balanced(identity, asserter.clone(), origins, limits)?);
    Ok(follow(Box::new(source), asserter.clone(), trust.clone(), settings, process))
}

/// The same with lists from anywhere.
#[must_use]
pub fn follow(
    source: Box<dyn ListSource>,
    asserter: SpiffeId,
    trust: TrustStore,
    settings: &RevocationSettings,
    process: &Process,
) -> Arc<RevocationTable> {
    let table = Arc::new(RevocationTable::fed(settings.max_silence.0.as_secs()));
    let gauges = Gauges::new(process);
    process.metrics.before_each_scrape({
        let (table, gauges, clock) = (Arc::clone(&table), gauges.clone(), process.clock.clone());
        move || gauges.show(&table, clock.now())
    });
    let follower = Follower {
        source,
        asserter,
        trust,
        table: Arc::clone(&table),
        reached: 0,
        waiting: Some(process.ready.guard(WAITING)),
        gauges,
        failures: 0,
    };
    let following = follower.run(settings.clone(), process.clone());
    process.tasks.spawn(process.stop.clone().run_until_cancelled_owned(following));
    table
}

struct Follower {
    source: Box<dyn ListSource>,
    asserter: SpiffeId,
    trust: TrustStore,
    table: Arc<RevocationTable>,
    /// The version up to which the table is complete.
    reached: u64,
    /// Held until the first full list.
    waiting: Option<Guard>,
    gauges: Gauges,
    failures: u32,
}

impl Follower {
    async fn run(mut self, settings: RevocationSettings, process: Process) {
        loop {
            match self.update(process.clock.now()).await {
                Ok(()) => self.failures = 0,
                Err(error) => self.complain(&error),
            }
            self.table.purge(process.clock.now());
            let pause = if self.waiting.is_some() { settings.interval.0.min(FIRST) } else { settings.interval.0 };
            tokio::time::sleep(pause).await;
        }
    }

    /// Fetches what is new until there is nothing more. The view is as of `now`, before anything was asked.
    async fn update(&mut self, now: Timestamp) -> Result<(), UpdateError> {
        for _ in 0..MOST_PAGES {
            let list = self.fetch(now).await?;
            self.gauges.reached(&list, now);
            for record in list.records {
                self.table.insert(record);
            }
            self.reached = list.version;
            if list.complete {
                self.table.heard(now);
                if self.waiting.take().is_some() {
                    tracing::info!(asserter = %self.asserter, records = self.table.len(), "revocations are known");
                }
                return Ok(());
            }
        }
        Err(UpdateError::Endless)
    }

    /// One believed list. If it names a key that is not known, the asserter's keys are fetched once.
    async fn fetch(&self, now: Timestamp) -> Result<Believed, UpdateError> {
        let jws = self.source.fetch(self.reached).await?;
        let open = || open(&jws, &self.asserter, &self.trust.snapshot(), self.reached, now);
        match open() {
            Err(ListError::UnknownKey) if self.trust.refresh_for(&self.asserter).await => Ok(open()?),
            outcome => Ok(outcome?),
        }
    }

    /// The asserter may start after this process, so the first failures are no news unless a list is not believed.
    fn complain(&mut self, error: &UpdateError) {
        self.failures = self.failures.saturating_add(1);
        let asserter = &self.asserter;
        match error {
            UpdateError::List(error) if *error != ListError::UnknownKey && self.failures % 60 == 1 => {
                tracing::error!(%asserter, "its list of revocations is not believed: {error}");
            }
            _ if self.failures % 60 == 10 => {
                tracing::warn!(%asserter, failures = self.failures, "its list of revocations cannot be had: {error}");
            }
            _ => tracing::debug!(%asserter, "no list of revocations: {error}"),
        }
    }
}

#[derive(Clone)]
struct Gauges {
    records: Gauge,
    age: Gauge,
    version: Gauge,
    offset: Gauge,
}

impl Gauges {
    fn new(process: &Process) -> Self {
        let metrics = &process.metrics;
        let age = "Seconds since the list of revocations was complete; -1 before it was";
        let offset = "How far the asserter's clock is ahead of this process's, in whole seconds";
        let gauges = Self {
            records: metrics.register("revocation_records", "Revocations in force", Gauge::default()),
            age: metrics.register("revocation_list_age_seconds", age, Gauge::default()),
            version: metrics.register(
                "revocation_list_version",
                "The version of the list that is known",
                Gauge::default(),
            ),
            offset: metrics.register("asserter_clock_offset_seconds", offset, Gauge::default()),
        };
        gauges.age.set(-1);
        gauges
    }

    fn reached(&self, list: &Believed, now: Timestamp) {
        self.version.set(i64::try_from(list.version).unwrap_or(i64::MAX));
        let (ahead, behind) = (list.made.since(now), now.since(list.made));
        self.offset.set(i64::try_from(ahead).unwrap_or(i64::MAX) - i64::try_from(behind).unwrap_or(i64::MAX));
    }

    fn show(&self, table: &RevocationTable, now: Timestamp) {
        self.records.set(i64::try_from(table.len()).unwrap_or(i64::MAX));
        self.age.set(table.silence(now).map_or(-1, |silence| i64::try_from(silence).unwrap_or(i64::MAX)));
    }
}
