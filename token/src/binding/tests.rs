//! The signature base of requests, and those no chain is bound to.

use super::*;

const fn request<'a>(method: &'a str, headers: &'a [(&'a str, &'a [u8])], body: Body) -> Request<'a> {
    Request { method, target: "/v1/x?a=1", headers, trailers: &[], body }
}

#[test]
fn leaves_absent_fields_out_of_the_base() {
    let base = signature_base(&request("GET", &[], Body::Absent)).unwrap();
    assert_eq!(
        base,
        "\"@method\": GET\n\"@request-target\": /v1/x?a=1\n\
         \"@signature-params\": (\"@method\" \"@request-target\");tag=\"dasvid-rqd\""
    );
}

#[test]
fn takes_fields_in_the_order_of_the_protocol_trimmed_and_even_when_empty() {
    let headers: [(&str, &[u8]); 3] = [("Idempotency-Key", b"\t k1 "), ("x-other", b"1"), ("CONTENT-TYPE", b"")];
    let base = signature_base(&request("POST", &headers, Body::Absent)).unwrap();
    assert_eq!(
        base.split('\n').skip(2).collect::<Vec<_>>(),
        [
            "\"content-type\": ",
            "\"idempotency-key\": k1",
            "\"@signature-params\": (\"@method\" \"@request-target\" \"content-type\" \"idempotency-key\");tag=\"dasvid-rqd\""
        ]
    );
}

#[test]
fn hashes_the_base() {
    let bare = request("GET", &[], Body::Absent);
    assert_eq!(rqd(&bare), Ok(Digest::of(signature_base(&bare).unwrap())));
}

#[test]
fn binds_nothing_of_a_forbidden_shape() {
    let request = Request { target: "/a/../b", ..request("GET", &[], Body::Absent) };
    assert_eq!(rqd(&request), Err(Refusal::new(Rule::Authority, None, Reason::PathTrick)));
}

#[test]
fn tells_which_requests_may_carry_content() {
    let carries = |method, headers: &[(&str, &[u8])], body| may_carry_content(&request(method, headers, body));
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        assert!(!carries(method, &[], Body::Absent), "{method}");
        assert!(!carries(method, &[("Content-Length", b"0")], Body::Absent), "{method}");
        assert!(carries(method, &[("Content-Length", b"1")], Body::Absent), "{method}");
        assert!(carries(method, &[], Body::Streaming), "{method}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "get", "QUERY"] {
        assert!(carries(method, &[], Body::Absent), "{method}");
    }
}

#[test]
fn digests_an_absent_body_as_the_empty_string() {
    let empty = content_digest(b"");
    assert_eq!(empty, "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    let headers = [("content-digest", empty.as_bytes())];
    assert_eq!(
        check_digest(&request("DELETE", &headers, Body::Absent), true),
        Ok(parse_content_digest(empty.as_bytes()))
    );
}

#[test]
fn refuses_the_trailers_no_one_may_send() {
    for name in ["content-digest", "Repr-Digest", "DA-SVID", "da-svid-proof"] {
        assert!(is_refused_trailer(name), "{name}");
    }
    for name in ["grpc-status", "server-timing", "digest"] {
        assert!(!is_refused_trailer(name), "{name}");
    }
}
