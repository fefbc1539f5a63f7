//! Which header fields travel.

use super::*;

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn cleaned(lines: &[(&'static str, &str)]) -> Vec<String> {
    let mut headers = fields(lines);
    clean_request(&mut headers);
    let mut left: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    left.sort();
    left
}

#[test]
fn refuses_the_chain_named_in_connection() {
    for name in ["da-svid", "DA-SVID", "da-svid-certs", "da-svid-proof", "da-svid-anything"] {
        let refusal = check(&fields(&[("connection", &format!("close, {name}"))])).unwrap_err();
        let expected = HeaderName::try_from(name).unwrap();
        assert_eq!(refusal, HeaderError::ProtectedInConnection(expected));
    }
}

#[test]
fn refuses_a_bound_field_named_in_connection() {
    for name in ["content-digest", "content-type", "content-encoding", "idempotency-key", "content-length", "host"] {
        let refusal = check(&fields(&[("connection", "keep-alive"), ("connection", name)])).unwrap_err();
        assert_eq!(refusal, HeaderError::ProtectedInConnection(HeaderName::from_static(name)));
    }
}

#[test]
fn refuses_a_connection_field_that_is_no_list() {
    assert_eq!(check(&fields(&[("connection", "a b")])), Err(HeaderError::MalformedConnection));
    let mut headers = HeaderMap::new();
    headers.insert(header::CONNECTION, HeaderValue::from_bytes(b"\xffda-svid").unwrap());
    assert_eq!(check(&headers), Err(HeaderError::MalformedConnection));
}

#[test]
fn refuses_two_ways_to_end_a_message() {
    let both = fields(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
    assert_eq!(check(&both), Err(HeaderError::TwoFramings));
    let twice = fields(&[("content-length", "5"), ("content-length", "5")]);
    assert_eq!(check(&twice), Err(HeaderError::ContentLength));
    for value in ["5, 5", "+5", "5 ", "", "0x5"] {
        assert_eq!(check(&fields(&[("content-length", value)])), Err(HeaderError::ContentLength), "{value}");
    }
}

#[test]
fn refuses_a_digest_announced_as_a_trailer() {
    for name in ["content-digest", "repr-digest", "da-svid", "da-svid-certs"] {
        let refusal = check(&fields(&[("trailer", &format!("x-checksum, {name}"))])).unwrap_err();
        assert_eq!(refusal, HeaderError::ForbiddenTrailer(HeaderName::from_static(name)));
    }
}

#[test]
fn refuses_a_digest_in_the_trailers() {
    let mut trailers = fields(&[("repr-digest", "sha-256=:AA==:")]);
    assert_eq!(
        clean_request_trailers(&mut trailers),
        Err(HeaderError::ForbiddenTrailer(HeaderName::from_static("repr-digest")))
    );
}

#[test]
fn refuses_an_upgrade() {
    assert_eq!(check(&fields(&[("connection", "upgrade"), ("upgrade", "websocket")])), Err(HeaderError::Upgrade));
}

#[test]
fn refuses_a_proof_that_is_doubled_or_not_base64url() {
    assert_eq!(check(&fields(&[("da-svid-proof", "abc"), ("da-svid-proof", "abc")])), Err(HeaderError::Proof));
    for proof in ["a b", "a=", "", &"a".repeat(MAX_PROOF + 1)] {
        assert_eq!(check(&fields(&[("da-svid-proof", proof)])), Err(HeaderError::Proof));
    }
    assert_eq!(check(&fields(&[("da-svid-proof", "abc-_")])), Ok(()));
}

#[test]
fn drops_hop_by_hop_fields_and_what_connection_names() {
    let left = cleaned(&[
        ("connection", "close, X-Private"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eA=="),
        ("transfer-encoding", "chunked"),
        ("te", "gzip"),
        ("expect", "100-continue"),
        ("host", "a.example"),
        ("accept", "*/*"),
    ]);
    assert_eq!(left, ["accept: */*"]);
}

#[test]
fn drops_what_others_claim_about_the_sender() {
    let left = cleaned(&[
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-client-cert", "URI=spiffe://bank.example/subject-wl"),
        ("x-forwarded-anything", "1"),
        ("x-real-ip", "1.2.3.4"),
        ("client-cert", ":AA==:"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
    ]);
    assert_eq!(left, ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate: a=b"]);
}

#[test]
fn drops_every_field_of_the_protocol_but_the_proof() {
    let left = cleaned(&[("da-svid", "a"), ("da-svid-certs", "b"), ("da-svid-next", "c"), ("da-svid-proof", "d")]);
    assert_eq!(left, ["da-svid-proof: d"]);
}

#[test]
fn says_again_that_trailers_are_welcome() {
    assert_eq!(cleaned(&[("te", "gzip;q=0.5, Trailers"), ("connection", "te")]), ["te: trailers"]);
}

#[test]
fn keeps_the_announcement_of_ordinary_trailers() {
    let announced = [("trailer", "x-checksum")];
    assert_eq!(check(&fields(&announced)), Ok(()));
    assert_eq!(cleaned(&announced), ["trailer: x-checksum"]);
}

#[test]
fn drops_a_doubled_traceparent() {
    assert!(cleaned(&[("traceparent", "a"), ("traceparent", "b")]).is_empty());
}

#[test]
fn a_response_loses_hop_by_hop_fields_and_chains() {
    let mut headers = fields(&[
        ("connection", "x-private"),
        ("x-private", "1"),
        ("da-svid", "a"),
        ("transfer-encoding", "chunked"),
        ("content-type", "text/plain"),
    ]);
    clean_response(&mut headers);
    assert_eq!(headers, fields(&[("content-type", "text/plain")]));
}

#[test]
fn trailers_lose_framing_and_hearsay() {
    let mut trailers = fields(&[("content-length", "3"), ("forwarded", "for=x"), ("x-checksum", "1"), ("host", "a")]);
    clean_request_trailers(&mut trailers).unwrap();
    assert_eq!(trailers, fields(&[("x-checksum", "1")]));
}

#[test]
fn stands_in_via_and_finds_itself_there() {
    let mut headers = fields(&[("via", "1.1 front, 2 gate (x)")]);
    assert!(!has_passed(&headers, "middle-tier-1"));
    add_via(&mut headers, Version::HTTP_2, "middle-tier-1");
    assert!(has_passed(&headers, "middle-tier-1"));
    assert!(has_passed(&headers, "gate"));
    assert!(!has_passed(&headers, "middle-tier"));
    assert_eq!(headers.get_all(header::VIA).iter().next_back().unwrap(), "2 middle-tier-1");
}
