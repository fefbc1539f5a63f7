//! The compact form: what parses, and which segment is blamed.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::encoding::base64url;
use crate::refusal::{Reason, Rule};

fn root_header() -> Value {
    json!({ "typ": "dasvid-id+jwt", "alg": "ES256", "kid": "k" })
}

fn root_claims() -> Value {
    json!({
        "iss": "spiffe://bank.example/asserting-wl", "sub": "spiffe://bank.example/subject-wl",
        "aud": ["spiffe://bank.example/target-wl"], "dpa": "https://idp.example", "dpr": "alice",
        "aat": 1, "oat": 1, "iat": 1, "exp": 2, "jti": "AAAAAAAAAAAAAAAAAAAAAA", "txn": "AAAAAAAAAAAAAAAAAAAAAA",
        "scope": "",
    })
}

fn link_claims() -> Value {
    json!({
        "iss": "spiffe://bank.example/subject-wl", "aud": "spiffe://bank.example/target-wl", "iat": 1, "exp": 2,
        "jti": "AAAAAAAAAAAAAAAAAAAAAA", "prv": base64url(&[0; 32]),
    })
}

fn link_header() -> Value {
    json!({ "typ": "dasvid-link+jwt", "alg": "ES256", "x5t#S256": base64url(&[0; 32]) })
}

fn segment(header: &Value, claims: &Value) -> String {
    let encode = |json: &Value| base64url(json.to_string().as_bytes());
    format!("{}.{}.{}", encode(header), encode(claims), base64url(&[1; 64]))
}

fn with(mut json: Value, member: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(json.as_object_mut().unwrap().remove(member)),
        value => json[member] = value,
    }
    json
}

fn refused(text: &str) -> (Rule, Option<usize>, Reason) {
    let refusal = Chain::parse(text).unwrap_err();
    (refusal.rule, refusal.segment, refusal.reason)
}

/// The reason a root with one member changed is refused for.
fn root_refused(member: &str, value: Value) -> Reason {
    let (rule, at, reason) = refused(&segment(&root_header(), &with(root_claims(), member, value)));
    assert_eq!((rule, at), (Rule::Form, Some(0)), "{member}");
    reason
}

/// The reason a link with one member changed is refused for.
fn link_refused(member: &str, value: Value) -> Reason {
    let root = segment(&root_header(), &root_claims());
    let link = segment(&link_header(), &with(link_claims(), member, value));
    let (rule, at, reason) = refused(&format!("{root}~{link}"));
    assert_eq!((rule, at), (Rule::Form, Some(1)), "{member}");
    reason
}

/// The rule and reason a root with one header member changed is refused for.
fn header_refused(member: &str, value: Value) -> (Rule, Reason) {
    let (rule, at, reason) = refused(&segment(&with(root_header(), member, value), &root_claims()));
    assert_eq!(at, Some(0), "{member}");
    (rule, reason)
}

#[test]
fn reads_a_lone_root_and_a_chain() {
    let root = segment(&root_header(), &root_claims());
    assert_eq!(Chain::parse(&root).map(|chain| (chain.mode(), chain.links().len())), Ok((Mode::Id, 0)));
    let text = format!("{root}~{}", segment(&link_header(), &link_claims()));
    let chain = Chain::parse(&text).unwrap();
    assert_eq!(chain.as_str(), text);
    assert_eq!((chain.segment(0), chain.tail(1)), (root.as_str(), &[1; 64][..]));
    assert_eq!(format!("{}.{}", chain.signed(1), base64url(chain.tail(1))), chain.segment(1));
    assert_eq!(chain.hash_before(1), Digest::of(&root));
    assert_eq!(chain.hash_before(2), Digest::of(&text));
}

#[test]
fn requires_every_required_claim() {
    for name in ["iss", "sub", "aud", "dpa", "dpr", "aat", "oat", "iat", "exp", "jti", "txn", "scope"] {
        assert_eq!(root_refused(name, Value::Null), Reason::Missing(name));
    }
    for name in ["iss", "aud", "iat", "exp", "jti", "prv"] {
        assert_eq!(link_refused(name, Value::Null), Reason::Missing(name));
    }
}

#[test]
fn refuses_claims_of_the_wrong_type() {
    for (name, value) in [
        ("iss", json!("spiffe://bank.example")),
        ("sub", json!("SPIFFE://bank.example/a")),
        ("aud", json!("spiffe://bank.example/a")),
        ("aud", json!([])),
        ("aud", json!(["x"])),
        ("dpr", json!(1)),
        ("iat", json!("1")),
        ("iat", json!(1.5)),
        ("exp", json!(-1)),
        ("exp", json!(1_u64 << 53)),
        ("auth_time", json!("1")),
        ("amr", json!("pwd")),
        ("sid", json!([])),
        ("jti", json!("AA")),
        ("txn", json!("AAAAAAAAAAAAAAAAAAAAAB")),
        ("scope", json!("a  b")),
        ("cnf", json!({ "x5t#S256": base64url(&[0; 32]), "jkt": "x" })),
        ("only", json!([])),
    ] {
        assert_eq!(root_refused(name, value), Reason::Malformed(name));
    }
    for (name, value) in [
        ("aud", json!(["spiffe://bank.example/a"])),
        ("aud", json!("spiffe://bank.example")),
        ("prv", json!(base64url(&[0; 31]))),
        ("fin", json!(false)),
        ("fin", json!(1)),
        ("rqd", json!("x")),
    ] {
        assert_eq!(link_refused(name, value), Reason::Malformed(name));
    }
}

#[test]
fn refuses_claims_of_another_kind_of_segment() {
    for (name, value) in [("fin", json!(true)), ("prv", json!("x")), ("rqd", json!(base64url(&[0; 32])))] {
        assert_eq!(root_refused(name, value), Reason::Misplaced(name));
    }
    for name in ["sub", "scope", "cnf", "dpa", "txn", "auth_time"] {
        assert_eq!(link_refused(name, json!("x")), Reason::Misplaced(name));
    }
}

#[test]
fn ignores_unknown_claims() {
    let root = segment(&root_header(), &with(root_claims(), "shade", json!([1.5, null])));
    assert!(Chain::parse(&root).is_ok());
}

#[test]
fn refuses_header_members_that_are_not_defined() {
    assert_eq!(header_refused("crit", json!([])), (Rule::Form, Reason::UnknownHeaderMember));
    assert_eq!(header_refused("jwk", json!({})), (Rule::Form, Reason::UnknownHeaderMember));
    assert_eq!(header_refused("kid", Value::Null), (Rule::Form, Reason::Missing("kid")));
    let both = json!(base64url(&[0; 32]));
    assert_eq!(header_refused("x5t#S256", both), (Rule::Form, Reason::Misplaced("x5t#S256")));
    assert_eq!(header_refused("kid", json!(1)), (Rule::Form, Reason::Malformed("kid")));
    assert_eq!(header_refused("typ", Value::Null), (Rule::Form, Reason::Missing("typ")));
    assert_eq!(header_refused("alg", Value::Null), (Rule::Form, Reason::Missing("alg")));
}

#[test]
fn refuses_types_and_algorithms_that_are_not_defined() {
    for typ in ["JWT", "DASVID-ID+JWT", "dasvid-link+jwt", ""] {
        assert_eq!(header_refused("typ", json!(typ)), (Rule::Mode, Reason::Type), "{typ}");
    }
    for alg in ["none", "HS256", "EdDSA", "es256", "ES512"] {
        assert_eq!(header_refused("alg", json!(alg)), (Rule::Mode, Reason::Algorithm), "{alg}");
    }
}

#[test]
fn checks_what_does_not_depend_on_an_unknown_type() {
    let header = with(root_header(), "typ", json!("JWT"));
    for member in ["iat", "exp", "jti"] {
        let text = segment(&header, &with(root_claims(), member, Value::Null));
        assert_eq!(refused(&text), (Rule::Form, Some(0), Reason::Missing(member)));
    }
    let bad = segment(&header, &with(root_claims(), "only", json!({ "x": 1 })));
    assert_eq!(refused(&bad), (Rule::Form, Some(0), Reason::UnknownRestriction));
}

#[test]
fn refuses_tails_of_the_wrong_length() {
    let text = segment(&root_header(), &root_claims());
    let (head, _) = text.rsplit_once('.').unwrap();
    for length in [1, 63, 65, 96] {
        let text = format!("{head}.{}", base64url(&vec![1; length]));
        assert_eq!(refused(&text), (Rule::Form, Some(0), Reason::TailLength), "{length}");
    }
}

#[test]
fn refuses_what_is_not_three_canonical_parts() {
    for (text, reason) in [
        ("", Reason::Grammar),
        ("a.b", Reason::Grammar),
        ("a.b.c.d", Reason::Grammar),
        ("..", Reason::Grammar),
        ("AA==.AA.AA", Reason::Encoding("header")),
        ("AA.AB.AA", Reason::Encoding("payload")),
        ("AA.AA.A", Reason::Encoding("tail")),
        ("AA.AA.A\u{e9}", Reason::Encoding("tail")),
    ] {
        assert_eq!(refused(text), (Rule::Form, Some(0), reason), "{text:?}");
    }
    for text in ["AA..AA", ".AA.AA", "AA.AA.", "..AA", "AA.."] {
        assert_eq!(refused(text), (Rule::Form, Some(0), Reason::Grammar), "{text:?}");
    }
    let root = segment(&root_header(), &root_claims());
    assert_eq!(refused(&format!("{root}~")), (Rule::Form, Some(1), Reason::Grammar));
    assert_eq!(refused(&format!("~{root}")), (Rule::Form, Some(0), Reason::Grammar));
}

#[test]
fn refuses_the_eighteenth_segment() {
    let tiny = json!({ "iat": 1, "exp": 2, "jti": "AAAAAAAAAAAAAAAAAAAAAA" });
    let link = segment(&json!({ "typ": "x", "alg": "ES256" }), &tiny);
    let chain =
        |links: usize| format!("{}{}", segment(&root_header(), &root_claims()), format!("~{link}").repeat(links));
    assert_eq!(refused(&chain(16)).0, Rule::Mode);
    assert_eq!(refused(&chain(17)), (Rule::Form, Some(17), Reason::TooManySegments));
    assert_eq!(refused(&chain(30)), (Rule::Form, Some(17), Reason::TooManySegments));
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,300}") {
        let _ = Chain::parse(&text);
    }

    #[test]
    fn never_panics_on_segments_of_json(header in "[{}\\[\\]\":,a-z0-9]{0,40}", payload in "[{}\\[\\]\":,a-z0-9]{0,40}") {
        let text = format!("{}.{}.AA", base64url(header.as_bytes()), base64url(payload.as_bytes()));
        let _ = Chain::parse(&text);
    }

    #[test]
    fn keeps_the_bytes_it_reads(dpr in any::<String>(), exp in 0..1_u64 << 53) {
        let claims = with(with(root_claims(), "dpr", json!(dpr)), "exp", json!(exp));
        let text = segment(&root_header(), &claims);
        let chain = Chain::parse(&text).unwrap();
        prop_assert_eq!(chain.as_str(), text.as_str());
        prop_assert_eq!((chain.root().dpr.as_str(), chain.root().exp.0), (dpr.as_str(), exp));
    }

    #[test]
    fn reads_the_claims_it_writes(dpr in any::<String>(), exp in 0..1_u64 << 53, sid in any::<Option<String>>()) {
        let claims = with(with(root_claims(), "dpr", json!(dpr)), "exp", json!(exp));
        let claims = with(claims, "sid", sid.map_or(Value::Null, Into::into));
        let chain = Chain::parse(&segment(&root_header(), &claims)).unwrap();
        let again = segment(&root_header(), &chain.root().to_json());
        let again = Chain::parse(&again).unwrap();
        prop_assert_eq!(again.root(), chain.root());
    }
}
