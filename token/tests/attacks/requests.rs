//! What a chain allows a request, and the one request it is bound to.

use token::claims::{MaxAmount, Only};
use token::hop::Extension;
use token::policy::RequestBinding;
use token::refusal::{Reason, Rule};
use token::{Body, Mode};

use crate::fixture::*;

fn deposit() -> Delivery {
    deposit_with(None)
}

fn deposit_with(only: Option<Only>) -> Delivery {
    let ask = Ask::deposit(r#"{"currency":"USD","minor":2500}"#);
    let link = Extension { only, ..extension(Some(TARGET), ask.rqd()) };
    let chain = extend_id(&root(Mode::Id, &root_claims()), SUBJECT, &link).unwrap();
    Delivery::new(chain, SUBJECT, &[SUBJECT], ask)
}

fn refused(change: impl FnOnce(&mut Delivery)) -> (Rule, Option<usize>, Reason) {
    let mut delivery = deposit();
    change(&mut delivery);
    delivery.refused()
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn accepts_the_request_it_is_bound_to() {
    let verified = deposit().verify().unwrap();
    assert_eq!(verified.body_digest(), Some(token::encoding::Digest::of(r#"{"currency":"USD","minor":2500}"#).0));
}

#[test]
fn refuses_another_request() {
    let another = (Rule::Authority, Some(1), Reason::AnotherRequest);
    assert_eq!(refused(|delivery| delivery.ask.method = "PUT".to_owned()), another);
    assert_eq!(refused(|delivery| delivery.ask.target = "/v1/deposits?x=1".to_owned()), another);
    assert_eq!(refused(|delivery| delivery.ask.headers[1].1 = "k2".to_owned()), another);
    assert_eq!(refused(|delivery| delivery.ask.headers.push(header("Content-Type", ""))), another);
    assert_eq!(refused(|delivery| delivery.ask = Ask::deposit("{}")), another);
}

#[test]
fn refuses_a_balance_enquiry_turned_into_a_transfer() {
    let mut delivery = Delivery::id();
    delivery.ask = Ask::deposit("{}");
    delivery.route.scope = "payments.write".to_owned();
    assert_eq!(delivery.refused(), (Rule::Authority, Some(1), Reason::AnotherRequest));
}

#[test]
fn refuses_a_link_bound_to_another_request_than_the_rest() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let chain = append_id(&chain, HOP, TARGET, Ask::deposit("{}").rqd());
    let mut delivery = Delivery::new(chain, HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Authority, Some(2), Reason::AnotherRequest));
    delivery.route.request_binding = RequestBinding::LastHop;
    assert_eq!(delivery.refused(), (Rule::Authority, Some(2), Reason::AnotherRequest));
}

#[test]
fn looks_at_the_last_segment_only_where_the_hop_before_rewrites() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP], &Ask::deposit("{}"));
    let mut delivery = Delivery::new(append_id(&chain, HOP, TARGET, ask.rqd()), HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Authority, Some(1), Reason::AnotherRequest));
    delivery.route.request_binding = RequestBinding::LastHop;
    assert!(delivery.verify().is_ok());
}

#[test]
fn refuses_a_link_that_is_not_bound() {
    let ask = Ask::balance();
    let link = Extension { rqd: None, ..extension(Some(TARGET), ask.rqd()) };
    let chain = extend_id(&root(Mode::Id, &root_claims()), SUBJECT, &link).unwrap();
    let mut delivery = Delivery::new(chain, SUBJECT, &[SUBJECT], ask);
    assert_eq!(delivery.refused(), (Rule::Authority, Some(1), Reason::NotBound));
    delivery.route.request_binding = RequestBinding::None;
    assert!(delivery.verify().is_ok());
}

#[test]
fn refuses_an_unsafe_method_where_nothing_is_bound() {
    let unbound = refused(|delivery| delivery.route.request_binding = RequestBinding::None);
    assert_eq!(unbound, (Rule::Authority, None, Reason::UnsafeUnbound));
}

#[test]
fn refuses_a_body_without_digest() {
    let missing = refused(|delivery| drop(delivery.ask.headers.remove(0)));
    assert_eq!(missing, (Rule::Authority, None, Reason::DigestMissing));
    for body in [Body::Streaming, Body::of(b"x")] {
        let mut delivery = Delivery::id();
        delivery.ask.body = body;
        assert_eq!(delivery.refused(), (Rule::Authority, None, Reason::DigestMissing));
    }
    for (name, value) in [("Content-Length", "1"), ("Transfer-Encoding", "chunked")] {
        let mut delivery = Delivery::id();
        delivery.ask.headers.push(header(name, value));
        assert_eq!(delivery.refused(), (Rule::Authority, None, Reason::DigestMissing), "{name}");
    }
}

#[test]
fn refuses_two_digests() {
    let twice = refused(|delivery| delivery.ask.headers.push(delivery.ask.headers[0].clone()));
    assert_eq!(twice, (Rule::Authority, None, Reason::RepeatedField("content-digest")));
}

#[test]
fn refuses_a_digest_in_trailers() {
    for name in ["Content-Digest", "repr-digest", "DA-SVID", "da-svid-certs", "Da-Svid-X"] {
        let trailer = refused(|delivery| delivery.ask.trailers.push(header(name, "x")));
        assert_eq!(trailer, (Rule::Authority, None, Reason::Trailer), "{name}");
    }
}

#[test]
fn refuses_a_digest_of_another_kind_or_body() {
    for value in
        ["sha-512=:AA==:", "sha-256=:AA==:", "sha-256=AA", "", "SHA-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"]
    {
        let malformed = refused(|delivery| delivery.ask.headers[0].1 = value.to_owned());
        assert_eq!(malformed, (Rule::Authority, None, Reason::DigestMalformed), "{value}");
    }
    let other = refused(|delivery| delivery.ask.body = Body::of(b"x"));
    assert_eq!(other, (Rule::Authority, None, Reason::DigestMismatch));
    let absent = refused(|delivery| delivery.ask.body = Body::Absent);
    assert_eq!(absent, (Rule::Authority, None, Reason::DigestMismatch));
}

#[test]
fn leaves_the_digest_of_a_stream_to_the_caller() {
    let mut delivery = deposit();
    delivery.ask.body = Body::Streaming;
    assert!(delivery.verify().unwrap().body_digest().is_some());
}

#[test]
fn refuses_path_tricks() {
    for target in
        ["/v1/../admin", "/v1/./x", "/v1//x", "/v1%2fx", "/v1%2E%2e/x", "/v1/x%00", "/v1\\x", "/v1/%c3%a9", "/v1/%"]
    {
        let trick = refused(|delivery| delivery.ask.target = target.to_owned());
        assert_eq!(trick, (Rule::Authority, None, Reason::PathTrick), "{target}");
    }
    for target in ["http://target/v1", "*", "target:443", "/v1#x", "/v1 x", ""] {
        let other = refused(|delivery| delivery.ask.target = target.to_owned());
        assert_eq!(other, (Rule::Authority, None, Reason::Target), "{target}");
    }
    let connect = refused(|delivery| delivery.ask.method = "CONNECT".to_owned());
    assert_eq!(connect, (Rule::Authority, None, Reason::Target));
}

#[test]
fn refuses_upgrades_and_method_overrides() {
    for name in ["Upgrade", "X-HTTP-Method-Override", "x-http-method", "X-Method-Override"] {
        let other = refused(|delivery| delivery.ask.headers.push(header(name, "DELETE")));
        assert_eq!(other, (Rule::Authority, None, Reason::Override), "{name}");
    }
}

#[test]
fn refuses_bound_fields_that_are_not_printable() {
    for value in ["a\u{7f}", "a\tb", "é"] {
        let field = refused(|delivery| delivery.ask.headers[1].1 = value.to_owned());
        assert_eq!(field, (Rule::Authority, None, Reason::FieldValue("idempotency-key")), "{value:?}");
    }
}

#[test]
fn refuses_what_an_only_does_not_admit() {
    let list = |text: &str| Some(vec![text.to_owned()]);
    for (only, reason) in [
        (only(|only| only.scope = list("accounts.read")), Reason::OnlyScope),
        (only(|only| only.scope = Some(vec![])), Reason::OnlyScope),
        (only(|only| only.methods = list("post")), Reason::OnlyMethod),
        (only(|only| only.paths = list("/v1/deposit")), Reason::OnlyPath),
        (only(|only| only.paths = list("/v1/deposits/*")), Reason::OnlyPath),
    ] {
        assert_eq!(deposit_with(Some(only)).refused(), (Rule::Authority, Some(1), reason));
    }
    let admitting = only(|only| (only.methods, only.paths) = (list("POST"), list("/v1/*")));
    assert!(deposit_with(Some(admitting)).verify().is_ok());
}

#[test]
fn refuses_a_scope_the_root_does_not_hold() {
    let wanting = refused(|delivery| delivery.route.scope = "admin".to_owned());
    assert_eq!(wanting, (Rule::Authority, Some(0), Reason::RootScope));
    let empty = refused(|delivery| delivery.route.scope = String::new());
    assert_eq!(empty, (Rule::Authority, Some(0), Reason::RootScope));
}

#[test]
fn consumes_amounts_up_to_every_limit() {
    let limit = |minor| only(|only| only.max_amount = Some(MaxAmount { currency: "USD".to_owned(), minor }));
    let verified = deposit_with(Some(limit(2500))).verify().unwrap();
    let authority = verified.authority();
    assert_eq!(authority.consume("USD", 2500), Ok(()));
    let refusal = authority.consume("USD", 2501).unwrap_err();
    assert_eq!((refusal.rule, refusal.segment, &refusal.reason), (Rule::Authority, Some(1), &Reason::Amount));
    assert_eq!(refusal.problem_slug(), "not-permitted");
    let refusal = authority.consume("EUR", 1).unwrap_err();
    assert_eq!((refusal.reason, refusal.mode), (Reason::Currency, Some(Mode::Id)));
    let unlimited = deposit().verify().unwrap();
    assert_eq!(unlimited.authority().consume("EUR", u64::MAX), Ok(()));
}

#[test]
fn reads_restrictions_as_they_stand_in_claims() {
    let text = r#"{"max_amount":{"currency":"USD","minor":2500},"methods":["GET"]}"#;
    let read: Only = text.parse().unwrap();
    let limit = MaxAmount { currency: "USD".to_owned(), minor: 2500 };
    assert_eq!((read.max_amount, read.methods), (Some(limit), Some(vec!["GET".to_owned()])));
    assert!(r#"{"max_amounts":1}"#.parse::<Only>().is_err());
}
