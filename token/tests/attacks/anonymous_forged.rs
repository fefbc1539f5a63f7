//! Anonymous mode: points, scalars and keys that are not what they should be.

use crypto::schoco;
use token::encoding::{base64url, from_base64url};
use token::hop::HopError;
use token::mint::{self, RootSigner};
use token::refusal::{Reason, Rule};
use token::{Mode, hop};

use crate::fixture::*;

const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// The honest sealed chain with one segment's tail changed.
fn with_tail(segment: usize, change: impl FnOnce(&mut Vec<u8>)) -> Delivery {
    let delivery = Delivery::anonymous();
    let mut segments: Vec<_> = delivery.chain().split('~').map(ToOwned::to_owned).collect();
    let (signed, tail) = segments[segment].rsplit_once('.').unwrap();
    let mut tail = from_base64url(tail).unwrap();
    change(&mut tail);
    segments[segment] = format!("{signed}.{}", base64url(&tail));
    delivery.with_chain(segments.join("~"))
}

#[test]
fn refuses_a_root_key_taken_from_the_token() {
    // The attacker signs with a key of its own and names it in the header: only published keys count.
    let ask = Ask::balance();
    let key = schoco::SigningKey::from_wide(&[8; 64]).unwrap();
    let public = key.root_key();
    let signer = RootSigner::Schoco { key: &key, public: &public, fresh: &[1; 32] };
    let start = parse(&mint::root(Mode::Anonymous, &root_claims(), signer).unwrap());
    let seal = hop::Extension { seal: true, ..extension(Some(TARGET), ask.rqd()) };
    let jti = token::claims::TokenId([4; 16]);
    let chain = hop::extend_anonymous(&start, &public, &seal, jti, &[2; 32], NOW).unwrap();
    let delivery = Delivery::new(chain, SUBJECT, &[], ask);
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::UnknownKey));
}

#[test]
fn refuses_a_root_signed_with_another_key_under_our_kid() {
    let ask = Ask::balance();
    let key = schoco::SigningKey::from_wide(&[8; 64]).unwrap();
    let signer = RootSigner::Schoco { key: &key, public: &BANK.schoco_public, fresh: &[1; 32] };
    let start = mint::root(Mode::Anonymous, &root_claims(), signer).unwrap();
    let refused = extend_anonymous(&start, &extension(None, ask.rqd())).unwrap_err();
    assert!(matches!(refused, HopError::Unverified(ref refusal) if refusal.reason == Reason::Equation), "{refused}");
}

#[test]
fn refuses_a_jose_key_for_an_anonymous_root() {
    let delivery = Delivery::anonymous();
    let (_, rest) = delivery.chain().split_once('.').unwrap();
    let header = serde_json::json!({ "typ": "dasvid-anon+jwt", "alg": "SCHOCO-R255", "kid": BANK.mint_kid });
    let delivery = Delivery::anonymous().with_chain(format!("{}.{rest}", encode(&header)));
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::KeyDoesNotFit));
}

#[test]
fn refuses_tails_cut_at_each_position() {
    for segment in 0..3 {
        for length in [0, 1, 31, 33, 63, 65] {
            let delivery = with_tail(segment, |tail| tail.resize(length, 1));
            let reason = if length == 0 { Reason::Grammar } else { Reason::TailLength };
            assert_eq!(delivery.refused(), (Rule::Form, Some(segment), reason), "segment {segment}, {length} bytes");
        }
    }
}

#[test]
fn refuses_a_middle_tail_left_uncut() {
    let delivery = with_tail(1, |tail| tail.extend([1; 32]));
    assert_eq!(delivery.refused(), (Rule::Form, Some(1), Reason::TailLength));
}

#[test]
fn refuses_a_chain_cut_back_to_an_earlier_link() {
    // The earlier `s` is gone, so the cut tail is 32 bytes short.
    let delivery = Delivery::anonymous();
    let earlier = delivery.chain().rsplit_once('~').unwrap().0.to_owned();
    let delivery = Delivery::new(earlier, SUBJECT, &[], Ask::balance()).at_hop(HOP);
    assert_eq!(delivery.refused(), (Rule::Form, Some(1), Reason::TailLength));
}

#[test]
fn refuses_commitments_swapped() {
    let delivery = Delivery::anonymous();
    let tails: Vec<_> = (0..3).map(|segment| parse(delivery.chain()).tail(segment)[..32].to_vec()).collect();
    for (segment, other) in [(0, 1), (1, 0), (1, 2), (2, 0)] {
        let delivery = with_tail(segment, |tail| tail[..32].copy_from_slice(&tails[other]));
        assert_eq!(delivery.refused(), (Rule::Signatures, None, Reason::Equation));
    }
}

#[test]
fn refuses_a_malleated_s() {
    let order = hex::decode(L).unwrap();
    let delivery = with_tail(2, |tail| {
        let mut carry = 0;
        for (byte, order) in tail[32..].iter_mut().zip(&order) {
            let sum = u16::from(*byte) + u16::from(*order) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
    });
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(2), Reason::Scalar));
}

#[test]
fn refuses_a_zero_s() {
    let delivery = with_tail(2, |tail| tail[32..].fill(0));
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(2), Reason::Scalar));
}

#[test]
fn refuses_identity_and_non_canonical_points() {
    let non_canonical = hex::decode("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f").unwrap();
    for point in [vec![0; 32], non_canonical, vec![0xff; 32], [vec![1], vec![0; 31]].concat()] {
        for segment in 0..3 {
            let delivery = with_tail(segment, |tail| tail[..32].copy_from_slice(&point));
            assert_eq!(delivery.refused(), (Rule::Signatures, Some(segment), Reason::Point));
        }
    }
}

#[test]
fn refuses_a_two_block_chain() {
    // Two signatures under one root key, put together as if the second were made under the first.
    let ask = Ask::balance();
    let mut claims = anonymous_claims(ask.rqd());
    claims["fin"] = true.into();
    claims["aud"] = id(TARGET).to_string().into();
    let header = serde_json::json!({ "typ": "dasvid-link+jwt", "alg": "SCHOCO-R255" });
    let message = format!("{}.{}", encode(&header), encode(&claims));
    let mut transcript = schoco::Transcript::new(&BANK.schoco_public);
    let signature = schoco::sign(&mut transcript, &BANK.schoco_key, message.as_bytes(), &[1; 32]).unwrap();
    let start = root(Mode::Anonymous, &root_claims());
    let (head, tail) = start.rsplit_once('.').unwrap();
    let r = base64url(&from_base64url(tail).unwrap()[..32]);
    let tail = base64url(&[signature.r, *signature.s.to_bytes()].concat());
    let delivery = Delivery::new(format!("{head}.{r}~{message}.{tail}"), SUBJECT, &[], ask);
    assert_eq!(delivery.refused(), (Rule::Signatures, None, Reason::Equation));
}

#[test]
fn refuses_links_moved() {
    let ask = Ask::balance();
    let chain = anonymous_chain(4, true, &ask);
    let parts: Vec<_> = chain.split('~').collect();
    for order in [vec![0, 2, 1, 3, 4], vec![0, 1, 3, 4], vec![0, 2, 3, 4], vec![0, 1, 1, 2, 3, 4]] {
        let moved: Vec<_> = order.iter().map(|index| parts[*index]).collect();
        let delivery = Delivery::new(moved.join("~"), HOP, &[], ask.clone());
        assert_eq!(delivery.refused(), (Rule::Signatures, None, Reason::Equation), "{order:?}");
    }
}

#[test]
fn refuses_a_changed_payload_at_each_position() {
    for segment in 0..3 {
        let delivery = Delivery::anonymous();
        let changed = rewrite(delivery.chain(), segment, |payload| {
            payload["jti"] = token::claims::TokenId([9; 16]).to_string().into();
        });
        assert_eq!(delivery.with_chain(changed).refused(), (Rule::Signatures, None, Reason::Equation));
    }
}
