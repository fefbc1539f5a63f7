//! The mTLS client: one SPIFFE ID at one or more addresses, connections that do not grow old, errors that say who is at
//! fault.
//!
//! Several replicas are balanced here, with no proxy in between: every connection is SPIFFE mTLS to the one server.
//!
//! | a request | is sent |
//! |---|---|
//! | whose replica has not begun it: no connection, or HTTP/2 says so (RFC 9113 §8.7) | to another one, if its body is still whole |
//! | that is safe or keyed, with its body at hand, whose connection dies before the answer is complete | once more, elsewhere |
//! | any other | once |

use crate::{Identity, Origins};
use budget::RetryBudget;
use bytes::Bytes;
use connector::Handshaker;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header,
    request::Parts,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::{BodyExt as _, Limited};
use payload::Payload;
use replica::Common;
use replicas::Replicas;
use serde::de::DeserializeOwned;
use spiffe::SpiffeId;
use std::{error::Error, net::SocketAddr, sync::Arc};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use url::{Url, form_urlencoded};

mod answer;
mod body;
mod budget;
mod connector;
mod error;
mod line;
mod metrics;
mod payload;
mod progress;
mod replica;
mod replicas;
mod resolver;
mod settings;

pub use answer::Answer;
pub use body::AnswerBody;
pub use error::ClientError;
pub use metrics::{ClientMetrics, Registrar};
pub use resolver::{Dns, Resolver};
pub use settings::ClientSettings;

type BoxError = Box<dyn Error + Send + Sync>;

/// How often a request is sent at most, most of them to replicas that do not begin it.
const ATTEMPTS: usize = 4;
/// `Idempotency-Key`: a request that has it may be sent once more.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A pooling HTTP client that talks to exactly one SPIFFE ID. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

struct Inner {
    identity: Identity,
    replicas: Arc<Replicas>,
    budget: RetryBudget,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("server", self.server())
            .field("at", &self.replicas.origins().to_string())
            .finish_non_exhaustive()
    }
}

/// A failed attempt.
struct Failure {
    error: ClientError,
    /// Whether the server may have begun to work on it.
    begun: bool,
}

/// What is known of a request while it is tried.
struct Trial {
    /// Whether it may be sent once more although a server may have begun it.
    repeatable: bool,
    /// Whether that was done.
    repeated: bool,
    tried: Vec<SocketAddr>,
    /// No attempt begins later.
    latest: Instant,
    /// All attempts end by then; `None` if its body streams.
    until: Option<Instant>,
    attempts: usize,
}

impl Client {
    /// A client for the workload `server` at the origin `base`, acting as `identity`. Opens no connection yet.
    ///
    /// # Errors
    /// [`ClientError::Origin`] if `base` is not `https://host[:port]/`; [`ClientError::Identity`] if there is no usable
    /// identity.
    pub fn new(
        identity: &Identity,
        server: SpiffeId,
        base: &Url,
        settings: ClientSettings,
    ) -> Result<Self, ClientError> {
        Self::balanced(identity, server, &base.try_into()?, settings)
    }

    /// The same for all replicas of `server`: every address that the hosts of `origins` stand for, now and later.
    ///
    /// # Errors
    /// [`ClientError::Identity`] if there is no usable identity.
    pub fn balanced(
        identity: &Identity,
        server: SpiffeId,
        origins: &Origins,
        settings: ClientSettings,
    ) -> Result<Self, ClientError> {
        identity.usable()?;
        let handshaker = Handshaker::new(identity, &server, &settings)?;
        let budget = RetryBudget::new(settings.repeat_share, settings.repeat_floor);
        let common = Common { server, handshaker, settings, trouble: Notify::new() };
        let replicas = Replicas::new(common, origins.clone());
        Ok(Self(Arc::new(Inner { identity: identity.clone(), replicas, budget })))
    }

    /// Sends a request and returns the response head; bodies and trailers are streamed both ways.
    ///
    /// Of the request's URI only path and query count. `Host` is replaced by the server's. A request no server has begun
    /// is sent to another replica if its body is still whole.
    ///
    /// # Errors
    /// [`ClientError`] if no response head arrives; its variant says who is at fault.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<AnswerBody>, ClientError>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let mut body = Payload::Stream(body.map_err(Into::into).boxed_unsync());
        self.0.send(&parts, &mut body, &mut self.0.trial(false)).await
    }

    /// Sends a request whose body is at hand. If it is safe (`GET`, `HEAD`, `OPTIONS`) or has an `Idempotency-Key`, it is
    /// sent once more elsewhere when the connection dies before there is a response.
    ///
    /// # Errors
    /// As for [`send`](Self::send), of the last attempt.
    pub async fn send_whole(&self, request: Request<Bytes>) -> Result<Response<AnswerBody>, ClientError> {
        let (parts, body) = request.into_parts();
        let mut trial = self.0.whole_trial(is_repeatable(&parts));
        self.0.send(&parts, &mut Payload::Whole(body), &mut trial).await
    }

    /// Sends a request and reads the whole response, whatever its status. A safe or keyed request is sent once more
    /// elsewhere when the connection dies before the response is complete.
    ///
    /// # Errors
    /// As for [`send`](Self::send); [`ClientError::TooLarge`], [`ClientError::Silent`] or [`ClientError::Broken`] if the
    /// body does not come whole.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Answer, ClientError> {
        let (parts, body) = request.into_parts();
        let repeatable = is_repeatable(&parts);
        self.0.call(&parts, body, repeatable).await
    }

    /// The same for a request whose second coming does no harm, whatever it looks like.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    ///
    /// # Security
    /// The server may see the request twice, without a key to know it by.
    pub async fn call_repeatable(&self, request: Request<Bytes>) -> Result<Answer, ClientError> {
        let (parts, body) = request.into_parts();
        self.0.call(&parts, body, true).await
    }

    /// `GET path`; the body of a 2xx response as JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); [`ClientError::Status`] for any status but 2xx; [`ClientError::Json`] for another
    /// shape.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.call(request(Method::GET, path, Bytes::new())?).await?;
        answer.success(self.server())?.json(self.server())
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
        self.0.server()
    }
}

impl Inner {
    fn server(&self) -> &SpiffeId {
        &self.replicas.common().server
    }

    fn settings(&self) -> &ClientSettings {
        &self.replicas.common().settings
    }

    /// What is known of a request that begins now.
    fn trial(&self, repeatable: bool) -> Trial {
        let settings = self.settings();
        let latest = Instant::now() + settings.connect_timeout + settings.first_byte_timeout;
        Trial { repeatable, repeated: false, tried: Vec::new(), latest, until: None, attempts: 0 }
    }

    /// The same for one whose body is at hand: all attempts together take no longer than one may.
    fn whole_trial(&self, repeatable: bool) -> Trial {
        let trial = self.trial(repeatable);
        Trial { until: Some(trial.latest), ..trial }
    }

    /// Tries one replica after the other as long as that does no harm.
    async fn send(
        &self,
        parts: &Parts,
        body: &mut Payload,
        trial: &mut Trial,
    ) -> Result<Response<AnswerBody>, ClientError> {
        self.budget.deposit();
        loop {
            self.identity.usable()?;
            let replica = self.replicas.choose(&trial.tried).await?;
            let (progress, watch) = body.progress();
            let request = head(parts, &replica.authority)?.map(|()| progress);
            trial.tried.push(replica.address);
            trial.attempts += 1;
            let failure = match replica.attempt(request, &watch, trial.until).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let is_whole = body.take_back(&watch);
            if !(is_whole && self.goes_on(trial, &failure)) {
                return Err(failure.error);
            }
            tracing::debug!(server = %self.server(), "trying another replica: {}", failure.error);
        }
    }

    /// Whether another attempt may follow this failure.
    fn goes_on(&self, trial: &mut Trial, failure: &Failure) -> bool {
        let is_ours = matches!(failure.error, ClientError::Identity(_) | ClientError::RequestBody);
        if is_ours || Instant::now() >= trial.latest || trial.attempts >= ATTEMPTS {
            return false;
        }
        if failure.error.is_of_replica() && !failure.begun {
            // Connecting to the same replica takes as long again and helps nobody.
            return self.replicas.has_others(&trial.tried);
        }
        !failure.begun || (failure.error.is_broken_connection() && self.may_repeat(trial))
    }

    /// Whether a request that may have been begun can be sent again. Once only, and never many of them at a time.
    fn may_repeat(&self, trial: &mut Trial) -> bool {
        if !trial.repeatable || trial.repeated {
            return false;
        }
        trial.repeated = self.budget.withdraw();
        self.settings().metrics.repeat(self.server(), trial.repeated);
        trial.repeated
    }

    async fn call(&self, parts: &Parts, body: Bytes, repeatable: bool) -> Result<Answer, ClientError> {
        let mut trial = self.whole_trial(repeatable);
        let mut body = Payload::Whole(body);
        loop {
            let response = self.send(parts, &mut body, &mut trial).await?;
            let failure = match self.read(response).await {
                Ok(answer) => return Ok(answer),
                Err(error) => Failure { error, begun: true },
            };
            if !self.goes_on(&mut trial, &failure) {
                return Err(failure.error);
            }
        }
    }

    async fn read(&self, response: Response<AnswerBody>) -> Result<Answer, ClientError> {
        let (parts, body) = response.into_parts();
        let settings = self.settings();
        let reading = Limited::new(body, settings.max_answer).collect();
        let after = settings.body_timeout;
        match timeout(after, reading).await {
            Ok(Ok(whole)) => Ok(Answer { status: parts.status, headers: parts.headers, body: whole.to_bytes() }),
            Ok(Err(error)) => Err(ClientError::of_body(error, self.server(), settings.max_answer)),
            Err(_) => Err(ClientError::Silent { server: self.server().clone(), after }),
        }
    }
}

/// The head as it is sent: for `authority`, with the path and query of its target, byte for byte.
fn head(parts: &Parts, authority: &Authority) -> Result<Request<()>, ClientError> {
    let mut head = parts.clone();
    head.uri = uri(&parts.uri, authority)?;
    head.version = Version::HTTP_11;
    head.headers.remove(header::HOST);
    Ok(Request::from_parts(head, ()))
}

fn uri(target: &Uri, authority: &Authority) -> Result<Uri, ClientError> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTPS);
    parts.authority = Some(authority.clone());
    let path = target.path_and_query().cloned();
    parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    Uri::from_parts(parts).map_err(|_| ClientError::Target { path: target.path().to_owned() })
}

/// Whether a second coming of the request does no harm (RFC 9110 §9.2.1), or is recognised by its key.
fn is_repeatable(parts: &Parts) -> bool {
    matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) || parts.headers.contains_key(KEY)
}

fn request(method: Method, path: &str, body: Bytes) -> Result<Request<Bytes>, ClientError> {
    let request = Request::builder().method(method).uri(path);
    request.body(body).map_err(|_| ClientError::Target { path: without_query(path) })
}

/// The target as it may stand in a log.
fn without_query(target: &str) -> String {
    target.split_once('?').map_or(target, |(path, _)| path).to_owned()
}

#[cfg(test)]
mod tests;
