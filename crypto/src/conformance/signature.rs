//! Signatures that stand alone.

/// A scheme whose signatures stand alone.
pub trait SignatureScheme {
    /// A key pair.
    type Key;

    /// A new key pair.
    fn generate() -> Self::Key;
    /// Signs `message`.
    fn sign(key: &Self::Key, message: &[u8]) -> Vec<u8>;
    /// Whether the public half of `key` made `signature` over `message`.
    fn accepts(key: &Self::Key, message: &[u8], signature: &[u8]) -> bool;
}

/// All properties of a signature.
///
/// # Panics
/// If one does not hold.
pub fn check_signatures<S: SignatureScheme>() {
    let key = S::generate();
    for message in [&b""[..], b"a", &[0; 5000]] {
        assert!(S::accepts(&key, message, &S::sign(&key, message)), "an honest signature is accepted");
    }
    check_foreign_signatures::<S>();
    check_signature_bits::<S>();
    check_signature_lengths::<S>();
}

/// A signature is by one key and over one message.
///
/// # Panics
/// If another key or message is accepted.
pub fn check_foreign_signatures<S: SignatureScheme>() {
    let (key, other) = (S::generate(), S::generate());
    let signature = S::sign(&key, b"message");
    assert!(!S::accepts(&other, b"message", &signature), "another key is refused");
    assert!(!S::accepts(&key, b"massage", &signature), "another message is refused");
    assert!(!S::accepts(&key, b"message\0", &signature), "a longer message is refused");
    assert!(!S::accepts(&key, b"", &signature), "an empty message is refused");
}

/// No bit of a signature can be changed.
///
/// # Panics
/// If a changed signature is accepted.
pub fn check_signature_bits<S: SignatureScheme>() {
    let key = S::generate();
    let signature = S::sign(&key, b"message");
    for (index, byte) in signature.iter().enumerate() {
        for bit in 0..8 {
            let mut forged = signature.clone();
            forged.splice(index..=index, [byte ^ (1 << bit)]);
            assert!(!S::accepts(&key, b"message", &forged), "bit {bit} of byte {index} counts");
        }
    }
    for byte in [0, 0xff] {
        assert!(!S::accepts(&key, b"message", &vec![byte; signature.len()]), "a constant signature is refused");
    }
}

/// A signature has one length.
///
/// # Panics
/// If a cut or padded signature is accepted.
pub fn check_signature_lengths<S: SignatureScheme>() {
    let key = S::generate();
    let signature = S::sign(&key, b"message");
    for length in 0..signature.len() {
        let cut: Vec<_> = signature.iter().copied().take(length).collect();
        assert!(!S::accepts(&key, b"message", &cut), "a signature cut to {length} bytes is refused");
    }
    for byte in [0, 1] {
        let behind = [signature.as_slice(), &[byte]].concat();
        let before = [&[byte], signature.as_slice()].concat();
        assert!(!S::accepts(&key, b"message", &behind), "a byte behind is refused");
        assert!(!S::accepts(&key, b"message", &before), "a byte before is refused");
    }
    assert!(!S::accepts(&key, b"message", &signature.repeat(2)), "a doubled signature is refused");
}
