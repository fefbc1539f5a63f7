//! A request that is about to be made: what it is bound by, and its header fields.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use token::encoding::Digest;
use token::{Body, Refusal, binding};
use wire::header::{CONTENT_DIGEST, DA_SVID, DA_SVID_CERTS, DA_SVID_PROOF, IDEMPOTENCY_KEY};

use crate::input::ChainFile;

/// A request that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The body, if there is one.
    pub body: Option<Content>,
    /// The `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

/// A body and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The `Content-Type`.
    pub kind: String,
    /// The bytes.
    pub bytes: Bytes,
}

impl Outgoing {
    /// A request without body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), body: None, idempotency_key: None }
    }

    /// A `POST` of JSON with an `Idempotency-Key`.
    #[must_use]
    pub fn post(target: &str, json: &serde_json::Value, key: &str) -> Self {
        let body = Content { kind: "application/json".to_owned(), bytes: json.to_string().into() };
        Self { body: Some(body), idempotency_key: Some(key.to_owned()), ..Self::new("POST", target) }
    }

    /// Reads `METHOD TARGET`.
    ///
    /// # Errors
    /// When it is not two words of which the second starts with a slash.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        match text.split_once(' ') {
            Some((method, target)) if target.starts_with('/') && !method.is_empty() => Ok(Self::new(method, target)),
            _ => anyhow::bail!("a request is written like \"GET /v1/balance\", not {text:?}"),
        }
    }

    /// What binds a chain to this request.
    ///
    /// # Errors
    /// A request no chain is bound to.
    pub fn rqd(&self) -> Result<Digest, Refusal> {
        let fields = self.fields();
        let headers: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let body = self.content().map_or(Body::Absent, Body::of);
        binding::rqd(&token::Request {
            method: &self.method,
            target: &self.target,
            headers: &headers,
            trailers: &[],
            body,
        })
    }

    /// The body; a method that may have an effect always carries one, be it empty.
    fn content(&self) -> Option<&[u8]> {
        let sent = self.body.as_ref().map(|content| &content.bytes[..]);
        sent.or_else(|| binding::is_unsafe(&self.method).then_some(&[]))
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        if let Some(content) = self.content() {
            fields.push(("content-digest", binding::content_digest(content)));
        }
        if let Some(content) = &self.body {
            fields.push(("content-type", content.kind.clone()));
        }
        if let Some(key) = &self.idempotency_key {
            fields.push(("idempotency-key", key.clone()));
        }
        fields
    }

    /// The request with `chain`, for a server whose name does not matter.
    ///
    /// # Errors
    /// When a part of it cannot stand in an HTTP request.
    pub fn request(&self, chain: Option<&ChainFile>) -> anyhow::Result<Request<Bytes>> {
        let mut request = Request::builder().method(Method::from_bytes(self.method.as_bytes())?).uri(&self.target);
        if let Some(content) = self.content() {
            request = request.header(CONTENT_DIGEST, binding::content_digest(content));
        }
        if let Some(content) = &self.body {
            request = request.header(header::CONTENT_TYPE, &content.kind);
        }
        if let Some(key) = &self.idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(chain) = chain {
            request = request.header(DA_SVID, sensitive(&chain.da_svid)?);
            if let Some(certificates) = &chain.certificates {
                request = request.header(DA_SVID_CERTS, certificates);
            }
            if let Some(proof) = &chain.proof {
                request = request.header(DA_SVID_PROOF, sensitive(proof)?);
            }
        }
        Ok(request.body(self.body.as_ref().map(|content| content.bytes.clone()).unwrap_or_default())?)
    }
}

/// A value that HTTP/2 never puts into its compression tables.
fn sensitive(value: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sent_is_what_is_bound() {
        let outgoing = Outgoing::post("/v1/deposits", &json!({"minor": 1}), "k1");
        let request = outgoing.request(None).unwrap();
        let headers = token::request::fields(request.headers());
        let seen = token::Request {
            method: "POST",
            target: "/v1/deposits",
            headers: &headers,
            trailers: &[],
            body: Body::of(request.body()),
        };
        assert_eq!(binding::rqd(&seen), outgoing.rqd());
    }

    #[test]
    fn a_request_in_words_has_a_method_and_a_target() {
        assert_eq!(Outgoing::parse("GET /v1/balance").unwrap(), Outgoing::new("GET", "/v1/balance"));
        for text in ["", "GET", "GET v1", " /v1"] {
            assert!(Outgoing::parse(text).is_err(), "{text:?}");
        }
    }
}
