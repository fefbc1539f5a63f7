//! Header fields between two hops: what ends here, what is refused, and what only this hop may say.
//!
//! Pure on purpose: a field map in, a field map or a refusal out. RFC 9110 §7.6.1 is the base; the rest is what the
//! protocol adds so that nobody can hide, swap or forge a field on the way.

use http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use thiserror::Error;
use wire::header::{CONTENT_DIGEST, DA_SVID_PROOF, IDEMPOTENCY_KEY, TRACEPARENT};

/// Every field of the protocol starts with this.
const OURS: &str = "da-svid";
const MAX_PROOF: usize = 16 * 1024;

/// Fields that live on one connection, whether `Connection` names them or not.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// What others claim about the sender. The peer of the connection is the only truth, so these go nowhere.
const HEARSAY: [HeaderName; 5] = [
    header::FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-cert"),
    HeaderName::from_static("client-cert"),
    HeaderName::from_static("client-cert-chain"),
];

/// Fields that decide what the request means; `Connection` cannot make them disappear.
const PROTECTED: [HeaderName; 9] = [
    CONTENT_DIGEST,
    IDEMPOTENCY_KEY,
    TRACEPARENT,
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::VIA,
];

/// A request whose header section cannot be passed on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum HeaderError {
    /// `Connection` names a field that must reach the end.
    #[error("Connection names {0}, which is not hop-by-hop: leave it out of Connection")]
    ProtectedInConnection(HeaderName),
    /// `Connection` is not a list of field names.
    #[error("Connection is not a list of field names (RFC 9110 section 7.6.1)")]
    MalformedConnection,
    /// The message says twice, differently, where it ends.
    #[error("the request has both Content-Length and Transfer-Encoding: send one of them")]
    TwoFramings,
    /// More than one `Content-Length`.
    #[error("Content-Length occurs more than once or is not one number")]
    ContentLength,
    /// `Trailer` announces a field that counts only in the header section.
    #[error("{0} cannot be a trailer: send it as a header field")]
    ForbiddenTrailer(HeaderName),
    /// `Upgrade` is not offered here.
    #[error("Upgrade is not possible through this hop")]
    Upgrade,
    /// More than one line, too long, or not base64url.
    #[error("DA-SVID-Proof must be one line of at most 16384 characters of base64url")]
    Proof,
}

/// Refuses what no honest client sends: hidden fields, double framing, late digests, upgrades.
///
/// # Errors
/// The first [`HeaderError`] in the order of its variants.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), HeaderError> {
    for name in named_in_connection(headers)? {
        if is_ours(&name) || PROTECTED.contains(&name) {
            return Err(HeaderError::ProtectedInConnection(name));
        }
    }
    check_framing(headers)?;
    for name in list(headers, &header::TRAILER).filter_map(|name| HeaderName::try_from(name).ok()) {
        if is_forbidden_trailer(&name) {
            return Err(HeaderError::ForbiddenTrailer(name));
        }
    }
    if headers.contains_key(header::UPGRADE) {
        return Err(HeaderError::Upgrade);
    }
    check_proof(headers)
}

fn check_framing(headers: &HeaderMap) -> Result<(), HeaderError> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else { return Ok(()) };
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(HeaderError::TwoFramings);
    }
    let one_number = length.as_bytes().iter().all(u8::is_ascii_digit) && !length.is_empty();
    if lengths.next().is_some() || !one_number { Err(HeaderError::ContentLength) } else { Ok(()) }
}

fn check_proof(headers: &HeaderMap) -> Result<(), HeaderError> {
    let mut lines = headers.get_all(DA_SVID_PROOF).iter();
    let Some(proof) = lines.next() else { return Ok(()) };
    let strict = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = proof.len() <= MAX_PROOF && !proof.is_empty() && proof.as_bytes().iter().all(strict);
    if fits && lines.next().is_none() { Ok(()) } else { Err(HeaderError::Proof) }
}

/// Leaves only what travels to the next hop. Every `DA-SVID*` field goes but a proof, which the target checks.
pub(crate) fn clean_request(headers: &mut HeaderMap) {
    let trailers = list(headers, &header::TE).any(|coding| coding.eq_ignore_ascii_case("trailers"));
    let proof = headers.get(DA_SVID_PROOF).cloned();
    drop_hop_by_hop(headers);
    remove_where(headers, |name| is_ours(name) || HEARSAY.contains(name) || name.as_str().starts_with("x-forwarded-"));
    headers.remove(header::HOST);
    // The wait for a `100 Continue` happens between the client and this hop.
    headers.remove(header::EXPECT);
    if headers.get_all(TRACEPARENT).iter().count() > 1 {
        // W3C Trace Context §3.2: more than one line is as good as none.
        headers.remove(TRACEPARENT);
    }
    if let Some(proof) = proof {
        headers.insert(DA_SVID_PROOF, proof);
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Leaves only what travels back. A response never carries a chain.
pub(crate) fn clean_response(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
    remove_where(headers, is_ours);
}

/// Leaves only what may follow a body (RFC 9110 §6.5.1).
///
/// # Errors
/// [`HeaderError::ForbiddenTrailer`] for a digest or a field of the protocol, which count only in the header section.
pub(crate) fn clean_request_trailers(trailers: &mut HeaderMap) -> Result<(), HeaderError> {
    if let Some(name) = trailers.keys().find(|name| is_forbidden_trailer(name)) {
        return Err(HeaderError::ForbiddenTrailer(name.clone()));
    }
    clean_response_trailers(trailers);
    Ok(())
}

/// The same for a response: nothing is refused, what may not be there is dropped.
pub(crate) fn clean_response_trailers(trailers: &mut HeaderMap) {
    drop_hop_by_hop(trailers);
    remove_where(trailers, |name| {
        is_ours(name)
            || HEARSAY.contains(name)
            || name.as_str().starts_with("x-forwarded-")
            || [header::CONTENT_LENGTH, header::HOST, header::TRAILER, header::AUTHORIZATION].contains(name)
    });
}

/// Adds this hop to `Via` (RFC 9110 §7.6.3).
pub(crate) fn add_via(headers: &mut HeaderMap, received: Version, pseudonym: &str) {
    let protocol = if received == Version::HTTP_2 {
        "2"
    } else if received == Version::HTTP_10 {
        "1.0"
    } else {
        "1.1"
    };
    if let Ok(value) = HeaderValue::try_from(format!("{protocol} {pseudonym}")) {
        headers.append(header::VIA, value);
    }
}

/// Whether this hop already stands in `Via`: the request runs in a circle.
pub(crate) fn has_passed(headers: &HeaderMap, pseudonym: &str) -> bool {
    list(headers, &header::VIA).any(|hop| hop.split_ascii_whitespace().nth(1) == Some(pseudonym))
}

fn is_ours(name: &HeaderName) -> bool {
    name.as_str().starts_with(OURS)
}

fn is_forbidden_trailer(name: &HeaderName) -> bool {
    is_ours(name) || *name == CONTENT_DIGEST || name.as_str() == "repr-digest"
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    // A response with a broken `Connection` loses the fields that could be read out of it.
    let named: Vec<HeaderName> =
        list(headers, &header::CONNECTION).filter_map(|name| HeaderName::try_from(name).ok()).collect();
    for name in named.iter().filter(|name| !PROTECTED.contains(name)).chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn named_in_connection(headers: &HeaderMap) -> Result<Vec<HeaderName>, HeaderError> {
    if headers.get_all(header::CONNECTION).iter().any(|value| value.to_str().is_err()) {
        return Err(HeaderError::MalformedConnection);
    }
    list(headers, &header::CONNECTION)
        .map(|name| HeaderName::try_from(name).map_err(|_| HeaderError::MalformedConnection))
        .collect()
}

/// The members of a comma-separated field, over all its lines; empty ones are skipped.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| !member.is_empty())
}

fn remove_where(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| unwanted(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
