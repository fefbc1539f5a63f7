//! Refusals as events: tallied by rule, peer and token, and written once an interval.
//!
//! A flood of bad chains costs a bounded number of rows, whoever sends it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::gate::{EventSink, Rejection, Root};
use chassis::{Clock, async_trait};
use serde_json::{Value, json};
use spiffe::SpiffeId;
use store::{Event, Moment, Store, StoreError};
use token::{Rule, Timestamp};
use tokio_util::sync::CancellationToken;

/// The kind of the event that tells of refused chains.
pub const REJECTED: &str = "assertion-rejected";
/// The kind of the event that tells of chains used twice.
pub const REPLAYED: &str = "replay-detected";
/// How often tallies become events.
const INTERVAL: Duration = Duration::from_secs(10);
/// Tallies kept between two writes; beyond it peers and tokens are not told apart.
const MAX_TALLIES: usize = 64;

/// What refusals have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rule: Rule,
    segment: Option<usize>,
    /// Absent when there are too many to tell apart.
    peer: Option<SpiffeId>,
    /// The root's `iss`, `jti` and `txn`, if its signature was good.
    root: Option<(SpiffeId, String, String)>,
}

#[derive(Clone, Copy, Debug)]
struct Tally {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

/// The refusals since the last write.
#[derive(Debug)]
pub struct Rejections {
    verifier: SpiffeId,
    tallies: Mutex<BTreeMap<Key, Tally>>,
}

impl Rejections {
    /// Nothing has been refused yet; `verifier` is this workload.
    #[must_use]
    pub fn new(verifier: SpiffeId) -> Self {
        Self { verifier, tallies: Mutex::default() }
    }

    /// Counts a refusal.
    pub fn note(&self, rule: Rule, segment: Option<usize>, peer: &SpiffeId, root: Option<&Root>, now: Timestamp) {
        let root = root.map(|root| (root.iss.clone(), root.jti.clone(), root.txn.clone()));
        let mut key = Key { rule, segment, peer: Some(peer.clone()), root };
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() >= MAX_TALLIES && !tallies.contains_key(&key) {
            key = Key { rule, segment: None, peer: None, root: None };
        }
        let tally = tallies.entry(key).or_insert(Tally { count: 0, first: now, last: now });
        tally.count += 1;
        tally.last = now;
    }

    /// Writes an event a tally; what cannot be written is kept for the next time.
    ///
    /// # Errors
    /// [`StoreError`] if nothing could be written.
    pub async fn flush(&self, store: &dyn Store, now: Moment) -> Result<(), StoreError> {
        let tallies = std::mem::take(&mut *self.tallies.lock().unwrap_or_else(PoisonError::into_inner));
        if tallies.is_empty() {
            return Ok(());
        }
        let written = self.write(store, &tallies, now).await;
        if written.is_err() {
            self.keep(tallies);
        }
        written
    }

    /// Flushes every ten seconds, and a last time when `stop` is cancelled.
    pub async fn run(self: Arc<Self>, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        loop {
            let stopped = tokio::time::timeout(INTERVAL, stop.cancelled()).await.is_ok();
            if let Err(error) = self.flush(&*store, clock.moment()).await {
                tracing::warn!(%error, "refusals were not recorded");
            }
            if stopped {
                return;
            }
        }
    }

    async fn write(&self, store: &dyn Store, tallies: &BTreeMap<Key, Tally>, now: Moment) -> Result<(), StoreError> {
        let mut tx = store.begin().await?;
        for (key, tally) in tallies {
            tx.emit(&self.event(key, tally, now)).await?;
        }
        tx.commit().await
    }

    fn event(&self, key: &Key, tally: &Tally, now: Moment) -> Event {
        let kind = if key.rule == Rule::Once { REPLAYED } else { REJECTED };
        let payload = json!({
            "rule": key.rule.name(),
            "segment": key.segment,
            "verifier": self.verifier.to_string(),
            "peer": key.peer.as_ref().map(ToString::to_string),
            "count": tally.count,
            "first_seen": tally.first.0,
            "last_seen": tally.last.0,
        });
        let txn = key.root.as_ref().map(|(_, _, txn)| txn.clone());
        Event::new(kind, self.subject(key), payload, txn, now)
    }

    /// The token if it is genuine, else whoever brought it.
    fn subject(&self, key: &Key) -> Value {
        match (&key.root, &key.peer) {
            (Some((iss, jti, _)), _) => json!({"format": "jwt_id", "iss": iss.to_string(), "jti": jti}),
            (None, Some(peer)) => json!({"format": "uri", "uri": peer.to_string()}),
            (None, None) => json!({"format": "uri", "uri": self.verifier.trust_domain().id_string()}),
        }
    }

    fn keep(&self, tallies: BTreeMap<Key, Tally>) {
        let mut current = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, tally) in tallies {
            let kept = current.entry(key).or_insert(Tally { count: 0, ..tally });
            kept.count += tally.count;
            kept.first = kept.first.min(tally.first);
            kept.last = kept.last.max(tally.last);
        }
    }
}

#[async_trait]
impl EventSink for Rejections {
    async fn rejected(&self, rejection: &Rejection) {
        self.note(rejection.rule, rejection.segment, &rejection.peer, rejection.root.as_ref(), rejection.occurred_at);
    }
}

#[cfg(test)]
mod tests;
