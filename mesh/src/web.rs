//! Ordinary HTTPS, for identity providers: the platform's certificate authorities instead of SPIFFE.

mod terminator;

pub use terminator::{Terminator, TerminatorError};

use reqwest::{Certificate, Proxy, redirect::Policy};
use std::time::Duration;
use url::Url;

/// How an ordinary HTTPS client behaves.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// More certificate authorities, PEM; they are believed beside the platform's.
    pub ca: Option<String>,
    /// Where plain HTTP on loopback goes instead: an https address that answers in its place (absolute-form requests,
    /// RFC 9112 §3.2.2). In a container, loopback is not the loopback of the browser that shares an issuer with it.
    pub via: Option<Url>,
    /// Longest connect, TLS handshake included.
    pub connect_timeout: Duration,
    /// Longest request as a whole, its body included.
    pub timeout: Duration,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self { ca: None, via: None, connect_timeout: Duration::from_secs(3), timeout: Duration::from_secs(10) }
    }
}

/// Why an ordinary HTTPS client could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// The extra certificate authorities are not PEM certificates, or there are none.
    #[error("the certificate authorities are not PEM certificates")]
    Ca,
    /// TLS could not be set up.
    #[error("cannot set up an HTTPS client")]
    Setup(#[source] reqwest::Error),
    /// What is to answer for loopback is not https.
    #[error("what answers in place of loopback must be https")]
    Via,
}

/// A client for HTTPS that offers HTTP/2, follows no redirects and uses no proxy.
///
/// Plain HTTP is possible: whoever takes a URL from outside checks its scheme first ([`is_permitted`]).
///
/// # Errors
/// [`WebError::Ca`] if the extra authorities cannot be read; [`WebError::Via`] if `via` is not https;
/// [`WebError::Setup`] if TLS cannot be set up.
pub fn client(settings: WebSettings) -> Result<reqwest::Client, WebError> {
    crate::install_crypto();
    let WebSettings { ca, via, connect_timeout, timeout } = settings;
    let extra = authorities(ca.as_deref())?;
    if via.as_ref().is_some_and(|via| via.scheme() != "https") {
        return Err(WebError::Via);
    }
    let build = |only: bool| {
        let builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(connect_timeout)
            .timeout(timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .referer(false);
        let builder = match via.clone() {
            // Absolute form is HTTP/1.1.
            Some(via) => builder.http1_only().proxy(Proxy::custom(move |url| is_local(url).then(|| via.clone()))),
            None => builder,
        };
        let extra = extra.iter().cloned();
        if only { builder.tls_certs_only(extra) } else { builder.tls_certs_merge(extra) }.build()
    };
    // A platform without any authorities (a bare container) still has the extra ones, and plain HTTP on loopback.
    build(false).or_else(|error| {
        tracing::warn!(%error, "the platform has no usable certificate authorities");
        build(true).map_err(WebError::Setup)
    })
}

/// Whether a URL may be asked: HTTPS, or plain HTTP on the loopback interface, for development.
#[must_use]
pub fn is_permitted(url: &Url) -> bool {
    url.scheme() == "https" || is_local(url)
}

/// Whether a URL is plain HTTP on loopback.
fn is_local(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && loopback
}

fn authorities(pem: Option<&str>) -> Result<Vec<Certificate>, WebError> {
    let Some(pem) = pem else { return Ok(Vec::new()) };
    match Certificate::from_pem_bundle(pem.as_bytes()) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(WebError::Ca),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_with_the_platforms_authorities() {
        client(WebSettings::default()).unwrap();
    }

    #[test]
    fn refuses_authorities_that_are_not_pem() {
        for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let settings = WebSettings { ca: Some(pem.to_owned()), ..WebSettings::default() };
            let error = client(settings).unwrap_err();
            assert!(matches!(error, WebError::Ca | WebError::Setup(_)), "{pem:?}: {error}");
        }
    }

    #[test]
    fn refuses_to_go_round_loopback_in_the_clear() {
        let settings = WebSettings { via: Some("http://idp:8080".parse().unwrap()), ..WebSettings::default() };
        assert!(matches!(client(settings).unwrap_err(), WebError::Via));
    }

    #[test]
    fn permits_https_and_loopback_only() {
        for (url, permitted) in [
            ("https://idp.example/", true),
            ("http://127.0.0.1:8090/", true),
            ("http://[::1]:8090/", true),
            ("http://localhost:8090/", true),
            ("http://idp.example/", false),
            ("http://localhost.example/", false),
            ("http://10.0.0.1/", false),
            ("ftp://localhost/", false),
            ("data:x", false),
        ] {
            assert_eq!(is_permitted(&url.parse().unwrap()), permitted, "{url}");
        }
    }
}
