//! Keys and bundles over real SPIFFE mTLS.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chassis::config::{IdentitySettings, Period};
use chassis::trust::TrustStore;
use chassis::{Process, SystemClock, identity};
use dev_spire::{DevSpire, Entry, Settings};
use mesh::{Allow, Identity, ServerSettings};
use sha2::{Digest, Sha256};
use spiffe::{SpiffeId, TrustDomain};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

fn bank() -> TrustDomain {
    TrustDomain::new("bank.example").unwrap()
}

/// A Workload API, and a process that may be any workload of the bank.
struct Bank {
    spire: DevSpire,
    folder: TempDir,
    process: Process,
}

impl Bank {
    async fn start() -> Self {
        mesh::install_crypto();
        let spire = DevSpire::start(Settings::new(bank())).await.unwrap();
        Self { spire, folder: tempfile::tempdir().unwrap(), process: Process::new(Arc::new(SystemClock)) }
    }

    async fn identity(&self, name: &str) -> Identity {
        let path = self.folder.path().join(format!("{name}.sock"));
        self.spire.issue_socket(&path, Entry::new(id(name))).await.unwrap();
        let settings = IdentitySettings { socket: Some(DevSpire::endpoint(&path)), wait: Period::seconds(10) };
        identity::connect(&settings, &self.process).await.unwrap()
    }

    /// Serves a key set as the workload `name`.
    async fn asserter(&self, name: &str, address: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/keys", get(async || jwks()));
        let identity = self.identity(name).await;
        let stop = CancellationToken::new();
        tokio::spawn(mesh::serve(
            listener,
            identity,
            Allow::TrustDomain(bank()),
            router,
            ServerSettings::default(),
            stop,
        ));
        address
    }

    async fn trust(&self, asserter: SocketAddr) -> TrustStore {
        let url = Url::parse(&format!("https://{asserter}")).unwrap();
        TrustStore::start(
            &self.identity("target-wl").await,
            &[(id("asserting-wl"), (&url).try_into().unwrap())],
            &self.process,
        )
        .unwrap()
    }

    async fn is_ready_within(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.process.ready.ready()).await.is_ok()
    }
}

/// A key set of one ristretto255 key, the base point.
fn jwks() -> String {
    let members = r#""crv":"ristretto255","kty":"OKP","x":"4vKuCmq-bE4xqHEVwmCeKlMJVgqOvLXqgrYtpc4tLXY""#;
    let kid = token::encoding::base64url(&Sha256::digest(format!("{{{members}}}")));
    format!(r#"{{"keys":[{{{members},"alg":"SCHOCO-R255","use":"sig","kid":"{kid}"}}]}}"#)
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test(flavor = "multi_thread")]
async fn has_bundles_at_once_and_the_keys_of_an_asserter_that_starts_later() {
    let bank = Bank::start().await;
    let later = TcpListener::bind(anywhere()).await.unwrap().local_addr().unwrap();
    let trust = bank.trust(later).await;
    assert!(trust.snapshot().bundles.trust_domains().any(|domain| *domain == self::bank()));
    assert!(!bank.is_ready_within(Duration::from_millis(300)).await);
    bank.asserter("asserting-wl", later).await;
    assert!(bank.is_ready_within(Duration::from_secs(10)).await);
    assert_eq!(trust.snapshot().keys.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_no_keys_from_another_workload_with_a_valid_svid() {
    let bank = Bank::start().await;
    let impostor = bank.asserter("middle-tier-1", anywhere()).await;
    let trust = bank.trust(impostor).await;
    assert!(!bank.is_ready_within(Duration::from_secs(1)).await);
    assert!(trust.snapshot().keys.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_a_rotated_authority() {
    let bank = Bank::start().await;
    let asserter = bank.asserter("asserting-wl", anywhere()).await;
    let trust = bank.trust(asserter).await;
    assert!(bank.is_ready_within(Duration::from_secs(10)).await);
    let before = format!("{:?}", trust.snapshot().bundles);
    bank.spire.rotate_ca().await.unwrap();
    for _ in 0..100 {
        if format!("{:?}", trust.snapshot().bundles) != before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the new authority was not taken over");
}
