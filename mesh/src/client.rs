//! The mTLS client: one SPIFFE ID at one URL, pooled connections that do not grow old, errors that say who is at fault.

use crate::Identity;
use bytes::Bytes;
use connector::Connector;
use http::{
    HeaderValue, Method, Request, Response, Uri, Version, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use progress::{Progress, Watch};
use serde::de::DeserializeOwned;
use spiffe::SpiffeId;
use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};
use url::{Url, form_urlencoded};

mod answer;
mod connector;
mod error;
mod progress;

pub use answer::Answer;
pub use error::ClientError;

type BoxError = Box<dyn Error + Send + Sync>;
type Http = legacy::Client<Connector, Progress>;

/// How often a request is begun that the server says it has not begun.
const ATTEMPTS: usize = 3;

/// Limits and timeouts of a client.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Longest TCP connect and TLS handshake together.
    pub connect_timeout: Duration,
    /// Longest wait for the response head after the last piece of the request was taken.
    pub first_byte_timeout: Duration,
    /// Longest time [`Client::call`] and the helpers take to read a whole body.
    pub body_timeout: Duration,
    /// Connections idle for this long are closed; keep it below the server's own limit.
    pub idle_timeout: Duration,
    /// Idle HTTP/1.1 connections kept.
    pub max_idle: usize,
    /// After about this long no connection takes new requests, so that a revoked server cannot live on.
    pub max_age: Duration,
    /// Largest response head, bytes.
    pub max_header_list: u32,
    /// Largest body [`Client::call`] and the helpers read, bytes.
    pub max_answer: usize,
    /// Do not offer HTTP/2.
    pub http1_only: bool,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            first_byte_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(15),
            max_idle: 64,
            max_age: Duration::from_mins(10),
            max_header_list: 64 * 1024,
            max_answer: 1024 * 1024,
            http1_only: false,
        }
    }
}

/// A pooling HTTP client that talks to exactly one SPIFFE ID. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

struct Inner {
    identity: Identity,
    server: SpiffeId,
    authority: Authority,
    connector: Connector,
    pool: Mutex<Pool>,
    settings: ClientSettings,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("server", &self.server)
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

/// The connections of one generation. A new generation replaces it; its connections end with their last request.
struct Pool {
    client: Http,
    born: Instant,
    generation: u64,
}

/// A failed attempt.
struct Failure {
    error: ClientError,
    /// Whether the server may have begun to work on it.
    begun: bool,
}

impl Client {
    /// A client for the workload `server` at the origin `base`, acting as `identity`. Opens no connection yet.
    ///
    /// The host name of `base` only says where to connect; who answers there is decided by the SPIFFE ID.
    ///
    /// # Errors
    /// [`ClientError::Url`] if `base` is not `https://host[:port]/`; [`ClientError::Identity`] if there is no usable
    /// identity.
    pub fn new(
        identity: &Identity,
        server: SpiffeId,
        base: &Url,
        settings: ClientSettings,
    ) -> Result<Self, ClientError> {
        let authority = authority(base)?;
        identity.usable()?;
        let connector = Connector::new(identity, &server, &settings)?;
        let pool = Mutex::new(Pool::new(&connector, &settings, 0));
        Ok(Self(Arc::new(Inner { identity: identity.clone(), server, authority, connector, pool, settings })))
    }

    /// Sends a request and returns the response head; bodies and trailers are streamed both ways.
    ///
    /// Of the request's URI only path and query count. `Host` is replaced by the server's. A request the server says it
    /// has not begun, because the connection was just closing, is sent on another connection if its body is still whole
    /// (RFC 9113 §8.7).
    ///
    /// # Errors
    /// [`ClientError`] if no response head arrives; its variant says who is at fault.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, ClientError>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let inner = &*self.0;
        inner.identity.usable()?;
        let (mut parts, body) = request.into_parts();
        parts.uri = inner.uri(&parts.uri)?;
        parts.version = Version::HTTP_11;
        parts.headers.remove(header::HOST);
        let mut body = body.map_err(Into::into).boxed_unsync();
        for _ in 1..ATTEMPTS {
            let (generation, http) = inner.http();
            let (whole, watch) = Progress::new(body);
            match inner.attempt(&http, Request::from_parts(parts.clone(), whole), &watch).await {
                Err(Failure { error, begun: false }) => match watch.take_back() {
                    Some(untouched) => body = untouched,
                    None => return Err(error),
                },
                Err(Failure { error, .. }) => return Err(error),
                Ok(response) => return Ok(response),
            }
            inner.renew(generation);
        }
        let (body, watch) = Progress::new(body);
        let last = inner.attempt(&inner.http().1, Request::from_parts(parts, body), &watch).await;
        last.map_err(|failure| failure.error)
    }

    /// Sends a safe or keyed request, and once more if the connection dies before there is a response.
    ///
    /// # Errors
    /// As for [`send`](Self::send), of the second attempt.
    ///
    /// # Security
    /// The server may see the request twice: only for requests that are safe or carry an `Idempotency-Key`.
    pub async fn send_replayable(&self, request: Request<Bytes>) -> Result<Response<Incoming>, ClientError> {
        match self.send(request.clone().map(Full::new)).await {
            Err(error) if error.is_broken_connection() => {
                tracing::debug!(%error, server = %self.0.server, "trying once more");
                self.send(request.map(Full::new)).await
            }
            outcome => outcome,
        }
    }

    /// Sends a request and reads the whole response, whatever its status.
    ///
    /// # Errors
    /// As for [`send`](Self::send); [`ClientError::TooLarge`], [`ClientError::Silent`] or [`ClientError::Broken`] if the
    /// body does not come whole.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Answer, ClientError> {
        let response = self.send(request.map(Full::new)).await?;
        self.read(response).await
    }

    /// `GET path`, once more if the connection dies; the body of a 2xx response as JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); [`ClientError::Status`] for any status but 2xx; [`ClientError::Json`] for another
    /// shape.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let request = request(Method::GET, path, Bytes::new())?;
        let answer = self.read(self.send_replayable(request).await?).await?;
        answer.success(&self.0.server)?.json(&self.0.server)
    }

    /// `POST path` with form fields. The answer may have any status.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, ClientError> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = request(Method::POST, path, form.into())?;
        let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, media_type);
        self.call(request).await
    }

    /// The one workload this client accepts.
    #[must_use]
    pub fn server(&self) -> &SpiffeId {
        &self.0.server
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Answer, ClientError> {
        let inner = &*self.0;
        let (parts, body) = response.into_parts();
        let reading = Limited::new(body, inner.settings.max_answer).collect();
        let after = inner.settings.body_timeout;
        match timeout(after, reading).await {
            Ok(Ok(whole)) => Ok(Answer { status: parts.status, headers: parts.headers, body: whole.to_bytes() }),
            Ok(Err(error)) => Err(ClientError::of_body(error, &inner.server, inner.settings.max_answer)),
            Err(_) => Err(ClientError::Silent { server: inner.server.clone(), after }),
        }
    }
}

impl Inner {
    /// The connections of the present generation.
    fn http(&self) -> (u64, Http) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.born.elapsed() > self.settings.max_age {
            *pool = Pool::new(&self.connector, &self.settings, pool.generation + 1);
        }
        (pool.generation, pool.client.clone())
    }

    /// Leaves the connections of a generation behind, unless that was done already.
    fn renew(&self, generation: u64) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.generation == generation {
            *pool = Pool::new(&self.connector, &self.settings, generation + 1);
        }
    }

    /// Sends a request once and waits for the response head.
    async fn attempt(
        &self,
        http: &Http,
        request: Request<Progress>,
        watch: &Watch,
    ) -> Result<Response<Incoming>, Failure> {
        let mut answer = http.request(request);
        let after = self.settings.first_byte_timeout;
        loop {
            let deadline = watch.last() + after;
            match tokio::time::timeout_at(deadline, &mut answer).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => {
                    let begun = error::is_begun(&error);
                    return Err(Failure { error: ClientError::of(&error, &self.server, watch.failed()), begun });
                }
                Err(_) if watch.last() + after > deadline => {}
                Err(_) => {
                    let error = ClientError::Silent { server: self.server.clone(), after };
                    return Err(Failure { error, begun: true });
                }
            }
        }
    }

    /// This server's URI with the path and query of `target`, byte for byte.
    fn uri(&self, target: &Uri) -> Result<Uri, ClientError> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTPS);
        parts.authority = Some(self.authority.clone());
        let path = target.path_and_query().cloned();
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        Uri::from_parts(parts).map_err(|_| ClientError::Target { path: target.path().to_owned() })
    }
}

impl Pool {
    fn new(connector: &Connector, settings: &ClientSettings, generation: u64) -> Self {
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(settings.max_idle)
            .http1_max_buf_size(usize::try_from(settings.max_header_list).unwrap_or(usize::MAX).max(8192))
            .http2_max_header_list_size(settings.max_header_list)
            .build(connector.clone());
        Self { client, born: Instant::now(), generation }
    }
}

fn request(method: Method, path: &str, body: Bytes) -> Result<Request<Bytes>, ClientError> {
    let request = Request::builder().method(method).uri(path);
    request.body(body).map_err(|_| ClientError::Target { path: without_query(path) })
}

fn authority(base: &Url) -> Result<Authority, ClientError> {
    let refused = || ClientError::Url { url: without_secrets(base) };
    let origin = base.scheme() == "https" && base.path() == "/" && base.query().is_none() && base.fragment().is_none();
    let anonymous = base.username().is_empty() && base.password().is_none();
    let host = base.host_str().filter(|_| origin && anonymous).ok_or_else(refused)?;
    let port = base.port_or_known_default().unwrap_or(443);
    format!("{host}:{port}").parse().map_err(|_| refused())
}

/// The target as it may stand in a log.
fn without_query(target: &str) -> String {
    target.split_once('?').map_or(target, |(path, _)| path).to_owned()
}

/// The URL as it may stand in a log.
fn without_secrets(url: &Url) -> Url {
    let mut url = url.clone();
    // A URL that has no place for a password has none to hide.
    let _ = url.set_password(None);
    url.set_query(None);
    url
}

#[cfg(test)]
mod tests;
