//! Counters and gauges, one registry a workload so that several workloads share a process without mixing.
//!
//! Names are `dasvid_<noun>_<unit>`; the prefix is added here.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text;
use prometheus_client::registry::{Metric, Registry};

/// The media type of the text form (`OpenMetrics` 1.0).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry of one workload.
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Default for Metrics {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Registry::with_prefix("dasvid"))))
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
        let mut registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(name, help, metric.clone());
        metric
    }

    /// All metrics in text form.
    #[must_use]
    pub fn encode(&self) -> String {
        let registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        // Cannot fail: writing to a String does not.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn two_workloads_do_not_share_metrics() {
        let (one, two) = (Metrics::default(), Metrics::default());
        one.register::<Counter>("chains", "Chains seen", Counter::default()).inc();
        assert!(one.encode().contains("dasvid_chains_total 1"));
        assert!(!two.encode().contains("dasvid_chains"));
    }
}
