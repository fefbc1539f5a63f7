//! Why a chain is not believed: the rule, the segment to blame and the reason.

use std::fmt;

use crate::certificates::CertificateError;
use crate::mode::Mode;

mod reason;

pub use reason::{Reason, RevokedBy};

/// The thirteen rules of tokens.md, "Verification", in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// 1: size, grammar, canonical encoding, JSON, one field line.
    Form,
    /// 2: a mode this service accepts, with segments and algorithms that fit it.
    Mode,
    /// 3: the asserter, its key, the person's issuer and the subject are listed.
    Root,
    /// 4: every ID link's certificate leads to the bundle of its own trust domain.
    Signers,
    /// 5: every signature, and every link's hash of what precedes it.
    Signatures,
    /// 6: each link was made by the workload the previous one named.
    Continuity,
    /// 7: valid now, within its parent's and its certificate's life.
    Time,
    /// 8: not longer than allowed, nothing after the seal.
    Depth,
    /// 9: addressed to this workload and brought by who the chain says.
    Arrival,
    /// 10: the request is within what the chain allows and is bound to.
    Authority,
    /// 11: no part of it is revoked.
    Revocation,
    /// 12: an effect happens once.
    Once,
    /// 13: the zero-knowledge proof of the identity provider's signature.
    Provenance,
}

impl Rule {
    /// The rule's name in logs, metric labels and vectors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Mode => "mode",
            Self::Root => "root",
            Self::Signers => "signers",
            Self::Signatures => "signatures",
            Self::Continuity => "continuity",
            Self::Time => "time",
            Self::Depth => "depth",
            Self::Arrival => "arrival",
            Self::Authority => "authority",
            Self::Revocation => "revocation",
            Self::Once => "once",
            Self::Provenance => "provenance",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A chain or request that is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that refuses.
    pub rule: Rule,
    /// 0 for the root, i for link i, none for the request or the chain as a whole.
    pub segment: Option<usize>,
    /// What is wrong, and what to do about it.
    pub reason: Reason,
    /// The mode of the chain, once its form is known.
    pub mode: Option<Mode>,
}

impl Refusal {
    /// A refusal by `rule` that blames `segment`.
    #[must_use]
    pub fn new(rule: Rule, segment: impl Into<Option<usize>>, reason: Reason) -> Self {
        Self { rule, segment: segment.into(), reason, mode: None }
    }

    /// Whether a certificate that the chain does not carry is all that is known to be wrong with it.
    #[must_use]
    pub fn wants_certificate(&self) -> bool {
        self.reason == Reason::Certificate(CertificateError::Missing)
    }

    /// The last part of the problem type that tells a peer of this refusal (exact.md, "Views and answers").
    #[must_use]
    pub const fn problem_slug(&self) -> &'static str {
        match self.rule {
            Rule::Form if self.reason.is_size() => "too-large",
            Rule::Form | Rule::Mode => "invalid-token",
            Rule::Authority if self.reason.is_request_shape() => "invalid-request",
            Rule::Authority => "not-permitted",
            Rule::Revocation if matches!(self.reason, Reason::Revoked(_)) => "revoked",
            Rule::Revocation => "unavailable",
            Rule::Once if matches!(self.reason, Reason::IdempotencyKeyMissing) => "invalid-request",
            Rule::Once => "replay-detected",
            Rule::Provenance if matches!(self.reason, Reason::ProofUnavailable) => "unavailable",
            // The chain may well be good: whoever keeps its certificates does not say.
            _ if matches!(
                self.reason,
                Reason::Certificate(CertificateError::NotThat | CertificateError::Unreachable)
            ) =>
            {
                "unavailable"
            }
            _ if matches!(self.reason, Reason::Certificate(CertificateError::TooOften)) => "rate-limited",
            _ if matches!(self.mode, Some(Mode::Plain)) => "invalid-token",
            _ => "invalid-chain",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.segment {
            Some(segment) => write!(f, "{} (segment {segment}): {}", self.rule, self.reason),
            None => write!(f, "{}: {}", self.rule, self.reason),
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

#[cfg(test)]
mod tests;
