//! What a peer is told of a refusal, and how it reads.

use std::error::Error as _;

use super::*;
use crate::certificates::CertificateError;

fn slug(rule: Rule, reason: Reason) -> &'static str {
    Refusal::new(rule, None, reason).problem_slug()
}

#[test]
fn tells_a_peer_the_kind_of_problem_only() {
    use Reason as R;
    for (rule, reason, expected) in [
        (Rule::Form, R::ChainTooLarge, "too-large"),
        (Rule::Form, R::Grammar, "invalid-token"),
        (Rule::Mode, R::Type, "invalid-token"),
        (Rule::Authority, R::PathTrick, "invalid-request"),
        (Rule::Authority, R::DigestMissing, "invalid-request"),
        (Rule::Authority, R::AnotherRequest, "not-permitted"),
        (Rule::Revocation, R::Revoked(RevokedBy::Person), "revoked"),
        (Rule::Revocation, R::RevocationsIncomplete, "unavailable"),
        (Rule::Once, R::IdempotencyKeyMissing, "invalid-request"),
        (Rule::Once, R::Replayed, "replay-detected"),
        (Rule::Provenance, R::ProofUnavailable, "unavailable"),
        (Rule::Provenance, R::Expired, "invalid-chain"),
        (Rule::Signers, R::Certificate(CertificateError::NotThat), "unavailable"),
        (Rule::Signers, R::Certificate(CertificateError::Unreachable), "unavailable"),
        (Rule::Signers, R::Certificate(CertificateError::TooOften), "rate-limited"),
        (Rule::Signers, R::Certificate(CertificateError::NotKept), "invalid-chain"),
        (Rule::Time, R::Expired, "invalid-chain"),
    ] {
        assert_eq!(slug(rule, reason.clone()), expected, "{rule}: {reason}");
    }
    let plain = Refusal { mode: Some(Mode::Plain), ..Refusal::new(Rule::Time, 0, Reason::Expired) };
    assert_eq!(plain.problem_slug(), "invalid-token", "a plain DA-SVID is no chain");
}

#[test]
fn names_the_rule_the_segment_and_what_is_wrong() {
    let refusal = Refusal::new(Rule::Time, 2, Reason::Expired);
    assert_eq!(refusal.to_string(), format!("time (segment 2): {}", Reason::Expired));
    assert_eq!(Refusal::new(Rule::Form, None, Reason::FieldLines).to_string(), format!("form: {}", Reason::FieldLines));
    assert_eq!(refusal.source().unwrap().to_string(), Reason::Expired.to_string());
    assert!(Reason::Revoked(RevokedBy::MintingKey).to_string().contains("the asserter's key is revoked"));
}
