//! Numbers modulo an RSA key, in Montgomery form.

use super::nonces::Nonces;
use crypto_bigint::{
    Odd, Uint,
    modular::{FixedMontyForm, FixedMontyParams},
};
use std::cmp::Ordering;
use zeroize::{Zeroize as _, Zeroizing};

/// A number modulo n.
pub(super) type Number<const LIMBS: usize> = FixedMontyForm<LIMBS>;

/// An RSA modulus.
pub(super) struct Modulus<const LIMBS: usize> {
    params: FixedMontyParams<LIMBS>,
    bits: usize,
}

impl<const LIMBS: usize> Modulus<LIMBS> {
    /// Takes a big-endian modulus that is odd and fits; none otherwise.
    pub(super) fn new(n: &[u8]) -> Option<Self> {
        let n = Odd::new(integer(n)?).into_option()?;
        let bits = n.bit_width_vartime() as usize;
        Some(Self { params: FixedMontyParams::new_vartime(n), bits })
    }

    /// How many bits it has.
    pub(super) const fn bits(&self) -> usize {
        self.bits
    }

    /// How many bytes it has.
    pub(super) const fn width(&self) -> usize {
        self.bits.div_ceil(8)
    }

    /// Reads a public big-endian number of 1 … n − 1.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<Number<LIMBS>> {
        let number = integer(bytes)?;
        let in_range = number != Uint::ZERO && number.cmp_vartime(self.params.modulus().as_ref()) == Ordering::Less;
        in_range.then(|| Number::new(&number, &self.params))
    }

    /// Reads a secret big-endian number that is known to be below n.
    pub(super) fn read_secret(&self, bytes: &[u8]) -> Option<Zeroizing<Number<LIMBS>>> {
        let mut number = integer(bytes)?;
        let form = Zeroizing::new(Number::new(&number, &self.params));
        number.zeroize();
        Some(form)
    }

    /// Writes a number big-endian, as wide as the modulus.
    pub(super) fn write(&self, number: &Number<LIMBS>) -> Vec<u8> {
        let mut number = number.retrieve();
        let mut bytes = number.to_be_bytes();
        let written = bytes.get(bytes.len().saturating_sub(self.width())..).unwrap_or_default().to_vec();
        number.zeroize();
        bytes.zeroize();
        written
    }

    /// A uniform secret number of 2 … n − 1.
    pub(super) fn draw(&self, nonces: &mut Nonces) -> Zeroizing<Number<LIMBS>> {
        let mut bytes = Zeroizing::new(vec![0; self.width()]);
        loop {
            nonces.fill(&mut bytes);
            if let Some(first) = bytes.first_mut() {
                *first &= 0xff >> (8 * self.width() - self.bits);
            }
            let Some(mut drawn) = integer(&bytes) else { continue };
            // A number below n taken as a Montgomery form is as uniform as before, and saves a multiplication.
            let fits = drawn < *self.params.modulus().as_ref() && drawn != Uint::ZERO && drawn != *self.params.one();
            let number = fits.then(|| Zeroizing::new(Number::from_montgomery(drawn, &self.params)));
            drawn.zeroize();
            if let Some(number) = number {
                return number;
            }
        }
    }
}

/// Reads a big-endian integer, shorter than `LIMBS` or not.
fn integer<const LIMBS: usize>(bytes: &[u8]) -> Option<Uint<LIMBS>> {
    let mut padded = Zeroizing::new(vec![0; Uint::<LIMBS>::BYTES]);
    let start = padded.len().checked_sub(bytes.len())?;
    padded.get_mut(start..)?.copy_from_slice(bytes);
    Some(Uint::from_be_slice(&padded))
}
