//! Proofs of a signature that is not shown.

/// A scheme that proves to one verifier, for one nonce, that a key signed a message.
pub trait ProofScheme {
    /// The signer's key pair.
    type Key;

    /// A new key pair.
    fn generate() -> Self::Key;
    /// Signs `message`.
    fn sign(key: &Self::Key, message: &[u8]) -> Vec<u8>;
    /// Proves to `verifier` that `signature` is by the key and over the message; none if it is not.
    fn prove(
        key: &Self::Key,
        message: &[u8],
        signature: &[u8],
        verifier: &str,
        nonce: &[u8],
        fresh: &[u8; 32],
    ) -> Option<Vec<u8>>;
    /// Whether `verifier` takes the proof.
    fn accepts(key: &Self::Key, message: &[u8], verifier: &str, nonce: &[u8], proof: &[u8]) -> bool;
}

/// All properties of a proof.
///
/// # Panics
/// If one does not hold.
pub fn check_proofs<S: ProofScheme>() {
    check_completeness::<S>();
    check_foreign_statements::<S>();
    check_proof_bytes::<S>();
    check_proof_lengths::<S>();
    check_freshness::<S>();
}

const MESSAGE: &[u8] = b"message";
const VERIFIER: &str = "spiffe://bank.example/verifier";
const NONCE: [u8; 32] = [5; 32];
const FRESH: [u8; 32] = [7; 32];

fn honest<S: ProofScheme>(key: &S::Key, message: &[u8], fresh: &[u8; 32]) -> Vec<u8> {
    S::prove(key, message, &S::sign(key, message), VERIFIER, &NONCE, fresh).unwrap_or_default()
}

fn accepts<S: ProofScheme>(key: &S::Key, proof: &[u8]) -> bool {
    S::accepts(key, MESSAGE, VERIFIER, &NONCE, proof)
}

/// Whoever has a signature can prove it, and nobody without one.
///
/// # Panics
/// If an honest proof is refused, or one is made of something that is no signature of the message.
pub fn check_completeness<S: ProofScheme>() {
    let (key, other) = (S::generate(), S::generate());
    for message in [&b""[..], MESSAGE, &[0; 5000]] {
        let proof = honest::<S>(&key, message, &FRESH);
        assert!(S::accepts(&key, message, VERIFIER, &NONCE, &proof), "an honest proof is accepted");
    }
    let signature = S::sign(&key, MESSAGE);
    let proven = |message: &[u8], signature: &[u8]| S::prove(&key, message, signature, VERIFIER, &NONCE, &FRESH);
    assert!(proven(b"massage", &signature).is_none(), "another message's signature proves nothing");
    assert!(proven(MESSAGE, &S::sign(&other, MESSAGE)).is_none(), "another key's signature proves nothing");
    for byte in [0, 0xff] {
        assert!(proven(MESSAGE, &vec![byte; signature.len()]).is_none(), "a constant signature proves nothing");
    }
}

/// A proof is about one key and message, for one verifier and nonce.
///
/// # Panics
/// If it is accepted for another.
pub fn check_foreign_statements<S: ProofScheme>() {
    let (key, other) = (S::generate(), S::generate());
    let proof = honest::<S>(&key, MESSAGE, &FRESH);
    assert!(!accepts::<S>(&other, &proof), "another key is refused");
    assert!(!S::accepts(&key, b"massage", VERIFIER, &NONCE, &proof), "another message is refused");
    assert!(!S::accepts(&key, b"", VERIFIER, &NONCE, &proof), "an empty message is refused");
    let neighbour = VERIFIER.replace("verifier", "neighbour");
    assert!(!S::accepts(&key, MESSAGE, &neighbour, &NONCE, &proof), "another verifier refuses");
    assert!(!S::accepts(&key, MESSAGE, VERIFIER, &[6; 32], &proof), "another nonce is refused");
    assert!(!S::accepts(&key, MESSAGE, VERIFIER, &NONCE[1..], &proof), "a part of the nonce is refused");
}

/// No byte of a proof can be changed.
///
/// # Panics
/// If a changed proof is accepted.
pub fn check_proof_bytes<S: ProofScheme>() {
    let key = S::generate();
    let proof = honest::<S>(&key, MESSAGE, &FRESH);
    for (index, byte) in proof.iter().enumerate() {
        let mut forged = proof.clone();
        forged.splice(index..=index, [byte ^ (1 << (index % 8))]);
        assert!(!accepts::<S>(&key, &forged), "byte {index} counts");
    }
    for byte in [0, 1, 0xff] {
        assert!(!accepts::<S>(&key, &vec![byte; proof.len()]), "a constant proof is refused");
    }
    let backwards: Vec<_> = proof.iter().rev().copied().collect();
    assert!(!accepts::<S>(&key, &backwards), "the order of the bytes counts");
}

/// A proof has one length.
///
/// # Panics
/// If a cut or padded proof is accepted.
pub fn check_proof_lengths<S: ProofScheme>() {
    let key = S::generate();
    let proof = honest::<S>(&key, MESSAGE, &FRESH);
    for length in 0..proof.len() {
        let cut: Vec<_> = proof.iter().copied().take(length).collect();
        assert!(!accepts::<S>(&key, &cut), "a proof cut to {length} bytes is refused");
    }
    for byte in [0, 1] {
        let behind = [proof.as_slice(), &[byte]].concat();
        let before = [&[byte], proof.as_slice()].concat();
        assert!(!accepts::<S>(&key, &behind), "a byte behind is refused");
        assert!(!accepts::<S>(&key, &before), "a byte before is refused");
    }
    assert!(!accepts::<S>(&key, &proof.repeat(2)), "a doubled proof is refused");
}

/// Fresh bytes make another proof of the same signature, and parts of two proofs make no third.
///
/// # Panics
/// If a proof repeats itself, or a mixed one is accepted.
pub fn check_freshness<S: ProofScheme>() {
    let key = S::generate();
    let proofs = [FRESH, [8; 32]].map(|fresh| honest::<S>(&key, MESSAGE, &fresh));
    let [first, second] = proofs.each_ref();
    assert_ne!(first, second, "fresh bytes make another proof");
    assert!(accepts::<S>(&key, first) && accepts::<S>(&key, second), "both are accepted");
    let last = first.len().saturating_sub(16);
    let mixed: Vec<_> = first.iter().take(last).chain(second.iter().skip(last)).copied().collect();
    assert!(!accepts::<S>(&key, &mixed), "the end of another proof is refused");
}
