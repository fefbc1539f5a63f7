//! Keys that come late, change, fail and grow old.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use sha2::{Digest, Sha256};

use super::*;
use crate::MockClock;

/// A key set with one ristretto255 key, the base point.
const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"ristretto255","alg":"SCHOCO-R255","use":"sig","x":"4vKuCmq-bE4xqHEVwmCeKlMJVgqOvLXqgrYtpc4tLXY"}]}"#;

#[derive(Clone, Default)]
struct Fake(Arc<FakeState>);

#[derive(Default)]
struct FakeState {
    fetches: AtomicUsize,
    answer: Mutex<Option<Bytes>>,
}

impl Fake {
    fn answers(&self, jwks: Option<&str>) {
        *self.0.answer.lock().unwrap() = jwks.map(|text| Bytes::copy_from_slice(text.as_bytes()));
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySource for Fake {
    async fn fetch(&self) -> Result<Bytes, KeyError> {
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        self.0.answer.lock().unwrap().clone().ok_or(KeyError::Status(StatusCode::SERVICE_UNAVAILABLE))
    }
}

/// A minute is a few milliseconds here; an hour stays an hour, of the mock clock.
const PACE: Pace = Pace {
    refresh: Duration::from_millis(5),
    patience: Duration::from_millis(500),
    retry: Duration::from_millis(5),
    stale: Duration::from_hours(1),
};

/// Time for several fetches at [`PACE`].
async fn several_fetches(fake: &Fake) {
    let until = fake.fetches() + 4;
    while fake.fetches() < until {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn asserter() -> SpiffeId {
    SpiffeId::new("spiffe://bank.example/asserting-wl").unwrap()
}

fn keyset() -> String {
    let parsed: serde_json::Value = serde_json::from_str(JWKS).unwrap();
    let x = parsed["keys"][0]["x"].as_str().unwrap();
    let member = format!(r#"{{"crv":"ristretto255","kty":"OKP","x":"{x}"}}"#);
    let kid = token::encoding::base64url(&Sha256::digest(member.as_bytes()));
    let mut set = parsed.clone();
    set["keys"][0]["kid"] = kid.into();
    set.to_string()
}

fn start(fake: &Fake) -> (TrustStore, Process, Arc<MockClock>) {
    start_at(fake, PACE)
}

fn start_at(fake: &Fake, pace: Pace) -> (TrustStore, Process, Arc<MockClock>) {
    let clock = Arc::new(MockClock::new(Timestamp(1_000_000)));
    let process = Process::new(clock.clone());
    let sources = HashMap::from([(asserter(), Box::new(fake.clone()) as Box<dyn KeySource>)]);
    (TrustStore::with_sources(Bundles::default(), sources, pace, &process), process, clock)
}

#[tokio::test]
async fn readiness_waits_for_an_asserter_that_starts_late() {
    let fake = Fake::default();
    let (store, process, _) = start(&fake);
    several_fetches(&fake).await;
    assert_eq!(process.ready.waiting_for(), ["asserter's keys"]);
    fake.answers(Some(&keyset()));
    process.ready.ready().await;
    assert_eq!(store.snapshot().keys[&asserter()].len(), 1);
}

#[tokio::test]
async fn keeps_the_keys_it_has_when_an_answer_is_broken() {
    let fake = Fake::default();
    fake.answers(Some(&keyset()));
    let (store, process, _) = start(&fake);
    process.ready.ready().await;
    for broken in ["", "{}", r#"{"keys":[]}"#, "<html>"] {
        fake.answers(Some(broken));
        several_fetches(&fake).await;
        assert_eq!(store.snapshot().keys[&asserter()].len(), 1, "{broken}");
    }
    assert!(process.ready.is_ready());
}

#[tokio::test]
async fn drops_keys_that_were_not_refreshed_for_an_hour() {
    let fake = Fake::default();
    fake.answers(Some(&keyset()));
    let (store, process, clock) = start(&fake);
    process.ready.ready().await;
    fake.answers(None);
    clock.advance(Duration::from_secs(3599));
    several_fetches(&fake).await;
    assert!(process.ready.is_ready());
    clock.advance(Duration::from_secs(1));
    several_fetches(&fake).await;
    assert!(!store.snapshot().keys.contains_key(&asserter()));
    assert_eq!(process.ready.waiting_for(), ["asserter's keys"]);
    fake.answers(Some(&keyset()));
    process.ready.ready().await;
    assert!(store.snapshot().keys.contains_key(&asserter()));
}

#[tokio::test]
async fn an_unknown_key_refreshes_at_most_once_in_a_while() {
    let fake = Fake::default();
    fake.answers(Some(&keyset()));
    let (store, process, _) = start_at(&fake, Pace { refresh: Duration::from_hours(1), ..PACE });
    process.ready.ready().await;
    assert!(!store.refresh_for(&asserter()).await);
    tokio::time::sleep(PACE.patience).await;
    assert!(store.refresh_for(&asserter()).await);
    for _ in 0..100 {
        assert!(!store.refresh_for(&asserter()).await);
    }
    assert_eq!(fake.fetches(), 2);
}

#[tokio::test]
async fn nothing_is_fetched_for_an_asserter_that_is_not_listed() {
    let fake = Fake::default();
    let (store, _, _) = start(&fake);
    assert!(!store.refresh_for(&SpiffeId::new("spiffe://evil.example/asserting-wl").unwrap()).await);
}

#[tokio::test]
async fn stops_with_the_process() {
    let (_, process, _) = start(&Fake::default());
    assert!(process.shut_down(Duration::from_secs(1)).await);
}
