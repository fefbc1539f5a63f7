//! The bank behind a real gate, and chains made the way workloads make them. For tests.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use chassis::gate::Gate;
use chassis::trust::{Pace, TrustStore};
use chassis::{MockClock, Process, service};
use crypto::{jose, schoco};
use http_body_util::BodyExt;
use mesh::Peer;
use serde_json::{Value, json};
use spiffe::SpiffeId;
use store::{Event, Person, Store};
use token::claims::{MaxAmount, Only, RootClaims, TokenId};
use token::encoding::{Digest, base64url};
use token::hop::{Extension, extend_anonymous};
use token::mint::{self, RootSigner};
use token::policy::Accept;
use token::{Bundles, Chain, Mode, Policy, RevocationTable, RootKeys, Timestamp, binding};
use tower::ServiceExt;
use uuid::Uuid;
use wire::bank::AccountNumber;

use crate::bank::Bank;
use crate::rejections::Rejections;
use crate::routes::{App, Rules, router};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000);
pub(crate) const DPA: &str = "https://idp.example";
pub(crate) const EVIL_DPA: &str = "https://other.example";

pub(crate) fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

pub(crate) fn policy() -> Policy {
    let accept = Accept {
        asserters: vec![id("asserting-wl")],
        subjects: vec![id("subject-wl")],
        issuers: vec![DPA.into(), EVIL_DPA.into()],
        modes: vec![Mode::Plain, Mode::Id, Mode::Anonymous],
        neighbours: vec![id("middle-tier-2")],
        ..Accept::default()
    };
    Policy { accept, ..Policy::default() }
}

fn fresh() -> [u8; 32] {
    Digest::of(Uuid::new_v4().as_bytes()).0
}

pub(crate) fn token_id() -> TokenId {
    TokenId(*Uuid::new_v4().as_bytes())
}

/// An asserter with a published key of each kind.
pub(crate) struct Asserter {
    jose: jose::SigningKey,
    schoco: schoco::SigningKey,
}

impl Asserter {
    pub(crate) fn new() -> Self {
        let der = jose::SigningKey::generate(jose::Algorithm::Es256).unwrap();
        let schoco = schoco::SigningKey::from_wide(&[7; 64]).unwrap();
        Self { jose: jose::SigningKey::from_pkcs8(&der).unwrap(), schoco }
    }

    /// What it publishes at `/keys`.
    pub(crate) fn jwks(&self) -> Value {
        let public = self.jose.public_key();
        let jose::JwkMembers::Ec { crv, x, y } = public.members() else { panic!("not an EC key") };
        let ec = json!({
            "kty": "EC", "crv": crv, "alg": "ES256", "use": "sig",
            "kid": public.thumbprint(), "x": base64url(x), "y": base64url(y),
        });
        let root = self.schoco.root_key();
        let okp = json!({
            "kty": "OKP", "crv": "ristretto255", "alg": "SCHOCO-R255", "use": "sig",
            "kid": root.thumbprint(), "x": base64url(root.as_bytes()),
        });
        json!({ "keys": [ec, okp] })
    }

    /// What it publishes at `/revocations`: nothing is revoked.
    pub(crate) fn revocations(&self, now: Timestamp) -> String {
        let kid = self.jose.public_key().thumbprint();
        let header = json!({"typ": "dasvid-revocations+jwt", "alg": "ES256", "kid": kid});
        let iss = id("asserting-wl").to_string();
        let list = json!({"iss": iss, "iat": now, "after": 0, "version": 0, "complete": true, "records": []});
        let part = |json: Value| base64url(json.to_string().as_bytes());
        let message = format!("{}.{}", part(header), part(list));
        let signature = self.jose.sign(jose::Algorithm::Es256, message.as_bytes()).unwrap();
        format!("{message}.{}", base64url(&signature))
    }

    pub(crate) fn root(&self, mode: Mode, claims: &RootClaims) -> String {
        let fresh = fresh();
        let signer = match mode {
            Mode::Anonymous => RootSigner::Schoco { key: &self.schoco, public: &self.schoco.root_key(), fresh: &fresh },
            _ => RootSigner::Published {
                kid: &self.jose.public_key().thumbprint(),
                alg: jose::Algorithm::Es256,
                key: &self.jose,
            },
        };
        mint::root(mode, claims, signer).unwrap()
    }
}

/// target-wl without its listener.
pub(crate) struct Fixture {
    asserter: Asserter,
    router: Router,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) rejections: Arc<Rejections>,
    pub(crate) clock: Arc<MockClock>,
}

/// A request as a client states it; [`Fixture::send`] makes its chain.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) mode: Mode,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) dpa: &'static str,
    pub(crate) dpr: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) only: Option<Only>,
}

impl Ask {
    pub(crate) fn balance(dpr: &'static str) -> Self {
        Self {
            mode: Mode::Anonymous,
            method: "GET",
            target: wire::bank::BALANCE.into(),
            headers: Vec::new(),
            body: Vec::new(),
            dpa: DPA,
            dpr,
            scope: "accounts.read payments.write",
            only: None,
        }
    }

    pub(crate) fn deposit(dpr: &'static str, key: &str, minor: u64) -> Self {
        let body = json!({"currency": "USD", "minor": minor}).to_string();
        Self::post(dpr, body.into_bytes()).with("idempotency-key", key)
    }

    pub(crate) fn transfer(dpr: &'static str, key: &str, to: AccountNumber, minor: u64) -> Self {
        let body = json!({"to": to, "currency": "USD", "minor": minor}).to_string();
        Self::post_to(wire::bank::TRANSFERS, dpr, body.into_bytes()).with("idempotency-key", key)
    }

    pub(crate) fn transactions(dpr: &'static str, query: &str) -> Self {
        Self { target: format!("{}{query}", wire::bank::TRANSACTIONS), ..Self::balance(dpr) }
    }

    pub(crate) fn post(dpr: &'static str, body: Vec<u8>) -> Self {
        Self::post_to(wire::bank::DEPOSITS, dpr, body)
    }

    pub(crate) fn post_to(path: &str, dpr: &'static str, body: Vec<u8>) -> Self {
        let ask = Self { method: "POST", target: path.into(), body, ..Self::balance(dpr) };
        let digest = binding::content_digest(&ask.body);
        ask.with("content-type", "application/json").with("content-digest", &digest)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn up_to(self, currency: &str, minor: u64) -> Self {
        let limit = MaxAmount { currency: currency.into(), minor };
        Self { only: Some(Only { max_amount: Some(limit), ..Only::default() }), ..self }
    }

    /// The root asserting-wl makes for it.
    pub(crate) fn claims(&self, now: Timestamp) -> RootClaims {
        RootClaims {
            iss: id("asserting-wl"),
            sub: id("subject-wl"),
            aud: vec![id("target-wl")],
            dpa: self.dpa.into(),
            dpr: self.dpr.into(),
            aat: now,
            oat: now,
            auth_time: None,
            sid: None,
            acr: None,
            amr: None,
            client_id: None,
            iat: now,
            exp: Timestamp(now.0 + 120),
            jti: token_id(),
            txn: token_id(),
            scope: self.scope.parse().unwrap(),
            only: self.only.clone(),
            cnf: None,
            rqd: (self.mode == Mode::Plain).then(|| self.rqd()),
        }
    }

    pub(crate) fn rqd(&self) -> Digest {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let body = if self.body.is_empty() { token::Body::Absent } else { token::Body::of(&self.body) };
        let request =
            token::Request { method: self.method, target: &self.target, headers: &headers, trailers: &[], body };
        binding::rqd(&request).unwrap()
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(policy(), Duration::from_secs(30)).await
    }

    pub(crate) async fn with(policy: Policy, timeout: Duration) -> Self {
        let (asserter, clock) = (Asserter::new(), Arc::new(MockClock::new(NOW)));
        let process = Process::new(clock.clone());
        let trust = TrustStore::with_sources(Bundles::default(), HashMap::new(), Pace::default(), &process);
        let keys = RootKeys::parse(asserter.jwks().to_string().as_bytes()).unwrap();
        trust.set_keys(id("asserting-wl"), keys);
        let store = store::open("sqlite::memory:").await.unwrap();
        let me = id("target-wl");
        let rules = Rules::declare(&policy).unwrap();
        let rejections = Arc::new(Rejections::new(me.clone()));
        let revocations = Arc::new(RevocationTable::default());
        let gate = Gate::new(me.clone(), policy.accept, trust, revocations, rejections.clone(), &process);
        let app = App::new(me, Bank::new(store.clone()), rejections.clone(), clock.clone());
        let router = service::wrap(router(app, &gate, rules, timeout), &process);
        Self { asserter, router, store, rejections, clock }
    }

    /// The chain subject-wl and the last middle tier make for a request.
    pub(crate) fn chain(&self, ask: &Ask) -> String {
        let claims = ask.claims(chassis::Clock::now(&*self.clock));
        let root = self.asserter.root(ask.mode, &claims);
        if ask.mode == Mode::Plain {
            return root;
        }
        let first = self.extend(&root, ask, false);
        self.extend(&first, ask, true)
    }

    /// The anonymous chain as subject-wl hands it to the middle tiers.
    pub(crate) fn unsealed(&self, ask: &Ask) -> String {
        let root = self.asserter.root(Mode::Anonymous, &ask.claims(chassis::Clock::now(&*self.clock)));
        self.extend(&root, ask, false)
    }

    /// Appends a link that is bound to `ask`; sealing, for target-wl.
    pub(crate) fn extend(&self, chain: &str, ask: &Ask, seal: bool) -> String {
        let extension =
            Extension { next: seal.then(|| id("target-wl")), only: None, rqd: Some(ask.rqd()), seal, life: 30 };
        let now = chassis::Clock::now(&*self.clock);
        let chain = Chain::parse(chain).unwrap();
        extend_anonymous(&chain, &self.asserter.schoco.root_key(), &extension, token_id(), &fresh(), now).unwrap()
    }

    /// Sends a request with a new chain from the last middle tier.
    pub(crate) async fn send(&self, ask: &Ask) -> Answer {
        self.send_with(&self.chain(ask), ask).await
    }

    /// Sends a request with this chain.
    pub(crate) async fn send_with(&self, chain: &str, ask: &Ask) -> Answer {
        let mut request = Request::builder().method(ask.method).uri(&ask.target).header("da-svid", chain);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        self.send_raw(request.body(Body::from(ask.body.clone())).unwrap()).await
    }

    pub(crate) async fn send_raw(&self, mut request: Request) -> Answer {
        let peer = Peer { id: id("middle-tier-2"), x5t: [1; 32], addr: ([127, 0, 0, 1], 1).into() };
        request.extensions_mut().insert(peer);
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn holds(&self, dpa: &str, dpr: &str) -> Option<i64> {
        let mut tx = self.store.read().await.unwrap();
        tx.accounts().balance(&Person::new(dpa, dpr), "USD").await.unwrap()
    }

    /// What others transfer to.
    pub(crate) async fn number(&self, dpr: &str) -> AccountNumber {
        let mut tx = self.store.read().await.unwrap();
        tx.accounts().number(&Person::new(DPA, dpr)).await.unwrap().unwrap()
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        let pending = self.store.read().await.unwrap().pending_events(1_000).await.unwrap();
        pending.into_iter().map(|pending| pending.event).collect()
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        assert!(body.size_hint().lower() < 1 << 20);
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status and the kind of problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let uri = self.json()["type"].as_str().unwrap().to_owned();
        (self.status, uri.strip_prefix("urn:x-dasvid:problem:").unwrap().to_owned())
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }
}
