//! What only a verifier makes: a chain that is believed, and what was learnt while checking it.

use std::fmt;
use std::ops::Deref;

use spiffe::SpiffeId;

use crate::certificates::CertifiedSigner;
use crate::claims::TokenId;
use crate::encoding::Digest;
use crate::refusal::Refusal;
use crate::revocation::RevocationQuery;
use crate::{Authority, Chain, Revocations, Timestamp};

/// A value that passed every rule. Only [`Verifier::verify`](crate::Verifier::verify) makes one.
pub struct Verified<T> {
    value: T,
    evidence: Evidence,
}

/// What was learnt on the way.
pub(crate) struct Evidence {
    pub(crate) authority: Authority,
    pub(crate) signers: Vec<SegmentSigner>,
    pub(crate) body_digest: Option<[u8; 32]>,
    pub(crate) peer: SpiffeId,
    pub(crate) peer_x5t: Digest,
    pub(crate) is_unsafe: bool,
}

/// Who signed a segment with a certified key.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentSigner {
    /// 0 for a root signed with the asserter's SVID, i for link i.
    pub segment: usize,
    /// The leaf and its path.
    pub certified: CertifiedSigner,
}

/// The person a chain acts for. The pair, compared bytewise, is the person; neither half means anything alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Person<'a> {
    /// Delegating principal authority: the OAuth issuer.
    pub dpa: &'a str,
    /// Delegating principal: the OAuth subject at that issuer.
    pub dpr: &'a str,
}

impl<T> Verified<T> {
    pub(crate) const fn new(value: T, evidence: Evidence) -> Self {
        Self { value, evidence }
    }

    /// What the chain lets a handler do.
    pub const fn authority(&self) -> &Authority {
        &self.evidence.authority
    }

    /// The signers that showed certificates, in segment order; none in anonymous mode.
    pub fn signers(&self) -> &[SegmentSigner] {
        &self.evidence.signers
    }

    /// The SHA-256 the whole body must have, from `Content-Digest`. A caller that verified with
    /// [`Body::Streaming`](crate::Body::Streaming) compares it at the end of the stream, before any effect.
    pub const fn body_digest(&self) -> Option<[u8; 32]> {
        self.evidence.body_digest
    }

    /// The mTLS peer that brought the chain.
    pub const fn peer(&self) -> &SpiffeId {
        &self.evidence.peer
    }
}

impl Verified<Chain> {
    /// The person the chain acts for.
    #[must_use]
    pub fn person(&self) -> Person<'_> {
        Person { dpa: &self.root().dpa, dpr: &self.root().dpr }
    }

    /// What rule 12 counts by: the `jti` of the first link, or of a plain root.
    #[must_use]
    pub fn first_id(&self) -> TokenId {
        self.links().first().map_or(self.root().jti, |link| link.claims.jti)
    }

    /// When the chain ends: no segment is believed after its `exp` (and 5 s of leeway).
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.value.expires()
    }

    /// Rule 11 again, for an exchange that lasts longer than 30 s.
    ///
    /// # Errors
    /// A [`Refusal`] of rule `revocation`.
    pub fn recheck(&self, revocations: &dyn Revocations, now: Timestamp) -> Result<(), Refusal> {
        let query = RevocationQuery {
            chain: &self.value,
            signers: &self.evidence.signers,
            peer: &self.evidence.peer,
            peer_x5t: self.evidence.peer_x5t,
            is_unsafe: self.evidence.is_unsafe,
            now,
        };
        let named = |refusal| Refusal { mode: Some(self.value.mode()), ..refusal };
        revocations.check(&query).map_err(named)
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verified").field(&self.value).finish()
    }
}
