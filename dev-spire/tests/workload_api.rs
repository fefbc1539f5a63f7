//! The Workload API as its clients see it: the `spiffe` crate, and raw calls it would never make.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use dev_spire::{
    DevSpire, Entry, KeyKind, Settings,
    pb::{WitBundlesRequest, WitsvidRequest, X509svidRequest, spiffe_workload_api_client::SpiffeWorkloadApiClient},
};
use spiffe::{JwtSource, SpiffeId, TrustDomain, X509Source};
use std::{path::PathBuf, time::Duration};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};
use tonic::{
    Code, Request,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

const SOON: Duration = Duration::from_secs(5);

fn domain() -> TrustDomain {
    TrustDomain::new("bank.example").unwrap()
}

fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

struct Fixture {
    spire: DevSpire,
    home: TempDir,
}

impl Fixture {
    async fn start() -> Self {
        Self::with(Settings::new(domain())).await
    }

    async fn with(settings: Settings) -> Self {
        Self { spire: DevSpire::start(settings).await.unwrap(), home: tempfile::tempdir().unwrap() }
    }

    async fn socket(&self, entry: Entry) -> PathBuf {
        let path = self.home.path().join(format!("{}.sock", entry.id.path().replace('/', "")));
        self.spire.issue_socket(&path, entry).await.unwrap();
        path
    }

    async fn alice(&self) -> PathBuf {
        self.socket(Entry::new(id("alice"))).await
    }
}

async fn source(path: &std::path::Path) -> X509Source {
    let endpoint = DevSpire::endpoint(path);
    X509Source::builder()
        .endpoint(endpoint)
        .initial_sync_timeout(SOON)
        .reconnect_backoff(Duration::from_millis(10), Duration::from_millis(50))
        .build()
        .await
        .unwrap()
}

async fn raw(path: &std::path::Path) -> SpiffeWorkloadApiClient<Channel> {
    let channel = Endpoint::from_shared(DevSpire::endpoint(path)).unwrap().connect().await.unwrap();
    SpiffeWorkloadApiClient::new(channel)
}

fn with_header<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
    request
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn six_identities_are_ready_in_no_time() {
    let start = Instant::now();
    let fixture = Fixture::start().await;
    for name in ["subject-wl", "asserting-wl", "middle-tier-1", "middle-tier-2", "target-wl", "cli"] {
        fixture.socket(Entry::new(id(name))).await;
    }
    println!("six identities in {:?}", start.elapsed());
    // Fifty milliseconds on an idle machine; the rest is for a busy one.
    assert!(start.elapsed() < Duration::from_millis(500));
    fixture.spire.shutdown().await;
}

#[tokio::test]
async fn hands_out_svids_of_the_exact_profile() {
    let fixture = Fixture::start().await;
    let mut entry = Entry::new(id("alice"));
    entry.dns = vec!["alice.bank.example".to_owned()];
    let source = source(&fixture.socket(entry).await).await;
    let svid = source.svid().unwrap();
    assert_eq!(svid.spiffe_id(), &id("alice"));
    let (_, leaf) = X509Certificate::from_der(svid.leaf().as_bytes()).unwrap();

    let constraints = leaf.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && !constraints.value.ca);
    let usage = leaf.key_usage().unwrap().unwrap();
    assert!(usage.critical);
    assert_eq!(usage.value.flags, 1, "digitalSignature and nothing else");
    let extended = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && extended.client_auth && !extended.any);
    let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(*names, [GeneralName::URI("spiffe://bank.example/alice"), GeneralName::DNSName("alice.bank.example")]);
    assert_ne!(leaf.subject(), leaf.issuer());
    let life = leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp();
    assert_eq!(life, 3600 + 30, "an hour, backdated by half a minute");

    let bundles = source.bundle_set().unwrap();
    let bundle = bundles.get(&domain()).unwrap();
    let (_, anchor) = X509Certificate::from_der(bundle.authorities()[0].as_bytes()).unwrap();
    assert!(anchor.is_ca());
    assert!(anchor.key_usage().unwrap().unwrap().value.key_cert_sign());
    leaf.verify_signature(Some(anchor.public_key())).unwrap();
}

#[tokio::test]
async fn makes_keys_of_the_kind_asked_for() {
    let fixture = Fixture::start().await;
    for (kind, oid, length) in [
        (KeyKind::P256, "1.2.840.10045.2.1", 65),
        (KeyKind::P384, "1.2.840.10045.2.1", 97),
        (KeyKind::Rsa2048, "1.2.840.113549.1.1.1", 270),
    ] {
        let mut entry = Entry::new(id(&format!("{kind:?}").to_lowercase()));
        entry.key = kind;
        let source = source(&fixture.socket(entry).await).await;
        let svid = source.svid().unwrap();
        let (_, leaf) = X509Certificate::from_der(svid.leaf().as_bytes()).unwrap();
        assert_eq!(leaf.public_key().algorithm.algorithm.to_id_string(), oid);
        assert_eq!(leaf.public_key().subject_public_key.data.len(), length, "{kind:?}");
    }
}

#[tokio::test]
async fn each_socket_gives_only_its_own_identity() {
    let fixture = Fixture::start().await;
    let alice = source(&fixture.alice().await).await;
    let bob = source(&fixture.socket(Entry::new(id("bob"))).await).await;
    assert_eq!(alice.svid().unwrap().spiffe_id(), &id("alice"));
    assert_eq!(bob.svid().unwrap().spiffe_id(), &id("bob"));
}

#[tokio::test]
async fn rotation_reaches_the_client_and_keeps_the_anchor() {
    let fixture = Fixture::start().await;
    let source = source(&fixture.alice().await).await;
    let (mut updates, before) = (source.updated(), source.svid().unwrap());
    fixture.spire.rotate().unwrap();
    timeout(SOON, updates.changed()).await.unwrap().unwrap();
    let after = source.svid().unwrap();
    assert_ne!(before.leaf().as_bytes(), after.leaf().as_bytes());
    assert_ne!(before.private_key().as_bytes(), after.private_key().as_bytes());
    assert_eq!(fixture.spire.bundle().len(), 1);
}

#[tokio::test]
async fn rotates_by_itself_at_half_life() {
    let mut settings = Settings::new(domain());
    settings.x509_ttl = Duration::from_secs(2);
    let fixture = Fixture::with(settings).await;
    let source = source(&fixture.alice().await).await;
    let mut updates = source.updated();
    timeout(SOON, updates.changed()).await.unwrap().unwrap();
    assert!(source.is_healthy());
}

#[tokio::test]
async fn a_new_ca_is_known_before_it_issues_and_the_old_one_stays() {
    let fixture = Fixture::start().await;
    let source = source(&fixture.alice().await).await;
    let before = source.svid().unwrap();
    let (rotated, ()) = tokio::join!(fixture.spire.rotate_ca(), async {
        eventually("both anchors arrive", || {
            source.bundle_set().unwrap().get(&domain()).unwrap().authorities().len() == 2
        })
        .await;
        assert_eq!(source.svid().unwrap().leaf(), before.leaf(), "the old CA still issues");
    });
    rotated.unwrap();
    eventually("the new CA issues", || source.svid().unwrap().leaf() != before.leaf()).await;
    assert_eq!(fixture.spire.bundle().len(), 2);
    fixture.spire.forget_old_cas();
    eventually("the old anchor goes", || source.bundle_set().unwrap().get(&domain()).unwrap().authorities().len() == 1)
        .await;
}

#[tokio::test]
async fn a_ca_stays_in_the_bundle_until_its_last_svid_ends_however_often_another_follows() {
    let mut settings = Settings::new(domain());
    settings.overlap = Duration::ZERO;
    let fixture = Fixture::with(settings).await;
    let first = fixture.spire.bundle();
    for _ in 0..9 {
        fixture.spire.rotate_ca().await.unwrap();
    }
    assert_eq!(fixture.spire.bundle().len(), 10);
    assert!(fixture.spire.bundle().starts_with(&first));

    let mut settings = Settings::new(domain());
    (settings.overlap, settings.x509_ttl) = (Duration::ZERO, Duration::from_secs(1));
    let fixture = Fixture::with(settings).await;
    let first = fixture.spire.bundle();
    fixture.spire.rotate_ca().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    fixture.spire.rotate_ca().await.unwrap();
    assert_eq!(fixture.spire.bundle().len(), 2);
    assert!(!fixture.spire.bundle().starts_with(&first), "its last SVID has ended");
}

#[tokio::test]
async fn an_outage_ends_streams_and_the_client_comes_back() {
    let fixture = Fixture::start().await;
    let path = fixture.alice().await;
    let mut client = raw(&path).await;
    let mut stream = client.fetch_x509svid(with_header(X509svidRequest {})).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    let source = source(&path).await;
    let mut updates = source.updated();

    fixture.spire.outage(Duration::from_millis(200));
    assert_eq!(stream.message().await.unwrap_err().code(), Code::Unavailable);
    let refused = client.fetch_x509svid(with_header(X509svidRequest {})).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(source.is_healthy(), "an outage does not take the SVID away");

    tokio::time::sleep(Duration::from_millis(300)).await;
    fixture.spire.rotate().unwrap();
    timeout(SOON, updates.changed()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_withdrawn_identity_is_refused_until_it_is_restored() {
    let fixture = Fixture::start().await;
    let path = fixture.alice().await;
    let source = source(&path).await;
    fixture.spire.withdraw(&id("alice"));
    eventually("the SVID goes", || !source.is_healthy()).await;
    let refused = raw(&path).await.fetch_x509svid(with_header(X509svidRequest {})).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "no identity issued"));
    fixture.spire.restore(&id("alice"));
    eventually("the SVID comes back", || source.is_healthy()).await;
}

#[tokio::test]
async fn refuses_a_call_without_the_security_header() {
    let fixture = Fixture::start().await;
    let mut client = raw(&fixture.alice().await).await;
    let refused = client.fetch_x509svid(X509svidRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let mut other = Request::new(X509svidRequest {});
    other.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("True"));
    assert_eq!(client.fetch_x509svid(other).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn answers_the_newer_calls_unimplemented() {
    let fixture = Fixture::start().await;
    let mut client = raw(&fixture.alice().await).await;
    let refused = client.fetch_witsvid(with_header(WitsvidRequest::default())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    let refused = client.fetch_wit_bundles(with_header(WitBundlesRequest {})).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}

#[tokio::test]
async fn issues_jwt_svids_that_the_client_and_the_api_verify() {
    let fixture = Fixture::start().await;
    let path = fixture.alice().await;
    let source =
        JwtSource::builder().endpoint(DevSpire::endpoint(&path)).initial_sync_timeout(SOON).build().await.unwrap();
    let svid = source.fetch_jwt_svid(&["target"]).await.unwrap();
    assert_eq!(svid.spiffe_id(), &id("alice"));
    let bundles = source.bundle_set().unwrap();
    spiffe::JwtSvid::parse_and_validate(svid.token(), bundles.as_ref(), &["target"]).unwrap();

    let client = spiffe::WorkloadApiClient::connect_to(DevSpire::endpoint(&path)).await.unwrap();
    let validated = client.validate_jwt_token("target", svid.token()).await.unwrap();
    assert_eq!(validated.spiffe_id(), &id("alice"));
    assert!(client.validate_jwt_token("other", svid.token()).await.is_err());
}

#[tokio::test]
async fn hands_out_the_bundles_of_federated_trust_domains() {
    let (fixture, foreign) = (Fixture::start().await, Fixture::start().await);
    let other = TrustDomain::new("other.example").unwrap();
    let source = source(&fixture.alice().await).await;
    fixture.spire.federate(other.clone(), foreign.spire.bundle());
    eventually("the foreign bundle arrives", || source.bundle_set().unwrap().get(&other).is_some()).await;
}

#[tokio::test]
async fn refuses_entries_of_another_trust_domain_or_without_a_path() {
    let fixture = Fixture::start().await;
    let path = fixture.home.path().join("x.sock");
    let foreign = Entry::new(SpiffeId::new("spiffe://other.example/alice").unwrap());
    let error = fixture.spire.issue_socket(&path, foreign).await.unwrap_err();
    assert_eq!(error.to_string(), "spiffe://other.example/alice is not in the trust domain bank.example");
    let bare = Entry::new(SpiffeId::new("spiffe://bank.example").unwrap());
    let error = fixture.spire.issue_socket(&path, bare).await.unwrap_err();
    assert_eq!(error.to_string(), "spiffe://bank.example has no path; a workload's SPIFFE ID has one");
}

#[tokio::test]
async fn shutdown_removes_the_sockets() {
    let fixture = Fixture::start().await;
    let path = fixture.alice().await;
    let _open = source(&path).await;
    let start = Instant::now();
    fixture.spire.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(!path.exists());
}
