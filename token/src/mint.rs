//! Making roots: what asserting-wl signs.

use crypto::{jose, schoco};
use zeroize::Zeroizing;

use crate::chain::Chain;
use crate::claims::RootClaims;
use crate::encoding::{self, Digest};
use crate::header::{KeyReference, RootHeader};
use crate::mode::{Mode, SegmentAlgorithm};
use crate::refusal::Refusal;

/// The key that signs a root.
#[derive(Clone, Copy)]
pub enum RootSigner<'a> {
    /// A published minting key, for plain and ID roots.
    Published {
        /// The key's RFC 7638 thumbprint.
        kid: &'a str,
        /// The key's only algorithm.
        alg: jose::Algorithm,
        /// The key.
        key: &'a jose::SigningKey,
    },
    /// The asserter's own SVID, for plain and ID roots.
    Svid {
        /// SHA-256 of the leaf certificate.
        x5t: Digest,
        /// The certified key.
        key: &'a jose::SigningKey,
    },
    /// A published anonymous key, used for nothing else.
    Schoco {
        /// The key.
        key: &'a schoco::SigningKey,
        /// Its public half.
        public: &'a schoco::RootKey,
        /// 32 random bytes, new for each call.
        fresh: &'a [u8; 32],
    },
}

/// Why no root was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The key is not one for the mode.
    #[error("the key does not fit mode {0}")]
    KeyDoesNotFit(Mode),
    /// No verifier would accept the form of these claims.
    #[error("the claims make no root: {0}")]
    Claims(Refusal),
    /// Signing failed.
    #[error("signing failed: {0}")]
    Signature(jose::SignatureError),
    /// The random bytes gave a zero: call again with others.
    #[error("the random bytes gave a zero; draw again")]
    DrawAgain,
}

/// Signs a root: a plain DA-SVID, or the start of an ID or anonymous chain.
///
/// # Errors
/// [`MintError`]; claims are checked against the form every verifier requires, not against policy or time.
pub fn root(mode: Mode, claims: &RootClaims, signer: RootSigner<'_>) -> Result<String, MintError> {
    let (alg, key) = match signer {
        RootSigner::Published { kid, alg, .. } => (SegmentAlgorithm::Jose(alg), KeyReference::Kid(kid.to_owned())),
        RootSigner::Svid { x5t, key } => {
            let alg = key.public_key().link_algorithm().ok_or(MintError::KeyDoesNotFit(mode))?;
            (SegmentAlgorithm::Jose(alg), KeyReference::X5t(x5t))
        }
        RootSigner::Schoco { public, .. } => (SegmentAlgorithm::Schoco, KeyReference::Kid(public.thumbprint())),
    };
    let draft = UnsignedRoot::new(mode, claims, &RootHeader { alg, key })?;
    let tail = sign(alg, draft.message(), signer)?;
    Ok(draft.signed(&tail)?.as_str().to_owned())
}

/// A root that lacks its signature, for keys that sign elsewhere.
pub struct UnsignedRoot {
    message: String,
}

impl UnsignedRoot {
    /// What a key named by `header` has to sign to make a root of `claims`.
    ///
    /// # Errors
    /// [`MintError::KeyDoesNotFit`] if the algorithm is not one for the mode.
    pub fn new(mode: Mode, claims: &RootClaims, header: &RootHeader) -> Result<Self, MintError> {
        if (mode == Mode::Anonymous) != (header.alg == SegmentAlgorithm::Schoco) {
            return Err(MintError::KeyDoesNotFit(mode));
        }
        Ok(Self { message: format!("{}.{}", header.encode(mode), claims.encode()) })
    }

    /// The bytes to sign.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.message.as_bytes()
    }

    /// The root with its tail: the signature, in anonymous mode R ‖ s. The tail is not verified.
    ///
    /// # Errors
    /// [`MintError::Claims`] if no verifier would accept the form of the claims or of the tail.
    pub fn signed(self, tail: &[u8]) -> Result<Chain, MintError> {
        let token = Zeroizing::new(format!("{}.{}", self.message, encoding::base64url(tail)));
        Chain::parse(&token).map_err(MintError::Claims)
    }
}

fn sign(alg: SegmentAlgorithm, message: &[u8], signer: RootSigner<'_>) -> Result<Vec<u8>, MintError> {
    match (signer, alg) {
        (RootSigner::Published { key, .. } | RootSigner::Svid { key, .. }, SegmentAlgorithm::Jose(alg)) => {
            key.sign(alg, message).map_err(MintError::Signature)
        }
        (RootSigner::Schoco { key, public, fresh }, _) => {
            let mut transcript = schoco::Transcript::new(public);
            let signature = schoco::sign(&mut transcript, key, message, fresh).map_err(|_| MintError::DrawAgain)?;
            Ok([signature.r, *signature.s.to_bytes()].concat())
        }
        (_, SegmentAlgorithm::Schoco) => Err(MintError::KeyDoesNotFit(Mode::Anonymous)),
    }
}
