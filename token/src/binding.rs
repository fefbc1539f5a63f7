//! Request binding: the hash that makes a chain good for one request only (exact.md, "Requests"; RFC 9421 §2.5).

use crate::encoding::{self, Digest};
use crate::path;
use crate::refusal::{Reason, Refusal, Rule};
use crate::request::{Body, Request};

/// The fields a request is bound by besides method and target, in their order.
const FIELDS: [&str; 4] = ["content-digest", "content-type", "content-encoding", "idempotency-key"];

/// Headers that ask for another method than the request line's.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Whether a method may have an effect: all but GET, HEAD, OPTIONS and TRACE.
#[must_use]
pub fn is_unsafe(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// Whether a request may carry content: by its method, or by what frames a body.
#[must_use]
pub fn may_carry_content(request: &Request<'_>) -> bool {
    is_unsafe(request.method)
        || request.body != Body::Absent
        || request.has("transfer-encoding")
        || request.values("content-length").any(|length| trim(length) != b"0")
}

/// The value of `Content-Digest` for a body (RFC 9530).
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", encoding::base64(&Digest::of(body).0))
}

/// Reads a `Content-Digest` of exactly one `sha-256` member.
#[must_use]
pub fn parse_content_digest(value: &[u8]) -> Option<[u8; 32]> {
    let encoded = trim(value).strip_prefix(b"sha-256=:")?.strip_suffix(b":")?;
    encoding::from_base64(encoded)?.try_into().ok()
}

/// Whether a field may not be a trailer: digests and `DA-SVID*`.
#[must_use]
pub fn is_refused_trailer(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "content-digest" | "repr-digest") || name.starts_with("da-svid")
}

/// The signature base of a request: what `rqd` is the hash of.
///
/// # Errors
/// A [`Refusal`] of rule `authority` for a request no chain is bound to: a target that is not in origin form or ambiguous,
/// a bound field that occurs twice or is not printable ASCII, Upgrade, CONNECT, a method override, a forbidden trailer.
pub fn signature_base(request: &Request<'_>) -> Result<String, Refusal> {
    check_shape(request).map_err(|reason| Refusal::new(Rule::Authority, None, reason))?;
    Ok(base(request))
}

/// base64url SHA-256 of the signature base: the `rqd` of a request.
///
/// # Errors
/// As [`signature_base`].
pub fn rqd(request: &Request<'_>) -> Result<Digest, Refusal> {
    signature_base(request).map(Digest::of)
}

/// The request's shape: all of rule 10 that does not depend on the chain, but for the digest.
pub(crate) fn check_shape(request: &Request<'_>) -> Result<(), Reason> {
    if request.method == "CONNECT" || !path::is_origin_form(request.target) {
        return Err(Reason::Target);
    }
    if path::is_ambiguous(path::raw_path(request.target)) {
        return Err(Reason::PathTrick);
    }
    if request.has("upgrade") || OVERRIDES.iter().any(|name| request.has(name)) {
        return Err(Reason::Override);
    }
    if request.trailers.iter().any(|(name, _)| is_refused_trailer(name)) {
        return Err(Reason::Trailer);
    }
    FIELDS.into_iter().try_for_each(|name| check_field(request, name))
}

fn check_field(request: &Request<'_>, name: &'static str) -> Result<(), Reason> {
    let mut values = request.values(name);
    let first = values.next().unwrap_or_default();
    if values.next().is_some() {
        return Err(Reason::RepeatedField(name));
    }
    if trim(first).iter().all(|byte| matches!(byte, 0x20..=0x7e)) { Ok(()) } else { Err(Reason::FieldValue(name)) }
}

/// `Content-Digest`: present where a bound request may carry content, well-formed, and that of the body if it is known.
/// The digest the body must have, if there is one.
pub(crate) fn check_digest(request: &Request<'_>, is_bound: bool) -> Result<Option<[u8; 32]>, Reason> {
    let Some(value) = request.values("content-digest").next() else {
        return if is_bound && may_carry_content(request) { Err(Reason::DigestMissing) } else { Ok(None) };
    };
    let digest = parse_content_digest(value).ok_or(Reason::DigestMalformed)?;
    let actual = match request.body {
        Body::Absent => Digest::of([]).0,
        Body::Digest(actual) => actual,
        Body::Streaming => return Ok(Some(digest)),
    };
    if digest == actual { Ok(Some(digest)) } else { Err(Reason::DigestMismatch) }
}

/// The hash of a request whose shape was checked.
pub(crate) fn rqd_of_checked(request: &Request<'_>) -> Digest {
    Digest::of(base(request))
}

fn base(request: &Request<'_>) -> String {
    let mut lines =
        vec![format!("\"@method\": {}", request.method), format!("\"@request-target\": {}", request.target)];
    let mut covered = vec!["\"@method\"".to_owned(), "\"@request-target\"".to_owned()];
    for name in FIELDS {
        if let Some(value) = request.values(name).next() {
            lines.push(format!("\"{name}\": {}", String::from_utf8_lossy(trim(value))));
            covered.push(format!("\"{name}\""));
        }
    }
    lines.push(format!("\"@signature-params\": ({});tag=\"dasvid-rqd\"", covered.join(" ")));
    lines.join("\n")
}

/// Without leading and trailing SP and HTAB.
fn trim(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
