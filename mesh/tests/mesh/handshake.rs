//! Who gets in, and who does not.

use crate::fixture::{Pair, SOON, Server, Spire, WhoAmI, bank, domain, http1, id, request, whoami};
use mesh::{Allow, Client, ClientError, ClientSettings, Identity, ServerSettings, install_crypto};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use spiffe::SpiffeId;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

async fn who(client: &Client) -> Result<WhoAmI, ClientError> {
    client.get_json("/whoami").await
}

fn client(identity: &Identity, server: &Server, settings: ClientSettings) -> Client {
    Client::new(identity, id("target-wl"), &server.url(), settings).unwrap()
}

#[tokio::test]
async fn tells_the_handler_who_is_calling() {
    let pair = Pair::start().await;
    for settings in [ClientSettings::default(), http1()] {
        let client = client(&pair.alice, &pair.server, settings);
        let (peer, x5t, addr) = who(&client).await.unwrap();
        assert_eq!(peer, "spiffe://bank.example/alice");
        assert_eq!(x5t, pair.alice.svid().unwrap().x5t);
        assert!(addr.starts_with("127.0.0.1:"));
    }
}

#[tokio::test]
async fn agrees_on_http_2_and_falls_back_to_http_1() {
    let pair = Pair::start().await;
    let version = async |settings| {
        let client = client(&pair.alice, &pair.server, settings);
        client.send(request("/whoami").map(http_body_util::Full::new)).await.unwrap().version()
    };
    assert_eq!(version(ClientSettings::default()).await, http::Version::HTTP_2);
    assert_eq!(version(http1()).await, http::Version::HTTP_11);
}

#[tokio::test]
async fn refuses_a_caller_that_is_not_listed() {
    let spire = Spire::start().await;
    let target = spire.identity(id("target-wl")).await;
    let server = Server::start(&target, Allow::Ids(vec![id("alice")]), whoami(), ServerSettings::default()).await;
    let bob = spire.identity(id("bob")).await;
    for settings in [ClientSettings::default(), http1()] {
        let error = who(&client(&bob, &server, settings)).await.unwrap_err();
        assert!(matches!(&error, ClientError::Refused { server } if server == &id("target-wl")), "{error:?}");
    }
    let alice = spire.identity(id("alice")).await;
    who(&client(&alice, &server, ClientSettings::default())).await.unwrap();
}

#[tokio::test]
async fn a_caller_refuses_a_server_with_another_identity_and_names_both() {
    let pair = Pair::start().await;
    let client = Client::new(&pair.alice, id("asserting-wl"), &pair.server.url(), ClientSettings::default()).unwrap();
    match who(&client).await.unwrap_err() {
        ClientError::WrongPeer { expected, found, .. } => {
            assert_eq!((expected, found), (id("asserting-wl"), id("target-wl")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn refuses_a_caller_from_another_trust_domain() {
    let (spire, foreign) = (Spire::start().await, Spire::of("other.example").await);
    let target = spire.identity(id("target-wl")).await;
    let server = Server::start(&target, bank(), whoami(), ServerSettings::default()).await;
    // The stranger knows our bundle, so that it is the server that refuses.
    foreign.api.federate(domain("bank.example"), spire.api.bundle());
    let stranger = foreign.identity(SpiffeId::new("spiffe://other.example/alice").unwrap()).await;
    let error = who(&client(&stranger, &server, ClientSettings::default())).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error:?}");

    // Knowing its bundle is not enough, either: the policy decides.
    let mut updates = target.updates();
    spire.api.federate(domain("other.example"), foreign.api.bundle());
    timeout(SOON, updates.changed()).await.unwrap().unwrap();
    let error = who(&client(&stranger, &server, ClientSettings::default())).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error:?}");

    let both = Allow::TrustDomains(vec![domain("bank.example"), domain("other.example")]);
    let server = Server::start(&target, both, whoami(), ServerSettings::default()).await;
    let (peer, ..) = who(&client(&stranger, &server, ClientSettings::default())).await.unwrap();
    assert_eq!(peer, "spiffe://other.example/alice");
}

#[tokio::test]
async fn a_caller_refuses_a_server_from_another_trust_domain() {
    let (spire, foreign) = (Spire::start().await, Spire::of("other.example").await);
    let target = foreign.identity(SpiffeId::new("spiffe://other.example/target-wl").unwrap()).await;
    let allow = Allow::TrustDomain(domain("other.example"));
    let server = Server::start(&target, allow, whoami(), ServerSettings::default()).await;
    let alice = spire.identity(id("alice")).await;
    let error = who(&client(&alice, &server, ClientSettings::default())).await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error:?}");
}

#[tokio::test]
async fn refuses_a_caller_without_a_certificate() {
    let pair = Pair::start().await;
    let config = tls(&pair.spire).with_no_client_auth();
    assert_refused(&pair.server, config).await;
}

#[tokio::test]
async fn refuses_a_self_signed_certificate_with_the_right_name() {
    let pair = Pair::start().await;
    let (chain, key) = self_signed(&id("alice"));
    let config = tls(&pair.spire).with_client_auth_cert(chain, key.into()).unwrap();
    assert_refused(&pair.server, config).await;
}

#[tokio::test]
async fn refuses_tls_1_2() {
    let pair = Pair::start().await;
    let mut stream = TcpStream::connect(pair.server.addr).await.unwrap();
    stream.write_all(&client_hello_of_tls_1_2()).await.unwrap();
    let mut answer = Vec::new();
    timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    // A fatal alert: protocol_version.
    assert_eq!((answer[0], &answer[5..]), (21, [2, 70].as_slice()));
}

#[tokio::test]
async fn slow_handshakes_do_not_block_others() {
    let pair = Pair::start().await;
    let mut stuck = Vec::new();
    for _ in 0..50 {
        stuck.push(TcpStream::connect(pair.server.addr).await.unwrap());
    }
    let start = Instant::now();
    who(&pair.client).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn ends_a_handshake_that_takes_too_long() {
    let settings = ServerSettings { handshake_timeout: Duration::from_millis(100), ..ServerSettings::default() };
    let pair = Pair::with(whoami(), settings, ClientSettings::default()).await;
    let mut stream = TcpStream::connect(pair.server.addr).await.unwrap();
    stream.write_all(&[22, 3, 1]).await.unwrap();
    let read = timeout(SOON, stream.read(&mut [0; 16])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let pair = Pair::start().await;
    let mut stream = TcpStream::connect(pair.server.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: target-wl\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap());
    assert!(!answer.starts_with(b"HTTP"));
    who(&pair.client).await.unwrap();
}

#[tokio::test]
async fn waiting_connections_get_their_turn_when_there_is_room() {
    let settings = ServerSettings { max_connections: 1, ..ServerSettings::default() };
    let pair = Pair::with(whoami(), settings, ClientSettings::default()).await;
    let first = TcpStream::connect(pair.server.addr).await.unwrap();
    let client = pair.client.clone();
    let waiting = tokio::spawn(async move { who(&client).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    drop(first);
    timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
}

fn tls(spire: &Spire) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    install_crypto();
    let mut roots = RootCertStore::empty();
    for anchor in spire.api.bundle() {
        roots.add(CertificateDer::from(anchor)).unwrap();
    }
    ClientConfig::builder().with_root_certificates(roots)
}

/// The server ends the connection before it answers.
async fn assert_refused(server: &Server, config: ClientConfig) {
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tcp = TcpStream::connect(server.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = timeout(SOON, connector.connect(name, tcp)).await.unwrap().unwrap();
    drop(stream.write_all(b"GET /whoami HTTP/1.1\r\nhost: target-wl\r\n\r\n").await);
    let mut answer = Vec::new();
    let error = timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap().unwrap_err();
    assert!(answer.is_empty(), "{error}");
    assert!(error.to_string().contains("received fatal alert"), "{error}");
}

fn self_signed(id: &SpiffeId) -> (Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(id.to_string().try_into().unwrap())];
    let certificate = params.self_signed(&key).unwrap();
    (vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()))
}

/// RFC 5246 §7.4.1.2: version 3.3, one ECDHE suite, no extension that names TLS 1.3.
fn client_hello_of_tls_1_2() -> Vec<u8> {
    let groups = [0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17];
    let schemes = [0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03];
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    body.extend([0, 16]);
    body.extend(groups);
    body.extend(schemes);
    let length = u8::try_from(body.len()).unwrap();
    let mut hello = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    hello.extend(body);
    hello
}
