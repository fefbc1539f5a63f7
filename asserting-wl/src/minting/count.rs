//! How many DA-SVIDs were made, and how many not.

use chassis::{Metrics, Problem as _};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use token::Mode;

use super::MintError;

/// Counts requests to mint by mode and outcome.
#[derive(Clone, Debug)]
pub struct MintCounter(Family<Labels, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    mode: &'static str,
    outcome: &'static str,
}

impl MintCounter {
    /// Registers the counter.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let help = "Requests to mint: minted, refused (the caller's or the token's fault) or failed (ours)";
        Self(metrics.register("mints", help, Family::default()))
    }

    pub(super) fn count(&self, mode: Mode, error: Option<&MintError>) {
        let outcome = match error {
            None => "minted",
            Some(error) if error.kind().status().is_server_error() => "failed",
            Some(_) => "refused",
        };
        self.0.get_or_create(&Labels { mode: mode.name(), outcome }).inc();
    }
}
