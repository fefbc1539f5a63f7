//! What a proof is about, as the bytes its challenge covers.

use super::{Rounds, Scheme, SchemeError};
use crate::jose::PublicKey;
use sha3::{
    Shake256,
    digest::{ExtendableOutput as _, Update as _, XofReader as _},
};

const LABEL: &[u8] = b"dasvid provenance v1";

/// Everything a proof is bound to. The verifier knows every part by itself and takes none from the prover unchecked.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The OAuth `iss`.
    pub issuer: &'a str,
    /// The issuer's key.
    pub key: &'a PublicKey,
    /// The `alg` of the OAuth header; it decides the [`Scheme`].
    pub alg: &'a str,
    /// The `kid` of the OAuth header; empty if it has none.
    pub kid: &'a str,
    /// The OAuth token's header and payload, as they were signed: base64url `.` base64url.
    pub signing_input: &'a [u8],
    /// The `iss` of the DA-SVID.
    pub root_iss: &'a str,
    /// The `jti` of the DA-SVID, as text.
    pub root_jti: &'a str,
    /// The SPIFFE ID of whoever proves.
    pub prover: &'a str,
    /// The SPIFFE ID of whoever asked; of an embedded proof the audience of the DA-SVID.
    pub verifier: &'a str,
    /// The verifier's nonce, decoded.
    pub nonce: &'a [u8],
    /// When the proof was made, Unix seconds.
    pub iat: u64,
    /// When it ends, Unix seconds.
    pub exp: u64,
}

impl Statement<'_> {
    /// The kind of proof.
    ///
    /// # Errors
    /// [`SchemeError`] if there is none for `alg`.
    pub fn scheme(&self) -> Result<Scheme, SchemeError> {
        Scheme::of_alg(self.alg)
    }

    /// The challenge's input up to the commitments; `published` is the salt, R, or nothing.
    pub(super) fn challenge_input(&self, scheme: Scheme, published: &[u8]) -> Vec<u8> {
        let mut input = Vec::with_capacity(2048);
        let mut field = |bytes: &[u8]| append(&mut input, bytes);
        field(LABEL);
        field(scheme.name().as_bytes());
        field(self.issuer.as_bytes());
        for (_, member) in self.key.members().in_order() {
            field(member);
        }
        field(self.alg.as_bytes());
        field(self.kid.as_bytes());
        field(self.signing_input);
        field(self.root_iss.as_bytes());
        field(self.root_jti.as_bytes());
        field(self.prover.as_bytes());
        field(self.verifier.as_bytes());
        field(self.nonce);
        field(&[self.iat.to_be_bytes(), self.exp.to_be_bytes()].concat());
        field(published);
        input
    }
}

/// Appends LP(bytes): an 8-byte big-endian length, then the bytes.
pub(super) fn append(input: &mut Vec<u8>, bytes: &[u8]) {
    input.extend((bytes.len() as u64).to_be_bytes());
    input.extend(bytes);
}

/// SHAKE256 over the input and the commitments.
pub(super) fn challenge(scheme: Scheme, rounds: Rounds, input: &[u8], commitments: &[Vec<u8>]) -> Vec<u8> {
    let mut hash = Shake256::default();
    hash.update(input);
    for commitment in commitments {
        hash.update(commitment);
    }
    let mut challenge = vec![0; scheme.challenge_len(rounds)];
    hash.finalize_xof().read(&mut challenge);
    challenge
}
