//! Exchanges that last are checked again: what was revoked meanwhile ends in the middle of its stream.

use std::{sync::Arc, time::Duration};

use chassis::Clock;
use token::{Chain, Revocations, Verified};
use tokio::task::AbortHandle;

use crate::exchange::{Ended, Exchange};

/// How long an exchange runs before, and between, checks (tokens.md, rule 11).
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

/// Watches one exchange until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(AbortHandle);

impl Watch {
    /// Starts to check `chain` every `interval`, and ends `exchange` when it is revoked.
    pub(crate) fn start(
        chain: Verified<Chain>,
        revocations: Arc<dyn Revocations>,
        clock: Arc<dyn Clock>,
        exchange: Exchange,
        interval: Duration,
    ) -> Self {
        let recheck = move || chain.recheck(revocations.as_ref(), clock.now()).is_ok();
        Self(tokio::spawn(run(recheck, exchange, interval)).abort_handle())
    }
}

async fn run(holds: impl Fn() -> bool, exchange: Exchange, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        if !holds() {
            exchange.end(Ended::Revoked);
            return;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn ends_an_exchange_whose_chain_is_revoked_meanwhile() {
        let (checks, exchange) = (AtomicUsize::new(0), Exchange::default());
        run(|| checks.fetch_add(1, Ordering::Relaxed) < 2, exchange.clone(), Duration::from_millis(2)).await;
        assert_eq!(exchange.reason(), Some(Ended::Revoked));
        assert_eq!(checks.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn stops_when_the_exchange_is_over() {
        let exchange = Exchange::default();
        let task = tokio::spawn(run(|| false, exchange.clone(), Duration::from_millis(20)));
        drop(Watch(task.abort_handle()));
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(exchange.reason(), None);
    }
}
