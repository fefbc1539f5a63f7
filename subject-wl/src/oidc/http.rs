//! The OIDC library's HTTP client: ours, with a limit on what a provider may answer.

use std::{error::Error, future::Future, pin::Pin};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

/// The longest answer of a provider, in bytes.
const MAX_ANSWER: usize = 512 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FetchError {
    /// The request failed.
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    /// The answer is not one.
    #[error("the answer is malformed")]
    Answer(#[from] ::http::Error),
    /// The answer is longer than 512 KiB.
    #[error("the answer is too long")]
    TooLong,
}

/// An ordinary HTTPS client that follows no redirects.
pub(crate) struct Fetch(pub(crate) reqwest::Client);

impl Fetch {
    async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let mut answer = client.execute(request.try_into()?).await?;
        let mut response = ::http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Fetch {
    type Error = FetchError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Self::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(Self::send(self.0.clone(), request))
    }
}

// The library's errors box ours; this keeps them sendable.
const _: fn() = || {
    fn sendable<E: Error + Send + Sync>() {}
    sendable::<FetchError>();
};
