//! What a gate answers, counts and reports.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body as HttpBody;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use crypto::jose::{Algorithm, JwkMembers, SigningKey};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use token::claims::{RootClaims, TokenId};
use token::encoding::base64url;
use token::mint::{self, RootSigner};
use token::policy::RequestBinding;
use token::{Bundles, RevocationTable, RootKeys, Timestamp};
use tower::ServiceExt;
use wire::keys::{Jwk, Jwks};
use wire::problem::ProblemKind;

use super::*;
use crate::MockClock;
use crate::problem::Problem;
use crate::trust::{KeyError, KeySource, Pace};

const NOW: Timestamp = Timestamp(1_800_000_000);

fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

fn peer(name: &str) -> Peer {
    Peer { id: id(name), x5t: [7; 32], addr: "127.0.0.1:1".parse().unwrap() }
}

/// A minting key and the key set that publishes it.
struct Minting {
    key: SigningKey,
    kid: String,
    jwks: Bytes,
}

impl Minting {
    fn new() -> Self {
        let key = SigningKey::from_pkcs8(&SigningKey::generate(Algorithm::Es256).unwrap()).unwrap();
        let public = key.public_key();
        let kid = public.thumbprint();
        let JwkMembers::Ec { crv, x, y } = public.members() else { panic!("ES256 keys are EC keys") };
        let jwk = Jwk {
            kty: "EC".into(),
            crv: Some((*crv).into()),
            x: Some(base64url(x)),
            y: Some(base64url(y)),
            alg: Some("ES256".into()),
            r#use: Some("sig".into()),
            kid: Some(kid.clone()),
            ..Jwk::default()
        };
        let jwks = serde_json::to_vec(&Jwks { keys: vec![jwk] }).unwrap().into();
        Self { key, kid, jwks }
    }

    fn root(&self, change: impl FnOnce(&mut RootClaims)) -> String {
        let mut claims = RootClaims {
            iss: id("asserting-wl"),
            sub: id("subject-wl"),
            aud: vec![id("target-wl")],
            dpa: "https://idp.example".into(),
            dpr: "alice".into(),
            aat: NOW,
            oat: NOW,
            auth_time: None,
            sid: None,
            acr: None,
            amr: None,
            client_id: None,
            iat: NOW,
            exp: NOW.plus(120),
            jti: TokenId([1; 16]),
            txn: TokenId([2; 16]),
            scope: "accounts.read".parse().unwrap(),
            only: None,
            cnf: None,
            rqd: None,
        };
        change(&mut claims);
        let signer = RootSigner::Published { kid: &self.kid, alg: Algorithm::Es256, key: &self.key };
        mint::root(Mode::Plain, &claims, signer).unwrap()
    }
}

#[async_trait]
impl KeySource for Bytes {
    async fn fetch(&self) -> Result<Bytes, KeyError> {
        Ok(self.clone())
    }
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Rejection>>);

#[async_trait]
impl EventSink for Recorder {
    async fn rejected(&self, rejection: &Rejection) {
        self.0.lock().unwrap().push(rejection.clone());
    }
}

struct Fixture {
    gate: Gate,
    trust: TrustStore,
    process: Process,
    events: Arc<Recorder>,
    minting: Minting,
}

impl Fixture {
    /// A gate that has its asserter's keys.
    fn new() -> Self {
        let fixture = Self::unready(Minting::new());
        fixture.trust.set_keys(id("asserting-wl"), RootKeys::parse(&fixture.minting.jwks).unwrap());
        fixture
    }

    /// A gate that has no keys yet.
    fn unready(minting: Minting) -> Self {
        let process = Process::new(Arc::new(MockClock::new(NOW)));
        let sources = HashMap::from([(id("asserting-wl"), Box::new(minting.jwks.clone()) as Box<dyn KeySource>)]);
        let pace = Pace {
            refresh: std::time::Duration::from_hours(1),
            patience: std::time::Duration::ZERO,
            ..Pace::default()
        };
        let trust = TrustStore::with_sources(Bundles::default(), sources, pace, &process);
        let accept = Accept {
            asserters: vec![id("asserting-wl")],
            subjects: vec![id("subject-wl")],
            issuers: vec!["https://idp.example".into()],
            modes: vec![Mode::Plain],
            ..Accept::default()
        };
        let events = Arc::new(Recorder::default());
        let revocations = Arc::new(RevocationTable::local());
        let gate = Gate::new(id("target-wl"), accept, trust.clone(), revocations, events.clone(), &process);
        Self { gate, trust, process, events, minting }
    }

    async fn ask(&self, request: Request<HttpBody>) -> (StatusCode, String) {
        async fn who(Admitted(chain): Admitted) -> String {
            chain.person().dpr.to_owned()
        }
        let rule = RouteRule { scope: "accounts.read".into(), request_binding: RequestBinding::None };
        let layer = from_fn_with_state(self.gate.route(rule, 1024), buffered);
        let router =
            Router::new().route("/v1/balance", get(who).merge(post(who)).layer(layer)).route("/bare", get(who));
        let response: Response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn rejections(&self) -> Vec<Rejection> {
        self.events.0.lock().unwrap().clone()
    }
}

fn request(chain: &str, from: &str) -> http::request::Builder {
    Request::get("/v1/balance").extension(peer(from)).header("da-svid", chain)
}

fn bare(builder: http::request::Builder) -> Request<HttpBody> {
    builder.body(HttpBody::empty()).unwrap()
}

#[tokio::test]
async fn a_believed_chain_reaches_the_handler_and_is_counted() {
    let fixture = Fixture::new();
    let chain = fixture.minting.root(|_| {});
    assert_eq!(fixture.ask(bare(request(&chain, "subject-wl"))).await, (StatusCode::OK, "alice".to_owned()));
    let metrics = fixture.process.metrics.encode();
    assert!(metrics.contains(r#"dasvid_chains_total{outcome="accepted",rule="none",mode="plain"} 1"#), "{metrics}");
    assert!(fixture.rejections().is_empty());
}

#[tokio::test]
async fn a_stolen_chain_is_refused_and_reported_with_the_person() {
    let fixture = Fixture::new();
    let chain = fixture.minting.root(|_| {});
    let (status, body) = fixture.ask(bare(request(&chain, "thief"))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    insta::assert_snapshot!(body, @r#"{"type":"urn:x-dasvid:problem:invalid-token","title":"The token is not valid","status":401,"culprit":"spiffe://bank.example/target-wl"}"#);
    let [rejection] = fixture.rejections().try_into().unwrap();
    assert_eq!((rejection.rule, rejection.segment, &rejection.peer), (Rule::Arrival, Some(0), &id("thief")));
    assert_eq!(rejection.root.map(|root| root.dpr).as_deref(), Some("alice"));
    let metrics = fixture.process.metrics.encode();
    assert!(metrics.contains(r#"dasvid_chains_total{outcome="refused",rule="arrival",mode="plain"} 1"#), "{metrics}");
}

#[tokio::test]
async fn a_forged_chain_names_no_person_in_its_report() {
    let fixture = Fixture::new();
    let mut chain = fixture.minting.root(|_| {});
    let other = fixture.minting.root(|claims| claims.dpr = "bob".into());
    chain.truncate(chain.rfind('.').unwrap());
    chain.push_str(&other[other.rfind('.').unwrap()..]);
    assert_eq!(fixture.ask(bare(request(&chain, "subject-wl"))).await.0, StatusCode::UNAUTHORIZED);
    let [rejection] = fixture.rejections().try_into().unwrap();
    assert_eq!((rejection.rule, rejection.root), (Rule::Signatures, None));
}

#[tokio::test]
async fn refuses_none_two_and_oversized_chain_lines() {
    let fixture = Fixture::new();
    let chain = fixture.minting.root(|_| {});
    let none = bare(Request::get("/v1/balance").extension(peer("subject-wl")));
    assert_eq!(fixture.ask(none).await.0, StatusCode::UNAUTHORIZED);
    let two = bare(request(&chain, "subject-wl").header("da-svid", &chain));
    assert_eq!(fixture.ask(two).await.0, StatusCode::UNAUTHORIZED);
    let long = bare(request(&"a".repeat(20_000), "subject-wl"));
    assert_eq!(fixture.ask(long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(fixture.rejections().iter().all(|rejection| rejection.rule == Rule::Form));
}

#[tokio::test]
async fn forwarded_and_xfcc_never_make_the_peer() {
    let fixture = Fixture::new();
    let chain = fixture.minting.root(|_| {});
    let forged = request(&chain, "thief")
        .header("forwarded", "for=spiffe://bank.example/subject-wl")
        .header("x-forwarded-client-cert", "URI=spiffe://bank.example/subject-wl");
    assert_eq!(fixture.ask(bare(forged)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_chain_without_the_routes_scope_is_not_permitted() {
    let fixture = Fixture::new();
    let chain = fixture.minting.root(|claims| claims.scope = "payments.write".parse().unwrap());
    let (status, body) = fixture.ask(bare(request(&chain, "subject-wl"))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("urn:x-dasvid:problem:not-permitted"), "{body}");
}

#[tokio::test]
async fn an_unknown_key_is_fetched_once_and_tried_again() {
    let fixture = Fixture::unready(Minting::new());
    let chain = fixture.minting.root(|_| {});
    assert_eq!(fixture.ask(bare(request(&chain, "subject-wl"))).await.0, StatusCode::OK);
    assert!(fixture.rejections().is_empty());
    let stranger = Minting::new().root(|_| {});
    assert_eq!(fixture.ask(bare(request(&stranger, "subject-wl"))).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.rejections()[0].reason, Reason::UnknownKey.to_string());
}

#[tokio::test]
async fn an_absolute_target_in_http_1_is_refused() {
    let fixture = Fixture::new();
    let chain = fixture.minting.root(|_| {});
    let mut request = bare(request(&chain, "subject-wl"));
    *request.uri_mut() = "https://target-wl/v1/balance".parse().unwrap();
    assert_eq!(fixture.ask(request).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_the_chain_is_looked_at() {
    let fixture = Fixture::new();
    let request = Request::post("/v1/balance").extension(peer("subject-wl")).header("da-svid", "garbage");
    let (status, _) = fixture.ask(request.body(HttpBody::from(vec![0; 1025])).unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(fixture.rejections().is_empty());
}

#[tokio::test]
async fn without_an_mtls_peer_or_a_gate_nothing_runs() {
    let fixture = Fixture::new();
    let chain = fixture.minting.root(|_| {});
    let peerless = bare(Request::get("/v1/balance").header("da-svid", &chain));
    assert_eq!(fixture.ask(peerless).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    let ungated = bare(Request::get("/bare").extension(peer("subject-wl")).header("da-svid", &chain));
    assert_eq!(fixture.ask(ungated).await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn refusals_become_the_problems_of_the_protocol() {
    use ProblemKind as Kind;
    let table = [
        (Rule::Form, Reason::Grammar, Kind::InvalidToken, Kind::InvalidToken),
        (Rule::Form, Reason::ChainTooLarge, Kind::TooLarge, Kind::TooLarge),
        (Rule::Mode, Reason::NoLinks(Mode::Id), Kind::InvalidToken, Kind::InvalidToken),
        (Rule::Root, Reason::UnknownKey, Kind::InvalidChain, Kind::InvalidToken),
        (Rule::Signers, Reason::SignerMismatch, Kind::InvalidChain, Kind::InvalidToken),
        (Rule::Signatures, Reason::Signature, Kind::InvalidChain, Kind::InvalidToken),
        (Rule::Continuity, Reason::NextLink, Kind::InvalidChain, Kind::InvalidToken),
        (Rule::Time, Reason::Expired, Kind::InvalidChain, Kind::InvalidToken),
        (Rule::Depth, Reason::AfterFin, Kind::InvalidChain, Kind::InvalidToken),
        (Rule::Arrival, Reason::Peer, Kind::InvalidChain, Kind::InvalidToken),
        (Rule::Authority, Reason::Target, Kind::InvalidRequest, Kind::InvalidRequest),
    ];
    for (rule, reason, chain, plain) in table {
        for (mode, kind) in [(Mode::Id, chain), (Mode::Anonymous, chain), (Mode::Plain, plain)] {
            let refusal = Refusal { mode: Some(mode), ..Refusal::new(rule, None, reason.clone()) };
            assert_eq!(GateError::Refused { refusal, culprit: id("me") }.kind(), kind, "{rule} {mode}");
        }
    }
}

#[test]
fn peers_are_told_the_coarse_reason_except_what_they_must_mend() {
    let detail =
        |rule, reason| GateError::Refused { refusal: Refusal::new(rule, 2, reason), culprit: id("me") }.detail();
    assert_eq!(detail(Rule::Signatures, Reason::Signature), None);
    assert_eq!(detail(Rule::Root, Reason::SubjectNotListed), None);
    assert!(detail(Rule::Arrival, Reason::NotSealed).unwrap().contains("seal = true"));
    assert!(detail(Rule::Authority, Reason::Target).is_some());
}

#[tokio::test]
async fn a_chain_that_needs_a_proof_is_refused_without_one_and_reported_with_the_person() {
    let mut fixture = Fixture::new();
    let mut policy = token::Policy::default();
    policy.provenance.proof = token::policy::Proof::Embedded;
    let http = mesh::web::client(mesh::web::WebSettings::default()).unwrap();
    let clock = fixture.process.clock.clone();
    let issuers = crate::provenance::IssuerCache::new(&[], &http, clock.clone()).unwrap();
    let check = ProofCheck::new(id("target-wl"), &policy, Arc::new(issuers), clock);
    fixture.gate = fixture.gate.with_provenance(Some(check));
    let chain = fixture.minting.root(|_| {});
    let (status, _) = fixture.ask(bare(request(&chain, "subject-wl"))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let [rejection] = fixture.rejections().try_into().unwrap();
    assert_eq!((rejection.rule, rejection.segment), (Rule::Provenance, Some(0)));
    assert_eq!(rejection.root.map(|root| root.dpr).as_deref(), Some("alice"));
}
