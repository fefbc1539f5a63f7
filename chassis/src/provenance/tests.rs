//! Proofs checked at the gate, with a provider and an asserter that may be away.

use std::sync::Mutex;

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use crypto::jose::{Algorithm, JwkMembers, SigningKey};
use http::StatusCode;
use mesh::web::{self, WebSettings};
use serde_json::json;
use token::claims::{RootClaims, TokenId};
use token::encoding::{base64url, base64url_json};
use token::mint::{self, RootSigner};
use token::policy::{RequestBinding, RouteRule};
use token::provenance::{Prover, Rounds};
use token::{Body, Mode, Refusal, Request, Rule, Timestamp};

use super::*;
use crate::MockClock;

const NOW: Timestamp = Timestamp(1_800_000_000);

fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

fn new_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate(algorithm).unwrap()).unwrap()
}

/// What the provider publishes: a key and its name; nothing while it is down.
type Published = Arc<Mutex<Option<(SigningKey, &'static str)>>>;

fn jwks(published: &Published) -> Option<String> {
    let published = published.lock().unwrap();
    let (key, kid) = published.as_ref()?;
    let public = key.public_key();
    let JwkMembers::Okp { crv, x } = public.members() else { panic!("another kind of key") };
    Some(json!({"keys": [{"kty": "OKP", "crv": crv, "x": base64url(x), "kid": kid}]}).to_string())
}

/// An identity provider with one key, and what was made of its token.
struct World {
    published: Published,
    issuer: String,
    prover: Arc<Prover>,
}

impl World {
    async fn new() -> Self {
        let published = Published::new(Mutex::new(Some((new_key(Algorithm::Ed25519), "k1"))));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let document = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")}).to_string();
        let keys = Arc::clone(&published);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || document))
            .route("/jwks", get(async move || jwks(&keys).ok_or(StatusCode::SERVICE_UNAVAILABLE)));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let prover = Arc::new(prover(&published, &issuer));
        Self { published, issuer, prover }
    }

    fn chain(&self, jti: u8) -> Chain {
        let claims = RootClaims {
            iss: id("asserting-wl"),
            sub: id("subject-wl"),
            aud: vec![id("target-wl")],
            dpa: self.issuer.clone(),
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
            jti: TokenId([jti; 16]),
            txn: TokenId([2; 16]),
            scope: "accounts.read".parse().unwrap(),
            only: None,
            cnf: None,
            rqd: None,
        };
        let key = new_key(Algorithm::Es256);
        let signer = RootSigner::Published { kid: &key.public_key().thumbprint(), alg: Algorithm::Es256, key: &key };
        Chain::parse(&mint::root(Mode::Plain, &claims, signer).unwrap()).unwrap()
    }

    fn check(&self, proof: Proof) -> ProofCheck {
        let mut policy = Policy::default();
        policy.provenance.proof = proof;
        let clock = Arc::new(MockClock::new(NOW));
        let http = web::client(WebSettings::default()).unwrap();
        let issuers = IssuerCache::new(std::slice::from_ref(&self.issuer), &http, clock.clone()).unwrap();
        ProofCheck::new(id("target-wl"), &policy, Arc::new(issuers), clock)
    }

    /// A check that asks an asserter which answers `how`.
    fn asking(&self, how: How) -> ProofCheck {
        let asserter = Answering { how, prover: Arc::clone(&self.prover) };
        self.check(Proof::None).asking(id("asserting-wl"), Box::new(asserter))
    }
}

fn prover(published: &Published, issuer: &str) -> Prover {
    let published = published.lock().unwrap();
    let (key, kid) = published.as_ref().unwrap();
    let claims = json!({
        "iss": issuer, "sub": "alice", "aud": "asserting-wl", "iat": NOW.0, "exp": NOW.0 + 300,
    });
    let input = format!("{}.{}", base64url_json(json!({"alg": "EdDSA", "kid": kid})), base64url_json(claims));
    let signature = key.sign(Algorithm::Ed25519, input.as_bytes()).unwrap();
    Prover::new(&format!("{input}.{}", base64url(&signature)), &key.public_key()).unwrap()
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Honestly,
    Inactive,
    WithOtherClaims,
    WithoutProof,
    ForAnotherNonce,
    ForAnotherVerifier,
    ForAnotherRoot,
    InTheNameOfAnother,
    Not,
}

struct Answering {
    how: How,
    prover: Arc<Prover>,
}

#[async_trait]
impl Asserter for Answering {
    async fn introspect(
        &self,
        chain: &str,
        _: Option<HeaderValue>,
        nonce: &[u8],
    ) -> Result<IntrospectResponse, Unanswered> {
        assert_eq!(nonce.len(), NONCE);
        let asked = Chain::parse(chain).unwrap();
        let mut claims = asked.root().to_json().as_object().unwrap().clone();
        let mut root = asked.root().clone();
        let (mut prover, mut verifier, mut nonce) = (id("asserting-wl"), id("target-wl"), nonce.to_vec());
        match self.how {
            How::Not => return Err(Unanswered::Status(StatusCode::SERVICE_UNAVAILABLE)),
            How::Inactive => return Ok(IntrospectResponse::inactive()),
            How::WithOtherClaims => drop(claims.insert("dpr".into(), "bob".into())),
            How::ForAnotherNonce => nonce = vec![0; NONCE],
            How::ForAnotherVerifier => verifier = id("other-wl"),
            How::ForAnotherRoot => root.jti = TokenId([9; 16]),
            How::InTheNameOfAnother => prover = id("other-wl"),
            How::Honestly | How::WithoutProof => {}
        }
        let times = (NOW, NOW.plus(60));
        let envelope = self.prover.answer(&root, (&prover, &verifier), &nonce, times, Rounds::Eight, &[7; 32]).unwrap();
        let zkp: Zkp = serde_json::from_value(envelope.to_json()).unwrap();
        let zkp = (self.how != How::WithoutProof).then_some(zkp);
        Ok(IntrospectResponse { active: true, claims, zkp, ..IntrospectResponse::default() })
    }
}

/// The outcome for a request with these `DA-SVID-Proof` lines.
async fn outcome(check: &ProofCheck, chain: &Chain, proofs: &[&str]) -> Result<(), Reason> {
    let headers: Vec<_> = proofs.iter().map(|proof| ("da-svid-proof", proof.as_bytes())).collect();
    let request =
        Request { method: "GET", target: "/v1/balance", headers: &headers, trailers: &[], body: Body::Absent };
    let route = RouteRule { scope: "accounts.read".into(), request_binding: RequestBinding::None };
    let peer = id("middle-tier-1");
    let arrival =
        Arrival { chain: &[], certificates: &[], peer: &peer, peer_x5t: [7; 32], request: &request, route: &route };
    check.check(chain, None, &arrival).await
}

#[tokio::test]
async fn an_honest_asserter_convinces() {
    let world = World::new().await;
    let check = world.asking(How::Honestly);
    for _ in 0..2 {
        assert_eq!(outcome(&check, &world.chain(1), &[]).await, Ok(()));
    }
}

#[tokio::test]
async fn an_asserter_that_calls_it_dead_or_says_something_else_is_believed_in_that() {
    let world = World::new().await;
    for (how, reason) in [
        (How::Inactive, Reason::NotActive),
        (How::WithOtherClaims, Reason::OtherClaims),
        (How::WithoutProof, Reason::ProofMissing),
        (How::Not, Reason::ProofUnavailable),
    ] {
        assert_eq!(outcome(&world.asking(how), &world.chain(1), &[]).await, Err(reason));
    }
}

#[tokio::test]
async fn a_proof_for_somebody_or_something_else_is_refused() {
    let world = World::new().await;
    for how in [How::ForAnotherNonce, How::ForAnotherVerifier, How::ForAnotherRoot, How::InTheNameOfAnother] {
        let refused = outcome(&world.asking(how), &world.chain(1), &[]).await;
        assert!(matches!(refused, Err(Reason::ProofRefused(ProvenanceError::Proof(_)))), "{refused:?}");
    }
}

#[tokio::test]
async fn an_embedded_proof_must_be_there_and_hold_for_this_root() {
    let world = World::new().await;
    let check = world.check(Proof::Embedded);
    let embedded =
        |chain: &Chain| world.prover.embed(chain.root(), Rounds::Eight, &[7; 32]).unwrap().to_field().unwrap();
    let (chain, other) = (world.chain(1), world.chain(2));
    assert_eq!(outcome(&check, &chain, &[&embedded(&chain)]).await, Ok(()));
    assert_eq!(outcome(&check, &chain, &[]).await, Err(Reason::ProofMissing));
    let twice = embedded(&chain);
    for proofs in [&[embedded(&other).as_str()][..], &["AAAA"], &[&twice, &twice]] {
        assert!(matches!(outcome(&check, &chain, proofs).await, Err(Reason::ProofRefused(_))), "{proofs:?}");
    }
}

#[tokio::test]
async fn keys_come_from_the_provider_and_never_from_the_asserter() {
    let world = World::new().await;
    let check = world.asking(How::Honestly);
    *world.published.lock().unwrap() = Some((new_key(Algorithm::Ed25519), "k1"));
    let refused = outcome(&check, &world.chain(1), &[]).await;
    assert!(matches!(refused, Err(Reason::ProofRefused(ProvenanceError::Proof(_)))), "{refused:?}");
}

#[tokio::test]
async fn a_provider_that_is_away_is_no_fault_of_the_chain() {
    let world = World::new().await;
    *world.published.lock().unwrap() = None;
    let refused = outcome(&world.asking(How::Honestly), &world.chain(1), &[]).await;
    assert_eq!(refused, Err(Reason::ProofUnavailable));
    let slug = |reason, mode| {
        let refusal = Refusal { mode: Some(mode), ..Refusal::new(Rule::Provenance, 0, reason) };
        refusal.problem_slug()
    };
    assert_eq!(slug(Reason::ProofUnavailable, Mode::Id), "unavailable");
    assert_eq!(slug(Reason::NotActive, Mode::Id), "invalid-chain");
    assert_eq!(slug(Reason::ProofMissing, Mode::Plain), "invalid-token");
}

#[tokio::test]
async fn a_key_that_is_not_known_yet_is_looked_for_once() {
    let world = World::new().await;
    let clock = Arc::new(MockClock::new(NOW));
    let http = web::client(WebSettings::default()).unwrap();
    let issuers = IssuerCache::new(std::slice::from_ref(&world.issuer), &http, clock.clone()).unwrap();
    let (key, _) = world.published.lock().unwrap().replace((new_key(Algorithm::Ed25519), "k0")).unwrap();
    issuers.renew(&world.issuer).await.unwrap();
    *world.published.lock().unwrap() = Some((key, "k1"));
    clock.advance(std::time::Duration::from_secs(5));
    let asserter = Answering { how: How::Honestly, prover: Arc::clone(&world.prover) };
    let check = ProofCheck::new(id("target-wl"), &Policy::default(), Arc::new(issuers), clock)
        .asking(id("asserting-wl"), Box::new(asserter));
    assert_eq!(outcome(&check, &world.chain(1), &[]).await, Ok(()));
}

#[test]
fn an_issuer_that_could_be_anywhere_is_no_issuer() {
    let http = web::client(WebSettings::default()).unwrap();
    let refused = IssuerCache::new(&["http://idp.example".into()], &http, Arc::new(MockClock::new(NOW)));
    let told = "issuer `http://idp.example`: the address must be https, or http on loopback";
    assert_eq!(refused.err().map(|error| error.to_string()).as_deref(), Some(told));
}
