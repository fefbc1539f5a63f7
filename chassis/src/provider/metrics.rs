//! How old the identity providers' keys are, and how often they could be fetched.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use token::Timestamp;

use super::Fetches;
use crate::clock::Clock;
use crate::metrics::Metrics;

/// The metrics of all identity providers of a process. Make it once: the metrics have fixed names.
#[derive(Clone)]
pub struct ProviderMetrics {
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    ages: Family<Labels, Gauge>,
    fetches: Family<FetchLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    issuer: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FetchLabels {
    issuer: String,
    outcome: &'static str,
}

impl ProviderMetrics {
    /// Registers them.
    #[must_use]
    pub fn new(metrics: &Metrics, clock: Arc<dyn Clock>) -> Self {
        let ages = "Seconds since an identity provider's keys were fetched; -1 before they were";
        let fetches = "How often an identity provider was asked for its keys";
        Self {
            ages: metrics.register("provider_keys_age_seconds", ages, Family::default()),
            fetches: metrics.register("provider_fetches", fetches, Family::default()),
            metrics: metrics.clone(),
            clock,
        }
    }

    pub(super) fn fetches(&self, issuer: &str) -> Fetches {
        let counter = |outcome| {
            let labels = FetchLabels { issuer: issuer.to_owned(), outcome };
            self.fetches.get_or_create(&labels).clone()
        };
        Fetches { done: counter("done"), failed: counter("failed") }
    }

    pub(super) fn age(&self, issuer: &str, fetched: impl Fn() -> Option<Timestamp> + Send + Sync + 'static) {
        let gauge = self.ages.get_or_create(&Labels { issuer: issuer.to_owned() }).clone();
        let clock = Arc::clone(&self.clock);
        self.metrics.before_each_scrape(move || {
            let age = |at| i64::try_from(clock.now().since(at)).unwrap_or(i64::MAX);
            gauge.set(fetched().map_or(-1, age));
        });
    }
}

impl std::fmt::Debug for ProviderMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderMetrics").finish_non_exhaustive()
    }
}
