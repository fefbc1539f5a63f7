//! How often one peer's chains may make this process ask for certificates: a token bucket a SPIFFE ID.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use spiffe::SpiffeId;

/// Certificates asked for a second in the long run on behalf of one peer.
pub const PER_SECOND: u32 = 10;
/// Certificates asked for at once: as many as the longest chain names.
pub const BURST: u32 = 17;
/// Peers remembered before those who have waited long enough are forgotten.
const MANY: usize = 4096;

/// Counts what each peer makes this process ask for.
#[derive(Debug, Default)]
pub(super) struct PeerLimit(Mutex<HashMap<SpiffeId, Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl PeerLimit {
    /// Counts one request on behalf of `peer`, unless it had too many.
    pub(super) fn admits(&self, peer: &SpiffeId, now: Instant) -> bool {
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MANY {
            peers.retain(|_, bucket| bucket.at(now) < f64::from(BURST));
        }
        let bucket = peers.entry(peer.clone()).or_insert_with(|| Bucket { tokens: f64::from(BURST), filled: now });
        *bucket = Bucket { tokens: bucket.at(now), filled: now };
        let admits = bucket.tokens >= 1.0;
        if admits {
            bucket.tokens -= 1.0;
        }
        admits
    }
}

impl Bucket {
    fn at(&self, now: Instant) -> f64 {
        let waited = now.saturating_duration_since(self.filled).as_secs_f64();
        (self.tokens + waited * f64::from(PER_SECOND)).min(f64::from(BURST))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_peer_that_asks_too_often_waits_and_nobody_else_does() {
        let id = |name: &str| SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap();
        let (limit, now) = (PeerLimit::default(), Instant::now());
        let admitted = |peer: &str, at| (0..100).filter(|_| limit.admits(&id(peer), at)).count();
        assert_eq!(admitted("a", now), 17);
        assert_eq!(admitted("b", now), 17);
        assert_eq!(admitted("a", now + Duration::from_secs(1)), 10);
        assert_eq!(admitted("a", now + Duration::from_mins(1)), 17);
    }

    #[test]
    fn peers_who_waited_long_enough_are_forgotten() {
        let (limit, now) = (PeerLimit::default(), Instant::now());
        for number in 0..MANY {
            assert!(limit.admits(&SpiffeId::new(format!("spiffe://bank.example/{number}")).unwrap(), now));
        }
        let later = now + Duration::from_secs(2);
        assert!(limit.admits(&SpiffeId::new("spiffe://bank.example/new").unwrap(), later));
        assert_eq!(limit.0.lock().unwrap().len(), 1);
    }
}
