//! Ordinary HTTPS, for identity providers: the platform's certificate authorities instead of SPIFFE.

use std::time::Duration;

/// How an ordinary HTTPS client behaves.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// More certificate authorities, PEM.
    pub ca: Option<String>,
    /// Longest request as a whole.
    pub timeout: Duration,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self { ca: None, timeout: Duration::from_secs(10) }
    }
}

/// Why an ordinary HTTPS client could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// The certificate authorities are not PEM certificates.
    #[error("the certificate authorities cannot be read")]
    Ca(#[source] reqwest::Error),
}

/// An HTTPS client that follows no redirects.
///
/// # Errors
/// When the certificate authorities cannot be read.
pub fn client(settings: WebSettings) -> Result<reqwest::Client, WebError> {
    todo!()
}
