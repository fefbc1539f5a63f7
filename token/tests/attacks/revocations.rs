//! Rule 11: one record kills every chain it covers, at every depth, and no other.

use token::claims::RootClaims;
use token::encoding::Digest;
use token::header::KeyReference;
use token::refusal::{Reason, RevokedBy, Rule};
use token::revocation::{Login, RevocationKey, RevocationRecord};
use token::{Mode, RevocationTable, Timestamp};

use crate::fixture::*;

fn record(key: RevocationKey) -> RevocationRecord {
    RevocationRecord { key, not_after_iat: None, expires: NOW.plus(660) }
}

fn refused_by(delivery: &Delivery, record: RevocationRecord) -> Option<(Option<usize>, RevokedBy)> {
    let table = RevocationTable::local();
    table.insert(record);
    let refusal = delivery.verify_with(&BANK.trust, &table).err()?;
    assert_eq!((refusal.rule, refusal.problem_slug()), (Rule::Revocation, "revoked"));
    let Reason::Revoked(by) = refusal.reason else { return None };
    Some((refusal.segment, by))
}

#[test]
fn refuses_a_chain_revoked_at_any_segment() {
    let delivery = Delivery::id();
    let chain = parse(delivery.chain());
    let (subject, hop) = (BANK.workload(SUBJECT), BANK.workload(HOP));
    let dpa = || ISSUER.to_owned();
    for (key, expected) in [
        (RevocationKey::Root { iss: id(ASSERTER), jti: chain.root().jti }, (Some(0), RevokedBy::Root)),
        (RevocationKey::Session { dpa: dpa(), sid: "session-1".to_owned() }, (Some(0), RevokedBy::Session)),
        (RevocationKey::Person { dpa: dpa(), dpr: "alice".to_owned() }, (Some(0), RevokedBy::Person)),
        (RevocationKey::Link { iss: id(SUBJECT), jti: chain.links()[0].claims.jti }, (Some(1), RevokedBy::Link)),
        (RevocationKey::Link { iss: id(HOP), jti: chain.links()[1].claims.jti }, (Some(2), RevokedBy::Link)),
        (RevocationKey::Workload(id(SUBJECT)), (Some(1), RevokedBy::Signer)),
        (RevocationKey::Workload(id(ASSERTER)), (Some(0), RevokedBy::Signer)),
        (RevocationKey::Certificate(subject.x5t), (Some(1), RevokedBy::Certificate)),
        (RevocationKey::Certificate(hop.x5t), (Some(2), RevokedBy::Certificate)),
        (RevocationKey::Certificate(Digest::of(&BANK.ca.der)), (Some(1), RevokedBy::Certificate)),
    ] {
        assert_eq!(refused_by(&delivery, record(key.clone())), Some(expected), "{key:?}");
    }
}

#[test]
fn refuses_a_revoked_anonymous_link_and_peer() {
    let delivery = Delivery::anonymous();
    let chain = parse(delivery.chain());
    let key = RevocationKey::AnonymousLink {
        root_iss: id(ASSERTER),
        root_jti: chain.root().jti,
        jti: chain.links()[1].claims.jti,
    };
    assert_eq!(refused_by(&delivery, record(key)), Some((Some(2), RevokedBy::Link)));
    assert_eq!(refused_by(&delivery, record(RevocationKey::Workload(id(HOP)))), Some((None, RevokedBy::Peer)));
    let certificate = RevocationKey::Certificate(BANK.workload(HOP).x5t);
    assert_eq!(refused_by(&delivery, record(certificate)), Some((None, RevokedBy::PeerCertificate)));
}

#[test]
fn leaves_siblings_and_other_people_alone() {
    let delivery = Delivery::id();
    for key in [
        RevocationKey::Root { iss: id("other-asserter"), jti: root_claims().jti },
        RevocationKey::Session { dpa: "https://other.example".to_owned(), sid: "session-1".to_owned() },
        RevocationKey::Person { dpa: ISSUER.to_owned(), dpr: "bob".to_owned() },
        RevocationKey::Person { dpa: "https://other.example".to_owned(), dpr: "alice".to_owned() },
        RevocationKey::Link { iss: id(HOP), jti: parse(delivery.chain()).links()[0].claims.jti },
        RevocationKey::Workload(id("mallory")),
    ] {
        assert_eq!(refused_by(&delivery, record(key.clone())), None, "{key:?}");
    }
}

#[test]
fn refuses_a_revoked_login_before_anything_is_minted() {
    let table = RevocationTable::local();
    let login = |dpr, sid| Login { dpa: ISSUER, dpr, sid, at: NOW.minus(10) };
    let alice = login("alice", Some("session-1"));
    assert!(table.check_login(&alice, NOW).is_ok());
    table.insert(record(RevocationKey::Session { dpa: ISSUER.to_owned(), sid: "session-1".to_owned() }));
    let refused = |login, now| table.check_login(&login, now).err().map(|refusal| refusal.reason);
    assert_eq!(refused(alice, NOW), Some(Reason::Revoked(RevokedBy::Session)));
    assert_eq!(refused(login("alice", Some("session-2")), NOW), None);
    assert_eq!(refused(login("bob", None), NOW), None);
    table.insert(RevocationRecord {
        not_after_iat: Some(NOW.minus(10)),
        ..record(RevocationKey::Person { dpa: ISSUER.to_owned(), dpr: "bob".to_owned() })
    });
    assert_eq!(refused(login("bob", None), NOW), Some(Reason::Revoked(RevokedBy::Person)));
    assert_eq!(refused(Login { at: NOW.minus(9), ..login("bob", None) }, NOW), None);
    assert!(refused(login("bob", None), NOW.plus(659)).is_some());
    assert_eq!(refused(login("bob", None), NOW.plus(660)), None, "the record has ended");
}

#[test]
fn forgets_a_record_when_it_has_ended_and_no_earlier() {
    let table = RevocationTable::local();
    assert!(table.is_empty());
    table.insert(record(RevocationKey::Workload(id(HOP))));
    let longer = RevocationRecord { expires: NOW.plus(900), ..record(RevocationKey::Workload(id(SUBJECT))) };
    table.insert(longer);
    assert_eq!((table.len(), table.is_empty()), (2, false));
    for (after, left) in [(659, 2), (660, 1), (899, 1), (900, 0)] {
        table.purge(NOW.plus(after));
        assert_eq!(table.len(), left, "{after} s later");
    }
    assert!(table.is_empty());
}

#[test]
fn lets_a_later_login_live() {
    let ask = Ask::balance();
    let login = |at| {
        let claims = RootClaims { auth_time: Some(at), ..root_claims() };
        let chain = append_id(&root(Mode::Id, &claims), SUBJECT, TARGET, ask.rqd());
        Delivery::new(chain, SUBJECT, &[SUBJECT], ask.clone())
    };
    let person = RevocationKey::Person { dpa: ISSUER.to_owned(), dpr: "alice".to_owned() };
    let until = |at| RevocationRecord { not_after_iat: Some(at), ..record(person.clone()) };
    assert_eq!(refused_by(&login(NOW.minus(100)), until(NOW.minus(100))), Some((Some(0), RevokedBy::Person)));
    assert_eq!(refused_by(&login(NOW.minus(99)), until(NOW.minus(100))), None);
}

/// The chain of each mode whose root a published key signed, and that key.
fn signed_by_published_keys() -> [(Delivery, Digest); 3] {
    let ask = Ask::balance();
    let id = append_id(&root(Mode::Id, &root_claims()), SUBJECT, TARGET, ask.rqd());
    [Delivery::plain(), Delivery::new(id, SUBJECT, &[SUBJECT], ask), Delivery::anonymous()].map(|delivery| {
        let kid = match parse(delivery.chain()).root_header().key.clone() {
            KeyReference::Kid(kid) => kid,
            KeyReference::X5t(_) => String::new(),
        };
        (delivery, kid.parse().unwrap())
    })
}

#[test]
fn refuses_every_root_of_a_revoked_key_and_no_other() {
    for (delivery, kid) in signed_by_published_keys() {
        let refused = Some((Some(0), RevokedBy::MintingKey));
        assert_eq!(refused_by(&delivery, record(RevocationKey::MintingKey(kid))), refused);
        let other = RevocationKey::MintingKey(Digest::of(b"another key"));
        assert_eq!(refused_by(&delivery, record(other)), None);
        let certificate = RevocationKey::Certificate(kid);
        assert_eq!(refused_by(&delivery, record(certificate)), None, "a scope of its own");
    }
}

#[test]
fn refuses_what_an_asserter_minted_up_to_a_moment_whenever_the_login_was() {
    let minted = root_claims().iat;
    let until =
        |asserter: &str, at| RevocationRecord { not_after_iat: at, ..record(RevocationKey::Asserter(id(asserter))) };
    for (delivery, _) in signed_by_published_keys() {
        let refused = Some((Some(0), RevokedBy::MintingTime));
        assert_eq!(refused_by(&delivery, until(ASSERTER, None)), refused);
        assert_eq!(refused_by(&delivery, until(ASSERTER, Some(minted))), refused);
        assert_eq!(refused_by(&delivery, until(ASSERTER, Some(minted.minus(1)))), None, "minted later");
        assert_eq!(refused_by(&delivery, until("other-asserter", None)), None);
    }
}

#[test]
fn rechecks_a_long_exchange() {
    let delivery = Delivery::id();
    let table = RevocationTable::local();
    let verified = delivery.verify_with(&BANK.trust, &table).unwrap();
    assert_eq!(verified.recheck(&table, NOW), Ok(()));
    table.insert(record(RevocationKey::Root { iss: id(ASSERTER), jti: root_claims().jti }));
    let refusal = verified.recheck(&table, NOW).unwrap_err();
    assert_eq!((refusal.reason, refusal.mode), (Reason::Revoked(RevokedBy::Root), Some(Mode::Id)));
}

/// What a table that falls silent makes of a request at `now`.
fn under_silence(ask: &Ask, heard: Option<Timestamp>, now: Timestamp) -> Result<(), Reason> {
    let table = RevocationTable::fed(60);
    if let Some(heard) = heard {
        table.heard(heard);
    }
    let chain = append_id(&root(Mode::Id, &root_claims()), SUBJECT, TARGET, ask.rqd());
    let delivery = Delivery { now, ..Delivery::new(chain, SUBJECT, &[SUBJECT], ask.clone()) };
    delivery.verify_with(&BANK.trust, &table).map(drop).map_err(|refusal| {
        assert_eq!((refusal.rule, refusal.segment, refusal.problem_slug()), (Rule::Revocation, None, "unavailable"));
        refusal.reason
    })
}

#[test]
fn refuses_everything_while_the_view_is_incomplete() {
    for ask in [Ask::balance(), Ask::deposit("{}")] {
        assert_eq!(under_silence(&ask, None, NOW), Err(Reason::RevocationsIncomplete));
        assert_eq!(under_silence(&ask, Some(NOW.minus(60)), NOW), Ok(()));
    }
}

#[test]
fn a_long_silence_stops_every_change_and_reads_under_older_roots() {
    let minted = root_claims().iat;
    let (before, late) = (minted.minus(60), minted.plus(1));
    assert_eq!(under_silence(&Ask::deposit("{}"), Some(before), late), Err(Reason::RevocationsStale));
    assert_eq!(under_silence(&Ask::balance(), Some(before), late), Ok(()), "the root is younger than the silence");
    let later = minted.plus(61);
    assert_eq!(under_silence(&Ask::balance(), Some(minted), later), Err(Reason::RevocationsStale));
}

#[test]
fn what_was_heard_last_counts_and_never_less() {
    let table = RevocationTable::fed(60);
    assert_eq!(table.silence(NOW), None);
    table.heard(NOW);
    table.heard(NOW.minus(50));
    assert_eq!(table.silence(NOW.plus(7)), Some(7));
}
