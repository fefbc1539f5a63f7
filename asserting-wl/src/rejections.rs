//! Refusals as figures and events: counted at once, told in one aggregated `assertion-rejected` event a reason and caller.
//!
//! A flood of bad tokens therefore costs a bounded number of rows, whoever sends it.

use std::sync::Arc;

use chassis::tally::{self, Tallies, Tally};
use chassis::{Clock, Metrics};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use serde_json::json;
use spiffe::SpiffeId;
use store::{Event, Moment, Store, StoreError};
use token::Timestamp;
use tokio_util::sync::CancellationToken;

/// The event's kind in the outbox.
pub const KIND: &str = "assertion-rejected";
/// Tallies kept between two writes; beyond it callers are not told apart.
const MAX_TALLIES: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    rule: &'static str,
}

/// A rule and, unless there are too many, a caller.
type Key = (&'static str, Option<String>);

/// The refusals since the last write.
pub struct Rejections {
    verifier: SpiffeId,
    counted: Family<Labels, Counter>,
    tallies: Tallies<Key>,
}

impl Rejections {
    /// Nothing has been refused yet; `verifier` is this workload.
    #[must_use]
    pub fn new(verifier: SpiffeId, metrics: &Metrics) -> Self {
        let counted = metrics.register("rejections", "Tokens and requests to mint refused, by rule", Family::default());
        Self { verifier, counted, tallies: Tallies::new(MAX_TALLIES) }
    }

    /// Counts a refusal; `rule` is one of a closed list.
    pub fn note(&self, rule: &'static str, caller: &SpiffeId, now: Timestamp) {
        self.counted.get_or_create(&Labels { rule }).inc();
        self.tallies.note((rule, Some(caller.to_string())), |(rule, _)| (rule, None), now);
    }

    /// Writes an event a tally; what cannot be written is kept for the next time.
    ///
    /// # Errors
    /// [`StoreError`] if nothing could be written.
    pub async fn flush(&self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        self.tallies.flush(store, |key, tally| self.event(key, tally, now)).await
    }

    /// Flushes every ten seconds, and a last time when `stop` is cancelled.
    pub async fn run(self: Arc<Self>, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        tally::regularly(stop, || self.flush(&*store, clock.now())).await;
    }

    fn event(&self, (rule, caller): &Key, tally: &Tally, now: Timestamp) -> Event {
        let whom = caller.clone().unwrap_or_else(|| self.verifier.trust_domain().id_string());
        let payload = json!({
            "rule": rule,
            "verifier": self.verifier.to_string(),
            "count": tally.count,
            "first_seen": tally.first.0,
            "last_seen": tally.last.0,
        });
        Event::new(KIND, json!({"format": "uri", "uri": whom}), payload, None, Moment::from_seconds(now.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejections() -> Rejections {
        Rejections::new(SpiffeId::new("spiffe://bank.example/asserting-wl").unwrap(), &Metrics::default())
    }

    fn caller(name: &str) -> SpiffeId {
        SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
    }

    async fn events(store: &dyn Store) -> Vec<Event> {
        let mut tx = store.begin().await.unwrap();
        tx.pending_events(1000).await.unwrap().into_iter().map(|pending| pending.event).collect()
    }

    #[tokio::test]
    async fn a_thousand_refusals_are_one_event() {
        let (rejections, store) = (rejections(), store::open("memory:").await.unwrap());
        for second in 0..1000 {
            rejections.note("oauth-signature", &caller("a"), Timestamp(100 + second));
        }
        rejections.flush(&*store, Timestamp(2000)).await.unwrap();
        rejections.flush(&*store, Timestamp(2001)).await.unwrap();
        let events = events(&*store).await;
        assert_eq!(events.len(), 1);
        assert_eq!(
            events[0].payload,
            json!({
                "rule": "oauth-signature", "verifier": "spiffe://bank.example/asserting-wl",
                "count": 1000, "first_seen": 100, "last_seen": 1099,
            })
        );
        assert_eq!(events[0].subject, json!({"format": "uri", "uri": "spiffe://bank.example/a"}));
    }

    #[tokio::test]
    async fn a_flood_of_callers_is_bounded() {
        let (rejections, store) = (rejections(), store::open("memory:").await.unwrap());
        for number in 0..1000 {
            rejections.note("oauth-issuer", &caller(&format!("c{number}")), Timestamp(100));
        }
        rejections.flush(&*store, Timestamp(2000)).await.unwrap();
        assert_eq!(events(&*store).await.len(), MAX_TALLIES + 1);
    }
}
