//! Orders of the ECDSA groups: the range of r and s, and making s low.
//!
//! Every value here is part of a finished signature, so plain comparisons are fine.

use super::{Curve, SignatureError};

const P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
const P384: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0,
    0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];
const P256_HALF: [u8; 32] = halved(P256);
const P384_HALF: [u8; 48] = halved(P384);

/// (n − 1) / 2 of an odd n: a shift by one bit.
const fn halved<const N: usize>(order: [u8; N]) -> [u8; N] {
    let mut half = [0; N];
    let (mut i, mut carry) = (0, 0);
    while i < N {
        half[i] = (order[i] >> 1) | (carry << 7);
        carry = order[i] & 1;
        i += 1;
    }
    half
}

fn order(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &P256,
        Curve::P384 => &P384,
    }
}

fn half(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &P256_HALF,
        Curve::P384 => &P384_HALF,
    }
}

/// Checks length, 1 ≤ r < n and 1 ≤ s ≤ (n−1)/2.
pub(super) fn check(curve: Curve, signature: &[u8]) -> Result<(), SignatureError> {
    let (r, s) = split(curve, signature)?;
    let n = order(curve);
    if is_zero(r) || is_zero(s) || r >= n || s >= n {
        Err(SignatureError::Range)
    } else if s > half(curve) {
        Err(SignatureError::HighS)
    } else {
        Ok(())
    }
}

/// Replaces s by n − s if it is above half the order.
pub(super) fn make_low(curve: Curve, signature: &mut [u8]) -> Result<(), SignatureError> {
    let (_, s) = split(curve, signature)?;
    if s <= half(curve) {
        return Ok(());
    }
    let (_, s) = signature.split_at_mut_checked(curve.width()).ok_or(SignatureError::Length)?;
    let mut borrow = false;
    for (digit, of_order) in s.iter_mut().zip(order(curve)).rev() {
        let (difference, below) = of_order.overflowing_sub(*digit);
        let (difference, below_again) = difference.overflowing_sub(u8::from(borrow));
        (*digit, borrow) = (difference, below || below_again);
    }
    Ok(())
}

fn split(curve: Curve, signature: &[u8]) -> Result<(&[u8], &[u8]), SignatureError> {
    let halves = signature.split_at_checked(curve.width()).ok_or(SignatureError::Length)?;
    if halves.1.len() == curve.width() { Ok(halves) } else { Err(SignatureError::Length) }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
