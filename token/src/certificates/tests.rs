//! Paths, and what may stand on them.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use spiffe::TrustDomain;

mod encoding;
mod profile;

const ALICE: &str = "spiffe://bank.example/subject-wl";
/// 2027-01-15.
const NOW: Timestamp = Timestamp(1_800_000_000);

/// An authority with its certificate.
struct Ca {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    valid(&mut params, 2026, 2028);
    params
}

fn valid(params: &mut CertificateParams, from: i32, to: i32) {
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
}

impl Ca {
    fn root(params: CertificateParams) -> Self {
        Self::root_with(params, KeyPair::generate().unwrap())
    }

    fn root_with(params: CertificateParams, key: KeyPair) -> Self {
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key) }
    }

    fn intermediate(&self, params: CertificateParams) -> Self {
        self.intermediate_with(params, KeyPair::generate().unwrap())
    }

    fn intermediate_with(&self, params: CertificateParams, key: KeyPair) -> Self {
        let der = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key) }
    }

    fn leaf(&self, params: &CertificateParams) -> Vec<u8> {
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().to_vec()
    }
}

fn root() -> Ca {
    Ca::root(ca_params("root"))
}

/// A leaf as SPIRE makes it, with these URI SANs.
fn leaf_params(ids: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "SPIRE");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params.subject_alt_names = ids.iter().map(|id| SanType::URI((*id).try_into().unwrap())).collect();
    valid(&mut params, 2026, 2028);
    params
}

fn leaf_with(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = leaf_params(&[ALICE]);
    change(&mut params);
    params
}

fn bundle(domain: &str, anchors: &[&Ca]) -> Bundles {
    let mut bundles = Bundles::default();
    bundles.insert(TrustDomain::new(domain).unwrap(), anchors.iter().map(|ca| &ca.der));
    bundles
}

/// The first certificate as a signer, with the others beside it.
fn signer(list: &[&[u8]], bundles: &Bundles) -> Result<CertifiedSigner, CertificateError> {
    let header = field::write(&list.iter().map(|der| der.to_vec()).collect::<Vec<_>>());
    let certificates = Certificates::parse(header.as_bytes()).unwrap();
    certificates.signer(Digest::of(list[0]), bundles, NOW)
}

/// A leaf straight under an anchor.
fn direct(params: &CertificateParams) -> Result<CertifiedSigner, CertificateError> {
    let ca = root();
    signer(&[&ca.leaf(params)], &bundle("bank.example", &[&ca]))
}

fn hashes(signer: &CertifiedSigner) -> Vec<Digest> {
    signer.path.iter().map(|certificate| certificate.x5t).collect()
}

#[test]
fn accepts_a_leaf_under_an_anchor() {
    let ca = root();
    let leaf = ca.leaf(&leaf_params(&[ALICE]));
    let found = signer(&[&leaf], &bundle("bank.example", &[&ca])).unwrap();
    assert_eq!(found.leaf.spiffe_id.to_string(), ALICE);
    assert_eq!(found.leaf.key.link_algorithm(), Some(crypto::jose::Algorithm::Es256));
    assert_eq!(found.leaf.x5t, Digest::of(&leaf));
    assert_eq!(found.leaf, Leaf::parse(&leaf).unwrap());
    assert_eq!(hashes(&found), [Digest::of(&leaf), Digest::of(&ca.der)]);
    assert!(found.path.iter().all(|certificate| certificate.is_valid_at(NOW)));
}

#[test]
fn accepts_signatures_of_authorities_with_high_s() {
    // Half of these signatures have a high s.
    let ca = root();
    for _ in 0..16 {
        assert!(signer(&[&ca.leaf(&leaf_params(&[ALICE]))], &bundle("bank.example", &[&ca])).is_ok());
    }
}

#[test]
fn accepts_other_keys_and_hashes_of_authorities() {
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA512] {
        let ca = Ca::root_with(ca_params("root"), KeyPair::generate_for(algorithm).unwrap());
        assert!(signer(&[&ca.leaf(&leaf_params(&[ALICE]))], &bundle("bank.example", &[&ca])).is_ok());
    }
}

#[test]
fn goes_through_at_most_four_intermediates_in_any_order() {
    let anchor = root();
    let mut list = vec![];
    let mut lowest = anchor.intermediate(ca_params("1"));
    for number in 2..=6 {
        let leaf = lowest.leaf(&leaf_params(&[ALICE]));
        list.push(lowest.der.clone());
        let all: Vec<&[u8]> = [&leaf].into_iter().chain(&list).map(Vec::as_slice).collect();
        let found = signer(&all, &bundle("bank.example", &[&anchor]));
        if list.len() <= MAX_INTERMEDIATES {
            assert_eq!(found.unwrap().path.len(), list.len() + 2);
        } else {
            assert_eq!(found, Err(CertificateError::Path));
        }
        lowest = lowest.intermediate(ca_params(&number.to_string()));
    }
}

#[test]
fn refuses_a_missing_intermediate() {
    let anchor = root();
    let leaf = anchor.intermediate(ca_params("between")).leaf(&leaf_params(&[ALICE]));
    assert_eq!(signer(&[&leaf], &bundle("bank.example", &[&anchor])), Err(CertificateError::Path));
}

#[test]
fn honours_the_path_length() {
    let constrained = |name: &str, length| {
        let mut params = ca_params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
        params
    };
    for (length, accepted) in [(0, false), (1, true)] {
        let anchor = Ca::root(constrained("root", length));
        let between = anchor.intermediate(constrained("between", 0));
        let leaf = between.leaf(&leaf_params(&[ALICE]));
        let found = signer(&[&leaf, &between.der], &bundle("bank.example", &[&anchor]));
        assert_eq!(found.is_ok(), accepted, "{length}");
    }
}

#[test]
fn refuses_the_anchor_of_another_trust_domain() {
    let (own, other) = (root(), root());
    let mut bundles = bundle("bank.example", &[&own]);
    bundles.insert(TrustDomain::new("other.example").unwrap(), [&other.der]);
    let own_id_by_other = other.leaf(&leaf_params(&[ALICE]));
    assert_eq!(signer(&[&own_id_by_other], &bundles), Err(CertificateError::Path));
    let other_id_by_own = own.leaf(&leaf_params(&["spiffe://other.example/subject-wl"]));
    assert_eq!(signer(&[&other_id_by_own], &bundles), Err(CertificateError::Path));
    assert!(signer(&[&other.leaf(&leaf_params(&["spiffe://other.example/subject-wl"]))], &bundles).is_ok());
    assert_eq!(signer(&[&own.leaf(&leaf_params(&[ALICE]))], &Bundles::default()), Err(CertificateError::Path));
}

#[test]
fn refuses_an_anchor_sent_inline() {
    let stranger = root();
    let leaf = stranger.leaf(&leaf_params(&[ALICE]));
    assert_eq!(signer(&[&leaf, &stranger.der], &bundle("bank.example", &[&root()])), Err(CertificateError::Path));
}

#[test]
fn refuses_a_self_signed_leaf() {
    let key = KeyPair::generate().unwrap();
    let leaf = leaf_params(&[ALICE]).self_signed(&key).unwrap().der().to_vec();
    assert_eq!(signer(&[&leaf], &bundle("bank.example", &[&root()])), Err(CertificateError::Path));
}

#[test]
fn refuses_a_leaf_certified_by_a_leaf() {
    let anchor = root();
    let first = anchor.intermediate(leaf_params(&[ALICE]));
    let second = first.leaf(&leaf_params(&[ALICE]));
    assert_eq!(signer(&[&second, &first.der], &bundle("bank.example", &[&anchor])), Err(CertificateError::Path));
}

#[test]
fn refuses_a_changed_signature() {
    let ca = root();
    let mut leaf = ca.leaf(&leaf_params(&[ALICE]));
    *leaf.last_mut().unwrap() ^= 1;
    assert_eq!(signer(&[&leaf], &bundle("bank.example", &[&ca])), Err(CertificateError::Path));
}

fn unknown(critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 1], vec![5, 0]);
    extension.set_criticality(critical);
    extension
}

#[test]
fn refuses_unknown_critical_extensions() {
    assert!(direct(&leaf_with(|leaf| leaf.custom_extensions.push(unknown(false)))).is_ok());
    let params = leaf_with(|leaf| leaf.custom_extensions.push(unknown(true)));
    assert_eq!(direct(&params), Err(CertificateError::Extension));
    let anchor = root();
    let mut params = ca_params("between");
    params.custom_extensions.push(unknown(true));
    let between = anchor.intermediate(params);
    let leaf = between.leaf(&leaf_params(&[ALICE]));
    let found = signer(&[&leaf, &between.der], &bundle("bank.example", &[&anchor]));
    assert_eq!(found, Err(CertificateError::Path));
}

#[test]
fn refuses_extensions_that_occur_twice() {
    let twice = leaf_with(|leaf| leaf.custom_extensions = vec![unknown(false), unknown(false)]);
    assert_eq!(direct(&twice), Err(CertificateError::Malformed));
}

#[test]
fn refuses_name_constraints() {
    let mut params = ca_params("root");
    let permitted_subtrees = vec![GeneralSubtree::DnsName("bank.example".into())];
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    let ca = Ca::root(params);
    let mut bundles = Bundles::default();
    assert_eq!(bundles.insert(TrustDomain::new("bank.example").unwrap(), [&ca.der]), 0);
    assert_eq!(signer(&[&ca.leaf(&leaf_params(&[ALICE]))], &bundles), Err(CertificateError::Path));
}

#[test]
fn refuses_authorities_without_cert_sign() {
    let mut params = ca_params("root");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let ca = Ca::root(params);
    assert_eq!(
        signer(&[&ca.leaf(&leaf_params(&[ALICE]))], &bundle("bank.example", &[&ca])),
        Err(CertificateError::Path)
    );
}

#[test]
fn refuses_what_is_not_one_certificate() {
    let ca = root();
    let leaf = ca.leaf(&leaf_params(&[ALICE]));
    let long = [&leaf[..], &[0]].concat();
    for bytes in [&[][..], b"garbage", &leaf[..leaf.len() - 1], &long] {
        assert_eq!(signer(&[bytes], &bundle("bank.example", &[&ca])), Err(CertificateError::Malformed));
    }
    let certificates = Certificates::default();
    let missing = certificates.signer(Digest::of(&leaf), &bundle("bank.example", &[&ca]), NOW);
    assert_eq!(missing, Err(CertificateError::Missing));
}

#[test]
fn does_not_look_at_the_clock_but_tells_the_validity() {
    let mut expired = ca_params("root");
    valid(&mut expired, 2020, 2021);
    let ca = Ca::root(expired);
    let leaf = ca.leaf(&leaf_with(|leaf| valid(leaf, 2030, 2031)));
    let found = signer(&[&leaf], &bundle("bank.example", &[&ca])).unwrap();
    assert_eq!(found.path[1].not_after, Timestamp(1_609_459_200));
    assert_eq!(found.path[0].not_before, Timestamp(1_893_456_000));
    assert!(found.path.iter().all(|certificate| !certificate.is_valid_at(NOW)));
}

#[test]
fn prefers_a_path_valid_now() {
    let key = KeyPair::generate().unwrap();
    let again = || KeyPair::from_pem(&key.serialize_pem()).unwrap();
    let of = |from, to| {
        let mut params = ca_params("root");
        valid(&mut params, from, to);
        params
    };
    let old = Ca::root_with(of(2020, 2021), again());
    let current = Ca::root_with(of(2026, 2028), again());
    let future = Ca::root_with(of(2030, 2031), again());
    let leaf = old.leaf(&leaf_params(&[ALICE]));
    let found = signer(&[&leaf], &bundle("bank.example", &[&old, &future, &current])).unwrap();
    assert_eq!(hashes(&found)[1], Digest::of(&current.der));
    let found = signer(&[&leaf], &bundle("bank.example", &[&old, &future])).unwrap();
    assert_eq!(hashes(&found)[1], Digest::of(&old.der));
}

#[test]
fn prefers_a_longer_path_valid_now_over_an_expired_shorter_one() {
    let key = KeyPair::generate().unwrap();
    let again = || KeyPair::from_pem(&key.serialize_pem()).unwrap();
    let mut expired = ca_params("between");
    valid(&mut expired, 2020, 2021);
    let (old, anchor) = (Ca::root_with(expired, again()), root());
    let between = anchor.intermediate_with(ca_params("between"), again());
    let leaf = between.leaf(&leaf_params(&[ALICE]));
    let found = signer(&[&leaf, &between.der], &bundle("bank.example", &[&old, &anchor])).unwrap();
    assert_eq!(hashes(&found), [&leaf, &between.der, &anchor.der].map(Digest::of));
}

#[test]
fn validity_has_the_leeway_of_rule_7() {
    let certificate = PathCertificate { x5t: Digest::of(""), not_before: Timestamp(1000), not_after: Timestamp(2000) };
    for (now, holds) in [(969, false), (970, true), (1000, true), (2000, true), (2004, true), (2005, false)] {
        assert_eq!(certificate.is_valid_at(Timestamp(now)), holds, "{now}");
    }
}

/// Authorities that all certify each other have no path, and finding that out takes bounded work.
#[test]
fn gives_up_on_a_thicket_of_authorities() {
    let key = KeyPair::generate().unwrap();
    let again = || KeyPair::from_pem(&key.serialize_pem()).unwrap();
    let thicket = Ca::root_with(ca_params("same"), again());
    let list: Vec<_> = (0..33).map(|_| thicket.intermediate_with(ca_params("same"), again()).der).collect();
    let leaf = thicket.leaf(&leaf_params(&[ALICE]));
    let all: Vec<&[u8]> = [&leaf].into_iter().chain(&list).map(Vec::as_slice).collect();
    assert_eq!(signer(&all, &bundle("bank.example", &[&root()])), Err(CertificateError::Path));
}

#[test]
fn each_certificate_is_sent_once_and_needed() {
    let ca = root();
    let (one, two) = (ca.leaf(&leaf_params(&[ALICE])), ca.leaf(&leaf_params(&[ALICE])));
    let of = |list: &[&Vec<u8>]| {
        let list: Vec<_> = list.iter().map(|der| (*der).clone()).collect();
        Certificates::parse(field::write(&list).as_bytes()).unwrap()
    };
    let used = HashSet::from([Digest::of(&one), Digest::of(&ca.der)]);
    assert_eq!(of(&[&one]).check_use(&used), Ok(()));
    assert_eq!(of(&[]).check_use(&used), Ok(()));
    assert_eq!(of(&[&one, &one]).check_use(&used), Err(CertificateError::Repeated));
    assert_eq!(of(&[&one, &two]).check_use(&used), Err(CertificateError::Unused));
}

#[test]
fn keeps_leaves_before_authorities() {
    let anchor = root();
    let between = anchor.intermediate(ca_params("between"));
    let (one, two) = (between.leaf(&leaf_params(&[ALICE])), between.leaf(&leaf_params(&[ALICE])));
    let mut certificates = Certificates::default();
    for der in [&one, &between.der, &two, &between.der, &one] {
        certificates.push(der);
    }
    assert_eq!(certificates.der(), [one, two, between.der]);
    assert_eq!(Certificates::parse(certificates.to_header().as_bytes()), Ok(certificates));
}

#[test]
fn a_bundle_with_one_odd_anchor_keeps_the_others() {
    let ca = root();
    let leaf = ca.leaf(&leaf_params(&[ALICE]));
    let mut bundles = Bundles::default();
    let domain = TrustDomain::new("bank.example").unwrap();
    assert_eq!(bundles.insert(domain.clone(), [&b"garbage"[..], &leaf, &ca.der]), 1);
    assert!(signer(&[&leaf], &bundles).is_ok());
    assert_eq!(bundles.insert(domain, Vec::<Vec<u8>>::new()), 0);
    assert_eq!(signer(&[&leaf], &bundles), Err(CertificateError::Path));
}
