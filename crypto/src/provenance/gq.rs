//! GQ1: t rounds of 16 bits that show an RSA signature S without showing it.
//!
//! Wⱼ = rⱼᵉ is committed to, zⱼ = rⱼ·S^(−cⱼ) answers, and Wⱼ = zⱼᵉ·EM^cⱼ is checked, for EM = Sᵉ and e = 65537.
//! ISO/IEC 14888-2; Guillou and Quisquater, *A "paradoxical" identity-based signature scheme* (Crypto '88).

use super::{
    Opened, ProofError, Rounds, Scheme,
    modulus::{Modulus, Number},
    nonces::Nonces,
    padding::{self, SALT},
};
use crypto_bigint::{U2048, U3072, U4096};
use zeroize::Zeroizing;

/// Calls a function with the limbs that hold the modulus.
macro_rules! sized {
    ($n:expr, $function:ident($($argument:expr),*)) => {
        match $n.len() {
            ..=256 => $function::<{ U2048::LIMBS }>($n, $($argument),*),
            257..=384 => $function::<{ U3072::LIMBS }>($n, $($argument),*),
            _ => $function::<{ U4096::LIMBS }>($n, $($argument),*),
        }
    };
}

/// What the prover keeps of a signature.
pub(super) struct Inverted {
    /// S⁻¹ mod n, as wide as n.
    pub(super) inverse: Zeroizing<Vec<u8>>,
    /// The salt, of PS256.
    pub(super) salt: Option<[u8; SALT]>,
}

/// Inverts a signature; none unless Sᵉ is the encoding of the message.
pub(super) fn invert(scheme: Scheme, n: &[u8], message: &[u8], signature: &[u8]) -> Option<Inverted> {
    sized!(n, invert_in(scheme, message, signature))
}

fn invert_in<const LIMBS: usize>(n: &[u8], scheme: Scheme, message: &[u8], signature: &[u8]) -> Option<Inverted> {
    let modulus = Modulus::<LIMBS>::new(n)?;
    let signature = modulus.read_secret(signature)?;
    let encoded = modulus.write(&to_e(&signature));
    let salt = match scheme {
        Scheme::Ps256 => Some(padding::salt(&encoded, message, modulus.bits())?),
        _ if encoded == padding::pkcs1(message, modulus.width()) => None,
        _ => return None,
    };
    let inverse = Zeroizing::new(signature.invert().into_option()?);
    Some(Inverted { inverse: Zeroizing::new(modulus.write(&inverse)), salt })
}

/// Proves: c ‖ z₁ ‖ … ‖ zₜ.
pub(super) fn prove(
    n: &[u8],
    inverse: &[u8],
    rounds: Rounds,
    nonces: &mut Nonces,
    challenge: impl Fn(&[Vec<u8>]) -> Vec<u8>,
) -> Vec<u8> {
    // Cannot fail: a witness holds a modulus and an inverse that were read before.
    sized!(n, prove_in(inverse, rounds, nonces, challenge)).unwrap_or_default()
}

fn prove_in<const LIMBS: usize>(
    n: &[u8],
    inverse: &[u8],
    rounds: Rounds,
    nonces: &mut Nonces,
    challenge: impl Fn(&[Vec<u8>]) -> Vec<u8>,
) -> Option<Vec<u8>> {
    let modulus = Modulus::<LIMBS>::new(n)?;
    let secrets: Vec<_> = (0..rounds.count()).map(|_| modulus.draw(nonces)).collect();
    let commitments: Vec<_> = secrets.iter().map(|r| modulus.write(&to_e(r))).collect();
    let mut proof = challenge(&commitments);
    let powers = Powers::new(&*modulus.read_secret(inverse)?);
    let responses: Vec<_> =
        secrets.iter().zip(words(&proof)).map(|(r, c)| modulus.write(&powers.multiply(r, c))).collect();
    proof.extend(responses.concat());
    Some(proof)
}

/// Takes a proof apart and computes its commitments.
pub(super) fn open(
    scheme: Scheme,
    n: &[u8],
    message: &[u8],
    rounds: Rounds,
    proof: &[u8],
) -> Result<Opened, ProofError> {
    sized!(n, open_in(scheme, message, rounds, proof))
}

fn open_in<const LIMBS: usize>(
    n: &[u8],
    scheme: Scheme,
    message: &[u8],
    rounds: Rounds,
    proof: &[u8],
) -> Result<Opened, ProofError> {
    let modulus = Modulus::<LIMBS>::new(n).ok_or(ProofError::KeyMismatch)?;
    let parts = split(scheme, modulus.width(), rounds, proof)?;
    let encoded = match parts.salt {
        Some(salt) => padding::pss(message, salt, modulus.bits()),
        None => padding::pkcs1(message, modulus.width()),
    };
    let table = table(&modulus.read(&encoded).ok_or(ProofError::KeyMismatch)?);
    let commitment = |(response, (bytes, c))| {
        let z = modulus.read(bytes).ok_or(ProofError::Range { response })?;
        Ok(modulus.write(&to_e_times(&z, &table, c)))
    };
    let responses = parts.responses.chunks_exact(modulus.width()).zip(words(parts.challenge)).enumerate();
    Ok(Opened {
        published: parts.salt.map_or_else(Vec::new, |salt| salt.to_vec()),
        challenge: parts.challenge.to_vec(),
        commitments: responses.map(commitment).collect::<Result<_, ProofError>>()?,
    })
}

/// The parts of a proof, each of exactly its width.
struct Parts<'a> {
    salt: Option<&'a [u8; SALT]>,
    challenge: &'a [u8],
    responses: &'a [u8],
}

fn split(scheme: Scheme, width: usize, rounds: Rounds, proof: &[u8]) -> Result<Parts<'_>, ProofError> {
    let count = rounds.count();
    let salt_len = if scheme == Scheme::Ps256 { SALT } else { 0 };
    let expected = salt_len + count * (2 + width);
    let wrong_width = ProofError::Width { expected, found: proof.len() };
    if proof.len() != expected {
        let found = proof.len().saturating_sub(salt_len);
        let whole = proof.len() >= salt_len && found % (2 + width) == 0;
        return Err(if whole {
            ProofError::Count { expected: count, found: found / (2 + width) }
        } else {
            wrong_width
        });
    }
    let (salt, rest) = match scheme {
        Scheme::Ps256 => proof.split_first_chunk().map(|(salt, rest)| (Some(salt), rest)).ok_or(wrong_width)?,
        _ => (None, proof),
    };
    let (challenge, responses) = rest.split_at_checked(2 * count).ok_or(wrong_width)?;
    Ok(Parts { salt, challenge, responses })
}

fn words(challenge: &[u8]) -> impl Iterator<Item = u16> + '_ {
    challenge.as_chunks().0.iter().map(|word| u16::from_be_bytes(*word))
}

/// valueᵉ
fn to_e<const LIMBS: usize>(value: &Number<LIMBS>) -> Zeroizing<Number<LIMBS>> {
    Zeroizing::new(value.square_repeat_vartime(16).mul(value))
}

/// base^(4ʲ·k) for k = 1…3: a 16-bit power in at most eight multiplications, shared by all rounds.
struct Powers<const LIMBS: usize>(Zeroizing<Vec<[Number<LIMBS>; 3]>>);

impl<const LIMBS: usize> Powers<LIMBS> {
    fn new(base: &Number<LIMBS>) -> Self {
        let mut rows = Zeroizing::new(Vec::with_capacity(8));
        let mut base = Zeroizing::new(*base);
        for _ in 0..8 {
            let square = Zeroizing::new(base.square());
            rows.push([*base, *square, square.mul(&base)]);
            *base = square.square();
        }
        Self(rows)
    }

    /// value·base^exponent; the exponent is public, the numbers are not.
    fn multiply(&self, value: &Number<LIMBS>, exponent: u16) -> Zeroizing<Number<LIMBS>> {
        let mut product = Zeroizing::new(*value);
        for (digit, [one, two, three]) in self.0.iter().enumerate() {
            let factor = match exponent >> (2 * digit) & 3 {
                0 => continue,
                1 => one,
                2 => two,
                _ => three,
            };
            *product = product.mul(factor);
        }
        product
    }
}

/// base¹ … base¹⁵
fn table<const LIMBS: usize>(base: &Number<LIMBS>) -> Vec<Number<LIMBS>> {
    std::iter::successors(Some(*base), |power| Some(power.mul(base))).take(15).collect()
}

/// zᵉ·base^c with one run of squares.
fn to_e_times<const LIMBS: usize>(z: &Number<LIMBS>, table: &[Number<LIMBS>], c: u16) -> Number<LIMBS> {
    let mut value = *z;
    for shift in [12, 8, 4, 0] {
        value = value.square_repeat_vartime(4);
        let digit = usize::from(c >> shift & 15);
        if let Some(factor) = digit.checked_sub(1).and_then(|index| table.get(index)) {
            value = value.mul(factor);
        }
    }
    value.mul(z)
}
