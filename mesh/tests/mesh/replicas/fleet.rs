//! Replicas that can be killed as a process is, and names that stand for them.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::HeaderMap,
    routing::{any, get},
};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use http::Request;
use mesh::{Client, ClientSettings, Identity, Origins, Resolver, ServerSettings, serve};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Spire, bank, eventually, id};

/// A name service that says what the test wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>);

impl Names {
    pub(super) fn set(&self, host: &str, addresses: &[SocketAddr]) {
        self.0.lock().unwrap().insert(host.to_owned(), addresses.to_vec());
    }

    /// The name is known no more.
    pub(super) fn forget(&self, host: &str) {
        self.0.lock().unwrap().remove(host);
    }
}

impl Resolver for Names {
    fn resolve(&self, host: &str, _port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let found = self.0.lock().unwrap().get(host).cloned();
        async move { found.ok_or_else(|| io::ErrorKind::NotFound.into()) }.boxed()
    }
}

/// What one replica has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How often each request came, by its header `n`.
    pub(super) numbers: Mutex<HashMap<String, usize>>,
    pub(super) bodies: Mutex<Vec<Bytes>>,
    /// Whether `/stuck` and `/half` answer as `/` does.
    pub(super) steady: AtomicBool,
    total: AtomicUsize,
}

impl Seen {
    pub(super) fn total(&self) -> usize {
        self.total.load(Ordering::SeqCst)
    }
}

/// A replica on a runtime of its own, so that it can be killed.
pub(super) struct Process {
    pub(super) addr: SocketAddr,
    pub(super) seen: Arc<Seen>,
    stop: CancellationToken,
    runtime: Option<Runtime>,
}

impl Process {
    pub(super) async fn start(identity: &Identity, addr: SocketAddr, seen: Arc<Seen>) -> Self {
        Self::with(identity, addr, seen.clone(), app(seen)).await
    }

    async fn with(identity: &Identity, addr: SocketAddr, seen: Arc<Seen>, app: Router) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stop, identity) = (CancellationToken::new(), identity.clone());
        let stopping = stop.clone();
        let settings = ServerSettings { drain: Duration::from_secs(2), ..ServerSettings::default() };
        let bound = runtime.spawn(async move {
            let tcp = loop {
                match TcpListener::bind(addr).await {
                    Ok(tcp) => break tcp,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            };
            let addr = tcp.local_addr().unwrap();
            tokio::spawn(serve(tcp, identity, bank(), app, settings, stopping));
            addr
        });
        Self { addr: bound.await.unwrap(), seen, stop, runtime: Some(runtime) }
    }

    /// Ends at once: every connection breaks.
    pub(super) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Takes no new connections, and closes the ones there are once their requests are answered.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A trust domain, two replicas of `target-wl`, and the name `target-wl` for both.
pub(super) struct Fleet {
    pub(super) spire: Spire,
    pub(super) alice: Identity,
    pub(super) target: Identity,
    pub(super) names: Names,
    pub(super) replicas: Vec<Process>,
}

pub(super) const ANY: &str = "127.0.0.1:0";

impl Fleet {
    pub(super) async fn start(replicas: usize) -> Self {
        let spire = Spire::start().await;
        let (target, alice) = (spire.identity(id("target-wl")).await, spire.identity(id("alice")).await);
        let mut fleet = Self { spire, alice, target, names: Names::default(), replicas: Vec::new() };
        for _ in 0..replicas {
            let replica = Process::start(&fleet.target, ANY.parse().unwrap(), Arc::default()).await;
            fleet.replicas.push(replica);
        }
        fleet.publish(&[]);
        fleet
    }

    /// Lets the name stand for all replicas and these addresses, which come first.
    pub(super) fn publish(&self, others: &[SocketAddr]) {
        let all: Vec<_> = others.iter().copied().chain(self.replicas.iter().map(|replica| replica.addr)).collect();
        self.names.set("target-wl", &all);
    }

    pub(super) fn settings(&self) -> ClientSettings {
        ClientSettings {
            resolver: Arc::new(self.names.clone()),
            refresh: Duration::from_millis(100),
            ..ClientSettings::default()
        }
    }

    pub(super) fn client(&self) -> Client {
        self.client_with(self.settings())
    }

    pub(super) fn client_with(&self, settings: ClientSettings) -> Client {
        let origins: Origins = "https://target-wl".parse().unwrap();
        Client::balanced(&self.alice, id("target-wl"), &origins, settings).unwrap()
    }

    /// Waits until a replica has seen a request, and makes the others steady.
    pub(super) async fn asked(&self) -> usize {
        eventually("a request arrives", async || self.seen().iter().any(|seen| *seen > 0)).await;
        let asked = self.seen().iter().position(|seen| *seen > 0).unwrap();
        for (place, replica) in self.replicas.iter().enumerate() {
            replica.seen.steady.store(place != asked, Ordering::SeqCst);
        }
        asked
    }

    pub(super) fn seen(&self) -> Vec<usize> {
        self.replicas.iter().map(|replica| replica.seen.total()).collect()
    }
}

/// A request with a number of its own.
pub(super) fn numbered(method: &str, path: &str, number: usize) -> Request<Bytes> {
    Request::builder().method(method).uri(path).header("n", number.to_string()).body(Bytes::new()).unwrap()
}

fn note(seen: &Seen, headers: &HeaderMap) {
    let number = headers.get("n").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    *seen.numbers.lock().unwrap().entry(number).or_default() += 1;
    seen.total.fetch_add(1, Ordering::SeqCst);
}

/// `/` answers at once, `/slow` after a moment, `/stuck` never, `/half` begins and never ends; but for a steady replica.
fn app(seen: Arc<Seen>) -> Router {
    Router::new()
        .route(
            "/",
            any(async |State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes| {
                note(&seen, &headers);
                seen.bodies.lock().unwrap().push(body);
                "true"
            }),
        )
        .route(
            "/slow",
            any(async |State(seen): State<Arc<Seen>>, headers: HeaderMap, _body: Bytes| {
                note(&seen, &headers);
                tokio::time::sleep(Duration::from_millis(20)).await;
                "true"
            }),
        )
        .route(
            "/stuck",
            any(async |State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes| {
                note(&seen, &headers);
                seen.bodies.lock().unwrap().push(body);
                if !seen.steady.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                "true"
            }),
        )
        .route(
            "/half",
            get(async |State(seen): State<Arc<Seen>>, headers: HeaderMap| {
                note(&seen, &headers);
                if seen.steady.load(Ordering::SeqCst) {
                    return Body::from("true");
                }
                let begun = stream::once(async { Ok::<_, io::Error>(Bytes::from_static(b"tr")) });
                Body::from_stream(begun.chain(stream::pending()))
            }),
        )
        .with_state(seen)
}
