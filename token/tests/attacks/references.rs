//! ID mode with certificates by reference: what is fetched, for whom, and what it cannot change.

use std::sync::Arc;

use crypto::jose::SigningKey;
use rcgen::KeyPair;
use token::certificates::{CertificateError, Reference};
use token::hop::{self, Signer};
use token::mint::{self, RootSigner};
use token::refusal::{Reason, Rule};
use token::{Certificates, Chain, Fetched, Mode, SignerChain, Timestamp};

use crate::fixture::*;

/// What is kept under the hash of a workload's leaf.
fn kept(der: &[&[u8]]) -> Arc<SignerChain> {
    Arc::new(SignerChain::new(der.iter().map(|der| der.to_vec()).collect()).unwrap())
}

fn fetched(names: &[&str]) -> Fetched {
    let mut fetched = Fetched::default();
    for name in names {
        fetched.insert(kept(&[&BANK.workload(name).der]));
    }
    fetched
}

/// The honest chain through one middle tier, without its certificates.
fn bare() -> Delivery {
    let mut delivery = Delivery::id();
    delivery.certificates.clear();
    delivery
}

fn reference(segment: usize, name: &str) -> Reference {
    Reference { segment, x5t: BANK.workload(name).x5t, iss: id(name) }
}

/// The honest chain under a root signed with the asserter's SVID, without certificates.
fn bare_under_svid() -> Delivery {
    let (ask, asserter) = (Ask::balance(), BANK.workload(ASSERTER));
    let start =
        mint::root(Mode::Id, &root_claims(), RootSigner::Svid { x5t: asserter.x5t, key: &asserter.key }).unwrap();
    Delivery::new(append_id(&start, SUBJECT, TARGET, ask.rqd()), SUBJECT, &[], ask)
}

#[test]
fn accepts_a_chain_whose_certificates_were_fetched() {
    let mut delivery = bare();
    assert_eq!(delivery.references().unwrap(), [reference(1, SUBJECT), reference(2, HOP)]);
    delivery.fetched = fetched(&[SUBJECT, HOP]);
    let signers: Vec<_> = delivery.verify().unwrap().signers().iter().map(|signer| signer.segment).collect();
    assert_eq!(signers, [1, 2]);
    assert_eq!(delivery.references().unwrap(), []);
}

#[test]
fn accepts_some_certificates_inline_and_the_others_fetched() {
    let mut delivery = Delivery::id();
    delivery.certificates = Delivery::new(String::new(), HOP, &[SUBJECT], Ask::balance()).certificates;
    assert_eq!(delivery.references().unwrap(), [reference(2, HOP)]);
    assert_eq!(
        delivery.refused(),
        (Rule::Signers, Some(2), Reason::Certificate(CertificateError::Missing)),
        "before it is fetched"
    );
    delivery.fetched = fetched(&[HOP]);
    assert!(delivery.verify().is_ok());
}

#[test]
fn asks_for_the_roots_certificate_before_any_links() {
    let mut delivery = bare_under_svid();
    assert_eq!(delivery.references().unwrap(), [reference(0, ASSERTER)]);
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::Certificate(CertificateError::Missing)));
    delivery.fetched = fetched(&[ASSERTER]);
    assert_eq!(delivery.references().unwrap(), [reference(1, SUBJECT)]);
    delivery.fetched = fetched(&[ASSERTER, SUBJECT]);
    assert!(delivery.verify().is_ok());
}

#[test]
fn a_root_the_asserter_did_not_sign_makes_nobody_ask() {
    let chain = bare().chain().to_owned();
    let mut segments: Vec<_> = chain.split('~').map(ToOwned::to_owned).collect();
    let other = root(Mode::Id, &token::claims::RootClaims { dpr: "bob".into(), ..root_claims() });
    let (signed, _) = segments[0].rsplit_once('.').unwrap();
    let (_, tail) = other.rsplit_once('.').unwrap();
    segments[0] = format!("{signed}.{tail}");
    let refusal = bare().with_chain(segments.join("~")).references().unwrap_err();
    assert_eq!((refusal.rule, refusal.segment, refusal.reason), (Rule::Signatures, Some(0), Reason::Signature));
    assert_eq!(refusal.mode, Some(Mode::Id));
}

#[test]
fn a_root_under_the_hash_of_another_workload_makes_nobody_ask_for_links() {
    let (ask, mallory) = (Ask::balance(), BANK.workload("mallory"));
    let start = mint::root(Mode::Id, &root_claims(), RootSigner::Svid { x5t: mallory.x5t, key: &mallory.key }).unwrap();
    let mut delivery = Delivery::new(append_id(&start, SUBJECT, TARGET, ask.rqd()), SUBJECT, &[], ask);
    delivery.fetched = fetched(&["mallory"]);
    let refusal = delivery.references().unwrap_err();
    assert_eq!((refusal.rule, refusal.segment, refusal.reason), (Rule::Root, Some(0), Reason::SignerMismatch));
}

#[test]
fn a_stranger_makes_nobody_ask() {
    let refused = |delivery: &Delivery| {
        let refusal = delivery.references().unwrap_err();
        (refusal.rule, refusal.segment, refusal.reason)
    };
    let mut delivery = bare();
    delivery.peer = id("mallory");
    assert_eq!(refused(&delivery), (Rule::Arrival, Some(2), Reason::Peer));
    let mut delivery = bare();
    delivery.me = id("another-target");
    assert_eq!(refused(&delivery), (Rule::Arrival, Some(0), Reason::RootAudience));
    let mut delivery = bare();
    delivery.now = NOW.plus(600);
    assert_eq!(refused(&delivery), (Rule::Time, Some(0), Reason::Expired));
    for unlisted in [0, 1, 2] {
        let mut delivery = bare_under_svid();
        match unlisted {
            0 => delivery.accept.asserters.clear(),
            1 => delivery.accept.issuers.clear(),
            _ => delivery.accept.subjects.clear(),
        }
        assert_eq!(refused(&delivery).0, Rule::Root);
    }
    let mut delivery = bare();
    delivery.chain = vec!["garbage".into()];
    assert_eq!(refused(&delivery).0, Rule::Form);
}

#[test]
fn nothing_is_fetched_for_a_trust_domain_that_is_not_allowed() {
    let ask = Ask::balance();
    let foreign = BANK.other_ca.issue("spiffe://other.example/hop", &KeyPair::generate().unwrap(), 3600);
    let start = root(Mode::Id, &root_claims());
    let mut claims = link_claims(&start, SUBJECT, HOP, ask.rqd());
    claims["aud"] = foreign.id.to_string().into();
    let chain = append_raw(&start, BANK.workload(SUBJECT), &claims);
    let mut claims = link_claims(&chain, HOP, TARGET, ask.rqd());
    claims["iss"] = foreign.id.to_string().into();
    let mut delivery = Delivery::new(append_raw(&chain, &foreign, &claims), HOP, &[], ask);
    delivery.peer = foreign.id.clone();
    assert_eq!(delivery.references().unwrap(), [reference(1, SUBJECT)]);
    delivery.fetched = fetched(&[SUBJECT]);
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::Certificate(CertificateError::Missing)));
}

#[test]
fn refuses_a_fetched_certificate_that_is_repeated_inline() {
    let mut delivery = Delivery::id();
    delivery.fetched = fetched(&[HOP]);
    assert_eq!(delivery.refused(), (Rule::Signers, None, Reason::CertificateField(CertificateError::Repeated)));
}

/// The honest chain whose middle tier is certified by an intermediate.
fn under_an_intermediate() -> (Delivery, Workload, Vec<u8>) {
    let ask = Ask::balance();
    let between = BANK.ca.intermediate("between");
    let hop = between.issue(&id(HOP).to_string(), &KeyPair::generate().unwrap(), 3600);
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let chain = append_raw(&chain, &hop, &link_claims(&chain, HOP, TARGET, ask.rqd()));
    (Delivery::new(chain, HOP, &[], ask), hop, between.der)
}

fn field(der: &[&[u8]]) -> Vec<String> {
    let mut certificates = Certificates::default();
    for der in der {
        certificates.push(der);
    }
    vec![certificates.to_header()]
}

#[test]
fn refuses_an_intermediate_of_a_fetched_leaf_that_is_repeated_inline() {
    let (mut delivery, hop, between) = under_an_intermediate();
    let subject = &BANK.workload(SUBJECT).der;
    delivery.fetched.insert(kept(&[&hop.der, &between]));
    delivery.certificates = field(&[subject]);
    assert!(delivery.verify().is_ok());
    delivery.certificates = field(&[subject, &between]);
    assert_eq!(delivery.refused(), (Rule::Signers, None, Reason::CertificateField(CertificateError::Repeated)));
    delivery.certificates = field(&[subject, &BANK.workload(TARGET).der]);
    assert_eq!(delivery.refused(), (Rule::Signers, None, Reason::CertificateField(CertificateError::Unused)));
}

#[test]
fn a_fetched_leaf_is_certified_by_what_was_fetched_with_it_alone() {
    let (mut delivery, hop, between) = under_an_intermediate();
    delivery.fetched.insert(kept(&[&hop.der]));
    delivery.certificates = field(&[&BANK.workload(SUBJECT).der, &between]);
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::Certificate(CertificateError::Path)));
}

#[test]
fn an_intermediate_may_be_fetched_with_one_leaf_and_inline_for_another() {
    let ask = Ask::balance();
    let between = BANK.ca.intermediate("between");
    let issue = |name| between.issue(&id(name).to_string(), &KeyPair::generate().unwrap(), 3600);
    let (subject, hop) = (issue(SUBJECT), issue(HOP));
    let start = root(Mode::Id, &root_claims());
    let chain = append_raw(&start, &subject, &link_claims(&start, SUBJECT, HOP, ask.rqd()));
    let chain = append_raw(&chain, &hop, &link_claims(&chain, HOP, TARGET, ask.rqd()));
    let mut delivery = Delivery::new(chain, HOP, &[], ask);
    delivery.fetched.insert(kept(&[&subject.der, &between.der]));
    delivery.certificates = field(&[&hop.der, &between.der]);
    assert!(delivery.verify().is_ok());
}

#[test]
fn refuses_a_fetched_certificate_of_another_workload_or_trust_domain() {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let mallory = BANK.workload("mallory");
    let forged = BANK.other_ca.issue(&id(HOP).to_string(), &KeyPair::generate().unwrap(), 3600);
    for (by, reason) in [(mallory, Reason::SignerMismatch), (&forged, Reason::Certificate(CertificateError::Path))] {
        let chain = append_raw(&chain, by, &link_claims(&chain, HOP, TARGET, ask.rqd()));
        let mut delivery = Delivery::new(chain, HOP, &[], ask.clone());
        delivery.fetched = fetched(&[SUBJECT]);
        delivery.fetched.insert(kept(&[&by.der]));
        assert_eq!(delivery.refused(), (Rule::Signers, Some(2), reason));
    }
}

#[test]
fn refuses_a_fetched_certificate_that_has_expired() {
    let ask = Ask::balance();
    let ending = BANK.ca.issue(&id(HOP).to_string(), &KeyPair::generate().unwrap(), 10);
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let mut claims = link_claims(&chain, HOP, TARGET, ask.rqd());
    claims["exp"] = NOW.plus(10).0.into();
    let mut delivery = Delivery::new(append_raw(&chain, &ending, &claims), HOP, &[], ask);
    delivery.fetched = fetched(&[SUBJECT]);
    delivery.fetched.insert(kept(&[&ending.der]));
    assert!(delivery.verify().is_ok());
    delivery.now = NOW.plus(15);
    assert_eq!(delivery.refused(), (Rule::Time, Some(2), Reason::Expired));
    claims["exp"] = NOW.plus(60).0.into();
    delivery.chain = vec![append_raw(&chain, &ending, &claims)];
    assert_eq!(delivery.refused(), (Rule::Time, Some(2), Reason::CertificateTime));
}

#[test]
fn what_keeps_certificates_is_blamed_with_its_own_problem() {
    let problem = |error| {
        let refusal = token::Refusal::new(Rule::Signers, 2, Reason::Certificate(error));
        refusal.problem_slug()
    };
    assert_eq!(problem(CertificateError::NotKept), "invalid-chain");
    assert_eq!(problem(CertificateError::Missing), "invalid-chain");
    assert_eq!(problem(CertificateError::NotThat), "unavailable");
    assert_eq!(problem(CertificateError::Unreachable), "unavailable");
    assert_eq!(problem(CertificateError::TooOften), "rate-limited");
}

/// A chain of ten links by ten workloads, and its certificates inline.
fn ten_links(ask: Option<&Ask>) -> (Chain, Certificates) {
    let asserter = BANK.workload(ASSERTER);
    let signer = RootSigner::Svid { x5t: asserter.x5t, key: &asserter.key };
    let mut chain = mint::root(Mode::Id, &root_claims(), signer).unwrap();
    let mut certificates = Certificates::default();
    certificates.push(&asserter.der);
    let names: Vec<_> =
        (0..=10).map(|hop| if hop == 0 { SUBJECT.into() } else { format!("middle-tier-{hop}") }).collect();
    for pair in names.windows(2) {
        let by = BANK.ca.issue(&id(&pair[0]).to_string(), &KeyPair::generate().unwrap(), 3600);
        certificates.push(&by.der);
        let signer = Signer { id: &by.id, key: &by.key, x5t: by.x5t, not_after: by.not_after };
        let jti = token::claims::TokenId(by.x5t.0[..16].try_into().unwrap());
        let next =
            hop::Extension { next: Some(id(&pair[1])), rqd: ask.map(Ask::rqd), only: None, seal: false, life: 60 };
        chain = hop::extend_id(&parse(&chain), &signer, &next, jti, NOW).unwrap();
    }
    (parse(&chain), certificates)
}

#[test]
fn ten_links_by_reference_fit_their_budget() {
    let (unbound, _) = ten_links(None);
    let (bound, certificates) = ten_links(Some(&Ask::balance()));
    let (small, inline) = (bound.as_str().len(), certificates.to_header().len());
    let ratio = f64::from(u32::try_from(small + inline).unwrap()) / f64::from(u32::try_from(small).unwrap());
    eprintln!(
        "10 links: {} B unbound, {small} B bound; with {inline} B of certificates inline {ratio:.1} times as much",
        unbound.as_str().len(),
    );
    assert!(unbound.as_str().len() <= 5_939, "5.8 KiB: {}", unbound.as_str().len());
    assert!(small <= 6_656, "6.5 KiB: {small}");
}

#[test]
fn pem_comes_back_as_it_was_and_nothing_else_is_read() {
    let (_, hop, between) = under_an_intermediate();
    let chain = kept(&[&hop.der, &between]);
    let pem = chain.to_pem();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n") && !pem.contains('\r'));
    let read = SignerChain::parse(pem.as_bytes()).unwrap();
    assert_eq!((read.der(), read.x5t()), (chain.der(), hop.x5t));
    assert!(read.check(&BANK.trust.bundles, NOW).is_ok());

    let refused = |text: &str| SignerChain::parse(text.as_bytes()).unwrap_err();
    let one = kept(&[&hop.der]).to_pem();
    for text in ["", "garbage", &pem.replace("CERTIFICATE", "PRIVATE KEY"), &pem[..pem.len() / 2], &one.repeat(6)] {
        assert_eq!(refused(text), CertificateError::Pem, "{text}");
    }
    assert_eq!(refused(&format!("{one}{}", " ".repeat(16 * 1024))), CertificateError::Pem, "too long");
    assert_eq!(refused(&one.repeat(2)), CertificateError::Repeated);
    assert_eq!(refused(&kept_pem(&between)), CertificateError::NotALeaf, "an authority is nobody's leaf");
    let lone = SignerChain::parse(one.as_bytes()).unwrap();
    assert_eq!(lone.check(&BANK.trust.bundles, NOW), Err(CertificateError::Path));
    let extra = kept(&[&BANK.workload(HOP).der, &between]);
    assert_eq!(extra.check(&BANK.trust.bundles, NOW), Err(CertificateError::Unused));
}

#[test]
fn leaving_leaves_out_takes_what_only_they_need() {
    let (_, hop, between) = under_an_intermediate();
    let (subject, other) = (BANK.workload(SUBJECT), BANK.ca.intermediate("other"));
    let third = other.issue(&id(HOP_2).to_string(), &KeyPair::generate().unwrap(), 3600);
    let line = field(&[&subject.der, &hop.der, &third.der, &between, &other.der]);
    let all = Certificates::parse(line[0].as_bytes()).unwrap();
    let without = |leaves: &[&Workload]| all.without(&leaves.iter().map(|leaf| leaf.x5t).collect());
    assert_eq!(without(&[]), all);
    assert_eq!(without(&[&hop]).der(), [&subject.der, &third.der, &other.der].map(Clone::clone));
    assert_eq!(without(&[subject]).der().len(), 4);
    assert!(without(&[subject, &hop, &third]).is_empty());
}

fn kept_pem(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", der))
}

#[test]
fn a_key_that_is_not_the_certified_one_signs_nothing() {
    let ask = Ask::balance();
    let hop = BANK.workload(HOP);
    let thief = Workload {
        id: hop.id.clone(),
        key: SigningKey::from_pkcs8(&SigningKey::generate(crypto::jose::Algorithm::Es256).unwrap()).unwrap(),
        der: hop.der.clone(),
        x5t: hop.x5t,
        not_after: Timestamp(hop.not_after.0),
    };
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let chain = append_raw(&chain, &thief, &link_claims(&chain, HOP, TARGET, ask.rqd()));
    let mut delivery = Delivery::new(chain, HOP, &[], ask);
    delivery.fetched = fetched(&[SUBJECT, HOP]);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(2), Reason::Signature));
}
