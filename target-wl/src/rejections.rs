//! Refusals as events: tallied by rule, peer and token, and written once an interval.
//!
//! A flood of bad chains costs a bounded number of rows, whoever sends it.

use std::sync::Arc;

use chassis::gate::{EventSink, Rejection, Root};
use chassis::tally::{self, Tallies, Tally};
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

/// The refusals since the last write.
#[derive(Debug)]
pub struct Rejections {
    verifier: SpiffeId,
    tallies: Tallies<Key>,
}

impl Rejections {
    /// Nothing has been refused yet; `verifier` is this workload.
    #[must_use]
    pub fn new(verifier: SpiffeId) -> Self {
        Self { verifier, tallies: Tallies::new(MAX_TALLIES) }
    }

    /// Counts a refusal.
    pub fn note(&self, rule: Rule, segment: Option<usize>, peer: &SpiffeId, root: Option<&Root>, now: Timestamp) {
        let root = root.map(|root| (root.iss.clone(), root.jti.clone(), root.txn.clone()));
        let key = Key { rule, segment, peer: Some(peer.clone()), root };
        self.tallies.note(key, |key| Key { rule: key.rule, segment: None, peer: None, root: None }, now);
    }

    /// Writes an event a tally; what cannot be written is kept for the next time.
    ///
    /// # Errors
    /// [`StoreError`] if nothing could be written.
    pub async fn flush(&self, store: &dyn Store, now: Moment) -> Result<(), StoreError> {
        self.tallies.flush(store, |key, tally| self.event(key, tally, now)).await
    }

    /// Flushes every ten seconds, and a last time when `stop` is cancelled.
    pub async fn run(self: Arc<Self>, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        tally::regularly(stop, || self.flush(&*store, clock.moment())).await;
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
}

#[async_trait]
impl EventSink for Rejections {
    async fn rejected(&self, rejection: &Rejection) {
        self.note(rejection.rule, rejection.segment, &rejection.peer, rejection.root.as_ref(), rejection.occurred_at);
    }
}

#[cfg(test)]
mod tests;
