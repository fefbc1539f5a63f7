//! The whole workload over real mTLS from a real Workload API, in ID mode.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::routing::get;
use chassis::config::{
    AssertingSettings, IdentitySettings, ListenSettings, Period, PolicySource, ProviderSettings, RevocationSettings,
    StoreSettings,
};
use chassis::{Handle, SystemClock, json::Json, spawn};
use dev_spire::{DevSpire, Entry, Settings};
use http::Request;
use mesh::{Client, ClientSettings, Identity, ServerSettings};
use spiffe::TrustDomain;
use tempfile::TempDir;
use token::hop::{self, Extension, Signer};
use token::{Certificates, Chain, Mode, Timestamp};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::*;
use crate::config::Seed;
use crate::fixture::{Ask, Asserter, DPA, id, policy, token_id};

/// A trust domain with an asserter that publishes its keys, and target-wl.
struct World {
    folder: TempDir,
    spire: DevSpire,
    asserter: Arc<Asserter>,
    asserting: SocketAddr,
    _stop: tokio_util::sync::DropGuard,
}

fn url(address: SocketAddr) -> Url {
    format!("https://127.0.0.1:{}", address.port()).parse().unwrap()
}

async fn identity(folder: &TempDir, spire: &DevSpire, name: &str, id: SpiffeId) -> Identity {
    let path = folder.path().join("sockets").join(name);
    spire.issue_socket(&path, Entry::new(id)).await.unwrap();
    Identity::connect(Some(&DevSpire::endpoint(&path)), Duration::from_secs(5)).await.unwrap()
}

impl World {
    async fn new() -> Self {
        mesh::install_crypto();
        let folder = TempDir::new().unwrap();
        let spire = DevSpire::start(Settings::new(TrustDomain::new("bank.example").unwrap())).await.unwrap();
        let asserter = Arc::new(Asserter::new());
        let keys = asserter.jwks();
        let publisher = asserter.clone();
        let router = axum::Router::new()
            .route("/keys", get(async move || Json(keys)))
            .route("/revocations", get(async move || publisher.revocations(now())));
        let me = identity(&folder, &spire, "asserting-wl", id("asserting-wl")).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let asserting = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let allow = Allow::Ids(vec![id("target-wl")]);
        tokio::spawn(mesh::serve(listener, me, allow, router, ServerSettings::default(), stop.clone()));
        Self { folder, spire, asserter, asserting, _stop: stop.drop_guard() }
    }

    async fn identity(&self, name: &str) -> Identity {
        identity(&self.folder, &self.spire, name, id(name)).await
    }

    async fn target(&self) -> Handle {
        let socket = self.folder.path().join("sockets").join("target-wl");
        if !socket.exists() {
            self.spire.issue_socket(&socket, Entry::new(id("target-wl"))).await.unwrap();
        }
        let seed = Seed { dpa: DPA.into(), dpr: "bob".into(), currency: "USD".into(), minor: 100_000 };
        let config = Config {
            identity: IdentitySettings { socket: Some(DevSpire::endpoint(&socket)), wait: Period::seconds(5) },
            listen: ListenSettings { address: ([127, 0, 0, 1], 0).into(), ..ListenSettings::default() },
            asserting: AssertingSettings { url: (&url(self.asserting)).try_into().unwrap(), id: id("asserting-wl") },
            public_url: None,
            revocations: RevocationSettings::default(),
            store: StoreSettings::at(format!("sqlite://{}/bank.db?mode=rwc", self.folder.path().display())),
            policy: PolicySource::Inline(Box::new(policy())),
            providers: ProviderSettings::default(),
            request_timeout: Period::seconds(30),
            seed: vec![seed],
        };
        let handle = spawn::<TargetWl>(config, Arc::new(SystemClock)).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), handle.ready.ready()).await.unwrap();
        handle
    }
}

fn client(identity: &Identity, target: &Handle) -> Client {
    let base = url(target.address("https").unwrap());
    Client::new(identity, id("target-wl"), &base, ClientSettings::default()).unwrap()
}

fn now() -> Timestamp {
    Clock::now(&SystemClock)
}

/// subject-wl's chain of one link, straight to target-wl, and its certificates.
fn chain(world: &World, subject: &Identity, ask: &Ask) -> (String, String) {
    let root = world.asserter.root(Mode::Id, &ask.claims(now()));
    let svid = subject.svid().unwrap();
    let signer =
        Signer { id: &svid.id, key: &svid.key, x5t: token::encoding::Digest(svid.x5t), not_after: svid.not_after };
    let next = Some(id("target-wl"));
    let extension = Extension { next, only: None, rqd: Some(ask.rqd()), seal: false, life: 60 };
    let chain = hop::extend_id(&Chain::parse(&root).unwrap(), &signer, &extension, token_id(), now()).unwrap();
    let mut certificates = Certificates::default();
    svid.chain.iter().for_each(|der| certificates.push(der));
    (chain, certificates.to_header())
}

async fn send(client: &Client, (chain, certificates): &(String, String), ask: &Ask) -> (u16, serde_json::Value) {
    let mut request = Request::builder().method(ask.method).uri(&ask.target);
    request = request.header("da-svid", chain).header("da-svid-certs", certificates);
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    let answer = client.call(request.body(Bytes::from(ask.body.clone())).unwrap()).await.unwrap();
    (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
}

fn ask(ask: Ask) -> Ask {
    Ask { mode: Mode::Id, ..ask }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_over_mtls_becomes_a_balance_that_survives_a_restart() {
    let world = World::new().await;
    let subject = world.identity("subject-wl").await;
    let target = world.target().await;
    let deposit = ask(Ask::deposit("alice", "k1", 2_500));
    let (status, receipt) = send(&client(&subject, &target), &chain(&world, &subject, &deposit), &deposit).await;
    assert_eq!((status, &receipt["balance_minor"]), (201, &2_500.into()), "{receipt}");
    assert!(target.shutdown().await, "shutdown is clean");

    let target = world.target().await;
    let client = client(&subject, &target);
    let enquiry = ask(Ask::balance("alice"));
    let (status, account) = send(&client, &chain(&world, &subject, &enquiry), &enquiry).await;
    assert_eq!((status, &account["balances"][0]["minor"]), (200, &2_500.into()), "{account}");
    let (status, again) = send(&client, &chain(&world, &subject, &deposit), &deposit).await;
    assert_eq!((status, again), (201, receipt), "a new chain with the same key gets the same answer");
    let enquiry = ask(Ask::balance("bob"));
    let (_, account) = send(&client, &chain(&world, &subject, &enquiry), &enquiry).await;
    assert_eq!(account["balances"][0]["minor"], 100_000, "seeded once");
    assert!(target.shutdown().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_says_where_da_svids_come_from() {
    let world = World::new().await;
    let (stranger, target) = (world.identity("stranger").await, world.target().await);
    let path = "/.well-known/oauth-protected-resource";
    let metadata: serde_json::Value = client(&stranger, &target).get_json(path).await.unwrap();
    assert_eq!(
        metadata,
        serde_json::json!({
            "resource": format!("https://{}", target.address("https").unwrap()),
            "spiffe_id": "spiffe://bank.example/target-wl",
            "authorization_servers": [format!("https://{}", world.asserting)],
            "scopes_supported": ["accounts.read", "payments.write"],
            "bearer_methods_supported": [],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_chain_presented_by_another_peer_is_refused() {
    let world = World::new().await;
    let (subject, thief) = (world.identity("subject-wl").await, world.identity("cli").await);
    let target = world.target().await;
    let deposit = ask(Ask::deposit("alice", "k1", 2_500));
    let chain = chain(&world, &subject, &deposit);
    let (status, problem) = send(&client(&thief, &target), &chain, &deposit).await;
    assert_eq!((status, &problem["type"]), (401, &"urn:x-dasvid:problem:invalid-chain".into()), "{problem}");
    assert_eq!(problem["culprit"], "spiffe://bank.example/target-wl");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_from_another_trust_domain_does_not_connect() {
    let world = World::new().await;
    let target = world.target().await;
    let elsewhere = DevSpire::start(Settings::new(TrustDomain::new("evil.example").unwrap())).await.unwrap();
    elsewhere.federate(TrustDomain::new("bank.example").unwrap(), world.spire.bundle());
    let stranger = SpiffeId::new("spiffe://evil.example/subject-wl").unwrap();
    let stranger = identity(&world.folder, &elsewhere, "stranger", stranger).await;
    let request = Request::builder().uri("/v1/balance").body(Bytes::new()).unwrap();
    assert!(client(&stranger, &target).call(request).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_policy_keeps_it_from_starting() {
    let world = World::new().await;
    let config = Config {
        identity: IdentitySettings::default(),
        listen: ListenSettings::default(),
        asserting: AssertingSettings { url: (&url(world.asserting)).try_into().unwrap(), id: id("asserting-wl") },
        public_url: None,
        revocations: RevocationSettings::default(),
        store: StoreSettings::at("memory:"),
        policy: PolicySource::Path("/nowhere/policy.toml".into()),
        providers: ProviderSettings::default(),
        request_timeout: Period::seconds(30),
        seed: Vec::new(),
    };
    let error = spawn::<TargetWl>(config, Arc::new(SystemClock)).await.unwrap_err();
    assert!(error.is::<ConfigError>(), "{error:#}");
}
