//! Anonymous mode: seals, chains forwarded or replayed where they do not belong, modes mixed.

use token::hop::{self, Extension, HopError};
use token::refusal::{Reason, Rule};
use token::{Mode, claims::TokenId};

use crate::fixture::*;

fn seal(target: &str, ask: &Ask) -> Extension {
    Extension { seal: true, ..extension(Some(target), ask.rqd()) }
}

#[test]
fn accepts_an_honest_sealed_chain() {
    let verified = Delivery::anonymous().verify().unwrap();
    assert_eq!(verified.person().dpr, "alice");
    assert!(verified.signers().is_empty());
    assert!(verified.links().iter().all(|link| link.claims.iss().is_none()));
}

#[test]
fn accepts_an_honest_chain_at_each_hop() {
    let ask = Ask::balance();
    let at_first = Delivery::new(anonymous_chain(1, false, &ask), SUBJECT, &[], ask.clone()).at_hop(HOP);
    assert!(at_first.verify().is_ok());
    let at_second = Delivery::new(anonymous_chain(2, false, &ask), HOP, &[], ask).at_hop(HOP_2);
    assert!(at_second.verify().is_ok());
}

#[test]
fn shows_its_asserter_no_key_of_an_unsealed_chain() {
    let ask = Ask::balance();
    for links in 0..3 {
        let text = anonymous_chain(links, false, &ask);
        let shown = parse(&text).to_show().to_string();
        let root = text.split('~').next().unwrap();
        // R of the root's tail, the s behind it left out.
        assert_eq!(shown.rsplit_once('.').unwrap().0, root.rsplit_once('.').unwrap().0);
        assert_eq!(shown.rsplit_once('.').unwrap().1.len(), 43);
        assert!(root.starts_with(&shown[..shown.len() - 1]));
    }
    for whole in [anonymous_chain(2, true, &ask), id_chain(&[SUBJECT, HOP, TARGET], &ask)] {
        assert_eq!(*parse(&whole).to_show(), whole);
    }
}

#[test]
fn lives_at_most_thirty_seconds_once_sealed() {
    let verified = Delivery::anonymous().verify().unwrap();
    assert_eq!(verified.expires(), NOW.plus(30));
}

#[test]
fn refuses_a_chain_forwarded_unextended() {
    // Whoever passes on what it received passes on the signing key; the target asks for the seal it then lacks.
    let ask = Ask::balance();
    let delivery = Delivery::new(anonymous_chain(2, false, &ask), HOP, &[], ask);
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(2), Reason::NotSealed));
    assert!(Reason::NotSealed.to_string().contains("`seal = true`"));
}

#[test]
fn refuses_a_seal_for_another_target() {
    let ask = Ask::balance();
    let chain = extend_anonymous(&anonymous_chain(1, false, &ask), &seal("other-target", &ask)).unwrap();
    let delivery = Delivery::new(chain, HOP, &[], ask);
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(2), Reason::NotAddressed));
}

#[test]
fn refuses_a_sealed_chain_replayed_to_another_target() {
    let mut replayed = Delivery::anonymous();
    replayed.me = id("other-target");
    let refusal = replayed.verify().unwrap_err();
    assert_eq!(refusal.rule, Rule::Arrival);
}

#[test]
fn refuses_a_sealed_chain_replayed_with_another_request() {
    let mut replayed = Delivery::anonymous();
    replayed.ask = Ask::deposit("{}");
    replayed.route.scope = "payments.write".to_owned();
    assert_eq!(replayed.refused(), (Rule::Authority, Some(1), Reason::AnotherRequest));
}

#[test]
fn refuses_a_sealed_chain_replayed_later() {
    let mut replayed = Delivery::anonymous();
    replayed.now = NOW.plus(34);
    assert!(replayed.verify().is_ok());
    replayed.now = NOW.plus(35);
    assert_eq!(replayed.refused(), (Rule::Time, Some(2), Reason::Expired));
}

#[test]
fn refuses_a_sealed_chain_at_a_hop() {
    let delivery = Delivery::anonymous().at_hop(HOP_2);
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(2), Reason::SealedAtHop));
}

#[test]
fn refuses_a_chain_from_who_is_no_neighbour() {
    let mut delivery = Delivery::anonymous();
    delivery.peer = id("mallory");
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(2), Reason::Neighbour));
}

#[test]
fn refuses_a_first_link_brought_by_another_than_the_subject() {
    let ask = Ask::balance();
    let delivery = Delivery::new(anonymous_chain(1, false, &ask), HOP_2, &[], ask).at_hop(HOP);
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(1), Reason::Peer));
}

#[test]
fn refuses_an_extension_after_the_seal() {
    let ask = Ask::balance();
    let sealed = anonymous_chain(1, true, &ask);
    assert_eq!(extend_anonymous(&sealed, &extension(None, ask.rqd())), Err(HopError::Sealed));
    let mut claims = anonymous_claims(ask.rqd());
    claims["fin"] = true.into();
    claims["aud"] = id(TARGET).to_string().into();
    let delivery = Delivery::new(append_anonymous_raw(&sealed, &claims), HOP, &[], ask);
    assert_eq!(delivery.refused(), (Rule::Depth, Some(2), Reason::AfterFin));
}

#[test]
fn refuses_a_seal_of_more_than_thirty_seconds() {
    let ask = Ask::balance();
    let mut claims = anonymous_claims(ask.rqd());
    claims["fin"] = true.into();
    claims["aud"] = id(TARGET).to_string().into();
    claims["exp"] = NOW.plus(31).0.into();
    let delivery = Delivery::new(append_anonymous_raw(&anonymous_chain(1, false, &ask), &claims), HOP, &[], ask);
    assert_eq!(delivery.refused(), (Rule::Time, Some(2), Reason::SealLife));
}

#[test]
fn refuses_links_stripped_down_to_the_root() {
    let stripped = Delivery::new(root(Mode::Anonymous, &root_claims()), SUBJECT, &[], Ask::balance());
    assert_eq!(stripped.refused(), (Rule::Mode, Some(0), Reason::NoLinks(Mode::Anonymous)));
}

#[test]
fn refuses_a_link_that_names_a_workload() {
    let ask = Ask::balance();
    for (member, value) in
        [("iss", id(HOP).to_string()), ("aud", id(HOP_2).to_string()), ("prv", ask.rqd().to_string())]
    {
        let mut claims = anonymous_claims(ask.rqd());
        claims[member] = value.into();
        let delivery =
            Delivery::new(append_anonymous_raw(&anonymous_chain(1, false, &ask), &claims), HOP, &[], ask.clone());
        let (rule, segment, reason) = delivery.refused();
        assert_eq!((rule, segment, reason), (Rule::Form, Some(2), Reason::Misplaced(member)));
    }
}

#[test]
fn refuses_a_mixed_chain() {
    let ask = Ask::balance();
    let id_link = id_chain(&[SUBJECT, HOP], &ask);
    let chain = anonymous_chain(1, false, &ask);
    let head = chain.rsplit_once('.').unwrap().0;
    let tail = &chain.rsplit_once('.').unwrap().1;
    let r = token::encoding::base64url(&token::encoding::from_base64url(tail).unwrap()[..32]);
    let mixed = format!("{head}.{r}~{}", id_link.rsplit_once('~').unwrap().1);
    let delivery = Delivery::new(mixed, HOP, &[], ask);
    assert_eq!(delivery.refused(), (Rule::Form, Some(2), Reason::Misplaced("x5t#S256")));
}

#[test]
fn refuses_certificates_beside_an_anonymous_chain() {
    let ask = Ask::balance();
    let delivery = Delivery::new(anonymous_chain(2, true, &ask), HOP, &[HOP], ask);
    let (rule, segment, _) = delivery.refused();
    assert_eq!((rule, segment), (Rule::Signers, None));
}

#[test]
fn keeps_the_key_when_two_appends_draw_the_same_random_bytes() {
    // With a nonce from the random bytes alone, two links under one key would give it away; here R differs.
    let ask = Ask::balance();
    let chain = parse(&anonymous_chain(1, false, &ask));
    let append = |jti: u8| {
        let text = hop::extend_anonymous(
            &chain,
            &BANK.schoco_public,
            &extension(None, ask.rqd()),
            TokenId([jti; 16]),
            &[0; 32],
            NOW,
        );
        parse(&text.unwrap()).tail(2)[..32].to_vec()
    };
    assert_ne!(append(1), append(2));
    assert_eq!(append(1), append(1));
}
