//! Signatures made under one another.

use curve25519_dalek::scalar::Scalar;

/// A scheme in which the last part of a signature is the key of the next.
pub trait ChainScheme {
    /// The key pair of a root.
    type Root;

    /// The encoding of the neutral element, which no point may have.
    const IDENTITY: [u8; 32];

    /// A key pair from a number; equal numbers give equal keys.
    fn root(seed: u64) -> Self::Root;
    /// The first signature, under the root's private half.
    fn start(root: &Self::Root, message: &[u8]) -> SignedChain;
    /// One more signature, by whoever holds the chain and the root's public half.
    fn extend(root: &Self::Root, chain: SignedChain, message: &[u8]) -> SignedChain;
    /// Whether the root's public half stands behind the chain.
    fn accepts(root: &Self::Root, chain: &SignedChain) -> bool;
}

/// A chain as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedChain {
    /// Each message with its point, in the order of signing.
    pub steps: Vec<(Vec<u8>, [u8; 32])>,
    /// The last scalar.
    pub scalar: [u8; 32],
}

/// All properties of a chain of `length` steps, at least one.
///
/// # Panics
/// If one does not hold.
pub fn check_chain<S: ChainScheme>(seed: u64, length: usize) {
    check_appending::<S>(seed, length);
    check_tampering::<S>(seed, length);
    check_order_and_number::<S>(seed, length);
    check_foreign_keys::<S>(seed, length);
    check_malformed_values::<S>(seed, length);
}

fn honest<S: ChainScheme>(root: &S::Root, length: usize) -> SignedChain {
    let first = S::start(root, b"step 0");
    (1..length).fold(first, |chain, step| S::extend(root, chain, format!("step {step}").as_bytes()))
}

/// A chain is accepted after each step, and what has been signed stays as it is.
///
/// # Panics
/// If an honest chain is refused, or appending changes what precedes.
pub fn check_appending<S: ChainScheme>(seed: u64, length: usize) {
    let root = S::root(seed);
    let mut chain = S::start(&root, b"");
    for step in 0..length {
        assert!(S::accepts(&root, &chain), "an honest chain of {} is accepted", step + 1);
        let longer = S::extend(&root, chain.clone(), format!("step {step}").as_bytes());
        assert!(longer.steps.starts_with(&chain.steps), "appending keeps what precedes");
        assert_ne!(longer.scalar, chain.scalar, "appending replaces the scalar");
        chain = longer;
    }
}

/// Each message, point and the scalar count.
///
/// # Panics
/// If a changed chain is accepted.
pub fn check_tampering<S: ChainScheme>(seed: u64, length: usize) {
    let root = S::root(seed);
    let chain = honest::<S>(&root, length);
    let refused = |change: &dyn Fn(&mut SignedChain)| {
        let mut forged = chain.clone();
        change(&mut forged);
        !S::accepts(&root, &forged)
    };
    for at in 0..length {
        for bit in 0..8 {
            let of_message = |forged: &mut SignedChain| each(forged, at, |(message, _)| flip(message, bit));
            assert!(refused(&of_message), "the message of step {at} counts");
            let of_point = |forged: &mut SignedChain| each(forged, at, |(_, point)| flip(point, bit));
            assert!(refused(&of_point), "the point of step {at} counts");
        }
        let longer = |forged: &mut SignedChain| each(forged, at, |(message, _)| message.push(0));
        assert!(refused(&longer), "the length of the message of step {at} counts");
    }
    for bit in 0..8 {
        assert!(refused(&|forged| flip(&mut forged.scalar, bit)), "the scalar counts");
    }
}

/// No step can be left out, doubled, exchanged or cut off, and no byte moves from one message to the next.
///
/// # Panics
/// If a rearranged chain is accepted.
pub fn check_order_and_number<S: ChainScheme>(seed: u64, length: usize) {
    let root = S::root(seed);
    let chain = honest::<S>(&root, length);
    for at in 0..length {
        let mut less = chain.clone();
        less.steps.remove(at);
        assert!(!S::accepts(&root, &less), "step {at} cannot be removed");
        let mut cut = chain.clone();
        cut.steps.truncate(at);
        assert!(!S::accepts(&root, &cut), "the chain cannot be cut before step {at}");
        let mut doubled = chain.clone();
        doubled.steps.extend(chain.steps.get(at).cloned());
        assert!(!S::accepts(&root, &doubled), "step {at} cannot be repeated");
        for other in 0..at {
            let mut exchanged = chain.clone();
            exchanged.steps.swap(at, other);
            assert!(!S::accepts(&root, &exchanged), "steps {other} and {at} cannot be exchanged");
        }
    }
    let mut moved = chain;
    if let [(first, _), (second, _), ..] = moved.steps.as_mut_slice() {
        second.splice(..0, first.pop());
        assert!(!S::accepts(&root, &moved), "a byte cannot move to the next message");
    }
}

/// Neither another root's chain nor a step under another key is accepted.
///
/// # Panics
/// If a chain of mixed origin is accepted.
pub fn check_foreign_keys<S: ChainScheme>(seed: u64, length: usize) {
    let (root, other) = (S::root(seed), S::root(seed.wrapping_add(1)));
    let (chain, foreign) = (honest::<S>(&root, length), honest::<S>(&other, length));
    assert!(!S::accepts(&other, &chain) && !S::accepts(&root, &foreign), "another root is refused");
    let mut mixed = chain.clone();
    mixed.scalar = foreign.scalar;
    assert!(!S::accepts(&root, &mixed), "another chain's scalar is refused");
    // An attacker who saw only the points signs a step with a key of their own.
    let theirs = S::start(&other, b"forged");
    let mut forged = chain;
    forged.steps.extend(theirs.steps);
    forged.scalar = theirs.scalar;
    assert!(!S::accepts(&root, &forged), "a step under another key is refused");
}

/// Values out of range, and second encodings of values in range, are refused.
///
/// # Panics
/// If such a chain is accepted.
pub fn check_malformed_values<S: ChainScheme>(seed: u64, length: usize) {
    let root = S::root(seed);
    let chain = honest::<S>(&root, length);
    let with_scalar = |scalar| SignedChain { scalar, ..chain.clone() };
    assert!(!S::accepts(&root, &with_scalar([0; 32])), "zero is refused");
    assert!(!S::accepts(&root, &with_scalar([0xff; 32])), "a huge scalar is refused");
    assert!(!S::accepts(&root, &with_scalar(plus_order(chain.scalar))), "s + l is refused");
    assert!(!S::accepts(&root, &SignedChain { steps: Vec::new(), ..chain.clone() }), "an empty chain is refused");
    for at in 0..length {
        for point in [S::IDENTITY, [0xff; 32], [0x80; 32]] {
            let mut forged = chain.clone();
            each(&mut forged, at, |(_, place)| *place = point);
            assert!(!S::accepts(&root, &forged), "step {at} must have a canonical point");
        }
    }
}

fn each(chain: &mut SignedChain, at: usize, change: impl FnOnce(&mut (Vec<u8>, [u8; 32]))) {
    if let Some(step) = chain.steps.get_mut(at) {
        change(step);
    }
}

/// Changes one bit of the first byte.
fn flip(bytes: &mut [u8], bit: u8) {
    if let Some(first) = bytes.first_mut() {
        *first ^= 1 << bit;
    }
}

/// s + ℓ, little-endian: equal to s mod ℓ, and still below 2²⁵⁶.
fn plus_order(s: [u8; 32]) -> [u8; 32] {
    let below = (-Scalar::ONE).to_bytes();
    let mut sum = s;
    // s + (ℓ − 1) + 1
    let mut carry = 1;
    for (digit, other) in sum.iter_mut().zip(below) {
        let [low, high] = (u16::from(*digit) + u16::from(other) + carry).to_le_bytes();
        (*digit, carry) = (low, u16::from(high));
    }
    sum
}
