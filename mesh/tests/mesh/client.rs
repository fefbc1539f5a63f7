//! What a client does when the server is slow, large, gone, or breaks off.

use crate::fixture::{Pair, SOON, Server, Spire, WhoAmI, bank, http1, id, request, url, whoami};
use axum::{
    Form, Router,
    routing::{get, post},
};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use mesh::{Client, ClientError, ClientSettings, ServerSettings};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;

fn impatient() -> ClientSettings {
    ClientSettings { first_byte_timeout: Duration::from_millis(200), ..ClientSettings::default() }
}

#[tokio::test]
async fn posts_a_form_and_reads_any_answer() {
    let app = Router::new().route(
        "/form",
        post(async |Form(form): Form<BTreeMap<String, String>>| (StatusCode::CONFLICT, axum::Json(form))),
    );
    let pair = Pair::with(app, ServerSettings::default(), ClientSettings::default()).await;
    let answer = pair.client.post_form("/form", &[("access_token", "a.b+c &="), ("scope", "")]).await.unwrap();
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.body, r#"{"access_token":"a.b+c &=","scope":""}"#);
    assert!(!format!("{answer:?}").contains("a.b+c"));
}

#[tokio::test]
async fn a_status_other_than_success_is_an_error_with_the_answer() {
    let pair = Pair::start().await;
    match pair.client.get_json::<WhoAmI>("/nothing").await.unwrap_err() {
        ClientError::Status { status, answer, server } => {
            assert_eq!((status, server), (StatusCode::NOT_FOUND, id("target-wl")));
            assert!(answer.body.is_empty());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn refuses_an_answer_of_another_shape() {
    let pair = Pair::start().await;
    let error = pair.client.get_json::<u64>("/whoami").await.unwrap_err();
    assert!(matches!(error, ClientError::Json { .. }), "{error:?}");
}

#[tokio::test]
async fn refuses_an_answer_that_is_too_large() {
    let settings = ClientSettings { max_answer: 1000, ..ClientSettings::default() };
    let app = Router::new().route("/large", get(async || "x".repeat(1001)));
    let pair = Pair::with(app, ServerSettings::default(), settings).await;
    let error = pair.client.call(request("/large")).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { limit: 1000, .. }), "{error:?}");
}

#[tokio::test]
async fn gives_up_on_a_server_that_does_not_answer() {
    let app = Router::new().route("/never", get(async || std::future::pending::<()>().await));
    let pair = Pair::with(app, ServerSettings::default(), impatient()).await;
    let error = timeout(SOON, pair.client.call(request("/never"))).await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Silent { .. }) && error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn a_slow_upload_is_not_a_slow_server() {
    let app = Router::new().route("/upload", post(async |body: Bytes| body.len().to_string()));
    let pair = Pair::with(app, ServerSettings::default(), impatient()).await;
    let (frames, receiver) = mpsc::channel(1);
    let body = StreamBody::new(ReceiverStream::new(receiver));
    tokio::spawn(async move {
        for _ in 0..5 {
            frames.send(Ok::<_, io::Error>(Frame::data(Bytes::from_static(b"x")))).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let answer = pair.client.send(Request::post("/upload").body(body).unwrap()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "5");
}

#[tokio::test]
async fn blames_the_caller_when_its_body_breaks_off() {
    for settings in [ClientSettings::default(), http1()] {
        let app = Router::new().route("/upload", post(async |body: Bytes| body.len().to_string()));
        let pair = Pair::with(app, ServerSettings::default(), settings).await;
        let broken = futures::stream::iter([
            Ok(Frame::data(Bytes::from_static(b"x"))),
            Err(io::Error::other("the caller hung up")),
        ]);
        let error =
            pair.client.send(Request::post("/upload").body(StreamBody::new(broken)).unwrap()).await.unwrap_err();
        assert!(matches!(error, ClientError::RequestBody), "{error:?}");
    }
}

#[tokio::test]
async fn names_the_address_where_nobody_listens() {
    let spire = Spire::start().await;
    let alice = spire.identity(id("alice")).await;
    let addr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::new(&alice, id("target-wl"), &url(addr), ClientSettings::default()).unwrap();
    let error = client.call(request("/whoami")).await.unwrap_err();
    let expected = format!("cannot connect to spiffe://bank.example/target-wl at localhost:{} (", addr.port());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(error.is_before_request() && error.is_broken_connection());
}

#[tokio::test]
async fn gives_up_on_a_handshake_that_does_not_end() {
    let spire = Spire::start().await;
    let alice = spire.identity(id("alice")).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = ClientSettings { connect_timeout: Duration::from_millis(100), ..ClientSettings::default() };
    let client = Client::new(&alice, id("target-wl"), &url(silent.local_addr().unwrap()), settings).unwrap();
    let error = timeout(SOON, client.call(request("/whoami"))).await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::ConnectTimeout { .. }) && error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    for settings in [ClientSettings::default(), http1()] {
        let pair = Pair::with(whoami(), ServerSettings::default(), settings).await;
        pair.client.get_json::<WhoAmI>("/whoami").await.unwrap();
        let addr = pair.server.addr;
        pair.server.stop().await;
        let target = pair.spire.identity(id("target-wl")).await;
        let _server = Server::on(addr, &target, bank(), whoami(), ServerSettings::default()).await;
        pair.client.get_json::<WhoAmI>("/whoami").await.unwrap();
    }
}

/// Accepts TLS by hand. Reads one request on each connection; breaks off the first `breaks`, then answers. Counts the
/// requests.
pub(crate) async fn breaking_server(spire: &Spire, breaks: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let path = spire.socket(dev_spire::Entry::new(id("target-wl"))).await;
    let source = spiffe::X509Source::builder().endpoint(dev_spire::DevSpire::endpoint(&path)).build().await.unwrap();
    let config = spiffe_rustls::mtls_server(source)
        .authorize(spiffe_rustls::authorizer::any())
        .with_alpn_protocols([b"http/1.1"])
        .build()
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = tcp.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    tokio::spawn(async move {
        loop {
            let mut stream = acceptor.accept(tcp.accept().await.unwrap().0).await.unwrap();
            // A probe is no request.
            if !matches!(stream.read(&mut [0; 4096]).await, Ok(read) if read > 0) {
                continue;
            }
            if counted.fetch_add(1, Ordering::SeqCst) >= breaks {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue").await.unwrap();
                stream.flush().await.unwrap();
            }
            stream.shutdown().await.unwrap();
        }
    });
    (addr, requests)
}

#[tokio::test]
async fn sends_a_safe_request_once_more_when_the_connection_breaks() {
    let spire = Spire::start().await;
    let alice = spire.identity(id("alice")).await;
    let client = |addr| Client::new(&alice, id("target-wl"), &url(addr), ClientSettings::default()).unwrap();
    let once = breaking_server(&spire, 1).await.0;
    assert!(client(once).get_json::<bool>("/").await.unwrap());
}

#[tokio::test]
async fn does_not_repeat_other_requests_and_gives_up_after_the_second_attempt() {
    let spire = Spire::start().await;
    let alice = spire.identity(id("alice")).await;
    let client = |addr| Client::new(&alice, id("target-wl"), &url(addr), ClientSettings::default()).unwrap();
    let once = breaking_server(&spire, 1).await.0;
    let error = client(once).post_form("/", &[("a", "b")]).await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error:?}");
    let twice = breaking_server(&spire, 2).await.0;
    let error = client(twice).get_json::<bool>("/").await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error:?}");
}

#[tokio::test]
async fn offers_http_1_when_the_server_knows_nothing_newer() {
    let spire = Spire::start().await;
    let alice = spire.identity(id("alice")).await;
    let addr = breaking_server(&spire, 0).await.0;
    let client = Client::new(&alice, id("target-wl"), &url(addr), ClientSettings::default()).unwrap();
    let answer = client.send(request("/").map(http_body_util::Full::new)).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_11);
}

/// Speaks HTTP/2 by hand: the first connection answers the frame `provoked_by` with a GOAWAY that disowns it; the ones
/// after that are served by `app`.
async fn disowning_server(spire: &Spire, provoked_by: u8) -> SocketAddr {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const GOAWAY: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let path = spire.socket(dev_spire::Entry::new(id("target-wl"))).await;
    let endpoint = dev_spire::DevSpire::endpoint(&path);
    let source = spiffe::X509Source::builder().endpoint(&endpoint).build().await.unwrap();
    let config = spiffe_rustls::mtls_server(source)
        .authorize(spiffe_rustls::authorizer::any())
        .with_alpn_protocols([b"h2"])
        .build()
        .unwrap();
    let target = mesh::Identity::connect(Some(&endpoint), SOON).await.unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = tcp.local_addr().unwrap();
    tokio::spawn(async move {
        let accepted = tcp.accept().await.unwrap().0;
        let stop = tokio_util::sync::CancellationToken::new();
        let app = Router::new().route("/upload", post(async |body: Bytes| body));
        tokio::spawn(mesh::serve(tcp, target, bank(), app, ServerSettings::default(), stop));
        let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(accepted).await.unwrap();
        stream.write_all(SETTINGS).await.unwrap();
        stream.read_exact(&mut [0; 24]).await.unwrap();
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap();
            let length = usize::from(head[1]) * 256 + usize::from(head[2]);
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            if head[3] == provoked_by {
                break;
            }
        }
        stream.write_all(GOAWAY).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    addr
}

/// Posts a body that comes a little after the head, as a proxy's does.
async fn upload(client: &Client) -> Result<Bytes, ClientError> {
    let later = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok::<_, io::Error>(Frame::data(Bytes::from_static(b"money")))
    };
    let body = StreamBody::new(futures::stream::once(Box::pin(later)));
    let answer = client.send(Request::post("/upload").body(body).unwrap()).await?;
    Ok(answer.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn sends_a_request_again_that_the_server_has_not_begun() {
    const HEADERS: u8 = 1;
    let spire = Spire::start().await;
    let alice = spire.identity(id("alice")).await;
    let addr = disowning_server(&spire, HEADERS).await;
    let client = Client::new(&alice, id("target-wl"), &url(addr), ClientSettings::default()).unwrap();
    assert_eq!(upload(&client).await.unwrap(), "money");
}

#[tokio::test]
async fn does_not_send_half_a_body_again() {
    const DATA: u8 = 0;
    let spire = Spire::start().await;
    let alice = spire.identity(id("alice")).await;
    let addr = disowning_server(&spire, DATA).await;
    let client = Client::new(&alice, id("target-wl"), &url(addr), ClientSettings::default()).unwrap();
    let error = upload(&client).await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error:?}");
}
