//! Plain mode: one root, unchanged through every hop.

use token::Mode;
use token::claims::RootClaims;
use token::refusal::{Reason, Rule};

use crate::fixture::*;

fn plain(change: impl FnOnce(&mut RootClaims)) -> Delivery {
    let ask = Ask::balance();
    let mut claims = RootClaims { rqd: Some(ask.rqd()), ..root_claims() };
    change(&mut claims);
    Delivery::new(root(Mode::Plain, &claims), SUBJECT, &[], ask)
}

#[test]
fn accepts_a_root_from_the_subject_and_from_neighbours() {
    let mut delivery = plain(|_| ());
    assert_eq!(delivery.verify().unwrap().first_id(), root_claims().jti);
    delivery.accept.neighbours = vec![id(HOP)];
    assert!(delivery.verify().is_ok());
    delivery.peer = id(HOP);
    assert!(delivery.verify().is_ok());
    assert!(plain(|_| ()).at_hop(HOP).verify().is_ok());
}

#[test]
fn refuses_a_root_from_anyone_else() {
    let mut delivery = plain(|_| ());
    delivery.peer = id("mallory");
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(0), Reason::Neighbour));
}

#[test]
fn refuses_a_root_confirmed_for_another_certificate() {
    let mut delivery = plain(|claims| claims.cnf = Some(BANK.workload(SUBJECT).x5t));
    assert!(delivery.verify().is_ok());
    delivery.peer = id(HOP);
    delivery.peer_x5t = BANK.workload(HOP).x5t;
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(0), Reason::Confirmation));
}

#[test]
fn refuses_a_root_for_another_target() {
    let delivery = plain(|claims| claims.aud = vec![id("other-target")]);
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(0), Reason::RootAudience));
}

#[test]
fn refuses_a_root_that_is_not_bound() {
    let delivery = plain(|claims| claims.rqd = None);
    assert_eq!(delivery.refused(), (Rule::Authority, Some(0), Reason::NotBound));
}

#[test]
fn tells_peers_of_an_invalid_token() {
    let mut delivery = plain(|_| ());
    delivery.peer = id("mallory");
    assert_eq!(delivery.verify().unwrap_err().problem_slug(), "invalid-token");
    let mut delivery = Delivery::id();
    delivery.peer = id("mallory");
    assert_eq!(delivery.verify().unwrap_err().problem_slug(), "invalid-chain");
}

#[test]
fn refuses_roots_out_of_time() {
    type Change = fn(&mut RootClaims);
    let cases: [(Change, Reason); 7] = [
        (|claims| claims.iat = NOW.plus(31), Reason::FromFuture),
        (|claims| claims.exp = NOW.minus(5), Reason::Expired),
        (|claims| claims.exp = claims.iat.plus(601), Reason::RootLife),
        (|claims| claims.exp = claims.iat, Reason::NoLife),
        (|claims| claims.oat = claims.aat.plus(31), Reason::OauthAfterAssertion),
        (|claims| claims.auth_time = Some(claims.aat.plus(31)), Reason::LoginAfterAssertion),
        (|claims| claims.aat = claims.iat.plus(1), Reason::AssertedAfterIssue),
    ];
    for (change, reason) in cases {
        assert_eq!(plain(change).refused(), (Rule::Time, Some(0), reason));
    }
    let at_the_limit = plain(|claims| (claims.iat, claims.exp) = (NOW, NOW.plus(600)));
    assert!(at_the_limit.verify().is_ok());
}

#[test]
fn refuses_people_and_subjects_that_are_not_listed() {
    let delivery = plain(|claims| claims.dpa = "https://idp.example/realms/other".to_owned());
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::IssuerNotListed));
    let delivery = plain(|claims| claims.sub = id("mallory"));
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::SubjectNotListed));
}
