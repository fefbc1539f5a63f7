//! A trust domain, a server that says who called, and clients.

use axum::{Extension, Router, routing::get};
use bytes::Bytes;
use dev_spire::{DevSpire, Entry, Settings};
use http::Request;
use mesh::{Allow, Client, ClientSettings, Identity, Peer, ServerSettings, serve};
use spiffe::{SpiffeId, TrustDomain};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) fn domain(name: &str) -> TrustDomain {
    TrustDomain::new(name).unwrap()
}

pub(crate) fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

pub(crate) fn bank() -> Allow {
    Allow::TrustDomain(domain("bank.example"))
}

/// A trust domain with its Workload API.
pub(crate) struct Spire {
    pub(crate) api: DevSpire,
    pub(crate) home: TempDir,
}

impl Spire {
    pub(crate) async fn start() -> Self {
        Self::of("bank.example").await
    }

    pub(crate) async fn of(name: &str) -> Self {
        let api = DevSpire::start(Settings::new(domain(name))).await.unwrap();
        Self { api, home: tempfile::tempdir().unwrap() }
    }

    pub(crate) async fn socket(&self, mut entry: Entry) -> PathBuf {
        entry.dns.push("localhost".to_owned());
        // A second socket of an identity gets a name of its own.
        let name = entry.id.path().trim_start_matches('/');
        let paths = (0..).map(|count| self.home.path().join(format!("{name}{}.sock", "+".repeat(count))));
        let path = paths.into_iter().find(|path| !path.exists()).unwrap();
        self.api.issue_socket(&path, entry).await.unwrap();
        path
    }

    pub(crate) async fn identity(&self, id: SpiffeId) -> Identity {
        let path = self.socket(Entry::new(id)).await;
        Identity::connect(Some(&DevSpire::endpoint(&path)), SOON).await.unwrap()
    }
}

/// A server that runs until it is dropped or stopped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(identity: &Identity, allow: Allow, app: Router, settings: ServerSettings) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), identity, allow, app, settings).await
    }

    pub(crate) async fn on(
        addr: SocketAddr,
        identity: &Identity,
        allow: Allow,
        app: Router,
        settings: ServerSettings,
    ) -> Self {
        let tcp = TcpListener::bind(addr).await.unwrap();
        let addr = tcp.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(tcp, identity.clone(), allow, app, settings, stop.clone()));
        Self { addr, stop, task }
    }

    pub(crate) fn url(&self) -> Url {
        url(self.addr)
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(SOON, self.task).await.unwrap().unwrap().unwrap();
    }
}

pub(crate) fn url(addr: SocketAddr) -> Url {
    format!("https://localhost:{}", addr.port()).parse().unwrap()
}

/// `GET /whoami` answers the peer's SPIFFE ID, its certificate's hash and its address, as JSON.
pub(crate) fn whoami() -> Router {
    Router::new().route(
        "/whoami",
        get(async |Extension(peer): Extension<Peer>| {
            axum::Json((peer.id.to_string(), peer.x5t.to_vec(), peer.addr.to_string()))
        }),
    )
}

pub(crate) type WhoAmI = (String, Vec<u8>, String);

/// A server of `target-wl` and a client of `alice`.
pub(crate) struct Pair {
    pub(crate) spire: Spire,
    pub(crate) alice: Identity,
    pub(crate) server: Server,
    pub(crate) client: Client,
}

impl Pair {
    pub(crate) async fn start() -> Self {
        Self::with(whoami(), ServerSettings::default(), ClientSettings::default()).await
    }

    pub(crate) async fn with(app: Router, server: ServerSettings, client: ClientSettings) -> Self {
        let spire = Spire::start().await;
        let target = spire.identity(id("target-wl")).await;
        let alice = spire.identity(id("alice")).await;
        let server = Server::start(&target, bank(), app, server).await;
        let client = Client::new(&alice, id("target-wl"), &server.url(), client).unwrap();
        Self { spire, alice, server, client }
    }
}

pub(crate) fn http1() -> ClientSettings {
    ClientSettings { http1_only: true, ..ClientSettings::default() }
}

pub(crate) fn request(path: &str) -> Request<Bytes> {
    Request::builder().uri(path).body(Bytes::new()).unwrap()
}

pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
