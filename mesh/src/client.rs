//! The mTLS client.

use crate::Identity;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use spiffe::SpiffeId;
use std::{error::Error, time::Duration};
use url::Url;

/// Limits and timeouts of a client.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Longest TCP connect and TLS handshake together.
    pub connect_timeout: Duration,
    /// Longest silence between the last byte of the request sent and the response head.
    pub first_byte_timeout: Duration,
    /// Connections idle for this long are closed.
    pub idle_timeout: Duration,
    /// No connection takes new requests after about this long.
    pub max_age: Duration,
    /// Largest body the helpers read, bytes.
    pub max_answer: usize,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            first_byte_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(15),
            max_age: Duration::from_mins(10),
            max_answer: 1024 * 1024,
        }
    }
}

/// A pooling HTTP client that talks to exactly one SPIFFE ID. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {}

/// A response read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL is not the origin of an HTTPS server.
    #[error("{0} is not the https URL of a server")]
    Url(Url),
}

impl Client {
    /// A client for the workload `server` at the origin `base`, as `identity`.
    ///
    /// # Errors
    /// [`ClientError::Url`] if `base` is not `https://host[:port]/`.
    pub fn new(
        identity: &Identity,
        server: SpiffeId,
        base: &Url,
        settings: ClientSettings,
    ) -> Result<Self, ClientError> {
        todo!()
    }

    /// Sends a request; body and trailers are streamed both ways. Of the URI only path and query count.
    ///
    /// # Errors
    /// When no response head arrives.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, ClientError>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        todo!()
    }

    /// Sends a safe or keyed request, once more if the connection dies before a response.
    ///
    /// # Errors
    /// When no response head arrives.
    pub async fn send_replayable(&self, request: Request<Bytes>) -> Result<Response<Incoming>, ClientError> {
        todo!()
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// When there is no whole response.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Answer, ClientError> {
        todo!()
    }

    /// `GET path`, as JSON.
    ///
    /// # Errors
    /// When there is no whole response, a status other than 2xx, or another shape.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        todo!()
    }

    /// `POST path` with form fields; the answer may have any status.
    ///
    /// # Errors
    /// When there is no whole response.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, ClientError> {
        todo!()
    }

    /// The one workload this client accepts.
    #[must_use]
    pub fn server(&self) -> &SpiffeId {
        todo!()
    }
}
