//! The arithmetic under RSA's proofs: what is drawn, and what is inverted.

use super::fixture::{FRESH, MESSAGE, provider};
use crate::jose::JwkMembers;
use crate::provenance::{Nonces, Rounds, Scheme, gq, modulus::Modulus};
use crypto_bigint::{U2048, Uint};

#[test]
fn draws_from_all_numbers_below_a_modulus_of_any_length() {
    let witness = provider(Scheme::Ed25519).witness(MESSAGE);
    for bits in [2048, 2047, 2042, 2041] {
        let mut n = vec![0xff; 256];
        n[0] >>= 2048 - bits;
        let modulus = Modulus::<{ U2048::LIMBS }>::new(&n).unwrap();
        assert_eq!(modulus.bits(), bits);
        let mut nonces = Nonces::new(&FRESH, witness.secret(), &n, Rounds::Eight);
        let drawn: Vec<_> = (0..64).map(|_| *modulus.draw(&mut nonces).as_montgomery()).collect();
        let ones = drawn.iter().fold(Uint::ZERO, |seen, number| seen | *number);
        let zeros = drawn.iter().fold(Uint::ZERO, |seen, number| seen | number.not());
        // 64 uniform numbers leave no bit constant but those above the modulus.
        assert_eq!((ones, zeros), (U2048::from_be_slice(&n), Uint::MAX), "{bits} bits");
    }
}

#[test]
fn inverts_a_signature_of_the_message_and_padding_only() {
    for (scheme, other) in [(Scheme::Rs256, Scheme::Ps256), (Scheme::Ps256, Scheme::Rs256)] {
        let provider = provider(scheme);
        let JwkMembers::Rsa { n, .. } = provider.key.members() else { unreachable!("an RSA key") };
        let signature = provider.sign(MESSAGE);
        assert!(gq::invert(scheme, n, MESSAGE, &signature).is_some());
        assert!(gq::invert(scheme, n, b"another message", &signature).is_none());
        assert!(gq::invert(other, n, MESSAGE, &signature).is_none());
    }
}
