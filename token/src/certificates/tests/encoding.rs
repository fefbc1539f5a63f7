//! What is well-formed, and what the extensions of a certificate and lists of certificates may hold.

use super::*;
use rcgen::KeyIdMethod;

fn extension(oid: &[u64], critical: bool, content: &[u8]) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
    extension.set_criticality(critical);
    extension
}

fn with_extension(extension: CustomExtension) -> Result<CertifiedSigner, CertificateError> {
    direct(&leaf_with(|leaf| {
        leaf.extended_key_usages.clear();
        leaf.custom_extensions.push(extension);
    }))
}

/// An honest leaf with its `last` occurrence of some bytes, or the first one, replaced.
fn altered(from: &[u8], to: &[u8], last: bool) -> Result<CertifiedSigner, CertificateError> {
    let ca = root();
    let mut leaf = ca.leaf(&leaf_params(&[ALICE]));
    let mut windows = leaf.windows(from.len());
    let found = |window: &[u8]| window == from;
    let at = if last { windows.rposition(found) } else { windows.position(found) }.unwrap();
    leaf[at..at + to.len()].copy_from_slice(to);
    signer(&[&leaf], &bundle("bank.example", &[&ca]))
}

#[test]
fn refuses_other_versions_than_3() {
    let version = [0xa0, 3, 2, 1];
    for other in [0, 1] {
        let refused = altered(&[&version[..], &[2]].concat(), &[&version[..], &[other]].concat(), false);
        assert_eq!(refused, Err(CertificateError::Malformed), "v{}", other + 1);
    }
}

#[test]
fn refuses_two_names_of_the_signature_algorithm() {
    let ecdsa_with_sha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let ecdsa_with_sha384 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    assert_eq!(altered(&ecdsa_with_sha256, &ecdsa_with_sha384, true), Err(CertificateError::Malformed));
}

#[test]
fn refuses_a_child_that_names_another_key_of_its_issuer() {
    let key = KeyPair::generate().unwrap();
    let again = KeyPair::try_from(key.serialize_der()).unwrap();
    let named = |name: u8| {
        let mut params = ca_params("root");
        params.key_identifier_method = KeyIdMethod::PreSpecified(vec![name; 20]);
        params
    };
    let anchor = Ca::root_with(named(1), key);
    let bundles = bundle("bank.example", &[&anchor]);
    assert!(signer(&[&anchor.leaf(&leaf_params(&[ALICE]))], &bundles).is_ok());
    let confused = Ca { der: Vec::new(), issuer: Issuer::new(named(2), again) };
    assert_eq!(signer(&[&confused.leaf(&leaf_params(&[ALICE]))], &bundles), Err(CertificateError::Path));
}

#[test]
fn an_extended_key_usage_may_be_critical() {
    let client_auth = [0x30, 0x0a, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
    assert!(with_extension(extension(&[2, 5, 29, 37], true, &client_auth)).is_ok());
}

#[test]
fn refuses_name_constraints_that_are_not_critical() {
    let permits_x = [0x30, 7, 0xa0, 5, 0x30, 3, 0x82, 1, b'x'];
    let refused = with_extension(extension(&[2, 5, 29, 30], false, &permits_x));
    assert_eq!(refused, Err(CertificateError::Extension));
}

#[test]
fn refuses_a_known_extension_that_cannot_be_read() {
    let refused = with_extension(extension(&[2, 5, 29, 37], false, b"garbage"));
    assert_eq!(refused, Err(CertificateError::Malformed));
}

#[test]
fn refuses_names_that_cannot_be_read() {
    let names = [&[0x30, 35, 0x86, 30][..], ALICE.get(..30).unwrap().as_bytes(), &[0x86, 1, 0xff]].concat();
    let params = leaf_with(|leaf| {
        leaf.subject_alt_names.clear();
        leaf.custom_extensions.push(extension(&[2, 5, 29, 17], false, &names));
    });
    assert_eq!(direct(&params), Err(CertificateError::Malformed));
}

#[test]
fn lists_are_equal_when_they_hold_the_same_certificates_in_order() {
    let (one, other) = (Ca::root(ca_params("one")), Ca::root(ca_params("other")));
    let list = |all: &[&Ca]| {
        let mut list = Certificates::default();
        for ca in all {
            list.push(&ca.der);
        }
        list
    };
    assert_eq!(list(&[&one, &other]), list(&[&one, &other]));
    assert_ne!(list(&[&one]), list(&[&other]));
    assert_ne!(list(&[&one, &other]), list(&[&other, &one]));
    assert!(list(&[]).is_empty() && !list(&[&one]).is_empty());
}
