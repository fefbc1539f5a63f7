//! The connections to one replica of one generation: a single one of HTTP/2, or a pool of HTTP/1.1.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::Instant;

use super::{ClientError, ClientSettings, connector::Connector, progress::Progress};

/// What a request ends in when there is no response.
pub(super) type SendError = Box<dyn Error + Send + Sync>;
/// Tells that a connection of HTTP/2 is over: `None` when it was closed as it should be.
pub(super) type Ending = BoxFuture<'static, Option<String>>;

/// The connections of one generation. Cheap to clone; they end with their last request once all clones are gone.
#[derive(Clone)]
pub(super) struct Line {
    speaker: Speaker,
    born: Instant,
    used: Arc<Mutex<Instant>>,
}

#[derive(Clone)]
enum Speaker {
    Http2(SendRequest<Progress>),
    Http1(Box<legacy::Client<Connector, Progress>>),
}

impl Line {
    /// Connects, and learns which protocol the server speaks. What comes with a connection of HTTP/2 must be awaited: it
    /// drives the connection.
    pub(super) async fn open(
        connector: &Connector,
        settings: &ClientSettings,
    ) -> Result<(Self, Option<Ending>), ClientError> {
        let link = connector.connect().await?;
        if !link.is_http2() {
            connector.keep(link);
            return Ok((Self::new(Speaker::Http1(pool(connector, settings))), None));
        }
        let handshake = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(settings.max_header_list)
            .keep_alive_interval(settings.ping_after)
            .keep_alive_timeout(settings.ping_timeout)
            .handshake(link);
        let (sender, connection) = handshake.await.map_err(|error| connector.broken(&error))?;
        let ending = connection.map(|ended| ended.err().map(|error| error.to_string())).boxed();
        Ok((Self::new(Speaker::Http2(sender)), Some(ending)))
    }

    fn new(speaker: Speaker) -> Self {
        let now = Instant::now();
        Self { speaker, born: now, used: Arc::new(Mutex::new(now)) }
    }

    /// Whether it takes new requests.
    pub(super) fn is_open(&self, settings: &ClientSettings) -> bool {
        let closed = matches!(&self.speaker, Speaker::Http2(sender) if sender.is_closed());
        !closed && self.born.elapsed() <= settings.max_age
    }

    /// How long it has not been used.
    pub(super) fn idle(&self) -> Duration {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Notes that it is used.
    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether a broken request means a broken connection; one of HTTP/2 tells for itself.
    pub(super) const fn is_http1(&self) -> bool {
        matches!(self.speaker, Speaker::Http1(_))
    }

    /// Sends a request; completes with the response head.
    pub(super) fn send(&self, request: Request<Progress>) -> BoxFuture<'static, Result<Response<Incoming>, SendError>> {
        match &self.speaker {
            Speaker::Http2(sender) => {
                let answer = sender.clone().send_request(request);
                answer.map(|answer| answer.map_err(Into::into)).boxed()
            }
            Speaker::Http1(pool) => pool.request(request).map(|answer| answer.map_err(Into::into)).boxed(),
        }
    }
}

fn pool(connector: &Connector, settings: &ClientSettings) -> Box<legacy::Client<Connector, Progress>> {
    let pool = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(settings.idle_timeout)
        .pool_max_idle_per_host(settings.max_idle)
        .http1_max_buf_size(usize::try_from(settings.max_header_list).unwrap_or(usize::MAX).max(8192))
        .http2_max_header_list_size(settings.max_header_list)
        .build(connector.clone());
    Box::new(pool)
}
