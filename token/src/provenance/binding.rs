//! What a proof is bound to besides the OAuth token: the DA-SVID, who proves, to whom, and the nonce.

use crypto::jose::PublicKey;
use crypto::provenance::Statement;
use spiffe::SpiffeId;

use super::oauth::OauthToken;
use crate::Timestamp;
use crate::claims::RootClaims;

/// Bytes of a nonce.
const NONCE: std::ops::RangeInclusive<usize> = 16..=64;

/// The part of a [`Statement`] that prover and verifier know without the OAuth token.
pub(crate) struct Binding {
    root_iss: String,
    root_jti: String,
    prover: String,
    verifier: String,
    nonce: Vec<u8>,
    pub(super) embedded: bool,
}

impl Binding {
    /// Made for `verifier`, who asked `prover` with a nonce.
    pub(crate) fn asked(root: &RootClaims, prover: &SpiffeId, verifier: &SpiffeId, nonce: &[u8]) -> Self {
        Self {
            root_iss: root.iss.to_string(),
            root_jti: root.jti.to_string(),
            prover: prover.to_string(),
            verifier: verifier.to_string(),
            nonce: nonce.to_vec(),
            embedded: false,
        }
    }

    /// Made at mint, for everyone the root names.
    pub(crate) fn embedded(root: &RootClaims) -> Self {
        let audience: Vec<_> = root.aud.iter().map(ToString::to_string).collect();
        let jti = root.jti.to_string();
        Self {
            root_iss: root.iss.to_string(),
            nonce: jti.as_bytes().to_vec(),
            root_jti: jti,
            prover: root.iss.to_string(),
            verifier: audience.join(" "),
            embedded: true,
        }
    }

    pub(super) fn nonce_fits(&self) -> bool {
        NONCE.contains(&self.nonce.len())
    }

    /// All a proof says, for a time.
    pub(crate) fn statement<'a>(
        &'a self,
        token: &'a OauthToken<'_>,
        key: &'a PublicKey,
        (iat, exp): (Timestamp, Timestamp),
    ) -> Statement<'a> {
        Statement {
            issuer: &token.iss,
            key,
            alg: &token.alg,
            kid: token.kid.as_deref().unwrap_or_default(),
            signing_input: token.input.as_bytes(),
            root_iss: &self.root_iss,
            root_jti: &self.root_jti,
            prover: &self.prover,
            verifier: &self.verifier,
            nonce: &self.nonce,
            iat: iat.0,
            exp: exp.0,
        }
    }
}
