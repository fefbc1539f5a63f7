//! A fetcher against sources that keep, lie, fall silent and are away.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use spiffe::{SpiffeId, TrustDomain};
use token::certificates::CertificateError;
use token::encoding::Digest;
use token::{Bundles, SignerChain, Timestamp};

use super::*;
use crate::trust::{Pace as TrustPace, TrustStore};
use crate::{MockClock, Process};

/// 2027-01-15 08:00 UTC.
const NOW: Timestamp = Timestamp(1_800_000_000);

fn peer(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

/// What `/certs` does.
#[derive(Clone)]
enum Answer {
    Keeps(Vec<u8>),
    Nothing,
    Status(StatusCode),
    Silence,
}

struct Source {
    answers: HashMap<Digest, Answer>,
    otherwise: Answer,
    asked: AtomicUsize,
}

#[async_trait]
impl CertificateSource for Arc<Source> {
    async fn fetch(&self, x5t: Digest) -> Result<Option<Bytes>, SourceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        match self.answers.get(&x5t).unwrap_or(&self.otherwise) {
            Answer::Keeps(text) => Ok(Some(text.clone().into())),
            Answer::Nothing => Ok(None),
            Answer::Status(status) => Err(SourceError::Status(*status)),
            Answer::Silence => std::future::pending().await,
        }
    }
}

/// A CA and what it certifies.
struct Ca {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2028, 1, 1);
        params.distinguished_name.push(DnType::CommonName, "CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key) }
    }

    fn svid(&self) -> SignerChain {
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 2, 1);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = vec![SanType::URI("spiffe://bank.example/hop".try_into().unwrap())];
        let der = params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().to_vec();
        SignerChain::new(vec![der]).unwrap()
    }
}

/// A fetcher, what it asks, and three certificates that lead to its bundle.
struct Fixture {
    fetcher: Fetcher,
    source: Arc<Source>,
    process: Process,
    known: Vec<SignerChain>,
}

impl Fixture {
    /// Each of the certificates is answered with what `answer` makes of all of them.
    fn new(answer: impl Fn(usize, &[SignerChain]) -> Answer) -> Self {
        Self::pacing(Pace { patience: Duration::from_millis(200), ..Pace::default() }, answer)
    }

    fn pacing(pace: Pace, answer: impl Fn(usize, &[SignerChain]) -> Answer) -> Self {
        let ca = Ca::new();
        let known: Vec<_> = (0..3).map(|_| ca.svid()).collect();
        let answers = known.iter().enumerate().map(|(index, chain)| (chain.x5t(), answer(index, &known))).collect();
        let source = Arc::new(Source { answers, otherwise: Answer::Nothing, asked: AtomicUsize::new(0) });
        let process = Process::new(Arc::new(MockClock::new(NOW)));
        let mut bundles = Bundles::default();
        bundles.insert(TrustDomain::new("bank.example").unwrap(), [&ca.der]);
        let trust = TrustStore::with_sources(bundles, HashMap::new(), TrustPace::default(), &process);
        let fetcher = Fetcher::new(Box::new(source.clone()), trust, pace, &process);
        Self { fetcher, source, process, known }
    }

    async fn get(&self, index: usize) -> Result<Digest, CertificateError> {
        let x5t = self.known[index].x5t();
        Ok(self.fetcher.get(x5t, &peer("a")).await?.x5t())
    }

    fn asked(&self) -> usize {
        self.source.asked.load(Ordering::SeqCst)
    }
}

fn pem(chain: &SignerChain) -> Answer {
    Answer::Keeps(chain.to_pem().into_bytes())
}

fn honest(index: usize, all: &[SignerChain]) -> Answer {
    pem(&all[index])
}

#[tokio::test]
async fn a_certificate_is_asked_for_once_whoever_wants_it() {
    let fixture = Fixture::new(honest);
    let x5t = fixture.known[0].x5t();
    let (a, b) = (peer("a"), peer("b"));
    let (first, second, third) =
        tokio::join!(fixture.fetcher.get(x5t, &a), fixture.fetcher.get(x5t, &b), fixture.fetcher.get(x5t, &b));
    assert_eq!([first, second, third].map(|got| got.unwrap().x5t()), [x5t; 3]);
    assert_eq!(fixture.get(0).await, Ok(x5t));
    assert_eq!(fixture.asked(), 1, "one in flight, then remembered");
    assert!(fixture.process.metrics.encode().contains(r#"dasvid_certificate_fetches_total{outcome="kept"} 1"#));
}

#[tokio::test]
async fn a_hash_nobody_keeps_is_not_asked_for_again_for_a_while() {
    let pace = Pace { absent: Duration::from_millis(150), ..Pace::default() };
    let fixture = Fixture::pacing(pace, |_, _| Answer::Nothing);
    for _ in 0..50 {
        assert_eq!(fixture.get(0).await, Err(CertificateError::NotKept));
    }
    assert_eq!(fixture.asked(), 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(fixture.get(0).await, Err(CertificateError::NotKept));
    assert_eq!(fixture.asked(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_hashes_by_one_peer_is_bounded_and_bothers_nobody_else() {
    let fixture = Fixture::new(honest);
    let begun = std::time::Instant::now();
    let mut refused = 0;
    for number in 0..1000_u32 {
        match fixture.fetcher.get(Digest::of(number.to_be_bytes()), &peer("flood")).await {
            Err(CertificateError::TooOften) => refused += 1,
            other => assert_eq!(other.map(|chain| chain.x5t()), Err(CertificateError::NotKept)),
        }
    }
    let allowed = 17 + 10 * (1 + usize::try_from(begun.elapsed().as_secs()).unwrap());
    assert!(fixture.asked() <= allowed, "{} asked", fixture.asked());
    assert_eq!(refused, 1000 - fixture.asked());
    assert!(fixture.fetcher.get(fixture.known[0].x5t(), &peer("victim")).await.is_ok());
}

#[tokio::test]
async fn what_is_known_costs_a_flooding_peer_nothing() {
    let fixture = Fixture::new(honest);
    assert!(fixture.get(0).await.is_ok());
    for number in 0..100_u32 {
        let _refused = fixture.fetcher.get(Digest::of(number.to_be_bytes()), &peer("a")).await;
    }
    assert!(fixture.get(0).await.is_ok());
    assert_eq!(fixture.get(1).await, Err(CertificateError::TooOften));
}

#[tokio::test]
async fn refuses_another_certificate_than_was_asked_for() {
    let fixture = Fixture::new(|index, all| pem(&all[(index + 1) % 3]));
    for index in 0..3 {
        assert_eq!(fixture.get(index).await, Err(CertificateError::NotThat));
    }
    assert_eq!(fixture.get(0).await, Err(CertificateError::NotThat));
    assert_eq!(fixture.asked(), 3, "the lie is remembered");
}

#[tokio::test]
async fn refuses_garbage_and_what_is_too_long() {
    let fixture = Fixture::new(|index, all| match index {
        0 => Answer::Keeps(b"\xff\x00garbage".to_vec()),
        1 => Answer::Keeps(format!("{}{}", all[1].to_pem(), "#".repeat(16 * 1024)).into_bytes()),
        _ => Answer::Keeps(Vec::new()),
    });
    for index in 0..3 {
        assert_eq!(fixture.get(index).await, Err(CertificateError::NotThat), "{index}");
    }
}

#[tokio::test]
async fn a_slow_or_failing_asserter_is_given_up_and_asked_again_soon() {
    let pace = Pace { patience: Duration::from_millis(50), away: Duration::from_millis(100), ..Pace::default() };
    let fixture = Fixture::pacing(pace, |index, _| match index {
        0 => Answer::Silence,
        _ => Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
    });
    let begun = std::time::Instant::now();
    assert_eq!(fixture.get(0).await, Err(CertificateError::Unreachable));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(fixture.get(1).await, Err(CertificateError::Unreachable));
    assert_eq!(fixture.get(1).await, Err(CertificateError::Unreachable));
    assert_eq!(fixture.asked(), 2);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(fixture.get(1).await, Err(CertificateError::Unreachable));
    assert_eq!(fixture.asked(), 3);
}

#[tokio::test]
async fn refuses_a_certificate_that_leads_to_no_bundle_and_remembers_neither() {
    let stranger = Ca::new().svid();
    let x5t = stranger.x5t();
    let mut fixture = Fixture::new(honest);
    let answers = HashMap::from([(x5t, pem(&stranger))]);
    let source = Arc::new(Source { answers, otherwise: Answer::Nothing, asked: AtomicUsize::new(0) });
    let process = Process::new(Arc::new(MockClock::new(NOW)));
    let trust = TrustStore::with_sources(Bundles::default(), HashMap::new(), TrustPace::default(), &process);
    fixture.fetcher = Fetcher::new(Box::new(source.clone()), trust, Pace::default(), &process);
    for asked in 1..=2 {
        let got = fixture.fetcher.get(x5t, &peer("a")).await.map(|chain| chain.x5t());
        assert_eq!(got, Err(CertificateError::NotThat));
        assert_eq!(source.asked.load(Ordering::SeqCst), asked);
    }
}

#[tokio::test]
async fn an_asker_that_leaves_takes_nobody_with_it() {
    let fixture = Fixture::new(honest);
    let x5t = fixture.known[0].x5t();
    let (a, b) = (peer("a"), peer("b"));
    let leaving = tokio::time::timeout(Duration::from_millis(1), fixture.fetcher.get(x5t, &a));
    let (left, stayed) = tokio::join!(leaving, fixture.fetcher.get(x5t, &b));
    assert!(left.is_err());
    assert!(stayed.is_ok());
}
