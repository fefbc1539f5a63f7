//! What a hop or target checks proofs with.

use std::sync::Arc;

use crypto::jose::PublicKey;
use crypto::provenance::{self, ProofError, Rounds, Trace};
use spiffe::SpiffeId;

use super::oauth::OauthToken;
use super::{Binding, Envelope, EnvelopeError, IssuerKeyError, Issuers, OauthError, Provenance};
use crate::claims::RootClaims;
use crate::refusal::Reason;
use crate::verifier::{AHEAD, LEEWAY, ROOT_LIFE};
use crate::{Arrival, Chain, Timestamp};

/// The field that carries an embedded proof.
const FIELD: &str = "da-svid-proof";
/// The longest life of a proof that was asked for, in seconds.
const LIFE: u64 = 300;

/// Checks proofs; as [`Provenance`], the embedded ones.
#[derive(Clone)]
pub struct Verifier {
    issuers: Arc<dyn Issuers>,
    audience: Vec<String>,
    rounds: Rounds,
}

/// Why a proof is not believed, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// What it shows is not an OAuth token whose signature can be proven.
    #[error(transparent)]
    Oauth(#[from] OauthError),
    /// The OAuth `iss` is not the DA-SVID's `dpa`.
    #[error("the OAuth token is from another issuer than the DA-SVID's dpa")]
    Issuer,
    /// This verifier has no keys of the issuer.
    #[error("this service knows no keys of the OAuth token's issuer")]
    UnknownIssuer,
    /// The issuer's keys do not hold the one the OAuth token names.
    #[error(transparent)]
    Key(#[from] IssuerKeyError),
    /// The OAuth `sub` is not the DA-SVID's `dpr`.
    #[error("the OAuth token is another person's than the DA-SVID's dpr")]
    Subject,
    /// The OAuth `aud` names none of the expected audiences.
    #[error("the OAuth token has another audience")]
    Audience,
    /// The OAuth token is not valid yet.
    #[error("the OAuth token is not valid yet")]
    OauthEarly,
    /// The OAuth token has ended.
    #[error("the OAuth token has expired")]
    OauthExpired,
    /// The OAuth `iat` is not the DA-SVID's `oat`.
    #[error("the OAuth token is another one than the DA-SVID was made from: its iat is not oat")]
    OauthIssuedAt,
    /// The proof lives too long, or ends before it begins.
    #[error("a proof lives 1 to 300 seconds; an embedded one as long as the DA-SVID, at most 600")]
    Life,
    /// An embedded proof with other times than the DA-SVID.
    #[error("an embedded proof has the DA-SVID's iat and exp")]
    Times,
    /// Made in the future.
    #[error("the proof is not valid yet")]
    Early,
    /// Over.
    #[error("the proof has expired")]
    Expired,
    /// The nonce has fewer than 16 or more than 64 bytes.
    #[error("a nonce has 16 to 64 bytes")]
    Nonce,
    /// The proof does not hold for this token, DA-SVID, prover, verifier, nonce and time.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl Verifier {
    /// A verifier that takes keys from `issuers`, wants one of `audience` in the OAuth token's `aud` and exactly `rounds`.
    #[must_use]
    pub fn new(issuers: Arc<dyn Issuers>, audience: Vec<String>, rounds: Rounds) -> Self {
        Self { issuers, audience, rounds }
    }

    /// Checks the proof that `prover` gave this service, `me`, which had asked with `nonce`. Drop the nonce whatever comes
    /// out: it is good for one answer.
    ///
    /// # Errors
    /// The first [`ProvenanceError`].
    pub fn check_answer(
        &self,
        zkp: &Envelope,
        root: &RootClaims,
        (prover, me): (&SpiffeId, &SpiffeId),
        nonce: &[u8],
        now: Timestamp,
    ) -> Result<(), ProvenanceError> {
        self.check_bound(zkp, root, &Binding::asked(root, prover, me, nonce), now)
    }

    /// Checks the proof that travels with `root`.
    ///
    /// # Errors
    /// The first [`ProvenanceError`].
    ///
    /// # Security
    /// Such a proof is replayable by design: it says that the asserter held the signature at mint, not who brings it.
    pub fn check_embedded(&self, zkp: &Envelope, root: &RootClaims, now: Timestamp) -> Result<(), ProvenanceError> {
        self.check_bound(zkp, root, &Binding::embedded(root), now)
    }

    pub(crate) fn check_bound(
        &self,
        zkp: &Envelope,
        root: &RootClaims,
        binding: &Binding,
        now: Timestamp,
    ) -> Result<(), ProvenanceError> {
        let token = OauthToken::read(&zkp.input)?;
        let key = self.key(&token, root)?;
        self.check_token(&token, root, now)?;
        check_times(zkp, root, binding.embedded, now)?;
        if !binding.nonce_fits() {
            return Err(ProvenanceError::Nonce);
        }
        Ok(provenance::verify(&binding.statement(&token, &key, (zkp.iat, zkp.exp)), self.rounds, &zkp.proof)?)
    }

    /// The values behind a verdict, for vectors.
    pub(crate) fn trace(&self, zkp: &Envelope, root: &RootClaims, binding: &Binding) -> Result<Trace, ProvenanceError> {
        let token = OauthToken::read(&zkp.input)?;
        let key = self.key(&token, root)?;
        Ok(provenance::trace(&binding.statement(&token, &key, (zkp.iat, zkp.exp)), self.rounds, &zkp.proof)?)
    }

    /// The issuer's key, from this verifier's own view of the issuer that the DA-SVID names.
    fn key(&self, token: &OauthToken<'_>, root: &RootClaims) -> Result<PublicKey, ProvenanceError> {
        if token.iss != root.dpa {
            return Err(ProvenanceError::Issuer);
        }
        let keys = self.issuers.keys(&root.dpa).ok_or(ProvenanceError::UnknownIssuer)?;
        Ok(keys.find(token.kid.as_deref(), token.scheme)?.clone())
    }

    fn check_token(&self, token: &OauthToken<'_>, root: &RootClaims, now: Timestamp) -> Result<(), ProvenanceError> {
        if token.sub != root.dpr {
            Err(ProvenanceError::Subject)
        } else if !self.audience.iter().any(|expected| token.aud.contains(expected)) {
            Err(ProvenanceError::Audience)
        } else if token.nbf.is_some_and(|begin| begin > now.plus(AHEAD)) {
            Err(ProvenanceError::OauthEarly)
        } else if now >= token.exp.plus(LEEWAY) {
            Err(ProvenanceError::OauthExpired)
        } else if token.iat != root.oat {
            Err(ProvenanceError::OauthIssuedAt)
        } else {
            Ok(())
        }
    }
}

fn check_times(zkp: &Envelope, root: &RootClaims, embedded: bool, now: Timestamp) -> Result<(), ProvenanceError> {
    let longest = if embedded { ROOT_LIFE } else { LIFE };
    if !(1..=longest).contains(&zkp.exp.since(zkp.iat)) {
        Err(ProvenanceError::Life)
    } else if embedded && (zkp.iat, zkp.exp) != (root.iat, root.exp) {
        Err(ProvenanceError::Times)
    } else if zkp.iat > now.plus(AHEAD) {
        Err(ProvenanceError::Early)
    } else if now >= zkp.exp.plus(LEEWAY) {
        Err(ProvenanceError::Expired)
    } else {
        Ok(())
    }
}

impl Provenance for Verifier {
    fn check(&self, chain: &Chain, arrival: &Arrival<'_>, now: Timestamp) -> Result<(), Reason> {
        let mut lines = arrival.request.values(FIELD);
        let field = lines.next().ok_or(Reason::ProofMissing)?;
        let refused = |error| Reason::ProofRefused(error);
        if lines.next().is_some() {
            return Err(refused(EnvelopeError::FieldLines.into()));
        }
        let zkp = Envelope::from_field(field).map_err(|error| refused(error.into()))?;
        self.check_embedded(&zkp, chain.root(), now).map_err(refused)
    }
}
