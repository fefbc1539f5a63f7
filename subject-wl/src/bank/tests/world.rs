//! A trust domain with an asserter, this workload and whoever is the next hop.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    body::{Bytes, to_bytes},
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chassis::{Clock, MockClock, SystemClock};
use crypto::schoco;
use dev_spire::{DevSpire, Entry, Settings};
use mesh::{Allow, Identity, Peer, ServerSettings};
use serde_json::{Value, json};
use spiffe::{SpiffeId, TrustDomain};
use tempfile::TempDir;
use token::{
    Accept, Arrival, Body, Certificates, Mode, RevocationTable, RootKeys, RouteRule, Timestamp, Trust, Verifier,
    claims::{RootClaims, TokenId},
    encoding::{Digest, base64url},
    mint::{self, RootSigner},
    policy::{RequestBinding, Role},
    request,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::{
    mint::{MintResponse, OauthToken},
    problem::{MEDIA_TYPE, ProblemDocument, ProblemKind},
};

use crate::{bank::RemoteBank, config::Config, form::Fields, random};

const DPA: &str = "https://idp.example";

/// One request the next hop believed.
pub(crate) struct Seen {
    pub(crate) first_id: String,
    pub(crate) trace: String,
}

/// What the tests look at and turn.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) bank: Arc<RemoteBank>,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) minted: Arc<AtomicUsize>,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    /// The next deposit is believed and then not answered.
    pub(crate) fail: Arc<AtomicBool>,
    /// asserting-wl refuses the login.
    pub(crate) refuse: Arc<AtomicBool>,
    /// The next hop refuses the chain.
    pub(crate) distrust: Arc<AtomicBool>,
    _alive: Arc<(DevSpire, TempDir, DropGuard)>,
}

pub(crate) fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

fn problem(kind: ProblemKind) -> Response {
    let body = serde_json::to_vec(&ProblemDocument::new(kind)).unwrap();
    (kind.status(), [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
}

impl World {
    /// `next` is the next hop; only `target-wl` is the end.
    pub(crate) async fn new(next: &str) -> Self {
        mesh::install_crypto();
        let folder = TempDir::new().unwrap();
        let spire = DevSpire::start(Settings::new(TrustDomain::new("bank.example").unwrap())).await.unwrap();
        let identity = async |name: &str| {
            let path = folder.path().join(name);
            spire.issue_socket(&path, Entry::new(id(name))).await.unwrap();
            Identity::connect(Some(&DevSpire::endpoint(&path)), Duration::from_secs(5)).await.unwrap()
        };
        let stop = CancellationToken::new();
        let clock = Arc::new(MockClock::new(SystemClock.now()));
        let (minted, refuse) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let asserter = Arc::new(Asserter {
            identity: identity("asserting-wl").await,
            schoco: schoco::SigningKey::from_wide(&[7; 64]).unwrap(),
            clock: clock.clone(),
            minted: minted.clone(),
            refuse: refuse.clone(),
        });
        let asserting = serve(asserter.identity.clone(), asserter.clone().router(), &stop).await;
        let me = identity("subject-wl").await;
        let hop = Arc::new(NextHop {
            verifier: Verifier::new(id(next), accept(next)),
            identity: identity(next).await,
            keys: asserter.jwks(),
            clock: clock.clone(),
            seen: Arc::default(),
            fail: Arc::default(),
            distrust: Arc::default(),
        });
        let address = serve(hop.identity.clone(), hop.clone().router(), &stop).await;
        let config: Config = chassis::config::parse(&format!(
            r#"
            login.issuer = "{DPA}"
            asserting = {{ url = "https://{asserting}", id = "spiffe://bank.example/asserting-wl" }}
            bank.next_hop = {{ url = "https://{address}", id = "spiffe://bank.example/{next}" }}
            bank.target = "spiffe://bank.example/target-wl"
            "#
        ))
        .unwrap();
        Self {
            bank: Arc::new(RemoteBank::new(me, &config, &chassis::Process::new(clock.clone())).unwrap()),
            clock,
            minted,
            refuse,
            seen: hop.seen.clone(),
            fail: hop.fail.clone(),
            distrust: hop.distrust.clone(),
            _alive: Arc::new((spire, folder, stop.drop_guard())),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

async fn serve(identity: Identity, router: Router, stop: &CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let allow = Allow::Ids(vec![id("subject-wl")]);
    tokio::spawn(mesh::serve(listener, identity, allow, router, ServerSettings::default(), stop.clone()));
    address
}

fn accept(next: &str) -> Accept {
    Accept {
        asserters: vec![id("asserting-wl")],
        subjects: vec![id("subject-wl")],
        issuers: vec![DPA.to_owned()],
        modes: Mode::ALL.to_vec(),
        neighbours: vec![id("subject-wl")],
        role: if next == "target-wl" { Role::End } else { Role::Hop },
        ..Accept::default()
    }
}

/// asserting-wl, as far as minting goes. It signs ID roots with its SVID, so that its certificate travels too.
struct Asserter {
    identity: Identity,
    schoco: schoco::SigningKey,
    clock: Arc<MockClock>,
    minted: Arc<AtomicUsize>,
    refuse: Arc<AtomicBool>,
}

impl Asserter {
    fn router(self: Arc<Self>) -> Router {
        let keys = self.jwks();
        let mint = |mode: Mode| {
            let asserter = self.clone();
            post(async move |body: Bytes| asserter.mint(mode, &body))
        };
        Router::new()
            .route("/mint", mint(Mode::Plain))
            .route("/ecdsaassertion", mint(Mode::Id))
            .route("/mintassertion", mint(Mode::Anonymous))
            .route("/keys", get(async move || Json(keys)))
    }

    fn jwks(&self) -> Value {
        let root = self.schoco.root_key();
        json!({"keys": [{
            "kty": "OKP", "crv": "ristretto255", "alg": "SCHOCO-R255", "use": "sig",
            "kid": root.thumbprint(), "x": base64url(root.as_bytes()),
        }]})
    }

    fn mint(&self, mode: Mode, body: &[u8]) -> Response {
        if self.refuse.load(Ordering::SeqCst) {
            return problem(ProblemKind::InvalidToken);
        }
        self.minted.fetch_add(1, Ordering::SeqCst);
        let (fields, svid) = (Fields::parse(body), self.identity.svid().unwrap());
        assert_eq!(fields.get("access_token"), "an access token");
        let fresh = random::bytes();
        let signer = match mode {
            Mode::Anonymous => RootSigner::Schoco { key: &self.schoco, public: &self.schoco.root_key(), fresh: &fresh },
            _ => RootSigner::Svid { x5t: Digest(svid.x5t), key: &svid.key },
        };
        let mut certificates = Certificates::default();
        svid.chain.iter().for_each(|der| certificates.push(der));
        let answer = MintResponse {
            da_svid: mint::root(mode, &claims(&fields, self.clock.now()), signer).unwrap(),
            expires_in: 120,
            oauth_token: OauthToken { signature_valid: true, expiration_valid: true, expires_in: 300 },
            certificates: (mode != Mode::Anonymous).then(|| certificates.to_header()),
            proof: None,
        };
        Json(answer).into_response()
    }
}

fn claims(fields: &Fields, now: Timestamp) -> RootClaims {
    let scope = if fields.get("scope").is_empty() { "accounts.read payments.write" } else { fields.get("scope") };
    RootClaims {
        iss: id("asserting-wl"),
        sub: id("subject-wl"),
        aud: fields.get("audience").split(' ').map(|id| SpiffeId::new(id).unwrap()).collect(),
        dpa: DPA.to_owned(),
        dpr: "alice".to_owned(),
        aat: now,
        oat: now,
        auth_time: None,
        sid: None,
        acr: None,
        amr: None,
        client_id: None,
        iat: now,
        exp: now.plus(120),
        jti: TokenId(random::bytes()),
        txn: TokenId(random::bytes()),
        scope: scope.parse().unwrap(),
        only: None,
        cnf: None,
        rqd: fields.get("rqd").parse().ok(),
    }
}

/// Whoever is next: verifies by the rules, and answers as the target would.
struct NextHop {
    verifier: Verifier,
    identity: Identity,
    keys: Value,
    clock: Arc<MockClock>,
    seen: Arc<Mutex<Vec<Seen>>>,
    fail: Arc<AtomicBool>,
    distrust: Arc<AtomicBool>,
}

impl NextHop {
    fn router(self: Arc<Self>) -> Router {
        let answer = async move |Extension(peer): Extension<Peer>, request: Request| self.answer(&peer, request).await;
        Router::new().fallback(answer)
    }

    async fn answer(&self, peer: &Peer, request: Request) -> Response {
        if self.distrust.load(Ordering::SeqCst) {
            return problem(ProblemKind::InvalidChain);
        }
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1 << 16).await.unwrap();
        let (scope, reads) = match parts.uri.path() {
            "/v1/balance" | "/v1/transactions" => ("accounts.read", true),
            _ => ("payments.write", false),
        };
        let route = RouteRule { scope: scope.to_owned(), request_binding: RequestBinding::EndToEnd };
        let headers = request::fields(&parts.headers);
        let lines = |name: &str| -> Vec<&[u8]> {
            parts.headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect()
        };
        let asked = token::Request {
            method: parts.method.as_str(),
            target: parts.uri.path_and_query().unwrap().as_str(),
            headers: &headers,
            trailers: &[],
            body: if reads { Body::Absent } else { Body::of(&body) },
        };
        let arrival = Arrival {
            chain: &lines("da-svid"),
            certificates: &lines("da-svid-certs"),
            peer: &peer.id,
            peer_x5t: peer.x5t,
            request: &asked,
            route: &route,
        };
        let keys = RootKeys::parse(self.keys.to_string().as_bytes()).unwrap();
        let trust =
            Trust { keys: HashMap::from([(id("asserting-wl"), keys)]), bundles: self.identity.bundles().unwrap() };
        let verified = self.verifier.verify(&arrival, &trust, &RevocationTable::default(), self.clock.now());
        let verified = verified.unwrap_or_else(|refusal| panic!("{refusal}"));
        let trace = String::from_utf8(lines("traceparent")[0].to_vec()).unwrap();
        self.seen.lock().unwrap().push(Seen { first_id: verified.first_id().to_string(), trace });
        if !reads && self.fail.swap(false, Ordering::SeqCst) {
            return problem(ProblemKind::UpstreamTimeout);
        }
        if parts.uri.path() == "/v1/transactions" {
            return Json(json!({"transactions": [], "next": parts.uri.query()})).into_response();
        }
        if reads {
            return Json(json!({"account": "123456789092", "dpa": DPA, "dpr": "alice", "balances": []}))
                .into_response();
        }
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let receipt = json!({
            "id": "d1", "to": asked["to"], "currency": asked["currency"], "minor": asked["minor"], "balance_minor": 1, "created_at": 1,
        });
        (StatusCode::CREATED, Json(receipt)).into_response()
    }
}
