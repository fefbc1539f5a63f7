//! Whether a process is ready for traffic: a set of reasons why not, each held as a guard.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The reasons why a process is not ready; ready when there are none.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reasons: Mutex<BTreeMap<&'static str, usize>>,
    ready: watch::Sender<bool>,
}

/// One reason why a process is not ready. Drop it when the reason is gone.
#[derive(Debug)]
#[must_use = "the reason is gone as soon as the guard is dropped"]
pub struct Guard {
    readiness: Readiness,
    reason: &'static str,
}

impl Default for Readiness {
    fn default() -> Self {
        let (ready, _) = watch::channel(true);
        Self(Arc::new(Inner { reasons: Mutex::default(), ready }))
    }
}

impl Readiness {
    /// Makes the process not ready until the guard is dropped. `reason` names what it waits for, such as `identity`.
    pub fn guard(&self, reason: &'static str) -> Guard {
        let mut reasons = self.reasons();
        *reasons.entry(reason).or_default() += 1;
        self.0.ready.send_replace(false);
        drop(reasons);
        Guard { readiness: self.clone(), reason }
    }

    /// Whether the process takes traffic.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }

    /// What the process waits for, in alphabetical order.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<&'static str> {
        self.reasons().keys().copied().collect()
    }

    /// Returns as soon as the process is ready.
    pub async fn ready(&self) {
        let mut ready = self.0.ready.subscribe();
        // Cannot fail: `self` holds the sender.
        let _ = ready.wait_for(|ready| *ready).await;
    }

    /// Returns as soon as `reason` is the only one left, for whoever holds it and waits for all others.
    pub(crate) async fn all_but(&self, reason: &'static str) {
        let mut changes = self.0.ready.subscribe();
        while self.waiting_for().iter().any(|other| *other != reason) {
            // Cannot fail: `self` holds the sender.
            let _ = changes.changed().await;
        }
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.0.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut reasons = self.readiness.reasons();
        if let Some(count) = reasons.get_mut(self.reason) {
            *count -= 1;
            if *count == 0 {
                reasons.remove(self.reason);
            }
        }
        self.readiness.0.ready.send_replace(reasons.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_ready_when_the_last_guard_is_dropped() {
        let readiness = Readiness::default();
        assert!(readiness.is_ready());
        let identity = readiness.guard("identity");
        let keys = readiness.guard("keys");
        let keys_too = readiness.guard("keys");
        assert_eq!(readiness.waiting_for(), ["identity", "keys"]);
        drop(identity);
        drop(keys);
        assert_eq!(readiness.waiting_for(), ["keys"]);
        drop(keys_too);
        assert!(readiness.is_ready());
    }

    #[tokio::test]
    async fn a_process_can_become_unready_again() {
        let readiness = Readiness::default();
        let guard = readiness.guard("keys");
        let waits = tokio::spawn({
            let readiness = readiness.clone();
            async move { readiness.ready().await }
        });
        drop(guard);
        waits.await.unwrap();
        let _guard = readiness.guard("keys");
        assert!(!readiness.is_ready());
    }
}
