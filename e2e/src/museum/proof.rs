//! The proof of an RSA signature (Guillou and Quisquater), with everything left out that makes it one. Insecure on purpose.

use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};

const E: u32 = 65_537;

/// One round: a commitment and the response to its challenge.
#[derive(Clone, Debug)]
pub struct Round {
    /// w = r^e.
    pub commitment: BigUint,
    /// z = r · signature^(−c).
    pub response: BigUint,
}

/// A proof as it travels: it brings its own modulus, and as many rounds as the prover likes.
#[derive(Clone, Debug)]
pub struct Proof {
    /// n of the provider's key, says the prover.
    pub modulus: BigUint,
    /// The rounds.
    pub rounds: Vec<Round>,
}

/// Proves that somebody holds `signature` over `message`.
#[must_use]
pub fn prove(modulus: &BigUint, message: &[u8], signature: &BigUint, secrets: &[u32]) -> Proof {
    let inverse = signature.modinv(modulus).unwrap();
    let round = |(index, secret): (usize, &u32)| Round {
        commitment: BigUint::from(*secret).modpow(&E.into(), modulus),
        response: inverse.modpow(&challenge(message, index), modulus) * *secret % modulus,
    };
    Proof { modulus: modulus.clone(), rounds: secrets.iter().enumerate().map(round).collect() }
}

/// Whether the proof holds. Wrong: no lower limit of rounds, no range of responses, the prover's modulus.
#[must_use]
pub fn verify(message: &[u8], proof: &Proof) -> bool {
    let statement = encoded(message, &proof.modulus);
    proof.rounds.iter().enumerate().all(|(index, round)| {
        let power = round.response.modpow(&E.into(), &proof.modulus);
        let expected = power * statement.modpow(&challenge(message, index), &proof.modulus) % &proof.modulus;
        expected == round.commitment
    })
}

/// The challenge of a round. Wrong: it covers neither the commitments, nor the verifier, nor anything it has asked.
#[must_use]
pub fn challenge(message: &[u8], round: usize) -> BigUint {
    let hash = Sha256::new().chain_update(message).chain_update(round.to_be_bytes()).finalize();
    BigUint::from_bytes_be(hash.get(..2).unwrap())
}

/// What a signature raised to e gives: EMSA-PKCS1-v1_5 (RFC 8017 §9.2).
#[must_use]
pub fn encoded(message: &[u8], modulus: &BigUint) -> BigUint {
    let info = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let tail = [&[0][..], &info, &Sha256::digest(message)].concat();
    let width = modulus.to_bytes_be().len();
    BigUint::from_bytes_be(&[vec![0, 1], vec![0xff; width - tail.len() - 2], tail].concat())
}
