//! Rotation, outage and withdrawal while requests are under way.

use crate::fixture::{Pair, SOON, WhoAmI, eventually, id, whoami};
use mesh::{ClientError, ClientSettings, IdentityError, ServerSettings};
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Connections that live for a moment only, so that there are many handshakes.
fn short_lived() -> (ServerSettings, ClientSettings) {
    let server = ServerSettings { max_age: Duration::from_millis(60), ..ServerSettings::default() };
    let client = ClientSettings { max_age: Duration::from_millis(5), ..ClientSettings::default() };
    (server, client)
}

/// Requests from several tasks while `meanwhile` runs; none may fail. Returns how many connections there were.
async fn under_load(pair: &Pair, meanwhile: impl Future<Output = ()>) -> usize {
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop) = (pair.client.clone(), stop.clone());
            tokio::spawn(async move {
                let mut connections = HashSet::new();
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.send(crate::fixture::request("/whoami").map(http_body_util::Full::new)).await;
                    let answer = answer.unwrap_or_else(|error| panic!("a request failed: {error:?}"));
                    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
                    let (peer, _, addr): WhoAmI = serde_json::from_slice(&body).unwrap();
                    assert_eq!(peer, "spiffe://bank.example/alice");
                    connections.insert(addr);
                }
                connections
            })
        })
        .collect();
    meanwhile.await;
    stop.store(true, Ordering::Relaxed);
    let mut connections = HashSet::new();
    for worker in workers {
        connections.extend(worker.await.unwrap());
    }
    connections.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn svids_rotate_under_load_without_a_failed_request() {
    let (server, client) = short_lived();
    let pair = Pair::with(whoami(), server, client).await;
    let connections = under_load(&pair, async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(40)).await;
            pair.spire.api.rotate().unwrap();
        }
    })
    .await;
    assert!(connections > 10, "{connections}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ca_rotates_under_load_without_a_failed_request() {
    let (server, client) = short_lived();
    let pair = Pair::with(whoami(), server, client).await;
    under_load(&pair, async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            pair.spire.api.rotate_ca().await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        pair.spire.api.forget_old_cas();
        tokio::time::sleep(Duration::from_millis(100)).await;
    })
    .await;
}

#[tokio::test]
async fn requests_go_on_while_the_workload_api_is_away() {
    let (server, client) = short_lived();
    let pair = Pair::with(whoami(), server, client).await;
    pair.spire.api.set_available(false);
    under_load(&pair, tokio::time::sleep(Duration::from_millis(200))).await;
    pair.spire.api.set_available(true);
}

#[tokio::test]
async fn a_client_whose_identity_is_withdrawn_sends_nothing_more() {
    let pair = Pair::start().await;
    pair.client.get_json::<WhoAmI>("/whoami").await.unwrap();
    pair.spire.api.withdraw(&id("alice"));
    eventually("the identity goes", async || !pair.alice.is_usable()).await;
    let error = pair.client.get_json::<WhoAmI>("/whoami").await.unwrap_err();
    assert!(matches!(error, ClientError::Identity(IdentityError::Withdrawn)), "{error:?}");
    pair.spire.api.restore(&id("alice"));
    eventually("requests go through again", async || pair.client.get_json::<WhoAmI>("/whoami").await.is_ok()).await;
}

#[tokio::test]
async fn a_server_whose_identity_is_withdrawn_closes_its_connections() {
    let settings = ServerSettings { handshake_timeout: Duration::from_millis(100), ..ServerSettings::default() };
    let pair = Pair::with(whoami(), settings, ClientSettings::default()).await;
    pair.client.get_json::<WhoAmI>("/whoami").await.unwrap();
    pair.spire.api.withdraw(&id("target-wl"));
    eventually("requests fail", async || pair.client.get_json::<WhoAmI>("/whoami").await.is_err()).await;
    pair.spire.api.restore(&id("target-wl"));
    eventually("requests go through again", async || pair.client.get_json::<WhoAmI>("/whoami").await.is_ok()).await;
}

#[tokio::test]
async fn connections_end_gracefully_when_they_are_old() {
    let server = ServerSettings { max_age: Duration::from_millis(50), ..ServerSettings::default() };
    let pair = Pair::with(whoami(), server, ClientSettings::default()).await;
    let connections = under_load(&pair, tokio::time::sleep(Duration::from_millis(400))).await;
    assert!((4..40).contains(&connections), "{connections}");
}

#[tokio::test]
async fn a_client_leaves_old_connections_by_itself() {
    let client = ClientSettings { max_age: Duration::from_millis(50), ..ClientSettings::default() };
    let pair = Pair::with(whoami(), ServerSettings::default(), client).await;
    let connections = under_load(&pair, tokio::time::sleep(Duration::from_millis(400))).await;
    assert!((4..40).contains(&connections), "{connections}");
}

#[tokio::test]
async fn a_connection_ends_with_the_certificate_of_its_peer() {
    let mut settings = dev_spire::Settings::new(crate::fixture::domain("bank.example"));
    settings.x509_ttl = Duration::from_secs(2);
    let api = dev_spire::DevSpire::start(settings).await.unwrap();
    let spire = crate::fixture::Spire { api, home: tempfile::tempdir().unwrap() };
    let (target, alice) = (spire.identity(id("target-wl")).await, spire.identity(id("alice")).await);
    let server =
        crate::fixture::Server::start(&target, crate::fixture::bank(), whoami(), ServerSettings::default()).await;
    let client = mesh::Client::new(&alice, id("target-wl"), &server.url(), ClientSettings::default()).unwrap();
    let (_, _, first) = client.get_json::<WhoAmI>("/whoami").await.unwrap();
    let start = tokio::time::Instant::now();
    eventually("another connection", async || client.get_json::<WhoAmI>("/whoami").await.unwrap().2 != first).await;
    assert!(start.elapsed() < Duration::from_millis(2200) && start.elapsed() < SOON, "{:?}", start.elapsed());
}
