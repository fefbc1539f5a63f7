//! What a leaf must look like.

use super::*;

#[test]
fn accepts_dns_names_beside_the_uri() {
    let params = leaf_with(|leaf| leaf.subject_alt_names.push(SanType::DnsName("target-wl".try_into().unwrap())));
    assert!(direct(&params).is_ok());
}

#[test]
fn refuses_an_authority_as_leaf() {
    let mut params = leaf_with(|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(direct(&params), Err(CertificateError::NotALeaf));
    params.key_usages = ca_params("").key_usages;
    assert_eq!(direct(&params), Err(CertificateError::NotALeaf));
}

#[test]
fn refuses_key_usages_that_are_not_a_leafs() {
    use KeyUsagePurpose::{CrlSign, DigitalSignature, KeyAgreement, KeyCertSign};
    for usages in [vec![], vec![KeyAgreement], vec![DigitalSignature, KeyCertSign], vec![DigitalSignature, CrlSign]] {
        let params = leaf_with(|leaf| leaf.key_usages.clone_from(&usages));
        assert_eq!(direct(&params), Err(CertificateError::NotALeaf), "{usages:?}");
    }
    assert!(direct(&leaf_with(|leaf| leaf.key_usages = vec![DigitalSignature])).is_ok());
}

#[test]
fn accepts_absent_basic_constraints() {
    assert!(direct(&leaf_with(|leaf| leaf.is_ca = IsCa::NoCa)).is_ok());
}

#[test]
fn refuses_other_than_one_uri() {
    assert_eq!(direct(&leaf_params(&[])), Err(CertificateError::UriSan));
    assert_eq!(direct(&leaf_params(&[ALICE, "spiffe://bank.example/other"])), Err(CertificateError::UriSan));
    assert_eq!(direct(&leaf_params(&[ALICE, ALICE])), Err(CertificateError::UriSan));
}

#[test]
fn refuses_uris_that_are_not_of_a_workload() {
    let long = format!("spiffe://bank.example/{}", "a".repeat(2048));
    for uri in [
        "spiffe://bank.example",
        "spiffe://bank.example/",
        "spiffe://Bank.example/subject-wl",
        "SPIFFE://bank.example/subject-wl",
        "spiffe://bank.example/subject-wl/",
        "spiffe://bank.example/../subject-wl",
        "spiffe://bank.example//subject-wl",
        "spiffe://bank.example:443/subject-wl",
        "spiffe://bank.example/subject-wl?x",
        "https://bank.example/subject-wl",
        &long,
    ] {
        assert_eq!(direct(&leaf_params(&[uri])), Err(CertificateError::SpiffeId), "{uri}");
    }
}

#[test]
fn refuses_keys_no_segment_is_signed_with() {
    let ca = root();
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    let leaf = leaf_params(&[ALICE]).signed_by(&key, &ca.issuer).unwrap().der().to_vec();
    assert_eq!(signer(&[&leaf], &bundle("bank.example", &[&ca])), Err(CertificateError::Key));
}
