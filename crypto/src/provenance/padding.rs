//! The encoded message EM of an RSA signature (RFC 8017 §9), which Sᵉ equals.

use sha2::{Digest as _, Sha256};

/// Bytes of a PS256 salt, and of every hash here.
pub(super) const SALT: usize = 32;
/// `DigestInfo` of SHA-256 up to the hash.
const DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// EMSA-PKCS1-v1_5 with SHA-256 (§9.2), `width` bytes.
pub(super) fn pkcs1(message: &[u8], width: usize) -> Vec<u8> {
    let padding = width.saturating_sub(3 + DIGEST_INFO.len() + SALT);
    [&[0, 1], vec![0xff; padding].as_slice(), &[0], &DIGEST_INFO, &Sha256::digest(message)].concat()
}

/// EMSA-PSS with SHA-256, MGF1-SHA-256 and this salt (§9.1.1), for a modulus of `bits`; as wide as that modulus.
pub(super) fn pss(message: &[u8], salt: &[u8; SALT], bits: usize) -> Vec<u8> {
    let (width, len) = (bits.div_ceil(8), (bits - 1).div_ceil(8));
    let hash = Sha256::new().chain_update([0; 8]).chain_update(Sha256::digest(message)).chain_update(salt).finalize();
    let mut block = vec![0; len.saturating_sub(2 * SALT + 2)];
    block.push(1);
    block.extend(salt);
    mask(&hash, &mut block);
    if let Some(first) = block.first_mut() {
        *first &= 0xff >> (8 * len - (bits - 1));
    }
    [vec![0; width - len].as_slice(), &block, &hash, &[0xbc]].concat()
}

/// The salt of an encoded message; none unless it is exactly the encoding of `message` with a 32-byte salt.
pub(super) fn salt(encoded: &[u8], message: &[u8], bits: usize) -> Option<[u8; SALT]> {
    let len = (bits - 1).div_ceil(8);
    let used = encoded.get(encoded.len().checked_sub(len)?..)?;
    let (block, rest) = used.split_at_checked(len.checked_sub(SALT + 1)?)?;
    let mut block = block.to_vec();
    mask(rest.get(..SALT)?, &mut block);
    let salt = block.last_chunk().copied()?;
    (pss(message, &salt, bits) == encoded).then_some(salt)
}

/// XORs MGF1-SHA-256 of `seed` (§B.2.1) over `block`.
fn mask(seed: &[u8], block: &mut [u8]) {
    for (counter, chunk) in (0_u32..).zip(block.chunks_mut(SALT)) {
        let mask = Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}
