//! The street: dev-spire, an asserting workload, one or two middle tiers, the target, and a front end that asks.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use chassis::{Clock as _, Handle, SystemClock, spawn};
use dev_spire::{DevSpire, Entry, Settings};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use mesh::AnswerBody;
use mesh::{Allow, Client, ClientSettings, Identity, ServerSettings};
use middle_tier::{Config, MiddleTier};
use spiffe::TrustDomain;
use tempfile::TempDir;
use token::claims::TokenId;
use token::encoding::Digest;
use token::hop::{Extension, Signer, extend_anonymous, extend_id};
use token::request::fields;
use token::{Certificates, Chain, Mode, Timestamp, Trust, binding};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;
use wire::problem::{ProblemDocument, ProblemKind};

use crate::keys::{Keys, id, random};
use crate::target::Target;

pub(crate) const SOON: Duration = Duration::from_secs(5);

/// How a street differs from the usual one.
pub(crate) struct Plan {
    /// HTTP/1.1 instead of HTTP/2: from the front end, and between the hops.
    pub(crate) http1: (bool, bool),
    /// How many middle tiers.
    pub(crate) hops: usize,
    /// What every hop accepts.
    pub(crate) modes: &'static str,
    /// Added to the settings of every hop.
    pub(crate) settings: &'static str,
    /// Limits of every hop: bytes and silence of bodies, wait for an answer.
    pub(crate) limits: (u64, &'static str, &'static str),
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            http1: (false, false),
            hops: 2,
            modes: r#""plain", "id", "anonymous""#,
            settings: "",
            limits: (64 * 1024 * 1024, "20s", "15s"),
        }
    }
}

pub(crate) struct Street {
    pub(crate) target: Target,
    pub(crate) client: Client,
    pub(crate) keys: Arc<Keys>,
    pub(crate) subject: Identity,
    /// Where the first hop listens.
    pub(crate) first: std::net::SocketAddr,
    pub(crate) spire: DevSpire,
    pub(crate) home: TempDir,
    hops: Vec<Handle>,
    servers: CancellationToken,
}

impl Street {
    pub(crate) async fn usual() -> Self {
        Self::new(Plan::default()).await
    }

    pub(crate) async fn new(plan: Plan) -> Self {
        mesh::install_crypto();
        let spire = DevSpire::start(Settings::new(TrustDomain::new("bank.example").unwrap())).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        for name in ["subject-wl", "asserting-wl", "middle-tier-1", "middle-tier-2", "target-wl", "cli"] {
            spire.issue_socket(&home.path().join(name), Entry::new(id(name))).await.unwrap();
        }
        let (keys, servers) = (Arc::new(Keys::generate()), CancellationToken::new());
        let subject = identity(&home, "subject-wl").await;
        let trust =
            Trust { keys: [(id("asserting-wl"), keys.published())].into(), bundles: subject.bundles().unwrap() };
        let last = format!("middle-tier-{}", plan.hops);
        let target = Target::new(trust, &last, SystemClock.now());
        let asserting = serve(identity(&home, "asserting-wl").await, keys.router(), &servers).await;
        let mut next =
            ("target-wl".to_owned(), serve(identity(&home, "target-wl").await, target.router(), &servers).await);
        let mut hops = Vec::new();
        for position in (1..=plan.hops).rev() {
            let config = config(&plan, position, &home, asserting, &next);
            let hop = spawn::<MiddleTier>(config, Arc::new(SystemClock)).await.unwrap();
            next = (format!("middle-tier-{position}"), hop.address("https").unwrap());
            hops.push(hop);
        }
        for hop in &hops {
            tokio::time::timeout(SOON, hop.ready.ready()).await.unwrap();
        }
        let first = next.1;
        let settings = ClientSettings { http1_only: plan.http1.0, ..ClientSettings::default() };
        let client = Client::new(&subject, id("middle-tier-1"), &url(first), settings).unwrap();
        Self { target, client, keys, subject, first, spire, home, hops, servers }
    }

    /// A client of the first hop with another identity.
    pub(crate) async fn client_as(&self, name: &str) -> Client {
        let identity = identity(&self.home, name).await;
        Client::new(&identity, id("middle-tier-1"), &url(self.first), ClientSettings::default()).unwrap()
    }

    /// A whole request of the front end, with a chain for exactly this request.
    pub(crate) fn request(&self, mode: Mode, method: &str, target: &str, body: &'static str) -> Request<Full<Bytes>> {
        self.head(mode, method, target, body.as_bytes(), &[]).map(|()| Full::new(Bytes::from(body)))
    }

    /// The head of a request whose body will be `body`.
    pub(crate) fn head(
        &self,
        mode: Mode,
        method: &str,
        target: &str,
        body: &[u8],
        extra: &[(&'static str, &str)],
    ) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = target.parse().unwrap();
        let headers = request.headers_mut();
        for (name, value) in extra {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        if binding::is_unsafe(method) {
            headers.insert("content-digest", HeaderValue::try_from(binding::content_digest(body)).unwrap());
            headers.insert("idempotency-key", HeaderValue::from_static("k1"));
        }
        self.sign(mode, &mut request);
        request
    }

    /// Puts a fresh chain for the request into it.
    pub(crate) fn sign<B>(&self, mode: Mode, request: &mut Request<B>) {
        let rqd = rqd(request.method(), request.uri().path_and_query().unwrap().as_str(), request.headers());
        let now = SystemClock.now();
        let root = self.keys.mint(mode, Some(rqd), now);
        let (chain, certificates) = match mode {
            Mode::Plain => (root, None),
            Mode::Anonymous => (self.anonymous(&root, Some(rqd), now), None),
            Mode::Id => self.first_link(&root, "middle-tier-1", Some(rqd), now),
        };
        let headers = request.headers_mut();
        headers.insert("da-svid", HeaderValue::try_from(chain).unwrap());
        if let Some(certificates) = certificates {
            headers.insert("da-svid-certs", HeaderValue::try_from(certificates).unwrap());
        }
    }

    fn anonymous(&self, root: &str, rqd: Option<Digest>, now: Timestamp) -> String {
        let extension = Extension { next: None, only: None, rqd, seal: false, life: 60 };
        let (root, key) = (Chain::parse(root).unwrap(), self.keys.anonymous_root());
        extend_anonymous(&root, &key, &extension, TokenId(random()), &random(), now).unwrap()
    }

    /// subject-wl's own link for `next`.
    pub(crate) fn first_link(
        &self,
        root: &str,
        next: &str,
        rqd: Option<Digest>,
        now: Timestamp,
    ) -> (String, Option<String>) {
        let svid = self.subject.svid().unwrap();
        let signer = Signer { id: &svid.id, key: &svid.key, x5t: Digest(svid.x5t), not_after: svid.not_after };
        let extension = Extension { next: Some(id(next)), only: None, rqd, seal: false, life: 60 };
        let chain = extend_id(&Chain::parse(root).unwrap(), &signer, &extension, TokenId(random()), now).unwrap();
        let mut certificates = Certificates::default();
        svid.chain.iter().for_each(|der| certificates.push(der));
        (chain, Some(certificates.to_header()))
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Response<AnswerBody> {
        tokio::time::timeout(SOON * 2, self.client.send(request)).await.unwrap().unwrap()
    }

    /// Sends a request that must be refused: the problem's kind, detail and culprit. The target must not have seen it.
    pub(crate) async fn refused(&self, request: Request<Full<Bytes>>) -> Problem {
        let problem = problem(self.send(request).await).await;
        assert!(self.target.seen().is_empty(), "{:?}", self.target.seen());
        problem
    }

    /// Ends the target (and the asserting workload, whose keys are known by now).
    pub(crate) async fn stop_target(&self) {
        self.servers.cancel();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    pub(crate) async fn close(self) {
        for hop in self.hops {
            hop.shutdown().await;
        }
        self.servers.cancel();
        self.spire.shutdown().await;
    }
}

/// What a refused client is told.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemKind,
    pub(crate) detail: String,
    pub(crate) culprit: String,
}

pub(crate) async fn problem(response: Response<AnswerBody>) -> Problem {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{status}");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let document: ProblemDocument = serde_json::from_slice(&body).unwrap();
    assert_eq!(document.status, status.as_u16());
    Problem {
        kind: document.kind().unwrap(),
        detail: document.detail.unwrap_or_default(),
        culprit: document.culprit.unwrap_or_default(),
    }
}

pub(crate) async fn text(response: Response<AnswerBody>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

pub(crate) fn rqd(method: &Method, target: &str, headers: &HeaderMap) -> Digest {
    let (headers, body) = (fields(headers), token::Body::Streaming);
    binding::rqd(&token::Request { method: method.as_str(), target, headers: &headers, trailers: &[], body }).unwrap()
}

async fn identity(home: &TempDir, name: &str) -> Identity {
    Identity::connect(Some(&DevSpire::endpoint(&home.path().join(name))), SOON).await.unwrap()
}

async fn serve(identity: Identity, app: Router, stop: &CancellationToken) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let allow = Allow::TrustDomain(TrustDomain::new("bank.example").unwrap());
    tokio::spawn(mesh::serve(listener, identity, allow, app, ServerSettings::default(), stop.clone()));
    address
}

pub(crate) fn url(address: std::net::SocketAddr) -> Url {
    format!("https://{address}").parse().unwrap()
}

fn config(
    plan: &Plan,
    position: usize,
    home: &TempDir,
    asserting: std::net::SocketAddr,
    next: &(String, std::net::SocketAddr),
) -> Config {
    let socket = DevSpire::endpoint(&home.path().join(format!("middle-tier-{position}")));
    let neighbour = if position == 1 { "subject-wl".to_owned() } else { format!("middle-tier-{}", position - 1) };
    let (seal, http1_only) = (position == plan.hops, plan.http1.1);
    let (max_bytes, idle, answer_timeout) = plan.limits;
    let (next_id, next_address, modes, more) = (&next.0, next.1, plan.modes, plan.settings);
    chassis::config::parse(&format!(
        r#"
        [identity]
        socket = "{socket}"
        [listen]
        address = "127.0.0.1:0"
        [asserting]
        url = "https://{asserting}"
        id = "spiffe://bank.example/asserting-wl"
        [next]
        url = "https://{next_address}"
        id = "spiffe://bank.example/{next_id}"
        http1_only = {http1_only}
        answer_timeout = "{answer_timeout}"
        [body]
        max_bytes = {max_bytes}
        idle = "{idle}"
        [policy.accept]
        asserters = ["spiffe://bank.example/asserting-wl"]
        subjects = ["spiffe://bank.example/subject-wl"]
        issuers = ["{issuer}"]
        modes = [{modes}]
        neighbours = ["spiffe://bank.example/{neighbour}"]
        role = "hop"
        seal = {seal}
        [[policy.route]]
        method = "GET"
        path = "/open/*"
        scope = "accounts.read"
        request_binding = "none"
        [[policy.route]]
        path = "/v1/*"
        scope = "payments.write"
        {more}
        "#,
        issuer = crate::keys::ISSUER,
    ))
    .unwrap()
}
