//! The JOSE algorithms, held to one strict form.

use super::*;
use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PSS_SHA256, RSA_PSS_SHA384, RsaPssSaltLength,
        RsaSignatureEncoding,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

const MESSAGE: &[u8] = b"header.payload";
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P256_HALF: &str = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8";
const P384_ORDER: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
const P384_HALF: &str =
    "7fffffffffffffffffffffffffffffffffffffffffffffffe3b1a6c0fa1b96efac0d06d9245853bd76760cb5666294b9";

static SALT_20: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(20));
static SALT_0: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(0));
static SALT_MAX: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate(algorithm).unwrap()).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn decoded(base64url: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(base64url).unwrap()
}

#[test]
fn names_are_exact() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
        assert_eq!(algorithm.to_string(), algorithm.name());
    }
    for name in ["EdDSA", "es256", "HS256", "none", "", "ES256 ", "ES512", "RS512"] {
        assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name:?}");
    }
}

#[test]
fn every_key_signs_its_own_algorithms_and_no_other() {
    for of_key in Algorithm::ALL {
        let key = key(of_key);
        for algorithm in Algorithm::ALL {
            let rsa = [Algorithm::Ps256, Algorithm::Rs256];
            let fits = of_key == algorithm || rsa.contains(&of_key) && rsa.contains(&algorithm);
            assert_eq!(key.public_key().fits(algorithm), fits, "{of_key} {algorithm}");
            if fits {
                let signature = key.sign(algorithm, MESSAGE).unwrap();
                assert_eq!(key.public_key().verify(algorithm, MESSAGE, &signature), Ok(()));
                assert!(algorithm.signature_len().is_none_or(|length| length == signature.len()));
            } else {
                assert_eq!(key.sign(algorithm, MESSAGE), Err(SignatureError::KeyMismatch));
                let refused = key.public_key().verify(algorithm, MESSAGE, &[1; 64]);
                assert_eq!(refused, Err(SignatureError::KeyMismatch));
            }
        }
    }
}

#[test]
fn links_have_the_one_algorithm_of_their_key() {
    let of = |algorithm| key(algorithm).public_key().link_algorithm();
    assert_eq!(of(Algorithm::Es256), Some(Algorithm::Es256));
    assert_eq!(of(Algorithm::Es384), Some(Algorithm::Es384));
    assert_eq!(of(Algorithm::Rs256), Some(Algorithm::Ps256));
    assert_eq!(of(Algorithm::Ed25519), None);
}

#[test]
fn made_ecdsa_signatures_have_a_low_s() {
    for (algorithm, half) in [(Algorithm::Es256, P256_HALF), (Algorithm::Es384, P384_HALF)] {
        let (key, half) = (key(algorithm), bytes(half));
        for message in 0..64_u8 {
            let signature = key.sign(algorithm, &[message]).unwrap();
            assert!(signature[half.len()..] <= half[..]);
            assert_eq!(key.public_key().verify(algorithm, &[message], &signature), Ok(()));
        }
    }
}

/// n − s, the other s of the same signature.
fn other_s(order: &[u8], s: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let digits = order.iter().zip(s).rev().map(|(n, s)| {
        let difference = i32::from(*n) - i32::from(*s) - borrow;
        borrow = i32::from(difference < 0);
        u8::try_from(difference.rem_euclid(256)).unwrap()
    });
    let mut other: Vec<_> = digits.collect();
    other.reverse();
    other
}

#[test]
fn refuses_a_high_s() {
    for (algorithm, order) in [(Algorithm::Es256, P256_ORDER), (Algorithm::Es384, P384_ORDER)] {
        let (key, order) = (key(algorithm), bytes(order));
        let signature = key.sign(algorithm, MESSAGE).unwrap();
        let (r, s) = signature.split_at(order.len());
        let high = [r, &other_s(&order, s)].concat();
        assert_eq!(key.public_key().verify(algorithm, MESSAGE, &high), Err(SignatureError::HighS));
    }
}

#[test]
fn refuses_r_and_s_out_of_range() {
    for (algorithm, order, half) in
        [(Algorithm::Es256, P256_ORDER, P256_HALF), (Algorithm::Es384, P384_ORDER, P384_HALF)]
    {
        let (public, order, half) = (key(algorithm).public_key(), bytes(order), bytes(half));
        let width = order.len();
        let (zero, mut one, huge) = (vec![0; width], vec![0; width], vec![0xff; width]);
        one[width - 1] = 1;
        let mut above = half.clone();
        above[width - 1] += 1;
        let refused = |r: &[u8], s: &[u8]| public.verify(algorithm, MESSAGE, &[r, s].concat()).unwrap_err();
        for (r, s) in [(&zero, &one), (&one, &zero), (&order, &one), (&one, &order), (&huge, &one), (&one, &huge)] {
            assert_eq!(refused(r, s), SignatureError::Range);
        }
        assert_eq!(refused(&one, &above), SignatureError::HighS);
        assert_eq!(refused(&one, &half), SignatureError::Invalid);
    }
}

#[test]
fn refuses_ecdsa_signatures_of_another_width_or_in_der() {
    let pkcs8 = SigningKey::generate(Algorithm::Es256).unwrap();
    let (key, random) = (SigningKey::from_pkcs8(&pkcs8).unwrap(), SystemRandom::new());
    let der = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).unwrap().sign(&random, MESSAGE);
    let refused = |signature: &[u8]| key.public_key().verify(Algorithm::Es256, MESSAGE, signature);
    assert_eq!(refused(der.unwrap().as_ref()), Err(SignatureError::Length));
    for length in [0, 1, 31, 32, 33, 63, 65, 96, 128] {
        assert_eq!(refused(&vec![1; length]), Err(SignatureError::Length), "{length}");
    }
}

#[test]
fn refuses_a_pss_salt_of_other_than_32_bytes() {
    let pkcs8 = SigningKey::generate(Algorithm::Ps256).unwrap();
    let pair = RsaKeyPair::from_pkcs8(&pkcs8).unwrap();
    let public = SigningKey::from_pkcs8(&pkcs8).unwrap().public_key();
    let verified = |encoding: &'static RsaSignatureEncoding| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), MESSAGE, &mut signature).unwrap();
        public.verify(Algorithm::Ps256, MESSAGE, &signature)
    };
    assert_eq!(verified(&RSA_PSS_SHA256), Ok(()));
    for encoding in [&SALT_0, &SALT_20, &SALT_MAX, &RSA_PSS_SHA384] {
        assert_eq!(verified(encoding), Err(SignatureError::Invalid), "{encoding:?}");
    }
}

#[test]
fn refuses_rsa_signatures_that_are_padded_or_by_the_other_padding() {
    let key = key(Algorithm::Ps256);
    let public = key.public_key();
    for (algorithm, other) in [(Algorithm::Ps256, Algorithm::Rs256), (Algorithm::Rs256, Algorithm::Ps256)] {
        let signature = key.sign(algorithm, MESSAGE).unwrap();
        assert_eq!(public.verify(other, MESSAGE, &signature), Err(SignatureError::Invalid));
        for longer in [[&[0], &signature[..]].concat(), [&signature[..], &[0]].concat()] {
            assert_eq!(public.verify(algorithm, MESSAGE, &longer), Err(SignatureError::Length));
        }
        // Not below the modulus.
        let huge = vec![0xff; signature.len()];
        assert_eq!(public.verify(algorithm, MESSAGE, &huge), Err(SignatureError::Invalid));
    }
}

#[test]
fn takes_rsa_moduli_of_2048_to_4096_bits_only() {
    let modulus = |bits: usize| {
        let mut n = vec![0xa5; bits.div_ceil(8)];
        n[0] = 0xff >> ((8 - bits % 8) % 8);
        n
    };
    for bits in [2048, 2049, 3072, 4096] {
        assert!(PublicKey::rsa(&modulus(bits), &[1, 0, 1]).is_ok(), "{bits}");
    }
    for bits in [512, 1024, 2047, 4097, 8192] {
        assert_eq!(PublicKey::rsa(&modulus(bits), &[1, 0, 1]), Err(KeyError::Modulus), "{bits}");
    }
    let mut even = modulus(2048);
    even[255] -= 1;
    let padded = [&[0], &modulus(2048)[..]].concat();
    for n in [even, padded, vec![]] {
        assert_eq!(PublicKey::rsa(&n, &[1, 0, 1]), Err(KeyError::Modulus));
    }
}

#[test]
fn takes_the_rsa_exponent_65537_only() {
    for e in [&[3][..], &[1], &[1, 0, 2], &[0, 1, 0, 1], &[1, 0, 0, 1], &[]] {
        assert_eq!(PublicKey::rsa(&[0xa5; 256], e), Err(KeyError::Exponent), "{e:?}");
    }
}

#[test]
fn takes_coordinates_of_full_width_on_the_curve_only() {
    let public = key(Algorithm::Es256).public_key();
    let JwkMembers::Ec { x, y, .. } = public.members() else { panic!("not an EC key") };
    assert_eq!(PublicKey::ec(Curve::P256, x, y), Ok(public.clone()));
    for (x, y) in [(&x[1..], &y[..]), (x, &[&[0], &y[..]].concat()), (&[], &[])] {
        assert_eq!(PublicKey::ec(Curve::P256, x, y), Err(KeyError::Width));
    }
    assert_eq!(PublicKey::ec(Curve::P384, x, y), Err(KeyError::Width));
    assert_eq!(PublicKey::ec(Curve::P256, y, x), Err(KeyError::Point));
    assert_eq!(PublicKey::ec(Curve::P256, &[0; 32], &[0; 32]), Err(KeyError::Point));
    assert_eq!(PublicKey::ec(Curve::P256, &[0xff; 32], y), Err(KeyError::Point));
}

/// The eight points of small order and their encodings that are not canonical.
#[test]
fn refuses_ed25519_keys_of_small_order_or_not_canonical() {
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        assert_eq!(PublicKey::ed25519(&bytes(point)), Err(KeyError::Point), "{point}");
    }
    assert_eq!(PublicKey::ed25519(&[1; 31]), Err(KeyError::Width));
}

/// RFC 8032 §7.1, test 1; then S + ℓ, and an R of small order.
#[test]
fn ed25519_takes_the_one_signature_of_rfc_8032() {
    let public = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let r = bytes("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155");
    let s = bytes("5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    let s_plus_order = bytes("4c8c7872aa064e049dbb3013fbf29380d25bf5f0595bbe24655141438e7a101b");
    let public = PublicKey::ed25519(&public).unwrap();
    let verified = |r: &[u8], s: &[u8]| public.verify(Algorithm::Ed25519, b"", &[r, s].concat());
    assert_eq!(verified(&r, &s), Ok(()));
    assert_eq!(verified(&r, &s_plus_order), Err(SignatureError::Invalid));
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(verified(&identity, &s), Err(SignatureError::Invalid));
    assert_eq!(verified(&identity, &[0; 32]), Err(SignatureError::Invalid));
    assert_eq!(verified(&r, &s[1..]), Err(SignatureError::Length));
}

#[test]
fn thumbprints_are_those_of_the_standards() {
    // RFC 7638 §3.1
    let n = decoded(concat!(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi",
        "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb",
        "9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls",
        "1jF44-csFCur-kEgU8awapJzKnqDKgw",
    ));
    let rsa = PublicKey::rsa(&n, &[1, 0, 1]).unwrap();
    assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // RFC 8037 §A.3
    let ed25519 = PublicKey::ed25519(&decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")).unwrap();
    assert_eq!(ed25519.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let names: Vec<_> = rsa.members().in_order().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["e", "kty", "n"]);
}

fn spki(algorithm: Algorithm) -> (Vec<u8>, PublicKey) {
    let pkcs8 = SigningKey::generate(algorithm).unwrap();
    let public = SigningKey::from_pkcs8(&pkcs8).unwrap().public_key();
    let der: PublicKeyX509Der<'static> = match algorithm {
        Algorithm::Ps256 | Algorithm::Rs256 => RsaKeyPair::from_pkcs8(&pkcs8).unwrap().public_key().as_der().unwrap(),
        _ => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).unwrap().public_key().as_der().unwrap(),
    };
    (der.as_ref().to_vec(), public)
}

#[test]
fn reads_subject_public_key_infos() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let (der, public) = spki(algorithm);
        assert_eq!(PublicKey::from_spki(&der), Ok(public));
    }
    // RFC 8410 §10.1
    let ed25519 = bytes("302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
    assert!(PublicKey::from_spki(&ed25519).is_ok_and(|key| key.fits(Algorithm::Ed25519)));
}

#[test]
fn refuses_subject_public_key_infos_that_are_not_der() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let (der, _) = spki(algorithm);
        for length in 0..der.len() {
            assert!(PublicKey::from_spki(&der[..length]).is_err(), "{length}");
        }
        assert_eq!(PublicKey::from_spki(&[&der[..], &[0]].concat()), Err(KeyError::Malformed));
    }
    // A length in more bytes than it needs.
    let long = bytes("30812a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
    assert_eq!(PublicKey::from_spki(&long), Err(KeyError::Malformed));
    // X25519 signs nothing.
    let x25519 = bytes("302a300506032b656e03210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
    assert_eq!(PublicKey::from_spki(&x25519), Err(KeyError::Unsupported));
}

#[test]
fn refuses_private_keys_of_other_kinds() {
    assert_eq!(SigningKey::from_pkcs8(b"").err(), Some(KeyError::Unsupported));
    assert_eq!(SigningKey::from_pkcs8(&[0x30; 100]).err(), Some(KeyError::Unsupported));
}

#[test]
fn shows_no_secret_in_debug_output() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.public_key().thumbprint()));
    }
}
