//! The attacks of the design's row "services" on a hop, each by name.

use bytes::Bytes;
use dev_spire::{DevSpire, Entry, Settings};
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use mesh::{Client, ClientSettings, Identity};
use spiffe::{SpiffeId, TrustDomain};
use token::Mode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::problem::ProblemKind;

use crate::keys::id;
use crate::street::{Plan, SOON, Street, problem, text, url};

const FIRST: &str = "spiffe://bank.example/middle-tier-1";
const TARGET: &str = "/v1/deposits";
const BODY: &str = r#"{"currency":"USD","minor":2500}"#;

fn deposit(street: &Street) -> Request<Full<Bytes>> {
    street.request(Mode::Id, "POST", TARGET, BODY)
}

fn with(mut request: Request<Full<Bytes>>, name: &'static str, value: &str) -> Request<Full<Bytes>> {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().append(HeaderName::from_static(name), value);
    request
}

/// Writes a request by hand as subject-wl and reads until the hop closes the connection or is silent.
async fn raw(street: &Street, text: &str) -> String {
    let endpoint = DevSpire::endpoint(&street.home.path().join("subject-wl"));
    let source = spiffe::X509Source::builder().endpoint(endpoint).build().await.unwrap();
    let config = spiffe_rustls::mtls_client(source)
        .authorize(spiffe_rustls::authorizer::any())
        .with_alpn_protocols([b"http/1.1"])
        .build()
        .unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let tcp = tokio::net::TcpStream::connect(street.first).await.unwrap();
    let mut stream = connector.connect("middle-tier".try_into().unwrap(), tcp).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    drop(tokio::time::timeout(SOON / 2, stream.read_to_end(&mut answer)).await);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head of a request as text, without the empty line.
fn head(request: &Request<Full<Bytes>>) -> String {
    let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}\r\n", value.to_str().unwrap());
    let fields: Vec<_> = request.headers().iter().map(line).collect();
    format!("{} {} HTTP/1.1\r\nhost: x\r\n{}", request.method(), request.uri(), fields.concat())
}

#[tokio::test]
async fn the_same_transfer_repeated_with_a_new_key_is_refused() {
    let street = Street::usual().await;
    let mut request = deposit(&street);
    request.headers_mut().insert("idempotency-key", HeaderValue::from_static("k2"));
    let problem = street.refused(request).await;
    assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::NotPermitted, FIRST));
    assert_eq!(problem.detail, "`rqd` is that of another request");
    street.close().await;
}

#[tokio::test]
async fn a_balance_enquiry_turned_into_a_transfer_is_refused() {
    let street = Street::usual().await;
    let mut request = deposit(&street);
    let enquiry = street.request(Mode::Id, "GET", "/v1/balance", "");
    for name in ["da-svid", "da-svid-certs"] {
        request.headers_mut().insert(name, enquiry.headers()[name].clone());
    }
    assert_eq!(street.refused(request).await.kind, ProblemKind::NotPermitted);
    street.close().await;
}

#[tokio::test]
async fn a_body_without_a_digest_is_refused() {
    let street = Street::usual().await;
    let mut request = deposit(&street);
    request.headers_mut().remove("content-digest");
    street.sign(Mode::Id, &mut request);
    let problem = street.refused(request).await;
    assert_eq!(problem.kind, ProblemKind::InvalidRequest);
    assert_eq!(problem.detail, "a bound request that may carry content needs a Content-Digest");
    street.close().await;
}

#[tokio::test]
async fn two_digests_are_refused() {
    let street = Street::usual().await;
    let digest = token::binding::content_digest(BODY.as_bytes());
    let problem = street.refused(with(deposit(&street), "content-digest", &digest)).await;
    assert_eq!(
        (problem.kind, problem.detail.as_str()),
        (ProblemKind::InvalidRequest, "the field `content-digest` occurs twice")
    );
    street.close().await;
}

#[tokio::test]
async fn a_digest_of_another_body_aborts_the_request() {
    for http1 in [(false, false), (true, true), (false, true)] {
        let street = Street::new(Plan { http1, ..Plan::default() }).await;
        let request = deposit(&street).map(|_| Full::new(Bytes::from(BODY.replace("2500", "9900"))));
        let problem = problem(street.send(request).await).await;
        assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::InvalidRequest, FIRST));
        assert_eq!(problem.detail, "Content-Digest is that of another body");
        // The next hops may have seen the head, but never the end of the body.
        for seen in street.target.seen() {
            assert!(!matches!(seen.body, Some(Ok(_))), "{seen:?}");
        }
        street.close().await;
    }
}

#[tokio::test]
async fn a_digest_in_the_trailers_is_refused() {
    for name in ["content-digest", "repr-digest", "da-svid", "da-svid-certs"] {
        let street = Street::usual().await;
        let trailers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static("x"))]);
        let frames = [Ok::<_, std::io::Error>(Frame::data(Bytes::from(BODY))), Ok(Frame::trailers(trailers))];
        let body = StreamBody::new(stream::iter(frames));
        let request = street.head(Mode::Id, "POST", TARGET, BODY.as_bytes(), &[]).map(|()| body);
        let problem = problem(street.client.send(request).await.unwrap()).await;
        assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::InvalidRequest, FIRST));
        assert_eq!(problem.detail, format!("{name} cannot be a trailer: send it as a header field"));
        assert!(street.target.seen().iter().all(|seen| !matches!(seen.body, Some(Ok(_)))));
        street.close().await;
    }
}

#[tokio::test]
async fn path_tricks_are_refused() {
    let street = Street::usual().await;
    for path in [
        "/v1/../admin",
        "/v1/./balance",
        "/v1//balance",
        "/v1/%2e%2e/admin",
        "/v1/a%2Fb",
        "/v1/a%5Cb",
        "/v1/a%00",
        "/v1/%c3%a9",
        "/v1/a%zz",
        "/v1/a\\b",
        "//v1/balance",
        "/admin/../v1/balance",
    ] {
        let mut request = street.request(Mode::Id, "GET", "/v1/balance", "");
        let Ok(target) = path.parse() else { continue };
        *request.uri_mut() = target;
        let problem = street.refused(request).await;
        assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::InvalidRequest, FIRST), "{path}");
    }
    street.close().await;
}

#[tokio::test]
async fn a_path_no_route_admits_is_not_permitted() {
    let street = Street::usual().await;
    for (method, path) in [("GET", "/admin"), ("GET", "/v1"), ("GET", "/v1/"), ("POST", "/open/x"), ("GET", "/v10/x")] {
        let problem = street.refused(street.request(Mode::Id, method, path, "")).await;
        assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::NotPermitted, FIRST), "{path}");
    }
    street.close().await;
}

#[tokio::test]
async fn what_others_claim_about_the_sender_goes_nowhere() {
    let street = Street::usual().await;
    let claims = [
        ("forwarded", "for=192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "bank.example"),
        ("x-forwarded-client-cert", "URI=spiffe://bank.example/asserting-wl"),
        ("x-real-ip", "192.0.2.1"),
        ("client-cert", ":AA==:"),
    ];
    let head = street.head(Mode::Id, "GET", "/v1/balance", b"", &claims);
    street.send(head.map(|()| Full::default())).await;
    let seen = street.target.only();
    assert_eq!(seen.peer, "spiffe://bank.example/middle-tier-2");
    assert!(claims.iter().all(|(name, _)| !seen.headers.contains_key(*name)), "{:?}", seen.headers);
    street.close().await;
}

#[tokio::test]
async fn the_chain_named_in_connection_is_refused() {
    let street = Street::new(Plan { http1: (true, true), ..Plan::default() }).await;
    for name in ["DA-SVID", "da-svid-certs", "da-svid-proof", "Content-Digest", "idempotency-key", "content-type"] {
        let request = head(&deposit(&street));
        let answer =
            raw(&street, &format!("{request}connection: close, {name}\r\ncontent-length: 31\r\n\r\n{BODY}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{name}: {answer}");
        assert!(answer.contains("which is not hop-by-hop"), "{name}: {answer}");
        assert!(answer.contains(FIRST), "{name}: {answer}");
    }
    assert!(street.target.seen().is_empty());
    street.close().await;
}

#[tokio::test]
async fn a_hop_by_hop_field_reaches_nobody() {
    let street = Street::new(Plan { http1: (true, true), ..Plan::default() }).await;
    let request = head(&street.request(Mode::Id, "GET", "/v1/balance", ""));
    let fields = "connection: close, x-secret\r\nx-secret: 1\r\nkeep-alive: timeout=9\r\nproxy-connection: close\r\nte: gzip\r\n";
    let answer = raw(&street, &format!("{request}{fields}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let seen = street.target.only();
    for name in ["x-secret", "keep-alive", "proxy-connection", "te", "connection"] {
        assert!(!seen.headers.contains_key(name), "{name}: {:?}", seen.headers);
    }
    street.close().await;
}

#[tokio::test]
async fn two_da_svid_lines_are_refused() {
    let street = Street::usual().await;
    let request = deposit(&street);
    let line = request.headers()["da-svid"].to_str().unwrap().to_owned();
    let problem = street.refused(with(request, "da-svid", &line)).await;
    assert_eq!(
        (problem.kind, problem.detail.as_str()),
        (ProblemKind::InvalidToken, "a request carries exactly one DA-SVID field line")
    );
    street.close().await;
}

#[tokio::test]
async fn fields_of_the_protocol_a_client_makes_up_go_nowhere() {
    let street = Street::usual().await;
    let head = street.head(Mode::Id, "GET", "/v1/balance", b"", &[("da-svid-peer", "spiffe://bank.example/admin")]);
    street.send(head.map(|()| Full::default())).await;
    let seen = street.target.only();
    assert!(!seen.headers.contains_key("da-svid-peer"));
    assert_eq!(seen.headers.get_all("da-svid").iter().count(), 1);
    street.close().await;
}

#[tokio::test]
async fn a_token_in_the_url_is_no_token() {
    let street = Street::usual().await;
    let mut request = street.request(Mode::Id, "GET", "/v1/balance", "");
    let chain = request.headers_mut().remove("da-svid").unwrap();
    *request.uri_mut() = format!("/v1/balance?da-svid={}", chain.to_str().unwrap()).parse().unwrap();
    let problem = street.refused(request).await;
    assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::InvalidToken, FIRST));
    street.close().await;
}

#[tokio::test]
async fn garbage_is_refused_and_ends_nothing() {
    let street = Street::usual().await;
    let long = "e30.".repeat(5000);
    for garbage in ["", "x", "e30.e30.AA", "~~~~", ".~.", "null", &long] {
        let mut request = deposit(&street);
        request.headers_mut().insert("da-svid", HeaderValue::from_str(garbage).unwrap());
        let problem = street.refused(request).await;
        assert!(matches!(problem.kind, ProblemKind::InvalidToken | ProblemKind::TooLarge), "{garbage}: {problem:?}");
        assert_eq!(problem.culprit, FIRST);
    }
    let mut request = deposit(&street);
    request.headers_mut().insert("da-svid-certs", HeaderValue::from_static(":AAAA:, :AAAA:"));
    assert_eq!(street.refused(request).await.kind, ProblemKind::InvalidChain);
    assert_eq!(text(street.send(deposit(&street)).await).await, "seen");
    street.close().await;
}

#[tokio::test]
async fn a_stolen_chain_presented_by_another_workload_is_refused() {
    let street = Street::usual().await;
    let thief = street.client_as("cli").await;
    for mode in [Mode::Id, Mode::Anonymous, Mode::Plain] {
        let response = thief.send(street.request(mode, "GET", "/v1/balance", "")).await.unwrap();
        let problem = problem(response).await;
        let expected = if mode == Mode::Plain { ProblemKind::InvalidToken } else { ProblemKind::InvalidChain };
        assert_eq!((problem.kind, problem.culprit.as_str()), (expected, FIRST));
    }
    assert!(street.target.seen().is_empty());
    street.close().await;
}

#[tokio::test]
async fn a_caller_from_another_trust_domain_does_not_get_in() {
    let street = Street::usual().await;
    let foreign = DevSpire::start(Settings::new(TrustDomain::new("evil.example").unwrap())).await.unwrap();
    let socket = street.home.path().join("evil");
    foreign
        .issue_socket(&socket, Entry::new(SpiffeId::new("spiffe://evil.example/subject-wl").unwrap()))
        .await
        .unwrap();
    foreign.federate(TrustDomain::new("bank.example").unwrap(), street.spire.bundle());
    let identity = Identity::connect(Some(&DevSpire::endpoint(&socket)), SOON).await.unwrap();
    let client = Client::new(&identity, id("middle-tier-1"), &url(street.first), ClientSettings::default()).unwrap();
    assert!(client.send(deposit(&street)).await.is_err());
    assert!(street.target.seen().is_empty());
    street.close().await;
}

#[tokio::test]
async fn a_smuggled_request_is_never_a_second_one() {
    let street = Street::new(Plan { http1: (true, true), ..Plan::default() }).await;
    let smuggled = "GET /v1/smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    let request = head(&deposit(&street));
    for (framing, body) in [
        ("content-length: 31\r\ntransfer-encoding: chunked", format!("0\r\n\r\n{smuggled}")),
        ("transfer-encoding: chunked\r\ncontent-length: 31", format!("0\r\n\r\n{smuggled}")),
        ("content-length: 31\r\ncontent-length: 0", format!("{BODY}{smuggled}")),
        ("content-length: 0\r\ncontent-length: 31", format!("{BODY}{smuggled}")),
        ("transfer-encoding: identity, chunked, identity", format!("0\r\n\r\n{smuggled}")),
        ("transfer-encoding: xchunked", format!("0\r\n\r\n{smuggled}")),
        ("transfer-encoding : chunked", format!("0\r\n\r\n{smuggled}")),
        ("content-length: +31", format!("{BODY}{smuggled}")),
    ] {
        let answer = raw(&street, &format!("{request}{framing}\r\n\r\n{body}")).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{framing}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
    }
    let seen = street.target.seen();
    assert!(seen.iter().all(|seen| !seen.target.contains("smuggled") && !matches!(seen.body, Some(Ok(_)))), "{seen:?}");
    street.close().await;
}

#[tokio::test]
async fn another_method_or_protocol_in_disguise_is_refused() {
    let street = Street::new(Plan { http1: (true, true), ..Plan::default() }).await;
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let problem = street.refused(with(street.request(Mode::Id, "GET", "/v1/balance", ""), name, "DELETE")).await;
        assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::InvalidRequest, FIRST), "{name}");
    }
    let request = head(&street.request(Mode::Id, "GET", "/v1/balance", ""));
    let answer = raw(&street, &format!("{request}connection: upgrade, close\r\nupgrade: websocket\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = raw(&street, "CONNECT target-wl:443 HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let problem = street.refused(street.request(Mode::Id, "TRACE", "/v1/balance", "")).await;
    assert_eq!(problem.kind, ProblemKind::MethodNotAllowed);
    assert!(street.target.seen().is_empty());
    street.close().await;
}

#[tokio::test]
async fn a_request_that_runs_in_a_circle_is_refused() {
    let street = Street::usual().await;
    let problem = street.refused(with(deposit(&street), "via", "1.1 front, 2 middle-tier-1")).await;
    assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::InvalidRequest, FIRST));
    street.close().await;
}

#[tokio::test]
async fn a_huge_body_is_refused() {
    for http1 in [(false, false), (true, true)] {
        let street = Street::new(Plan { http1, limits: (16, "20s", "15s"), ..Plan::default() }).await;
        let problem = street.refused(deposit(&street)).await;
        assert_eq!((problem.kind, problem.detail.as_str()), (ProblemKind::TooLarge, "the body has more than 16 bytes"));
        street.close().await;
    }
}

#[tokio::test]
async fn a_huge_body_of_unknown_length_is_cut_off() {
    let street = Street::new(Plan { limits: (16, "20s", "15s"), ..Plan::default() }).await;
    let frames = [Ok::<_, std::io::Error>(Frame::data(Bytes::from(BODY)))];
    let request = street.head(Mode::Id, "POST", TARGET, BODY.as_bytes(), &[]);
    let request = request.map(|()| StreamBody::new(stream::iter(frames)));
    let problem = problem(street.client.send(request).await.unwrap()).await;
    assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::TooLarge, FIRST));
    assert!(street.target.seen().iter().all(|seen| !matches!(seen.body, Some(Ok(_)))));
    street.close().await;
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let street = Street::usual().await;
    let mut request = deposit(&street);
    for index in 0..3 {
        let name: HeaderName = format!("x-{index}").parse().unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(&"x".repeat(30_000)).unwrap());
    }
    let response = street.send(request).await;
    assert_eq!(response.status(), 431);
    assert!(street.target.seen().is_empty());
    street.close().await;
}
