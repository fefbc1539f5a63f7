//! Counters and gauges, one registry a workload so that several workloads share a process without mixing.
//!
//! Names are `dasvid_<noun>_<unit>`; the prefix is added here.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::text;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry};

/// The media type of the text form (`OpenMetrics` 1.0).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every name begins with it.
const PREFIX: &str = "dasvid";

/// The registry of one workload.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    described: Mutex<Vec<Described>>,
    refreshers: Mutex<Vec<Refresher>>,
}

type Refresher = Box<dyn Fn() + Send + Sync>;

/// A metric that is registered, whether it has a value yet or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The name in a scrape, without the suffixes of a histogram.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// What it means.
    pub help: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Mutex::new(Registry::with_prefix(PREFIX));
        Self(Arc::new(Inner { registry, described: Mutex::default(), refreshers: Mutex::default() }))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Registers a metric as `dasvid_<name>` (counters get `_total` from the format) and hands it back.
    ///
    /// ```
    /// use prometheus_client::metrics::counter::Counter;
    /// let metrics = chassis::Metrics::default();
    /// let deposits: Counter = metrics.register("deposits", "Deposits booked", Counter::default());
    /// deposits.inc();
    /// assert!(metrics.encode().contains("dasvid_deposits_total 1"));
    /// ```
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        let kind = metric.metric_type();
        let suffix = if matches!(kind, MetricType::Counter) { "_total" } else { "" };
        let described = Described {
            name: format!("{PREFIX}_{name}{suffix}"),
            kind: kind.as_str().to_owned(),
            help: help.to_owned(),
        };
        lock(&self.0.described).push(described);
        lock(&self.0.registry).register(name, help, metric.clone());
        metric
    }

    /// Calls `refresh` before every scrape, for what is better looked up than kept: an age, a remaining life.
    pub fn before_each_scrape(&self, refresh: impl Fn() + Send + Sync + 'static) {
        lock(&self.0.refreshers).push(Box::new(refresh));
    }

    /// What is registered, in the order of registration.
    #[must_use]
    pub fn described(&self) -> Vec<Described> {
        lock(&self.0.described).clone()
    }

    /// All metrics in text form.
    #[must_use]
    pub fn encode(&self) -> String {
        lock(&self.0.refreshers).iter().for_each(|refresh| refresh());
        let registry = lock(&self.0.registry);
        let mut out = String::new();
        // Cannot fail: writing to a String does not.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

impl mesh::Registrar for Metrics {
    fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) {
        Self::register(self, name, help, metric);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;

    use super::*;

    #[test]
    fn two_workloads_do_not_share_metrics() {
        let (one, two) = (Metrics::default(), Metrics::default());
        one.register::<Counter>("chains", "Chains seen", Counter::default()).inc();
        assert!(one.encode().contains("dasvid_chains_total 1"));
        assert!(!two.encode().contains("dasvid_chains"));
    }

    #[test]
    fn what_is_registered_is_known_before_it_has_a_value() {
        let metrics = Metrics::default();
        metrics.register::<Counter>("chains", "Chains seen", Counter::default());
        let described =
            Described { name: "dasvid_chains_total".into(), kind: "counter".into(), help: "Chains seen".into() };
        assert_eq!(metrics.described(), [described]);
    }

    #[test]
    fn a_scrape_refreshes_what_is_looked_up() {
        let metrics = Metrics::default();
        let age: Gauge = metrics.register("age_seconds", "Age", Gauge::default());
        metrics.before_each_scrape(move || {
            age.inc();
        });
        assert!(metrics.encode().contains("dasvid_age_seconds 1"));
        assert!(metrics.encode().contains("dasvid_age_seconds 2"));
    }
}
