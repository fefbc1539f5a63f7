//! P-256 and Ed25519 in affine coordinates.

use super::{bytes, bytes_le, integer};
use num_bigint::BigUint;
use std::sync::LazyLock;

/// Coordinates of an affine point.
pub(in super::super) type Point = (BigUint, BigUint);

/// A group: its field, its order, its generator, its law.
pub(in super::super) struct Curve {
    pub(in super::super) p: BigUint,
    pub(in super::super) order: BigUint,
    pub(in super::super) generator: Point,
    /// b of y² = x³ − 3x + b; d of −x² + y² = 1 + d·x²·y².
    coefficient: BigUint,
    edwards: bool,
}

fn number(hexadecimal: &str) -> BigUint {
    BigUint::parse_bytes(hexadecimal.as_bytes(), 16).unwrap()
}

pub(in super::super) static P256: LazyLock<Curve> = LazyLock::new(|| Curve {
    p: number("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
    order: number("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
    generator: (
        number("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
        number("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
    ),
    coefficient: number("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
    edwards: false,
});

pub(in super::super) static ED25519: LazyLock<Curve> = LazyLock::new(|| Curve {
    p: number("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed"),
    order: number("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed"),
    generator: (
        number("216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a"),
        number("6666666666666666666666666666666666666666666666666666666666666658"),
    ),
    coefficient: number("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3"),
    edwards: true,
});

impl Curve {
    fn divide(&self, a: &BigUint, b: &BigUint) -> BigUint {
        a * b.modinv(&self.p).unwrap() % &self.p
    }

    fn minus(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + &self.p - b % &self.p) % &self.p
    }

    /// Whether the point is the group's identity: none for P-256, (0, 1) for Ed25519.
    pub(in super::super) fn is_identity(&self, point: Option<&Point>) -> bool {
        point.is_none_or(|(x, y)| self.edwards && *x == BigUint::ZERO && *y == BigUint::from(1_u32))
    }

    pub(in super::super) fn add(&self, a: Option<&Point>, b: Option<&Point>) -> Option<Point> {
        let ((x1, y1), (x2, y2)) = match (a, b) {
            (None, other) | (other, None) => return other.cloned(),
            (Some(a), Some(b)) => (a, b),
        };
        if self.edwards {
            let one = BigUint::from(1_u32);
            let product = &self.coefficient * x1 * x2 * y1 * y2 % &self.p;
            let x = self.divide(&(x1 * y2 + x2 * y1), &(&one + &product));
            let y = self.divide(&(y1 * y2 + x1 * x2), &self.minus(&one, &product));
            return Some((x, y));
        }
        let slope = if x1 != x2 {
            self.divide(&self.minus(y2, y1), &self.minus(x2, x1))
        } else if y1 == y2 && *y1 != BigUint::ZERO {
            self.divide(&self.minus(&(3_u32 * x1 * x1), &BigUint::from(3_u32)), &(2_u32 * y1))
        } else {
            return None;
        };
        let x = self.minus(&(&slope * &slope), &(x1 + x2));
        let y = self.minus(&(&slope * self.minus(x1, &x)), y1);
        Some((x, y))
    }

    pub(in super::super) fn multiply(&self, scalar: &BigUint, point: &Point) -> Option<Point> {
        (0..scalar.bits()).rev().fold(None, |sum, bit| {
            let double = self.add(sum.as_ref(), sum.as_ref());
            if scalar.bit(bit) { self.add(double.as_ref(), Some(point)) } else { double }
        })
    }

    /// a·P − b·Q
    pub(in super::super) fn difference(&self, (a, p): (&BigUint, &Point), (b, q): (&BigUint, &Point)) -> Option<Point> {
        let negative = &self.order - b % &self.order;
        self.add(self.multiply(a, p).as_ref(), self.multiply(&negative, q).as_ref())
    }

    /// 33 bytes of SEC 1, or 32 of RFC 8032.
    pub(in super::super) fn encode(&self, (x, y): &Point) -> Vec<u8> {
        if self.edwards {
            bytes_le(&(y + (BigUint::from(x.bit(0)) << 255_u32)))
        } else {
            [vec![2 + u8::from(y.bit(0))], bytes(x, 32)].concat()
        }
    }

    pub(in super::super) fn decode(&self, encoded: &[u8]) -> Option<Point> {
        let point = if self.edwards { self.decode_edwards(encoded) } else { self.decode_sec1(encoded) };
        point.filter(|point| self.encode(point) == encoded)
    }

    fn decode_sec1(&self, encoded: &[u8]) -> Option<Point> {
        let x = integer(&encoded[1..]);
        let square = self.minus(&(&x * &x * &x + &self.coefficient), &(3_u32 * &x));
        let root = square.modpow(&((&self.p + 1_u32) >> 2_u32), &self.p);
        let y = if root.bit(0) == (encoded[0] == 3) { root.clone() } else { &self.p - &root };
        (&root * &root % &self.p == square && x < self.p).then_some((x, y))
    }

    fn decode_edwards(&self, encoded: &[u8]) -> Option<Point> {
        let mut y = BigUint::from_bytes_le(encoded);
        let odd = y.bit(255);
        y.set_bit(255, false);
        let square = &y * &y % &self.p;
        let one = BigUint::from(1_u32);
        let x2 = self.divide(&self.minus(&square, &one), &(&self.coefficient * &square + &one));
        let mut x = x2.modpow(&((&self.p + 3_u32) >> 3_u32), &self.p);
        if &x * &x % &self.p != x2 {
            x = x * BigUint::from(2_u32).modpow(&((&self.p - 1_u32) >> 2_u32), &self.p) % &self.p;
        }
        if &x * &x % &self.p != x2 {
            return None;
        }
        let x = if x.bit(0) == odd { x } else { &self.p - x };
        (y < self.p).then_some((x, y))
    }
}
