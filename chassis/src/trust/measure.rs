//! How old what is believed is, as metrics.

use std::sync::{Arc, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::TrustStore;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    asserter: String,
}

/// Registers the ages, which are looked up at every scrape.
pub(super) fn ages(store: &TrustStore) {
    let metrics = &store.0.process.metrics;
    let keys = "Seconds since an asserter's keys were fetched; -1 while there are none to believe";
    let keys: Family<Labels, Gauge> = metrics.register("asserter_keys_age_seconds", keys, Family::default());
    let bundles = "Seconds since the trust bundles last changed";
    let bundles: Gauge = metrics.register("bundle_age_seconds", bundles, Gauge::default());
    // The store holds the metrics already.
    let store = Arc::downgrade(&store.0);
    metrics.before_each_scrape(move || {
        let Some(store) = store.upgrade() else { return };
        let now = store.process.clock.now();
        let age = |since| i64::try_from(now.since(since)).unwrap_or(i64::MAX);
        for (id, asserter) in &store.asserters {
            let age = asserter.state().fetched.map_or(-1, age);
            keys.get_or_create(&Labels { asserter: id.to_string() }).set(age);
        }
        bundles.set(age(*store.changed.lock().unwrap_or_else(PoisonError::into_inner)));
    });
}
