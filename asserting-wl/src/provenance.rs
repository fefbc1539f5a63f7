//! What proves an OAuth signature: taken at mint, kept sealed until the DA-SVID ends, shown to nobody.
//!
//! With `zkp.at = "introspect"` the access token and the key that verifies it are sealed into the record of the mint, and
//! each `/introspect` with a nonce is answered with a proof of its own. With `zkp.at = "mint"` the proof is made at once,
//! travels with the DA-SVID, and nothing is kept.

use crypto::jose::PublicKey;
use crypto::provenance::Scheme;
use serde::Deserialize;
use spiffe::SpiffeId;
use store::seal::{SealError, SealKey};
use token::Timestamp;
use token::claims::RootClaims;
use token::provenance::{Envelope, IssuerKeys, Prover, ProverError, Rounds};
use wire::introspect::Zkp;
use wire::keys::Jwks;
use wire::oauth::{AT_INTROSPECT, AT_MINT};
use zeroize::Zeroizing;

use crate::keyring;

/// How long an answer's proof lives, seconds; the nonce makes it good for one verifier and once anyway.
const LIFE: u64 = 60;

/// `[zkp]`: when proofs of OAuth signatures are made.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZkpSettings {
    /// When a proof is made.
    pub at: ProofTime,
    /// How many rounds of 16 bits a proof for an RSA key has, 8 or 16; verifiers expect exactly as many.
    #[serde(deserialize_with = "rounds")]
    pub rounds: Rounds,
}

impl Default for ZkpSettings {
    fn default() -> Self {
        Self { at: ProofTime::Introspect, rounds: Rounds::Eight }
    }
}

/// When a proof is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProofTime {
    /// When somebody who may see the OAuth claims asks with a nonce.
    Introspect,
    /// With the DA-SVID, for everyone it may reach.
    Mint,
}

impl ProofTime {
    /// The word for it in the metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Introspect => AT_INTROSPECT,
            Self::Mint => AT_MINT,
        }
    }
}

fn rounds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Rounds, D::Error> {
    Rounds::try_from(u64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Why what proves a signature cannot be used. No variant holds anything of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// What was sealed cannot be opened, or something cannot be sealed.
    #[error("what proves the OAuth signature cannot be sealed or unsealed")]
    Seal(#[from] SealError),
    /// What was sealed is not what this module seals.
    #[error("what proves the OAuth signature is not what was sealed")]
    Corrupt,
    /// The proof cannot be made.
    #[error("the proof cannot be made")]
    Prover(#[from] ProverError),
    /// The system gave no randomness.
    #[error("no randomness from the system")]
    Randomness,
}

/// Makes proofs, and keeps what they are made of.
pub struct Provenance {
    me: SpiffeId,
    seal: SealKey,
    settings: ZkpSettings,
}

/// What a mint leaves of its OAuth token: a box, or a proof, or, where no proof is defined for the signature, nothing.
#[derive(Default)]
pub struct Kept {
    /// What the record of the mint keeps.
    pub sealed: Option<Vec<u8>>,
    /// The value of `DA-SVID-Proof`.
    pub proof: Option<String>,
}

impl Provenance {
    /// Proves in the name of `me` and seals with `seal`.
    #[must_use]
    pub fn new(me: SpiffeId, seal: SealKey, settings: ZkpSettings) -> Self {
        Self { me, seal, settings }
    }

    /// When proofs are made.
    #[must_use]
    pub const fn at(&self) -> ProofTime {
        self.settings.at
    }

    /// Takes what proves that the issuer signed `access_token`, for the mint of `root`. `key` verified the signature; none
    /// is known for signatures without a proof (ES384).
    ///
    /// # Errors
    /// [`ProvenanceError::Seal`] or [`ProvenanceError::Randomness`]; nothing may be minted then.
    pub fn take(
        &self,
        access_token: &str,
        key: Option<&PublicKey>,
        root: &RootClaims,
    ) -> Result<Kept, ProvenanceError> {
        let prover = key.ok_or("no proof for its algorithm").and_then(|key| {
            let prover = Prover::new(access_token, key).map_err(|_| "not in a form that can be proven")?;
            Ok((prover, key))
        });
        let (prover, key) = match prover {
            Ok(found) => found,
            Err(reason) => {
                tracing::info!(jti = %root.jti, reason, "the OAuth signature of this mint cannot be proven");
                return Ok(Kept::default());
            }
        };
        match self.settings.at {
            ProofTime::Introspect => {
                let kept = pack(access_token, prover.scheme(), key).ok_or(ProvenanceError::Corrupt)?;
                Ok(Kept { sealed: Some(self.seal.seal(&context(&root.jti.to_string()), &kept)?), proof: None })
            }
            ProofTime::Mint => {
                let envelope = prover.embed(root, self.settings.rounds, &*fresh()?)?;
                let proof = envelope.to_field().inspect_err(|error| {
                    tracing::warn!(jti = %root.jti, "the proof does not travel with this mint: {error}");
                });
                Ok(Kept { sealed: None, proof: proof.ok() })
            }
        }
    }

    /// Proves to `verifier`, who asked with `nonce`, what was `sealed` at the mint of `root`.
    ///
    /// # Errors
    /// [`ProvenanceError`].
    pub fn answer(
        &self,
        sealed: &[u8],
        root: &RootClaims,
        verifier: &SpiffeId,
        nonce: &[u8],
        now: Timestamp,
    ) -> Result<Zkp, ProvenanceError> {
        let kept = self.seal.open(&context(&root.jti.to_string()), sealed)?;
        let prover = unpack(&kept)?;
        let exp = now.plus(LIFE).min(root.exp).max(now.plus(1));
        let rounds = self.settings.rounds;
        let envelope = prover.answer(root, (&self.me, verifier), nonce, (now, exp), rounds, &*fresh()?)?;
        Ok(zkp(&envelope))
    }
}

fn zkp(envelope: &Envelope) -> Zkp {
    Zkp {
        input: envelope.input.clone(),
        iat: envelope.iat.0,
        exp: envelope.exp.0,
        proof: token::encoding::base64url(&envelope.proof),
    }
}

/// The key as a JWK Set of one line, then the token. With the key, a provider that changes its keys ends no proof.
fn pack(access_token: &str, scheme: Scheme, key: &PublicKey) -> Option<Zeroizing<Vec<u8>>> {
    let jwk = keyring::jwk(key.members(), scheme.algorithm().name(), "");
    let mut kept = serde_json::to_vec(&Jwks { keys: vec![jwk] }).ok()?;
    // Nothing secret has been written yet, so growing leaves no copy of it behind.
    kept.reserve_exact(1 + access_token.len());
    kept.push(b'\n');
    kept.extend_from_slice(access_token.as_bytes());
    Some(Zeroizing::new(kept))
}

fn unpack(kept: &[u8]) -> Result<Prover, ProvenanceError> {
    let text = std::str::from_utf8(kept).map_err(|_| ProvenanceError::Corrupt)?;
    let (keys, token) = text.split_once('\n').ok_or(ProvenanceError::Corrupt)?;
    let keys = IssuerKeys::parse(keys.as_bytes()).map_err(|_| ProvenanceError::Corrupt)?;
    let mut found = Scheme::ALL.into_iter().filter_map(|scheme| keys.find(None, scheme).ok());
    Ok(Prover::new(token, found.next().ok_or(ProvenanceError::Corrupt)?)?)
}

/// What is sealed with the evidence: its place in the store.
fn context(jti: &str) -> Vec<u8> {
    format!("dasvid asserting-wl oauth v1 {jti}").into_bytes()
}

fn fresh() -> Result<Zeroizing<[u8; 32]>, ProvenanceError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|_| ProvenanceError::Randomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
