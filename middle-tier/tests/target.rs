//! The end of the street: verifies the whole chain, remembers what it saw, and answers in every way a server can.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use http_body_util::BodyExt as _;
use mesh::Peer;
use token::policy::{RequestBinding, Role};
use token::request::fields;
use token::{Accept, Arrival, Mode, Refusal, RevocationTable, RouteRule, Timestamp, Trust, Verifier};

use crate::keys::{ISSUER, id};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) peer: String,
    pub(crate) version: Version,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    /// The number of links of the chain, if it is believed.
    pub(crate) links: Result<usize, Refusal>,
    /// What came of the body, once it ended.
    pub(crate) body: Option<Result<(Bytes, Option<HeaderMap>), ()>>,
}

#[derive(Clone)]
pub(crate) struct Target {
    seen: Arc<Mutex<Vec<Seen>>>,
    verifier: Arc<Verifier>,
    trust: Arc<Trust>,
    now: Timestamp,
}

impl Target {
    pub(crate) fn new(trust: Trust, neighbour: &str, now: Timestamp) -> Self {
        let accept = Accept {
            asserters: vec![id("asserting-wl")],
            subjects: vec![id("subject-wl")],
            issuers: vec![ISSUER.to_owned()],
            modes: vec![Mode::Plain, Mode::Id, Mode::Anonymous],
            neighbours: vec![id(neighbour)],
            role: Role::End,
            ..Accept::default()
        };
        let verifier = Arc::new(Verifier::new(id("target-wl"), accept));
        Self { seen: Arc::default(), verifier, trust: Arc::new(trust), now }
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Everything seen so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request so far.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }

    /// What came of the only request's body, when it has ended.
    pub(crate) async fn body(&self) -> Result<(Bytes, Option<HeaderMap>), ()> {
        for _ in 0..500 {
            if let Some(body) = self.only().body {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the body did not end")
    }

    fn note(&self, request: &Request) -> usize {
        let seen = Seen {
            peer: request.extensions().get::<Peer>().unwrap().id.to_string(),
            version: request.version(),
            method: request.method().to_string(),
            target: request.uri().path_and_query().unwrap().to_string(),
            headers: request.headers().clone(),
            links: self.verify(request),
            body: None,
        };
        let mut all = self.seen.lock().unwrap();
        all.push(seen);
        all.len() - 1
    }

    fn verify(&self, request: &Request) -> Result<usize, Refusal> {
        let (peer, headers) = (request.extensions().get::<Peer>().unwrap(), fields(request.headers()));
        let lines =
            |name: &str| -> Vec<&[u8]> { request.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect() };
        let is_bare = request.body().is_end_stream();
        let arrival = Arrival {
            chain: &lines("da-svid"),
            certificates: &lines("da-svid-certs"),
            peer: &peer.id,
            peer_x5t: peer.x5t,
            request: &token::Request {
                method: request.method().as_str(),
                target: request.uri().path_and_query().unwrap().as_str(),
                headers: &headers,
                trailers: &[],
                body: if is_bare { token::Body::Absent } else { token::Body::Streaming },
            },
            route: &RouteRule { scope: "accounts.read".to_owned(), request_binding: RequestBinding::LastHop },
        };
        let revocations = RevocationTable::default();
        self.verifier.verify(&arrival, &self.trust, &revocations, self.now).map(|chain| chain.links().len())
    }

    async fn read(&self, index: usize, body: Body) {
        let outcome = match body.collect().await {
            Ok(whole) => {
                let trailers = whole.trailers().cloned();
                Ok((whole.to_bytes(), trailers))
            }
            Err(_) => Err(()),
        };
        self.seen.lock().unwrap()[index].body = Some(outcome);
    }
}

async fn answer(State(target): State<Target>, request: Request) -> Response {
    let index = target.note(&request);
    let path = request.uri().path().to_owned();
    let body = request.into_body();
    match path.as_str() {
        "/v1/echo" => echo(body),
        "/v1/silent" => {
            target.read(index, body).await;
            std::future::pending().await
        }
        "/v1/half" => Response::new(Body::from_stream(piece().chain(stream::once(broken())))),
        "/v1/stalled" => Response::new(Body::from_stream(piece().chain(stream::pending()))),
        "/v1/problem" => problem(),
        "/v1/hop-headers" => hop_headers(),
        "/v1/early" => StatusCode::FORBIDDEN.into_response(),
        _ => {
            target.read(index, body).await;
            "seen".into_response()
        }
    }
}

/// Sends the body back as it comes, trailers included.
fn echo(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-checksum"));
    response
}

type Piece = Result<Bytes, std::io::Error>;

fn piece() -> impl stream::Stream<Item = Piece> + Send {
    stream::iter([Ok(Bytes::from_static(b"first"))])
}

async fn broken() -> Piece {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Err(std::io::Error::other("gone"))
}

fn problem() -> Response {
    let body = r#"{"type":"urn:x-dasvid:problem:conflict","title":"x","status":409,"culprit":"spiffe://bank.example/target-wl"}"#;
    (StatusCode::CONFLICT, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

fn hop_headers() -> Response {
    let mut response = "x".into_response();
    for (name, value) in
        [("keep-alive", "timeout=5"), ("proxy-connection", "close"), ("da-svid", "secret"), ("x-kept", "1")]
    {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
