//! Where a chain may arrive: audiences, whole trust domains, limits of length.

use spiffe::SpiffeId;
use token::Mode;
use token::claims::{Only, RootClaims};
use token::hop::{Extension, HopError};
use token::refusal::{Reason, Rule};

use crate::fixture::*;

fn chain_with_root(change: impl FnOnce(&mut RootClaims)) -> Delivery {
    let ask = Ask::balance();
    let mut claims = root_claims();
    change(&mut claims);
    let chain = append_id(&root(Mode::Id, &claims), SUBJECT, TARGET, ask.rqd());
    Delivery::new(chain, SUBJECT, &[SUBJECT], ask)
}

fn chain_with_only(only: Only) -> Delivery {
    let ask = Ask::balance();
    let link = Extension { only: Some(only), ..extension(Some(TARGET), ask.rqd()) };
    let chain = extend_id(&root(Mode::Id, &root_claims()), SUBJECT, &link).unwrap();
    Delivery::new(chain, SUBJECT, &[SUBJECT], ask)
}

#[test]
fn refuses_a_root_whose_audience_is_a_prefix_of_ours() {
    let delivery = chain_with_root(|claims| claims.aud = vec![id("target"), id("target-wl-2")]);
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(0), Reason::RootAudience));
}

#[test]
fn takes_its_trust_domain_as_audience_only_where_policy_allows_it() {
    let mut delivery = chain_with_root(|claims| claims.aud = vec![SpiffeId::new("spiffe://bank.example").unwrap()]);
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(0), Reason::RootAudience));
    delivery.accept.allow_domain_audience = true;
    assert!(delivery.verify().is_ok());
}

#[test]
fn refuses_another_trust_domain_as_audience() {
    let mut delivery = chain_with_root(|claims| claims.aud = vec![SpiffeId::new("spiffe://other.example").unwrap()]);
    delivery.accept.allow_domain_audience = true;
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(0), Reason::RootAudience));
}

#[test]
fn refuses_an_only_that_ends_elsewhere_or_nowhere() {
    for aud in [vec![], vec![id("other-target")]] {
        let delivery = chain_with_only(only(|only| only.aud = Some(aud)));
        assert_eq!(delivery.refused(), (Rule::Arrival, Some(1), Reason::OnlyAudience));
    }
    assert!(chain_with_only(only(|only| only.aud = Some(vec![id(TARGET)]))).verify().is_ok());
}

#[test]
fn asks_for_audiences_only_at_the_end() {
    let ask = Ask::balance();
    let link =
        Extension { only: Some(only(|only| only.aud = Some(vec![id(TARGET)]))), ..extension(Some(HOP), ask.rqd()) };
    let chain = extend_id(&root(Mode::Id, &root_claims()), SUBJECT, &link).unwrap();
    assert!(Delivery::new(chain, SUBJECT, &[SUBJECT], ask).at_hop(HOP).verify().is_ok());
}

#[test]
fn refuses_a_first_link_by_another_certificate_than_cnf() {
    let delivery = chain_with_root(|claims| claims.cnf = Some(BANK.workload(HOP).x5t));
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(1), Reason::Confirmation));
    let delivery = chain_with_root(|claims| claims.cnf = Some(BANK.workload(SUBJECT).x5t));
    assert!(delivery.verify().is_ok());
}

#[test]
fn refuses_more_links_than_anyone_allows() {
    let mut delivery = Delivery::id();
    delivery.accept.max_links = 1;
    assert_eq!(delivery.refused(), (Rule::Depth, Some(2), Reason::LocalLimit));
    let ask = Ask::balance();
    let one = Extension { only: Some(only(|only| only.max_links = Some(1))), ..extension(Some(HOP), ask.rqd()) };
    let chain = extend_id(&root(Mode::Id, &root_claims()), SUBJECT, &one).unwrap();
    assert_eq!(extend_id(&chain, HOP, &extension(Some(TARGET), ask.rqd())), Err(HopError::TooManyLinks(1)));
    let longer = append_raw(&chain, BANK.workload(HOP), &link_claims(&chain, HOP, TARGET, ask.rqd()));
    let delivery = Delivery::new(longer, HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Depth, Some(2), Reason::MaxLinks));
}

#[test]
fn refuses_anything_but_one_field_line() {
    let mut delivery = Delivery::id();
    delivery.chain.push(delivery.chain[0].clone());
    assert_eq!(delivery.refused(), (Rule::Form, None, Reason::FieldLines));
    delivery.chain.clear();
    assert_eq!(delivery.refused(), (Rule::Form, None, Reason::FieldLines));
    assert_eq!(delivery.verify().unwrap_err().problem_slug(), "invalid-token");
}

#[test]
fn refuses_a_chain_or_a_segment_that_is_too_large() {
    let delivery = Delivery::id().with_chain("a".repeat(16_385));
    assert_eq!(delivery.refused(), (Rule::Form, None, Reason::ChainTooLarge));
    assert_eq!(delivery.verify().unwrap_err().problem_slug(), "too-large");
    let delivery = Delivery::id().with_chain("a".repeat(4_097));
    assert_eq!(delivery.refused(), (Rule::Form, Some(0), Reason::SegmentTooLarge));
    for (segments, expected) in [(["a".repeat(4_096)].to_vec(), Some(0)), (vec!["a".repeat(3_276); 5], Some(0))] {
        let delivery = Delivery::id().with_chain(segments.join("~"));
        assert_eq!(delivery.refused(), (Rule::Form, expected, Reason::Grammar), "as large as it may be");
    }
}

#[test]
fn refuses_a_mode_that_is_not_accepted() {
    let mut delivery = Delivery::anonymous();
    delivery.accept.modes = vec![Mode::Id];
    assert_eq!(delivery.refused(), (Rule::Mode, Some(0), Reason::ModeNotAccepted(Mode::Anonymous)));
}
