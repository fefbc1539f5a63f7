//! Whether the store answers and how much waits in its outbox, as metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use store::{EventState, Store, StoreError};

use crate::process::Process;
use crate::readiness::{Guard, Readiness};

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// How often while it does not answer.
const IMPATIENT: Duration = Duration::from_millis(500);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bounds of the buckets of an answer's time, seconds.
const BUCKETS: [f64; 9] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 3.0];

struct Watched {
    up: Gauge,
    seconds: Histogram,
    pending: Gauge,
    ready: Readiness,
    /// Held while the store does not answer.
    away: Option<Guard>,
}

/// Asks the store every five seconds until the process stops; while it does not answer, the process is not ready.
/// Call it once a process: the metrics have fixed names.
pub fn watch(store: Arc<dyn Store>, process: &Process) {
    let metrics = &process.metrics;
    let up = "1 while the store answers within three seconds, asked every five";
    let mut watched = Watched {
        up: metrics.register("store_up", up, Gauge::default()),
        seconds: metrics.register("store_ping_seconds", "Time until the store answers", Histogram::new(BUCKETS)),
        pending: metrics.register("outbox_pending", "Events that wait to be delivered", Gauge::default()),
        ready: process.ready.clone(),
        away: None,
    };
    let stop = process.stop.clone();
    process.tasks.spawn(stop.run_until_cancelled_owned(async move {
        loop {
            watched.look(&*store).await;
            tokio::time::sleep(if watched.away.is_some() { IMPATIENT } else { INTERVAL }).await;
        }
    }));
}

impl Watched {
    async fn look(&mut self, store: &dyn Store) {
        let begun = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, store.ping()).await;
        self.seconds.observe(begun.elapsed().as_secs_f64());
        let is_up = matches!(answer, Ok(Ok(())));
        self.up.set(i64::from(is_up));
        match (is_up, &self.away) {
            (false, None) => {
                tracing::error!("the store does not answer");
                self.away = Some(self.ready.guard("store"));
            }
            (true, Some(_)) => {
                tracing::info!("the store answers again");
                self.away = None;
            }
            _ => {}
        }
        if is_up && let Ok(Ok(pending)) = tokio::time::timeout(PATIENCE, pending(store)).await {
            self.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        }
    }
}

async fn pending(store: &dyn Store) -> Result<u64, StoreError> {
    store.read().await?.outbox().count(EventState::Pending).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::{Event, Moment};

    use super::*;
    use crate::SystemClock;

    #[tokio::test]
    async fn shows_that_the_store_answers_and_what_waits() {
        let store = store::open("memory:").await.unwrap();
        let mut tx = store.begin().await.unwrap();
        tx.emit(&Event::new("told", json!({}), json!({}), None, Moment::from_seconds(1))).await.unwrap();
        tx.commit().await.unwrap();
        let process = Process::new(Arc::new(SystemClock));
        watch(store, &process);
        let waiting = async {
            while !process.metrics.encode().contains("dasvid_outbox_pending 1") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap();
        assert!(process.metrics.encode().contains("dasvid_store_up 1"));
    }

    /// A store whose database is gone.
    #[derive(Debug)]
    struct Gone;

    #[crate::async_trait]
    impl Store for Gone {
        async fn begin(&self) -> Result<Box<dyn store::Tx>, StoreError> {
            Err(StoreError::Url)
        }

        async fn read(&self) -> Result<Box<dyn store::Tx>, StoreError> {
            Err(StoreError::Url)
        }

        async fn ping(&self) -> Result<(), StoreError> {
            Err(StoreError::Url)
        }
    }

    #[tokio::test]
    async fn shows_that_the_store_does_not_answer() {
        let process = Process::new(Arc::new(SystemClock));
        watch(Arc::new(Gone), &process);
        let waiting = async {
            while !process.metrics.encode().contains("dasvid_store_ping_seconds_count 1") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap();
        assert!(process.metrics.encode().contains("dasvid_store_up 0"));
        assert_eq!(process.ready.waiting_for(), ["store"]);
    }
}
