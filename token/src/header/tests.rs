//! Which key and algorithm a root may have.

use crypto::jose::Algorithm;

use super::*;

fn root_key(header: &str, mode: Mode) -> Result<KeyReference, Reason> {
    RawHeader::read(header.as_bytes()).unwrap().root_key(mode)
}

#[test]
fn finds_a_root_key_by_exactly_one_member() {
    let hash = Digest::of(b"certificate");
    let x5t = format!(r#"{{"typ":"dasvid-id+jwt","alg":"ES256","x5t#S256":"{hash}"}}"#);
    assert_eq!(root_key(&x5t, Mode::Id), Ok(KeyReference::X5t(hash)));
    assert_eq!(root_key(&x5t, Mode::Plain), Ok(KeyReference::X5t(hash)));
    assert_eq!(root_key(&x5t, Mode::Anonymous), Err(Reason::Misplaced("x5t#S256")), "it would name who minted");
    let kid = r#"{"typ":"dasvid-id+jwt","alg":"ES256","kid":"k"}"#;
    assert_eq!(root_key(kid, Mode::Anonymous), Ok(KeyReference::Kid("k".to_owned())));
}

#[test]
fn every_mode_has_a_name_and_a_type() {
    assert_eq!(Mode::ALL.map(|mode| mode.to_string()), ["plain", "id", "anonymous"]);
    assert_eq!(Mode::ALL.map(Mode::root_type), ["dasvid+jwt", "dasvid-id+jwt", "dasvid-anon+jwt"]);
}

#[test]
fn a_root_has_an_algorithm_of_its_mode_and_key() {
    let (kid, x5t) = (KeyReference::Kid("k".to_owned()), KeyReference::X5t(Digest::of(b"")));
    let jose = SegmentAlgorithm::Jose;
    let fits = root_algorithm_fits;
    for mode in [Mode::Plain, Mode::Id] {
        for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Ps256] {
            assert!(fits(mode, &kid, jose(algorithm)) && fits(mode, &x5t, jose(algorithm)), "{algorithm:?}");
        }
        for algorithm in [Algorithm::Rs256, Algorithm::Ed25519] {
            assert!(fits(mode, &kid, jose(algorithm)) && !fits(mode, &x5t, jose(algorithm)), "{algorithm:?}");
        }
        assert!(!fits(mode, &kid, SegmentAlgorithm::Schoco));
    }
    assert!(fits(Mode::Anonymous, &kid, SegmentAlgorithm::Schoco));
    assert!(!fits(Mode::Anonymous, &kid, jose(Algorithm::Es256)));
}
