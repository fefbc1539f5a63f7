//! ID mode: links stripped, moved, reused, widened, broken.

use token::Mode;
use token::claims::{Only, RootClaims};
use token::encoding::{base64url, from_base64url};
use token::hop::{Extension, HopError};
use token::json::JsonError;
use token::refusal::{Reason, Rule};

use crate::fixture::*;

#[test]
fn accepts_an_honest_chain() {
    let delivery = Delivery::id();
    let verified = delivery.verify().unwrap();
    assert_eq!((verified.person().dpa, verified.person().dpr), (ISSUER, "alice"));
    assert_eq!(verified.signers().iter().map(|signer| signer.segment).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(verified.first_id(), verified.links()[0].claims.jti);
    assert_eq!(verified.authority().scope(), ["accounts.read", "payments.write"]);
}

#[test]
fn refuses_links_stripped_down_to_the_root() {
    let delivery = Delivery::id();
    let root = delivery.chain().split('~').next().unwrap().to_owned();
    let mut stripped = delivery.with_chain(root);
    stripped.certificates.clear();
    assert_eq!(stripped.refused(), (Rule::Mode, Some(0), Reason::NoLinks(Mode::Id)));
}

#[test]
fn refuses_the_last_link_stripped() {
    let delivery = Delivery::id();
    let first = delivery.chain().rsplit_once('~').unwrap().0.to_owned();
    let mut stripped = Delivery::new(first, SUBJECT, &[SUBJECT], Ask::balance());
    stripped.peer = id(HOP);
    assert_eq!(stripped.refused(), (Rule::Arrival, Some(1), Reason::NotAddressed));
}

#[test]
fn refuses_an_id_root_offered_as_plain() {
    let ask = Ask::balance();
    let token = root(Mode::Id, &root_claims());
    let (header, rest) = token.split_once('.').unwrap();
    let header = String::from_utf8(from_base64url(header).unwrap()).unwrap().replace("dasvid-id+jwt", "dasvid+jwt");
    let delivery = Delivery::new(format!("{}.{rest}", base64url(header.as_bytes())), SUBJECT, &[], ask);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(0), Reason::Signature));
    let mut plain_only = Delivery::new(token, SUBJECT, &[], Ask::balance());
    plain_only.accept.modes = vec![Mode::Plain];
    assert_eq!(plain_only.refused(), (Rule::Mode, Some(0), Reason::ModeNotAccepted(Mode::Id)));
}

#[test]
fn refuses_links_after_a_plain_root() {
    let ask = Ask::balance();
    let plain = Delivery::plain();
    let chain =
        append_raw(plain.chain(), BANK.workload(SUBJECT), &link_claims(plain.chain(), SUBJECT, TARGET, ask.rqd()));
    let delivery = Delivery::new(chain, SUBJECT, &[SUBJECT], ask);
    assert_eq!(delivery.refused(), (Rule::Mode, Some(1), Reason::LinksAfterPlain));
}

#[test]
fn refuses_reordered_links() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP, HOP_2, TARGET], &ask);
    let parts: Vec<_> = chain.split('~').collect();
    let reordered = [parts[0], parts[2], parts[1], parts[3]].join("~");
    let delivery = Delivery::new(reordered, HOP_2, &[SUBJECT, HOP, HOP_2], ask);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(1), Reason::Previous));
}

#[test]
fn refuses_a_removed_link() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP, HOP_2, TARGET], &ask);
    let parts: Vec<_> = chain.split('~').collect();
    let removed = [parts[0], parts[1], parts[3]].join("~");
    let delivery = Delivery::new(removed, HOP_2, &[SUBJECT, HOP_2], ask);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(2), Reason::Previous));
}

#[test]
fn refuses_a_duplicated_link() {
    let delivery = Delivery::id();
    let parts: Vec<_> = delivery.chain().split('~').collect();
    let duplicated = [parts[0], parts[1], parts[2], parts[2]].join("~");
    let delivery = Delivery::id().with_chain(duplicated);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(3), Reason::Previous));
}

#[test]
fn refuses_a_truncated_link() {
    let delivery = Delivery::id();
    for cut in 1..delivery.chain().rsplit_once('~').unwrap().1.len() {
        let truncated = delivery.chain()[..delivery.chain().len() - cut].to_owned();
        let refusal = Delivery::id().with_chain(truncated).verify().unwrap_err();
        assert_eq!((refusal.rule, refusal.segment), (Rule::Form, Some(2)), "{cut} bytes cut");
    }
}

#[test]
fn refuses_a_fork_that_continues_another_chain() {
    let ask = Ask::balance();
    let honest = id_chain(&[SUBJECT, HOP, TARGET], &ask);
    let other = {
        let start = root(Mode::Id, &RootClaims { dpr: "bob".to_owned(), ..root_claims() });
        append_id(&start, SUBJECT, HOP, ask.rqd())
    };
    let forked = format!("{other}~{}", honest.rsplit_once('~').unwrap().1);
    let delivery = Delivery::new(forked, HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(2), Reason::Previous));
}

#[test]
fn refuses_a_root_swapped_under_the_links() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP, TARGET], &ask);
    let bob = root(Mode::Id, &RootClaims { dpr: "bob".to_owned(), ..root_claims() });
    let swapped = format!("{bob}~{}", chain.split_once('~').unwrap().1);
    let delivery = Delivery::new(swapped, HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(1), Reason::Previous));
}

#[test]
fn gains_nothing_from_another_links_jti() {
    // A `jti` is no authority: a link that reuses one is believed for what it is, and counted by the first link's.
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let mut claims = link_claims(&chain, HOP, TARGET, ask.rqd());
    claims["jti"] = parse(&chain).links()[0].claims.jti.to_string().into();
    let delivery = Delivery::new(append_raw(&chain, BANK.workload(HOP), &claims), HOP, &[SUBJECT, HOP], ask);
    let verified = delivery.verify().unwrap();
    assert_eq!(verified.first_id(), parse(&chain).links()[0].claims.jti);
}

#[test]
fn refuses_a_link_changed_after_it_was_signed() {
    for (segment, member) in [(0, "dpr"), (1, "aud"), (2, "exp")] {
        let delivery = Delivery::id();
        let changed = rewrite(delivery.chain(), segment, |payload| {
            payload[member] = if member == "exp" { NOW.plus(61).0.into() } else { id("mallory").to_string().into() };
        });
        let delivery = delivery.with_chain(changed);
        assert_eq!(delivery.refused(), (Rule::Signatures, Some(segment), Reason::Signature));
    }
}

#[test]
fn refuses_json_that_was_serialised_again() {
    let delivery = Delivery::id();
    let parts: Vec<_> = delivery.chain().split('~').collect();
    let segment: Vec<_> = parts[1].split('.').collect();
    let mut payload = from_base64url(segment[1]).unwrap();
    payload.push(b' ');
    let again = format!("{}~{}.{}.{}~{}", parts[0], segment[0], base64url(&payload), segment[2], parts[2]);
    let delivery = Delivery::id().with_chain(again);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(1), Reason::Signature));
}

#[test]
fn refuses_duplicate_members() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let claims = link_claims(&chain, HOP, TARGET, ask.rqd()).to_string();
    for member in ["\"iss\":\"x\",", "\"\\u0069ss\":\"x\","] {
        let twice = format!("{{{member}{}", &claims[1..]);
        let honest = append_raw(&chain, BANK.workload(HOP), &link_claims(&chain, HOP, TARGET, ask.rqd()));
        let parts: Vec<_> = honest.rsplit_once('~').unwrap().1.split('.').collect();
        let chain = format!("{chain}~{}.{}.{}", parts[0], base64url(twice.as_bytes()), parts[2]);
        let delivery = Delivery::new(chain, HOP, &[SUBJECT, HOP], ask.clone());
        assert_eq!(delivery.refused(), (Rule::Form, Some(2), Reason::Json("payload", JsonError::DuplicateMember)));
    }
}

#[test]
fn refuses_seventeen_links() {
    let ask = Ask::balance();
    let path: Vec<_> = (0..=16).map(|link| if link % 2 == 0 { SUBJECT } else { HOP }).collect();
    let chain = id_chain(&path, &ask);
    let extension = extension(Some(TARGET), ask.rqd());
    assert_eq!(extend_id(&chain, SUBJECT, &extension), Err(HopError::TooManyLinks(16)));
    let longer = append_raw(&chain, BANK.workload(SUBJECT), &link_claims(&chain, SUBJECT, TARGET, ask.rqd()));
    let refusal = Delivery::new(longer, SUBJECT, &[SUBJECT, HOP], ask).verify().unwrap_err();
    // Whichever limit a chain of 17 links meets first: of segments, or of bytes as a whole.
    assert_eq!(refusal.rule, Rule::Form);
    assert!(matches!(refusal.reason, Reason::TooManySegments | Reason::ChainTooLarge), "{refusal}");
}

#[test]
fn refuses_a_link_after_fin() {
    let ask = Ask::balance();
    let start = root(Mode::Id, &root_claims());
    let sealed = Extension { seal: true, ..extension(Some(HOP), ask.rqd()) };
    let chain = extend_id(&start, SUBJECT, &sealed).unwrap();
    assert_eq!(extend_id(&chain, HOP, &extension(Some(TARGET), ask.rqd())), Err(HopError::Sealed));
    let longer = append_raw(&chain, BANK.workload(HOP), &link_claims(&chain, HOP, TARGET, ask.rqd()));
    let delivery = Delivery::new(longer, HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Depth, Some(2), Reason::AfterFin));
}

#[test]
fn refuses_a_widened_exp() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let mut claims = link_claims(&chain, HOP, TARGET, ask.rqd());
    claims["exp"] = NOW.plus(61).0.into();
    let delivery = Delivery::new(append_raw(&chain, BANK.workload(HOP), &claims), HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Time, Some(2), Reason::OutlivesPrevious));
}

#[test]
fn refuses_a_widened_only() {
    let ask = Ask::balance();
    let start = root(Mode::Id, &root_claims());
    let narrow = only(|only| only.scope = Some(vec!["payments.write".to_owned()]));
    let chain =
        extend_id(&start, SUBJECT, &Extension { only: Some(narrow), ..extension(Some(HOP), ask.rqd()) }).unwrap();
    let mut claims = link_claims(&chain, HOP, TARGET, ask.rqd());
    claims["only"] = Only { scope: Some(vec!["accounts.read".to_owned()]), ..Only::default() }.to_json();
    let delivery = Delivery::new(append_raw(&chain, BANK.workload(HOP), &claims), HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Authority, Some(1), Reason::OnlyScope));
}

#[test]
fn refuses_iss_broken_at_each_position() {
    let ask = Ask::balance();
    let path = [SUBJECT, HOP, HOP_2, TARGET];
    for broken in 1..=3 {
        let mut chain = root(Mode::Id, &root_claims());
        for link in 1..=3 {
            let by = if link == broken { "mallory" } else { path[link - 1] };
            chain = append_raw(&chain, BANK.workload(by), &link_claims(&chain, by, path[link], ask.rqd()));
        }
        let peer = if broken == 3 { "mallory" } else { HOP_2 };
        let signers: Vec<_> = (0..3).map(|at| if at + 1 == broken { "mallory" } else { path[at] }).collect();
        let reason = if broken == 1 { Reason::FirstLink } else { Reason::NextLink };
        let delivery = Delivery::new(chain, peer, &signers, ask.clone());
        assert_eq!(delivery.refused(), (Rule::Continuity, Some(broken), reason));
    }
}

#[test]
fn refuses_aud_broken_at_each_position() {
    let ask = Ask::balance();
    let path = [SUBJECT, HOP, HOP_2, TARGET];
    for broken in 1..=3 {
        let mut chain = root(Mode::Id, &root_claims());
        for link in 1..=3 {
            let next = if link == broken { "mallory" } else { path[link] };
            chain = append_raw(
                &chain,
                BANK.workload(path[link - 1]),
                &link_claims(&chain, path[link - 1], next, ask.rqd()),
            );
        }
        let expected = match broken {
            3 => (Rule::Arrival, Some(3), Reason::NotAddressed),
            _ => (Rule::Continuity, Some(broken + 1), Reason::NextLink),
        };
        assert_eq!(Delivery::new(chain, HOP_2, &path[..3], ask.clone()).refused(), expected);
    }
}

#[test]
fn refuses_a_stolen_chain_presented_by_another_peer() {
    let mut stolen = Delivery::id();
    stolen.peer = id("mallory");
    assert_eq!(stolen.refused(), (Rule::Arrival, Some(2), Reason::Peer));
}

#[test]
fn refuses_a_chain_for_another_target() {
    let ask = Ask::balance();
    let delivery = Delivery::new(id_chain(&[SUBJECT, HOP, HOP_2], &ask), HOP, &[SUBJECT, HOP], ask);
    assert_eq!(delivery.refused(), (Rule::Arrival, Some(2), Reason::NotAddressed));
}

#[test]
fn refuses_a_mixed_chain() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let anonymous = anonymous_chain(2, true, &ask);
    let mixed = format!("{chain}~{}", anonymous.rsplit_once('~').unwrap().1);
    let delivery = Delivery::new(mixed, HOP, &[SUBJECT], ask);
    assert_eq!(delivery.refused(), (Rule::Form, Some(2), Reason::Missing("x5t#S256")));
}
