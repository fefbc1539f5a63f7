//! A request in the shape the verifier reads.

use std::borrow::Cow;

use axum::extract::OriginalUri;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Version};
use mesh::Peer;
use token::request::fields;
use token::{Arrival, Body, Chain, Request, RouteRule};
use wire::header::{DA_SVID, DA_SVID_CERTS};

/// Borrowed views of a request's head and trailers.
pub(super) struct Inbound<'a> {
    pub(super) chain_lines: Vec<&'a [u8]>,
    pub(super) certificate_lines: Vec<&'a [u8]>,
    parts: &'a Parts,
    target: Cow<'a, str>,
    headers: Vec<(&'a str, &'a [u8])>,
    trailers: Vec<(&'a str, &'a [u8])>,
    body: Body,
}

impl<'a> Inbound<'a> {
    pub(super) fn new(parts: &'a Parts, trailers: Option<&'a HeaderMap>, body: Body) -> Self {
        let lines = |name| parts.headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
        Self {
            chain_lines: lines(DA_SVID),
            certificate_lines: lines(DA_SVID_CERTS),
            parts,
            target: target(parts),
            headers: fields(&parts.headers),
            trailers: trailers.map(fields).unwrap_or_default(),
            body,
        }
    }

    /// The request as it arrived.
    pub(super) fn request(&self) -> Request<'_> {
        Request {
            method: self.parts.method.as_str(),
            target: &self.target,
            headers: &self.headers,
            trailers: &self.trailers,
            body: self.body,
        }
    }

    /// The request, `self`'s own, as the verifier reads it.
    pub(super) fn arrival<'b>(&'b self, peer: &'b Peer, request: &'b Request<'b>, route: &'b RouteRule) -> Arrival<'b> {
        Arrival {
            chain: &self.chain_lines,
            certificates: &self.certificate_lines,
            peer: &peer.id,
            peer_x5t: peer.x5t,
            request,
            route,
        }
    }

    /// The chain, if there is exactly one and it is well-formed; nothing in it is believed.
    pub(super) fn chain(&self) -> Option<Chain> {
        let [line] = self.chain_lines.as_slice() else { return None };
        Chain::parse(std::str::from_utf8(line).ok()?).ok()
    }
}

/// The target: in HTTP/2 the URI always has a scheme and `:path` is what counts; in HTTP/1.1 a scheme means absolute-form,
/// which the verifier refuses as it stands.
fn target(parts: &Parts) -> Cow<'_, str> {
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    if parts.version < Version::HTTP_2 && uri.scheme().is_some() {
        return Cow::Owned(uri.to_string());
    }
    Cow::Borrowed(uri.path_and_query().map_or("", PathAndQuery::as_str))
}
