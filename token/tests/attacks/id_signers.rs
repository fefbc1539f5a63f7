//! ID mode: keys and certificates that are somebody else's.

use crypto::jose::{Algorithm, SigningKey};
use rcgen::KeyPair;
use token::certificates::CertificateError;
use token::encoding::{base64url, from_base64url};
use token::mint::{self, RootSigner};
use token::refusal::{Reason, Rule};
use token::{Certificates, Mode};

use crate::fixture::*;

/// The honest first link, then one by `by` in the name of the middle tier, with these certificates.
fn second_link_by(by: &Workload, certificates: &[&[u8]]) -> Delivery {
    let ask = Ask::balance();
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let chain = append_raw(&chain, by, &link_claims(&chain, HOP, TARGET, ask.rqd()));
    let mut delivery = Delivery::new(chain, HOP, &[], ask);
    let mut header = Certificates::default();
    for der in certificates {
        header.push(der);
    }
    delivery.certificates = vec![header.to_header()];
    delivery
}

fn subject() -> &'static [u8] {
    &BANK.workload(SUBJECT).der
}

#[test]
fn refuses_a_whole_chain_signed_by_one_attacker_key() {
    let ask = Ask::balance();
    let mallory = BANK.workload("mallory");
    let start = mint::root(Mode::Id, &root_claims(), RootSigner::Svid { x5t: mallory.x5t, key: &mallory.key }).unwrap();
    let first = append_raw(&start, mallory, &link_claims(&start, SUBJECT, HOP, ask.rqd()));
    let chain = append_raw(&first, mallory, &link_claims(&first, HOP, TARGET, ask.rqd()));
    let delivery = Delivery::new(chain, HOP, &["mallory"], ask);
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::SignerMismatch));
}

#[test]
fn refuses_links_signed_by_one_attacker_key_under_a_real_root() {
    let ask = Ask::balance();
    let mallory = BANK.workload("mallory");
    let start = root(Mode::Id, &root_claims());
    let first = append_raw(&start, mallory, &link_claims(&start, SUBJECT, HOP, ask.rqd()));
    let chain = append_raw(&first, mallory, &link_claims(&first, HOP, TARGET, ask.rqd()));
    let delivery = Delivery::new(chain, HOP, &["mallory"], ask);
    assert_eq!(delivery.refused(), (Rule::Signers, Some(1), Reason::SignerMismatch));
}

#[test]
fn refuses_the_kid_of_another_asserter() {
    let ask = Ask::balance();
    let theirs = SigningKey::from_pkcs8(&SigningKey::generate(Algorithm::Es256).unwrap()).unwrap();
    let kid = theirs.public_key().thumbprint();
    let signer = RootSigner::Published { kid: &kid, alg: Algorithm::Es256, key: &theirs };
    let start = mint::root(Mode::Id, &root_claims(), signer).unwrap();
    let delivery = Delivery::new(append_id(&start, SUBJECT, TARGET, ask.rqd()), SUBJECT, &[SUBJECT], ask);
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::UnknownKey));
}

#[test]
fn refuses_an_asserter_that_is_not_listed() {
    let mut delivery = Delivery::id();
    delivery.accept.asserters = vec![id("other-asserter")];
    assert_eq!(delivery.refused(), (Rule::Root, Some(0), Reason::AsserterNotListed));
}

#[test]
fn refuses_a_root_while_its_asserters_keys_are_unknown() {
    let trust = token::Trust { bundles: BANK.trust.bundles.clone(), ..token::Trust::default() };
    let refusal = Delivery::id().verify_with(&trust, &token::RevocationTable::local()).unwrap_err();
    assert_eq!((refusal.rule, refusal.segment, refusal.reason), (Rule::Root, Some(0), Reason::NoKeys));
}

#[test]
fn accepts_a_root_signed_with_the_asserters_svid() {
    let ask = Ask::balance();
    let asserter = BANK.workload(ASSERTER);
    let start =
        mint::root(Mode::Id, &root_claims(), RootSigner::Svid { x5t: asserter.x5t, key: &asserter.key }).unwrap();
    let chain = append_id(&start, SUBJECT, TARGET, ask.rqd());
    let delivery = Delivery::new(chain, SUBJECT, &[ASSERTER, SUBJECT], ask);
    assert_eq!(delivery.verify().unwrap().signers().iter().map(|signer| signer.segment).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn refuses_a_high_s_signature() {
    let delivery = Delivery::id();
    let (head, tail) = delivery.chain().rsplit_once('.').unwrap();
    let mut signature = from_base64url(tail).unwrap();
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let mut borrow = false;
    for (byte, order) in signature[32..].iter_mut().zip(order).rev() {
        let (less, first) = order.overflowing_sub(*byte);
        let (less, second) = less.overflowing_sub(u8::from(borrow));
        (*byte, borrow) = (less, first || second);
    }
    let malleated = format!("{head}.{}", base64url(&signature));
    let delivery = Delivery::id().with_chain(malleated);
    assert_eq!(delivery.refused(), (Rule::Signatures, Some(2), Reason::Signature));
}

#[test]
fn refuses_a_self_signed_certificate() {
    let key = KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::ExplicitNoCa;
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.subject_alt_names = vec![rcgen::SanType::URI(id(HOP).to_string().as_str().try_into().unwrap())];
    let mut forged = BANK.ca.issue(&id(HOP).to_string(), &key, 3600);
    forged.der = params.self_signed(&key).unwrap().der().to_vec();
    forged.x5t = token::encoding::Digest::of(&forged.der);
    let delivery = second_link_by(&forged, &[subject(), &forged.der]);
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::Certificate(CertificateError::Path)));
}

#[test]
fn refuses_a_certificate_for_our_workload_from_another_trust_domain() {
    let forged = BANK.other_ca.issue(&id(HOP).to_string(), &KeyPair::generate().unwrap(), 3600);
    let delivery = second_link_by(&forged, &[subject(), &forged.der]);
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::Certificate(CertificateError::Path)));
}

#[test]
fn refuses_a_workload_of_a_trust_domain_that_is_not_listed() {
    let ask = Ask::balance();
    let foreign = BANK.other_ca.issue("spiffe://other.example/hop", &KeyPair::generate().unwrap(), 3600);
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let mut claims = link_claims(&chain, HOP, TARGET, ask.rqd());
    claims["iss"] = foreign.id.to_string().into();
    let mut delivery = second_link_by(&foreign, &[subject(), &foreign.der]);
    delivery.chain = vec![append_raw(&chain, &foreign, &claims)];
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::TrustDomainNotAllowed));
}

#[test]
fn refuses_an_expired_certificate() {
    let ask = Ask::balance();
    let key = KeyPair::generate().unwrap();
    let ending = BANK.ca.issue(&id(HOP).to_string(), &key, 10);
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let mut claims = link_claims(&chain, HOP, TARGET, ask.rqd());
    claims["exp"] = NOW.plus(10).0.into();
    let mut delivery = second_link_by(&ending, &[subject(), &ending.der]);
    delivery.chain = vec![append_raw(&chain, &ending, &claims)];
    assert!(delivery.verify().is_ok());
    let expired = BANK.ca.issue(&id(HOP).to_string(), &key, 0);
    delivery.chain = vec![append_raw(&chain, &expired, &claims)];
    let mut header = Certificates::parse(delivery.certificates[0].as_bytes()).unwrap();
    header = {
        let mut fresh = Certificates::default();
        fresh.push(&header.der()[0].clone());
        fresh.push(&expired.der);
        fresh
    };
    delivery.certificates = vec![header.to_header()];
    delivery.now = NOW.plus(5);
    assert_eq!(delivery.refused(), (Rule::Time, Some(2), Reason::CertificateTime));
}

#[test]
fn refuses_a_link_that_outlives_its_certificate() {
    let ending = BANK.ca.issue(&id(HOP).to_string(), &KeyPair::generate().unwrap(), 30);
    let delivery = second_link_by(&ending, &[subject(), &ending.der]);
    assert_eq!(delivery.refused(), (Rule::Time, Some(2), Reason::OutlivesCertificate));
}

#[test]
fn refuses_an_authority_as_signer() {
    let ask = Ask::balance();
    let mut authority = BANK.ca.issue(&id(HOP).to_string(), &KeyPair::generate().unwrap(), 3600);
    authority.der.clone_from(&BANK.ca.der);
    authority.x5t = token::encoding::Digest::of(&authority.der);
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    let mut delivery = second_link_by(&authority, &[subject(), &authority.der]);
    delivery.chain = vec![append_raw(&chain, &authority, &link_claims(&chain, HOP, TARGET, ask.rqd()))];
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::Certificate(CertificateError::NotALeaf)));
}

#[test]
fn refuses_the_certificate_of_another_workload() {
    let mallory = BANK.workload("mallory");
    let delivery = second_link_by(mallory, &[subject(), &mallory.der]);
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::SignerMismatch));
}

#[test]
fn refuses_a_spiffe_id_of_which_ours_is_a_prefix() {
    let longer = BANK.ca.issue(&format!("{}-x", id(HOP)), &KeyPair::generate().unwrap(), 3600);
    let delivery = second_link_by(&longer, &[subject(), &longer.der]);
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::SignerMismatch));
}

#[test]
fn refuses_another_certificate_for_the_same_key() {
    let key = KeyPair::generate().unwrap();
    let one = BANK.ca.issue(&id(HOP).to_string(), &key, 3600);
    let two = BANK.ca.issue(&id(HOP).to_string(), &key, 1800);
    let delivery = second_link_by(&one, &[subject(), &two.der]);
    assert_eq!(delivery.refused(), (Rule::Signers, Some(2), Reason::Certificate(CertificateError::Missing)));
}

#[test]
fn refuses_fewer_certificates() {
    let mut delivery = Delivery::id();
    delivery.certificates.clear();
    assert_eq!(delivery.refused(), (Rule::Signers, Some(1), Reason::Certificate(CertificateError::Missing)));
}

#[test]
fn refuses_more_certificates() {
    let delivery =
        second_link_by(BANK.workload(HOP), &[subject(), &BANK.workload(HOP).der, &BANK.workload(TARGET).der]);
    assert_eq!(delivery.refused(), (Rule::Signers, None, Reason::CertificateField(CertificateError::Unused)));
}

#[test]
fn refuses_a_certificate_twice() {
    let mut delivery = Delivery::id();
    delivery.certificates[0] = format!("{0}, {0}", delivery.certificates[0]);
    assert_eq!(delivery.refused(), (Rule::Signers, None, Reason::CertificateField(CertificateError::Repeated)));
}

#[test]
fn refuses_two_certificate_field_lines() {
    let mut delivery = Delivery::id();
    delivery.certificates.push(delivery.certificates[0].clone());
    assert_eq!(delivery.refused(), (Rule::Form, None, Reason::CertificateLines));
}

#[test]
fn refuses_an_algorithm_the_key_does_not_fit() {
    let ask = Ask::balance();
    let hop = BANK.workload(HOP);
    let chain = id_chain(&[SUBJECT, HOP], &ask);
    for (alg, expected) in [
        ("PS256", (Rule::Signers, Some(2), Reason::KeyDoesNotFit)),
        ("RS256", (Rule::Mode, Some(2), Reason::Algorithm)),
        ("Ed25519", (Rule::Mode, Some(2), Reason::Algorithm)),
        ("none", (Rule::Mode, Some(2), Reason::Algorithm)),
        ("HS256", (Rule::Mode, Some(2), Reason::Algorithm)),
    ] {
        let header = serde_json::json!({ "typ": "dasvid-link+jwt", "alg": alg, "x5t#S256": hop.x5t.to_string() });
        let signed = format!("{}.{}", encode(&header), encode(&link_claims(&chain, HOP, TARGET, ask.rqd())));
        let signature = hop.key.sign(Algorithm::Es256, signed.as_bytes()).unwrap();
        let chain = format!("{chain}~{signed}.{}", base64url(&signature));
        assert_eq!(Delivery::new(chain, HOP, &[SUBJECT, HOP], ask.clone()).refused(), expected, "{alg}");
    }
}
