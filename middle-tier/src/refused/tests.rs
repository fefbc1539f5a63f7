//! What each refusal means in HTTP, and whom it blames.

use std::time::Duration;

use token::{Reason, Rule, Timestamp};

use super::*;

fn next() -> SpiffeId {
    SpiffeId::new("spiffe://bank.example/target-wl").unwrap()
}

/// The problem of a cause, and whether the next hop is blamed.
fn told(cause: impl Into<Cause>) -> (&'static str, bool) {
    let cause = cause.into();
    let blamed = blames_next(&cause);
    (Refused { cause, culprit: next() }.kind().slug(), blamed)
}

#[test]
fn tells_what_is_wrong_with_the_request() {
    let shape = Refusal::new(Rule::Authority, None, Reason::PathTrick);
    assert_eq!(told(HeaderError::MalformedConnection), ("invalid-request", false));
    assert_eq!(told(Cause::Shape(shape)), ("invalid-request", false));
    assert_eq!(told(Cause::Circle), ("invalid-request", false));
    assert_eq!(told(Cause::NoRoute), ("not-permitted", false));
    assert_eq!(told(Cause::Trace), ("method-not-allowed", false));
    assert_eq!(told(Cause::TooLarge(1)), ("too-large", false));
    assert_eq!(told(GateError::NoPeer), ("internal", false));
}

#[test]
fn tells_why_a_chain_cannot_go_on() {
    assert_eq!(told(LinkError::RootKey), ("unavailable", false));
    assert_eq!(told(LinkError::Hop(HopError::CertificateEnding(Timestamp(0)))), ("unavailable", false));
    assert_eq!(told(LinkError::Hop(HopError::TooManyLinks(16))), ("invalid-chain", false));
    assert_eq!(told(LinkError::Hop(HopError::Expired(Timestamp(0)))), ("invalid-chain", false));
    let size = Refusal::new(Rule::Form, None, Reason::ChainTooLarge);
    assert_eq!(told(LinkError::Hop(HopError::Form(size))), ("too-large", false));
    assert_eq!(told(LinkError::Hop(HopError::NextMissing)), ("internal", false));
    assert_eq!(told(LinkError::Random), ("internal", false));
}

#[test]
fn tells_why_an_exchange_ended_early() {
    assert_eq!(told(Ended::DigestMismatch), ("invalid-request", false));
    assert_eq!(told(Ended::RequestStalled(Duration::from_secs(1))), ("invalid-request", false));
    assert_eq!(told(Ended::TooLarge(1)), ("too-large", false));
    assert_eq!(told(Ended::Revoked), ("revoked", false));
    assert_eq!(told(Ended::UpstreamGone), ("upstream-failed", true));
    assert_eq!(told(Ended::ResponseStalled), ("upstream-timeout", true));
}

#[test]
fn tells_who_failed_behind_this_hop() {
    let (server, after) = (next(), Duration::from_secs(1));
    let address = "127.0.0.1:8444".to_owned();
    assert_eq!(told(ClientError::Silent { server: server.clone(), after }), ("upstream-timeout", true));
    let slow = ClientError::ConnectTimeout { server: server.clone(), address: address.clone(), after };
    assert_eq!(told(slow), ("upstream-timeout", true));
    assert_eq!(told(ClientError::Refused { server: server.clone() }), ("upstream-failed", true));
    let wrong = ClientError::WrongPeer { expected: server.clone(), found: server, address };
    assert_eq!(told(wrong), ("upstream-failed", true));
    assert_eq!(told(Cause::Upgraded), ("upstream-failed", true));
    assert_eq!(told(ClientError::RequestBody), ("invalid-request", false));
    assert_eq!(told(ClientError::Identity(mesh::IdentityError::Withdrawn)), ("unavailable", false));
}

#[test]
fn names_the_culprit_and_says_nothing_more_of_failures() {
    let refused = Refused { cause: Cause::Upgraded, culprit: next() };
    assert_eq!(refused.culprit().as_deref(), Some("spiffe://bank.example/target-wl"));
    let response = axum::response::IntoResponse::into_response(chassis::Rejected(refused));
    assert_eq!(response.status(), 502);
}
