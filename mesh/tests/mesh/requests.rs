//! What the server does with requests: streams, limits, forms of targets, its end.

use crate::fixture::{Pair, SOON, WhoAmI, http1, request, whoami};
use axum::{
    Router,
    body::Body,
    routing::{any, get, post},
};
use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use mesh::{ClientSettings, ServerSettings};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout},
};
use tokio_stream::wrappers::ReceiverStream;

type Piece = Result<Frame<Bytes>, Infallible>;

fn streaming() -> (mpsc::Sender<Piece>, StreamBody<ReceiverStream<Piece>>) {
    let (pieces, receiver) = mpsc::channel(1);
    (pieces, StreamBody::new(ReceiverStream::new(receiver)))
}

#[expect(clippy::unnecessary_wraps, reason = "what the stream carries")]
fn data(text: &'static str) -> Piece {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// Answers with the request's own body and trailers.
fn echo() -> Router {
    Router::new().route("/echo", any(async |request: axum::extract::Request| request.into_body()))
}

#[tokio::test]
async fn streams_bodies_and_trailers_both_ways() {
    let pair = Pair::with(echo(), ServerSettings::default(), ClientSettings::default()).await;
    let (pieces, body) = streaming();
    let sending = pair.client.send(Request::post("/echo").body(body).unwrap());
    pieces.send(data("first ")).await.unwrap();
    let mut answer = timeout(SOON, sending).await.unwrap().unwrap().into_body();
    // The first piece is back before the last one is sent.
    let first = timeout(SOON, answer.frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first ");
    pieces.send(data("second")).await.unwrap();
    let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("x-sum"), HeaderValue::from_static("42"))]);
    pieces.send(Ok(Frame::trailers(trailers.clone()))).await.unwrap();
    drop(pieces);
    let rest = timeout(SOON, answer.collect()).await.unwrap().unwrap();
    assert_eq!(rest.trailers(), Some(&trailers));
    assert_eq!(rest.to_bytes(), "second");
}

#[tokio::test]
async fn takes_request_heads_of_sixty_thousand_bytes() {
    for settings in [ClientSettings::default(), http1()] {
        let pair = Pair::with(whoami(), ServerSettings::default(), settings).await;
        assert_eq!(status_of_a_head_of(&pair, 60_000).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn refuses_request_heads_that_are_too_large() {
    for settings in [ClientSettings::default(), http1()] {
        let pair = Pair::with(whoami(), ServerSettings::default(), settings).await;
        assert_eq!(status_of_a_head_of(&pair, 90_000).await, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}

async fn status_of_a_head_of(pair: &Pair, bytes: usize) -> StatusCode {
    let mut request = request("/whoami");
    for index in 0..3 {
        let name: http::HeaderName = format!("x-{index}").parse().unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(&"x".repeat(bytes / 3)).unwrap());
    }
    pair.client.call(request).await.unwrap().status
}

#[tokio::test]
async fn refuses_targets_that_are_not_a_path() {
    let pair = Pair::with(whoami(), ServerSettings::default(), http1()).await;
    for target in ["https://target-wl/whoami", "http://target-wl/whoami", "*", "target-wl:443"] {
        let answer = raw(&pair, &format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
    }
    let answer = raw(&pair, "CONNECT target-wl:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = raw(&pair, "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("content-type: application/problem+json"), "{answer}");
    assert!(answer.contains(r#""type":"urn:x-dasvid:problem:invalid-request""#), "{answer}");
    assert!(answer.contains("the request target must be a path"), "{answer}");
}

#[tokio::test]
async fn a_smuggled_request_is_refused() {
    let pair = Pair::with(echo(), ServerSettings::default(), http1()).await;
    for head in [
        "content-length: 5\r\ncontent-length: 6",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "content-length: +5",
    ] {
        let answer = raw(&pair, &format!("POST /echo HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\nhello")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
    }
}

#[tokio::test]
async fn a_slow_request_head_ends_the_connection() {
    let settings = ServerSettings { header_read_timeout: Duration::from_millis(100), ..ServerSettings::default() };
    let pair = Pair::with(whoami(), settings, http1()).await;
    let start = Instant::now();
    let answer = raw(&pair, "GET /whoami HTTP/1.1\r\nhost: ").await;
    assert!(start.elapsed() < Duration::from_secs(2), "{answer}");
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn finishes_requests_under_way_when_it_stops() {
    for settings in [ClientSettings::default(), http1()] {
        let begun = Arc::new(Notify::new());
        let telling = begun.clone();
        let slow = get(move || {
            telling.notify_one();
            tokio::time::sleep(Duration::from_millis(200)).map(|()| "done")
        });
        let app = Router::new().route("/slow", slow).merge(whoami());
        let pair = Pair::with(app, ServerSettings::default(), settings).await;
        let client = pair.client.clone();
        let under_way = tokio::spawn(async move { client.call(request("/slow")).await });
        begun.notified().await;
        pair.server.stop().await;
        assert_eq!(under_way.await.unwrap().unwrap().body, "done");
        assert!(pair.client.get_json::<WhoAmI>("/whoami").await.is_err());
    }
}

#[tokio::test]
async fn does_not_wait_for_ever_when_it_stops() {
    let stuck = post(async |body: Body| {
        drop(body.collect().await);
    });
    let settings = ServerSettings { drain: Duration::from_millis(100), ..ServerSettings::default() };
    let app = Router::new().route("/stuck", stuck);
    let pair = Pair::with(app, settings, ClientSettings::default()).await;
    let (pieces, body) = streaming();
    let client = pair.client.clone();
    let under_way = tokio::spawn(async move { client.send(Request::post("/stuck").body(body).unwrap()).await });
    pieces.send(data("hello")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let start = Instant::now();
    pair.server.stop().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(timeout(SOON, under_way).await.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn hands_on_any_method_and_the_raw_path() {
    let app = Router::new().fallback(async |request: axum::extract::Request| {
        format!("{} {}", request.method(), request.uri().path_and_query().unwrap())
    });
    for settings in [ClientSettings::default(), http1()] {
        let pair = Pair::with(app.clone(), ServerSettings::default(), settings).await;
        let mut request = request("/a%2Fb/%20?q=%3F&r");
        *request.method_mut() = Method::from_bytes(b"PURGE").unwrap();
        assert_eq!(pair.client.call(request).await.unwrap().body, "PURGE /a%2Fb/%20?q=%3F&r");
    }
}

/// Speaks HTTP/1.1 by hand, as alice.
async fn raw(pair: &Pair, text: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let source = spiffe::X509Source::builder()
        .endpoint(format!("unix://{}", pair.spire.home.path().join("alice.sock").display()))
        .build()
        .await
        .unwrap();
    let config = spiffe_rustls::mtls_client(source)
        .authorize(spiffe_rustls::authorizer::any())
        .with_alpn_protocols([b"http/1.1"])
        .build()
        .unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let tcp = tokio::net::TcpStream::connect(pair.server.addr).await.unwrap();
    let mut stream = connector.connect("target-wl".try_into().unwrap(), tcp).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    drop(timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap());
    String::from_utf8_lossy(&answer).into_owned()
}
