//! Values exactly at a limit, and one beyond it.

use token::Mode;
use token::claims::RootClaims;
use token::encoding::{base64url, from_base64url};
use token::refusal::{Reason, Rule};

use crate::fixture::*;

fn plain(change: impl FnOnce(&mut RootClaims)) -> Delivery {
    let ask = Ask::balance();
    let mut claims = RootClaims { rqd: Some(ask.rqd()), ..root_claims() };
    change(&mut claims);
    Delivery::new(root(Mode::Plain, &claims), SUBJECT, &[], ask)
}

#[test]
fn another_clock_may_be_thirty_seconds_ahead() {
    assert!(plain(|claims| claims.iat = NOW.plus(30)).verify().is_ok());
    assert!(plain(|claims| claims.oat = claims.aat.plus(30)).verify().is_ok());
    assert!(plain(|claims| claims.auth_time = Some(claims.aat.plus(30))).verify().is_ok());
    assert!(plain(|claims| claims.aat = claims.iat).verify().is_ok());
}

#[test]
fn a_link_may_be_thirty_seconds_older_than_its_root() {
    let ask = Ask::balance();
    let start = root(Mode::Id, &root_claims());
    let earliest = root_claims().iat.minus(30);
    for (iat, expected) in [(earliest, None), (earliest.minus(1), Some((Rule::Time, Some(1), Reason::BeforeRoot)))] {
        let mut claims = link_claims(&start, SUBJECT, TARGET, ask.rqd());
        claims["iat"] = iat.0.into();
        let chain = append_raw(&start, BANK.workload(SUBJECT), &claims);
        let refusal = Delivery::new(chain, SUBJECT, &[SUBJECT], ask.clone()).verify().err();
        assert_eq!(refusal.map(|refusal| (refusal.rule, refusal.segment, refusal.reason)), expected);
    }
}

/// An honest ES256 root whose header says ES384, with a tail as long as that takes.
fn renamed(root: &str) -> String {
    let parts: Vec<_> = root.split('.').collect();
    let header = String::from_utf8(from_base64url(parts[0]).unwrap()).unwrap().replace("ES256", "ES384");
    format!("{}.{}.{}", base64url(header.as_bytes()), parts[1], base64url(&[1; 96]))
}

#[test]
fn a_published_key_signs_with_its_own_algorithm_only() {
    let honest = plain(|_| ());
    let delivery = plain(|_| ()).with_chain(renamed(honest.chain()));
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::KeyDoesNotFit));
}

#[test]
fn an_svid_signs_a_root_with_its_own_algorithm_only() {
    let ask = Ask::balance();
    let asserter = BANK.workload(ASSERTER);
    let claims = RootClaims { rqd: Some(ask.rqd()), ..root_claims() };
    let signer = token::mint::RootSigner::Svid { x5t: asserter.x5t, key: &asserter.key };
    let honest = token::mint::root(Mode::Plain, &claims, signer).unwrap();
    assert!(Delivery::new(honest.clone(), SUBJECT, &[ASSERTER], ask.clone()).verify().is_ok());
    let delivery = Delivery::new(renamed(&honest), SUBJECT, &[ASSERTER], ask);
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::KeyDoesNotFit));
}
