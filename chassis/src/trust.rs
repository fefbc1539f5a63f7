//! What this process verifies chains against: trust bundles and the asserters' keys, kept fresh in the background.
//!
//! Bundles come from the process's own identity. Keys come from `/keys` of each listed asserter, over mTLS from exactly
//! its SPIFFE ID. A process is not ready before it has the first keys of every asserter; keys that could not be
//! refreshed for an hour are dropped, and the process is not ready again.

mod measure;
mod source;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use mesh::{Client, ClientSettings, Identity, Origins};
use spiffe::SpiffeId;
use token::{Bundles, RootKeys, Timestamp, Trust};

use crate::process::Process;
use crate::readiness::Guard;

use source::MeshKeys;
pub use source::{KeyError, KeySource};

/// How often keys are fetched, and how long they are believed without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two fetches when nothing calls for one.
    pub refresh: Duration,
    /// An unknown `kid` has keys fetched at most once in this time.
    pub patience: Duration,
    /// The longest pause before a fetch that failed is tried again.
    pub retry: Duration,
    /// Keys that cannot be refreshed for this long are no longer believed.
    pub stale: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            refresh: Duration::from_mins(1),
            patience: Duration::from_secs(3),
            retry: Duration::from_secs(2),
            stale: Duration::from_hours(1),
        }
    }
}

/// Keeps the trust of a process fresh. Cheap to clone.
#[derive(Clone)]
pub struct TrustStore(Arc<Inner>);

struct Inner {
    snapshot: RwLock<Arc<Trust>>,
    /// When the bundles last changed.
    changed: Mutex<Timestamp>,
    asserters: HashMap<SpiffeId, Asserter>,
    process: Process,
    pace: Pace,
}

struct Asserter {
    source: Box<dyn KeySource>,
    /// When fetching began last; held while a fetch is under way, so that callers share it.
    begun: tokio::sync::Mutex<Option<Instant>>,
    state: Mutex<State>,
}

struct State {
    fetched: Option<Timestamp>,
    /// Held while there are no keys to believe.
    waiting: Option<Guard>,
}

impl TrustStore {
    /// Starts to keep trust: bundles of `identity`, keys of each asserter from any of its replicas.
    ///
    /// Returns at once; asserters may start later. Readiness waits for them.
    ///
    /// # Errors
    /// There is no usable identity.
    pub fn start(identity: &Identity, asserters: &[(SpiffeId, Origins)], process: &Process) -> anyhow::Result<Self> {
        let mut sources: HashMap<SpiffeId, Box<dyn KeySource>> = HashMap::new();
        for (id, origins) in asserters {
            let settings = ClientSettings { first_byte_timeout: Duration::from_secs(5), ..process.client() };
            let client = Client::balanced(identity, id.clone(), origins, settings)?;
            sources.insert(id.clone(), Box::new(MeshKeys(client)));
        }
        let store = Self::with_sources(identity.bundles()?, sources, Pace::default(), process);
        store.follow(identity);
        Ok(store)
    }

    /// The same with keys from anywhere and bundles that stay as they are.
    #[must_use]
    pub fn with_sources(
        bundles: Bundles,
        sources: HashMap<SpiffeId, Box<dyn KeySource>>,
        pace: Pace,
        process: &Process,
    ) -> Self {
        let asserters = sources.into_iter().map(|(id, source)| (id, Asserter::new(source, process))).collect();
        let snapshot = RwLock::new(Arc::new(Trust { bundles, ..Trust::default() }));
        let changed = Mutex::new(process.clock.now());
        let store = Self(Arc::new(Inner { snapshot, changed, asserters, process: process.clone(), pace }));
        measure::ages(&store);
        for id in store.0.asserters.keys() {
            let keeping = store.clone().keep(id.clone());
            let stop = process.stop.clone();
            process.tasks.spawn(async move {
                stop.run_until_cancelled(keeping).await;
            });
        }
        store
    }

    /// What is believed now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Trust> {
        self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Believes these keys of `asserter` from now on; for the asserting workload itself, which has its keys at hand.
    pub fn set_keys(&self, asserter: SpiffeId, keys: RootKeys) {
        self.change(|trust| {
            trust.keys.insert(asserter, keys);
        });
    }

    /// Fetches the keys of `asserter` because a chain names one that is not known; true if they were fetched since.
    ///
    /// At most one fetch in [`Pace::patience`]; callers meanwhile share the one under way.
    pub async fn refresh_for(&self, asserter: &SpiffeId) -> bool {
        let Some(known) = self.0.asserters.get(asserter) else { return false };
        let asked = Instant::now();
        let mut begun = known.begun.lock().await;
        if begun.is_some_and(|begun| begun >= asked) {
            return true;
        }
        if begun.is_some_and(|begun| begun.elapsed() < self.0.pace.patience) {
            return false;
        }
        *begun = Some(Instant::now());
        self.fetch(asserter, known).await.is_ok()
    }

    /// Fetches the keys of one asserter again and again.
    async fn keep(self, id: SpiffeId) {
        let Some(asserter) = self.0.asserters.get(&id) else { return };
        let retries = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50).min(self.0.pace.retry))
            .with_max_delay(self.0.pace.retry)
            .with_factor(1.5)
            .with_jitter()
            .without_max_times();
        let mut delays = retries.build();
        let mut failures = 0_u32;
        loop {
            let result = {
                let mut begun = asserter.begun.lock().await;
                *begun = Some(Instant::now());
                self.fetch(&id, asserter).await
            };
            let delay = match result {
                Ok(()) => {
                    (delays, failures) = (retries.build(), 0);
                    self.0.pace.refresh
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    complain(&id, failures, &error);
                    self.expire(&id, asserter);
                    delays.next().unwrap_or(self.0.pace.retry)
                }
            };
            tokio::time::sleep(delay).await;
        }
    }

    async fn fetch(&self, id: &SpiffeId, asserter: &Asserter) -> Result<(), KeyError> {
        let jwks = asserter.source.fetch().await?;
        let keys = RootKeys::parse(&jwks)?;
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        tracing::debug!(asserter = %id, keys = keys.len(), "fetched its keys");
        self.set_keys(id.clone(), keys);
        let mut state = asserter.state();
        state.fetched = Some(self.0.process.clock.now());
        state.waiting = None;
        Ok(())
    }

    /// Drops keys that could not be refreshed for too long.
    fn expire(&self, id: &SpiffeId, asserter: &Asserter) {
        let now = self.0.process.clock.now();
        let mut state = asserter.state();
        if state.fetched.is_some_and(|fetched| now.since(fetched) >= self.0.pace.stale.as_secs()) {
            tracing::error!(asserter = %id, "its keys are an hour old and no longer believed");
            state.fetched = None;
            state.waiting = Some(self.0.process.ready.guard(WAITING));
            self.change(|trust| {
                trust.keys.remove(id);
            });
        }
    }

    /// Takes over the identity's bundles whenever they change.
    fn follow(&self, identity: &Identity) {
        let (store, identity) = (self.clone(), identity.clone());
        let stop = self.0.process.stop.clone();
        let following = async move {
            let mut updates = identity.updates();
            while updates.changed().await.is_ok() {
                match identity.bundles() {
                    Ok(bundles) => store.set_bundles(bundles),
                    Err(error) => tracing::warn!("the trust bundles cannot be read: {error}"),
                }
            }
        };
        self.0.process.tasks.spawn(async move {
            stop.run_until_cancelled(following).await;
        });
    }

    fn set_bundles(&self, bundles: Bundles) {
        self.change(|trust| trust.bundles = bundles);
        *self.0.changed.lock().unwrap_or_else(PoisonError::into_inner) = self.0.process.clock.now();
    }

    fn change(&self, change: impl FnOnce(&mut Trust)) {
        let mut snapshot = self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut snapshot));
    }
}

/// An asserter may start after this process, so the first failures are no news; later ones are, now and then.
fn complain(asserter: &SpiffeId, failures: u32, error: &KeyError) {
    if failures % 30 == 10 {
        tracing::warn!(%asserter, failures, "its keys cannot be had: {error}");
    } else {
        tracing::debug!(%asserter, failures, "its keys cannot be had: {error}");
    }
}

/// What readiness calls the wait for keys.
const WAITING: &str = "asserter's keys";

impl Asserter {
    fn new(source: Box<dyn KeySource>, process: &Process) -> Self {
        let state = State { fetched: None, waiting: Some(process.ready.guard(WAITING)) };
        Self { source, begun: tokio::sync::Mutex::default(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustStore").finish_non_exhaustive()
    }
}
