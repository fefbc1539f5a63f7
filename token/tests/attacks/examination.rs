//! Chains that a peer shows without bringing a request, for introspection and diagnosis.

use token::refusal::{Reason, Refusal, RevokedBy, Rule};
use token::revocation::{RevocationKey, RevocationRecord};
use token::{Certificates, Fetched, Mode, RevocationTable, Verifier};

use crate::fixture::*;

fn examine(delivery: &Delivery, revocations: &RevocationTable) -> Result<(), Refusal> {
    let verifier = Verifier::new(id(ASSERTER), delivery.accept.clone());
    let certificates = delivery.certificates.first().map_or("", String::as_str);
    let certificates = Certificates::parse(certificates.as_bytes()).unwrap();
    let peer = (&delivery.peer, delivery.peer_x5t.0);
    let chain = parse(delivery.chain());
    verifier.examine(&chain, (certificates, &Fetched::default()), peer, &BANK.trust, revocations, delivery.now)
}

#[test]
fn what_is_genuine_and_alive_passes_wherever_it_is_shown() {
    for delivery in [Delivery::id(), Delivery::anonymous(), Delivery::plain()] {
        assert_eq!(examine(&delivery, &RevocationTable::local()), Ok(()));
    }
}

#[test]
fn what_is_forged_or_over_is_refused_with_its_mode() {
    let forged = rewrite(Delivery::id().chain(), 2, |claims| claims["aud"] = id("mallory").to_string().into());
    let refusal = examine(&Delivery::id().with_chain(forged), &RevocationTable::local()).unwrap_err();
    assert_eq!((refusal.rule, refusal.segment, refusal.reason), (Rule::Signatures, Some(2), Reason::Signature));
    assert_eq!(refusal.mode, Some(Mode::Id));
    let mut ended = Delivery::anonymous();
    ended.now = NOW.plus(200);
    let refusal = examine(&ended, &RevocationTable::local()).unwrap_err();
    assert_eq!((refusal.rule, refusal.reason, refusal.mode), (Rule::Time, Reason::Expired, Some(Mode::Anonymous)));
}

#[test]
fn what_is_revoked_is_refused_when_it_is_only_shown() {
    let delivery = Delivery::id();
    let table = RevocationTable::local();
    let key = RevocationKey::Root { iss: id(ASSERTER), jti: parse(delivery.chain()).root().jti };
    table.insert(RevocationRecord { key, not_after_iat: None, expires: NOW.plus(660) });
    let refusal = examine(&delivery, &table).unwrap_err();
    assert_eq!((refusal.rule, refusal.reason), (Rule::Revocation, Reason::Revoked(RevokedBy::Root)));
    assert_eq!(refusal.mode, Some(Mode::Id));
}
