//! Signature schemes of DA-SVID chains, and the proof that an OAuth signature exists.
//!
//! | module | what it is |
//! |---|---|
//! | [`jose`] | ES256, ES384, PS256, RS256 and Ed25519 with exactly one accepted encoding of each signature |
//! | [`schoco`] | SCHOCO-R255: each signature is made under a part of the one before; one equation checks all |
//! | [`schoco_ed25519`] | the suite of the published Go implementation, for interoperability and benchmarks only |
//! | [`provenance`] | the zero-knowledge proof of an identity provider's signature over an OAuth token |
//! | [`conformance`] | what every scheme must refuse, as functions a test calls |
//!
//! No clock, no socket, no file. Where a test must repeat bytes, randomness is an argument.
//!
//! # What takes constant time
//!
//! - **Secret**: signing and key generation. [`jose`] leaves them to aws-lc, whose private operations are constant-time
//!   (RSA is also blinded). [`schoco`] and [`schoco_ed25519`] use curve25519-dalek's constant-time base point
//!   multiplication and scalar arithmetic; nonces come from SHA-512, whose time depends on lengths only. Whether a scalar
//!   is zero is the one branch on a secret, and it is taken with probability 2⁻²⁵².
//! - **Proofs**: what is secret in [`provenance`] is listed there.
//! - **Public**: verification, key parsing, thumbprints, and making `s` low, which works on a finished signature. They run
//!   in variable time on purpose; their inputs are on the wire.
//! - **Memory**: scalars, nonces and the hash state that held them are overwritten when dropped. aws-lc clears its own
//!   keys. Copies a compiler leaves in registers or spilled on the stack are out of reach.

pub mod conformance;
pub mod jose;
pub mod provenance;
pub mod schoco;
pub mod schoco_ed25519;
