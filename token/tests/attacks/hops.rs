//! Honest hops: what a new link says, how long it lives, and when there is none.

use crypto::jose::Algorithm;
use rcgen::KeyPair;
use token::claims::{RootClaims, TokenId};
use token::hop::{self, Extension, HopError, Signer};
use token::mint::{self, MintError, RootSigner};
use token::{Mode, Timestamp, act};

use crate::fixture::*;

fn extend_with_certificate(life: u64, now: Timestamp) -> Result<String, HopError> {
    let workload = BANK.ca.issue(&id(SUBJECT).to_string(), &KeyPair::generate().unwrap(), life);
    let signer = Signer { id: &workload.id, key: &workload.key, x5t: workload.x5t, not_after: workload.not_after };
    let start = parse(&root(Mode::Id, &root_claims()));
    hop::extend_id(&start, &signer, &extension(Some(HOP), Ask::balance().rqd()), TokenId([1; 16]), now)
}

fn start(mode: Mode) -> String {
    root(mode, &root_claims())
}

fn rqd() -> token::encoding::Digest {
    Ask::balance().rqd()
}

#[test]
fn ends_with_the_shortest_of_chain_life_and_certificate() {
    let expires = |text: &str| parse(text).expires();
    assert_eq!(expires(&extend_with_certificate(3600, NOW).unwrap()), NOW.plus(60));
    assert_eq!(expires(&extend_with_certificate(20, NOW).unwrap()), NOW.plus(20));
    let long = Extension { life: 600, ..extension(Some(HOP), rqd()) };
    assert_eq!(expires(&extend_id(&start(Mode::Id), SUBJECT, &long).unwrap()), root_claims().exp);
    let anonymous = Extension { life: 600, ..extension(None, rqd()) };
    assert_eq!(expires(&extend_anonymous(&start(Mode::Anonymous), &anonymous).unwrap()), root_claims().exp);
}

#[test]
fn waits_for_the_next_certificate() {
    assert!(extend_with_certificate(5, NOW).is_ok());
    assert_eq!(extend_with_certificate(4, NOW), Err(HopError::CertificateEnding(NOW.plus(4))));
    assert_eq!(extend_with_certificate(4, NOW.plus(10)), Err(HopError::CertificateEnding(NOW.plus(4))));
}

#[test]
fn refuses_to_extend_an_ended_chain() {
    let end = root_claims().exp;
    assert_eq!(extend_with_certificate(3600, end), Err(HopError::Expired(end)));
    let none = Extension { life: 0, ..extension(Some(HOP), rqd()) };
    assert_eq!(extend_id(&start(Mode::Id), SUBJECT, &none), Err(HopError::Expired(NOW)));
    assert!(extend_with_certificate(3600, root_claims().iat.minus(30)).is_ok());
    assert_eq!(
        extend_with_certificate(3600, root_claims().iat.minus(31)),
        Err(HopError::FromFuture(root_claims().iat))
    );
}

#[test]
fn refuses_to_extend_a_chain_that_is_not_for_us() {
    let extension = extension(Some(TARGET), rqd());
    assert_eq!(extend_id(&start(Mode::Id), HOP, &extension), Err(HopError::NotForUs(id(SUBJECT))));
    let chain = id_chain(&[SUBJECT, HOP], &Ask::balance());
    assert_eq!(extend_id(&chain, SUBJECT, &extension), Err(HopError::NotForUs(id(HOP))));
}

#[test]
fn refuses_to_extend_another_mode() {
    let next = extension(Some(HOP), rqd());
    assert_eq!(extend_id(&start(Mode::Anonymous), SUBJECT, &next), Err(HopError::Mode(Mode::Anonymous)));
    assert_eq!(extend_id(&start(Mode::Plain), SUBJECT, &next), Err(HopError::Mode(Mode::Plain)));
    assert_eq!(extend_anonymous(&start(Mode::Id), &next), Err(HopError::Mode(Mode::Id)));
}

#[test]
fn refuses_to_extend_without_a_next_hop_or_a_bound_seal() {
    assert_eq!(extend_id(&start(Mode::Id), SUBJECT, &extension(None, rqd())), Err(HopError::NextMissing));
    let seal = Extension { seal: true, ..extension(None, rqd()) };
    assert_eq!(extend_anonymous(&start(Mode::Anonymous), &seal), Err(HopError::NextMissing));
    let unbound = Extension { rqd: None, ..seal };
    assert_eq!(extend_anonymous(&start(Mode::Anonymous), &unbound), Err(HopError::RqdMissing));
}

#[test]
fn cuts_the_tail_it_signed_with() {
    let before = start(Mode::Anonymous);
    let secret = parse(&before).tail(0)[32..].to_vec();
    let after = extend_anonymous(&before, &extension(None, rqd())).unwrap();
    assert_eq!(parse(&after).tail(0), &parse(&before).tail(0)[..32]);
    assert!(!after.contains(&token::encoding::base64url(&secret)));
}

#[test]
fn shows_no_token_in_debug() {
    let chain = parse(&start(Mode::Anonymous));
    assert_eq!(format!("{chain:?}"), "Chain { mode: Anonymous, segments: 1, .. }");
    let verified = Delivery::anonymous().verify().unwrap();
    assert_eq!(format!("{verified:?}"), "Verified(Chain { mode: Anonymous, segments: 3, .. })");
}

#[test]
fn mints_with_keys_that_fit_only() {
    let claims = root_claims();
    let published = RootSigner::Published { kid: &BANK.mint_kid, alg: Algorithm::Es256, key: &BANK.mint_key };
    let misfit = mint::root(Mode::Anonymous, &claims, published);
    assert_eq!(misfit, Err(MintError::KeyDoesNotFit(Mode::Anonymous)));
    let schoco = RootSigner::Schoco { key: &BANK.schoco_key, public: &BANK.schoco_public, fresh: &[1; 32] };
    assert_eq!(mint::root(Mode::Id, &claims, schoco), Err(MintError::KeyDoesNotFit(Mode::Id)));
}

#[test]
fn mints_nothing_a_verifier_would_not_read() {
    let published = RootSigner::Published { kid: &BANK.mint_kid, alg: Algorithm::Es256, key: &BANK.mint_key };
    let bound = RootClaims { rqd: Some(rqd()), ..root_claims() };
    assert!(matches!(mint::root(Mode::Id, &bound, published), Err(MintError::Claims(_))));
    let nowhere = RootClaims { aud: Vec::new(), ..root_claims() };
    assert!(matches!(mint::root(Mode::Plain, &nowhere, published), Err(MintError::Claims(_))));
    let huge = RootClaims { dpr: "a".repeat(4096), ..root_claims() };
    assert!(matches!(mint::root(Mode::Plain, &huge, published), Err(MintError::Claims(_))));
}

#[test]
fn shows_who_acts_for_whom_newest_outermost() {
    let chain = parse(&id_chain(&[SUBJECT, HOP, TARGET], &Ask::balance()));
    let (name, view) = act::member(&chain);
    assert_eq!(name, "act");
    assert_eq!(view["sub"], id(HOP).to_string());
    assert_eq!(view["act"]["sub"], id(SUBJECT).to_string());
    assert_eq!(view["act"]["jti"], chain.links()[0].claims.jti.to_string());
    assert_eq!(view["act"].get("act"), None);
    assert_eq!(act::member(&parse(&anonymous_chain(3, false, &Ask::balance()))), ("links", 3.into()));
    assert_eq!(act::member(&parse(&start(Mode::Plain))), ("links", 0.into()));
}

#[test]
fn writes_the_same_bytes_for_the_same_chain() {
    let chain = parse(&anonymous_chain(2, true, &Ask::balance()));
    let shown = (0..chain.segments()).map(|segment| {
        let (header, payload) = chain.signed(segment).split_once('.').unwrap();
        let text = |part| String::from_utf8(token::encoding::from_base64url(part).unwrap()).unwrap();
        format!("{}\n{}\n{}", text(header), text(payload), hex::encode(chain.tail(segment)))
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n\n"));
}
