//! Names of the header fields the protocol gives a meaning to.

use http::HeaderName;

/// The chain; exactly one field line in a request.
pub const DA_SVID: HeaderName = HeaderName::from_static("da-svid");

/// The signers' certificates, in the syntax of RFC 9440 `Client-Cert-Chain`; at most one field line.
pub const DA_SVID_CERTS: HeaderName = HeaderName::from_static("da-svid-certs");

/// An embedded zero-knowledge proof, base64url JSON, at most 16 KiB.
pub const DA_SVID_PROOF: HeaderName = HeaderName::from_static("da-svid-proof");

/// The client's name for one effect; an unsafe request without it is refused where effects happen.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// RFC 9530 digest of the content, exactly one `sha-256` member.
pub const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// W3C Trace Context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_ones_of_the_protocol() {
        let names = [DA_SVID, DA_SVID_CERTS, DA_SVID_PROOF, IDEMPOTENCY_KEY, CONTENT_DIGEST, TRACEPARENT];
        insta::assert_snapshot!(
            names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(" "),
            @"da-svid da-svid-certs da-svid-proof idempotency-key content-digest traceparent"
        );
    }
}
