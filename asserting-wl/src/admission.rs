//! How much one caller may ask for: a token bucket and a number of requests at once, each per SPIFFE ID.
//!
//! The state is of this replica; it protects the process, it is not a quota.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use spiffe::SpiffeId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Callers remembered before those with a full bucket are forgotten.
const MANY_CALLERS: usize = 4096;

/// What one caller may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdmissionSettings {
    /// Requests a second in the long run.
    pub per_second: u32,
    /// Requests that may come at once after a pause.
    pub burst: u32,
    /// Requests being worked on at the same time.
    pub concurrent: u32,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self { per_second: 200, burst: 400, concurrent: 64 }
    }
}

/// A caller asks for more than it may.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdmissionError {
    /// Too many requests a second.
    #[error("too many requests; try again in {} s", .0.as_secs())]
    Rate(Duration),
    /// Too many requests at the same time.
    #[error("too many requests at the same time; try again in 1 s")]
    Concurrency,
}

impl AdmissionError {
    /// When to try again; whole seconds, at least one.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Rate(wait) => *wait,
            Self::Concurrency => Duration::from_secs(1),
        }
    }
}

/// Counts every caller's requests.
pub struct Admission {
    settings: AdmissionSettings,
    callers: Mutex<HashMap<SpiffeId, Caller>>,
}

struct Caller {
    tokens: f64,
    refilled: Instant,
    running: Arc<Semaphore>,
}

impl Admission {
    /// Nobody has asked for anything yet.
    #[must_use]
    pub fn new(settings: AdmissionSettings) -> Self {
        Self { settings, callers: Mutex::default() }
    }

    /// Counts one request of `caller`, for as long as the permit lives.
    ///
    /// # Errors
    /// [`AdmissionError`] if the caller has used up its rate or has too many requests running.
    pub fn admit(&self, caller: &SpiffeId, now: Instant) -> Result<OwnedSemaphorePermit, AdmissionError> {
        let burst = f64::from(self.settings.burst);
        let rate = f64::from(self.settings.per_second);
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MANY_CALLERS {
            callers.retain(|_, caller| caller.refilled_at(now, rate, burst) < burst);
        }
        let caller = callers.entry(caller.clone()).or_insert_with(|| Caller {
            tokens: burst,
            refilled: now,
            running: Arc::new(Semaphore::new(self.settings.concurrent as usize)),
        });
        caller.tokens = caller.refilled_at(now, rate, burst);
        caller.refilled = now;
        if caller.tokens < 1.0 {
            return Err(AdmissionError::Rate(wait(1.0 - caller.tokens, rate)));
        }
        let permit = Arc::clone(&caller.running).try_acquire_owned().map_err(|_| AdmissionError::Concurrency)?;
        caller.tokens -= 1.0;
        Ok(permit)
    }
}

impl Caller {
    fn refilled_at(&self, now: Instant, rate: f64, burst: f64) -> f64 {
        (self.tokens + now.saturating_duration_since(self.refilled).as_secs_f64() * rate).min(burst)
    }
}

/// The time to gather the missing part of a token, in whole seconds, for `Retry-After`.
fn wait(missing: f64, rate: f64) -> Duration {
    Duration::try_from_secs_f64((missing / rate).ceil().max(1.0)).unwrap_or(Duration::from_mins(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        Admission::new(AdmissionSettings { per_second: 1, burst: 2, concurrent: 2 })
    }

    fn caller(name: &str) -> SpiffeId {
        SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
    }

    #[test]
    fn refuses_a_caller_that_asks_too_often_and_nobody_else() {
        let (admission, now) = (admission(), Instant::now());
        for _ in 0..2 {
            drop(admission.admit(&caller("a"), now).unwrap());
        }
        assert_eq!(admission.admit(&caller("a"), now).unwrap_err(), AdmissionError::Rate(Duration::from_secs(1)));
        assert!(admission.admit(&caller("b"), now).is_ok());
        assert!(admission.admit(&caller("a"), now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn refuses_too_many_requests_at_once() {
        let (admission, now) = (admission(), Instant::now());
        let running: Vec<_> = (0..2).map(|_| admission.admit(&caller("a"), now).unwrap()).collect();
        let later = now + Duration::from_secs(9);
        assert_eq!(admission.admit(&caller("a"), later).unwrap_err(), AdmissionError::Concurrency);
        drop(running);
        assert!(admission.admit(&caller("a"), later).is_ok());
    }
}
