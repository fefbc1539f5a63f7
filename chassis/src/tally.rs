//! What happens often and is told seldom: counted by kind, and written as one event a kind.
//!
//! A flood therefore costs a bounded number of rows, whoever sends it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::{Event, Store, StoreError, retry};
use token::Timestamp;
use tokio_util::sync::CancellationToken;

/// How often tallies become events.
const INTERVAL: Duration = Duration::from_secs(10);

/// How often one kind of thing happened, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// When it was first seen.
    pub first: Timestamp,
    /// When it was last seen.
    pub last: Timestamp,
}

/// What happened since the last write, by kind.
#[derive(Debug)]
pub struct Tallies<K> {
    max: usize,
    open: Mutex<BTreeMap<K, Tally>>,
}

impl<K: Ord + Send + Sync> Tallies<K> {
    /// Nothing has happened yet. At most `max` kinds are told apart between two writes.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { max, open: Mutex::new(BTreeMap::new()) }
    }

    /// Counts one more; `crowd` makes the kind it counts as when there are too many to tell apart.
    pub fn note(&self, kind: K, crowd: impl FnOnce(K) -> K, now: Timestamp) {
        let mut open = self.open();
        let kind = if open.len() >= self.max && !open.contains_key(&kind) { crowd(kind) } else { kind };
        let tally = open.entry(kind).or_insert(Tally { count: 0, first: now, last: now });
        tally.count += 1;
        tally.last = now;
    }

    /// Writes an event a kind in one transaction; what cannot be written is kept for the next time.
    ///
    /// # Errors
    /// [`StoreError`] if nothing could be written.
    pub async fn flush(
        &self,
        store: &dyn Store,
        event: impl Fn(&K, &Tally) -> Event + Send + Sync,
    ) -> Result<(), StoreError> {
        let taken = std::mem::take(&mut *self.open());
        if taken.is_empty() {
            return Ok(());
        }
        let events: Vec<_> = taken.iter().map(|(kind, tally)| event(kind, tally)).collect();
        let written = retry(|| write(store, &events)).await;
        if written.is_err() {
            self.keep(taken);
        }
        written
    }

    fn keep(&self, taken: BTreeMap<K, Tally>) {
        let mut open = self.open();
        for (kind, tally) in taken {
            let kept = open.entry(kind).or_insert(Tally { count: 0, ..tally });
            kept.count += tally.count;
            kept.first = kept.first.min(tally.first);
            kept.last = kept.last.max(tally.last);
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<K, Tally>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(store: &dyn Store, events: &[Event]) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for event in events {
        tx.emit(event).await?;
    }
    tx.commit().await
}

/// Calls `flush` every ten seconds, and a last time when `stop` is cancelled.
pub async fn regularly<F>(stop: CancellationToken, flush: impl Fn() -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    loop {
        let stopped = tokio::time::timeout(INTERVAL, stop.cancelled()).await.is_ok();
        if let Err(error) = flush().await {
            tracing::warn!(%error, "what was tallied could not be recorded");
        }
        if stopped {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::Moment;

    use super::*;

    fn event(kind: &&'static str, tally: &Tally) -> Event {
        let payload = json!([kind, tally.count, tally.first.0, tally.last.0]);
        Event::new("tally", json!({}), payload, None, Moment::from_seconds(0))
    }

    async fn told(tallies: &Tallies<&'static str>) -> Vec<serde_json::Value> {
        let store = store::open("memory:").await.unwrap();
        tallies.flush(&*store, event).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        tx.pending_events(100).await.unwrap().into_iter().map(|pending| pending.event.payload).collect()
    }

    #[tokio::test]
    async fn a_crowd_is_one_kind() {
        let tallies = Tallies::new(2);
        for (second, kind) in (1..).zip(["a", "b", "c", "d", "a"]) {
            tallies.note(kind, |_| "others", Timestamp(second));
        }
        assert_eq!(told(&tallies).await, [json!(["a", 2, 1, 5]), json!(["b", 1, 2, 2]), json!(["others", 2, 3, 4])]);
        assert!(told(&tallies).await.is_empty(), "told once");
    }

    #[tokio::test]
    async fn what_could_not_be_written_is_kept() {
        let tallies = Tallies::new(2);
        tallies.note("a", |_| "others", Timestamp(100));
        let full = store::open("memory:").await.unwrap();
        // An event whose transaction cannot be written.
        let reader = ReadOnly(full);
        assert!(tallies.flush(&reader, event).await.is_err());
        tallies.note("a", |_| "others", Timestamp(110));
        assert_eq!(told(&tallies).await, [json!(["a", 2, 100, 110])]);
    }

    /// A store whose transactions refuse to write.
    #[derive(Debug)]
    struct ReadOnly(std::sync::Arc<dyn Store>);

    #[crate::async_trait]
    impl Store for ReadOnly {
        async fn begin(&self) -> Result<Box<dyn store::Tx>, StoreError> {
            self.0.read().await
        }

        async fn read(&self) -> Result<Box<dyn store::Tx>, StoreError> {
            self.0.read().await
        }

        async fn ping(&self) -> Result<(), StoreError> {
            self.0.ping().await
        }
    }
}
