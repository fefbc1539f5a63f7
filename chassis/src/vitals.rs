//! Metrics every process has: which version it is, since when it runs, whether it takes traffic.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::readiness::Readiness;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    version: &'static str,
}

pub(crate) fn register(metrics: &Metrics, ready: &Readiness, clock: &dyn Clock) {
    let build: Family<Labels, Gauge> =
        metrics.register("build_info", "Which version this is; always 1", Family::default());
    build.get_or_create(&Labels { version: env!("CARGO_PKG_VERSION") }).set(1);
    let since: Gauge = metrics.register("start_time_seconds", "When the process started, Unix time", Gauge::default());
    since.set(i64::try_from(clock.now().0).unwrap_or(i64::MAX));
    let takes: Gauge =
        metrics.register("ready", "1 while the process takes traffic, as /readyz says", Gauge::default());
    let ready = ready.clone();
    metrics.before_each_scrape(move || {
        takes.set(i64::from(ready.is_ready()));
    });
}
